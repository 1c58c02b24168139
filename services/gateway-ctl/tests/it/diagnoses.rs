//! What a diagnosis names, each cause brought about at a real (simulated) gateway and found by a running gateway-ctl.
//!
//! Second factor, wrong password and "localhost only" stand with what is done about them (`conflicts.rs`, `repairs.rs`).

use std::{cell::RefCell, time::Duration};

use bus::{Beacon, Bus};
use gateway_ctl::Tempo;
use ib_link::{ClientId, ClientIds, LineRequest, Link, Settings};
use schemas::{
    contracts::ContractQuery,
    gateway::{Check, CheckStatus, Diagnose, DiagnoseParams, DiagnoseReply, Logout, LogoutParams, State, StateChange},
    health::{self, Heartbeat},
};
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    gateway::{Plan, free_ports},
    support::{PATIENCE, World, gateway, quick, saturday},
};

impl World {
    async fn diagnosis(&self) -> DiagnoseReply {
        self.ask::<Diagnose>(&DiagnoseParams::default()).await.expect("a diagnosis")
    }

    async fn until_verdict(&self, word: &str) -> DiagnoseReply {
        let last = RefCell::new(None);
        let is = async || {
            // It may not serve yet.
            let found = self.ask::<Diagnose>(&DiagnoseParams::default()).await.ok();
            let is = found.as_ref().is_some_and(|found| found.verdict == word);
            last.replace(found);
            is
        };
        self.until(word, is).await;
        last.take().expect("a diagnosis")
    }
}

fn line<'a>(found: &'a DiagnoseReply, name: &str) -> &'a Check {
    found.layers.iter().find(|check| check.check == name).unwrap_or_else(|| panic!("no line {name}: {found:#?}"))
}

/// A service with a session of its own, and its heartbeat.
struct Service {
    link: Link,
    _beacon: Beacon,
}

impl Service {
    async fn start(world: &World, client_id: i32) -> Self {
        let settings = Settings {
            host: world.plan.host().to_owned(),
            port: world.plan.api,
            client_ids: ClientIds { from: ClientId(client_id), count: 1, start: 0 },
            keep_account: false,
            lines_max: 1,
            ..Settings::default()
        };
        let link = Link::start(settings, CancellationToken::new());
        let connected = async { link.state().wait_for(ib_link::State::connected).await.map(drop) };
        tokio::time::timeout(PATIENCE, connected).await.expect("in time").expect("the link lives");
        let settings = bus::Settings { url: world.nats.url(), creds_file: None, name: "a worker".to_owned() };
        let bus = Bus::connect(&settings).await.expect("a connection");
        let beating = link.clone();
        let beacon = Beacon::start(&bus, gateway(), move || Heartbeat {
            service: "ib-worker".to_owned(),
            id: "0190a1b2-0000-7000-8000-000000000002".to_owned(),
            version: schemas::VERSION.to_owned(),
            pid: 1,
            state: health::State::Ready,
            sequence: 0,
            started_at: service::clock::now(),
            in_flight: 0,
            slots: 1,
            operations: Vec::new(),
            ib: Some(beating.ib_session()),
            gateway: None,
        });
        Self { link, _beacon: beacon }
    }
}

#[tokio::test]
async fn a_read_only_api_by_the_gateways_own_setting() {
    let world = World::new(Plan { read_only_api: true, ..Plan::default() }).await;
    let _ctl = world.ctl_with(quick(), &[("IB_READONLY", "false")]);
    world.until_state(State::Connected).await;
    let found = world.until_verdict("read_only").await;
    assert!(found.next_action.contains("Read-Only API"), "{found:#?}");
    assert_eq!(line(&found, "read-only API").status, CheckStatus::Fail);
}

#[tokio::test]
async fn a_read_only_api_that_is_wanted_so_is_no_trouble() {
    let world = World::new(Plan { read_only_api: true, ..Plan::default() }).await;
    let _ctl = world.ctl();
    world.until_state(State::Connected).await;
    let warned = async || line(&world.diagnosis().await, "read-only API").status == CheckStatus::Warn;
    world.until("it is seen", warned).await;
    assert_eq!(world.diagnosis().await.verdict, "healthy");
}

#[tokio::test]
async fn a_read_only_api_of_a_gateway_that_tells_no_settings_by_its_321() {
    let world = World::new(Plan { max_server_version: Some(218), ..Plan::default() }).await;
    let _ctl = world.ctl_with(quick(), &[("IB_READONLY", "false")]);
    world.until_state(State::Connected).await;
    assert_eq!(line(&world.diagnosis().await, "read-only API").status, CheckStatus::Skip);
    let text = "Error validating request.-'v' : cause - The API interface is currently in Read-Only mode.";
    world.sim("POST", "/faults", &json!({"kind": "notice", "code": 321, "text": text})).await;
    let found = world.until_verdict("read_only").await;
    assert!(line(&found, "read-only API").evidence.as_ref().is_some_and(|told| told.contains("321")), "{found:#?}");
}

