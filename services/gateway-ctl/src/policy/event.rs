//! What goes into the policy and what comes out: facts, commands, actions, answers.
//!
//! Invariant: facts are levels, told again at any time without harm; what is unknown says so and triggers nothing.

use jiff::Timestamp;
use schemas::gateway::State;

use crate::logs::LogState;

/// The time, twice: what only runs on, for waits, and the wall clock, for windows and for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    pub uptime_ms: u64,
    pub at: Timestamp,
}

impl Now {
    /// The wall clock's time at that uptime.
    pub(super) fn wall_of(self, uptime_ms: u64) -> Timestamp {
        let from_now = i64::try_from(uptime_ms).unwrap_or(i64::MAX) - i64::try_from(self.uptime_ms).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(self.at.as_millisecond().saturating_add(from_now)).unwrap_or(Timestamp::MAX)
    }

    /// The uptime at that time of the wall clock; the past is the beginning of the process.
    pub(super) fn uptime_of(self, at: Timestamp) -> u64 {
        let from_now = at.as_millisecond().saturating_sub(self.at.as_millisecond());
        self.uptime_ms.saturating_add_signed(from_now)
    }
}

/// Layer 0: Docker, or whatever starts and stops the gateway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Engine {
    #[default]
    Unknown,
    Reachable,
    Lost,
}

/// Layer 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Container {
    #[default]
    Unknown,
    Missing,
    Running {
        started_at: Option<Timestamp>,
    },
    Paused,
    Exited {
        code: Option<u8>,
        oom_killed: bool,
        finished_at: Option<Timestamp>,
    },
}

/// Layers 3 and 4: the API port and its hello.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Api {
    #[default]
    Unknown,
    /// No TCP connection.
    Closed,
    /// A TCP connection and no answer to the hello, or an end instead of one.
    Silent,
    /// Older than 213: this system cannot speak with it.
    TooOld {
        server_version: i32,
    },
    Answers {
        server_version: i32,
    },
}

/// Layer 5: the probe's own session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Session {
    #[default]
    Unknown,
    Open,
    /// All client ids of the probe are held by others.
    IdInUse,
    Failed,
}

/// Layer 7: workers and options, by their heartbeats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fleet {
    /// No NATS, no heartbeats to read.
    #[default]
    Unknown,
    /// Nobody is there.
    Absent,
    /// Somebody has a session that reaches IB.
    Working,
    /// Somebody is there and nobody is connected.
    Down,
}

/// A caller who waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WaiterId(pub u64);

/// What an action was about, to tell that it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Start,
    CloseGateway,
    StopContainer,
    SoftRestart,
    ReconnectAccount,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Engine(Engine),
    Container(Container),
    /// `None`: the log cannot be read.
    Log(Option<LogState>),
    Api(Api),
    Session(Session),
    /// 1100 or 2110 on the probe's session.
    UpstreamLost,
    /// 1102, or 1101 with the market data lost.
    UpstreamRestored {
        data_lost: bool,
    },
    /// Told every 30 s, at each check.
    Fleet(Fleet),
    /// Whether this process is the one that acts.
    Leader(bool),
    Failed(Deed, String),
    Logout {
        id: WaiterId,
        by: String,
        reason: Option<String>,
        minutes: Option<u32>,
    },
    Login {
        id: WaiterId,
        by: String,
    },
    Reconnect {
        id: WaiterId,
        by: String,
        hard: bool,
    },
    EnsureReady {
        id: WaiterId,
        timeout_ms: u64,
    },
    /// The caller went away.
    Gone(WaiterId),
    /// The moment of `wake_at` has come.
    Tick,
}

/// What only a person can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    SecondFactor,
    Credentials,
    ApiSilent,
    Budget,
    StoppedOutside,
    CannotStop,
    Conflict,
    Missing,
    Paused,
    TooOld,
    ClientIds,
    LogoutOver,
}

impl Need {
    /// One sentence: what is the matter and what to do.
    pub const fn text(self) -> &'static str {
        match self {
            Self::SecondFactor => {
                "The log-in waits for its second factor: confirm it in IBKR Mobile, or POST /gateway/login to ask for it again."
            }
            Self::Credentials => "IB refused the user name or password: correct them, recreate nothing, then POST /gateway/login.",
            Self::ApiSilent => {
                "The gateway is logged in and its API does not answer: open its window (VNC), answer any dialog, untick `Allow connections from \
                 localhost only`, then POST /gateway/login."
            }
            Self::Budget => {
                "The gateway was started too often and did not stay up: GET /gateway/diagnose says why; then POST /gateway/login."
            }
            Self::StoppedOutside => "Somebody stopped the gateway's container twice: POST /gateway/login starts it again.",
            Self::CannotStop => {
                "Docker does not stop the gateway's container: look at Docker, then POST /gateway/logout or /gateway/login again."
            }
            Self::Conflict => "Another session uses this IB login: end it there, or take the session with POST /gateway/login.",
            Self::Missing => {
                "The gateway's container does not exist: create it with docker compose up --no-start, then POST /gateway/login."
            }
            Self::Paused => "Somebody paused the gateway's container: docker unpause it.",
            Self::TooOld => "The gateway is too old for this system: install one that speaks server version 213 or newer.",
            Self::ClientIds => "Client ids 90 to 97 are held by other connections: end the programs that use them.",
            Self::LogoutOver => {
                "The minutes of the logout are over, and whether a person still has the session cannot be seen: POST /gateway/login."
            }
        }
    }
}

/// Told to people once per event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    NeedsHuman(Need),
    Halted(Need),
    SessionConflict,
    /// Not connected for 5 minutes, though wanted up.
    Down,
    WeeklyLogIn {
        due: Timestamp,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Keep this text. It comes before every action that it speaks of: when it cannot be kept, those are not done.
    Save(String),
    /// `yielding`: the gateway must end itself when it meets another session.
    Start {
        yielding: bool,
    },
    /// IBC's STOP: the gateway closes and keeps its settings.
    CloseGateway,
    StopContainer {
        grace_s: u32,
    },
    /// IBC's RESTART.
    SoftRestart,
    /// IBC's RECONNECTACCOUNT.
    ReconnectAccount,
    /// Ends the port forwarder's connections; it comes back by itself.
    KickForwarder,
    RestartWorkers,
    /// The session ends now: no new orders, workers disconnect.
    Drain,
    /// Market data was lost with the upstream.
    Resubscribe,
    Changed {
        from: State,
        to: State,
        reason: Option<String>,
    },
    Notify(Notice),
    Answer {
        id: WaiterId,
        answer: Answer,
    },
}

/// What a command or a waiter gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    LoggedOut {
        changed: bool,
    },
    LoggedIn {
        changed: bool,
    },
    Reconnecting {
        changed: bool,
    },
    Ready {
        waited_ms: u64,
    },
    NotReady {
        waited_ms: u64,
        reason: String,
    },
    /// To `ensure-ready`, at once.
    NotReadyLoggedOut {
        waited_ms: u64,
    },
    Refused(Refusal),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A person starts this gateway.
    NoControl,
    /// Reconnect while logged out.
    LoggedOut,
    /// IB asked to wait, or too many starts were asked for.
    NotBefore {
        at: Timestamp,
        reason: String,
    },
    Failed {
        reason: String,
    },
    TooManyWaiters,
}
