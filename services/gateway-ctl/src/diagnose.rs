//! What was seen of each layer, told as checks, with a verdict and the next step in one sentence.
//!
//! Invariant: pure, and honest about what was not looked at: it is `skip`, never `pass`. The verdict is the first cause of
//! the matrix that fits, from the engine up to the fleet.

mod checks;
mod process;
mod reach;
mod verdict;

use std::net::IpAddr;

use jiff::Timestamp;
use schemas::{
    gateway::{Check, CheckStatus, DiagnoseReply},
    health::{IbNotice, IbNoticeKind},
};

pub use process::{Forwarder, Sockets, forwarder_of, sockets_of};
pub use verdict::Verdict;

use crate::policy::{Now, Policy};

/// Where the gateway should be.
#[derive(Debug, Clone)]
pub struct Target {
    pub host: String,
    pub port: u16,
    pub live: bool,
    /// The container's name; `None` where there is none.
    pub container: Option<String>,
    /// What runs in a container's place, where gateway-ctl starts it itself.
    pub process: Option<String>,
}

impl Target {
    /// The port inside the container that the gateway itself listens on.
    pub const fn own_port(&self) -> u16 {
        if self.live { 4001 } else { 4002 }
    }

    /// The port of the container's forwarder.
    pub const fn forwarded_port(&self) -> u16 {
        if self.live { 4003 } else { 4004 }
    }
}

/// What Docker says of the container beyond its state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspected {
    pub image: Option<String>,
    /// `no` is right: any other policy undoes a logout.
    pub restart_policy: Option<String>,
    /// A volume at `TWS_SETTINGS_PATH`.
    pub settings_kept: Option<bool>,
    /// The volume is there and cannot be written.
    pub settings_read_only: bool,
    /// Names of variables that are missing; values are never looked at.
    pub missing_env: Vec<String>,
}

/// One address of the host, and whether the port there takes connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tcp {
    pub address: IpAddr,
    pub open: bool,
    /// The error, in the system's words.
    pub error: Option<String>,
}

/// What came of the API's hello.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Hello {
    #[default]
    NotAsked,
    /// No TCP connection: nobody to say it to.
    NoConnection,
    /// No answer in time.
    Silent,
    /// Closed instead of answered.
    Closed,
    NotIb(String),
    Answers(i32),
}

/// What came of a session of the probe's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SessionSeen {
    #[default]
    NotAsked,
    Open {
        client_id: i32,
        /// Masked.
        accounts: Vec<String>,
    },
    /// IB's error 326.
    IdInUse {
        client_ids: Vec<i32>,
    },
    Failed(String),
}

/// One process with an IB session, by its heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub service: String,
    pub client_id: Option<i32>,
    pub connected: bool,
    pub reason: Option<String>,
}

/// Everything that was looked at. What was not is `None` or empty.
#[derive(Debug, Clone)]
pub struct Seen {
    pub target: Target,
    pub engine_version: Option<String>,
    pub inspected: Option<Inspected>,
    /// Addresses of the host; empty: it cannot be resolved.
    pub resolved: Option<Vec<IpAddr>>,
    pub tcp: Vec<Tcp>,
    pub hello: Hello,
    /// The other of the two ports that belong to the trading mode, where it answered.
    pub answers_on: Option<u16>,
    /// From the container's process list.
    pub forwarder: Option<Forwarder>,
    /// From inside the container.
    pub sockets: Option<Sockets>,
    pub command_server: Option<bool>,
    pub session: SessionSeen,
    /// The gateway's own setting, where it is new enough to tell it.
    pub read_only: Option<bool>,
    pub writes_wanted: bool,
    /// What IB told lately of the login itself, to the probe or to those with a session for others.
    pub notices: Vec<IbNotice>,
    /// `None`: no NATS.
    pub fleet: Option<Vec<Member>>,
    /// The gateway's clock minus ours.
    pub clock_skew_ms: Option<i64>,
}

impl Seen {
    /// Nothing looked at yet.
    pub fn nothing(target: Target) -> Self {
        Self {
            target,
            engine_version: None,
            inspected: None,
            resolved: None,
            tcp: Vec::new(),
            hello: Hello::NotAsked,
            answers_on: None,
            forwarder: None,
            sockets: None,
            command_server: None,
            session: SessionSeen::NotAsked,
            read_only: None,
            writes_wanted: false,
            notices: Vec::new(),
            fleet: None,
            clock_skew_ms: None,
        }
    }

    fn told(&self, about: IbNoticeKind) -> Option<&IbNotice> {
        self.notices.iter().filter(|notice| notice.about == about).max_by_key(|notice| notice.at)
    }

    /// The setting counts before what was told: it is asked for again and again.
    fn is_read_only(&self) -> Option<bool> {
        self.read_only.or(self.told(IbNoticeKind::ReadOnly).map(|_| true))
    }

    fn tcp_open(&self) -> bool {
        self.tcp.iter().any(|tcp| tcp.open) || matches!(self.hello, Hello::Silent | Hello::Closed | Hello::NotIb(_) | Hello::Answers(_))
    }

    fn tcp_closed(&self) -> bool {
        !self.tcp_open() && (!self.tcp.is_empty() || self.hello == Hello::NoConnection)
    }
}

pub fn diagnose(seen: &Seen, policy: &Policy, now: Now) -> DiagnoseReply {
    let verdict = verdict::of(seen, policy, now);
    DiagnoseReply { verdict: verdict.word().to_owned(), next_action: verdict.next_action(seen), layers: layers(seen, policy, now) }
}

/// The checks alone: what the status shows.
pub fn layers(seen: &Seen, policy: &Policy, now: Now) -> Vec<Check> {
    checks::all(seen, policy, now)
}

fn check(layer: &str, name: &str, status: CheckStatus, detail: impl Into<String>) -> Check {
    Check { layer: layer.to_owned(), check: name.to_owned(), status, detail: detail.into(), evidence: None, fix: None }
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
#[path = "diagnose_tests.rs"]
mod tests;
