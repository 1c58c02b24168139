//! What to start, stop, wait for and tell: the state machine of the gateway (spec 8; its states and transitions are those
//! of the research on gateway control, 2.2 to 2.4, and each place that differs says why).
//!
//! [`Policy::step`] takes a fact or a command and the time, and gives what to do, in order. Facts are levels: telling one
//! again does nothing.
//!
//! Invariants: nothing is started while the gateway is wanted down, by a process that is not the leader, or beyond the
//! budget; what is unknown triggers nothing; every wait has an end, and [`Policy::wake_at`] says when the next one comes;
//! what must survive this process is saved before it is acted upon.

mod commands;
mod decide;
mod event;
mod facts;
mod latch;
mod repair;
mod rules;
mod starts;
mod stop;
mod tell;
mod waiters;

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemas::gateway::{ResetWindow, RestartBudget, State};

pub use event::{Action, Answer, Api, Container, Deed, Engine, Event, Fleet, Need, Notice, Now, Refusal, Session, WaiterId};
pub use facts::Facts;
pub use latch::{HaltKind, Halted, Hold, HoldKind, NotSaved, SAVED_BYTES_MAX, Saved, Start, TwoFactor, Wanted};
pub use rules::{ALL_LONG_MAX, ALL_SHORT_MAX, AUTOMATIC_LONG_MAX, AUTOMATIC_SHORT_MAX, Means, Rules, StartLimits};

use crate::windows::Resets;
use stop::StopStep;
pub(crate) use tell::state_words;
use waiters::Waiters;

/// The wall clock may drift so far from the uptime before it counts as set.
const CLOCK_JUMP_MS: i64 = 2_000;
/// A step settles after few transitions; more would be a circle.
const TRANSITIONS_MAX: u32 = 16;

/// The state and what belongs to it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    EngineLost,
    LoggedOut,
    Stopping(StopStep),
    Stopped,
    Paused,
    Starting,
    Login,
    WaitTwoFactor,
    ApiWait,
    ApiReady,
    Connected,
    UpstreamLost,
    /// `asked`: by us; the old process may still answer until `launches` has grown or the API is gone.
    SoftRestart {
        asked: bool,
        by_person: bool,
        launches: u32,
    },
    Conflict,
    Backoff,
    Halted,
}

impl Stage {
    const fn state(self) -> State {
        match self {
            Self::EngineLost => State::DockerUnreachable,
            Self::LoggedOut => State::LoggedOut,
            Self::Stopping(_) => State::Stopping,
            Self::Stopped => State::Stopped,
            Self::Paused => State::Paused,
            Self::Starting => State::Starting,
            Self::Login => State::Login,
            Self::WaitTwoFactor => State::WaitTwoFactor,
            Self::ApiWait => State::ApiWait,
            Self::ApiReady => State::ApiReady,
            Self::Connected => State::Connected,
            Self::UpstreamLost => State::UpstreamLost,
            Self::SoftRestart { .. } => State::SoftRestart,
            Self::Conflict => State::SessionConflict,
            Self::Backoff => State::Backoff,
            Self::Halted => State::Halted,
        }
    }
}

/// Steps of a repair that were taken since the gateway was connected last.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    kick: bool,
    /// Of the upstream's ladder.
    rungs: usize,
    silent_repairs: u32,
}

#[derive(Debug)]
pub struct Policy {
    means: Means,
    rules: Rules,
    resets: Resets,
    saved: Saved,
    facts: Facts,
    stage: Stage,
    since: Now,
    reason: Option<String>,
    leader: bool,
    /// A start that was decided and comes when the stop is done; by a person or by itself.
    start_by_person: bool,
    /// The container ran since its end was last looked at.
    ran: bool,
    /// We asked it to end.
    stop_asked: bool,
    /// Start was told and the container has not been seen running since.
    start_pending: bool,
    start_at_ms: u64,
    failures: usize,
    /// No automatic start before: the back-off, which a waiting caller may shorten, and what IB needs after an end.
    backoff_until_ms: u64,
    settle_until_ms: u64,
    /// Why it is not running.
    end_reason: Option<String>,
    /// When the step of the stop or of the upstream's ladder began.
    step_ms: u64,
    next_attempt_ms: Option<u64>,
    outside_stops: Vec<u64>,
    two_factor_since_ms: Option<u64>,
    lockouts_seen: u32,
    /// Another session was met in this life of the container.
    conflict_noted: bool,
    upstream_lost_ms: Option<u64>,
    workers_restarted_ms: Option<u64>,
    /// Since when it has not been connected though wanted up.
    down_since_ms: Option<u64>,
    taken: Taken,
    told: BTreeSet<Notice>,
    waiters: Waiters,
    wake_ms: Option<u64>,
    last: Now,
    out: Vec<Action>,
}

/// What a policy is made from.
#[derive(Debug)]
pub struct Setup {
    pub means: Means,
    pub rules: Rules,
    pub resets: Resets,
    /// Loaded, or [`Saved::new`] where nothing was ever saved.
    pub saved: Saved,
}

