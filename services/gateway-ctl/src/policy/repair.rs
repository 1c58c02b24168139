//! A gateway that runs and does not serve: what is tried, in which order, and when nothing is.
//!
//! Invariant: a gateway that serves somebody is never touched; softly first, since that keeps the authentication; nothing
//! in a reset window of IB and the quarter of an hour after it.

use jiff::SignedDuration;

use super::{
    Policy, Stage,
    event::{Action, Api, Fleet, Now, Session},
    latch::HaltKind,
    rules::{FLEET_CHECKS, SILENT_REPAIRS_MAX},
    starts::Gate,
    stop::StopStep,
};

impl Policy {
    /// IB restarts its servers, or did so until shortly: the gateway comes back by itself.
    pub(super) fn is_quiet(&self, now: Now) -> bool {
        let after = SignedDuration::from_millis(i64::try_from(self.rules.after_window_ms).unwrap_or(0));
        let before = now.at.checked_sub(after).unwrap_or(now.at);
        self.resets.at(now.at).is_some() || self.resets.at(before).is_some()
    }

    /// The rule of automatic reconnects; what is not allowed yet is looked at again.
    fn may_repair(&mut self, now: Now) -> bool {
        let may = self.acts() && self.saved.wanted.is_up() && !self.is_quiet(now) && self.fleet_is_down();
        if !may {
            let _ = self.due(now.uptime_ms.saturating_add(self.rules.recheck_ms), now);
        }
        may
    }

    /// Whether IBC can restart it with its authentication kept.
    pub(super) fn can_restart_softly(&self) -> bool {
        self.means.commands && self.facts.log.as_ref().is_none_or(|log| log.logged_in())
    }

    pub(super) fn restart_softly(&mut self, by_person: bool, reason: &str, now: Now) {
        self.out.push(Action::SoftRestart);
        self.enter(Stage::SoftRestart { asked: true, by_person, launches: self.facts.launches() }, Some(reason), now);
    }

    pub(super) fn restart_hard(&mut self, by_person: bool, reason: &str, now: Now) {
        if !by_person {
            // Asked before the stop: half a gateway is better than none.
            if let Gate::Halt(kind, why) = self.gate(now) {
                self.halt(kind, why, now);
                return;
            }
        }
        self.start_by_person |= by_person;
        self.stop(if by_person { StopStep::Drain } else { StopStep::Close }, reason, now);
    }

    fn restart(&mut self, reason: &str, now: Now) {
        if self.can_restart_softly() {
            self.restart_softly(false, reason, now);
        } else {
            self.restart_hard(false, reason, now);
        }
    }

    /// What is due in a stage of a running gateway.
    pub(super) fn while_running(&mut self, now: Now) {
        match self.stage {
            Stage::Starting => {
                let limit_ms = if self.facts.log.is_some() { self.rules.starting_ms } else { self.rules.starting_blind_ms };
                if self.due_after(limit_ms, now) {
                    self.give_up("the gateway did not begin to log in", now);
                }
            }
            Stage::Login => {
                let limit_ms = match self.two_factor_since_ms {
                    // It asks again and again: all of it counts.
                    Some(since_ms) => since_ms.saturating_add(self.rules.two_factor_ms),
                    None => self.since.uptime_ms.saturating_add(self.rules.log_in_ms),
                };
                if self.due(limit_ms, now) {
                    self.give_up("the log-in did not come to an end", now);
                }
            }
            Stage::WaitTwoFactor => {
                let since_ms = self.two_factor_since_ms.unwrap_or(self.since.uptime_ms);
                if self.due(since_ms.saturating_add(self.rules.two_factor_ms), now) {
                    self.give_up("the second factor of the log-in did not come in time", now);
                }
            }
            Stage::ApiWait => self.while_api_is_silent(now),
            // Held client ids and an old gateway are not repaired by a restart; an unknown session is not judged.
            Stage::ApiReady => {
                let stuck = matches!(self.facts.api, Api::Answers { .. }) && self.facts.session == Session::Failed;
                if stuck && self.due_after(self.rules.api_ready_ms, now) {
                    self.repair_silence("the API answers and opens no session", now);
                }
            }
            Stage::Connected => self.while_connected(now),
            Stage::UpstreamLost => self.while_upstream_is_lost(now),
            Stage::SoftRestart { asked, by_person, .. } => {
                let limit_ms = if asked { self.rules.soft_gone_ms } else { self.rules.soft_restart_ms };
                if self.due_after(limit_ms, now) && (by_person || self.may_repair(now)) {
                    self.restart_hard(by_person, "the soft restart did not come to an end", now);
                }
            }
            _ => {}
        }
    }

