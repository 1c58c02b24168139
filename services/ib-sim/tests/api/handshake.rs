//! Connecting: versions, client ids, what comes unasked.

use ib_sim::{Error, Settings, Sim};
use ibapi::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{client, connect, friday, get, settings, sim, soon, start, until};

#[tokio::test]
async fn a_client_connects_and_learns_who_it_is() {
    let sim = friday().await;
    let client = client(&sim, 7).await;
    assert_eq!(client.server_version(), 226);
    assert_eq!(client.handshake_managed_accounts(), ["DUSIM00001"]);
    assert_eq!(client.next_order_id(), 1);
    let connected = client.connection_time().expect("the time zone is known to the client");
    assert_eq!((connected.unix_timestamp() - 1_795_187_730) / 60, 0);
    assert_eq!(soon(client.managed_accounts()).await.unwrap(), ["DUSIM00001"]);
    sim.shutdown().await;
}

#[tokio::test]
async fn server_time_follows_the_clock() {
    let sim = friday().await;
    let client = client(&sim, 7).await;
    let expected = 1_795_187_730;
    let seconds = soon(client.server_time()).await.unwrap().unix_timestamp();
    assert!((expected..expected + 20).contains(&seconds), "{seconds}");
    let millis = soon(client.server_time_millis()).await.unwrap().unix_timestamp();
    assert!((expected..expected + 20).contains(&millis), "{millis}");
    sim.shutdown().await;
}

/// The capture of `reqIds`: 1 on connecting, 2 when asked. Each client id counts for itself.
#[tokio::test]
async fn order_ids_are_a_sequence_per_client_id() {
    let captured = include_str!("../data/req_ids.txt");
    assert!(captured.contains("client req_ids {\"num_ids\":\"1\"}\nserver next_valid_id {\"order_id\":2}"));
    let sim = sim().await;
    let (one, two) = (client(&sim, 1).await, client(&sim, 2).await);
    assert_eq!((one.next_order_id(), two.next_order_id()), (1, 1));
    assert_eq!(soon(one.next_valid_order_id()).await.unwrap(), 2);
    assert_eq!(soon(one.next_valid_order_id()).await.unwrap(), 3);
    assert_eq!(soon(two.next_valid_order_id()).await.unwrap(), 2);
    sim.shutdown().await;
}

#[tokio::test]
async fn a_client_id_in_use_is_refused_with_326_and_free_again_later() {
    let sim = sim().await;
    let first = client(&sim, 7).await;
    match connect(&sim, 7).await {
        Err(ibapi::Error::ClientIdInUse { client_id: 7 }) => {}
        other => panic!("expected 326, got {:?}", other.map(|_| ())),
    }
    assert_eq!(soon(first.managed_accounts()).await.unwrap().len(), 1, "the first client lives on");
    first.disconnect().await;
    until(&sim, "/clients", |body| body["clients"].as_array().filter(|ids| ids.is_empty()).map(|_| ())).await;
    let again = client(&sim, 7).await;
    assert!(again.is_connected());
    assert_eq!(get(&sim, "/counters").await["counters"]["duplicate_client_ids"], 1);
    sim.shutdown().await;
}

#[tokio::test]
async fn several_clients_at_once() {
    let sim = sim().await;
    let (one, two, zero) = (client(&sim, 1).await, client(&sim, 2).await, client(&sim, 0).await);
    assert_eq!(get(&sim, "/clients").await["clients"], serde_json::json!([0, 1, 2]));
    let answers = tokio::join!(one.server_time(), two.managed_accounts(), zero.family_codes());
    assert!(answers.0.is_ok() && answers.1.is_ok() && answers.2.is_ok());
    sim.shutdown().await;
}

#[tokio::test]
async fn an_old_gateway_tells_its_version_and_the_client_leaves() {
    let sim = start(Settings { max_server_version: 200, ..settings() }).await;
    match connect(&sim, 7).await {
        Err(ibapi::Error::ServerVersion(213, 200, _)) => {}
        other => panic!("expected a refusal of 200, got {:?}", other.map(|_| ())),
    }
    assert_eq!(get(&sim, "/clients").await["clients"], serde_json::json!([]));
    sim.shutdown().await;
}

/// A health check that opens the port, says hello and leaves must not occupy a client id.
#[tokio::test]
async fn a_probe_takes_no_client_id() {
    let sim = sim().await;
    let mut probe = TcpStream::connect(sim.addr()).await.unwrap();
    probe.write_all(b"API\0\0\0\0\x09v213..226").await.unwrap();
    let length = soon(probe.read_u32()).await.unwrap();
    let mut ack = vec![0; usize::try_from(length).unwrap()];
    soon(probe.read_exact(&mut ack)).await.unwrap();
    let fields: Vec<&str> = std::str::from_utf8(&ack).unwrap().split_terminator('\0').collect();
    assert_eq!((fields.len(), fields[0]), (2, "226"));
    assert!(fields[1].ends_with(" US/Eastern"), "{fields:?}");
    assert_eq!(get(&sim, "/clients").await["clients"], serde_json::json!([]));
    assert!(client(&sim, 1).await.is_connected());
    sim.shutdown().await;
}

/// Who speaks 178 gets it, whatever else they announce; who does not is closed without a word.
#[tokio::test]
async fn text_clients_get_178_and_older_ones_nothing() {
    let sim = sim().await;
    for (hello, expected) in [(&b"v157..178"[..], &b"178\0"[..]), (b"v100..193", b"178\0"), (b"v100..177", b""), (b"v179..212", b"")] {
        let mut stream = TcpStream::connect(sim.addr()).await.unwrap();
        stream.write_all(b"API\0\0\0\0\x09").await.unwrap();
        stream.write_all(hello).await.unwrap();
        // A client that says no more gets no more: the acknowledgement, or the end at once.
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        soon(stream.read_to_end(&mut answer)).await.unwrap();
        assert_eq!(answer.get(4..8).unwrap_or_default(), expected, "{}", String::from_utf8_lossy(hello));
    }
    assert_eq!(get(&sim, "/counters").await["counters"]["hellos_refused"], 2);
    sim.shutdown().await;
}

#[tokio::test]
async fn a_taken_port_and_a_missing_scenario_are_named() {
    let sim = sim().await;
    match Sim::start(Settings { bind: sim.addr(), ..settings() }).await {
        Err(Error::Bind { addr, .. }) => assert_eq!(addr, sim.addr()),
        other => panic!("{other:?}"),
    }
    let lost = Settings { scenario: Some("/nowhere/world.toml".into()), ..settings() };
    assert!(matches!(Sim::start(lost).await, Err(Error::Scenario { .. })));
    sim.shutdown().await;
}

#[tokio::test]
async fn a_scenario_file_replaces_the_world() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = include_str!("../../scenarios/default.toml").replace("DUSIM00001", "DUSIM77777");
    std::fs::write(file.path(), text).unwrap();
    let sim = start(Settings { scenario: Some(file.path().into()), accounts: Some(2), ..settings() }).await;
    let client = client(&sim, 1).await;
    assert_eq!(client.handshake_managed_accounts(), ["DUSIM77777", "DUSIM00001"]);
    sim.shutdown().await;
}

#[tokio::test]
async fn shutdown_is_quick_and_frees_the_port() {
    let sim = sim().await;
    let address = sim.addr();
    let client = client(&sim, 1).await;
    tokio::time::timeout(std::time::Duration::from_secs(2), sim.shutdown()).await.expect("within two seconds");
    assert!(soon(Client::connect(&address.to_string(), 2)).await.is_err());
    client.disconnect().await;
}
