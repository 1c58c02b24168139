//! Calls through a real NATS server to a small responder. What IB answers is the business of the tests of the workers.

use std::sync::atomic::Ordering;

use bus::Beacon;
use schemas::{Fault, FaultCode, health::State};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, sync::watch, time::timeout};

use super::{
    PATIENCE,
    client::call,
    process,
    world::{WORKER, connect, gateway, heartbeat, nats, world, world_with},
};

#[tokio::test]
async fn the_predecessors_call_is_answered() {
    let world = world().await;
    let said = world.edge.mcp(&call("get_account_summary", "{}")).await;
    let json = said.json();
    assert_eq!((said.status, &json["id"]), (200, &json!("1")));
    let result = &json["result"];
    assert_eq!(result["isError"], json!(false), "{result}");
    assert_eq!(result["structuredContent"]["accounts"][0]["values"][0]["value"], json!("1000592.65"));
    let text = result["content"][0]["text"].as_str().expect("a text");
    assert!(text.lines().last().is_some_and(|line| line.starts_with("SIMULATED · DUS***001")), "{text}");
    let meta = &result["_meta"];
    assert_eq!((&meta["ib-mesh/served_by"], &meta["ib-mesh/client_id"]), (&json!(WORKER), &json!(10)));
    assert_eq!(meta["ib-mesh/context"]["mode"], json!("simulated"));
    assert!(meta["ib-mesh/work_ms"].is_u64() && meta["ib-mesh/queue_ms"].is_u64(), "{meta}");
    assert_eq!(world.script.caller.lock().expect("lock").as_deref(), Some("http:127.0.0.1"));

    let named = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ibkr_get_account_summary","_meta":{"io.modelcontextprotocol/clientInfo":{"name":"agent","version":"1.2"}}}}"#;
    let batch = format!("[{}]", vec![named; 20].join(","));
    let answers = world.edge.mcp(&batch).await.json();
    assert!(answers.as_array().is_some_and(|all| all.len() == 20 && all.iter().all(|answer| answer["result"]["isError"] == json!(false))));
    assert_eq!(world.script.caller.lock().expect("lock").as_deref(), Some("http:127.0.0.1 agent/1.2"));
}

