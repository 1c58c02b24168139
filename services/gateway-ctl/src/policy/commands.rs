//! What people and programs ask for: logout, login, reconnect, ensure-ready; and actions that failed.
//!
//! Invariant: each command is answered, now or through a waiter; a repeated one changes nothing and succeeds.

use jiff::{SignedDuration, Timestamp};
use schemas::gateway::{Desired, REASON_CHARS_MAX};

use super::{
    Policy, Stage, Taken,
    event::{Action, Answer, Container, Deed, Engine, Now, Refusal, WaiterId},
    latch::{HaltKind, HoldKind, Wanted},
    rules,
    stop::StopStep,
    waiters::{For, answer_after_ms},
};

/// Callers of logout wait so long; its operation's deadline is longer.
const LOGOUT_WAIT_MS: u64 = 185_000;
const LOGIN_WAIT_MS: u64 = 40_000;

/// What is saved has an end, whoever calls himself what.
fn bounded(text: &str) -> String {
    text.chars().take(REASON_CHARS_MAX).collect()
}

impl Policy {
    fn answer(&mut self, id: WaiterId, answer: Answer) {
        self.out.push(Action::Answer { id, answer });
    }

    fn refuse(&mut self, id: WaiterId, reason: &str) {
        self.answer(id, Answer::Refused(Refusal::Failed { reason: reason.to_owned() }));
    }

    fn wait(&mut self, id: WaiterId, what: For, (now, for_ms): (Now, u64)) {
        if let Err(refusal) = self.waiters.add(id, what, (now.uptime_ms, for_ms)) {
            self.answer(id, Answer::Refused(refusal));
        }
    }

    pub(super) fn log_out(&mut self, id: WaiterId, (by, reason, minutes): (String, Option<String>, Option<u32>), now: Now) {
        if !self.means.control {
            return self.answer(id, Answer::Refused(Refusal::NoControl));
        }
        let was_up = self.saved.wanted.is_up();
        let since = if was_up { now.at } else { self.saved.wanted.since };
        // The last word counts: without minutes nothing but a login ends it, whatever was said before.
        let until = minutes.and_then(|minutes| now.at.checked_add(SignedDuration::from_mins(i64::from(minutes))).ok());
        // Who says nothing more does not unsay what was said.
        let before = if was_up { None } else { self.saved.wanted.reason.take() };
        let reason = reason.as_deref().map(bounded).or(before);
        self.saved.wanted = Wanted { desired: Desired::Down, by: bounded(&by), since, reason, until };
        (self.saved.yield_next, self.saved.conflicts) = (false, 0);
        (self.start_by_person, self.start_pending) = (false, false);
        if self.saved.hold.as_ref().is_some_and(|hold| hold.kind == HoldKind::Conflict) {
            self.saved.hold = None;
        }
        if self.saved.halted.as_ref().is_some_and(|halted| halted.kind == HaltKind::CannotStop) {
            self.saved.halted = None;
        }
        if self.facts.engine != Engine::Reachable {
            return self.refuse(id, "Docker cannot be reached; the logout is remembered and carried out when it can");
        }
        if !was_up && self.stage == Stage::LoggedOut {
            return self.answer(id, Answer::LoggedOut { changed: false });
        }
        self.wait(id, For::Stopped, (now, LOGOUT_WAIT_MS));
    }

    /// What a person says wipes what was learnt by failing.
    fn forgive(&mut self) {
        self.saved.halted = None;
        if self.saved.hold.as_ref().is_some_and(|hold| hold.kind == HoldKind::Conflict) {
            self.saved.hold = None;
        }
        (self.saved.yield_next, self.saved.conflicts, self.saved.two_factor.automatic_starts) = (false, 0, 0);
        for start in &mut self.saved.starts {
            start.automatic = false;
        }
        (self.failures, self.backoff_until_ms, self.settle_until_ms) = (0, 0, 0);
        self.outside_stops.clear();
        self.taken = Taken::default();
        self.told.clear();
    }

