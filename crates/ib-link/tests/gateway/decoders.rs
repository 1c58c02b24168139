//! Trap 12: `ibapi` ends an answer at a row that lacks what it requires. Rows before it are not to be had, so that the
//! answer is a fault that says what was missing; the session and everything else goes on.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use ib_link::{Freshness, Instant, Kept, Link, Settings, State};
use schemas::{Fault, FaultCode, Num};
use tokio::time::timeout;

use crate::{
    frames::{
        ACCOUNT_DATA, Asked, CONTRACT_DATA, CURRENT_TIME, Frame, FrameServer, PNL_SINGLE, POSITIONS_MULTI, START_API, double, message,
        number, text, time,
    },
    support::{PATIENCE, deadline, settings, start, stock, until},
};

const ONE: &str = "DU1";
const TWO: &str = "DU1,DU2";
const POSITION: u32 = 71;
const POSITIONS_END: u32 = 72;

fn apple() -> Vec<u8> {
    [number(1, 265_598), text(2, "AAPL"), text(3, "STK"), text(8, "SMART"), text(10, "USD")].concat()
}

/// A row of the positions; without a quantity it is the one that cannot be read.
fn position(id: u64, quantity: Option<&str>) -> Frame {
    let quantity = quantity.map(|quantity| text(4, quantity)).unwrap_or_default();
    (POSITION, [number(1, id), text(2, "DU1"), message(3, &apple()), quantity, double(5, 190.0)].concat())
}

async fn joined(server: &FrameServer, change: impl FnOnce(&mut Settings)) -> Link {
    let mut settings = settings(server.port());
    change(&mut settings);
    let link = start(settings);
    until(&link, "connected", State::connected).await;
    link
}

/// Nothing was lost but the answer: the first session lives and answers.
async fn lives(server: &FrameServer, link: &Link) {
    link.server_time(deadline()).await.expect("the session answers");
    assert_eq!(server.heard(START_API), 1, "the session is the first one");
    assert_eq!(link.state().borrow().consecutive_failures, 0);
}

/// What callers are told once the answer has come and could not be read.
async fn told_why(link: &Link) -> Fault {
    let told = async {
        loop {
            match link.kept_ready(Instant::now() + Duration::from_millis(200)).await {
                Err(fault) if fault.message.contains("missing in") => return fault,
                Err(_) => {}
                Ok(kept) => panic!("nothing could be read, but is told: {kept:?}"),
            }
        }
    };
    timeout(PATIENCE, told).await.expect("told in time")
}

#[tokio::test]
async fn contract_data_without_its_contract_or_details_is_a_fault_that_names_it() {
    let server = FrameServer::start(ONE, |asked: Asked| match (asked.message, asked.before) {
        (CONTRACT_DATA, 0) => Some(vec![(10, [number(1, asked.id), message(3, &text(7, "APPLE INC"))].concat())]),
        (CONTRACT_DATA, 1) => Some(vec![(10, [number(1, asked.id), message(2, &apple())].concat())]),
        (CONTRACT_DATA, _) => {
            let row = [number(1, asked.id), message(2, &apple()), message(3, &text(7, "APPLE INC"))].concat();
            Some(vec![(10, row), (52, number(1, asked.id))])
        }
        _ => None,
    })
    .await;
    let link = joined(&server, |settings| settings.keep_account = false).await;
    for missing in ["contract", "contract_details"] {
        let asked_at = Instant::now();
        let fault = link.contract_details(&stock("AAPL"), deadline()).await.expect_err(missing);
        assert_eq!(fault.code, FaultCode::Internal, "{fault:?}");
        assert!(fault.message.contains("could not be read") && fault.message.contains(missing), "{}", fault.message);
        assert!(fault.message.contains("ContractData") && asked_at.elapsed() < PATIENCE / 2, "{}", fault.message);
    }
    lives(&server, &link).await;
    let found = link.contract_details(&stock("AAPL"), deadline()).await.expect("a whole row");
    assert_eq!((found[0].contract.conid, found[0].details.long_name.as_deref()), (265_598, Some("APPLE INC")));
}

