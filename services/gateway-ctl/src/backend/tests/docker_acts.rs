//! What is done to a container, and what a diagnosis asks.

use std::time::Duration;

use super::{
    DEADLINE,
    engine::{Engine, NEW, OLD},
};
use crate::{
    backend::{Backend, Docker, DockerSettings, Looked},
    diagnose::{Forwarder, Sockets},
    policy::Means,
};

#[tokio::test]
async fn starting_what_runs_and_stopping_what_does_not_are_successes() {
    for api in [OLD, NEW] {
        let engine = Engine::start(api);
        let backend = engine.backend();
        for _ in 0..2 {
            backend.start(DEADLINE).await.expect("started");
            assert!(engine.shared.held().runs());
        }
        for _ in 0..2 {
            backend.stop(90, DEADLINE).await.expect("stopped");
            assert!(!engine.shared.held().runs());
        }
        assert_eq!(engine.asked("/stop?t=90"), 2);
        assert!(engine.asked("/create") == 0 && engine.asked("DELETE") == 0);
    }
}

#[tokio::test]
async fn a_refusal_says_what_docker_said() {
    let engine = Engine::start(OLD);
    let backend = engine.backend();
    for status in [400, 403, 409, 500] {
        engine.change(|held| held.refused.extend([("start", status), ("stop", status)]));
        let expected = format!("Docker refused with {status}: refused by the test with {status}");
        assert_eq!(backend.start(DEADLINE).await, Err(expected.clone()));
        assert_eq!(backend.stop(1, DEADLINE).await, Err(expected));
    }
    engine.change(|held| {
        held.refused.clear();
        held.status = "";
    });
    let missing = backend.start(DEADLINE).await.expect_err("missing");
    assert_eq!(missing, "the container mcp-ib-gateway-paper does not exist");
}

#[tokio::test]
async fn an_engine_that_is_away_or_mute_is_not_waited_for() {
    let mut engine = Engine::start(NEW);
    let backend = engine.backend();
    backend.start(DEADLINE).await.expect("started");
    engine.change(|held| held.mute = true);
    let late = backend.stop(0, Duration::from_millis(200)).await.expect_err("mute");
    assert_eq!(late, "Docker cannot be reached: no answer within 200 ms");
    engine.lose().await;
    let away = backend.start(DEADLINE).await.expect_err("away");
    assert!(away.starts_with("Docker cannot be reached: "), "{away}");
    engine.change(|held| (held.mute, held.api) = (false, OLD));
    engine.back();
    let negotiated = engine.asked("GET /version");
    backend.stop(0, DEADLINE).await.expect("reached again");
    assert_eq!(engine.asked("GET /version"), negotiated + 1, "it may be another engine");
}

#[tokio::test]
async fn what_answers_over_tcp_and_is_no_engine_is_a_lost_engine() {
    for (status, why) in
        [(503, "answered with 503: no engine"), (404, "its version was refused with 404: no engine"), (200, "its version is not")]
    {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let host = format!("tcp://{}", listener.local_addr().expect("an address"));
        let code = axum::http::StatusCode::from_u16(status).expect("a status");
        let proxy = axum::Router::new().fallback(move || async move { (code, "no engine") });
        let proxy = tokio::spawn(async move { axum::serve(listener, proxy).await });
        let settings = DockerSettings { host, container: "a".to_owned(), commands: false, exec: false };
        let backend = Backend::Docker(Docker::new(settings).expect("settings"));
        let error = backend.start(DEADLINE).await.expect_err("away");
        assert!(error.starts_with(&format!("Docker cannot be reached: {why}")), "{error}");
        let mut watch = super::Watch::on(&backend);
        watch.until("lost", |watch| watch.engine == super::EngineSeen::Lost).await;
        assert_eq!(watch.told.len(), 1, "nothing is told of the container");
        proxy.abort();
    }
}

const TCP: &str = "  sl  local_address rem_address   st\n   0: 0100007F:0FA2 00000000:0000 0A 0:0 0:0 0 1000\n";

#[tokio::test]
async fn a_diagnosis_sees_settings_forwarder_and_sockets() {
    let engine = Engine::start(OLD);
    engine.run();
    engine.change(|held| held.outputs.extend([("cat /proc/net/tcp", (TCP, 0)), ("cat /proc/net/tcp6", ("", 1))]));
    let forwarder = Forwarder { listen_port: 4004, target_host: "127.0.0.1".to_owned(), target_port: 4002 };
    let shallow = engine.backend_with(true).look(false, 4002, DEADLINE).await;
    assert_eq!((shallow.engine_version.as_deref(), shallow.forwarder), (Some("20.10.24"), Some(forwarder)));
    let inspected = shallow.inspected.expect("inspected");
    assert_eq!((inspected.restart_policy.as_deref(), inspected.settings_kept), (Some("no"), Some(true)));
    assert_eq!((shallow.sockets, engine.asked("exec")), (None, 0), "only a deep one runs commands");
    let deep = engine.backend_with(true).look(true, 4002, DEADLINE).await;
    assert_eq!(deep.sockets, Some(Sockets { ipv4: true, ipv6: false }));
    engine.change(|held| held.refused.extend([("exec", 403), ("top", 403), ("version", 500)]));
    let refused = engine.backend_with(true).look(true, 4002, DEADLINE).await;
    assert_eq!(refused, Looked::default(), "without a version there is no client");
    engine.change(|held| held.refused.remove("version"));
    let refused = engine.backend_with(true).look(true, 4002, DEADLINE).await;
    assert_eq!((refused.inspected.is_some(), refused.forwarder, refused.sockets), (true, None, None));
}

#[tokio::test]
async fn the_forwarder_is_ended_only_where_commands_may_be_run() {
    let engine = Engine::start(OLD);
    engine.run();
    let (closed, open) = (engine.backend(), engine.backend_with(true));
    assert_eq!(closed.means(), Means { control: true, commands: true, yielding: false, kick: false });
    assert!(closed.kick_forwarder(DEADLINE).await.is_err() && engine.asked("exec") == 0);
    assert!(open.means().kick);
    let missing = open.kick_forwarder(DEADLINE).await.expect_err("no such process");
    assert!(missing.contains("not found"), "{missing}");
    engine.change(|held| held.outputs.insert("pkill -x socat", ("", 0)));
    open.kick_forwarder(DEADLINE).await.expect("ended");
}

#[tokio::test]
async fn a_gateway_of_a_person_is_not_controlled() {
    let backend = Backend::External;
    for refused in [backend.start(DEADLINE).await, backend.stop(1, DEADLINE).await, backend.kick_forwarder(DEADLINE).await] {
        assert!(refused.expect_err("refused").starts_with("unsupported"));
    }
    assert!(!backend.means().control && backend.look(true, 4002, DEADLINE).await == Looked::default());
    let mut watch = super::Watch::on(&backend);
    watch.until("reachable", |watch| watch.engine == super::EngineSeen::Reachable).await;
    watch.end().await;
}
