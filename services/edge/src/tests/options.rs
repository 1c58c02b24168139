//! A small responder in the place of the options service.

use std::sync::{Arc, Mutex};

use bus::{Beacon, ServeSettings, Server};
use schemas::{
    ClientId, Fault, Progress,
    health::{Heartbeat, State},
    options::{Chain, ChainParams, ChainReply, Expirations, ExpirationsParams, Quote, QuoteParams},
    subject::OPTIONS_QUEUE,
};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use super::world::{Gate, World, gateway, heartbeat};

const ID: &str = "0190a1b2-c3d4-7e5f-8a9b-aaaabbbbcccc";
const OPERATIONS: [&str; 3] = ["options.chain", "options.expirations", "options.quote"];

/// What it is told to do and tells that it did.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// How chains end; an answer where nothing is said.
    pub(super) fault: Mutex<Option<Fault>>,
    /// What a chain tells before it ends; it waits for `go` after each word.
    pub(super) steps: Mutex<Vec<Progress>>,
    pub(super) go: Gate,
    /// Parameters of everything that was asked, as JSON.
    pub(super) asked: Mutex<Vec<Value>>,
    /// A chain was given up by its caller.
    pub(super) dropped: Notify,
    /// `Ib-Caller` of the last chain.
    pub(super) caller: Mutex<Option<String>>,
}

impl Script {
    fn note(&self, params: &impl serde::Serialize) {
        self.asked.lock().expect("lock").push(serde_json::to_value(params).expect("json"));
    }

    /// What was asked last.
    pub(super) fn last(&self) -> Value {
        self.asked.lock().expect("lock").last().cloned().expect("something was asked")
    }

    pub(super) fn count(&self) -> usize {
        self.asked.lock().expect("lock").len()
    }
}

struct TellDropped(Option<Arc<Script>>);

impl Drop for TellDropped {
    fn drop(&mut self) {
        if let Some(script) = &self.0 {
            script.dropped.notify_one();
        }
    }
}

async fn answer(script: Arc<Script>, params: ChainParams, request: bus::Request) -> Result<ChainReply, Fault> {
    script.note(&params);
    script.caller.lock().expect("lock").clone_from(&request.caller);
    let mut under_way = TellDropped(Some(Arc::clone(&script)));
    let (fault, steps) = (script.fault.lock().expect("lock").clone(), script.steps.lock().expect("lock").clone());
    for step in steps {
        request.progress.tell(step.done, step.total, &step.note);
        script.go.pass().await;
    }
    under_way.0 = None;
    fault.map_or_else(|| Ok(chain()), Err)
}

pub(super) fn chain() -> ChainReply {
    let row = json!({ "conid": 700, "local_symbol": "AAPL  261218C00230000", "trading_class": "AAPL", "multiplier": 100, "right": "C",
        "strike": 230, "expiration": "2026-12-18", "settlement": "PM", "dte": 28, "bid": 5.1, "ask": 5.3, "iv": 0.25, "delta": 0.53,
        "data_type": "delayed", "as_of": "2026-11-20T20:00:00Z" });
    let reply = json!({ "symbol": "AAPL", "underlying_conid": 265_598, "underlying": underlying(), "expiration": "2026-12-18",
        "trading_class": "AAPL", "multiplier": 100, "underlying_price": 230.5, "as_of": "2026-11-20T20:00:00Z", "age_ms": 0,
        "data_type": "delayed", "complete": true, "missing": [], "rows": [row], "total": 1, "truncated": false, "context": context() });
    serde_json::from_value(reply).expect("a chain")
}

fn underlying() -> Value {
    json!({ "conid": 265_598, "symbol": "AAPL", "sec_type": "STK", "exchange": "SMART", "currency": "USD" })
}

fn context() -> Value {
    json!({ "mode": "simulated", "data_type": "delayed", "time": "2026-11-20T20:00:00Z", "time_zone": "America/New_York",
        "market_state": "open" })
}

/// Starts it beside the workers of `world`.
pub(super) async fn serve(world: &World) -> (Server, Arc<Script>) {
    let settings = ServeSettings {
        service: "options",
        queue: OPTIONS_QUEUE,
        id: ID.to_owned(),
        slots: 16,
        waiting_max: 16,
        client_id: watch::Sender::new(Some(ClientId(99))).subscribe(),
        observer: None,
    };
    let script = Arc::new(Script::default());
    let (chains, dates, quotes) = (Arc::clone(&script), Arc::clone(&script), Arc::clone(&script));
    let server = Server::builder(&world.bus, gateway(), settings)
        .route::<Chain, _, _>(move |params, request| answer(Arc::clone(&chains), params, request))
        .route::<Expirations, _, _>(move |params: ExpirationsParams, _| {
            dates.note(&params);
            let reply = json!({ "symbol": "AAPL", "underlying_conid": 265_598, "underlying": underlying(),
                "expirations": ["2026-12-18"], "chains": [], "truncated": false, "as_of": "2026-11-20T20:00:00Z", "context": context() });
            async { Ok(serde_json::from_value(reply).expect("expirations")) }
        })
        .route::<Quote, _, _>(move |params: QuoteParams, _| {
            quotes.note(&params);
            async {
                Err(Fault::new(schemas::FaultCode::NotSubscribed, "no market data").ib(354, "Requested market data is not subscribed"))
            }
        })
        .start()
        .await
        .expect("a server");
    server.join(OPERATIONS).await.expect("joined");
    (server, script)
}

/// Its heartbeats, which say whether it is connected to IB.
pub(super) fn beats(world: &World, connected: bool) -> (Beacon, watch::Sender<bool>) {
    let (connect, says) = watch::channel(connected);
    let beat = move || {
        let connected = *says.borrow();
        let mut beat = Heartbeat { service: "options".to_owned(), id: ID.to_owned(), operations: Vec::new(), ..heartbeat(connected) };
        if connected {
            beat.operations = OPERATIONS.map(str::to_owned).to_vec();
        }
        debug_assert_eq!(beat.state, if connected { State::Ready } else { State::IbDown });
        beat
    };
    (Beacon::start(&world.bus, gateway(), beat), connect)
}
