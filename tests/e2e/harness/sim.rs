//! The simulator and its control port: what it was asked, and what it is to do wrong.

use std::{net::SocketAddr, path::Path};

use reqwest::Client;
use serde_json::{Value, json};

use super::{
    SOON, StackOptions,
    proc::{Proc, ibmesh},
    wait::eventually,
};

/// A simulator of the test's own.
#[derive(Debug)]
pub(crate) struct Sim {
    pub(crate) api: SocketAddr,
    pub(crate) proc: Proc,
    control: Control,
}

/// The control port of a simulator, whoever started it.
#[derive(Debug)]
pub(crate) struct Control {
    address: SocketAddr,
    http: Client,
}

impl std::ops::Deref for Sim {
    type Target = Control;

    fn deref(&self) -> &Control {
        &self.control
    }
}

impl Sim {
    pub(crate) async fn start(folder: &Path, options: &StackOptions) -> Self {
        let flags = [
            ("--bind", "127.0.0.1:0".to_owned()),
            ("--control-bind", "127.0.0.1:0".to_owned()),
            ("--clock", options.clock.to_owned()),
            ("--seed", options.seed.to_string()),
            ("--pacing", options.pacing.to_string()),
            ("--accounts", options.accounts.to_string()),
        ];
        let proc = ibmesh(folder, "sim", "sim", &flags).await;
        Self { api: proc.address("api"), control: Control::new(proc.address("control")), proc }
    }
}

impl Control {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, http: Client::builder().no_proxy().build().expect("an HTTP client") }
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.http.get(format!("http://{}{path}", self.address)).send().await.expect("the control port answers");
        assert!(response.status().is_success(), "GET {path}: {}", response.status());
        response.json().await.expect("JSON")
    }

    /// The requests of one kind since the start, oldest first.
    pub(crate) async fn requests(&self, message: &str) -> Vec<Value> {
        let journal = self.get("/journal?since=0").await;
        let entries = journal["entries"].as_array().expect("entries");
        entries.iter().filter(|entry| entry["message"] == message).cloned().collect()
    }

    /// The client ids that hold a session.
    pub(crate) async fn client_ids(&self) -> Vec<i64> {
        let clients = self.get("/clients").await;
        let mut ids: Vec<i64> = clients["clients"].as_array().expect("a list").iter().filter_map(Value::as_i64).collect();
        ids.sort_unstable();
        ids
    }

    /// Waits until nobody has a market data line.
    pub(crate) async fn until_no_lines(&self) {
        eventually("no line is open", SOON, async || {
            let state = self.get("/state").await;
            let lines = &state["state"]["lines_open"];
            if *lines == 0 { Ok(()) } else { Err(format!("{lines} are open")) }
        })
        .await;
    }

    /// Holds back the answers to one kind of request; 0 ends it.
    pub(crate) async fn delay(&self, message: &str, ms: u64) {
        self.fault(json!({"kind": "delay", "message": message, "ms": ms})).await;
    }

    /// Fails the next request of one kind with an error of IB's.
    pub(crate) async fn fail(&self, message: &str, code: i32) {
        self.fault(json!({"kind": "fail", "message": message, "code": code})).await;
    }

    /// A fault as the control port takes it.
    pub(crate) async fn fault(&self, body: Value) {
        self.post("/faults", &body).await;
    }

    /// Something that happens to orders at IB, such as one that a person enters.
    pub(crate) async fn orders(&self, body: &Value) {
        self.post("/orders", body).await;
    }

    async fn post(&self, path: &str, body: &Value) {
        let request = self.http.post(format!("http://{}{path}", self.address)).json(body);
        let response = request.send().await.expect("the control port answers");
        let status = response.status();
        assert!(status.is_success(), "{body}: {status} {}", response.text().await.unwrap_or_default());
    }
}
