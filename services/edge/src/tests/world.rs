//! An edge, a real NATS server and a small responder that does as it is told.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use bus::{Bus, ServeSettings, Server};
use nats_local::{Locate, NatsServer, NoProgress, StartOptions};
use schemas::{
    ClientId, Context, Fault, GatewayName,
    account::{AccountSummary, AccountValue, Summary, SummaryReply},
    context::{DataType, MarketState, Mode},
    contracts::Search,
    health::{Heartbeat, IbSession, State},
    subject::WORKER_QUEUE,
};
use serde_json::Value;
use tokio::{
    io::AsyncWriteExt,
    sync::{Notify, Semaphore, watch},
    time::timeout,
};

use super::{PATIENCE, Running, start};
use crate::link::{self, Link};

pub(super) const WORKER: &str = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";

/// What the responder is told to do and tells that it did.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// The next answer of `contracts.search`, which nobody can give from memory; none waits for ever.
    pub(super) search: Mutex<Option<Fault>>,
    pub(super) searched: AtomicU32,
    /// A search has begun.
    pub(super) begun: Notify,
    /// A search that waits has been dropped.
    pub(super) dropped: Notify,
    /// `Ib-Caller` of the last summary.
    pub(super) caller: Mutex<Option<String>>,
}

/// Opens for one word at a time.
#[derive(Debug)]
pub(super) struct Gate(Semaphore);

impl Default for Gate {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Gate {
    pub(super) fn open(&self) {
        self.0.add_permits(1);
    }

    pub(super) async fn pass(&self) {
        self.0.acquire().await.expect("never closed").forget();
    }
}

pub(super) struct World {
    pub(super) nats: NatsServer,
    pub(super) edge: Running,
    pub(super) link: Link,
    pub(super) worker: Server,
    pub(super) script: Arc<Script>,
    pub(super) bus: Bus,
}

pub(super) fn gateway() -> GatewayName {
    "paper".parse().expect("a name")
}

pub(super) async fn nats() -> NatsServer {
    let binary = nats_local::locate(&Locate::from_env(), &NoProgress).await.expect("a nats-server");
    NatsServer::start(&binary, StartOptions::default()).await.expect("it starts")
}

pub(super) async fn connect(nats: &NatsServer) -> Bus {
    Bus::connect(&bus::Settings { url: nats.url(), creds_file: None, name: "test".to_owned() }).await.expect("connected")
}

pub(super) async fn world() -> World {
    let nats = nats().await;
    let bus = connect(&nats).await;
    let script = Arc::new(Script::default());
    let worker = responder(&bus, &script).await;
    let edge = start(&[("NATS_URL", &nats.url())]).await;
    let link = link::establish(&edge.edge, &edge.process).await.expect("linked");
    World { nats, edge, link, worker, script, bus }
}

async fn responder(bus: &Bus, script: &Arc<Script>) -> Server {
    let settings = ServeSettings {
        service: "ib-worker",
        queue: WORKER_QUEUE,
        id: WORKER.to_owned(),
        slots: 16,
        waiting_max: 16,
        client_id: watch::Sender::new(Some(ClientId(10))).subscribe(),
        observer: None,
    };
    let (summaries, searches) = (Arc::clone(script), Arc::clone(script));
    let server = Server::builder(bus, gateway(), settings)
        .route::<Summary, _, _>(move |_, request| {
            *summaries.caller.lock().expect("lock") = request.caller;
            async { Ok(summary()) }
        })
        .route::<Search, _, _>(move |_, _| {
            let script = Arc::clone(&searches);
            async move {
                let mut waiting = TellDropped(Some(Arc::clone(&script)));
                script.searched.fetch_add(1, Ordering::Relaxed);
                let fault = script.search.lock().expect("lock").clone();
                script.begun.notify_one();
                match fault {
                    Some(fault) => {
                        waiting.0 = None;
                        Err(fault)
                    }
                    None => std::future::pending().await,
                }
            }
        })
        .start()
        .await
        .expect("a server");
    server.join(["account.summary", "contracts.search"]).await.expect("joined");
    server
}

struct TellDropped(Option<Arc<Script>>);

impl Drop for TellDropped {
    fn drop(&mut self) {
        if let Some(script) = &self.0 {
            script.dropped.notify_one();
        }
    }
}

fn summary() -> SummaryReply {
    let value =
        AccountValue { tag: "NetLiquidation".to_owned(), value: "1000592.65".to_owned(), number: None, currency: Some("USD".to_owned()) };
    SummaryReply {
        accounts: vec![AccountSummary { account: "DUSIM00001".to_owned(), values: vec![value] }],
        context: Context {
            mode: Mode::Simulated,
            account: Some("DUS***001".to_owned()),
            data_type: DataType::Account,
            time: service::clock::now(),
            as_of: None,
            time_zone: "America/New_York".to_owned(),
            market_state: MarketState::Open,
            market_until: None,
            stale: false,
        },
    }
}

pub(super) fn heartbeat(connected: bool) -> Heartbeat {
    let ib = IbSession {
        connected,
        host: "127.0.0.1".to_owned(),
        port: 4002,
        client_id: Some(ClientId(10)),
        server_version: Some(213),
        mode: connected.then_some(Mode::Simulated),
        consecutive_failures: 0,
        restart_count: 0,
        upstream_lost: false,
        reason: None,
        notices: Vec::new(),
    };
    Heartbeat {
        service: "ib-worker".to_owned(),
        id: WORKER.to_owned(),
        version: "0".to_owned(),
        pid: 1,
        state: if connected { State::Ready } else { State::IbDown },
        sequence: 0,
        started_at: service::clock::now(),
        in_flight: 0,
        slots: 16,
        operations: vec!["account.summary".to_owned(), "contracts.search".to_owned()],
        ib: Some(ib),
        gateway: None,
    }
}

impl World {
    /// Waits until `/health` is as it should be.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let look = async {
            loop {
                let health = self.edge.get("/health").await.json();
                if holds(&health) {
                    return health;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("never {what}"))
    }

    pub(super) async fn search(&self) -> Value {
        self.edge.call("search_contracts", r#"{"query":"apple"}"#).await
    }

    /// Sends a call that will not be answered and waits until the worker has it.
    pub(super) async fn begin(&self, body: &str) -> tokio::net::TcpStream {
        let mut stream = self.edge.connect().await;
        let request = format!("POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}", self.edge.address, body.len());
        stream.write_all(request.as_bytes()).await.expect("sent");
        timeout(PATIENCE, self.script.begun.notified()).await.expect("the call arrives");
        stream
    }

    pub(super) async fn dropped(&self) {
        timeout(PATIENCE, self.script.dropped.notified()).await.expect("the worker's work ends");
    }
}
