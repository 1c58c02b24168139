//! When to probe, connect, check, give up and back off: a pure state machine.
//!
//! Invariants: every attempt begins with a probe, so that a gateway that is down costs no session attempt and no client
//! id; there is one attempt at a time; while it is held there is none at all; [`Policy::wake_at`] is always
//! set until it is held or closed, also while something is under way, so that a task that failed does not stop it for ever.
//! Times are milliseconds of any clock that does not jump.

use crate::{ClientId, ClientIds};

/// Failed checks in a row after which the session is given up.
const CHECKS_FAILED_MAX: u32 = 2;

/// After its own time-out, what has not told its outcome never will: its task failed.
const WATCHDOG_MS: u64 = 5_000;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Rhythm {
    pub(crate) check_period_ms: u64,
    /// Added to the first check of a session, so that the checks of many workers spread.
    pub(crate) check_stagger_ms: u64,
    pub(crate) probe_period_ms: u64,
    pub(crate) backoff_ms: [u64; 5],
    /// Time-outs of what is under way.
    pub(crate) probe_timeout_ms: u64,
    pub(crate) open_timeout_ms: u64,
    pub(crate) check_timeout_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Start,
    /// The moment of [`Policy::wake_at`] has come.
    Wake,
    ProbeAnswered,
    ProbeFailed(String),
    /// The session is usable.
    Opened,
    ClientIdInUse,
    OpenFailed(String),
    CheckPassed,
    CheckFailed(String),
    SocketLost(String),
    UpstreamLost,
    UpstreamRestored {
        data_lost: bool,
    },
    Restart,
    /// The gateway is meant to be down, for this reason: no session, no attempt, no probe, and nothing counts.
    Hold(String),
    Release,
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Probe,
    Open(ClientId),
    Check,
    /// Ends the session or the attempt, whichever there is, without waiting for it.
    Drop,
    /// Subscribes to the kept state anew, on the same session.
    Resubscribe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A probe before an attempt; `down` once one has failed.
    Probing {
        down: bool,
        in_flight: bool,
    },
    Opening {
        /// Ids that IB refused in this attempt.
        refused: i32,
    },
    Open {
        since: u64,
        failed_checks: u32,
    },
    BackingOff {
        until: u64,
    },
    Held,
    Closed,
}

#[derive(Debug)]
pub(crate) struct Policy {
    ids: ClientIds,
    rhythm: Rhythm,
    stage: Stage,
    /// Offset of the id that is tried or held; kept over reconnects.
    id_offset: u32,
    wake_at: Option<u64>,
    /// A check of the open session is under way.
    checking: bool,
    /// Sessions in a row that ended before the first back-off had passed.
    short_lives: usize,
    consecutive_failures: u32,
    restart_count: u32,
    upstream_lost: bool,
    /// Times that the upstream came back without the market data (1101).
    data_losses: u32,
    reason: Option<String>,
    /// The last attempt found all ids held by others.
    ids_in_use: bool,
    connected_once: bool,
}

