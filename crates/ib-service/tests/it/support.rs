//! What the tests share: a message server, processes on it, and waits with a deadline.

use std::{collections::BTreeMap, time::Duration};

use bus::Fleet;
use ib_link::Link;
use ib_service::{Base, Shape};
use nats_local::{Locate, NatsServer, NoProgress, StartOptions};
use schemas::health::Heartbeat;
use service::{Process, Settings, settings::WORKER};
use tokio::{
    sync::oneshot,
    time::{interval, timeout},
};

/// For states that must come; only a broken program waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
const LOOK_PERIOD: Duration = Duration::from_millis(20);

pub(crate) async fn nats() -> NatsServer {
    let binary = nats_local::locate(&Locate::from_env(), &NoProgress).await.expect("a nats-server");
    NatsServer::start(&binary, StartOptions::default()).await.expect("it starts")
}

/// A process of one service; told to end when dropped.
pub(crate) struct Running {
    pub(crate) base: Base,
}

impl Running {
    /// With so many messages a second until the heartbeats say otherwise.
    pub(crate) async fn start(nats: &NatsServer, service: &'static str, per_s: f64) -> Self {
        let flags = BTreeMap::from([("NATS_URL", nats.url())]);
        let process = Process::new(Settings::load(WORKER, &flags, |_| None).expect("settings"));
        // Nobody listens on this port.
        let link = ib_link::Settings { port: 1, messages_per_s: per_s, ..ib_link::Settings::default() };
        let shape = Shape { service, queue: service, slots: 1, waiting_max: 0, link };
        let (give, base) = oneshot::channel();
        // A thread and a runtime of its own, as a process has them.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let build = |base, builder| {
                drop(give.send(base));
                (builder, std::future::pending())
            };
            runtime.block_on(ib_service::run(process, shape, build)).expect("a service");
        });
        Self { base: timeout(PATIENCE, base).await.expect("in time").expect("a base") }
    }

    pub(crate) fn link(&self) -> &Link {
        &self.base.link
    }

    pub(crate) fn fleet(&self) -> &Fleet {
        &self.base.fleet
    }

    /// The heartbeat by which others know it.
    pub(crate) async fn seen_by(&self, other: &Self) -> Heartbeat {
        let id = &self.base.process.id;
        let find = || other.fleet().seen().into_iter().find(|seen| seen.beat.id == *id);
        until("the other hears its heartbeat", || find().is_some()).await;
        find().expect("seen").beat
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.base.process.shutdown.cancel();
    }
}

pub(crate) async fn until(what: &str, is: impl Fn() -> bool) {
    let mut looks = interval(LOOK_PERIOD);
    let found = timeout(PATIENCE, async {
        while !is() {
            looks.tick().await;
        }
    });
    assert!(found.await.is_ok(), "not in time: {what}");
}
