//! From facts to stages: one transition at a time, until nothing changes.
//!
//! Invariant: Docker and the container are looked at first; what is unknown leaves the stage as it is.

use jiff::SignedDuration;
use schemas::gateway::Desired;

use super::{
    Policy, Stage,
    event::{Container, Engine, Now},
    latch::{HaltKind, Hold, HoldKind, Wanted},
    starts::Gate,
    stop::StopStep,
};

impl Policy {
    pub(super) fn decide(&mut self, now: Now) {
        match self.facts.engine {
            Engine::Reachable => {}
            // Also what was being done is left alone: it is taken up from the facts when Docker is back.
            Engine::Lost => return self.enter(Stage::EngineLost, Some("Docker cannot be reached"), now),
            Engine::Unknown => return,
        }
        self.end_logout(now);
        match self.facts.container {
            Container::Unknown => {}
            Container::Missing => self.missing(now),
            Container::Paused => self.paused(now),
            Container::Exited { .. } => self.not_running(now),
            Container::Running { .. } => self.running(now),
        }
    }

    /// A logout for some minutes ends, if the start can give way to a person who still has the session.
    fn end_logout(&mut self, now: Now) {
        let wanted = &self.saved.wanted;
        let Some(until) = wanted.until.filter(|_| !wanted.is_up()) else { return };
        if until > now.at {
            let _ = self.due(now.uptime_of(until), now);
        } else if self.means.yielding && self.acts() {
            let by = format!("the end of the logout by {}", wanted.by);
            self.saved.wanted = Wanted { desired: Desired::Up, by, since: now.at, reason: None, until: None };
            self.saved.yield_next = true;
        }
    }

    fn missing(&mut self, now: Now) {
        (self.start_pending, self.ran) = (false, false);
        if self.saved.wanted.is_up() {
            self.enter(Stage::Stopped, Some("the container does not exist"), now);
        } else {
            self.enter(Stage::LoggedOut, None, now);
        }
    }

    /// A person paused it, and only a person ends that; but a logout frees the session.
    fn paused(&mut self, now: Now) {
        match self.stage {
            Stage::Stopping(step) => self.stopping(step, now),
            _ if self.saved.wanted.is_up() => self.enter(Stage::Paused, Some("somebody paused the container"), now),
            Stage::Halted if self.is_halted_by(HaltKind::CannotStop) => {}
            _ => self.stop(StopStep::Young, "logged out", now),
        }
    }

    fn is_halted_by(&self, kind: HaltKind) -> bool {
        self.saved.halted.as_ref().is_some_and(|halted| halted.kind == kind)
    }

    fn not_running(&mut self, now: Now) {
        if self.start_pending && self.saved.wanted.is_up() {
            if self.due(self.start_at_ms.saturating_add(self.rules.start_confirm_ms), now) {
                self.start_failed("it was not seen running", now);
            } else {
                return;
            }
        }
        self.note_end(now);
        if !self.saved.wanted.is_up() {
            let reason = self.saved.wanted.reason.clone();
            return self.enter(Stage::LoggedOut, reason.as_deref(), now);
        }
        if let Some(halted) = self.saved.halted.clone() {
            if halted.kind != HaltKind::CannotStop {
                return self.enter(Stage::Halted, Some(&halted.reason), now);
            }
            // It has stopped after all.
            self.saved.halted = None;
        }
        match self.gate(now) {
            Gate::Now => self.start(now),
            Gate::At { at_ms, reason } => {
                let conflict = self.saved.hold.as_ref().is_some_and(|hold| hold.kind == HoldKind::Conflict && hold.until > now.at);
                self.enter(if conflict && !self.start_by_person { Stage::Conflict } else { Stage::Backoff }, Some(&reason), now);
                self.next_attempt_ms = Some(at_ms);
                let _ = self.due(at_ms, now);
            }
            Gate::Halt(kind, reason) => self.halt(kind, reason, now),
            Gate::Person => self.enter(Stage::Conflict, Some("another session may use this IB login"), now),
            Gate::Never => self.enter(Stage::Stopped, Some("the gateway is stopped"), now),
        }
    }

