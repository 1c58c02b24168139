//! What is mended by itself, how, and what is left alone.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use bus::{Beacon, Bus, ServeSettings, Server};
use schemas::{
    control::{RESTART, Restart, Restarting},
    gateway::{Diagnose, DiagnoseParams, Link, Reconnect, ReconnectParams, RestartWorkers, RestartWorkersParams, State},
    health::{self, Heartbeat, IbSession},
};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    gateway::Plan,
    support::{World, gateway, quick},
};

const ID: &str = "0190a1b2-0000-7000-8000-000000000001";

/// A worker without a session, that counts how often it is told to connect anew.
struct Worker {
    _beacon: Beacon,
    _server: Server,
    told: Arc<AtomicU32>,
}

impl Worker {
    async fn start(world: &World) -> Self {
        let settings = bus::Settings { url: world.nats.url(), creds_file: None, name: "a worker".to_owned() };
        let bus = Bus::connect(&settings).await.expect("a connection");
        let told = Arc::<AtomicU32>::default();
        let serve = ServeSettings {
            service: "ib-worker",
            queue: "ib-worker",
            id: ID.to_owned(),
            slots: 1,
            waiting_max: 1,
            client_id: watch::channel(None).1,
            observer: None,
        };
        let count = Arc::clone(&told);
        let builder = Server::builder(&bus, gateway(), serve).control(RESTART, move |Restart {}| {
            count.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Ok(Restarting {}))
        });
        let server = builder.start().await.expect("a server");
        let beacon = Beacon::start(&bus, gateway(), beat);
        Self { _beacon: beacon, _server: server, told }
    }

    fn told(&self) -> u32 {
        self.told.load(Ordering::SeqCst)
    }
}

fn beat() -> Heartbeat {
    let ib = IbSession {
        connected: false,
        host: "127.0.0.1".to_owned(),
        port: 1,
        client_id: None,
        server_version: None,
        mode: None,
        consecutive_failures: 3,
        restart_count: 3,
        upstream_lost: false,
        reason: Some("hangs".to_owned()),
        notices: Vec::new(),
    };
    Heartbeat {
        service: "ib-worker".to_owned(),
        id: ID.to_owned(),
        version: schemas::VERSION.to_owned(),
        pid: 1,
        state: health::State::IbDown,
        sequence: 0,
        started_at: service::clock::now(),
        in_flight: 0,
        slots: 1,
        operations: Vec::new(),
        ib: Some(ib),
        gateway: None,
    }
}

#[tokio::test]
async fn a_gateway_that_ends_by_itself_is_started_again() {
    let world = World::new(Plan::default()).await;
    let _ctl = world.ctl();
    world.until_state(State::Connected).await;
    world.sim("POST", "/login", &json!({"action": "terminate"})).await;
    world.until("it is seen", async || world.part().is_some_and(|part| part.state != State::Connected)).await;
    world.until_state(State::Connected).await;
    assert_eq!(world.status().await.restart_budget.left_30_min, 1);
}

#[tokio::test]
async fn a_soft_reconnect_keeps_the_process() {
    let world = World::new(Plan::default()).await;
    let _ctl = world.ctl();
    world.until_state(State::Connected).await;
    world.sim("POST", "/faults", &json!({"kind": "delay", "message": "HistoricalData", "ms": 7})).await;
    let reply = world.ask::<Reconnect>(&ReconnectParams::default()).await.expect("a reconnect");
    assert_eq!((reply.message.as_str(), reply.changed), ("Gateway restart initiated. Workers stopped.", true));
    assert_eq!(world.part().map(|part| part.state), Some(State::SoftRestart));
    let again = world.ask::<Reconnect>(&ReconnectParams::default()).await.expect("joined");
    assert!(!again.changed, "who comes later shares it");
    // IBC waits for the next full minute; the test does not.
    world.sim("POST", "/login", &json!({"action": "restart"})).await;
    world.until_state(State::Connected).await;
    let faults = world.sim("GET", "/faults", &Value::Null).await.to_string();
    assert!(faults.contains("HistoricalData"), "it is the same process: {faults}");
}

#[tokio::test]
async fn the_nightly_restart_is_waited_for() {
    let world = World::new(Plan { login_ms: 1_500, ..Plan::default() }).await;
    let _ctl = world.ctl();
    world.until_state(State::Connected).await;
    world.sim("POST", "/login", &json!({"action": "restart"})).await;
    world.until_state(State::SoftRestart).await;
    world.until_state(State::Connected).await;
    assert_eq!(world.status().await.restart_budget.left_30_min, 2);
}

#[tokio::test]
async fn a_silent_api_costs_one_restart_and_then_a_person() {
    // The shortest way to it: a restart that is not soft, and callers who need it.
    let world = World::new(Plan { fault: Some("silent_handshake".to_owned()), ..Plan::default() }).await;
    let worker = Worker::start(&world).await;
    let _ctl = world.ctl_with(quick(), &[("GATEWAY_COMMAND_ADDR", "127.0.0.1:1")]);
    world.until_state(State::ApiWait).await;
    let found = world.ask::<Diagnose>(&DiagnoseParams::default()).await.expect("a diagnosis");
    assert_eq!(found.verdict, "localhost_only", "{found:#?}");
    world.until_state(State::Halted).await;
    let status = world.status().await;
    assert!(status.needs_human.as_ref().is_some_and(|text| text.contains("localhost only")), "{status:?}");
    assert_eq!((status.status, status.restart_budget.left_30_min), (Link::ApiReady, 1), "it runs on, for a person to look at");
    assert_eq!(worker.told(), 0, "workers are not to blame");
}

#[tokio::test]
async fn an_upstream_that_is_away_is_told_and_comes_back() {
    let world = World::new(Plan::default()).await;
    let _ctl = world.ctl();
    world.until_state(State::Connected).await;
    world.sim("POST", "/faults", &json!({"kind": "connectivity", "state": "lost"})).await;
    world.until_state(State::UpstreamLost).await;
    let status = world.status().await;
    assert_eq!((status.status, status.ib_connected), (Link::ApiReady, false));
    let mut listener = world.bus.listen("ib.v1.paper.evt.gateway.resubscribe".to_owned()).await.expect("listening");
    world.sim("POST", "/faults", &json!({"kind": "connectivity", "state": "data_lost"})).await;
    world.until_state(State::Connected).await;
    let heard = tokio::time::timeout(crate::support::PATIENCE, listener.next()).await;
    assert!(heard.is_ok_and(|event| event.is_some()), "everybody is told to subscribe anew");
}

#[tokio::test]
async fn a_dead_fleet_with_a_healthy_gateway_is_restarted_and_the_gateway_is_not() {
    let world = World::new(Plan::default()).await;
    let worker = Worker::start(&world).await;
    let _ctl = world.ctl();
    world.until_state(State::Connected).await;
    world.until("the worker is told", async || worker.told() > 0).await;
    let status = world.status().await;
    assert_eq!((status.state, status.restart_budget.left_30_min), (State::Connected, 2));
    let asked = world.ask::<RestartWorkers>(&RestartWorkersParams::default()).await.expect("asked for");
    assert_eq!((asked.restarted, asked.not_answering.len()), (1, 0));
}
