//! When the container may be started, and what its end means.
//!
//! Invariant: [`Policy::start`] is the only place that starts, and [`Policy::gate`] the only one that allows it.

use jiff::SignedDuration;

use super::{
    Policy, Stage,
    event::{Action, Container, Now},
    latch::{HaltKind, Halted, Hold, HoldKind, Start},
    rules,
    stop::StopStep,
};

/// A clean end so soon after the upstream was lost: another session took over.
const TAKEN_MS: u64 = 120_000;
/// Exit codes that say that the gateway had no time to say good-bye to IB.
const UNCLEAN: [u8; 3] = [1, EXIT_KILLED, 143];
const EXIT_TWO_FACTOR: u8 = 87;
/// SIGKILL: by a person, or by the kernel for want of memory.
const EXIT_KILLED: u8 = 137;
/// What helps when memory was short.
const MORE_MEMORY: &str = "raise the container's memory limit, or lower JAVA_HEAP_SIZE (the gateway's heap, in MB) to fit under it";

pub(super) enum Gate {
    Now,
    At {
        at_ms: u64,
        reason: String,
    },
    Halt(HaltKind, &'static str),
    /// Only a person can go on.
    Person,
    /// This process starts nothing.
    Never,
}

impl Policy {
    pub(super) fn gate(&self, now: Now) -> Gate {
        if !self.acts() || !self.saved.wanted.is_up() {
            return Gate::Never;
        }
        let hold = self.saved.hold.as_ref().filter(|hold| hold.until > now.at);
        let at = |at_ms: u64, reason: &str| Gate::At { at_ms, reason: reason.to_owned() };
        if let Some(hold) = hold.filter(|hold| hold.kind == HoldKind::Lockout) {
            return at(now.uptime_of(hold.until), "IB asked to wait after too many failed log-ins");
        }
        if self.start_by_person {
            return match rules::any_allowed_at(&self.rules.starts, &self.saved.starts, now.at) {
                Some(allowed) => at(now.uptime_of(allowed), "too many starts"),
                None => Gate::Now,
            };
        }
        let two_factor = self.saved.two_factor;
        if two_factor.asked && two_factor.automatic_starts >= rules::TWO_FACTOR_STARTS_MAX {
            return Gate::Halt(HaltKind::SecondFactor, "this login asks for a second factor, and its one automatic start was made");
        }
        if self.saved.yield_next && !self.means.yielding {
            return Gate::Person;
        }
        if let Some(hold) = hold {
            return at(now.uptime_of(hold.until), "another session uses this IB login");
        }
        if let Some(kind) = rules::spent(&self.rules.starts, &self.saved.starts, now.at) {
            return Gate::Halt(kind, "the budget of starts is spent");
        }
        let reason = self.end_reason.as_deref().unwrap_or("a start is due");
        let held_ms = self.resets.logins_held_until(now.at).map(|until| now.uptime_of(until));
        match self.backoff_until_ms.max(self.settle_until_ms).max(held_ms.unwrap_or(0)) {
            at_ms if at_ms <= now.uptime_ms => Gate::Now,
            at_ms if Some(at_ms) == held_ms => at(at_ms, &format!("{reason}; IB restarts its servers")),
            at_ms => at(at_ms, reason),
        }
    }

    pub(super) fn start(&mut self, now: Now) {
        let automatic = !self.start_by_person;
        self.saved.starts.push(Start { at: now.at, automatic });
        if automatic && self.saved.two_factor.asked {
            self.saved.two_factor.automatic_starts += 1;
        }
        // What a person starts takes the session: that is what login is for.
        let yielding = automatic && self.saved.yield_next;
        if !automatic {
            (self.saved.yield_next, self.saved.conflicts) = (false, 0);
        }
        (self.start_by_person, self.start_pending, self.start_at_ms) = (false, true, now.uptime_ms);
        self.end_reason = None;
        self.out.push(Action::Start { yielding });
        self.enter(Stage::Starting, None, now);
    }

    /// Nothing is started any more until a person says so.
    pub(super) fn halt(&mut self, kind: HaltKind, reason: &str, now: Now) {
        self.saved.halted = Some(Halted { kind, since: now.at, reason: reason.to_owned() });
        self.start_by_person = false;
        if kind.stops() && self.is_running() {
            self.stop(StopStep::Close, reason, now);
        } else {
            self.enter(Stage::Halted, Some(reason), now);
        }
    }

