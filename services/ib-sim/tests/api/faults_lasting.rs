//! Faults that last: each of them ends by itself, and what rested meanwhile goes on.

use serde_json::Value;
use tokio::time::timeout;

use crate::faults::{APPLE, CURRENT_TIME, POSITIONS};
use crate::raw::Raw;
use crate::support::{QUIET, client, fault, get, http, post, sim, soon, until};

/// Each kind that lasts, in a form that shows.
const LASTING: &[&str] = &[
    r#""kind":"refuse_connections""#,
    r#""kind":"refuse_connections","listen":false"#,
    r#""kind":"stall""#,
    r#""kind":"silent_handshake""#,
    r#""kind":"localhost_only""#,
    r#""kind":"half_open""#,
    r#""kind":"freeze_account_pushes""#,
    r#""kind":"delay","message":"Positions","ms":60000"#,
    r#""kind":"fail","message":"Positions","code":200,"times":9"#,
    r#""kind":"frames_before_ids","count":10"#,
    r#""kind":"connectivity","state":"lost""#,
    r#""kind":"farm","farm":"usfarm""#,
    r#""kind":"farm","farm":"ushmds""#,
    r#""kind":"farm","farm":"secdefnj""#,
    r#""kind":"competing_session""#,
    r#""kind":"client_ids_taken""#,
    r#""kind":"client_id_linger","ms":60000"#,
    r#""kind":"omit","message":"PositionEnd""#,
    r#""kind":"duplicate","message":"PositionEnd""#,
    r#""kind":"reorder","message":"PositionEnd""#,
    r#""kind":"split_frames""#,
    r#""kind":"coalesce_frames""#,
    r#""kind":"slow_frames","bytes_per_s":10"#,
    r#""kind":"garbage_length","times":9"#,
];
/// These happen and are over.
const MOMENTARY: [&str; 2] = ["drop_all", "notice"];

/// HistoricalData 6 for AAPL: 5 mins, 1 D, TRADES.
fn bars() -> Vec<u8> {
    let mut payload = vec![8, 6, 18, 4, 8, 0xfe, 0x9a, 0x10];
    for (field, text) in [(0x22_u8, "5 mins"), (0x2a, "1 D"), (0x3a, "TRADES")] {
        payload.extend([field, u8::try_from(text.len()).unwrap()]);
        payload.extend(text.as_bytes());
    }
    payload
}

/// Reads on until a message of this number holds the words.
async fn reach(raw: &mut Raw, number: u32, words: &str) {
    soon(async {
        loop {
            let (message, text) = raw.message().await;
            if message == number && text.contains(words) {
                return;
            }
        }
    })
    .await;
}

