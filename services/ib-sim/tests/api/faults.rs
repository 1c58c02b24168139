//! What goes wrong on the wire and behind the gateway, seen by a client of bytes or by the real one.

use std::time::Duration;

use ib_sim::{Settings, Sim};
use ibapi::contracts::Contract;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use crate::raw::Raw;
use crate::support::{QUIET, client, connect, fault, friday, get, http, settings, sim, soon, start, until};

const IDS: u32 = 8;
const MANAGED_ACCOUNTS: u32 = 17;
pub(crate) const CURRENT_TIME: u32 = 49;
pub(crate) const POSITIONS: u32 = 61;
/// ContractData for AAPL by its id, as request 5.
pub(crate) const APPLE: (u32, &[u8]) = (9, &[8, 5, 18, 4, 8, 0xfe, 0x9a, 0x10]);

impl Raw {
    /// The next message is this error, and its text holds the words.
    pub(crate) async fn error(&mut self, words: &str) {
        let (message, text) = self.message().await;
        assert!(message == 4 && text.contains(words), "{message} {text:?} instead of {words:?}");
    }

    pub(crate) async fn quiet(&mut self) -> bool {
        timeout(QUIET, self.0.read_u8()).await.is_err()
    }
}

async fn in_use(sim: &Sim, id: i32) -> bool {
    matches!(connect(sim, id).await, Err(ibapi::Error::ClientIdInUse { .. }))
}

#[tokio::test]
async fn frames_come_in_pieces() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"split_frames","bytes":1,"pause_ms":20}"#).await;
    raw.send(CURRENT_TIME, &[]).await;
    let mut buffer = [0; 64];
    let first = soon(raw.0.read(&mut buffer)).await.unwrap();
    assert!((1..8).contains(&first), "{first} bytes came at once");
    let mut whole = buffer[..first].to_vec();
    while whole.len() < 4 || whole.len() < 4 + usize::from(whole[3]) {
        whole.push(soon(raw.0.read_u8()).await.unwrap());
    }
    assert_eq!(whole[4..8], (CURRENT_TIME + 200).to_be_bytes());
    fault(&sim, r#"{"kind":"split_frames","bytes":3}"#).await;
    let client = client(&sim, 1).await;
    assert_eq!(soon(client.contract_details(&Contract::stock("AAPL").build())).await.unwrap().len(), 1);
    sim.shutdown().await;
}

#[tokio::test]
async fn frames_come_together() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"coalesce_frames","frames":3,"ms":1000}"#).await;
    raw.send(CURRENT_TIME, &[]).await;
    assert!(raw.quiet().await, "one frame waits for others");
    raw.send(CURRENT_TIME, &[]).await;
    raw.send(CURRENT_TIME, &[]).await;
    let mut buffer = [0; 256];
    let read = soon(raw.0.read(&mut buffer)).await.unwrap();
    assert_eq!(read, 3 * (4 + usize::from(buffer[3])));
    sim.shutdown().await;
}

#[tokio::test]
async fn slow_frames_take_their_time() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"slow_frames","bytes_per_s":2000}"#).await;
    let began = Instant::now();
    raw.send(APPLE.0, APPLE.1).await;
    let (message, text) = raw.message().await;
    assert_eq!(message, 10);
    assert!(text.len() > 400, "{}", text.len());
    assert!(began.elapsed() >= Duration::from_millis(150), "{:?}", began.elapsed());
    fault(&sim, r#"{"kind":"slow_frames","bytes_per_s":0}"#).await;
    sim.shutdown().await;
}

#[tokio::test]
async fn one_frame_lies_about_its_length() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"garbage_length","length":3000000000}"#).await;
    raw.send(CURRENT_TIME, &[]).await;
    assert_eq!(soon(raw.0.read_u32()).await.unwrap(), 3_000_000_000);
    assert_eq!(soon(raw.0.read_u64()).await.unwrap(), u64::MAX);
    assert_eq!(raw.message().await.0, CURRENT_TIME);
    raw.send(CURRENT_TIME, &[]).await;
    assert_eq!(raw.message().await.0, CURRENT_TIME, "once is once");
    sim.shutdown().await;
}

#[tokio::test]
async fn a_half_open_peer_neither_answers_nor_leaves_and_keeps_its_id() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"half_open"}"#).await;
    raw.send(CURRENT_TIME, &[]).await;
    assert!(raw.quiet().await);
    assert!(in_use(&sim, 7).await);
    assert!(soon(client(&sim, 8).await.server_time()).await.is_ok(), "who comes later is served");
    fault(&sim, r#"{"kind":"half_open","on":false}"#).await;
    assert!(raw.closed().await);
    until(&sim, "/clients", |body| (!body["clients"].as_array()?.contains(&7.into())).then_some(())).await;
    assert!(client(&sim, 7).await.is_connected());
    sim.shutdown().await;
}