impl Policy {
    pub fn new(setup: Setup, now: Now) -> Self {
        let told = setup.saved.halted.iter().map(|halted| Notice::Halted(halted.kind.need())).collect();
        Self {
            means: setup.means,
            rules: setup.rules,
            resets: setup.resets,
            saved: setup.saved,
            facts: Facts::default(),
            stage: Stage::EngineLost,
            since: now,
            reason: Some("not looked at yet".to_owned()),
            leader: true,
            start_by_person: false,
            ran: false,
            stop_asked: false,
            start_pending: false,
            start_at_ms: 0,
            failures: 0,
            backoff_until_ms: 0,
            settle_until_ms: 0,
            end_reason: None,
            step_ms: 0,
            next_attempt_ms: None,
            outside_stops: Vec::new(),
            two_factor_since_ms: None,
            lockouts_seen: 0,
            conflict_noted: false,
            upstream_lost_ms: None,
            workers_restarted_ms: None,
            down_since_ms: None,
            taken: Taken::default(),
            told,
            waiters: Waiters::default(),
            wake_ms: None,
            last: now,
            out: Vec::new(),
        }
    }

    pub fn state(&self) -> State {
        self.stage.state()
    }

    /// Since when it is in this state.
    pub fn since(&self) -> Timestamp {
        self.since.at
    }

    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    pub fn saved(&self) -> &Saved {
        &self.saved
    }

    pub fn means(&self) -> Means {
        self.means
    }

    /// The uptime at which [`Event::Tick`] is due.
    pub fn wake_at(&self) -> Option<u64> {
        self.wake_ms
    }

    pub fn reset_window(&self, at: Timestamp) -> Option<ResetWindow> {
        self.resets.at(at)
    }

    pub fn next_attempt_at(&self, now: Now) -> Option<Timestamp> {
        self.next_attempt_ms.map(|at_ms| now.wall_of(at_ms))
    }

    /// When IB wants the next full log-in: in the past when it has been due since.
    pub fn next_auth_due(&self, at: Timestamp) -> Option<Timestamp> {
        self.resets.next_auth_due(self.saved.last_full_log_in.unwrap_or(at))
    }

    pub fn budget(&self, at: Timestamp) -> RestartBudget {
        rules::automatic_left(&self.rules.starts, &self.saved.starts, at)
    }

    pub fn step(&mut self, event: Event, now: Now) -> Vec<Action> {
        let before = self.saved.clone();
        self.follow_clock(now);
        self.wake_ms = None;
        rules::prune(&mut self.saved.starts, now.at);
        self.take_in(event, now);
        for _ in 0..TRANSITIONS_MAX {
            let stage = self.stage;
            self.decide(now);
            if self.stage == stage {
                break;
            }
        }
        self.tell(now);
        self.serve_waiters(now);
        let mut actions = std::mem::take(&mut self.out);
        if self.saved != before {
            actions.insert(0, Action::Save(self.saved.save()));
        }
        actions
    }

    /// A clock that was set moves what is counted in its time, so that waits and budgets keep their length. The end of a
    /// logout is a person's time of day and stays.
    fn follow_clock(&mut self, now: Now) {
        let ran_ms = i64::try_from(now.uptime_ms.saturating_sub(self.last.uptime_ms)).unwrap_or(i64::MAX);
        let jump_ms = now.at.as_millisecond().saturating_sub(self.last.at.as_millisecond()).saturating_sub(ran_ms);
        self.last = now;
        if jump_ms.abs() <= CLOCK_JUMP_MS {
            return;
        }
        let moved = |at: Timestamp| Timestamp::from_millisecond(at.as_millisecond().saturating_add(jump_ms)).unwrap_or(at);
        for start in &mut self.saved.starts {
            start.at = moved(start.at);
        }
        if let Some(hold) = &mut self.saved.hold {
            hold.until = moved(hold.until);
        }
    }

    /// Whether that moment has come; if not, it is one to wake for.
    fn due(&mut self, at_ms: u64, now: Now) -> bool {
        if at_ms <= now.uptime_ms {
            return true;
        }
        self.wake_ms = Some(self.wake_ms.map_or(at_ms, |wake_ms| wake_ms.min(at_ms)));
        false
    }

    fn due_after(&mut self, ms: u64, now: Now) -> bool {
        self.due(self.since.uptime_ms.saturating_add(ms), now)
    }

    fn enter(&mut self, stage: Stage, reason: Option<&str>, now: Now) {
        let (from, to) = (self.stage.state(), stage.state());
        self.stage = stage;
        if from == to {
            self.reason = reason.map(str::to_owned).or(self.reason.take());
            return;
        }
        self.since = now;
        self.reason = reason.map(str::to_owned);
        self.next_attempt_ms = None;
        self.out.push(Action::Changed { from, to, reason: self.reason.clone() });
    }

    /// Whether anything may be done to the gateway by this process.
    fn acts(&self) -> bool {
        self.leader && self.means.control
    }
}

#[cfg(test)]
pub(crate) mod tests;
