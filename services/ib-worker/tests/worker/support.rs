//! What the tests share: a gateway, a message server, workers between them, a caller, and waits with a deadline.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use bus::{Bus, CallOptions, Caller};
use ib_sim::Sim;
use nats_local::{Locate, NatsServer, NoProgress, StartOptions};
use schemas::{
    Fault, GatewayName, Operation,
    contracts::ContractQuery,
    health::Heartbeat,
    history::{Bars, BarsParams, BarsReply},
};
use serde_json::{Value, json};
use service::{Process, Settings, settings::WORKER};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;

/// For states that must come; only a broken program waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
const LOOK_PERIOD: Duration = Duration::from_millis(20);

pub(crate) struct Rig {
    pub(crate) caller: Caller,
    /// What ends each of them.
    workers: Vec<CancellationToken>,
    sim: Sim,
    control: SocketAddr,
    nats: NatsServer,
    _bus: Bus,
}

/// Operations that a worker answers; chains have a service of their own.
pub(crate) fn everything() -> usize {
    schemas::OPERATIONS.iter().filter(|row| row.family != "options").count()
}

fn gateway() -> GatewayName {
    "paper".parse().expect("a good name")
}

impl Rig {
    /// So many workers, each connected and serving everything.
    pub(crate) async fn start(workers: usize, sim: ib_sim::Settings) -> Self {
        let free = ([127, 0, 0, 1], 0).into();
        let sim = Sim::start(ib_sim::Settings { bind: free, control_bind: Some(free), ..sim }).await.expect("simulator");
        let control = sim.control_addr().expect("control port");
        let binary = nats_local::locate(&Locate::from_env(), &NoProgress).await.expect("a nats-server");
        let nats = NatsServer::start(&binary, StartOptions::default()).await.expect("it starts");
        let settings = bus::Settings { url: nats.url(), creds_file: None, name: "a test".to_owned() };
        let bus = Bus::connect(&settings).await.expect("a connection");
        let caller = Caller::start(&bus, gateway()).await.expect("a caller");
        let mut rig = Self { caller, workers: Vec::new(), sim, control, nats, _bus: bus };
        for _ in 0..workers {
            rig.add_worker();
        }
        rig.until_beats("every worker serves everything", |beats| {
            beats.len() == workers && beats.iter().all(|beat| beat.operations.len() == everything())
        })
        .await;
        rig
    }

    fn add_worker(&mut self) {
        let flags = BTreeMap::from([
            ("NATS_URL", self.nats.url()),
            ("IB_HOST", self.sim.addr().ip().to_string()),
            ("IB_PORT", self.sim.addr().port().to_string()),
            ("IB_POOL_SIZE", "1".to_owned()),
        ]);
        let process = Process::new(Settings::load(WORKER, &flags, |_| None).expect("settings"));
        self.workers.push(process.shutdown.clone());
        // A thread and a runtime of its own, as a process has them.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(ib_worker::run(process)).expect("a worker");
        });
    }

    pub(crate) async fn ask<O: Operation>(&self, params: &O::Params) -> Result<O::Reply, Fault> {
        self.caller.ask::<O>(params, CallOptions::default()).await
    }

    /// As a program in another language asks: the operation's JSON.
    pub(crate) async fn ask_json(&self, operation: &str, body: &Value) -> Result<Value, Fault> {
        let row = schemas::find(operation).expect("in the table");
        let reply = self.caller.call(row, body.to_string().into(), CallOptions::default()).await?;
        Ok(serde_json::from_slice(&reply.body).expect("JSON"))
    }

    pub(crate) async fn bars(&self, params: &BarsParams) -> Result<BarsReply, Fault> {
        self.ask::<Bars>(params).await
    }

    /// Waits for heartbeats of the workers alive; the panic tells the last ones.
    pub(crate) async fn until_beats(&self, what: &str, is: impl Fn(&[Heartbeat]) -> bool) {
        let beats = || self.caller.fleet().alive("ib-worker");
        self.until(async || is(&beats())).await.unwrap_or_else(|()| panic!("not in time: {what}: {:?}", beats()));
    }

    /// Waits until IB has been asked so often.
    pub(crate) async fn until_heard(&self, message: &str, times: usize) {
        let heard = self.until(async || self.requests(message).await.len() >= times).await;
        assert!(heard.is_ok(), "{message} came {} times, not {times}", self.requests(message).await.len());
    }

    async fn until(&self, is: impl AsyncFn() -> bool) -> Result<(), ()> {
        let mut looks = interval(LOOK_PERIOD);
        let found = timeout(PATIENCE, async {
            while !is().await {
                looks.tick().await;
            }
        });
        found.await.map_err(|_| ())
    }

    pub(crate) async fn fault(&self, body: &Value) {
        self.http("POST", "/faults", &body.to_string()).await;
    }

    pub(crate) async fn notice(&self, code: i32) {
        self.fault(&json!({"kind": "notice", "code": code})).await;
    }

    /// The requests of one kind that IB has got, oldest first.
    pub(crate) async fn requests(&self, message: &str) -> Vec<Value> {
        let journal = self.http("GET", "/journal?since=0", "").await;
        let entries = journal["entries"].as_array().expect("entries");
        entries.iter().filter(|entry| entry["message"] == message).cloned().collect()
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
        self.workers.iter().for_each(CancellationToken::cancel);
    }
}

pub(crate) fn stock(symbol: &str) -> ContractQuery {
    ContractQuery { symbol: Some(symbol.to_owned()), ..ContractQuery::default() }
}

/// Bars of Apple over so many days.
pub(crate) fn days(count: u32) -> BarsParams {
    let json = json!({"contract": {"symbol": "AAPL"}, "duration": format!("{count} D"), "bar_size": "1 hour", "limit": 10});
    serde_json::from_value(json).expect("parameters")
}