#[tokio::test]
async fn localhost_only_answers_nobody_else() {
    let sim = sim().await;
    fault(&sim, r#"{"kind":"localhost_only"}"#).await;
    assert!(client(&sim, 1).await.is_connected());
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
    let mut stranger = socket.connect(sim.addr()).await.unwrap();
    stranger.write_all(b"API\0\0\0\0\x09v213..226").await.unwrap();
    assert!(timeout(QUIET, stranger.read_u8()).await.is_err());
    http(&sim, "DELETE", "/faults", "").await;
    assert!(soon(stranger.read_u8()).await.is_err(), "closed, so that it tries again");
    sim.shutdown().await;
}

#[tokio::test]
async fn without_its_servers_a_gateway_answers_what_it_knows_and_the_rest_late() {
    let sim = friday().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"connectivity","state":"lost"}"#).await;
    raw.error("Connectivity between IBKR and Trader Workstation has been lost").await;
    raw.send(APPLE.0, APPLE.1).await;
    raw.send(CURRENT_TIME, &[]).await;
    assert_eq!(raw.message().await.0, CURRENT_TIME);
    let client = client(&sim, 8).await;
    let apple = Contract::stock("AAPL").build();
    match soon(client.head_timestamp(&apple, ibapi::market_data::historical::WhatToShow::Trades, ibapi::market_data::TradingHours::Regular))
        .await
    {
        Err(ibapi::Error::Notice(notice)) => assert!(notice.code == 162 && notice.message.contains("HMDS server disconnect"), "{notice:?}"),
        other => panic!("{other:?}"),
    }
    fault(&sim, r#"{"kind":"connectivity","state":"maintained"}"#).await;
    raw.error("data maintained").await;
    assert_eq!((raw.message().await.0, raw.message().await.0), (10, 52), "the late answer");
    sim.shutdown().await;
}

#[tokio::test]
async fn lost_data_means_asking_again() {
    let sim = friday().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"connectivity","state":"lost","for_ms":60000}"#).await;
    raw.error("has been lost").await;
    raw.send(APPLE.0, APPLE.1).await;
    until(&sim, "/journal", |body| body["entries"].as_array()?.iter().any(|entry| entry["message"] == "ContractData").then_some(())).await;
    fault(&sim, r#"{"kind":"connectivity","state":"data_lost"}"#).await;
    raw.error("data lost").await;
    assert!(raw.quiet().await, "what waited is forgotten");
    sim.shutdown().await;
}

#[tokio::test]
async fn a_reset_port_ends_the_connection() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"connectivity","state":"reset"}"#).await;
    raw.error("socket port has been reset").await;
    assert!(raw.closed().await);
    sim.shutdown().await;
}

#[tokio::test]
async fn a_farm_flaps_and_comes_back_by_itself() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"farm","farm":"secdefnj","for_ms":400}"#).await;
    raw.error("Sec-def data farm connection is broken:secdefnj").await;
    raw.send(APPLE.0, APPLE.1).await;
    raw.send(CURRENT_TIME, &[]).await;
    assert_eq!(raw.message().await.0, CURRENT_TIME);
    raw.error("Sec-def data farm connection is OK:secdefnj").await;
    assert_eq!(raw.message().await.0, 10);
    assert_eq!(get(&sim, "/faults").await["faults"]["broken_farms"], serde_json::json!([]));
    fault(&sim, r#"{"kind":"farm","farm":"ushmds"}"#).await;
    let mut late = Raw::hello(&sim).await;
    late.send(71, &[8, 9]).await;
    let mut texts = Vec::new();
    for _ in 0..5 {
        texts.push(late.message().await.1);
    }
    assert!(texts[3].contains("HMDS data farm connection is broken:ushmds"), "{texts:?}");
    sim.shutdown().await;
}

#[tokio::test]
async fn live_bars_rest_while_their_farm_is_away_and_end_with_lost_data() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    // HistoricalData 6 for AAPL: 5 mins, 1 D, kept up to date.
    let mut payload = vec![8, 6, 18, 4, 8, 0xfe, 0x9a, 0x10];
    for (field, text) in [(0x22_u8, "5 mins"), (0x2a, "1 D"), (0x3a, "TRADES")] {
        payload.extend([field, u8::try_from(text.len()).unwrap()]);
        payload.extend(text.as_bytes());
    }
    payload.extend([0x40, 1, 0x48, 1]);
    raw.send(20, &payload).await;
    assert_eq!((raw.message().await.0, raw.message().await.0), (17, 108));
    fault(&sim, r#"{"kind":"farm","farm":"ushmds"}"#).await;
    raw.error("broken:ushmds").await;
    fault(&sim, r#"{"kind":"connectivity","state":"data_lost"}"#).await;
    raw.error("data lost").await;
    raw.error("Failed to request live updates (disconnected).").await;
    sim.shutdown().await;
}

#[tokio::test]
async fn another_session_takes_the_market_data() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"competing_session"}"#).await;
    // MarketData 5 for AAPL.
    raw.send(1, APPLE.1).await;
    raw.error("No market data during competing live session").await;
    raw.send(APPLE.0, APPLE.1).await;
    assert_eq!(raw.message().await.0, 10, "definitions are not market data");
    sim.shutdown().await;
}

