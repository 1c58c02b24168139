//! What the tests against the simulated gateway share: short settings, the simulator's control port, and waits for a
//! state, each with a deadline.

use std::{net::SocketAddr, time::Duration};

use ib_link::{ClientId, ClientIds, Instant, Link, Settings, State};
use ib_sim::Sim;
use jiff::Timestamp;
use schemas::contracts::ContractQuery;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;

/// Longer than any state of these tests takes, short enough to fail before a runner's limit.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_PERIOD: Duration = Duration::from_millis(10);

pub(crate) fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

pub(crate) fn settings(port: u16) -> Settings {
    Settings {
        port,
        probe_period_ms: 100,
        probe_timeout_ms: 1_000,
        connect_timeout_ms: 2_000,
        backoff_ms: [200; 5],
        messages_per_s: 40.0,
        ..Settings::default()
    }
}

pub(crate) fn sim_settings() -> ib_sim::Settings {
    let free = ([127, 0, 0, 1], 0).into();
    ib_sim::Settings { bind: free, control_bind: Some(free), ..ib_sim::Settings::default() }
}

/// A simulated gateway and its control port.
pub(crate) struct Gateway {
    sim: Sim,
    control: SocketAddr,
}

impl Gateway {
    pub(crate) async fn start(settings: ib_sim::Settings) -> Self {
        let sim = Sim::start(settings).await.expect("simulator");
        let control = sim.control_addr().expect("control port");
        Self { sim, control }
    }

    pub(crate) fn port(&self) -> u16 {
        self.sim.addr().port()
    }

    pub(crate) async fn fault(&self, json: &str) {
        self.http("POST", "/faults", json).await;
    }

    pub(crate) async fn clear_faults(&self) {
        self.http("DELETE", "/faults", "").await;
    }

    pub(crate) async fn set_account(&self, json: &str) {
        self.http("POST", "/account", json).await;
    }

    pub(crate) async fn clients(&self) -> Vec<i64> {
        let answer = self.http("GET", "/clients", "").await;
        answer["clients"].as_array().expect("clients").iter().filter_map(Value::as_i64).collect()
    }

    /// How often a request of this name has come.
    pub(crate) async fn heard(&self, message: &str) -> usize {
        let answer = self.http("GET", "/journal?since=0", "").await;
        answer["entries"].as_array().expect("entries").iter().filter(|entry| entry["message"] == message).count()
    }

    /// When each request of this name has come.
    pub(crate) async fn heard_at(&self, message: &str) -> Vec<Timestamp> {
        let answer = self.http("GET", "/journal?since=0", "").await;
        let entries = answer["entries"].as_array().expect("entries").iter().filter(|entry| entry["message"] == message);
        entries.map(|entry| entry["time"].as_str().and_then(|time| time.parse().ok()).expect("a time")).collect()
    }

    /// Looks until so many market data lines are open.
    pub(crate) async fn until_lines(&self, count: usize) {
        let mut looks = interval(LOOK_PERIOD);
        let open = async || self.http("GET", "/state", "").await["state"]["lines_open"].as_u64().expect("a number");
        let reached = timeout(PATIENCE, async {
            while open().await != u64::try_from(count).expect("small") {
                looks.tick().await;
            }
        });
        assert!(reached.await.is_ok(), "{} lines are open, not {count}", open().await);
    }

    /// Looks until a request of this name has come so often.
    pub(crate) async fn until_heard(&self, message: &str, times: usize) {
        let mut looks = interval(LOOK_PERIOD);
        let heard = timeout(PATIENCE, async {
            while self.heard(message).await < times {
                looks.tick().await;
            }
        });
        assert!(heard.await.is_ok(), "{message} came {} times, not {times}", self.heard(message).await);
    }

    async fn http(&self, method: &str, path: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(self.control).await.expect("control port");
        let request = format!("{method} {path} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.expect("request");
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("answer in time").expect("answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
        assert!(head.contains(" 200 "), "{method} {path} {body}: {answer}");
        serde_json::from_str(body).expect("json")
    }
}

pub(crate) fn start(settings: Settings) -> Link {
    Link::start(settings, CancellationToken::new())
}

/// A link with a session, and its gateway.
pub(crate) async fn connected(change: impl FnOnce(&mut Settings)) -> (Gateway, Link) {
    connected_to(sim_settings(), change).await
}

pub(crate) async fn connected_to(sim: ib_sim::Settings, change: impl FnOnce(&mut Settings)) -> (Gateway, Link) {
    let gateway = Gateway::start(sim).await;
    let mut settings = settings(gateway.port());
    change(&mut settings);
    let link = start(settings);
    until(&link, "connected", State::connected).await;
    (gateway, link)
}

/// Waits for a state; the panic tells the last one.
pub(crate) async fn until(link: &Link, what: &str, is: impl FnMut(&State) -> bool) -> State {
    let mut states = link.state();
    let found = timeout(PATIENCE, states.wait_for(is)).await.ok().and_then(|state| state.ok().map(|state| state.clone()));
    found.unwrap_or_else(|| panic!("not {what} in time: {:?}", *link.state().borrow()))
}

/// A reason that says this.
pub(crate) fn because(state: &State, part: &str) -> bool {
    state.reason.as_deref().is_some_and(|reason| reason.contains(part))
}

pub(crate) fn stock(symbol: &str) -> ContractQuery {
    ContractQuery {
        symbol: Some(symbol.into()),
        sec_type: Some("STK".into()),
        exchange: Some("SMART".into()),
        currency: Some("USD".into()),
        ..ContractQuery::default()
    }
}

pub(crate) fn ids(from: i32, count: i32) -> ClientIds {
    ClientIds { from: ClientId(from), count, start: 0 }
}
