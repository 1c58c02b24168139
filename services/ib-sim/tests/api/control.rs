//! Every fault and every page of the control port.

use futures::StreamExt;
use ib_sim::{Settings, Sim};
use ibapi::Client;
use ibapi::contracts::Contract;
use ibapi::subscriptions::SubscriptionItem;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{QUIET, client, connect, fault, get, http, post, settings, sim, soon, start, until};

#[tokio::test]
async fn the_journal_tells_every_request_once() {
    let sim = sim().await;
    let client = client(&sim, 7).await;
    let start = get(&sim, "/journal").await;
    assert_eq!(start["entries"][0]["message"], "StartApi");
    assert_eq!(start["entries"][0]["fields"]["client_id"], 7);
    soon(client.contract_details(&Contract::stock("AAPL").build())).await.unwrap();
    let since = get(&sim, &format!("/journal?since={}", start["last"])).await;
    let entries = since["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!((&entries[0]["message"], &entries[0]["client_id"]), (&"ContractData".into(), &7.into()));
    assert_eq!(entries[0]["fields"]["contract"]["symbol"], "AAPL");
    sim.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let sim = sim().await;
    for (path, body) in [
        ("/faults", r#"{"kind":"unknown"}"#),
        ("/faults", "no json"),
        ("/faults", r#"{"kind":"delay","message":"Nothing","ms":1}"#),
        ("/clock", r#"{"forward":5}"#),
        ("/clock", r#"{"set":"noon"}"#),
        ("/clock", r#"{"set":"1492-10-12T00:00:00Z"}"#),
        ("/clock", r#"{"advance_ms":9223372036854775807}"#),
        ("/account", r#"{"account":"U1"}"#),
        ("/account", r#"{"account":"DUSIM00001","positions":[{"con_id":1,"quantity":1}]}"#),
    ] {
        let (status, answer) = http(&sim, "POST", path, body).await;
        assert_eq!(status, 400, "{path} {body}");
        assert!(answer["error"].is_string(), "{answer}");
    }
    for path in ["/journal?direction=sideways", "/journal?sinec=1", "/log?since=yesterday"] {
        let (status, answer) = http(&sim, "GET", path, "").await;
        assert!(status == 400 && answer["error"].is_string(), "{path}: {status} {answer}");
    }
    sim.shutdown().await;
}

#[tokio::test]
async fn the_state_shows_money_and_time() {
    let sim = sim().await;
    post(&sim, "/clock", r#"{"set":"2026-11-20T10:00:00-05:00"}"#).await;
    let state = get(&sim, "/state").await["state"].clone();
    assert!(state["now"].as_str().unwrap().starts_with("2026-11-20T15:00:"), "{state}");
    assert_eq!(state["accounts"][0]["account"], "DUSIM00001");
    assert_eq!(state["accounts"][0]["positions"].as_array().unwrap().len(), 5);
    let changed = post(&sim, "/account", r#"{"account":"DUSIM00001","cash":{"USD":1.0}}"#).await;
    assert_eq!(changed["account"]["cash"]["USD"], 1.0);
    sim.shutdown().await;
}

#[tokio::test]
async fn drop_all_ends_every_connection() {
    let sim = sim().await;
    let (one, two) = (client(&sim, 1).await, client(&sim, 2).await);
    let mut raw = TcpStream::connect(sim.addr()).await.unwrap();
    until(&sim, "/counters", |body| (body["counters"]["connections"] == 3).then_some(())).await;
    fault(&sim, r#"{"kind":"drop_all"}"#).await;
    assert_eq!(soon(raw.read(&mut [0; 8])).await.unwrap_or(0), 0);
    until(&sim, "/clients", |body| (body["clients"] == serde_json::json!([])).then_some(())).await;
    // The clients come back by themselves.
    soon(one.wait_connected()).await.unwrap();
    soon(two.wait_connected()).await.unwrap();
    sim.shutdown().await;
}

#[tokio::test]
async fn connections_are_refused_and_the_port_closes_and_opens() {
    let sim = sim().await;
    fault(&sim, r#"{"kind":"refuse_connections","on":true}"#).await;
    assert!(connect(&sim, 1).await.is_err());
    fault(&sim, r#"{"kind":"refuse_connections","on":false}"#).await;
    let first = client(&sim, 1).await;
    fault(&sim, r#"{"kind":"refuse_connections","listen":false}"#).await;
    soon(async { while TcpStream::connect(sim.addr()).await.is_ok() {} }).await;
    assert!(soon(first.server_time()).await.is_ok(), "who is connected stays");
    fault(&sim, r#"{"kind":"refuse_connections","listen":true}"#).await;
    soon(async { while TcpStream::connect(sim.addr()).await.is_err() {} }).await;
    assert!(client(&sim, 2).await.is_connected());
    sim.shutdown().await;
}

#[tokio::test]
async fn a_stalled_gateway_reads_and_says_nothing() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    fault(&sim, r#"{"kind":"stall","on":true}"#).await;
    assert!(timeout(QUIET, client.server_time()).await.is_err());
    let journal = get(&sim, "/journal").await;
    assert!(journal["entries"].as_array().unwrap().iter().any(|entry| entry["message"] == "CurrentTime"));
    fault(&sim, r#"{"kind":"stall","on":false}"#).await;
    assert!(soon(client.server_time()).await.is_ok());
    sim.shutdown().await;
}

#[tokio::test]
async fn a_silent_handshake_never_acknowledges() {
    let sim = sim().await;
    fault(&sim, r#"{"kind":"silent_handshake","on":true}"#).await;
    assert!(timeout(QUIET, Client::connect(&sim.addr().to_string(), 1)).await.is_err());
    http(&sim, "DELETE", "/faults", "").await;
    assert!(client(&sim, 1).await.is_connected());
    sim.shutdown().await;
}

#[tokio::test]
async fn notices_reach_every_client_with_ibs_text() {
    let sim = sim().await;
    let connected = soon(Client::builder().address(sim.addr().to_string()).client_id(1).connect_with_notice_stream()).await;
    let (_client, mut notices) = connected.unwrap();
    for code in [2104, 2106, 2158] {
        assert_eq!(soon(notices.next()).await.unwrap().code, code);
    }
    fault(&sim, r#"{"kind":"notice","code":1100}"#).await;
    let lost = soon(notices.next()).await.unwrap();
    assert_eq!((lost.code, lost.message.as_str()), (1100, "Connectivity between IBKR and Trader Workstation has been lost."));
    fault(&sim, r#"{"kind":"notice","code":1102}"#).await;
    assert_eq!(soon(notices.next()).await.unwrap().code, 1102);
    sim.shutdown().await;
}

#[tokio::test]
async fn delays_and_failures_hit_the_named_message_only() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let apple = Contract::stock("AAPL").build();
    fault(&sim, r#"{"kind":"delay","message":"ContractData","ms":60000}"#).await;
    assert!(timeout(QUIET, client.contract_details(&apple)).await.is_err());
    assert!(soon(client.server_time()).await.is_ok());
    fault(&sim, r#"{"kind":"delay","message":"ContractData","ms":0}"#).await;
    fault(&sim, r#"{"kind":"fail","message":"ContractData","code":200,"times":1}"#).await;
    match soon(client.contract_details(&apple)).await {
        Err(ibapi::Error::Notice(notice)) => {
            assert_eq!((notice.code, notice.message.as_str()), (200, "No security definition has been found for the request"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(soon(client.contract_details(&apple)).await.unwrap().len(), 1);
    sim.shutdown().await;
}

/// The crate gives up on the handshake after 100 frames and reports no accounts and id 0.
#[tokio::test]
async fn frames_before_the_ids_blind_the_client() {
    let sim = sim().await;
    fault(&sim, r#"{"kind":"frames_before_ids","count":150}"#).await;
    let blind = client(&sim, 1).await;
    assert!(blind.handshake_managed_accounts().is_empty());
    assert_eq!(soon(blind.managed_accounts()).await.unwrap(), ["DUSIM00001"]);
    fault(&sim, r#"{"kind":"frames_before_ids","count":20}"#).await;
    let seeing = client(&sim, 2).await;
    assert_eq!(seeing.handshake_managed_accounts(), ["DUSIM00001"]);
    sim.shutdown().await;
}

async fn next_position(rows: &mut ibapi::subscriptions::Subscription<ibapi::accounts::PositionUpdate>) -> Option<f64> {
    match soon(rows.next()).await?.ok()? {
        SubscriptionItem::Data(ibapi::accounts::PositionUpdate::Position(row)) => Some(row.position),
        _ => None,
    }
}

#[tokio::test]
async fn frozen_accounts_push_nothing_until_thawed() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let mut rows = client.positions().await.unwrap();
    while next_position(&mut rows).await.is_some() {}
    let set = |quantity: i32| format!(r#"{{"account":"DUSIM00001","positions":[{{"con_id":265598,"quantity":{quantity}}}]}}"#);
    fault(&sim, r#"{"kind":"freeze_account_pushes"}"#).await;
    post(&sim, "/account", &set(1)).await;
    assert!(timeout(QUIET, rows.next()).await.is_err());
    fault(&sim, r#"{"kind":"freeze_account_pushes","on":false}"#).await;
    post(&sim, "/account", &set(2)).await;
    assert_eq!(next_position(&mut rows).await, Some(2.0));
    sim.shutdown().await;
}

/// How many of so many requests at once are rejected; the client stays connected while it is held.
async fn hammer(sim: &Sim, count: usize) -> (Client, usize) {
    let client = client(sim, 1).await;
    let apple = Contract::stock("AAPL").build();
    let calls = (0..count).map(|_| client.contract_details(&apple));
    let answers = soon(futures::future::join_all(calls)).await;
    let rejected = answers.iter().filter(|answer| matches!(answer, Err(ibapi::Error::Notice(notice)) if notice.code == 100)).count();
    drop(answers);
    (client, rejected)
}

#[tokio::test]
async fn more_than_fifty_messages_a_second_are_rejected() {
    let sim = sim().await;
    let (client, rejected) = hammer(&sim, 60).await;
    // The client cancels what was rejected, and cancels count too; so it is not exactly ten.
    assert!((1..60).contains(&rejected), "{rejected}");
    assert_eq!(get(&sim, "/clients").await["clients"], serde_json::json!([1]), "one offence does not close");
    client.disconnect().await;
    sim.shutdown().await;
    let free = start(Settings { pacing: false, ..settings() }).await;
    assert_eq!(hammer(&free, 60).await.1, 0);
    free.shutdown().await;
}
