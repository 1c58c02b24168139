//! `/gateway/...`, `/restart-workers` and the tools of group F, answered by a gateway-ctl that does as it is told.

use std::sync::{Arc, Mutex};

use bus::{Beacon, ServeSettings, Server};
use bytes::Bytes;
use schemas::{
    Fault, FaultCode, Operation,
    gateway::{
        CommandReply, Diagnose, DiagnoseReply, EnsureReady, EnsureReadyReply, Login, Logout, Reconnect, RestartWorkers,
        RestartWorkersReply, State, Status, StatusReply,
    },
    health::{Heartbeat, State as Life},
    subject::GATEWAY_QUEUE,
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{sync::watch, time::timeout};

use super::{
    PATIENCE, start,
    world::{World, gateway, heartbeat, world},
};

const ID: &str = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5c";
const OPERATIONS: [&str; 7] = [
    "gateway.diagnose",
    "gateway.ensure_ready",
    "gateway.login",
    "gateway.logout",
    "gateway.reconnect",
    "gateway.restart_workers",
    "gateway.status",
];

#[derive(Debug, Default)]
struct Ctl {
    /// Name and parameters of the last call, and who called.
    asked: Mutex<Option<(&'static str, Value, Option<String>)>>,
    fault: Mutex<Option<Fault>>,
    stale: Mutex<bool>,
    ready: Mutex<Option<EnsureReadyReply>>,
}

impl Ctl {
    fn note<O: Operation>(&self, params: &impl Serialize, caller: Option<String>) -> Result<(), Fault> {
        *self.asked.lock().expect("lock") = Some((O::OP, serde_json::to_value(params).expect("json"), caller));
        self.fault.lock().expect("lock").clone().map_or(Ok(()), Err)
    }

    fn last(&self) -> (&'static str, Value) {
        let (op, params, caller) = self.asked.lock().expect("lock").take().expect("asked");
        assert_eq!(caller.as_deref(), Some("http:127.0.0.1"));
        (op, params)
    }

    fn was_asked(&self) -> bool {
        self.asked.lock().expect("lock").is_some()
    }
}

fn said(message: &str) -> CommandReply {
    CommandReply { success: true, message: message.to_owned(), note: "and then".to_owned(), changed: true }
}

fn status(stale: bool) -> StatusReply {
    let reply = json!({ "status": "connected", "container_running": true, "api_port_open": true, "ib_connected": true,
        "gateway_container": "mcp-ib-gateway-paper", "api_host": "ibgateway-paper", "api_port": "4004", "state": "CONNECTED",
        "since": "2026-11-20T10:00:00Z", "reason": null, "needs_human": null, "desired": "up", "reset_window": null,
        "next_attempt_at": null, "layers": [], "logged_out": null, "next_auth_due": "2026-11-22T06:00:00Z", "stale": stale,
        "restart_budget": { "left_30_min": 3, "left_24_h": 8 } });
    serde_json::from_value(reply).expect("a status")
}

fn restarted() -> RestartWorkersReply {
    RestartWorkersReply { success: true, restarted: 3, not_answering: vec!["w".to_owned()], message: "3 processes".to_owned() }
}

fn diagnosis() -> DiagnoseReply {
    let reply = json!({ "verdict": "localhost_only", "next_action": "Untick it.",
        "layers": [{ "layer": "api", "check": "hello", "status": "fail", "detail": "silent", "evidence": "::1", "fix": "Untick it." }] });
    serde_json::from_value(reply).expect("a diagnosis")
}

async fn ctl(world: &World) -> (Server, Arc<Ctl>) {
    let ctl = Arc::<Ctl>::default();
    let settings = ServeSettings {
        service: "gateway-ctl",
        queue: GATEWAY_QUEUE,
        id: ID.to_owned(),
        slots: 16,
        waiting_max: 16,
        client_id: watch::Sender::new(None).subscribe(),
        observer: None,
    };
    macro_rules! noted {
        ($op:ty, $reply:expr) => {{
            let ctl = Arc::clone(&ctl);
            move |params: <$op as Operation>::Params, request: bus::Request| {
                let noted = ctl.note::<$op>(&params, request.caller);
                let reply = noted.map(|()| $reply(&ctl));
                async move { reply }
            }
        }};
    }
    let server = Server::builder(&world.bus, gateway(), settings)
        .route::<Status, _, _>(noted!(Status, |ctl: &Ctl| status(*ctl.stale.lock().expect("lock"))))
        .route::<Logout, _, _>(noted!(Logout, |_: &Ctl| said("Gateway stopped.")))
        .route::<Login, _, _>(noted!(Login, |_: &Ctl| said("Gateway started.")))
        .route::<Reconnect, _, _>(noted!(Reconnect, |_: &Ctl| said("Gateway restart initiated.")))
        .route::<EnsureReady, _, _>(noted!(EnsureReady, |ctl: &Ctl| {
            let ready = || EnsureReadyReply { ready: true, message: "Gateway already connected".to_owned(), waited: 0 };
            ctl.ready.lock().expect("lock").clone().unwrap_or_else(ready)
        }))
        .route::<Diagnose, _, _>(noted!(Diagnose, |_: &Ctl| diagnosis()))
        .route::<RestartWorkers, _, _>(noted!(RestartWorkers, |_: &Ctl| restarted()))
        .start()
        .await
        .expect("a server");
    server.join(OPERATIONS).await.expect("joined");
    (server, ctl)
}

#[tokio::test]
async fn replies_are_the_services_own_bytes_under_every_path() {
    let world = world().await;
    let (_server, _) = ctl(&world).await;
    let text = |reply: &dyn Fn() -> Value| reply().to_string();
    let table: [(&str, String); 7] = [
        ("GET /gateway/status", text(&|| json!(status(false)))),
        ("POST /gateway/logout", text(&|| json!(said("Gateway stopped.")))),
        ("POST /gateway/login", text(&|| json!(said("Gateway started.")))),
        ("POST /gateway/reconnect", text(&|| json!(said("Gateway restart initiated.")))),
        ("POST /gateway/ensure-ready", r#"{"ready":true,"message":"Gateway already connected","waited":0}"#.to_owned()),
        ("GET /gateway/diagnose", text(&|| json!(diagnosis()))),
        ("POST /restart-workers", r#"{"success":true,"restarted":3,"not_answering":["w"],"message":"3 processes"}"#.to_owned()),
    ];
    for (line, body) in &table {
        for line in [(*line).to_owned(), line.replace(" /", " /api/v1/")] {
            let said = world.edge.ask(&line, &[], "").await;
            assert_eq!((said.status, &said.body), (200, body), "{line}");
            assert_eq!((said.headers["content-type"].as_str(), said.headers["cache-control"].as_str()), ("application/json", "no-store"));
        }
    }
    for (line, _) in &table {
        let (wrong, allowed) = match line.split_once(' ') {
            Some(("GET", path)) => (format!("POST {path}"), "GET, OPTIONS"),
            Some((_, path)) => (format!("GET {path}"), "POST, OPTIONS"),
            None => unreachable!("a method and a path"),
        };
        let said = world.edge.ask(&wrong, &[], "").await;
        assert_eq!((said.status, said.headers["allow"].as_str()), (405, allowed), "{wrong}");
        assert_eq!(world.edge.ask(line, &["Origin: http://evil.example.com"], "").await.status, 403, "the same gate: {line}");
    }
    let lost = world.edge.get("/gateway").await;
    assert!(lost.status == 404 && lost.body.contains("POST /gateway/ensure-ready"), "{lost:?}");
}

#[tokio::test]
async fn stale_and_not_ready_are_answers_with_503() {
    let world = world().await;
    let (_server, ctl) = ctl(&world).await;
    *ctl.stale.lock().expect("lock") = true;
    let said = world.edge.get("/gateway/status").await;
    assert_eq!((said.status, &said.json()["stale"], &said.json()["status"]), (503, &json!(true), &json!("connected")));
    let message = "Gateway is logged out. Use POST /gateway/login.";
    *ctl.ready.lock().expect("lock") = Some(EnsureReadyReply { ready: false, message: message.to_owned(), waited: 0 });
    let said = world.edge.ask("POST /gateway/ensure-ready", &[], "").await;
    assert_eq!((said.status, said.json()), (503, json!({"ready": false, "message": message, "waited": 0})));
}

#[tokio::test]
async fn parameters_come_from_the_query_or_from_a_json_body() {
    let world = world().await;
    let (_server, ctl) = ctl(&world).await;
    let table = [
        ("POST /gateway/logout", "", "logout", json!({})),
        ("POST /gateway/logout", "{}", "logout", json!({})),
        (
            "POST /gateway/logout",
            r#"{"minutes":30,"reason":"TWS on the desk"}"#,
            "logout",
            json!({"minutes": 30, "reason": "TWS on the desk"}),
        ),
        ("POST /gateway/logout?minutes=30", r#"{"reason":"TWS"}"#, "logout", json!({"minutes": 30, "reason": "TWS"})),
        ("POST /gateway/logout?minutes=5&reason=a%20b", r#"{"minutes":null}"#, "logout", json!({"minutes": 5, "reason": "a b"})),
        ("POST /gateway/reconnect", "", "reconnect", json!({"hard": false})),
        ("POST /gateway/reconnect?hard=true", "", "reconnect", json!({"hard": true})),
        ("POST /gateway/reconnect", r#"{"hard":true}"#, "reconnect", json!({"hard": true})),
        ("POST /gateway/ensure-ready", "", "ensure_ready", json!({})),
        ("POST /gateway/ensure-ready?timeout=300", "", "ensure_ready", json!({"timeout": 300})),
        ("POST /gateway/ensure-ready", r#"{"timeout":"45"}"#, "ensure_ready", json!({"timeout": 45})),
        ("GET /gateway/diagnose", "", "diagnose", json!({"deep": false})),
        ("GET /gateway/diagnose?deep=1", "", "diagnose", json!({"deep": true})),
    ];
    for (line, body, op, params) in table {
        let said = world.edge.ask(line, &[], body).await;
        assert_eq!((said.status, ctl.last()), (200, (op, params)), "{line} {body}");
    }
    // Who says in the header how long it waits is answered before that.
    for (line, header, timeout) in
        [("?timeout=60", "20000", 20), ("", "20000", 20), ("?timeout=10", "20000", 10), ("", "1000000", 90), ("", "100000", 90)]
    {
        let said = world.edge.ask(&format!("POST /gateway/ensure-ready{line}"), &[&format!("Ib-Timeout-Ms: {header}")], "").await;
        assert_eq!((said.status, ctl.last()), (200, ("ensure_ready", json!({ "timeout": timeout }))), "{line} {header}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_before_anything_is_asked() {
    let world = world().await;
    let (_server, ctl) = ctl(&world).await;
    let long = format!(r#"{{"reason":"{}"}}"#, "r".repeat(201));
    for (line, body, field) in [
        ("POST /gateway/logout?minutes=0", "", "minutes"),
        ("POST /gateway/logout?minutes=10081", "", "minutes"),
        ("POST /gateway/logout?minutes=5", r#"{"minutes":5}"#, "minutes"),
        ("POST /gateway/logout?minuts=5", "", "minuts"),
        ("POST /gateway/logout", &long, "reason"),
        ("POST /gateway/logout", r#"{"reason":"a\nb"}"#, "reason"),
        ("POST /gateway/logout", r#"{"reason":["a"]}"#, "reason"),
        ("POST /gateway/logout", "minutes=5", "body"),
        ("POST /gateway/logout", "[]", "body"),
        ("POST /gateway/login?force=true", "", "force"),
        ("POST /gateway/reconnect?hard=maybe", "", "hard"),
        ("POST /gateway/ensure-ready?timeout=301", "", "timeout"),
        ("POST /gateway/ensure-ready?timeout=1.5", "", "timeout"),
        ("GET /gateway/diagnose?deep=", "", "deep"),
        ("GET /gateway/status?x=1", "", "x"),
    ] {
        let said = world.edge.ask(line, &[], body).await;
        let told = said.json();
        assert_eq!((said.status, &told["success"], &told["code"]), (400, &json!(false), &json!("invalid_params")), "{line}: {told}");
        assert_eq!((&told["error"]["field"], told["message"].is_string()), (&json!(field), true), "{line}: {told}");
    }
    assert!(!ctl.was_asked(), "gateway-ctl heard of none of it");
}

#[tokio::test]
async fn failures_say_success_false_with_the_faults_status() {
    let world = world().await;
    let (_server, ctl) = ctl(&world).await;
    for (code, status) in [
        (FaultCode::Conflict, 409),
        (FaultCode::Unsupported, 501),
        (FaultCode::RateLimited, 429),
        (FaultCode::GatewayDown, 503),
        (FaultCode::UnknownOutcome, 409),
    ] {
        *ctl.fault.lock().expect("lock") = Some(Fault::new(code, "Gateway is logged out.").hint("Use POST /gateway/login."));
        for line in ["POST /gateway/reconnect", "POST /gateway/logout", "POST /restart-workers", "GET /gateway/status"] {
            let said = world.edge.ask(line, &[], "").await;
            let told = said.json();
            let head = (told["success"].clone(), told["message"].clone(), told["code"].clone());
            assert_eq!(said.status, status, "{line}");
            assert_eq!(head, (json!(false), json!("Gateway is logged out: Use POST /gateway/login."), json!(code)), "{line}");
            assert_eq!(told["error"]["code"], json!(code), "and as everywhere");
        }
    }
    let breaker = world.edge.get("/health").await.json()["circuit_breaker"].clone();
    assert_eq!(breaker["failure_count"], json!(0), "what gateway-ctl fails at says nothing about the workers");
}

#[tokio::test]
async fn without_gateway_ctl_its_absence_is_told() {
    let world = world().await;
    for line in ["GET /gateway/status", "POST /gateway/login", "GET /gateway/events", "POST /restart-workers"] {
        let said = world.edge.ask(line, &[], "").await;
        let told = said.json();
        assert_eq!((said.status, &told["success"], &told["code"]), (503, &json!(false), &json!("no_worker")), "{line}");
        assert!(told["message"].as_str().is_some_and(|text| text.contains("gateway-ctl does not run")), "{line}: {told}");
    }
    let alone = start(&[]).await;
    for line in ["GET /gateway/status", "GET /gateway/events"] {
        let told = alone.ask(line, &[], "").await.json();
        assert!(told["message"].as_str().is_some_and(|text| text.contains("NATS")), "{line}: {told}");
    }
}

fn beat(part: &Value) -> Heartbeat {
    Heartbeat {
        service: GATEWAY_QUEUE.to_owned(),
        id: ID.to_owned(),
        state: Life::Ready,
        ib: None,
        operations: OPERATIONS.map(str::to_owned).to_vec(),
        gateway: serde_json::from_value(part.clone()).expect("a part"),
        ..heartbeat(false)
    }
}

#[tokio::test]
async fn whoever_follows_hears_the_present_state_and_then_every_change() {
    let world = world().await;
    let (_server, _ctl) = ctl(&world).await;
    let tell = async |state: State, at: &str| {
        let change = json!({ "at": at, "from": "CONNECTED", "state": state, "reason": "because", "needs_human": null, "desired": "down",
            "next_attempt_at": null });
        world.bus.publish(gateway().gateway_event(state), Bytes::from(change.to_string())).await.expect("published");
    };
    let mut streams = Vec::new();
    for path in ["/gateway/events", "/api/v1/gateway/events"] {
        let mut stream = world.edge.stream(&format!("GET {path}"), &[], "").await;
        assert!(stream.head.contains("200") && stream.head.contains("text/event-stream"), "{}", stream.head);
        let first = stream.next().await.expect("an event");
        assert_eq!((first.name.as_deref(), first.id.as_deref()), (Some("state"), None));
        assert_eq!((&first.json()["state"], &first.json()["at"]), (&json!("CONNECTED"), &json!("2026-11-20T10:00:00Z")));
        assert_eq!(first.json().get("from"), None);
        streams.push(stream);
    }
    tell(State::Starting, "2026-11-20T09:59:59Z").await;
    world.bus.publish(gateway().gateway_event(State::Stopping), Bytes::from_static(b"no change")).await.expect("published");
    tell(State::Stopping, "2026-11-20T10:00:01Z").await;
    let call = json!({ "at": "2026-11-20T10:00:01Z", "state": "STOPPING", "reason": null, "needs_human": null, "desired": "down",
        "next_attempt_at": null });
    let draining = gateway().gateway_call(schemas::gateway::Call::Draining);
    world.bus.publish(draining, Bytes::from(call.to_string())).await.expect("published");
    tell(State::LoggedOut, "2026-11-20T10:00:01Z").await;
    for stream in &mut streams {
        for state in ["STOPPING", "LOGGED_OUT"] {
            let change = stream.next().await.expect("an event").json();
            assert_eq!((&change["state"], &change["from"], &change["reason"]), (&json!(state), &json!("CONNECTED"), &json!("because")));
        }
    }
    let limit = u32::try_from(crate::edge::FOLLOWERS_MAX - 2).expect("small");
    let all = world.edge.edge.followers.try_acquire_many(limit).expect("two follow");
    let said = world.edge.get("/gateway/events").await;
    assert_eq!((said.status, &said.json()["code"]), (503, &json!("busy")));
    drop(all);
    // The edge's end ends them.
    world.edge.shutdown.cancel();
    for stream in &mut streams {
        assert_eq!(stream.next().await, None);
    }
}

#[tokio::test]
async fn reads_tell_who_logged_the_gateway_out() {
    let world = world().await;
    world.worker.leave(["account.summary", "contracts.search"]).await;
    let part = json!({ "state": "LOGGED_OUT", "desired": "down", "since": "2026-11-20T10:00:00Z",
        "logged_out": { "by": "http:10.0.0.7", "since": "2026-11-20T10:00:00Z", "reason": "TWS", "until": null,
            "ends_with": "POST /gateway/login" } });
    let ctl = Beacon::start(&world.bus, gateway(), move || beat(&part));
    let _worker = Beacon::start(&world.bus, gateway(), || heartbeat(false));
    let told = async {
        loop {
            let fault = world.edge.call("get_account_summary", "{}").await["_meta"]["ib-mesh/fault"].clone();
            if fault["code"] == json!("gateway_logged_out") {
                return fault;
            }
        }
    };
    let fault = timeout(PATIENCE, told).await.expect("told");
    let message = fault["message"].as_str().expect("text");
    assert!(message.contains("http:10.0.0.7") && message.contains("TWS") && message.contains("until somebody"), "{message}");
    assert!(fault["hint"].as_str().is_some_and(|hint| hint.contains("POST /gateway/login") && hint.contains("ibmesh gateway login")));
    assert_eq!(fault["retry"], json!("never"));
    world.until("degraded", |health| health["status"] == "degraded").await;
    let metrics = world.edge.get("/metrics").await.body;
    assert!(metrics.contains("edge_gateway_state{state=\"logged_out\"} 1\n"), "{metrics}");
    let none = async { while world.edge.get("/metrics").await.body.contains("edge_gateway_state{") {} };
    drop(ctl);
    timeout(PATIENCE, none).await.expect("no state is told of a gateway that nobody keeps");
    world.worker.drain(PATIENCE).await;
}

#[tokio::test]
async fn the_tools_of_group_f_are_the_admins() {
    let world = world().await;
    let (_server, ctl) = ctl(&world).await;
    let refused = world.edge.call("gateway_logout", r#"{"minutes":5}"#).await["_meta"]["ib-mesh/fault"].clone();
    assert_eq!(refused["code"], json!("forbidden"), "{refused}");
    assert!(refused["hint"].as_str().is_some_and(|hint| hint.contains("EDGE_PROFILE=admin")), "{refused}");
    assert!(!ctl.was_asked());
    for profile in ["trading", "compat-tws"] {
        let edge = start(&[("EDGE_PROFILE", profile), ("EDGE_TOOLSETS", "core,admin")]).await;
        let listed = edge.mcp(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await.body;
        assert!(listed.contains("get_contract_details") && !listed.contains(r#""name":"gateway_"#), "{profile}: {listed}");
        let refused = edge.call("restart_workers", "{}").await["_meta"]["ib-mesh/fault"]["code"].clone();
        assert_eq!(refused, json!("forbidden"), "{profile}");
    }

    let admin = start(&[("NATS_URL", &world.nats.url()), ("EDGE_PROFILE", "admin"), ("EDGE_TOOLSETS", "admin")]).await;
    let _link = crate::link::establish(&admin.edge, &admin.process).await.expect("linked");
    let listed = admin.mcp(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await.json()["result"]["tools"].clone();
    let names: Vec<&str> = listed.as_array().expect("tools").iter().filter_map(|tool| tool["name"].as_str()).collect();
    let all = [
        "gateway_diagnose",
        "gateway_ensure_ready",
        "gateway_login",
        "gateway_logout",
        "gateway_reconnect",
        "gateway_status",
        "restart_workers",
    ];
    assert_eq!(names, all);
    for tool in all {
        let result = admin.call(tool, "{}").await;
        assert_eq!(result["isError"], json!(false), "{tool}: {result}");
        let text = result["content"][0]["text"].as_str().expect("text");
        assert!(text.lines().last().is_some_and(|line| line.starts_with("MODE NOT KNOWN · gateway paper · ")), "{tool}: {text}");
        assert_eq!(result["_meta"]["ib-mesh/context"]["gateway"], json!("paper"));
    }
    let result = admin.call("gateway_logout", r#"{"minutes":"30","reason":"TWS"}"#).await;
    assert_eq!(ctl.last(), ("logout", json!({"minutes": 30, "reason": "TWS"})));
    assert_eq!(result["structuredContent"], json!(said("Gateway stopped.")));
    let _worker = Beacon::start(&world.bus, gateway(), || heartbeat(true));
    let known = async {
        while !admin.call("gateway_status", "{}").await["content"][0]["text"].as_str().is_some_and(|text| text.contains("SIMULATED")) {}
    };
    timeout(PATIENCE, known).await.expect("the mode is told as soon as a heartbeat says it");
}

#[tokio::test]
async fn every_change_leaves_a_record_and_no_read_does() {
    let world = world().await;
    let (_server, ctl) = ctl(&world).await;
    let mut records = world.bus.listen(gateway().audits(service::clock::now())).await.expect("heard");
    let mut next = async || {
        let body = timeout(PATIENCE, records.next()).await.expect("a record").expect("NATS is there");
        serde_json::from_slice::<schemas::AuditRecord>(&body).expect("a record")
    };
    assert_eq!(world.edge.get("/gateway/status").await.status, 200);
    let posted = world.edge.ask("POST /gateway/logout", &[], r#"{"reason":"a secret reason"}"#).await;
    let first = next().await;
    assert_eq!((first.asked.as_str(), first.operation.as_str(), first.outcome.as_str()), ("/gateway/logout", "gateway.logout", "ok"));
    assert_eq!((first.who.as_str(), first.service.as_str()), ("http:127.0.0.1", "edge"));
    assert_eq!(first.request_id, posted.headers["ib-request-id"]);
    assert!(!format!("{first:?}").contains("secret"), "{first:?}");

    world.edge.ask("POST /gateway/logout", &[], r#"{"reason":"a secret reason"}"#).await;
    world.edge.ask("POST /gateway/logout", &[], r#"{"reason":"another"}"#).await;
    let (second, third) = (next().await, next().await);
    assert_eq!(first.arguments_sha256, second.arguments_sha256);
    assert_ne!(first.arguments_sha256, third.arguments_sha256);

    *ctl.fault.lock().expect("lock") = Some(Fault::new(FaultCode::Conflict, "no"));
    world.edge.ask("POST /restart-workers", &[], "").await;
    assert_eq!(next().await.outcome, "conflict");
    world.edge.call("gateway_login", "{}").await;
    let refused = next().await;
    assert_eq!((refused.asked.as_str(), refused.outcome.as_str()), ("gateway_login", "forbidden"), "the profile is readonly");
    world.link.close().await;
}
