//! What gateway-ctl says is obeyed: a logout holds every session, and a restart of it can be asked for.

use bus::Beacon;
use ib_link::Phase;
use schemas::{
    control::{RESTART, Restart, Restarting},
    gateway::{self, Desired, LoggedOut},
    health::{GatewayPart, Heartbeat, State},
};
use service::clock;

use crate::support::{PATIENCE, Running, nats, until};

/// A heartbeat of gateway-ctl, made from another's.
fn told(by: &Running, logged_out: bool) -> Heartbeat {
    let since = clock::now();
    let latch = LoggedOut { by: "dora".to_owned(), since, reason: None, until: None, ends_with: "POST /gateway/login".to_owned() };
    let (state, desired) = if logged_out { (gateway::State::LoggedOut, Desired::Down) } else { (gateway::State::Starting, Desired::Up) };
    Heartbeat {
        service: "gateway-ctl".to_owned(),
        id: "0190a1b2-gateway-ctl".to_owned(),
        version: schemas::VERSION.to_owned(),
        pid: 1,
        state: State::Ready,
        sequence: 0,
        started_at: by.base.process.started_at,
        in_flight: 0,
        slots: 1,
        operations: Vec::new(),
        ib: None,
        gateway: Some(GatewayPart { state, desired, since, reason: None, logged_out: logged_out.then_some(latch) }),
    }
}

#[tokio::test]
async fn a_logout_holds_the_session_until_the_login_or_until_nobody_says_so_any_more() {
    let nats = nats().await;
    let worker = Running::start(&nats, "ib-worker", 14.0).await;
    let options = Running::start(&nats, "options", 12.0).await;
    let phase = || worker.link().state().borrow().phase;
    until("nobody answers", || phase() == Phase::Probing).await;
    let beacon = |logged_out| {
        let beat = told(&options, logged_out);
        Beacon::start(&options.base.bus, options.base.gateway.clone(), move || beat.clone())
    };
    let down = beacon(true);
    until("held", || phase() == Phase::Held).await;
    let held = || worker.fleet().alive("options").first().and_then(|beat| Some((beat.state, beat.ib.clone()?)));
    until("the heartbeat says so", || held().is_some_and(|(state, ib)| state == State::IbDown && ib.consecutive_failures == 0)).await;
    assert!(held().and_then(|(_, ib)| ib.reason).is_some_and(|reason| reason.contains("dora")), "{:?}", held());
    drop(down);
    let up = beacon(false);
    until("released by the login", || phase() == Phase::Probing).await;
    drop(up);
    let down = beacon(true);
    until("held again", || phase() == Phase::Held).await;
    drop(down);
    until("released by silence", || phase() == Phase::Probing).await;
}

#[tokio::test]
async fn a_restart_is_asked_for_by_heartbeat_id() {
    let nats = nats().await;
    let worker = Running::start(&nats, "ib-worker", 14.0).await;
    let options = Running::start(&nats, "options", 12.0).await;
    let beat = worker.seen_by(&options).await;
    let before = worker.link().state().borrow().restart_count;
    let base = &options.base;
    base.bus.control::<_, Restarting>(&base.gateway, &beat, RESTART, &Restart {}, PATIENCE).await.expect("an answer");
    until("restarted", || worker.link().state().borrow().restart_count == before + 1).await;
}