    /// Why a person cannot start it now.
    fn refusal_to_start(&self, now: Now) -> Option<Refusal> {
        let failed = |reason: &str| Some(Refusal::Failed { reason: reason.to_owned() });
        match (self.facts.engine, self.facts.container) {
            (Engine::Reachable, Container::Missing) => return failed("the gateway's container does not exist"),
            (Engine::Reachable, Container::Paused) => return failed("the gateway's container is paused: docker unpause it"),
            (Engine::Reachable, _) => {}
            _ => return failed("Docker cannot be reached; the wish is remembered"),
        }
        let not_before = |at: Timestamp, reason: &str| Some(Refusal::NotBefore { at, reason: reason.to_owned() });
        match self.saved.hold.as_ref().filter(|hold| hold.kind == HoldKind::Lockout && hold.until > now.at) {
            Some(hold) => not_before(hold.until, "IB asked to wait after too many failed log-ins"),
            None => rules::any_allowed_at(&self.rules.starts, &self.saved.starts, now.at)
                .and_then(|at| not_before(at, "the gateway was started too often")),
        }
    }

    pub(super) fn log_in(&mut self, id: WaiterId, by: String, now: Now) {
        if !self.means.control {
            return self.answer(id, Answer::Refused(Refusal::NoControl));
        }
        let was_up = self.saved.wanted.is_up();
        if !was_up {
            self.saved.wanted = Wanted { desired: Desired::Up, by: bounded(&by), since: now.at, reason: None, until: None };
        }
        self.forgive();
        let fresh = self.is_running() && was_up && !matches!(self.stage, Stage::Stopping(_) | Stage::Conflict);
        if fresh && self.facts.engine == Engine::Reachable {
            return self.answer(id, Answer::LoggedIn { changed: false });
        }
        if let Some(refusal) = self.refusal_to_start(now) {
            return self.answer(id, Answer::Refused(refusal));
        }
        if !self.start_pending {
            self.start_by_person = true;
        }
        if self.is_running() && self.stage == Stage::Conflict {
            // A dialog is open: only a new start takes the session.
            self.stop(StopStep::Close, "login takes the session", now);
        }
        self.wait(id, For::Started, (now, LOGIN_WAIT_MS));
    }

    pub(super) fn reconnect(&mut self, id: WaiterId, by: &str, hard: bool, now: Now) {
        if !self.means.control {
            return self.answer(id, Answer::Refused(Refusal::NoControl));
        }
        if !self.saved.wanted.is_up() {
            return self.answer(id, Answer::Refused(Refusal::LoggedOut));
        }
        // One attempt at a time; who comes later shares it.
        let under_way = self.start_pending
            || match self.stage {
                Stage::Stopping(_) => true,
                Stage::Starting | Stage::Login | Stage::WaitTwoFactor | Stage::SoftRestart { .. } => !hard,
                _ => false,
            };
        if under_way {
            return self.answer(id, Answer::Reconnecting { changed: false });
        }
        let softly = !hard && self.is_running() && self.can_restart_softly();
        if let Some(refusal) = self.refusal_to_start(now)
            && !(softly && self.facts.engine == Engine::Reachable)
        {
            return self.answer(id, Answer::Refused(refusal));
        }
        self.forgive();
        let reason = format!("reconnect was asked for by {by}");
        if softly {
            self.out.push(Action::Drain);
            self.restart_softly(true, &reason, now);
        } else if self.is_running() {
            self.restart_hard(true, &reason, now);
        } else {
            self.start_by_person = true;
        }
        self.answer(id, Answer::Reconnecting { changed: true });
    }

    pub(super) fn ensure_ready(&mut self, id: WaiterId, timeout_ms: u64, now: Now) {
        // A session that is open, or a logout, is answered when this step ends.
        self.wait(id, For::Ready, (now, answer_after_ms(timeout_ms)));
        if self.stage == Stage::Backoff {
            self.backoff_until_ms = self.backoff_until_ms.min(now.uptime_ms);
        }
        self.climb_early(now);
    }

    pub(super) fn failed(&mut self, deed: Deed, reason: &str, now: Now) {
        match deed {
            Deed::Start if self.start_pending => self.start_failed(reason, now),
            Deed::CloseGateway => self.stop_failed(true, now),
            Deed::StopContainer => self.stop_failed(false, now),
            Deed::SoftRestart => {
                if let Stage::SoftRestart { asked: true, by_person, .. } = self.stage {
                    self.restart_hard(by_person, &format!("the soft restart failed: {reason}"), now);
                }
            }
            // The next rung comes in its time.
            Deed::ReconnectAccount | Deed::Start => {}
        }
    }

    /// The container did not come up.
    pub(super) fn start_failed(&mut self, reason: &str, now: Now) {
        self.start_pending = false;
        let reason = format!("the container was not started: {reason}");
        self.failure(&reason, now);
        let refusal = Refusal::Failed { reason };
        let told = self.waiters.answer(For::Started, now.uptime_ms, |_| Answer::Refused(refusal.clone()));
        self.out.extend(told);
    }
}