    fn while_api_is_silent(&mut self, now: Now) {
        if !matches!(self.facts.api, Api::Closed | Api::Silent) {
            return;
        }
        let kick = self.means.kick && !self.taken.kick && self.acts();
        if kick && self.due_after(self.rules.api_wait_kick_ms, now) {
            self.taken.kick = true;
            self.out.push(Action::KickForwarder);
        }
        if self.due_after(self.rules.api_wait_ms, now) {
            self.repair_silence("api_socket_silent: logged in, and the API does not answer", now);
        }
    }

    /// One restart, then a person: a setting or a dialog does not go away by restarting.
    fn repair_silence(&mut self, reason: &str, now: Now) {
        if !self.may_repair(now) {
            return;
        }
        if self.taken.silent_repairs >= SILENT_REPAIRS_MAX {
            self.halt(HaltKind::ApiSilent, "localhost_only_or_dialog: the API stayed silent after a restart", now);
            return;
        }
        self.taken.silent_repairs += 1;
        self.restart(reason, now);
    }

    /// The account anew, then a soft restart, then a hard one.
    fn while_upstream_is_lost(&mut self, now: Now) {
        let rung = self.taken.rungs % self.rules.upstream_ms.len();
        let from_ms = if self.taken.rungs == 0 { self.since.uptime_ms } else { self.step_ms.max(self.since.uptime_ms) };
        if !self.due(from_ms.saturating_add(self.rules.upstream_ms[rung]), now) || !self.may_repair(now) {
            return;
        }
        self.climb(now);
    }

    pub(super) fn climb(&mut self, now: Now) {
        const REASON: &str = "IB's servers were not reached again";
        let rung = self.taken.rungs % self.rules.upstream_ms.len();
        self.taken.rungs += 1;
        self.step_ms = now.uptime_ms;
        match rung {
            0 if self.means.commands => self.out.push(Action::ReconnectAccount),
            // Without commands the first two rungs are only waits.
            0 => {}
            1 if self.can_restart_softly() => self.restart_softly(false, REASON, now),
            1 => {}
            _ => self.restart_hard(false, REASON, now),
        }
        if self.stage == Stage::UpstreamLost {
            let next = self.rules.upstream_ms[self.taken.rungs % self.rules.upstream_ms.len()];
            let _ = self.due(now.uptime_ms.saturating_add(next), now);
        }
    }

    /// The first rung before its time, for somebody who waits.
    pub(super) fn climb_early(&mut self, now: Now) {
        let first = self.stage == Stage::UpstreamLost && self.taken.rungs == 0 && self.means.commands;
        if first && self.acts() && !self.is_quiet(now) && self.facts.fleet != Fleet::Working {
            self.climb(now);
        }
    }

    pub(super) fn connected(&mut self) {
        self.taken = super::Taken::default();
        self.saved.halted = None;
        self.saved.hold = None;
        self.saved.yield_next = false;
        (self.end_reason, self.start_by_person) = (None, false);
        // The fleet needs its time to notice.
        self.facts.fleet_down = 0;
    }

    fn while_connected(&mut self, now: Now) {
        if self.due_after(self.rules.stable_ms, now) {
            self.failures = 0;
            self.outside_stops.clear();
            (self.saved.conflicts, self.saved.two_factor.automatic_starts) = (0, 0);
        }
        // A healthy gateway and a dead fleet: the fault is ours.
        let dead = self.facts.fleet == Fleet::Down && self.facts.fleet_down >= FLEET_CHECKS && self.leader;
        let rested = self.workers_restarted_ms.is_none_or(|at_ms| now.uptime_ms.saturating_sub(at_ms) >= self.rules.workers_ms);
        if dead && rested {
            self.workers_restarted_ms = Some(now.uptime_ms);
            self.facts.fleet_down = 0;
            self.out.push(Action::RestartWorkers);
        }
    }
}
