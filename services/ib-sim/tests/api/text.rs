//! The text dialect on the socket: what a client of version 178 sees, byte by byte.

use ib_sim::Sim;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::raw;
use crate::support::{fault, get, settings, sim, start};

/// A connection that has agreed on text.
pub(crate) struct Raw(raw::Raw);

impl Raw {
    async fn hello(sim: &Sim, versions: &str) -> Self {
        let mut stream = TcpStream::connect(sim.addr()).await.unwrap();
        stream.write_all(b"API\0").await.unwrap();
        let mut raw = Self(raw::Raw(stream));
        raw.send(versions).await;
        assert!(raw.message().await.unwrap().starts_with("178\0"));
        raw
    }

    pub(crate) async fn started(sim: &Sim, client_id: i32) -> Self {
        let mut raw = Self::hello(sim, "v157..178").await;
        raw.send(&format!("71\x002\x00{client_id}\0\0")).await;
        while !raw.message().await.unwrap().contains("2158") {}
        raw
    }

    pub(crate) async fn send(&mut self, body: &str) {
        let stream = &mut self.0.0;
        stream.write_u32(u32::try_from(body.len()).unwrap()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
    }

    pub(crate) async fn message(&mut self) -> Option<String> {
        self.0.frame().await.map(|body| String::from_utf8(body).unwrap())
    }
}

#[tokio::test]
async fn the_welcome_is_accounts_ids_and_farms_in_text() {
    let sim = start(ib_sim::Settings { max_server_version: 178, ..settings() }).await;
    let mut raw = Raw::hello(&sim, "v100..226").await;
    raw.send("71\x002\x007\0\0").await;
    for expected in [
        "15\x001\0DUSIM00001\0",
        "9\x001\x001\0",
        "4\x002\0-1\x002104\0Market data farm connection is OK:usfarm\0\0",
        "4\x002\0-1\x002106\0HMDS data farm connection is OK:ushmds\0\0",
        "4\x002\0-1\x002158\0Sec-def data farm connection is OK:secdefnj\0\0",
    ] {
        assert_eq!(raw.message().await.as_deref(), Some(expected));
    }
    assert_eq!(get(&sim, "/clients").await["clients"], serde_json::json!([7]));
    sim.shutdown().await;
}

#[tokio::test]
async fn a_client_id_in_use_is_refused_in_text() {
    let sim = sim().await;
    let _first = Raw::started(&sim, 7).await;
    let mut second = Raw::hello(&sim, "v100..193").await;
    second.send("71\x002\x007\0\0").await;
    assert!(second.message().await.unwrap().starts_with("4\x002\0-1\x00326\0Unable to connect as the client id is already in use."));
    assert_eq!(second.message().await, None);
    sim.shutdown().await;
}

/// Two frames for each working order, then the end marker, all before the ids.
#[tokio::test]
async fn open_orders_come_before_the_ids() {
    let sim = sim().await;
    fault(&sim, r#"{"kind":"frames_before_ids","count":4}"#).await;
    let mut raw = Raw::hello(&sim, "v157..178").await;
    raw.send("71\x002\x007\0\0").await;
    for number in ["5\0", "3\0", "5\0", "3\0", "53\0", "15\0", "9\0"] {
        let message = raw.message().await.unwrap();
        assert!(message.starts_with(number), "{message:?} for {number:?}");
    }
    sim.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_the_session_goes_on() {
    let sim = sim().await;
    let mut raw = Raw::started(&sim, 7).await;
    raw.send("9\x008\0x\0").await;
    let answer = raw.message().await.unwrap();
    assert!(answer.starts_with("4\x002\0-1\x00320\0") && answer.contains("ContractData (9): field 2"), "{answer:?}");
    raw.send("1\x0011\x005\x000\0SPY\0BAG\0\x000.0\0\0\0SMART\0\0USD\0\0\x002000000000\0").await;
    let answer = raw.message().await.unwrap();
    assert!(answer.contains("MarketData (1)") && answer.contains("counts 2000000000 rows"), "{answer:?}");
    raw.send("49\x001\0").await;
    assert!(raw.message().await.unwrap().starts_with("49\x001\0"));
    assert_eq!(get(&sim, "/counters").await["counters"]["unreadable"], 2);
    sim.shutdown().await;
}

/// Whatever a client sends, known or not, the session goes on and answers the next request.
#[tokio::test]
async fn no_message_number_ends_a_text_session() {
    let sim = start(ib_sim::Settings { pacing: false, ..settings() }).await;
    let mut raw = Raw::started(&sim, 7).await;
    for message in 1..=115 {
        raw.send(&format!("{message}\0{}", "9\0".repeat(150))).await;
        raw.send("25\x001\x0099\0").await;
        while !raw.message().await.unwrap().contains("ticker id:99") {}
    }
    assert_eq!(get(&sim, "/clients").await["clients"], serde_json::json!([7]));
    sim.shutdown().await;
}
