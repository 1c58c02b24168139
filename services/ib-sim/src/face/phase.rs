//! The words between the machine and the world: phases, what is wanted, what follows.
//!
//! Invariant: whatever the machine decides is an [`Effect`], so that it can be tested without a world.

use serde::{Deserialize, Serialize};

use super::lines::Line;
use crate::faults::kinds::Connectivity;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    Starting,
    Login,
    TwoFactor,
    /// The second factor did not come; the end does.
    TwoFactorMissed,
    /// A person has to choose between two sessions.
    ExistingSession,
    LockedOut,
    Ready,
    /// Another session took over and this one wants back.
    SessionTaken,
    /// Logging in to IB's servers again, with the API open.
    Reconnecting,
    Stopped,
}

/// What a person, a test or a command wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// The second factor is given.
    Approve,
    Deny,
    /// The answer to a dialog about another session: go on here.
    Continue,
    /// The answer to the same dialog: end here.
    GiveUp,
    TakeOver,
    /// What happens every night.
    Restart,
    /// What happens once a week: with a full log-in.
    WeeklyRestart,
    ReconnectAccount,
    ReconnectData,
    Stop,
    /// The container is asked to end by a signal.
    Terminate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    Log(Line),
    /// Whether the API port is open.
    Api(bool),
    DropClients,
    Connectivity(Connectivity),
    ReconnectFarms,
    /// The container is at its end.
    Exit(u8),
}

/// The time, twice: what only runs on, and what people set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) uptime_ms: u64,
    pub(crate) wall_ms: i64,
}
