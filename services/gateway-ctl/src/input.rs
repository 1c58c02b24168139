//! What reaches the task that owns the policy: what was seen, and what is asked.
//!
//! Invariant: whoever asks has a way to be answered, and is answered once.

use std::net::IpAddr;

use schemas::{
    Fault,
    gateway::{CommandReply, DiagnoseReply, EnsureReadyReply, LogoutParams, RestartWorkersReply, StatusReply},
};
use tokio::sync::oneshot;

use crate::{
    backend::Looked,
    diagnose::{Hello, Tcp},
    policy::{Deed, WaiterId},
};

/// What wakes the task up beside its timers, the container and the session.
#[derive(Debug)]
pub(crate) enum Input {
    Seen(Box<Sight>),
    Failed(Deed, String),
    Ask(Ask),
    /// The caller went away.
    Gone(WaiterId),
}

#[derive(Debug)]
pub(crate) enum Sight {
    Network {
        resolved: Vec<IpAddr>,
        tcp: Vec<Tcp>,
    },
    Hello(Hello),
    /// What is looked at seldom, and for a diagnosis.
    Slow(Slow),
}

#[derive(Debug, Default)]
pub(crate) struct Slow {
    pub(crate) looked: Looked,
    pub(crate) command_server: Option<bool>,
    pub(crate) clock_skew_ms: Option<i64>,
    /// The gateway's own setting.
    pub(crate) read_only: Option<bool>,
    /// The other port of the trading mode answered.
    pub(crate) answers_on: Option<u16>,
}

pub(crate) type Reply<T> = oneshot::Sender<Result<T, Fault>>;

#[derive(Debug)]
pub(crate) enum Ask {
    Status(Reply<StatusReply>),
    /// After everything was looked at anew.
    Diagnose(Reply<DiagnoseReply>),
    Command(WaiterId, Wish, Reply<CommandReply>),
    EnsureReady {
        id: WaiterId,
        timeout_ms: u64,
        reply: Reply<EnsureReadyReply>,
    },
    RestartWorkers(Reply<RestartWorkersReply>),
}

#[derive(Debug)]
pub(crate) enum Wish {
    Logout { by: String, params: LogoutParams },
    Login { by: String },
    Reconnect { by: String, hard: bool },
}

/// Who waits for an answer of the policy.
#[derive(Debug)]
pub(crate) enum Caller {
    Command(Reply<CommandReply>),
    Ready(Reply<EnsureReadyReply>),
}