#[tokio::test]
async fn a_competing_session_that_a_worker_met() {
    let world = World::new(Plan::default()).await;
    let _ctl = world.ctl();
    world.until_state(State::Connected).await;
    let worker = Service::start(&world, 10).await;
    world.until_verdict("healthy").await;
    world.sim("POST", "/faults", &json!({"kind": "competing_session"})).await;
    let deadline = || Instant::now() + Duration::from_secs(20);
    let query = ContractQuery { symbol: Some("AAPL".to_owned()), sec_type: Some("STK".to_owned()), ..ContractQuery::default() };
    let contract = worker.link.contract_details(&query, deadline()).await.expect("details").remove(0).contract;
    let request = LineRequest { contract, generic_ticks: Vec::new() };
    let mut quote = worker.link.line(&request, deadline()).await.expect("a line");
    let refused = async {
        loop {
            if let Err(fault) = quote.changed(deadline()).await {
                return fault;
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, refused).await.expect("in time").ib_code, Some(10197));
    let found = world.until_verdict("competing_session").await;
    assert!(found.next_action.contains("other session"), "{found:#?}");
    assert!(line(&found, "ib").evidence.as_ref().is_some_and(|told| told.contains("10197")), "{found:#?}");
}

#[tokio::test]
async fn the_fleet_is_known_from_the_first_moment() {
    let world = World::new(Plan::default()).await;
    // The first check comes long after.
    let _ctl = world.ctl_with(quick(), &[("GATEWAY_CHECK_MS", "600000")]);
    world.until_state(State::Connected).await;
    let _worker = Service::start(&world, 10).await;
    let seen = async || line(&world.diagnosis().await, "sessions").detail == "1 of 1 processes are connected";
    world.until("the worker is seen", seen).await;
}

#[tokio::test]
async fn client_ids_that_others_hold() {
    let world = World::new(Plan { fault: Some("client_ids_taken".to_owned()), ..Plan::default() }).await;
    let _ctl = world.ctl();
    let found = world.until_verdict("client_id_in_use").await;
    assert!(line(&found, "client id").detail.contains("326") && found.next_action.contains("90 to 97"), "{found:#?}");
    world.sim("DELETE", "/faults", &serde_json::Value::Null).await;
    world.until_state(State::Connected).await;
}

#[tokio::test]
async fn the_port_inside_the_container_in_place_of_its_forwarder() {
    // An address of this host that nobody else listens on, since these ports are fixed.
    let host = format!("127.77.{}.{}", std::process::id() / 250 % 250, std::process::id() % 250 + 1);
    let world = World::new(Plan { host, api: 4004, ..Plan::default() }).await;
    let _ctl = world.ctl_with(quick(), &[("IB_PORT", "4002")]);
    let found = world.until_verdict("wrong_port").await;
    assert!(found.next_action.contains("IB_PORT=4004"), "{found:#?}");
    assert_eq!(line(&found, "other port").status, CheckStatus::Warn);
}

#[tokio::test]
async fn a_session_that_a_person_took() {
    let world = World::new(Plan { existing_session: "primaryoverride".to_owned(), ..Plan::default() }).await;
    let _ctl = world.ctl();
    world.until_state(State::Connected).await;
    world.sim("POST", "/login", &json!({"action": "take_over"})).await;
    let found = world.until_verdict("session_taken").await;
    assert!(found.next_action.contains("POST /gateway/login"), "{found:#?}");
}

#[tokio::test]
async fn a_window_in_which_ib_restarts_its_servers() {
    let world = World::new(Plan::default()).await;
    let _ctl = world.ctl_with(Tempo { clock: saturday, ..quick() }, &[("IB_RESET_REGION", "america")]);
    world.until_state(State::Connected).await;
    world.sim("POST", "/faults", &json!({"kind": "connectivity", "state": "lost"})).await;
    let found = world.until_verdict("reset_window").await;
    assert!(found.next_action.starts_with("Wait") && line(&found, "ib").status == CheckStatus::Warn, "{found:#?}");
    let status = world.status().await;
    assert!(status.reset_window.is_some() && status.needs_human.is_none(), "{status:?}");
}

#[tokio::test]
async fn what_runs_is_named_and_a_stop_is_told_once() {
    let [unused] = free_ports();
    let world = World::new(Plan { api: unused, ..Plan::default() }).await;
    let _ctl = world.ctl();
    world.until_state(State::Connected).await;
    assert_eq!(world.status().await.gateway_container, "process env", "the program, since there is no container");
    let mut listener = world.bus.listen(gateway().gateway_events()).await.expect("listening");
    world.ask::<Logout>(&LogoutParams::default()).await.expect("a logout");
    let mut changes = Vec::new();
    while changes.last() != Some(&State::LoggedOut) {
        let body = tokio::time::timeout(PATIENCE, listener.next()).await.expect("in time").expect("an event");
        let change: StateChange = serde_json::from_slice(&body).expect("a change");
        // What has no `from` is a call to all sessions.
        changes.extend(change.from.map(|_| change.state));
    }
    assert_eq!(changes, [State::Stopping, State::LoggedOut]);
}
