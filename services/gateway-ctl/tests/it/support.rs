//! What the tests share: a message server, a gateway-ctl with a gateway of its own, callers, and waits with a deadline.

use std::{collections::BTreeMap, sync::mpsc, time::Duration};

use axum::{Json, Router, http::StatusCode, routing::post};
use bus::{Bus, CallOptions, Caller};
use gateway_ctl::{Error, Rhythm, SERVICE, Tempo, policy::Rules};
use jiff::Timestamp;
use nats_local::{Locate, NatsServer, NoProgress, StartOptions};
use schemas::{
    Fault, GatewayName, Operation,
    gateway::{CommandReply, Login, LoginParams, Logout, LogoutParams, State, Status, StatusParams, StatusReply},
    health::{GatewayPart, Heartbeat},
};
use serde_json::Value;
use service::{Process, Settings, settings::GATEWAY_CTL};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::gateway::{Plan, free_ports};

/// For states that must come; only a broken program waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_PERIOD: Duration = Duration::from_millis(25);

pub(crate) fn gateway() -> GatewayName {
    "paper".parse().expect("a good name")
}

pub(crate) async fn nats(options: StartOptions) -> NatsServer {
    let binary = nats_local::locate(&Locate::from_env(), &NoProgress).await.expect("a nats-server");
    NatsServer::start(&binary, options).await.expect("it starts")
}

/// Where people are told, and what they are.
pub(crate) async fn inbox() -> (String, UnboundedReceiver<Value>) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}/topic", listener.local_addr().expect("address"));
    let (tell, posts) = unbounded_channel();
    let take = move |Json(body): Json<Value>| {
        let tell = tell.clone();
        async move { tell.send(body).map_err(|_| StatusCode::GONE) }
    };
    let router = Router::new().route("/topic", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, posts)
}

/// A Saturday at noon in New York.
pub(crate) fn saturday() -> Timestamp {
    static BEGAN: std::sync::OnceLock<Timestamp> = std::sync::OnceLock::new();
    let now = service::clock::now();
    let noon: Timestamp = "2026-11-21T17:00:00Z".parse().expect("time");
    noon + now.duration_since(*BEGAN.get_or_init(|| now))
}

/// Waits of seconds are of tenths here; who waits for people waits as long as ever.
pub(crate) fn quick() -> Tempo {
    Tempo {
        rules: Rules {
            backoff_ms: [200, 400, 800, 1_600],
            unclean_ms: 300,
            midnight_ms: 500,
            drain_ms: 200,
            close_ms: 5_000,
            young_ms: 300,
            stop_grace_s: 5,
            api_wait_ms: 1_500,
            upstream_ms: [500, 60_000, 60_000],
            recheck_ms: 200,
            workers_ms: 1_000,
            ..Rules::default()
        },
        rhythm: Rhythm { tcp_ms: 200, tcp_timeout_ms: 1_000, hello_ms: 500, hello_timeout_ms: 500, slow_ms: 1_000 },
        lease: Duration::from_secs(4),
        ..Tempo::default()
    }
}

/// A message server, callers, and one gateway with ports that it keeps.
pub(crate) struct World {
    pub(crate) nats: NatsServer,
    pub(crate) bus: Bus,
    pub(crate) caller: Caller,
    pub(crate) plan: Plan,
}

/// One gateway-ctl; told to end when dropped.
pub(crate) struct Ctl {
    end: CancellationToken,
    pub(crate) id: String,
    ended: mpsc::Receiver<Result<(), Error>>,
}

impl Ctl {
    /// Ends it as SIGTERM does, and waits for that.
    pub(crate) fn finish(self) {
        self.end.cancel();
        self.ended().expect("a clean end");
    }

    /// How it ended by itself.
    pub(crate) fn ended(self) -> Result<(), Error> {
        self.ended.recv_timeout(PATIENCE).expect("it ends")
    }
}

impl Drop for Ctl {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl World {
    pub(crate) async fn new(plan: Plan) -> Self {
        Self::on(nats(StartOptions::default()).await, plan).await
    }

