//! A gateway that a person started: it is watched and told about, and left alone.

use ib_sim::{Settings, Sim};
use schemas::{
    FaultCode,
    gateway::{EnsureReady, EnsureReadyParams, Link, Login, LoginParams, Logout, LogoutParams, Reconnect, ReconnectParams, State},
};

use crate::{
    gateway::Plan,
    support::{World, quick},
};

#[tokio::test]
async fn a_gateway_of_a_person_is_watched_and_cannot_be_controlled() {
    let world = World::new(Plan::default()).await;
    let settings = || Settings { bind: ([127, 0, 0, 1], world.plan.api).into(), ..Settings::default() };
    let sim = Sim::start(settings()).await.expect("a gateway");
    let _ctl = world.ctl_with(quick(), &[("GATEWAY_BACKEND", "external")]);
    world.until_state(State::Connected).await;
    let status = world.status().await;
    assert_eq!((status.status, status.gateway_container.as_str(), status.ib_connected), (Link::Connected, "", true));
    let ready = world.ask::<EnsureReady>(&EnsureReadyParams::default()).await.expect("an answer");
    assert!(ready.ready);
    for refused in [
        world.ask::<Logout>(&LogoutParams::default()).await,
        world.ask::<Login>(&LoginParams::default()).await,
        world.ask::<Reconnect>(&ReconnectParams::default()).await,
    ] {
        assert_eq!(refused.expect_err("not ours to control").code, FaultCode::Unsupported);
    }
    sim.shutdown().await;
    world.until("it is seen", async || world.status().await.status == Link::Disconnected).await;
    let _sim = Sim::start(settings()).await.expect("the person starts it again");
    world.until_state(State::Connected).await;
}
