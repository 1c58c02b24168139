//! How the gateway is stopped: told to the fleet, closed by its own command, then by Docker.
//!
//! Invariant: it is closed before it is killed, since only a close keeps its settings; every step ends, and after
//! [`STOP_TRIES_MAX`] tries a person is asked.

use super::{
    Policy, Stage,
    event::{Action, Now},
    latch::HaltKind,
    rules::STOP_TRIES_MAX,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopStep {
    /// Orders end, workers disconnect.
    Drain,
    Close,
    /// Until the container is old enough to hear a signal.
    Young,
    Kill {
        tries: u32,
        until_ms: u64,
    },
}

impl Policy {
    /// Begins to stop what runs; one stop at a time.
    pub(super) fn stop(&mut self, first: StopStep, reason: &str, now: Now) {
        if matches!(self.stage, Stage::Stopping(_)) || !self.acts() {
            return;
        }
        self.stop_asked = true;
        self.stop_step(first, Some(reason), now);
    }

    fn stop_step(&mut self, step: StopStep, reason: Option<&str>, now: Now) {
        let step = match step {
            // IBC's command server is the only way to close it.
            StopStep::Close if !self.means.commands => StopStep::Young,
            step => step,
        };
        self.step_ms = now.uptime_ms;
        self.enter(Stage::Stopping(step), reason, now);
        match step {
            StopStep::Drain => self.out.push(Action::Drain),
            StopStep::Close => self.out.push(Action::CloseGateway),
            StopStep::Young => self.stopping(step, now),
            StopStep::Kill { .. } => self.out.push(Action::StopContainer { grace_s: self.rules.stop_grace_s }),
        }
    }

    fn kill(&mut self, tries: u32, now: Now) {
        let grace_ms = u64::from(self.rules.stop_grace_s) * 1_000;
        let until_ms = now.uptime_ms.saturating_add(grace_ms).saturating_add(self.rules.stop_margin_ms);
        self.stop_step(StopStep::Kill { tries, until_ms }, None, now);
    }

    /// The container still runs.
    pub(super) fn stopping(&mut self, step: StopStep, now: Now) {
        if !self.acts() {
            return;
        }
        let step_ms = self.step_ms;
        match step {
            StopStep::Drain => {
                if self.due(step_ms.saturating_add(self.rules.drain_ms), now) {
                    self.stop_step(StopStep::Close, None, now);
                }
            }
            StopStep::Close => {
                if self.due(step_ms.saturating_add(self.rules.close_ms), now) {
                    self.stop_step(StopStep::Young, None, now);
                }
            }
            StopStep::Young => {
                if self.due(self.start_at_ms.saturating_add(self.rules.young_ms), now) {
                    self.kill(1, now);
                }
            }
            StopStep::Kill { tries, until_ms } => {
                if self.due(until_ms, now) {
                    if tries >= STOP_TRIES_MAX {
                        self.halt(HaltKind::CannotStop, "the container did not stop", now);
                    } else {
                        self.kill(tries + 1, now);
                    }
                }
            }
        }
    }

    /// A step that failed is not waited for.
    pub(super) fn stop_failed(&mut self, close: bool, now: Now) {
        match (self.stage, close) {
            (Stage::Stopping(StopStep::Close), true) => self.stop_step(StopStep::Young, None, now),
            (Stage::Stopping(StopStep::Kill { tries, .. }), false) => {
                let until_ms = now.uptime_ms.saturating_add(self.rules.recheck_ms);
                self.stage = Stage::Stopping(StopStep::Kill { tries, until_ms });
            }
            _ => {}
        }
    }
}
