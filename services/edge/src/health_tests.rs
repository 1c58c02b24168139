use jiff::Timestamp;
use schemas::{
    ClientId,
    health::{Heartbeat, IbSession, State},
};
use serde_json::{Value, json};

use super::*;

fn seen(service: &str, id: &str, client: i32, state: State, connected: bool) -> Seen {
    let ib = IbSession {
        connected,
        host: "ibgateway-paper".to_owned(),
        port: 4004,
        client_id: Some(ClientId(client)),
        server_version: None,
        mode: connected.then_some(Mode::Simulated),
        consecutive_failures: 0,
        restart_count: 0,
        upstream_lost: false,
        reason: None,
        notices: Vec::new(),
    };
    let beat = Heartbeat {
        service: service.to_owned(),
        id: id.to_owned(),
        version: "0".to_owned(),
        pid: 1,
        state,
        sequence: 1,
        started_at: Timestamp::UNIX_EPOCH,
        in_flight: 0,
        slots: 8,
        operations: Vec::new(),
        ib: Some(ib),
        gateway: None,
    };
    Seen { beat, age: Duration::from_millis(100) }
}

fn worker(client: i32, state: State, connected: bool) -> Seen {
    seen(WORKERS, &format!("w{client}"), client, state, connected)
}

fn closed() -> View {
    View { position: Position::Closed, failures: 0, last_failure_ago: None, recovery_in: None }
}

fn open() -> View {
    View {
        position: Position::Open,
        failures: 3,
        last_failure_ago: Some(Duration::from_millis(4_900)),
        recovery_in: Some(Duration::from_millis(55_100)),
    }
}

fn asked(seen: &[Seen], breaker: View) -> Report {
    report(&Facts { gateway: "paper", ib_host: "ibgateway-paper", ib_port: 4004, pool_size: 3, seen, breaker, nats_connected: true })
}