    /// Counts towards the back-off.
    pub(super) fn failure(&mut self, reason: &str, now: Now) {
        let steps = &self.rules.backoff_ms;
        self.backoff_until_ms = now.uptime_ms.saturating_add(steps[self.failures.min(steps.len() - 1)]);
        self.failures = self.failures.saturating_add(1);
        self.end_reason = Some(reason.to_owned());
    }

    /// A start that leads nowhere: stop it and wait. In a reset window of IB it may yet come.
    pub(super) fn give_up(&mut self, reason: &str, now: Now) {
        if !self.acts() {
            return;
        }
        if self.is_quiet(now) {
            let _ = self.due(now.uptime_ms.saturating_add(self.rules.recheck_ms), now);
            return;
        }
        self.failure(reason, now);
        self.stop(StopStep::Close, reason, now);
    }

    /// Another session has the login.
    pub(super) fn conflict(&mut self, now: Now) {
        if std::mem::replace(&mut self.conflict_noted, true) {
            return;
        }
        let doublings = self.saved.conflicts.min(3);
        let hold_ms = i64::try_from(self.rules.conflict_hold_ms << doublings).unwrap_or(i64::MAX);
        let until = now.at.checked_add(SignedDuration::from_millis(hold_ms)).unwrap_or(now.at);
        // Somebody who works with TWS all day is no start that failed: the budget is waited for, and nobody is called.
        let until = rules::automatic_allowed_at(&self.rules.starts, &self.saved.starts, now.at).map_or(until, |at| until.max(at));
        self.saved.conflicts = self.saved.conflicts.saturating_add(1);
        self.saved.yield_next = true;
        self.saved.hold = Some(Hold { until, kind: HoldKind::Conflict });
        self.end_reason = Some("another session took this IB login".to_owned());
    }

    /// The container ended and nobody here had asked for it.
    pub(super) fn ended(&mut self, now: Now) {
        let Container::Exited { code, oom_killed, .. } = self.facts.container else { return };
        let taken = self.upstream_lost_ms.is_some_and(|lost_ms| now.uptime_ms.saturating_sub(lost_ms) <= TAKEN_MS);
        match code {
            _ if self.log_conflict() || self.conflict_noted => self.conflict(now),
            Some(0) if taken => self.conflict(now),
            Some(0 | 143) => {
                self.outside_stops
                    .retain(|at_ms| i64::try_from(now.uptime_ms - at_ms).is_ok_and(|ms| i128::from(ms) < rules::SHORT.as_millis()));
                self.outside_stops.push(now.uptime_ms);
                self.failure("somebody outside stopped the container", now);
                if self.outside_stops.len() > rules::OUTSIDE_STOPS_MAX {
                    self.halt(HaltKind::StoppedOutside, "somebody outside stopped the container again", now);
                }
                if code == Some(0) && self.resets.around_midnight(now.at) {
                    self.settle_until_ms = now.uptime_ms.saturating_add(self.rules.midnight_ms);
                }
            }
            Some(EXIT_TWO_FACTOR) => {
                self.saved.two_factor.asked = true;
                self.failure("the second factor of the log-in did not come in time (exit code 87)", now);
            }
            _ if oom_killed => self.failure(&format!("the gateway ran out of memory and was killed: {MORE_MEMORY}"), now),
            // Some engines do not tell why a process was killed, and a host without memory kills as well.
            Some(EXIT_KILLED) => {
                let reason =
                    format!("the gateway was killed (exit code {EXIT_KILLED}); if nobody did it, it ran out of memory: {MORE_MEMORY}");
                self.failure(&reason, now);
            }
            Some(code) => self.failure(&format!("the container ended with exit code {code}"), now),
            None => self.failure("the gateway ended", now),
        }
    }

    /// After an unclean end IB keeps the session for a while, whoever caused it.
    pub(super) fn settle(&mut self, now: Now) {
        let Container::Exited { code: Some(code), finished_at, .. } = self.facts.container else { return };
        if UNCLEAN.contains(&code) {
            let from_ms = finished_at.map_or(now.uptime_ms, |at| now.uptime_of(at).min(now.uptime_ms));
            self.settle_until_ms = self.settle_until_ms.max(from_ms.saturating_add(self.rules.unclean_ms));
        }
    }

    pub(super) fn log_conflict(&self) -> bool {
        self.facts.log.as_ref().is_some_and(|log| log.conflict.is_some())
    }
}