    pub(crate) async fn on(nats: NatsServer, plan: Plan) -> Self {
        let bus =
            Bus::connect(&bus::Settings { url: nats.url(), creds_file: None, name: "a test".to_owned() }).await.expect("a connection");
        let caller = Caller::start(&bus, gateway()).await.expect("a caller");
        let [api, control, command] = free_ports();
        let api = if plan.api == 0 { api } else { plan.api };
        Self { nats, bus, caller, plan: Plan { api, control, command, ..plan } }
    }

    /// gateway-ctl with the gateway's process under it.
    pub(crate) fn ctl(&self) -> Ctl {
        self.ctl_with(quick(), &[])
    }

    pub(crate) fn ctl_with(&self, tempo: Tempo, flags: &[(&'static str, &str)]) -> Ctl {
        let mut all = BTreeMap::from([
            ("NATS_URL", self.nats.url()),
            ("IB_HOST", self.plan.host().to_owned()),
            ("IB_PORT", self.plan.api.to_string()),
            ("GATEWAY_BACKEND", "process".to_owned()),
            ("GATEWAY_PROCESS", self.plan.program()),
            ("GATEWAY_COMMAND_ADDR", format!("127.0.0.1:{}", self.plan.command)),
            ("IB_RESET_REGION", "none".to_owned()),
            ("GATEWAY_CHECK_MS", "300".to_owned()),
        ]);
        all.extend(flags.iter().map(|(flag, value)| (*flag, (*value).to_owned())));
        let process = Process::new(Settings::load(GATEWAY_CTL, &all, |_| None).expect("settings"));
        let (end, id) = (process.shutdown.clone(), process.id.clone());
        let (tell, ended) = mpsc::channel();
        // A thread and a runtime of its own, as a process has them.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            // The test may be over.
            drop(tell.send(runtime.block_on(gateway_ctl::run_with(process, tempo))));
        });
        Ctl { end, id, ended }
    }

    pub(crate) async fn ask<O: Operation>(&self, params: &O::Params) -> Result<O::Reply, Fault> {
        self.caller.ask::<O>(params, CallOptions { caller: Some("dora".to_owned()), ..CallOptions::default() }).await
    }

    pub(crate) async fn status(&self) -> StatusReply {
        self.ask::<Status>(&StatusParams::default()).await.expect("a status")
    }

    pub(crate) async fn logout(&self) -> CommandReply {
        self.ask::<Logout>(&LogoutParams { reason: Some("TWS".to_owned()), minutes: None }).await.expect("a logout")
    }

    /// Whether a logout is accepted now.
    pub(crate) async fn logout_again(&self) -> bool {
        self.ask::<Logout>(&LogoutParams::default()).await.is_ok()
    }

    pub(crate) async fn login(&self) -> CommandReply {
        self.ask::<Login>(&LoginParams::default()).await.expect("a login")
    }

    pub(crate) fn beat(&self) -> Option<Heartbeat> {
        self.caller.fleet().alive(SERVICE).into_iter().find(|beat| beat.gateway.is_some() && !beat.operations.is_empty())
    }

    pub(crate) fn part(&self) -> Option<GatewayPart> {
        self.beat().and_then(|beat| beat.gateway)
    }

    /// Waits until gateway-ctl says that the gateway is in this state.
    pub(crate) async fn until_state(&self, state: State) {
        self.until(&format!("{state:?}"), async || self.part().is_some_and(|part| part.state == state)).await;
    }

    pub(crate) async fn until(&self, what: &str, is: impl AsyncFn() -> bool) {
        let mut looks = interval(LOOK_PERIOD);
        let found = timeout(PATIENCE, async {
            while !is().await {
                looks.tick().await;
            }
        });
        assert!(found.await.is_ok(), "not in time: {what}; {:?}", self.part());
    }

    /// Whether the gateway's process listens at its API.
    pub(crate) async fn api_is_open(&self) -> bool {
        TcpStream::connect((self.plan.host(), self.plan.api)).await.is_ok()
    }

    /// What the simulator is asked over its control port.
    pub(crate) async fn sim(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.plan.control)).await.expect("control port");
        let request = format!("{method} {path} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.expect("request");
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("answer in time").expect("answer");
        let (head, told) = answer.split_once("\r\n\r\n").expect("head and body");
        assert!(head.contains(" 200 "), "{method} {path} {body}: {answer}");
        serde_json::from_str(told).expect("JSON")
    }
}
