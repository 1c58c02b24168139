//! Resources, prompts and completion over HTTP, and what tells their readers of changes, with a responder that holds what
//! a worker keeps.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bus::{Beacon, Bus, ServeSettings, Server};
use futures::FutureExt;
use nats_local::NatsServer;
use schemas::{
    ClientId, Fault, FaultCode,
    account::{Positions, PositionsParams, PositionsReply, Summary, SummaryReply},
    contracts::{Search, SearchReply},
    subject::WORKER_QUEUE,
};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use super::{
    PATIENCE, Running,
    push::BOTH,
    start,
    streams::Stream,
    world::{WORKER, connect, gateway, heartbeat, nats},
};
use crate::{
    link::{self, Link},
    mcp::hub::{Change, Kind, Subscription},
};

const POSITIONS: &str = "ibkr://positions/DUSIM00001";

/// What a worker's memory holds.
#[derive(Debug)]
struct Memory {
    accounts: Mutex<Vec<&'static str>>,
    quantity: AtomicU32,
    fault: Mutex<Option<Fault>>,
    /// Symbols that a search finds; none answers never.
    found: Mutex<Option<Vec<String>>>,
    asked: AtomicU32,
}

struct World {
    edge: Running,
    memory: Arc<Memory>,
    bus: Bus,
    _worker: Server,
    _link: Link,
    _nats: NatsServer,
}

fn context() -> Value {
    json!({ "mode": "simulated", "account": "DUS***001", "data_type": "account", "time": service::clock::now(),
        "as_of": service::clock::now(), "time_zone": "America/New_York", "market_state": "open", "stale": false })
}

fn of<T: serde::de::DeserializeOwned>(reply: Value) -> T {
    serde_json::from_value(reply).expect("a reply")
}

impl Memory {
    fn holding(&self, params: &PositionsParams) -> Result<PositionsReply, Fault> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if let Some(fault) = self.fault.lock().expect("lock").clone() {
            return Err(fault);
        }
        let accounts = self.accounts.lock().expect("lock").clone();
        if !accounts.contains(&params.account.as_str()) {
            let mut fault = Fault::new(FaultCode::NotFound, format!("this login has no account `{}`", params.account)).allowed(accounts);
            fault.field = Some("account".to_owned());
            return Err(fault);
        }
        let quantity = self.quantity.load(Ordering::Relaxed);
        let rows = if quantity == 0 {
            json!([])
        } else {
            json!([{ "account": params.account, "symbol": "AAPL", "quantity": quantity, "avg_cost": 100, "avg_price": 100, "currency": "USD",
                "sec_type": "STK", "multiplier": 1, "conid": 265_598 }])
        };
        Ok(of(json!({ "positions": rows, "total": u32::from(quantity > 0), "truncated": false, "context": context() })))
    }

    fn summary(&self) -> SummaryReply {
        let accounts = self.accounts.lock().expect("lock").clone();
        let accounts: Vec<Value> = accounts.into_iter().map(|account| json!({ "account": account, "values": [] })).collect();
        of(json!({ "accounts": accounts, "context": context() }))
    }

    async fn search(&self) -> Result<SearchReply, Fault> {
        let Some(found) = self.found.lock().expect("lock").clone() else { return std::future::pending().await };
        let row = |symbol| json!({ "conid": 1, "symbol": symbol, "sec_type": "STK", "primary_exchange": "NASDAQ", "currency": "USD" });
        let matches: Vec<Value> = found.into_iter().map(row).collect();
        Ok(of(json!({ "pattern": "x", "matches": matches, "context": context() })))
    }
}

async fn worker(bus: &Bus, memory: &Arc<Memory>, id: &str) -> Server {
    let settings = ServeSettings {
        service: "ib-worker",
        queue: WORKER_QUEUE,
        id: id.to_owned(),
        slots: 16,
        waiting_max: 16,
        client_id: watch::Sender::new(Some(ClientId(10))).subscribe(),
        observer: None,
    };
    let (a, b, c) = (Arc::clone(memory), Arc::clone(memory), Arc::clone(memory));
    let server = Server::builder(bus, gateway(), settings)
        .route::<Summary, _, _>(move |_, _| {
            let reply = a.summary();
            async { Ok(reply) }
        })
        .route::<Positions, _, _>(move |params, _| {
            let reply = b.holding(&params);
            async { reply }
        })
        .route::<Search, _, _>(move |_, _| {
            let memory = Arc::clone(&c);
            async move { memory.search().await }
        })
        .start()
        .await
        .expect("a server");
    server.join(["account.summary", "account.positions", "contracts.search"]).await.expect("joined");
    server
}

