//! What the tests share: a server of their own, a foreign client, and handlers that do as they are told.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_nats::{HeaderMap, Message};
use bus::{Builder, Bus, CallOptions, Caller, Patience, Request, ServeSettings, Server, Settings, Teller};
use nats_local::{Locate, NatsServer, NoProgress, StartOptions};
use schemas::{
    ClientId, Fault, GatewayName, Operation,
    account::{AccountParams, AccountSummary, Positions, PositionsParams, PositionsReply, Summary, SummaryReply},
    fault::FaultBody,
    health::{Heartbeat, IbSession, State},
};
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, interval, timeout},
};

pub(crate) type TestResult = Result<(), Box<dyn std::error::Error>>;

/// For states that must come; only a broken program waits this long.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

pub(crate) async fn nats() -> NatsServer {
    nats_with(StartOptions::default()).await
}

pub(crate) async fn nats_with(options: StartOptions) -> NatsServer {
    let binary = nats_local::locate(&Locate::from_env(), &NoProgress).await.expect("a nats-server");
    NatsServer::start(&binary, options).await.expect("it starts")
}

pub(crate) async fn connect(nats: &NatsServer) -> Bus {
    Bus::connect(&Settings { url: nats.url(), creds_file: None, name: "test".to_owned() }).await.expect("a connection")
}

/// A client that knows nothing of this crate.
pub(crate) async fn foreign(nats: &NatsServer) -> async_nats::Client {
    async_nats::connect(nats.url()).await.expect("a connection")
}

pub(crate) fn gateway() -> GatewayName {
    "paper".parse().expect("a good name")
}

pub(crate) const SUMMARY: &str = "account.summary";
pub(crate) const POSITIONS: &str = "account.positions";
pub(crate) const SUMMARY_SUBJECT: &str = "ib.v1.paper.rpc.account.summary";
pub(crate) const POSITIONS_SUBJECT: &str = "ib.v1.paper.rpc.account.positions";

pub(crate) fn serve_settings(id: &str, slots: usize, waiting_max: usize) -> ServeSettings {
    let (_, client_id) = watch::channel(Some(ClientId(17)));
    ServeSettings { service: "ib-worker", queue: "ib-worker", id: id.to_owned(), slots, waiting_max, client_id, observer: None }
}

pub(crate) fn context() -> schemas::Context {
    let json =
        r#"{"mode":"simulated","data_type":"account","time":"2026-01-02T15:00:00Z","time_zone":"America/New_York","market_state":"open"}"#;
    serde_json::from_str(json).expect("a context")
}

pub(crate) fn summary(account: &str) -> SummaryReply {
    SummaryReply { accounts: vec![AccountSummary { account: account.to_owned(), values: Vec::new() }], context: context() }
}

/// What the handlers of one server did and may do.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// `hold` ends when one of these is had.
    pub(crate) go: Arc<Semaphore>,
    counts: Arc<Mutex<HashMap<String, usize>>>,
    /// Handler futures that exist.
    pub(crate) alive: Arc<AtomicUsize>,
    /// What `tells` tells with, so that it can be used after its reply.
    pub(crate) teller: Arc<Mutex<Teller>>,
}

struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Script {
    pub(crate) fn new() -> Self {
        Self { go: Arc::new(Semaphore::new(0)), counts: Arc::default(), alive: Arc::default(), teller: Arc::default() }
    }

    /// How often `account` was worked on.
    pub(crate) fn count(&self, account: &str) -> usize {
        self.counts.lock().expect("no panic inside").get(account).copied().unwrap_or(0)
    }

    pub(crate) fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }

    fn enter(&self, account: &str) -> Alive {
        *self.counts.lock().expect("no panic inside").entry(account.to_owned()).or_default() += 1;
        self.alive.fetch_add(1, Ordering::SeqCst);
        Alive(Arc::clone(&self.alive))
    }

    /// The account's name says what to do: `hold`, `never`, `panic`, `panic at once`, `huge`, `tells`, else an echo.
    fn summary(&self, params: AccountParams, request: Request) -> impl Future<Output = Result<SummaryReply, Fault>> + Send + use<> {
        let (script, alive) = (self.clone(), self.enter(&params.account));
        if params.account == "panic at once" {
            std::panic::resume_unwind(Box::new("as told, before there is a future"));
        }
        async move {
            let _alive = alive;
            match params.account.as_str() {
                "hold" => script.go.acquire().await.map_err(|_| Fault::invalid("go", "closed"))?.forget(),
                "never" => std::future::pending().await,
                // Always ready, so it uses up the runtime's budget in each poll.
                "hog" => loop {
                    tokio::task::consume_budget().await;
                },
                // Without the hook: writing a backtrace can outlast the caller's patience on a busy machine.
                "panic" => std::panic::resume_unwind(Box::new("as told")),
                "tells" => {
                    request.progress.clone_into(&mut script.teller.lock().expect("no panic inside"));
                    let mut period = interval(Duration::from_millis(5));
                    for done in 1.. {
                        request.progress.tell(done, 40, "reading \"quotes\"\r\nIb-Caller: x \u{df}");
                        tokio::select! {
                            _ = period.tick() => {}
                            go = script.go.acquire() => {
                                go.map_err(|_| Fault::invalid("go", "closed"))?.forget();
                                break;
                            }
                        }
                    }
                    request.progress.tell(40, 40, "the last word comes with the reply");
                }
                "huge" => return Ok(summary(&"x".repeat(schemas::REPLY_BYTES_MAX))),
                _ => {}
            }
            Ok(summary(&params.account))
        }
    }

    pub(crate) fn builder(&self, bus: &Bus, settings: ServeSettings) -> Builder {
        let (summaries, positions) = (self.clone(), self.clone());
        Server::builder(bus, gateway(), settings)
            .route::<Summary, _, _>(move |params, request| summaries.summary(params, request))
            .route::<Positions, _, _>(move |params: PositionsParams, _| {
                let alive = positions.enter(&params.account);
                async move {
                    drop(alive);
                    Ok(PositionsReply {
                        positions: schemas::Written::default(),
                        total: params.offset,
                        truncated: false,
                        next: None,
                        context: context(),
                    })
                }
            })
    }

    /// A server that has joined everything.
    pub(crate) async fn serve(&self, bus: &Bus, settings: ServeSettings) -> Server {
        let server = self.builder(bus, settings).start().await.expect("a server");
        server.join([SUMMARY, POSITIONS]).await.expect("joined");
        server
    }
}