impl Policy {
    pub(crate) fn new(ids: ClientIds, rhythm: Rhythm) -> Self {
        Self {
            id_offset: ids.start,
            ids,
            rhythm,
            stage: Stage::Probing { down: false, in_flight: false },
            wake_at: None,
            checking: false,
            short_lives: 0,
            consecutive_failures: 0,
            restart_count: 0,
            upstream_lost: false,
            data_losses: 0,
            reason: None,
            ids_in_use: false,
            connected_once: false,
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    pub(crate) fn wake_at(&self) -> Option<u64> {
        self.wake_at
    }

    pub(crate) fn client_id(&self) -> ClientId {
        self.ids.at(self.id_offset)
    }

    pub(crate) fn consecutive_failures(&self) -> u32 {
        self.consecutive_failures
    }

    pub(crate) fn restart_count(&self) -> u32 {
        self.restart_count
    }

    pub(crate) fn upstream_lost(&self) -> bool {
        self.upstream_lost
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    pub(crate) fn data_losses(&self) -> u32 {
        self.data_losses
    }

    pub(crate) fn ids_in_use(&self) -> bool {
        self.ids_in_use
    }

    pub(crate) fn connected_once(&self) -> bool {
        self.connected_once
    }

    pub(crate) fn step(&mut self, event: Event, now: u64) -> Vec<Action> {
        match (self.stage, event) {
            (Stage::Closed, _) => Vec::new(),
            (_, Event::Close) => {
                self.enter(Stage::Closed, None);
                vec![Action::Drop]
            }
            (_, Event::Hold(reason)) => self.hold(reason),
            (Stage::Held, Event::Release) => self.probe(now),
            // Nothing but the release: there is no session to restart, and nothing under way.
            (Stage::Held, _) => Vec::new(),
            (_, Event::Restart) => self.restart(now),
            (_, Event::Start) => self.probe(now),
            (Stage::Probing { in_flight: false, .. } | Stage::BackingOff { .. }, Event::Wake) => self.probe(now),
            (Stage::Probing { in_flight: true, .. }, Event::Wake) => {
                self.gateway_down("the probe ended without an outcome".to_owned(), now);
                vec![Action::Drop]
            }
            (Stage::Opening { .. }, Event::Wake) => self.back_off("the attempt ended without an outcome".to_owned(), now),
            (Stage::Probing { in_flight: true, .. }, Event::ProbeAnswered) => self.open(0, now),
            (Stage::Probing { in_flight: true, .. }, Event::ProbeFailed(reason)) => self.gateway_down(reason, now),
            (Stage::Opening { .. }, Event::Opened) => self.opened(now),
            (Stage::Opening { refused }, Event::ClientIdInUse) => self.next_id(refused + 1, now),
            (Stage::Opening { .. }, Event::OpenFailed(reason)) => self.back_off(reason, now),
            (Stage::Open { .. }, event) => self.while_open(event, now),
            // A late answer to something that was given up.
            _ => Vec::new(),
        }
    }

    fn while_open(&mut self, event: Event, now: u64) -> Vec<Action> {
        let Stage::Open { since, failed_checks } = self.stage else { return Vec::new() };
        match event {
            Event::Wake if self.checking => {
                return self.while_open(Event::CheckFailed("the check ended without an outcome".to_owned()), now);
            }
            Event::Wake => {
                // Its outcome sets the next wake.
                self.checking = true;
                self.wake_at = Some(now + self.rhythm.check_timeout_ms + WATCHDOG_MS);
                return vec![Action::Check];
            }
            Event::CheckPassed => {
                self.consecutive_failures = 0;
                self.reason = None;
                self.enter(Stage::Open { since, failed_checks: 0 }, Some(now + self.rhythm.check_period_ms));
            }
            Event::CheckFailed(reason) => {
                self.consecutive_failures += 1;
                if failed_checks + 1 >= CHECKS_FAILED_MAX {
                    return self.session_over(format!("{CHECKS_FAILED_MAX} checks in a row failed: {reason}"), since, now);
                }
                self.reason = Some(reason);
                self.enter(Stage::Open { since, failed_checks: failed_checks + 1 }, Some(now + self.rhythm.check_period_ms));
            }
            Event::SocketLost(reason) => {
                self.consecutive_failures += 1;
                return self.session_over(reason, since, now);
            }
            Event::UpstreamLost => self.upstream_lost = true,
            Event::UpstreamRestored { data_lost } => {
                self.upstream_lost = false;
                if data_lost {
                    self.data_losses = self.data_losses.wrapping_add(1);
                    return vec![Action::Resubscribe];
                }
            }
            _ => {}
        }
        Vec::new()
    }

    fn enter(&mut self, stage: Stage, wake_at: Option<u64>) {
        self.stage = stage;
        self.wake_at = wake_at;
        self.checking = false;
        if !matches!(stage, Stage::Open { .. }) {
            self.upstream_lost = false;
        }
    }

    fn probe(&mut self, now: u64) -> Vec<Action> {
        let down = matches!(self.stage, Stage::Probing { down: true, .. });
        self.enter(Stage::Probing { down, in_flight: true }, Some(now + self.rhythm.probe_timeout_ms + WATCHDOG_MS));
        vec![Action::Probe]
    }

    fn gateway_down(&mut self, reason: String, now: u64) -> Vec<Action> {
        // A probe is no attempt: only the first failure of a row counts, or the number would be the seconds of outage.
        if !matches!(self.stage, Stage::Probing { down: true, .. }) {
            self.consecutive_failures += 1;
        }
        self.reason = Some(reason);
        self.enter(Stage::Probing { down: true, in_flight: false }, Some(now + self.rhythm.probe_period_ms));
        Vec::new()
    }

    fn open(&mut self, refused: i32, now: u64) -> Vec<Action> {
        self.ids_in_use = false;
        self.enter(Stage::Opening { refused }, Some(now + self.rhythm.open_timeout_ms + WATCHDOG_MS));
        vec![Action::Open(self.client_id())]
    }

    fn next_id(&mut self, refused: i32, now: u64) -> Vec<Action> {
        let taken = self.client_id();
        self.id_offset = self.ids.next_offset(self.id_offset);
        if refused < self.ids.count.max(1) {
            return self.open(refused, now);
        }
        let reason = if self.ids.count <= 1 {
            format!("client id {taken} is held by another connection (IB error 326)")
        } else {
            let (first, last) = self.ids.bounds();
            format!("all client ids from {first} to {last} are held by other connections (IB error 326)")
        };
        self.ids_in_use = true;
        self.back_off(reason, now)
    }

    fn opened(&mut self, now: u64) -> Vec<Action> {
        self.consecutive_failures = 0;
        self.restart_count = 0;
        self.reason = None;
        self.connected_once = true;
        let first_check = now + self.rhythm.check_period_ms + self.rhythm.check_stagger_ms;
        self.enter(Stage::Open { since: now, failed_checks: 0 }, Some(first_check));
        Vec::new()
    }

    fn back_off(&mut self, reason: String, now: u64) -> Vec<Action> {
        self.consecutive_failures += 1;
        self.restart_count += 1;
        let step = usize::try_from(self.restart_count - 1).unwrap_or(usize::MAX);
        self.wait(step, reason, now);
        vec![Action::Drop]
    }

    fn wait(&mut self, step: usize, reason: String, now: u64) {
        let steps = &self.rhythm.backoff_ms;
        let until = now + steps[step.min(steps.len() - 1)];
        self.reason = Some(reason);
        self.enter(Stage::BackingOff { until }, Some(until));
    }

    /// Connects anew at once, unless sessions end as soon as they begin: then like failed attempts.
    fn session_over(&mut self, reason: String, since: u64, now: u64) -> Vec<Action> {
        self.restart_count += 1;
        if now.saturating_sub(since) < self.rhythm.backoff_ms[0] {
            self.short_lives += 1;
        } else {
            self.short_lives = 0;
        }
        if self.short_lives > 1 {
            self.wait(self.short_lives - 2, reason, now);
            return vec![Action::Drop];
        }
        self.reason = Some(reason);
        let mut actions = vec![Action::Drop];
        actions.extend(self.probe(now));
        actions
    }

    /// Whoever holds it knows better than a probe; what failed before is over with it.
    fn hold(&mut self, reason: String) -> Vec<Action> {
        self.reason = Some(reason);
        (self.consecutive_failures, self.short_lives, self.ids_in_use) = (0, 0, false);
        if self.stage == Stage::Held {
            return Vec::new();
        }
        self.enter(Stage::Held, None);
        vec![Action::Drop]
    }

    fn restart(&mut self, now: u64) -> Vec<Action> {
        self.restart_count += 1;
        self.reason = Some("a restart of the session was asked for".to_owned());
        let mut actions = vec![Action::Drop];
        actions.extend(self.probe(now));
        actions
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