#[test]
fn the_predecessors_document_word_for_word() {
    let mut full = worker(12, State::Ready, true);
    full.beat.in_flight = 8;
    let options = seen(OPTIONS_SERVICE, "o", 99, State::Ready, true);
    let said = asked(&[full, worker(11, State::Ready, true), worker(10, State::Ready, true), options], closed());
    let text = serde_json::to_string(&said).expect("json");
    let row = |client: i32, available: bool| {
        format!(
            r#"{{"id":"w{client}","client_id":{client},"alive":true,"ib_connected":true,"available":{available},"consecutive_failures":0,"restart_count":0}}"#
        )
    };
    let spec = [
        r#"{"status":"healthy","ib_connected":true,"options_client_connected":true,"service":"ib-paper","ib_host":"ibgateway-paper","ib_port":"4004","#,
        r#""circuit_breaker":{"state":"closed","failure_count":0,"last_failure_ago":null,"recovery_in":null},"#,
        r#""pool":{"pool_size":3,"workers_alive":3,"workers_ib_connected":3,"workers_available":2,"#,
        &format!(r#""workers":[{},{},{}]}}"#, row(10, true), row(11, true), row(12, false)),
        &format!(r#","version":"{}","mode":"simulated","nats_connected":true}}"#, env!("CARGO_PKG_VERSION")),
    ];
    assert_eq!(text, spec.concat());
    assert_eq!(said.http_status(), 200);
}

#[test]
fn the_status_table() {
    use Status::{Degraded, Healthy, Unhealthy};
    let mut stale = worker(10, State::Ready, true);
    stale.age = Duration::from_secs(7);
    let half_open = View { position: Position::HalfOpen, ..open() };
    let options = |connected| seen(OPTIONS_SERVICE, "o", 99, State::Ready, connected);
    let table: &[(&str, Vec<Seen>, View, Status, u16)] = &[
        ("nobody", vec![], closed(), Unhealthy, 503),
        ("a worker connected", vec![worker(10, State::Ready, true)], closed(), Healthy, 200),
        ("one of two", vec![worker(10, State::IbDown, false), worker(11, State::Ready, true)], closed(), Healthy, 200),
        ("alive, none connected", vec![worker(10, State::IbDown, false)], closed(), Degraded, 200),
        ("only a stale one", vec![stale.clone()], closed(), Unhealthy, 503),
        ("options connected, workers not", vec![worker(10, State::IbDown, false), options(true)], closed(), Healthy, 200),
        ("options connected, no workers", vec![options(true)], closed(), Healthy, 200),
        ("options alive only", vec![options(false)], closed(), Unhealthy, 503),
        ("an edge is no worker", vec![seen("edge", "e", 0, State::Ready, false)], closed(), Unhealthy, 503),
        ("breaker open", vec![worker(10, State::Ready, true)], open(), Unhealthy, 503),
        ("breaker half open", vec![worker(10, State::Ready, true)], half_open, Healthy, 200),
        ("draining", vec![worker(10, State::Draining, true)], closed(), Healthy, 200),
    ];
    for (name, seen, breaker, status, http) in table {
        let said = asked(seen, *breaker);
        assert_eq!((said.status, said.http_status()), (*status, *http), "{name}");
    }
}

#[test]
fn a_worker_that_went_silent_stays_in_the_list_and_counts_for_nothing() {
    let mut gone = worker(10, State::Ready, true);
    gone.age = Duration::from_secs(20);
    let said = serde_json::to_value(asked(&[gone, worker(11, State::Draining, true)], closed())).expect("json");
    let pool = &said["pool"];
    assert_eq!((&pool["workers_alive"], &pool["workers_ib_connected"], &pool["workers_available"]), (&json!(1), &json!(1), &json!(0)));
    let silent = json!({"id": "w10", "client_id": 10, "alive": false, "ib_connected": false, "available": false, "consecutive_failures": 0, "restart_count": 0});
    assert_eq!(pool["workers"][0], silent);
}

#[test]
fn an_open_breaker_tells_seconds() {
    let said = serde_json::to_value(asked(&[], open())).expect("json");
    assert_eq!(said["circuit_breaker"], json!({"state": "open", "failure_count": 3, "last_failure_ago": 4, "recovery_in": 56}));
    assert_eq!(said["mode"], Value::Null);
}

#[test]
fn the_pool_is_as_large_as_it_should_be_or_is() {
    let many: Vec<Seen> = (10..15).map(|client| worker(client, State::Ready, true)).collect();
    assert_eq!(asked(&many, closed()).pool.pool_size, 5);
    assert_eq!(asked(&many[..1], closed()).pool.pool_size, 3);
}

#[test]
fn the_mode_with_most_at_stake_is_told() {
    let mut live = worker(11, State::Ready, true);
    live.beat.ib.as_mut().expect("session").mode = Some(Mode::Live);
    assert_eq!(mode(&[worker(10, State::Ready, true), live.clone()]), Some(Mode::Live));
    live.age = Duration::from_secs(10);
    assert_eq!(mode(&[worker(10, State::Ready, true), live]), Some(Mode::Simulated), "a process that is gone says nothing");
}

#[test]
fn a_gateway_that_was_logged_out_is_no_reason_to_call_the_mesh_unhealthy() {
    let part = |logged_out: Value| {
        let part = json!({ "state": "LOGGED_OUT", "desired": "down", "since": "2026-11-20T10:00:00Z", "logged_out": logged_out });
        let mut ctl = seen("gateway-ctl", "g", 0, State::Ready, false);
        ctl.beat.ib = None;
        ctl.beat.gateway = serde_json::from_value(part).expect("a part");
        ctl
    };
    let who = json!({ "by": "ops", "since": "2026-11-20T10:00:00Z", "reason": null, "until": null, "ends_with": "POST /gateway/login" });
    let said = asked(&[part(who.clone()), worker(10, State::IbDown, false)], open());
    assert_eq!((said.status, said.http_status()), (Status::Degraded, 200));
    assert_eq!(serde_json::to_value(&said).expect("json")["gateway"]["logged_out"]["by"], json!("ops"));
    assert_eq!(asked(&[part(who)], open()).status, Status::Unhealthy, "there are no workers");
    assert_eq!(asked(&[part(Value::Null), worker(10, State::IbDown, false)], open()).status, Status::Unhealthy);
}