    /// What its end means is asked once; the log's last lines may come after it.
    fn note_end(&mut self, now: Now) {
        if self.ran {
            self.ran = false;
            self.settle(now);
            if !self.stop_asked && self.saved.wanted.is_up() && self.saved.halted.is_none() {
                self.ended(now);
            }
            self.stop_asked = false;
        } else if self.stage == Stage::EngineLost {
            self.settle(now);
        } else if self.stage == Stage::Backoff && self.log_conflict() && !self.start_by_person {
            self.conflict(now);
        }
    }

    fn running(&mut self, now: Now) {
        if let Stage::Stopping(step) = self.stage {
            return self.stopping(step, now);
        }
        // A stop that was forgotten while Docker was away excuses no later end.
        self.stop_asked = false;
        if !self.saved.wanted.is_up() {
            return self.running_unwanted(now);
        }
        if self.saved.halted.is_none() && self.acts() && self.log_says_stop(now) {
            return;
        }
        let seen = match self.facts.seen() {
            Some(seen) => seen,
            None if self.facts.log.is_some() => return,
            // No log: TCP alone proves the port forwarder only, so anything short of a session is still the start.
            None => Stage::Starting,
        };
        if let Some(halted) = self.saved.halted.clone().filter(|_| seen != Stage::Connected) {
            if halted.kind.stops() {
                self.stop(StopStep::Close, &halted.reason, now);
            }
            if !matches!(self.stage, Stage::Stopping(_)) {
                self.enter(Stage::Halted, Some(&halted.reason), now);
            }
            return;
        }
        self.follow(seen, now);
        self.while_running(now);
    }

    /// Wanted down and running: it comes from a logout, or something else started it.
    fn running_unwanted(&mut self, now: Now) {
        if self.is_halted_by(HaltKind::CannotStop) {
            return self.enter(Stage::Halted, Some("the container did not stop"), now);
        }
        // What came up again after a stop has a restart policy: only Docker's own stop holds against it.
        let first = if self.stage == Stage::LoggedOut { StopStep::Young } else { StopStep::Drain };
        self.stop(first, "logged out", now);
    }

    /// Log-ins that failed must not go on: IB locks the account.
    fn log_says_stop(&mut self, now: Now) -> bool {
        let Some(log) = &self.facts.log else { return false };
        if log.failed_log_ins > 0 && self.facts.session != super::Session::Open {
            self.halt(HaltKind::Credentials, "IB refused the user name or password", now);
            return true;
        }
        if log.lockouts > self.lockouts_seen {
            self.lockouts_seen = log.lockouts;
            let asked_ms = log.lockout_wait_s.map_or(self.rules.lockout_ms, |wait_s| u64::from(wait_s) * 1_000);
            let wait_ms = i64::try_from(asked_ms.saturating_add(self.rules.lockout_margin_ms)).unwrap_or(i64::MAX);
            let until = now.at.checked_add(SignedDuration::from_millis(wait_ms)).unwrap_or(now.at);
            self.saved.hold = Some(Hold { until, kind: HoldKind::Lockout });
            self.failure("IB asked to wait after too many failed log-ins", now);
            self.stop(StopStep::Close, "IB asked to wait after too many failed log-ins", now);
            return true;
        }
        false
    }

    fn follow(&mut self, seen: Stage, now: Now) {
        if let Stage::SoftRestart { asked, by_person, launches } = self.stage {
            let old_process = launches == self.facts.launches();
            let still_there = matches!(seen, Stage::Connected | Stage::UpstreamLost | Stage::ApiReady | Stage::ApiWait);
            if asked && old_process && still_there {
                return;
            }
            if matches!(seen, Stage::SoftRestart { .. }) {
                self.stage = Stage::SoftRestart { asked: false, by_person, launches };
                return;
            }
        }
        if seen == Stage::Conflict {
            self.conflict(now);
        }
        if seen == Stage::Connected && self.stage != Stage::Connected {
            self.connected();
        }
        let reason = match seen {
            Stage::Conflict => Some("another session uses this IB login"),
            Stage::UpstreamLost => Some("the gateway lost its connection to IB's servers (1100)"),
            Stage::ApiReady => Some("the API answers; no session is open yet"),
            Stage::ApiWait => Some("logged in; the API does not answer yet"),
            _ => None,
        };
        self.enter(seen, reason, now);
    }
}
