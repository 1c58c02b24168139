//! A real client against what was recorded of the simulator.

use ib_sim::{Replay, ReplayError, ReplaySettings, Replayed};
use ibapi::Client;
use ibapi::contracts::Contract;
use tokio::net::TcpListener;

use crate::support::{Raw, Tape, sim, soon};

async fn replay(transcript: &std::path::Path, speed: Option<f64>) -> Replay {
    let settings = ReplaySettings { bind: ([127, 0, 0, 1], 0).into(), transcript: transcript.to_owned(), speed };
    Replay::start(settings).await.unwrap()
}

async fn connect(addr: std::net::SocketAddr, client_id: i32) -> Client {
    soon(Client::connect(&addr.to_string(), client_id)).await.unwrap()
}

/// What the client sees of its gateway; the ids of its requests differ from run to run.
async fn see(client: &Client, symbols: &[&str]) -> Vec<String> {
    let mut seen = vec![format!("{:?}", soon(client.managed_accounts()).await.unwrap())];
    for symbol in symbols {
        let details = soon(client.contract_details(&Contract::stock(*symbol).build())).await;
        seen.push(match details {
            Ok(all) => format!("{:?}", all.into_iter().map(|one| (one.contract, one.long_name)).collect::<Vec<_>>()),
            Err(ibapi::Error::Notice(notice)) => format!("{} {}", notice.code, notice.message),
            Err(error) => panic!("{symbol}: {error}"),
        });
    }
    seen
}

#[tokio::test]
async fn a_client_sees_what_was_recorded_in_whatever_order_it_asks() {
    let sim = sim().await;
    let tape = Tape::before(sim.addr()).await;
    let client = connect(tape.recorder.addr(), 7).await;
    let recorded = see(&client, &["AAPL", "MSFT", "NOSUCH"]).await;
    client.disconnect().await;
    drop(client);
    sim.shutdown().await;
    let (out, folder) = tape.finish().await;

    let replay = replay(&out, None).await;
    for _ in 0..2 {
        let client = connect(replay.addr(), 7).await;
        let replayed = see(&client, &["MSFT", "NOSUCH", "AAPL"]).await;
        let account = recorded[0].replace("DUSIM00001", "DU0000001");
        assert_eq!(replayed, [account, recorded[2].clone(), recorded[3].clone(), recorded[1].clone()]);
        client.disconnect().await;
    }
    let met = replay.replayed();
    assert_eq!((met.unmatched, met.repeated), (0, 0));
    assert!(met.matched >= 2 * 5, "the start, the accounts and three contracts, twice; cancels come as they come: {met:?}");
    replay.shutdown().await;
    drop(folder);
}

#[tokio::test]
async fn what_was_not_recorded_is_refused_and_counted() {
    let sim = sim().await;
    let tape = Tape::before(sim.addr()).await;
    let mut client = Raw::started(tape.recorder.addr(), 7).await;
    client.send(49, &[]).await;
    client.until(49).await;
    drop(client);
    let (out, folder) = tape.finish().await;
    let replay = replay(&out, None).await;
    let mut client = Raw::started(replay.addr(), 7).await;
    client.until(9).await;
    client.send(81, &[8, 9, 18, 1, b'A']).await;
    // The farms' notices come first.
    let refused = loop {
        let text = String::from_utf8_lossy(&client.until(4).await).into_owned();
        if !text.contains("farm") {
            break text;
        }
    };
    assert!(refused.contains("MatchingSymbolsRequest") && refused.starts_with("\u{8}\u{9}"), "{refused:?}");
    client.send(49, &[]).await;
    client.until(49).await;
    client.send(49, &[]).await;
    client.until(49).await;
    assert_eq!(replay.shutdown().await, Replayed { matched: 2, repeated: 1, unmatched: 1 });
    sim.shutdown().await;
    drop(folder);
}

/// At the recorded speed an answer takes as long as it took; without a speed it comes at once.
#[tokio::test]
async fn the_pace_is_kept_if_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("slow.jsonl");
    let lines = [
        r#"{"kind":"header","format":"ibmesh-transcript","version":1,"tool":"by hand","started_ms":0}"#,
        r#"{"kind":"open","connection":1,"ms":0,"hello":"v213..226","server_version":226,"connection_time":"20261120 10:00:00 EST"}"#,
        r#"{"kind":"frame","connection":1,"ms":0,"from":"client","dialect":"protobuf","message":71,"name":"","fields":{"clientId":7}}"#,
        r#"{"kind":"frame","connection":1,"ms":0,"from":"client","dialect":"protobuf","message":49,"name":"","fields":{}}"#,
        r#"{"kind":"frame","connection":1,"ms":2000,"from":"gateway","dialect":"protobuf","message":49,"name":"","fields":{"currentTime":5}}"#,
        r#"{"kind":"close","connection":1,"ms":2000,"by":"gateway"}"#,
    ];
    std::fs::write(&out, lines.join("\n") + "\n").unwrap();
    for (speed, range) in [(None, 0..1_500), (Some(4.0), 500..2_000)] {
        let replay = replay(&out, speed).await;
        let mut client = Raw::started(replay.addr(), 7).await;
        let asked = tokio::time::Instant::now();
        client.send(49, &[]).await;
        client.until(49).await;
        let took = asked.elapsed().as_millis();
        assert!(range.contains(&took), "{speed:?}: {took} ms");
        assert_eq!(client.body().await, None, "the recorded gateway closed here");
        replay.shutdown().await;
    }
}

#[tokio::test]
async fn says_what_stands_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.jsonl");
    let settings = |speed| ReplaySettings { bind: ([127, 0, 0, 1], 0).into(), transcript: path.clone(), speed };
    assert!(matches!(Replay::start(settings(None)).await, Err(ReplayError::Transcript { .. })));
    std::fs::write(&path, "{}\n").unwrap();
    let error = Replay::start(settings(None)).await.unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("line 1"), "{error:?}");
    assert!(matches!(Replay::start(settings(Some(0.0))).await, Err(ReplayError::Speed(_))));
    let sim = sim().await;
    let tape = Tape::before(sim.addr()).await;
    drop(Raw::started(tape.recorder.addr(), 7).await);
    let (out, kept) = tape.finish().await;
    let busy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = ReplaySettings { bind: busy.local_addr().unwrap(), transcript: out, speed: None };
    assert!(matches!(Replay::start(settings).await, Err(ReplayError::Bind { .. })));
    sim.shutdown().await;
    drop(kept);
}
