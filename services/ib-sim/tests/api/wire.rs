//! The bytes themselves, read without the client: order of the welcome, cancels, hostile input.

use tokio::io::AsyncWriteExt;

use crate::raw::Raw;
use crate::support::{get, sim, soon};

/// Accounts, next id, then the three farms, with the captured words and in the captured order.
#[tokio::test]
async fn the_welcome_is_as_captured() {
    let captured = include_str!("../data/bootstrap.txt");
    let kinds: Vec<u32> = captured
        .lines()
        .filter_map(|line| line.strip_prefix("server ")?.split(' ').next())
        .map(|kind| match kind {
            "managed_accounts" => 15,
            "next_valid_id" => 9,
            "api_error" => 4,
            other => panic!("{other}"),
        })
        .collect();
    let words = captured.lines().filter_map(|line| line.split("\"message\":\"").nth(1)?.split('"').next());
    let sim = sim().await;
    let mut raw = Raw::hello(&sim).await;
    raw.send(71, &[8, 7]).await;
    let mut texts = Vec::new();
    for kind in kinds {
        let (message, text) = raw.message().await;
        assert_eq!(message, kind);
        texts.push(text);
    }
    assert!(texts[0].ends_with("DUSIM00001"));
    for (text, words) in texts[2..].iter().zip(words) {
        assert!(text.contains(words), "{text:?} {words}");
    }
    sim.shutdown().await;
}

#[tokio::test]
async fn cancels_of_nothing_say_so_and_cancels_of_something_do_not() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    for (cancel, words) in [
        (25, "No historical data query found for ticker id:5"),
        (63, "Can't find EId with tickerId:5"),
        (75, "Can't find EId with tickerId:5"),
        (93, "Failed to cancel PNL"),
        (95, "Failed to cancel PNL single"),
    ] {
        raw.send(cancel, &[8, 5]).await;
        let (message, text) = raw.message().await;
        assert!(message == 4 && text.contains(words), "{cancel}: {text:?}");
    }
    // PositionsMulti 6, its rows and end, its cancel, then the time: nothing in between.
    raw.send(74, &[8, 6]).await;
    while raw.message().await.0 == 71 {}
    raw.send(75, &[8, 6]).await;
    raw.send(49, &[]).await;
    assert_eq!(raw.message().await.0, 49);
    sim.shutdown().await;
}

/// A cancel reaches a query that is still being worked on: 162 with IB's words.
#[tokio::test]
async fn a_running_history_can_be_cancelled() {
    let sim = sim().await;
    crate::support::fault(&sim, r#"{"kind":"delay","message":"HistoricalData","ms":60000}"#).await;
    let mut raw = Raw::started(&sim, 7).await;
    raw.send(20, &[8, 5]).await;
    raw.send(25, &[8, 5]).await;
    let (message, text) = raw.message().await;
    assert!(message == 4 && text.contains("API historical data query cancelled: 5"), "{text:?}");
    sim.shutdown().await;
}

/// Whatever a client sends, known or not, the session goes on and answers the next request.
#[tokio::test]
async fn no_message_number_ends_a_session() {
    let sim = crate::support::start(ib_sim::Settings { pacing: false, ..crate::support::settings() }).await;
    let mut raw = Raw::started(&sim, 7).await;
    for message in 1..=115 {
        raw.send(message, &[8, 9]).await;
        raw.send(25, &[8, 99]).await;
        while !raw.message().await.1.contains("ticker id:99") {}
    }
    assert_eq!(get(&sim, "/clients").await["clients"], serde_json::json!([7]));
    sim.shutdown().await;
}

/// A number that IB has not given is answered under its id, counted and journaled.
#[tokio::test]
async fn unhandled_requests_are_answered_counted_and_journaled() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    raw.send(199, &[8, 9]).await;
    let (message, text) = raw.message().await;
    assert!(message == 4 && text.contains("199"), "{text:?}");
    assert_eq!(get(&sim, "/counters").await["counters"]["unhandled"], 1);
    let journal = get(&sim, "/journal").await;
    let entries = journal["entries"].as_array().unwrap();
    let last = entries.iter().find(|entry| entry["message"] == "Unhandled").unwrap();
    assert_eq!(last["fields"], serde_json::json!({"message": 199, "req_id": 9}));
    sim.shutdown().await;
}

#[tokio::test]
async fn orders_are_answered_as_a_gateway_without_any() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    for (request, answer) in [(5, 53), (16, 53), (99, 102), (7, 55)] {
        raw.send(request, &[8, 3]).await;
        assert_eq!(raw.message().await.0, answer);
    }
    sim.shutdown().await;
}

#[tokio::test]
async fn hostile_input_ends_the_connection_or_is_named() {
    let sim = sim().await;
    // Not StartApi first.
    let mut raw = Raw::hello(&sim).await;
    raw.send(49, &[]).await;
    assert!(raw.closed().await);
    // A payload that is no protobuf.
    let mut raw = Raw::started(&sim, 7).await;
    raw.send(20, &[0xff, 0xff]).await;
    let (message, text) = raw.message().await;
    assert!(message == 4 && text.contains("Message id 20"), "{text:?}");
    // A text message: its number is below those of protobuf.
    raw.0.write_all(b"\0\0\0\x06\0\0\0\x311\0").await.unwrap();
    let (message, text) = raw.message().await;
    assert!(message == 4 && text.contains("Message id 49") && text.contains("not protobuf-encoded"), "{text:?}");
    // A frame too long to be one.
    raw.0.write_all(&0x7fff_ffff_u32.to_be_bytes()).await.unwrap();
    assert!(raw.closed().await);
    assert_eq!(get(&sim, "/counters").await["counters"]["unreadable"], 2);
    sim.shutdown().await;
}

#[tokio::test]
async fn the_third_second_above_the_rate_closes() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    let closed = soon(async {
        loop {
            let mut burst = Vec::new();
            for _ in 0..60 {
                burst.extend([0, 0, 0, 4, 0, 0, 0, 249]);
            }
            if raw.0.write_all(&burst).await.is_err() {
                return true;
            }
            for _ in 0..60 {
                if raw.closed().await {
                    return true;
                }
            }
        }
    })
    .await;
    assert!(closed);
    sim.shutdown().await;
}

/// A client that asks and never reads is dropped once its queue is full; the gateway lives on.
#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let sim = crate::support::start(ib_sim::Settings { pacing: false, ..crate::support::settings() }).await;
    let mut raw = Raw::started(&sim, 7).await;
    let mut asked = Vec::new();
    for _ in 0..500 {
        // ContractData for all options of AAPL, which is about a megabyte.
        asked.extend([0, 0, 0, 19, 0, 0, 0, 209, 8, 1, 18, 11, 18, 4, b'A', b'A', b'P', b'L', 26, 3, b'O', b'P', b'T']);
    }
    let dropped = soon(async {
        while raw.0.write_all(&asked).await.is_ok() {}
        true
    })
    .await;
    assert!(dropped);
    assert_eq!(get(&sim, "/counters").await["counters"]["slow_clients_dropped"], 1);
    sim.shutdown().await;
}