/// One server and one caller, on connections of their own.
pub(crate) struct Rig {
    pub(crate) script: Script,
    pub(crate) server: Server,
    pub(crate) caller: Caller,
    pub(crate) serving: Bus,
    pub(crate) calling: Bus,
    pub(crate) nats: NatsServer,
}

pub(crate) async fn rig(slots: usize, waiting_max: usize) -> Rig {
    let nats = nats().await;
    let (serving, calling) = (connect(&nats).await, connect(&nats).await);
    let script = Script::new();
    let server = script.serve(&serving, serve_settings("worker-1", slots, waiting_max)).await;
    let caller = Caller::start(&calling, gateway()).await.expect("a caller").patience(quick());
    Rig { script, server, caller, serving, calling, nats }
}

/// Shorter than the product's, so that a test of what is lost need not wait for seconds.
pub(crate) fn quick() -> Patience {
    let ms = Duration::from_millis;
    Patience { accept_wait: ms(700), again_after: ms(50), lost_after: ms(1_000), look_period: ms(50) }
}

pub(crate) fn account(name: &str) -> AccountParams {
    AccountParams { account: name.to_owned() }
}

pub(crate) fn within_ms(ms: u64) -> CallOptions {
    CallOptions { timeout: Some(Duration::from_millis(ms)), ..CallOptions::default() }
}

pub(crate) async fn ask(caller: &Caller, name: &str) -> Result<SummaryReply, Fault> {
    caller.ask::<Summary>(&account(name), CallOptions::default()).await
}

/// Asks in a task of its own.
pub(crate) fn asking(caller: &Caller, name: &str, options: CallOptions) -> tokio::task::JoinHandle<Result<SummaryReply, Fault>> {
    let (caller, params) = (caller.clone(), account(name));
    tokio::spawn(async move { caller.ask::<Summary>(&params, options).await })
}

pub(crate) fn row<O: Operation>() -> &'static schemas::Row {
    schemas::find(&format!("{}.{}", O::FAMILY, O::OP)).expect("in the table")
}

/// The fault of a raw reply; its headers must say the same.
pub(crate) fn fault(message: &Message) -> Fault {
    let body: FaultBody = serde_json::from_slice(&message.payload).expect("a fault as body");
    let headers = message.headers.as_ref().expect("headers");
    assert_eq!(headers.get("Nats-Service-Error-Code").map(|v| v.as_str()), Some(body.error.code.as_str()));
    assert!(!headers.get("Nats-Service-Error").expect("the text").as_str().is_empty());
    body.error
}

pub(crate) fn header<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.headers.as_ref()?.get(name).map(|value| value.as_str())
}

pub(crate) fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
}

pub(crate) fn beat(id: &str, state: State, operations: &[&str]) -> Heartbeat {
    Heartbeat {
        service: "ib-worker".to_owned(),
        id: id.to_owned(),
        version: schemas::VERSION.to_owned(),
        pid: 1,
        state,
        sequence: 0,
        started_at: "2026-01-02T15:00:00Z".parse().expect("an instant"),
        in_flight: 0,
        slots: 4,
        operations: operations.iter().map(|&name| name.to_owned()).collect(),
        ib: Some(session(state == State::Ready)),
        gateway: None,
    }
}

fn session(connected: bool) -> IbSession {
    IbSession {
        connected,
        host: "gw.example".to_owned(),
        port: 4002,
        client_id: None,
        server_version: None,
        mode: None,
        consecutive_failures: u32::from(!connected),
        restart_count: 0,
        upstream_lost: false,
        reason: (!connected).then(|| "connection refused".to_owned()),
        notices: Vec::new(),
    }
}

/// Waits until the server has processed what this client sent before; a flush only empties the local buffer.
pub(crate) async fn settle(client: &async_nats::Client) {
    let refused = timeout(LIMIT, client.request("nobody.listens.here", "".into())).await.expect("a round trip");
    assert!(refused.is_err());
}

/// Publishes one heartbeat as its process would.
pub(crate) async fn tell(client: &async_nats::Client, beat: &Heartbeat) {
    let body = serde_json::to_vec(beat).expect("json");
    client.publish(gateway().health(&beat.service, &beat.id), body.into()).await.expect("published");
    settle(client).await;
}

/// Waits until `state` holds.
pub(crate) async fn eventually(what: &str, mut state: impl AsyncFnMut() -> bool) {
    let mut poll = interval(Duration::from_millis(5));
    let wait = async {
        while !state().await {
            poll.tick().await;
        }
    };
    assert!(timeout(LIMIT, wait).await.is_ok(), "waited in vain until {what}");
}

/// Where time itself is what is tested.
pub(crate) async fn pass(ms: u64) {
    tokio::time::sleep_until(Instant::now() + Duration::from_millis(ms)).await;
}
