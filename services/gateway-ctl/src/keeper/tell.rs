//! Out of the policy: what others hear. Heartbeats, events, people.

use jiff::Timestamp;
use schemas::{
    gateway::{Call, State, StateChange},
    health::GatewayPart,
};

use super::Keeper;
use crate::{
    notify::Message,
    policy::{Notice, Now},
    status,
};

impl Keeper {
    pub(super) fn changed(&mut self, from: State, to: State, reason: Option<String>, now: Now) {
        tracing::info!(?from, ?to, reason, "the gateway's state");
        if self.leading {
            let change = StateChange { from: Some(from), state: to, reason, ..self.state_at(now.at) };
            self.event(self.parts.gateway.gateway_event(to), &change);
        }
    }

    pub(super) fn call(&mut self, what: Call, now: Now) {
        if self.leading {
            let state = self.state_at(now.at);
            self.event(self.parts.gateway.gateway_call(what), &state);
        }
    }

    fn state_at(&self, at: Timestamp) -> StateChange {
        StateChange {
            at,
            from: None,
            state: self.policy.state(),
            reason: self.policy.reason().map(str::to_owned),
            needs_human: self.policy.need().map(|need| need.text().to_owned()),
            desired: self.policy.saved().wanted.desired,
            next_attempt_at: self.policy.next_attempt_at(self.now()),
        }
    }

    fn event(&self, subject: String, change: &StateChange) {
        let body = serde_json::to_vec(change).expect("texts and times are JSON");
        if self.parts.events.try_send((subject, body)).is_err() {
            tracing::warn!("too many events at once; one was not told");
        }
    }

    pub(super) fn notify(&self, notice: Notice, now: Now) {
        if self.leading {
            let event = match notice {
                Notice::NeedsHuman(_) => "needs_human",
                Notice::Halted(_) => "halted",
                Notice::SessionConflict => "session_conflict",
                Notice::Down => "down",
                Notice::WeeklyLogIn { .. } => "weekly_log_in",
            };
            self.parts.notifier.tell(Message::new(&self.parts.gateway, event, status::notice(notice, &self.policy), now.at));
        }
    }

    /// Heartbeat and the probe's session follow what the policy has come to.
    pub(super) fn follow_policy(&mut self) {
        let wanted = &self.policy.saved().wanted;
        let logged_out = (!wanted.is_up()).then(|| status::logged_out(wanted));
        if !self.speaks {
            // Another process does, or nobody.
            self.parts.link.hold(bus::logged_out(&self.parts.fleet.seen()));
            self.tell_part(None);
            return;
        }
        self.parts.link.hold(logged_out.as_ref().map(schemas::gateway::LoggedOut::fault));
        self.tell_part(Some(GatewayPart {
            state: self.policy.state(),
            desired: wanted.desired,
            since: self.policy.since(),
            reason: self.policy.reason().map(str::to_owned),
            logged_out,
        }));
    }

    fn tell_part(&self, part: Option<GatewayPart>) {
        let changed = self.parts.part.send_if_modified(|told| {
            let changed = *told != part;
            *told = part;
            changed
        });
        if changed {
            self.parts.metrics.tell(self.parts.part.borrow().as_ref());
            self.parts.beat.notify_one();
        }
    }
}