async fn world() -> World {
    let nats = nats().await;
    let bus = connect(&nats).await;
    let memory = Arc::new(Memory {
        accounts: Mutex::new(vec!["DUSIM00001", "DUSIM00002"]),
        quantity: AtomicU32::new(100),
        fault: Mutex::default(),
        found: Mutex::default(),
        asked: AtomicU32::new(0),
    });
    let worker = worker(&bus, &memory, WORKER).await;
    let edge = start(&[("NATS_URL", &nats.url())]).await;
    let link = link::establish(&edge.edge, &edge.process).await.expect("linked");
    World { edge, memory, bus, _worker: worker, _link: link, _nats: nats }
}

fn request(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
}

impl Running {
    async fn result(&self, method: &str, params: Value) -> Value {
        let said = self.mcp(&request(method, &params)).await.json();
        assert!(said.get("error").is_none(), "{method} {params}: {said}");
        said["result"].clone()
    }

    async fn problem(&self, method: &str, params: Value) -> Value {
        let said = self.mcp(&request(method, &params)).await.json();
        assert!(said.get("result").is_none(), "{method} {params}: {said}");
        said["error"].clone()
    }

    async fn uris(&self) -> Vec<String> {
        let listed = self.result("resources/list", json!({})).await;
        let uris = listed["resources"].as_array().expect("an array").iter();
        uris.map(|resource| resource["uri"].as_str().expect("a uri").to_owned()).collect()
    }

    fn follow(&self, uris: &[&str]) -> Subscription {
        let subscription = self.edge.hub.subscribe(&[Kind::Resources]).expect("room");
        assert!(uris.iter().all(|uri| subscription.follow(uri)));
        subscription
    }
}

/// The next changes; fails where none come.
async fn next(subscription: &Subscription) -> Vec<Change> {
    timeout(PATIENCE, subscription.next()).await.expect("a change")
}

fn updated(uri: &str) -> Vec<Change> {
    vec![Change::Updated(Arc::from(uri))]
}

async fn until(what: &str, is: impl Fn() -> bool) {
    let look = async {
        while !is() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("never {what}"));
}

#[tokio::test]
async fn lists_name_what_can_be_read_for_each_account() {
    let world = world().await;
    let uris = world.edge.uris().await;
    assert_eq!(uris, ["ibkr://accounts", "ibkr://health", POSITIONS, "ibkr://positions/DUSIM00002"]);
    for uri in &uris {
        let read = world.edge.result("resources/read", json!({ "uri": uri })).await;
        let content = &read["contents"][0];
        assert_eq!((&content["uri"], &content["mimeType"]), (&json!(uri), &json!("application/json")));
        assert!(serde_json::from_str::<Value>(content["text"].as_str().expect("a text")).expect("JSON").is_object(), "{uri}");
    }
    let templates = world.edge.result("resources/templates/list", json!({})).await;
    assert_eq!(templates["resourceTemplates"][0]["uriTemplate"], "ibkr://positions/{account}");
    let hello = world.edge.result("initialize", json!({ "protocolVersion": "2025-11-25" })).await;
    for capability in ["resources", "prompts", "completions", "tools"] {
        assert!(hello["capabilities"][capability].is_object(), "{capability}: {hello}");
    }
}

#[tokio::test]
async fn a_list_without_nats_comes_at_once_and_names_what_needs_no_account() {
    let edge = start(&[]).await;
    assert_eq!(edge.uris().await, ["ibkr://accounts", "ibkr://health"]);
    let read = edge.result("resources/read", json!({ "uri": "ibkr://health" })).await;
    let health: Value = serde_json::from_str(read["contents"][0]["text"].as_str().expect("a text")).expect("JSON");
    assert_eq!(health["nats_connected"], json!(false));
    let away = edge.problem("resources/read", json!({ "uri": "ibkr://accounts" })).await;
    assert_eq!((&away["code"], &away["data"]["code"]), (&json!(-32603), &json!("no_worker")));
    assert!(away["message"].as_str().is_some_and(|text| text.contains("NATS_URL")), "{away}");
}

