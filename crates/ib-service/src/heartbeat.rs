//! The heartbeat of a service with an IB session.

use bus::Load;
use ib_link::{Link, Phase};
use schemas::health::{Heartbeat, State};
use service::Process;

use crate::membership::Joined;

/// Knows where each part of the heartbeat comes from.
#[derive(Debug)]
pub(crate) struct Teller {
    process: Process,
    service: &'static str,
    slots: u32,
    link: Link,
    load: Load,
    operations: Joined,
}

impl Teller {
    pub(crate) fn new(process: &Process, service: &'static str, slots: usize, link: Link, load: Load, operations: Joined) -> Self {
        Self { process: process.clone(), service, slots: u32::try_from(slots).unwrap_or(u32::MAX), link, load, operations }
    }

    pub(crate) fn tell(&self) -> Heartbeat {
        // A copy: a second borrow (of `ib_session`) under the first would wait for ever behind a writer between the two.
        let link = self.link.state().borrow().clone();
        let draining = self.process.shutdown.is_cancelled();
        let state = match link.phase {
            _ if draining => State::Draining,
            Phase::Connected => State::Ready,
            Phase::Held => State::IbDown,
            _ if link.consecutive_failures == 0 => State::Starting,
            _ => State::IbDown,
        };
        Heartbeat {
            service: self.service.to_owned(),
            id: self.process.id.clone(),
            version: schemas::VERSION.to_owned(),
            pid: std::process::id(),
            state,
            sequence: 0,
            started_at: self.process.started_at,
            in_flight: self.load.in_flight(),
            slots: self.slots,
            operations: if draining { Vec::new() } else { self.operations.names() },
            ib: Some(self.link.ib_session()),
            gateway: None,
        }
    }
}
