//! What is kept while its subscriptions end and come back: nothing is told as fresh that nobody stands for.

use std::time::Duration;

use ib_link::{Instant, Kept, Settings, State};
use schemas::FaultCode;
use tokio::time::timeout;

use crate::{
    frames::{ACCOUNT_SUMMARY, ACCOUNT_UPDATES_MULTI, Asked, Frame, FrameServer, START_API, number, text},
    support::{Gateway, PATIENCE, settings, sim_settings, start, until},
};

/// A row of the account summary.
fn summary(id: u64, value: &str) -> Frame {
    (63, [number(1, id), text(2, "DU1"), text(3, "BuyingPower"), text(4, value), text(5, "USD")].concat())
}

fn error(id: u64, code: u64, words: &str) -> Frame {
    (4, [number(1, id), number(3, code), text(4, words)].concat())
}

fn told<'a>(kept: &'a Kept, tag: &str) -> Option<&'a str> {
    kept.accounts.get("DU1")?.value(tag, None).map(|value| value.value.as_str())
}

#[tokio::test]
async fn values_of_an_account_summary_that_ends_are_absent_until_it_is_back() {
    let server = FrameServer::start("DU1,DU2", |asked: Asked| match asked.message {
        ACCOUNT_SUMMARY if asked.before == 0 => {
            let refused =
                error(asked.id, 322, "Error processing request.-'bQ' : cause - Maximum number of account summary requests exceeded");
            Some(vec![summary(asked.id, "1000"), (64, number(1, asked.id)), refused])
        }
        ACCOUNT_SUMMARY => Some(vec![summary(asked.id, "2000"), (64, number(1, asked.id))]),
        ACCOUNT_UPDATES_MULTI => {
            let row = [number(1, asked.id), text(2, "DU1"), text(4, "NetLiquidation"), text(5, "5000"), text(6, "USD")].concat();
            Some(vec![(73, row), (74, number(1, asked.id))])
        }
        _ => None,
    })
    .await;
    let link = start(Settings { keep_again_ms: 1_000, ..settings(server.port()) });
    until(&link, "connected", State::connected).await;
    let mut kept = link.kept();
    let away = kept.wait_for(|kept| kept.connected && told(kept, "BuyingPower").is_none());
    let away = timeout(PATIENCE, away).await.expect("in time").expect("kept").clone();
    assert_eq!(told(&away, "NetLiquidation"), Some("5000"), "what the other source tells stays");
    assert_eq!(server.heard(ACCOUNT_SUMMARY), 1);
    let back = kept.wait_for(|kept| told(kept, "BuyingPower") == Some("2000"));
    assert!(timeout(PATIENCE, back).await.expect("in time").expect("kept").connected);
    assert_eq!((server.heard(ACCOUNT_UPDATES_MULTI), server.heard(START_API)), (2, 1), "only the summary was asked for anew");
}

/// IB closes the socket of who goes on after it, so that it must slow everything, whichever request it answers.
#[tokio::test]
async fn error_100_on_a_kept_subscription_slows_the_questions_too() {
    let gateway = Gateway::start(sim_settings()).await;
    let text = "Max rate of messages per second has been exceeded";
    gateway.fault(&format!(r#"{{"kind":"fail","message":"PositionsMulti","code":100,"text":"{text}"}}"#)).await;
    let link = start(Settings { keep_again_ms: 60_000, ..settings(gateway.port()) });
    until(&link, "connected", State::connected).await;
    let refused = async {
        loop {
            if let Err(fault) = link.server_time(Instant::now() + Duration::from_millis(300)).await {
                return fault;
            }
        }
    };
    let fault = timeout(PATIENCE, refused).await.expect("a pause");
    assert!(fault.code == FaultCode::Pacing && fault.ib_code.is_none(), "our own pause: {fault:?}");
    assert_eq!(gateway.heard("PositionsMulti").await, 1);
}
