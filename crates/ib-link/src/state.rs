//! What a link is doing, as its owner sees it.

use std::collections::BTreeMap;

use schemas::{ClientId, context::Mode, health::IbSession};

use crate::{clock::Instant, settings::Settings};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The first probe is under way.
    Starting,
    /// The gateway is known down; a probe every second.
    Probing,
    Connecting,
    Connected,
    /// The gateway answers, but gives no session.
    BackingOff {
        until: Instant,
    },
    /// [`crate::Link::hold`]: the gateway is meant to be down.
    Held,
    Closed,
}

/// IB's data farms, as its notices 2103 to 2108, 2119, 2157 and 2158 tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FarmState {
    Ok,
    Broken,
    /// Asleep until something is asked of it: no fault.
    Inactive,
    Connecting,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farm {
    pub state: FarmState,
    /// IB's words.
    pub told: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub phase: Phase,
    /// The id of the session, or the one being tried.
    pub client_id: Option<ClientId>,
    pub server_version: Option<i32>,
    /// Of the session, or of the last one.
    pub accounts: Vec<String>,
    pub mode: Option<Mode>,
    /// Failed checks or attempts in a row.
    pub consecutive_failures: u32,
    /// Reconnects since the last success; reset only by a successful connection.
    pub restart_count: u32,
    /// The gateway has lost IB's servers (1100, 2110) and has not told 1101 or 1102 since.
    pub upstream_lost: bool,
    /// Times that IB's servers came back and the market data did not (1101).
    pub data_losses: u32,
    /// Why it is not connected, or what failed last.
    pub reason: Option<String>,
    /// The last attempt found all client ids held by other connections (IB error 326).
    pub ids_in_use: bool,
    /// IANA name of the gateway host's zone, or the gateway's own name for it.
    pub gateway_time_zone: Option<String>,
    pub farms: BTreeMap<String, Farm>,
}

impl State {
    /// Before the first probe.
    pub fn starting() -> Self {
        Self {
            phase: Phase::Starting,
            client_id: None,
            server_version: None,
            accounts: Vec::new(),
            mode: None,
            consecutive_failures: 0,
            restart_count: 0,
            upstream_lost: false,
            data_losses: 0,
            reason: None,
            ids_in_use: false,
            gateway_time_zone: None,
            farms: BTreeMap::new(),
        }
    }

    pub fn connected(&self) -> bool {
        self.phase == Phase::Connected
    }

    /// Requests that need IB's servers can be answered.
    pub fn ready(&self) -> bool {
        self.connected() && !self.upstream_lost
    }

    /// The part of a heartbeat that tells about this session.
    pub fn ib_session(&self, settings: &Settings) -> IbSession {
        IbSession {
            connected: self.connected(),
            host: settings.host.clone(),
            port: settings.port,
            client_id: self.client_id.filter(|_| self.connected()),
            server_version: self.server_version,
            mode: self.mode,
            consecutive_failures: self.consecutive_failures,
            restart_count: self.restart_count,
            upstream_lost: self.upstream_lost,
            reason: self.reason.clone(),
            notices: Vec::new(),
        }
    }
}
