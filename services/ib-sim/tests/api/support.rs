//! A simulator on a free port, clients for it, its control port, and patience with a deadline.

use std::time::Duration;

use ib_sim::{ClockSetting, Settings, Sim};
use ibapi::Client;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Every wait in these tests ends here; nothing sleeps.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Long enough for an answer that would come, short enough for a test: for what must not happen.
pub(crate) const QUIET: Duration = Duration::from_millis(300);

/// A Friday morning in New York.
pub(crate) const FRIDAY: &str = "2026-11-20T10:15:30-05:00";

pub(crate) fn settings() -> Settings {
    Settings { bind: ([127, 0, 0, 1], 0).into(), control_bind: Some(([127, 0, 0, 1], 0).into()), ..Settings::default() }
}

pub(crate) async fn sim() -> Sim {
    start(settings()).await
}

/// A simulator at a fixed instant of the real calendar.
pub(crate) async fn friday() -> Sim {
    let clock: ClockSetting = FRIDAY.parse().expect("an instant");
    start(Settings { clock, ..settings() }).await
}

pub(crate) async fn start(settings: Settings) -> Sim {
    Sim::start(settings).await.expect("the simulator starts")
}

pub(crate) async fn client(sim: &Sim, id: i32) -> Client {
    connect(sim, id).await.expect("the client connects")
}

pub(crate) async fn connect(sim: &Sim, id: i32) -> Result<Client, ibapi::Error> {
    soon(Client::connect(&sim.addr().to_string(), id)).await
}

/// The future's value, or a failed test after [`DEADLINE`].
pub(crate) async fn soon<F: std::future::IntoFuture>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future).await.expect("answered in time")
}

/// Asks again until `found` answers; the control port paces it, so this does not spin.
pub(crate) async fn until<T>(sim: &Sim, path: &str, found: impl Fn(&Value) -> Option<T>) -> T {
    soon(async {
        loop {
            if let Some(value) = found(&get(sim, path).await) {
                return value;
            }
        }
    })
    .await
}

pub(crate) async fn get(sim: &Sim, path: &str) -> Value {
    let (status, body) = http(sim, "GET", path, "").await;
    assert_eq!(status, 200, "GET {path}: {body}");
    body
}

pub(crate) async fn post(sim: &Sim, path: &str, body: &str) -> Value {
    let (status, answer) = http(sim, "POST", path, body).await;
    assert_eq!(status, 200, "POST {path} {body}: {answer}");
    answer
}

pub(crate) async fn fault(sim: &Sim, body: &str) {
    post(sim, "/faults", body).await;
}

/// One request on one connection: enough of HTTP for a port that only we use.
pub(crate) async fn http(sim: &Sim, method: &str, path: &str, body: &str) -> (u16, Value) {
    let address = sim.control_addr().expect("a control port");
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let answer = soon(async {
        let mut stream = TcpStream::connect(address).await.expect("the control port listens");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("answered");
        answer
    })
    .await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}