#[tokio::test]
async fn a_position_without_its_quantity_is_told_by_the_deadline_and_asked_for_again() {
    let server = FrameServer::start(ONE, |asked: Asked| match asked.message {
        POSITIONS_MULTI if asked.before < 1 => Some(vec![position(asked.id, None), (POSITIONS_END, number(1, asked.id))]),
        POSITIONS_MULTI => Some(vec![position(asked.id, Some("10")), (POSITIONS_END, number(1, asked.id))]),
        _ => None,
    })
    .await;
    let link = joined(&server, |settings| settings.keep_again_ms = 3_000).await;
    let fault = told_why(&link).await;
    assert_eq!(fault.code, FaultCode::Timeout);
    assert!(fault.message.contains("missing in PositionMulti"), "{fault:?}");
    let kept = link.kept_ready(deadline()).await.expect("the second answer is whole");
    assert_eq!(kept.accounts["DU1"].holdings[0].quantity, Num::from(10));
    lives(&server, &link).await;
}

#[tokio::test]
async fn a_later_position_without_its_quantity_makes_what_is_kept_stale() {
    let subscribed = AtomicU64::new(0);
    let server = FrameServer::start(ONE, move |asked: Asked| match asked.message {
        POSITIONS_MULTI => {
            subscribed.store(asked.id, Ordering::SeqCst);
            Some(vec![position(asked.id, Some("10")), (POSITIONS_END, number(1, asked.id))])
        }
        CURRENT_TIME => Some(vec![position(subscribed.load(Ordering::SeqCst), None), time()]),
        _ => None,
    })
    .await;
    // Longer than this test: what is asked anew would be fresh for a moment.
    let link = joined(&server, |settings| settings.keep_again_ms = 60_000).await;
    let mut kept = link.kept();
    timeout(PATIENCE, kept.wait_for(|kept| kept.connected)).await.expect("whole at first").expect("kept");
    link.server_time(deadline()).await.expect("the row comes with it");
    let stale = timeout(PATIENCE, kept.wait_for(|kept| !kept.connected)).await.expect("in time").expect("kept").clone();
    assert_eq!(stale.freshness(stale.alive_at.expect("alive once")), Freshness::Stale);
    assert_eq!(stale.accounts["DU1"].holdings[0].quantity, Num::from(10), "and is still there");
    lives(&server, &link).await;
}

#[tokio::test]
async fn a_holdings_worth_without_its_quantity_is_told_by_the_deadline() {
    let server = FrameServer::start(ONE, |asked: Asked| match (asked.message, asked.id) {
        (ACCOUNT_DATA, 1) => Some(vec![(7, [message(1, &apple()), double(3, 190.0), text(8, "DU1")].concat()), (54, Vec::new())]),
        _ => None,
    })
    .await;
    let link = joined(&server, |_| {}).await;
    let fault = told_why(&link).await;
    assert!(fault.message.contains("missing in PortfolioValue"), "{fault:?}");
    lives(&server, &link).await;
}

#[tokio::test]
async fn a_price_without_its_quantity_is_absent_and_the_holding_is_told() {
    let subscribed = AtomicU64::new(0);
    let price = |id: u64, quantity: Vec<u8>| (95, [number(1, id), quantity, double(3, 1.0), double(4, 50.0), double(6, 1_950.0)].concat());
    let server = FrameServer::start(TWO, move |asked: Asked| match asked.message {
        POSITIONS_MULTI if asked.before == 0 => Some(vec![position(asked.id, Some("10")), (POSITIONS_END, number(1, asked.id))]),
        PNL_SINGLE => {
            subscribed.store(asked.id, Ordering::SeqCst);
            Some(vec![price(asked.id, text(2, "10"))])
        }
        CURRENT_TIME => Some(vec![price(subscribed.load(Ordering::SeqCst), Vec::new()), time()]),
        _ => None,
    })
    .await;
    let link = joined(&server, |settings| settings.keep_again_ms = 60_000).await;
    let mut kept = link.kept();
    let holding = |kept: &Kept| kept.accounts.get("DU1").and_then(|account| account.holdings.first().cloned());
    let priced = kept.wait_for(|kept| holding(kept).is_some_and(|holding| holding.market_value.is_some()));
    timeout(PATIENCE, priced).await.expect("priced at first").expect("kept");
    link.server_time(deadline()).await.expect("the row comes with it");
    let gone = kept.wait_for(|kept| holding(kept).is_some_and(|holding| holding.market_value.is_none()));
    let kept = timeout(PATIENCE, gone).await.expect("in time").expect("kept").clone();
    assert_eq!((kept.connected, holding(&kept).map(|holding| holding.quantity)), (true, Some(Num::from(10))));
    assert_eq!(server.heard(POSITIONS_MULTI), 2, "once per account: a price is no reason to ask for everything anew");
    lives(&server, &link).await;
}