#[tokio::test]
async fn a_read_is_the_services_reply_also_when_nothing_is_held() {
    let world = world().await;
    let read = world.edge.result("resources/read", json!({ "uri": POSITIONS })).await;
    let body: PositionsReply = serde_json::from_str(read["contents"][0]["text"].as_str().expect("a text")).expect("a reply");
    assert_eq!((body.total, body.positions[0].symbol.as_str()), (1, "AAPL"));
    assert_eq!(read["_meta"]["ib-mesh/served_by"], WORKER);
    world.memory.quantity.store(0, Ordering::Relaxed);
    let read = world.edge.result("resources/read", json!({ "uri": POSITIONS })).await;
    assert!(read["contents"][0]["text"].as_str().is_some_and(|text| text.starts_with(r#"{"positions":[],"total":0"#)), "{read}");
    let counted = r#"ibmesh_edge_tool_calls_total{tool="ibkr://positions/{account}",outcome="ok"} 2"#;
    assert!(world.edge.get("/metrics").await.body.contains(counted));
}

#[tokio::test]
async fn a_read_that_fails_says_why_and_what_to_do() {
    let world = world().await;
    let foreign = world.edge.problem("resources/read", json!({ "uri": "ibkr://positions/U1234567" })).await;
    assert_eq!((&foreign["code"], &foreign["data"]["code"]), (&json!(-32602), &json!("not_found")));
    assert!(foreign["message"].as_str().is_some_and(|text| text.contains("its accounts are DUSIM00001, DUSIM00002")), "{foreign}");
    *world.memory.fault.lock().expect("lock") = Some(Fault::new(FaultCode::GatewayDown, "IB is away").hint("wait for it"));
    let away = world.edge.problem("resources/read", json!({ "uri": POSITIONS })).await;
    assert_eq!((&away["code"], &away["message"]), (&json!(-32603), &json!("gateway_down: IB is away; wait for it")));
    assert_eq!(away["data"]["retry"], "after");
    for (method, params) in [
        ("resources/read", json!({})),
        ("resources/read", json!([POSITIONS])),
        ("resources/read", json!({ "uri": 7 })),
        ("resources/read", json!({ "uri": "ibkr://nothing" })),
        ("resources/list", json!({ "cursor": "2" })),
        ("resources/templates/list", json!({ "cursor": "2" })),
        ("prompts/list", json!({ "cursor": "2" })),
        ("prompts/get", json!({ "name": "nothing" })),
        ("completion/complete", json!({})),
        ("completion/complete", json!({ "ref": { "type": "ref/prompt", "name": "portfolio_review" }, "argument": { "name": "account" } })),
    ] {
        assert_eq!(world.edge.problem(method, params.clone()).await["code"], json!(-32602), "{method} {params}");
    }
}

#[tokio::test]
async fn who_follows_a_resource_hears_of_each_change_and_of_nothing_else() {
    let world = world().await;
    world.edge.result("resources/list", json!({})).await;
    let asked = || world.memory.asked.load(Ordering::Relaxed);
    assert_eq!(asked(), 0, "nobody listens, so nobody is asked");
    let subscription = world.edge.follow(&[POSITIONS]);
    // Several looks at what stays the same but for its times are no news.
    until("looked at three times", || asked() >= 3).await;
    world.memory.quantity.store(101, Ordering::Relaxed);
    assert_eq!(next(&subscription).await, updated(POSITIONS));

    // What was read is what later answers are compared with, looks or not.
    world.memory.quantity.store(102, Ordering::Relaxed);
    world.edge.result("resources/read", json!({ "uri": POSITIONS })).await;
    assert_eq!(next(&subscription).await, updated(POSITIONS));

    *world.memory.fault.lock().expect("lock") = Some(Fault::new(FaultCode::StaleData, "too old"));
    assert_eq!(next(&subscription).await, updated(POSITIONS), "that it cannot be read any more is a change");
    *world.memory.fault.lock().expect("lock") = None;
    assert_eq!(next(&subscription).await, updated(POSITIONS));

    // A busy worker says nothing about what is held.
    *world.memory.fault.lock().expect("lock") = Some(Fault::new(FaultCode::Busy, "later"));
    let before = asked();
    until("asked again", || asked() > before + 1).await;
    *world.memory.fault.lock().expect("lock") = None;
    let before = asked();
    until("answered again", || asked() > before + 1).await;
    assert!(subscription.next().now_or_never().is_none(), "nothing has changed");

    drop(subscription);
    until("forgotten", || world.edge.edge.watch.remembered() == 0).await;
}

#[tokio::test]
async fn two_workers_with_memories_that_differ_make_no_noise() {
    let world = world().await;
    let other = Arc::new(Memory {
        accounts: Mutex::new(vec!["DUSIM00001"]),
        quantity: AtomicU32::new(7),
        fault: Mutex::default(),
        found: Mutex::default(),
        asked: AtomicU32::new(0),
    });
    let _second = worker(&world.bus, &other, "0190a1b2-c3d4-7e5f-8a9b-bbbbbbbbbbbb").await;
    let subscription = world.edge.follow(&[POSITIONS]);
    let both = |times| world.memory.asked.load(Ordering::Relaxed) >= times && other.asked.load(Ordering::Relaxed) >= times;
    // Which of them is asked is NATS's business; reads make looks frequent.
    let read = async |times| {
        while !both(times) {
            world.edge.result("resources/read", json!({ "uri": POSITIONS })).await;
        }
    };
    timeout(PATIENCE, read(1)).await.expect("both are asked");
    assert_eq!(next(&subscription).await, updated(POSITIONS), "the second one says something new, once");
    timeout(PATIENCE, read(20)).await.expect("both are asked again and again");
    assert!(subscription.next().now_or_never().is_none(), "neither has changed");
    other.quantity.store(8, Ordering::Relaxed);
    timeout(PATIENCE, read(40)).await.expect("both are asked again and again");
    assert_eq!(next(&subscription).await, updated(POSITIONS));
}

#[tokio::test]
async fn a_login_changes_the_list_and_a_heartbeat_the_health() {
    let world = world().await;
    let subscription = world.edge.follow(&["ibkr://health"]);
    let (connected, says) = watch::channel(true);
    let beacon = Beacon::start(&world.bus, gateway(), move || heartbeat(*says.borrow()));
    let mut heard = Vec::new();
    while !(heard.contains(&Change::Listed(Kind::Resources)) && heard.contains(&updated("ibkr://health")[0])) {
        heard.extend(next(&subscription).await);
    }
    assert_eq!(world.edge.edge.watch.accounts(), ["DUSIM00001", "DUSIM00002"], "asked for once a worker has IB");
    connected.send_replace(false);
    beacon.changed();
    assert_eq!(next(&subscription).await, updated("ibkr://health"));
    // Another login: its accounts are asked for when a worker has IB again.
    *world.memory.accounts.lock().expect("lock") = vec!["DUSIM00009"];
    connected.send_replace(true);
    beacon.changed();
    let mut heard = Vec::new();
    while !heard.contains(&Change::Listed(Kind::Resources)) {
        heard.extend(next(&subscription).await);
    }
    assert!(world.edge.uris().await.contains(&"ibkr://positions/DUSIM00009".to_owned()));
}

async fn completed(world: &World, of: Value, argument: &str, typed: &str) -> Value {
    let params = json!({ "ref": of, "argument": { "name": argument, "value": typed } });
    world.edge.result("completion/complete", params).await["completion"].clone()
}

#[tokio::test]
async fn what_is_typed_is_completed() {
    let world = world().await;
    let prompt = |name: &str| json!({ "type": "ref/prompt", "name": name });
    let template = json!({ "type": "ref/resource", "uri": "ibkr://positions/{account}" });
    let accounts = completed(&world, template, "account", "dusim").await;
    assert_eq!(accounts, json!({ "values": ["DUSIM00001", "DUSIM00002"], "total": 2, "hasMore": false }));
    assert_eq!(completed(&world, prompt("portfolio_review"), "account", "2").await["values"], json!(["DUSIM00002"]));
    assert_eq!(completed(&world, prompt("pre_trade_checklist"), "bar_size", "1 m").await["values"], json!(["1 min", "1 month"]));
    assert_eq!(completed(&world, prompt("pre_trade_checklist"), "action", "s").await["values"], json!(["SELL"]));
    assert_eq!(completed(&world, prompt("pre_trade_checklist"), "quantity", "1").await["values"], json!([]));

    // A search that does not answer keeps nobody waiting, and is no failure of the gateway's.
    let started = Instant::now();
    for _ in 0..4 {
        assert_eq!(completed(&world, prompt("options_analysis"), "symbol", "app").await["values"], json!([]));
    }
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(world.edge.get("/health").await.json()["circuit_breaker"]["failure_count"], json!(0));

    *world.memory.found.lock().expect("lock") = Some(vec!["AAPL".to_owned(), "APLE".to_owned(), "AAPL".to_owned()]);
    assert_eq!(completed(&world, prompt("options_analysis"), "symbol", "app").await["values"], json!(["AAPL", "APLE"]));
    assert_eq!(completed(&world, prompt("options_analysis"), "symbol", "").await["total"], json!(0));
    *world.memory.found.lock().expect("lock") = Some((0..250).map(|n| format!("S{n}")).collect());
    let many = completed(&world, prompt("options_analysis"), "symbol", "s").await;
    assert_eq!((many["values"].as_array().map(Vec::len), &many["total"], &many["hasMore"]), (Some(100), &json!(250), &json!(true)));
}

impl World {
    fn hold(&self, quantity: u32) {
        self.memory.quantity.store(quantity, Ordering::Relaxed);
    }

    async fn quantity(&self) -> Value {
        let read = self.edge.result("resources/read", json!({ "uri": POSITIONS })).await;
        let body: Value = serde_json::from_str(read["contents"][0]["text"].as_str().expect("a text")).expect("JSON");
        body["positions"][0]["quantity"].clone()
    }
}

/// The next message of a stream that says anything.
async fn message(stream: &mut Stream) -> Value {
    loop {
        let event = stream.next().await.expect("an event");
        if !event.data.is_empty() {
            return event.json();
        }
    }
}

#[tokio::test]
async fn a_change_is_pushed_to_both_generations() {
    let world = world().await;
    let nothing = "ibkr://nothing";
    let mut listener = world.edge.listen(json!({ "resourcesListChanged": true, "resourceSubscriptions": [POSITIONS, nothing] })).await;
    let acknowledged = message(&mut listener).await;
    assert_eq!(acknowledged["params"]["notifications"]["resourceSubscriptions"], json!([POSITIONS]), "only what exists is honoured");

    let session = world.edge.session(json!({})).await;
    assert_eq!(
        world.edge.in_session(&session, "resources/subscribe", json!({ "uri": nothing })).await.json()["error"]["code"],
        json!(-32602)
    );
    world.edge.in_session(&session, "resources/subscribe", json!({ "uri": POSITIONS })).await;
    let mut stream = world.edge.stream("GET /mcp", &[BOTH, &session], "").await;

    assert_eq!(world.quantity().await, json!(100));
    world.hold(101);
    for (stream, tagged) in [(&mut listener, true), (&mut stream, false)] {
        let told = message(stream).await;
        assert_eq!((&told["method"], &told["params"]["uri"]), (&json!("notifications/resources/updated"), &json!(POSITIONS)));
        assert_eq!(told["params"]["_meta"].is_object(), tagged);
    }
    assert_eq!(world.quantity().await, json!(101));
    *world.memory.accounts.lock().expect("lock") = vec!["DUSIM00001"];
    world.edge.uris().await;
    assert_eq!(message(&mut listener).await["method"], json!("notifications/resources/list_changed"));

    let read = world.edge.modern("resources/read", json!({ "uri": POSITIONS }), json!({})).await.json()["result"].clone();
    assert_eq!((&read["resultType"], &read["ttlMs"], &read["contents"][0]["uri"]), (&json!("complete"), &json!(0), &json!(POSITIONS)));
    assert!(read["_meta"]["ib-mesh/served_by"].is_string() && read["_meta"]["io.modelcontextprotocol/serverInfo"].is_object(), "{read}");
    let gone = world.edge.modern("resources/read", json!({ "uri": nothing }), json!({})).await.json();
    assert_eq!(gone["error"]["code"], json!(-32602));
}

#[tokio::test]
async fn who_reads_slowly_hears_of_the_change_and_not_of_each() {
    let world = world().await;
    let wanted = json!({ "resourceSubscriptions": [POSITIONS] });
    let (mut slow, mut fast) = (world.edge.listen(wanted.clone()).await, world.edge.listen(wanted).await);
    message(&mut fast).await;
    world.quantity().await;
    // Reads tell the watcher of each change at once; the fast one hears while the slow one reads nothing.
    for quantity in 101..400 {
        world.hold(quantity);
        world.quantity().await;
    }
    assert_eq!(message(&mut fast).await["params"]["uri"], json!(POSITIONS));
    message(&mut slow).await;
    let mut heard = 0;
    world.edge.shutdown.cancel();
    while message(&mut slow).await.get("result").is_none() {
        heard += 1;
    }
    assert!((1..100).contains(&heard), "299 changes were told {heard} times");
}
