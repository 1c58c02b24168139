//! For tests of services with an IB session: a simulated gateway, a real nats-server, services between them, a caller.
//!
//! Invariants: every port is a free one; everything ends with its [`Rig`]; each wait has a deadline, and one that is over
//! tells what was there instead.

use std::{collections::BTreeMap, fmt, future::Future, net::SocketAddr, time::Duration};

use bus::{Bus, CallOptions, Caller};
pub use ib_sim;
use ib_sim::Sim;
use nats_local::{Locate, NatsServer, NoProgress, StartOptions};
use schemas::{Fault, GatewayName, Operation, health::Heartbeat};
use serde_json::{Value, json};
use service::{Process, Settings};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;

/// For states that must come; only a broken program waits this long.
pub const PATIENCE: Duration = Duration::from_secs(40);
const LOOK_PERIOD: Duration = Duration::from_millis(20);

pub struct Rig {
    pub caller: Caller,
    /// What ends each service.
    ends: Vec<CancellationToken>,
    sim: Sim,
    control: SocketAddr,
    nats: NatsServer,
    _bus: Bus,
}

impl fmt::Debug for Rig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rig").field("api", &self.sim.addr()).field("control", &self.control).finish_non_exhaustive()
    }
}

pub fn gateway() -> GatewayName {
    "paper".parse().expect("a good name")
}

impl Rig {
    /// Gateway, message server and caller; services are added.
    pub async fn start(sim: ib_sim::Settings) -> Self {
        let free = ([127, 0, 0, 1], 0).into();
        let sim = Sim::start(ib_sim::Settings { bind: free, control_bind: Some(free), ..sim }).await.expect("simulator");
        let control = sim.control_addr().expect("control port");
        let binary = nats_local::locate(&Locate::from_env(), &NoProgress).await.expect("a nats-server");
        let nats = NatsServer::start(&binary, StartOptions::default()).await.expect("it starts");
        let settings = bus::Settings { url: nats.url(), creds_file: None, name: "a test".to_owned() };
        let bus = Bus::connect(&settings).await.expect("a connection");
        let caller = Caller::start(&bus, gateway()).await.expect("a caller");
        Self { caller, ends: Vec::new(), sim, control, nats, _bus: bus }
    }

    /// Runs a service with the settings of its name, on a thread and a runtime of its own, as a process has them.
    pub fn run<F, E>(&mut self, name: &'static str, flags: &[(&'static str, &str)], body: impl FnOnce(Process) -> F + Send + 'static)
    where
        F: Future<Output = Result<(), E>>,
        E: fmt::Debug,
    {
        let mut all = BTreeMap::from([
            ("NATS_URL", self.nats.url()),
            ("IB_HOST", self.sim.addr().ip().to_string()),
            ("IB_PORT", self.sim.addr().port().to_string()),
        ]);
        all.extend(flags.iter().map(|(flag, value)| (*flag, (*value).to_owned())));
        let process = Process::new(Settings::load(name, &all, |_| None).expect("settings"));
        self.ends.push(process.shutdown.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(body(process)).expect("a service");
        });
    }

    /// Where the gateway's API port is, for clients of the test's own.
    pub fn api(&self) -> SocketAddr {
        self.sim.addr()
    }

    pub async fn ask<O: Operation>(&self, params: &O::Params) -> Result<O::Reply, Fault> {
        self.caller.ask::<O>(params, CallOptions::default()).await
    }

    /// As a program in another language asks: the operation's JSON.
    pub async fn ask_json(&self, operation: &str, body: &Value) -> Result<Value, Fault> {
        let row = schemas::find(operation).expect("in the table");
        let reply = self.caller.call(row, body.to_string().into(), CallOptions::default()).await?;
        Ok(serde_json::from_slice(&reply.body).expect("JSON"))
    }

    /// Waits for heartbeats of the processes of `service` alive; the panic tells the last ones.
    pub async fn until_beats(&self, service: &str, what: &str, is: impl Fn(&[Heartbeat]) -> bool) {
        let beats = || self.caller.fleet().alive(service);
        self.until(async || is(&beats())).await.unwrap_or_else(|()| panic!("not in time: {what}: {:?}", beats()));
    }

    /// Waits until IB has been asked so often.
    pub async fn until_heard(&self, message: &str, times: usize) {
        let heard = self.until(async || self.requests(message).await.len() >= times).await;
        assert!(heard.is_ok(), "{message} came {} times, not {times}", self.requests(message).await.len());
    }

    /// Whether it came in time.
    pub async fn until(&self, is: impl AsyncFn() -> bool) -> Result<(), ()> {
        let mut looks = interval(LOOK_PERIOD);
        let found = timeout(PATIENCE, async {
            while !is().await {
                looks.tick().await;
            }
        });
        found.await.map_err(|_| ())
    }

    pub async fn fault(&self, body: &Value) {
        self.http("POST", "/faults", &body.to_string()).await;
    }

    /// Something that happens to orders at IB, such as one that a person enters: `POST /orders` of the simulator.
    pub async fn orders(&self, body: &Value) {
        self.http("POST", "/orders", &body.to_string()).await;
    }

    pub async fn notice(&self, code: i32) {
        self.fault(&json!({"kind": "notice", "code": code})).await;
    }

    /// The requests of one kind that IB has got, oldest first.
    pub async fn requests(&self, message: &str) -> Vec<Value> {
        let journal = self.http("GET", "/journal?since=0", "").await;
        let entries = journal["entries"].as_array().expect("entries");
        entries.iter().filter(|entry| entry["message"] == message).cloned().collect()
    }

    /// What the simulator counts now.
    pub async fn state(&self) -> Value {
        self.http("GET", "/state", "").await["state"].clone()
    }

    async fn http(&self, method: &str, path: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(self.control).await.expect("control port");
        let request = format!("{method} {path} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.expect("request");
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("answer in time").expect("answer");
        let (head, told) = answer.split_once("\r\n\r\n").expect("head and body");
        assert!(head.contains(" 200 "), "{method} {path} {body}: {answer}");
        serde_json::from_str(told).expect("JSON")
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.ends.iter().for_each(CancellationToken::cancel);
    }
}