#[tokio::test]
async fn health_and_instructions_follow_the_heartbeats() {
    let world = world().await;
    let (connected, says) = watch::channel(true);
    let beacon = Beacon::start(&world.bus, gateway(), move || heartbeat(*says.borrow()));
    let health = world.until("healthy", |health| health["status"] == "healthy").await;
    assert_eq!(
        (&health["ib_connected"], &health["mode"], &health["pool"]["workers"][0]["id"]),
        (&json!(true), &json!("simulated"), &json!(WORKER))
    );
    let hello = world.edge.mcp(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#).await.json();
    assert!(hello["result"]["instructions"].as_str().is_some_and(|text| text.contains("SIMULATED")), "{hello}");
    assert_eq!(world.edge.get("/ready").await.status, 200);
    connected.send_replace(false);
    beacon.changed();
    let health = world.until("degraded", |health| health["status"] == "degraded").await;
    assert_eq!((&health["pool"]["workers_alive"], &health["pool"]["workers_ib_connected"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn whoever_hangs_up_ends_the_call() {
    let world = world().await;
    let stream = world.begin(&call("search_contracts", r#"{"query":"apple"}"#)).await;
    drop(stream);
    world.dropped().await;
    let idle = async {
        while world.edge.edge.metrics.calls_in_flight() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, idle).await.expect("the edge forgets the call");
    let counted = r#"ibmesh_edge_tool_calls_total{tool="search_contracts",outcome="hung_up"} 1"#;
    assert!(world.edge.get("/metrics").await.body.contains(counted));
}

#[tokio::test]
async fn a_cancel_ends_the_call_that_its_id_proves_to_be_its_own() {
    let world = world().await;
    let id = "0190a1b2-c3d4-7e5f-8a9b-aaaaaaaaaaaa";
    let body = call("search_contracts", r#"{"query":"apple"}"#).replace(r#""id":"1""#, &format!(r#""id":"{id}""#));
    let first = tokio::spawn({
        let (address, body) = (world.edge.address, body);
        async move {
            let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
            let head =
                format!("POST /mcp HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(head.as_bytes()).await.expect("sent");
            let mut answer = String::new();
            tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.expect("an answer");
            answer
        }
    });
    timeout(PATIENCE, world.script.begun.notified()).await.expect("the call arrives");
    let cancel = format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":"{id}"}}}}"#);
    assert_eq!(world.edge.mcp(&cancel).await.status, 202);
    let answer = timeout(PATIENCE, first).await.expect("in time").expect("no panic");
    assert!(answer.contains(r#""code":"cancelled""#), "{answer}");
    world.dropped().await;
}

#[tokio::test]
async fn the_breaker_opens_refuses_and_recovers() {
    let world = world().await;
    *world.script.search.lock().expect("lock") = Some(Fault::new(FaultCode::Rejected, "IB says no"));
    for _ in 0..5 {
        world.search().await;
    }
    assert_eq!(world.edge.get("/health").await.json()["circuit_breaker"]["failure_count"], json!(0), "a refusal is no failure");

    *world.script.search.lock().expect("lock") = Some(Fault::new(FaultCode::Timeout, "the gateway hangs"));
    for _ in 0..3 {
        assert_eq!(world.search().await["_meta"]["ib-mesh/fault"]["message"], json!("the gateway hangs"));
    }
    let health = world.edge.get("/health").await;
    assert_eq!((health.status, &health.json()["circuit_breaker"]["state"]), (503, &json!("open")));
    let asked = world.script.searched.load(Ordering::Relaxed);
    let refused = world.search().await;
    let fault = &refused["_meta"]["ib-mesh/fault"];
    assert_eq!((&fault["code"], &fault["retry"]), (&json!("gateway_down"), &json!("after")));
    assert!(fault["retry_after_ms"].as_u64().is_some_and(|wait| (50_000..=60_000).contains(&wait)), "{fault}");
    assert_eq!(world.script.searched.load(Ordering::Relaxed), asked, "the worker was not asked");
    assert_eq!(world.edge.call("get_account_summary", "{}").await["isError"], json!(false), "memory still answers");

    let (connected, says) = watch::channel(false);
    let beacon = Beacon::start(&world.bus, gateway(), move || heartbeat(*says.borrow()));
    world.until("a worker without IB", |health| health["pool"]["workers_alive"] == 1).await;
    assert_eq!(world.edge.get("/health").await.json()["circuit_breaker"]["state"], json!("open"));
    connected.send_replace(true);
    beacon.changed();
    world.until("half open", |health| health["circuit_breaker"]["state"] == "half_open").await;

    // A probe whose caller hangs up decides nothing and makes room for the next.
    *world.script.search.lock().expect("lock") = None;
    while timeout(std::time::Duration::ZERO, world.script.begun.notified()).await.is_ok() {}
    let probe = world.begin(&call("search_contracts", r#"{"query":"apple"}"#)).await;
    assert_eq!(world.search().await["_meta"]["ib-mesh/fault"]["code"], json!("gateway_down"), "one probe at a time");
    drop(probe);
    world.dropped().await;
    *world.script.search.lock().expect("lock") = Some(Fault::new(FaultCode::NotFound, "nothing is called that"));
    let answered = async { while world.search().await["_meta"]["ib-mesh/fault"]["code"] != json!("not_found") {} };
    timeout(PATIENCE, answered).await.expect("the next probe passes");
    let breaker = world.edge.get("/health").await.json()["circuit_breaker"].clone();
    assert_eq!((&breaker["state"], &breaker["failure_count"]), (&json!("closed"), &json!(0)));
}

#[tokio::test]
async fn people_are_told_once_when_the_breaker_opens() {
    let inbox = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}/topic", inbox.local_addr().expect("bound"));
    let (tell, mut told) = tokio::sync::mpsc::channel(8);
    let topic = axum::routing::post(move |axum::Json(body): axum::Json<Value>| async move { drop(tell.send(body).await) });
    tokio::spawn(async move { axum::serve(inbox, axum::Router::new().route("/topic", topic)).await });
    let world = world_with(&[("NOTIFY_URL", &url)]).await;
    *world.script.search.lock().expect("lock") = Some(Fault::new(FaultCode::Timeout, "the gateway hangs"));
    for _ in 0..3 {
        world.search().await;
    }
    let body = timeout(PATIENCE, told.recv()).await.expect("in time").expect("a post");
    assert_eq!((&body["event"], &body["gateway"]), (&json!("breaker"), &json!("paper")), "{body}");
    assert!(body["text"].as_str().is_some_and(|text| text.contains("/gateway/diagnose")), "{body}");
    // It opens again when a probe fails, which is the same event.
    let (connected, says) = watch::channel(true);
    let beacon = Beacon::start(&world.bus, gateway(), move || heartbeat(*says.borrow()));
    world.until("half open", |health| health["circuit_breaker"]["state"] == "half_open").await;
    connected.send_replace(false);
    beacon.changed();
    world.until("no worker with IB", |health| health["pool"]["workers_ib_connected"] == 0).await;
    world.search().await;
    assert_eq!(world.edge.get("/health").await.json()["circuit_breaker"]["state"], json!("open"));
    *world.script.search.lock().expect("lock") = Some(Fault::new(FaultCode::NotFound, "nothing is called that"));
    connected.send_replace(true);
    beacon.changed();
    world.until("half open", |health| health["circuit_breaker"]["state"] == "half_open").await;
    world.search().await;
    assert_eq!(world.edge.get("/health").await.json()["circuit_breaker"]["state"], json!("closed"));
    *world.script.search.lock().expect("lock") = Some(Fault::new(FaultCode::Timeout, "the gateway hangs again"));
    for _ in 0..3 {
        world.search().await;
    }
    let again = timeout(PATIENCE, told.recv()).await.expect("in time").expect("a post");
    assert_eq!(again["event"], json!("breaker"));
    assert!(told.try_recv().is_err(), "once for each time it opened");
}

#[tokio::test]
async fn a_caller_may_grant_less_time_and_opens_no_breaker_by_it() {
    let world = world().await;
    for _ in 0..4 {
        let said = world.edge.ask("POST /mcp", &["Ib-Timeout-Ms: 50"], &call("search_contracts", r#"{"query":"apple"}"#)).await;
        let fault = &said.json()["result"]["_meta"]["ib-mesh/fault"];
        assert_eq!(fault["code"], json!("timeout"), "{fault}");
    }
    assert_eq!(world.edge.get("/health").await.json()["circuit_breaker"]["failure_count"], json!(0));
}

#[tokio::test]
async fn without_nats_and_without_workers_calls_say_so() {
    let mut world = world().await;
    world.worker.leave(["account.summary"]).await;
    let fault = |result: &Value| result["_meta"]["ib-mesh/fault"]["code"].clone();
    assert_eq!(fault(&world.edge.call("get_account_summary", "{}").await), json!("no_worker"));
    world.nats.abort().await.expect("killed");
    world.until("disconnected", |health| health["nats_connected"] == json!(false)).await;
    assert_eq!(fault(&world.edge.call("get_account_summary", "{}").await), json!("no_worker"));
    world.nats.restart().await.expect("restarted");
    world.until("connected", |health| health["nats_connected"] == json!(true)).await;
    let returned = async {
        while !world.bus.is_connected() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, returned).await.expect("the worker is connected again");
    world.worker.join(["account.summary"]).await.expect("joined");
    assert_eq!(world.edge.call("get_account_summary", "{}").await["isError"], json!(false));
    world.link.close().await;
}

#[tokio::test]
async fn the_edge_beats_while_it_runs_and_takes_its_leave() {
    let nats = nats().await;
    let bus = connect(&nats).await;
    let fleet = bus::Fleet::follow(&bus, &gateway()).await.expect("followed");
    let process = process(&[("NATS_URL", &nats.url())]);
    let shutdown = process.shutdown.clone();
    let running = tokio::spawn(crate::run(process));
    let mut changes = fleet.changes();
    let mut beat = async |state: State| {
        let seen = async {
            while !fleet.seen().iter().any(|seen| seen.beat.service == "edge" && seen.beat.state == state) {
                changes.changed().await.expect("followed");
            }
        };
        timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("no heartbeat says {state:?}"));
    };
    beat(State::Ready).await;
    shutdown.cancel();
    beat(State::Draining).await;
    timeout(PATIENCE, running).await.expect("in time").expect("no panic").expect("a clean end");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let settings =
        service::Settings::load("edge", &std::collections::BTreeMap::new(), |name| (name == "EDGE_BIND").then(|| address.clone()));
    let error = crate::run(service::Process::new(settings.expect("good"))).await.expect_err("taken").to_string();
    assert!(error.contains(&address) && error.contains("EDGE_BIND"), "{error}");
}