#[tokio::test]
async fn client_ids_are_taken_for_a_while() {
    let sim = sim().await;
    fault(&sim, r#"{"kind":"client_ids_taken","for_ms":500}"#).await;
    assert!(in_use(&sim, 1).await);
    soon(async { while in_use(&sim, 1).await {} }).await;
    fault(&sim, r#"{"kind":"client_id_linger","ms":500}"#).await;
    drop(Raw::started(&sim, 7).await);
    until(&sim, "/clients", |body| (!body["clients"].as_array()?.contains(&7.into())).then_some(())).await;
    assert!(in_use(&sim, 7).await, "the socket is gone, the id is not");
    soon(async { while in_use(&sim, 7).await {} }).await;
    sim.shutdown().await;
}

#[tokio::test]
async fn an_end_marker_is_missing_once() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"omit","message":"PositionEnd","times":1}"#).await;
    raw.send(POSITIONS, &[]).await;
    raw.send(CURRENT_TIME, &[]).await;
    let mut kinds = Vec::new();
    while kinds.last() != Some(&CURRENT_TIME) {
        kinds.push(raw.message().await.0);
    }
    assert!(kinds.contains(&61) && !kinds.contains(&62), "{kinds:?}");
    raw.send(POSITIONS, &[]).await;
    while raw.message().await.0 != 62 {}
    sim.shutdown().await;
}

#[tokio::test]
async fn callbacks_come_twice_and_in_another_order() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"duplicate","message":"NextValidId","copies":2,"times":1}"#).await;
    raw.send(IDS, &[]).await;
    raw.send(CURRENT_TIME, &[]).await;
    for message in [9, 9, 9, CURRENT_TIME] {
        assert_eq!(raw.message().await.0, message);
    }
    fault(&sim, r#"{"kind":"reorder","message":"CurrentTime","by":1}"#).await;
    raw.send(CURRENT_TIME, &[]).await;
    raw.send(MANAGED_ACCOUNTS, &[]).await;
    for message in [15, CURRENT_TIME] {
        assert_eq!(raw.message().await.0, message);
    }
    // Nobody overtakes this one, so it comes by itself.
    raw.send(CURRENT_TIME, &[]).await;
    assert_eq!(raw.message().await.0, CURRENT_TIME);
    sim.shutdown().await;
}

#[tokio::test]
async fn faults_from_the_start() {
    let faults = vec!["client_ids_taken".parse().unwrap(), r#"{"kind":"notice","code":2110}"#.parse().unwrap()];
    let sim = start(Settings { faults, ..settings() }).await;
    assert!(in_use(&sim, 1).await);
    sim.shutdown().await;
    let mut scenario = include_str!("../../scenarios/default.toml").to_owned();
    scenario.push_str("\n[[faults]]\nkind = \"silent_handshake\"\nfor_ms = 60000\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, &scenario).unwrap();
    let sim = start(Settings { scenario: Some(file.clone()), ..settings() }).await;
    let mut stream = TcpStream::connect(sim.addr()).await.unwrap();
    stream.write_all(b"API\0\0\0\0\x09v213..226").await.unwrap();
    assert!(timeout(QUIET, stream.read_u8()).await.is_err());
    sim.shutdown().await;
    std::fs::write(&file, scenario.replace("silent_handshake", "silence")).unwrap();
    let error = Sim::start(Settings { scenario: Some(file), ..settings() }).await.unwrap_err().to_string();
    assert!(error.contains("mine.toml") && error.contains("silence"), "{error}");
}

#[tokio::test]
async fn the_journal_tells_what_went_out() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    raw.send(APPLE.0, APPLE.1).await;
    assert_eq!((raw.message().await.0, raw.message().await.0), (10, 52));
    let out = get(&sim, "/journal?direction=out").await;
    let names: Vec<&str> = out["entries"].as_array().unwrap().iter().filter_map(|entry| entry["message"].as_str()).collect();
    assert_eq!(names, ["ManagedAccounts", "NextValidId", "Error", "Error", "Error", "ContractData", "ContractDataEnd"]);
    let last = &out["entries"][6];
    assert_eq!((&last["client_id"], &last["id"], &last["bytes"]), (&7.into(), &5.into(), &10.into()));
    let both = get(&sim, "/journal?direction=both").await;
    assert_eq!(both["entries"][0]["direction"], "in");
    assert_eq!(both["entries"].as_array().unwrap().len(), 9);
    sim.shutdown().await;
}
