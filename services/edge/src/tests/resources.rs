//! Resources, prompts and completion over HTTP, with a responder that holds what a worker keeps.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bus::{Bus, ServeSettings, Server};
use nats_local::NatsServer;
use schemas::{
    ClientId, Fault, FaultCode,
    account::{OpenOrders, OpenOrdersReply, Portfolio, PortfolioReply, Positions, PositionsParams, PositionsReply, Summary, SummaryReply},
    contracts::{Search, SearchReply},
    subject::WORKER_QUEUE,
};
use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

use super::{
    Running, start,
    world::{WORKER, connect, gateway, nats},
};
use crate::link::{self, Link};

pub(super) const POSITIONS: &str = "ibkr://positions/DUSIM00001";

/// What a worker's memory holds.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) accounts: Mutex<Vec<&'static str>>,
    pub(super) quantity: AtomicU32,
    pub(super) fault: Mutex<Option<Fault>>,
    /// Symbols that a search finds; none answers never.
    pub(super) found: Mutex<Option<Vec<String>>>,
    pub(super) asked: AtomicU32,
    pub(super) orders_asked: AtomicU32,
}

pub(super) struct World {
    pub(super) edge: Running,
    pub(super) memory: Arc<Memory>,
    pub(super) bus: Bus,
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

    fn orders(&self) -> OpenOrdersReply {
        self.orders_asked.fetch_add(1, Ordering::Relaxed);
        of(json!({ "orders": [], "total": 0, "truncated": false, "context": context() }))
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

pub(super) async fn worker(bus: &Bus, memory: &Arc<Memory>, id: &str) -> Server {
    let settings = ServeSettings {
        service: "ib-worker",
        queue: WORKER_QUEUE,
        id: id.to_owned(),
        slots: 16,
        waiting_max: 16,
        client_id: watch::Sender::new(Some(ClientId(10))).subscribe(),
        observer: None,
    };
    let (a, b, c, d) = (Arc::clone(memory), Arc::clone(memory), Arc::clone(memory), Arc::clone(memory));
    let server = Server::builder(bus, gateway(), settings)
        .route::<Summary, _, _>(move |_, _| {
            let reply = a.summary();
            async { Ok(reply) }
        })
        .route::<Positions, _, _>(move |params, _| {
            let reply = b.holding(&params);
            async { reply }
        })
        .route::<Portfolio, _, _>(move |_, _| async {
            Ok(of::<PortfolioReply>(json!({ "accounts": [], "holdings": [], "total": 0, "truncated": false, "context": context() })))
        })
        .route::<OpenOrders, _, _>(move |_, _| {
            let reply = d.orders();
            async { Ok(reply) }
        })
        .route::<Search, _, _>(move |_, _| {
            let memory = Arc::clone(&c);
            async move { memory.search().await }
        })
        .start()
        .await
        .expect("a server");
    let served = ["account.summary", "account.positions", "account.portfolio", "account.open_orders", "contracts.search"];
    server.join(served).await.expect("joined");
    server
}

pub(super) async fn world() -> World {
    let nats = nats().await;
    let bus = connect(&nats).await;
    let memory = Arc::new(Memory {
        accounts: Mutex::new(vec!["DUSIM00001", "DUSIM00002"]),
        quantity: AtomicU32::new(100),
        fault: Mutex::default(),
        found: Mutex::default(),
        asked: AtomicU32::new(0),
        orders_asked: AtomicU32::new(0),
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
    pub(super) async fn result(&self, method: &str, params: Value) -> Value {
        let said = self.mcp(&request(method, &params)).await.json();
        assert!(said.get("error").is_none(), "{method} {params}: {said}");
        said["result"].clone()
    }

    async fn problem(&self, method: &str, params: Value) -> Value {
        let said = self.mcp(&request(method, &params)).await.json();
        assert!(said.get("result").is_none(), "{method} {params}: {said}");
        said["error"].clone()
    }

    pub(super) async fn uris(&self) -> Vec<String> {
        let listed = self.result("resources/list", json!({})).await;
        let uris = listed["resources"].as_array().expect("an array").iter();
        uris.map(|resource| resource["uri"].as_str().expect("a uri").to_owned()).collect()
    }
}

#[tokio::test]
async fn lists_name_what_can_be_read_for_each_account() {
    let world = world().await;
    let uris = world.edge.uris().await;
    let of_accounts =
        ["positions", "portfolio", "orders"].into_iter().flat_map(|kind| [1, 2].map(|n| format!("ibkr://{kind}/DUSIM0000{n}")));
    let expected: Vec<String> = ["ibkr://accounts", "ibkr://health"].map(str::to_owned).into_iter().chain(of_accounts).collect();
    assert_eq!(uris, expected);
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
async fn the_suites_fixtures_stand_beside_what_is_real() {
    let edge = start(&[("EDGE_CONFORMANCE", "true")]).await;
    for (method, member, name, real, fixture) in [
        ("tools/list", "tools", "name", "get_positions", "test_simple_text"),
        ("resources/list", "resources", "uri", "ibkr://health", "test://static-text"),
        ("resources/templates/list", "resourceTemplates", "uriTemplate", "ibkr://orders/{account}", "test://template/{id}/data"),
        ("prompts/list", "prompts", "name", "portfolio_review", "test_simple_prompt"),
    ] {
        let listed = edge.result(method, json!({})).await;
        let names: Vec<&str> = listed[member].as_array().expect("an array").iter().filter_map(|row| row[name].as_str()).collect();
        assert!(names.contains(&real) && names.contains(&fixture), "{method}: {names:?}");
    }
    for uri in ["ibkr://health", "test://static-text"] {
        assert_eq!(edge.result("resources/read", json!({ "uri": uri })).await["contents"][0]["uri"], json!(uri));
    }
    for name in ["portfolio_review", "test_simple_prompt"] {
        let got = edge.result("prompts/get", json!({ "name": name })).await;
        assert!(got["messages"][0]["content"]["text"].is_string(), "{name}: {got}");
    }
    for (name, argument, typed, found) in
        [("pre_trade_checklist", "bar_size", "1 m", "1 month"), ("test_prompt_with_arguments", "arg1", "par", "paris")]
    {
        let of = json!({ "ref": { "type": "ref/prompt", "name": name }, "argument": { "name": argument, "value": typed } });
        let values = edge.result("completion/complete", of).await["completion"]["values"].clone();
        assert!(values.as_array().is_some_and(|values| values.contains(&json!(found))), "{name}: {values}");
    }
    assert_eq!(edge.problem("resources/read", json!({ "uri": "test://nothing" })).await["code"], json!(-32602));
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