/// The port itself says which kinds there are, so a new one cannot be forgotten here.
#[tokio::test]
async fn every_kind_that_lasts_is_in_the_table() {
    let sim = sim().await;
    let (status, refused) = http(&sim, "POST", "/faults", r#"{"kind":"?"}"#).await;
    assert_eq!(status, 400);
    let error = refused["error"].as_str().unwrap();
    let (_, kinds) = error.split_once("expected one of").unwrap();
    let kinds: Vec<&str> = kinds.split('`').skip(1).step_by(2).collect();
    assert!(kinds.len() > 20, "{error}");
    for kind in kinds {
        let named = format!("\"kind\":\"{kind}\"");
        let lasts = LASTING.iter().any(|fault| fault.starts_with(&named));
        assert!(lasts != MOMENTARY.contains(&kind), "{kind}");
    }
    sim.shutdown().await;
}

#[tokio::test]
async fn each_ends_by_itself_and_leaves_nothing_behind() {
    let sim = sim().await;
    let quiet = get(&sim, "/faults").await;
    for wanted in LASTING {
        let on: Value = post(&sim, "/faults", &format!(r#"{{{wanted},"for_ms":100}}"#)).await;
        assert_ne!(on, quiet, "{wanted} shows");
        until(&sim, "/faults", |now| (*now == quiet).then_some(())).await;
    }
    soon(async { while tokio::net::TcpStream::connect(sim.addr()).await.is_err() {} }).await;
    let mut raw = Raw::started(&sim, 7).await;
    raw.send(POSITIONS, &[]).await;
    reach(&mut raw, 62, "").await;
    assert!(client(&sim, 1).await.is_connected());
    sim.shutdown().await;
}

#[tokio::test]
async fn a_closed_port_and_refused_connections_end_each_at_its_own_time() {
    let sim = sim().await;
    fault(&sim, r#"{"kind":"refuse_connections","for_ms":200}"#).await;
    fault(&sim, r#"{"kind":"refuse_connections","listen":false,"for_ms":60000}"#).await;
    let open = |body: &Value| (body["faults"]["refuse_connections"] == false).then(|| body["faults"]["listening"].clone());
    assert_eq!(until(&sim, "/faults", open).await, false);
    sim.shutdown().await;
}

#[tokio::test]
async fn ticks_rest_while_their_farm_is_away() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"farm","farm":"usfarm"}"#).await;
    raw.error("Market data farm connection is broken:usfarm").await;
    raw.send(1, APPLE.1).await;
    raw.send(CURRENT_TIME, &[]).await;
    assert_eq!(raw.message().await.0, CURRENT_TIME, "the request waits");
    fault(&sim, r#"{"kind":"farm","farm":"usfarm","broken":false}"#).await;
    raw.error("connecting:usfarm").await;
    raw.error("OK:usfarm").await;
    reach(&mut raw, 1, "").await;
    fault(&sim, r#"{"kind":"farm","farm":"usfarm"}"#).await;
    reach(&mut raw, 4, "broken:usfarm").await;
    assert!(raw.quiet().await, "the line is open and dry");
    fault(&sim, r#"{"kind":"farm","farm":"usfarm","broken":false}"#).await;
    raw.error("connecting:usfarm").await;
    raw.error("OK:usfarm").await;
    reach(&mut raw, 1, "").await;
    sim.shutdown().await;
}

#[tokio::test]
async fn history_fails_without_its_farm_and_with_another_session() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"farm","farm":"ushmds"}"#).await;
    raw.error("broken:ushmds").await;
    raw.send(20, &bars()).await;
    raw.error("HMDS server disconnect").await;
    fault(&sim, r#"{"kind":"farm","farm":"ushmds","broken":false}"#).await;
    raw.error("OK:ushmds").await;
    fault(&sim, r#"{"kind":"competing_session"}"#).await;
    raw.send(20, &bars()).await;
    raw.error("different IP").await;
    raw.send(1, APPLE.1).await;
    raw.error("competing live session").await;
    fault(&sim, r#"{"kind":"competing_session","on":false}"#).await;
    raw.send(20, &bars()).await;
    assert_eq!(raw.message().await.0, 17);
    raw.send(1, APPLE.1).await;
    reach(&mut raw, 1, "").await;
    sim.shutdown().await;
}

#[tokio::test]
async fn what_is_left_out_stays_out_until_it_is_let_in() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"omit","message":"CurrentTime"}"#).await;
    for _ in 0..2 {
        raw.send(CURRENT_TIME, &[]).await;
    }
    raw.send(17, &[]).await;
    assert_eq!(raw.message().await.0, 15);
    fault(&sim, r#"{"kind":"omit","message":"CurrentTime","times":0}"#).await;
    raw.send(CURRENT_TIME, &[]).await;
    assert_eq!(raw.message().await.0, CURRENT_TIME);
    sim.shutdown().await;
}

/// An order and a request may bear the same id; a cancel of one does not take back the other.
#[tokio::test]
async fn a_cancelled_order_takes_no_waiting_request_back() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"connectivity","state":"lost"}"#).await;
    raw.error("has been lost").await;
    raw.send(APPLE.0, APPLE.1).await;
    raw.send(4, &[8, 5]).await;
    raw.send(CURRENT_TIME, &[]).await;
    assert_eq!(raw.message().await.0, CURRENT_TIME, "both wait for IB's servers");
    fault(&sim, r#"{"kind":"connectivity","state":"maintained"}"#).await;
    raw.error("data maintained").await;
    assert_eq!((raw.message().await.0, raw.message().await.0), (10, 52));
    raw.error("that needs to be cancelled is not found").await;
    sim.shutdown().await;
}

#[tokio::test]
async fn slow_frames_are_fast_again_in_the_middle_of_one() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"slow_frames","bytes_per_s":20}"#).await;
    raw.send(APPLE.0, APPLE.1).await;
    // At this speed the answer would take longer than any test waits.
    soon(raw.0.peek(&mut [0])).await.unwrap();
    fault(&sim, r#"{"kind":"slow_frames","bytes_per_s":0}"#).await;
    let (message, text) = raw.message().await;
    assert!(message == 10 && text.len() > 450, "{message} {}", text.len());
    sim.shutdown().await;
}

/// What waits to be overtaken waits a second, also when more of its kind come after it.
#[tokio::test]
async fn a_frame_that_nobody_overtakes_comes_all_the_same() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    fault(&sim, r#"{"kind":"reorder","message":"CurrentTime","by":1000}"#).await;
    soon(async {
        loop {
            raw.send(CURRENT_TIME, &[]).await;
            if timeout(QUIET, raw.0.peek(&mut [0])).await.is_ok() {
                return;
            }
        }
    })
    .await;
    assert_eq!(raw.message().await.0, CURRENT_TIME);
    sim.shutdown().await;
}
