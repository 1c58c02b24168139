//! The breaker: when the gateway has failed [`FAILURES_MAX`] times in a row, calls are refused at once for
//! [`RECOVERY`] instead of each waiting for its deadline. Pure: time is a parameter.
//!
//! Invariants: it never opens below the threshold; it is never open longer than [`RECOVERY`] without letting a probe
//! pass; of the calls that need IB, a half-open breaker passes one at a time; calls that memory can answer always pass.

use std::time::Duration;

use tokio::time::Instant;

/// Gateway failures in a row that open it.
pub(crate) const FAILURES_MAX: u32 = 3;
/// How long it stays open.
pub(crate) const RECOVERY: Duration = Duration::from_secs(60);
/// What callers are told to wait while a probe is under way.
pub(crate) const PROBE_WAIT: Duration = Duration::from_secs(1);

/// What happens to a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A call wants to pass. `kept`: memory can answer it while IB is away.
    Asked { kept: bool },
    /// A call that passed has ended.
    Ended(Pass, Evidence),
    /// A heartbeat that arrived at `at` says that a process is connected to IB.
    IbConnected { at: Instant },
}

/// How a call passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    Normal,
    /// Memory can answer it, so it passed without being asked about the gateway.
    Beside,
    /// The one call that finds out whether the gateway is back.
    Probe,
}

/// What the end of a call says about the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// The gateway answered, if only with a refusal.
    Answered,
    /// It could not be reached or did not answer in time.
    Failed,
    /// Nothing: refused before IB was asked, cancelled, nobody there to ask.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Passed(Pass),
    Refused {
        retry_after: Duration,
    },
    /// The event asked nothing.
    Noted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { since: Instant },
    HalfOpen { probing: bool },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breaker {
    state: State,
    failures: u32,
    last_failure: Option<Instant>,
}

/// As `/health` and `/metrics` tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "BreakerState")]
pub(crate) enum Position {
    Closed,
    Open,
    HalfOpen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) position: Position,
    pub(crate) failures: u32,
    pub(crate) last_failure_ago: Option<Duration>,
    pub(crate) recovery_in: Option<Duration>,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed, failures: 0, last_failure: None }
    }
}

impl Breaker {
    pub(crate) fn step(&mut self, event: Event, now: Instant) -> Decision {
        if let State::Open { since } = self.state
            && now >= since + RECOVERY
        {
            self.state = State::HalfOpen { probing: false };
        }
        match event {
            Event::Asked { kept } => self.asked(kept, now),
            Event::Ended(pass, evidence) => {
                self.ended(pass, evidence, now);
                Decision::Noted
            }
            Event::IbConnected { at } => {
                // A heartbeat from before the opening knew less than the calls that failed.
                if matches!(self.state, State::Open { since } if at > since) {
                    self.state = State::HalfOpen { probing: false };
                }
                Decision::Noted
            }
        }
    }

    fn asked(&mut self, kept: bool, now: Instant) -> Decision {
        if kept {
            return Decision::Passed(Pass::Beside);
        }
        match self.state {
            State::Closed => Decision::Passed(Pass::Normal),
            State::Open { since } => Decision::Refused { retry_after: (since + RECOVERY).saturating_duration_since(now) },
            State::HalfOpen { probing: true } => Decision::Refused { retry_after: PROBE_WAIT },
            State::HalfOpen { probing: false } => {
                self.state = State::HalfOpen { probing: true };
                Decision::Passed(Pass::Probe)
            }
        }
    }

    fn ended(&mut self, pass: Pass, evidence: Evidence, now: Instant) {
        match (evidence, pass, self.state) {
            // Memory answered while calls to IB may be failing: polled positions must not hide a gateway that hangs.
            (Evidence::Answered, Pass::Beside, State::Closed | State::Open { .. }) => {}
            (Evidence::Answered, ..) => {
                self.state = State::Closed;
                self.failures = 0;
            }
            (Evidence::Failed, _, State::Closed) | (Evidence::Failed, Pass::Probe, State::HalfOpen { .. }) => {
                self.failures = self.failures.saturating_add(1);
                self.last_failure = Some(now);
                if self.failures >= FAILURES_MAX {
                    self.state = State::Open { since: now };
                }
            }
            // A call from before the opening ends late: known already, and no reason to stay open for longer.
            (Evidence::Failed, ..) => self.last_failure = Some(now),
            (Evidence::None, Pass::Probe, State::HalfOpen { .. }) => self.state = State::HalfOpen { probing: false },
            (Evidence::None, ..) => {}
        }
    }

    pub(crate) fn view(&self, now: Instant) -> View {
        let recovery_in = match self.state {
            State::Open { since } => Some((since + RECOVERY).saturating_duration_since(now)).filter(|left| !left.is_zero()),
            State::Closed | State::HalfOpen { .. } => None,
        };
        let position = match self.state {
            State::Closed => Position::Closed,
            State::Open { .. } if recovery_in.is_some() => Position::Open,
            State::Open { .. } | State::HalfOpen { .. } => Position::HalfOpen,
        };
        let last_failure_ago = self.last_failure.map(|at| now.saturating_duration_since(at));
        View { position, failures: self.failures, last_failure_ago, recovery_in }
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
