//! The heartbeats of a stack, as every service sees them.

use bus::{Bus, Fleet, Settings};
use rustix::process::{Pid, Signal, kill_process};
use schemas::health::Heartbeat;

use super::Stack;

#[derive(Debug)]
pub(crate) struct Beats {
    fleet: Fleet,
    _bus: Bus,
}

impl Beats {
    pub(crate) async fn of(stack: &Stack) -> Self {
        Self::at(stack.nats.url()).await
    }

    pub(crate) async fn at(nats_url: String) -> Self {
        let settings = Settings { url: nats_url, creds_file: None, name: "a test".to_owned() };
        let bus = Bus::connect(&settings).await.expect("NATS answers");
        let gateway = "paper".parse().expect("a good name");
        Self { fleet: Fleet::follow(&bus, &gateway).await.expect("it can be followed"), _bus: bus }
    }

    /// Of the workers that are alive.
    pub(crate) fn workers(&self) -> Vec<Heartbeat> {
        self.fleet.alive("ib-worker")
    }

    /// Of the options service.
    pub(crate) fn options(&self) -> Vec<Heartbeat> {
        self.fleet.alive("options")
    }

    /// What is served now, by whomever.
    pub(crate) fn operations(&self) -> std::collections::BTreeSet<String> {
        self.fleet.seen().into_iter().filter(bus::Seen::is_alive).flat_map(|seen| seen.beat.operations).collect()
    }

    /// The worker that holds this client id.
    pub(crate) fn holder(&self, client_id: i64) -> Option<Heartbeat> {
        let holds = |beat: &Heartbeat| beat.ib.as_ref().and_then(|ib| ib.client_id).is_some_and(|id| i64::from(id.0) == client_id);
        self.workers().into_iter().find(holds)
    }
}

/// SIGKILL to the process that sends these heartbeats.
pub(crate) fn kill(beat: &Heartbeat) {
    let pid = i32::try_from(beat.pid).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, Signal::KILL).expect("it runs");
}
