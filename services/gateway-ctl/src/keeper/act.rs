//! Out of the policy: saves, deeds, answers.

use bus::BucketError;
use schemas::{Fault, FaultCode};

use super::Keeper;
use crate::{
    input::Caller,
    policy::{Action, Answer, Deed, Now, WaiterId},
    saved::is_away,
    status,
};

impl Keeper {
    pub(super) async fn act(&mut self, actions: Vec<Action>, now: Now) {
        for action in actions {
            self.count(&action);
            match action {
                Action::Save(text) => self.save(text).await,
                // Whoever did not save that it starts could start for ever.
                Action::Start { .. } if self.unsaved.is_some() || !self.leading => {
                    self.parts.hands.refuse(Deed::Start, "what has to be remembered of it could not be saved");
                }
                Action::Start { yielding } => self.parts.hands.start(yielding),
                Action::CloseGateway => self.parts.hands.close_gateway(),
                Action::StopContainer { grace_s } => self.parts.hands.stop(grace_s),
                Action::SoftRestart => self.parts.hands.restart_softly(),
                Action::ReconnectAccount => self.parts.hands.reconnect_account(),
                Action::KickForwarder => self.parts.hands.kick_forwarder(),
                Action::RestartWorkers => self.restart_workers(),
                Action::Drain => self.call(schemas::gateway::Call::Draining, now),
                Action::Resubscribe => self.call(schemas::gateway::Call::Resubscribe, now),
                Action::Changed { from, to, reason } => self.changed(from, to, reason, now),
                Action::Notify(notice) => self.notify(notice, now),
                Action::Answer { id, answer } => self.answer(id, &answer, now),
            }
        }
    }

    /// A start that is refused below is none.
    fn count(&self, action: &Action) {
        if !matches!(action, Action::Start { .. }) || (self.unsaved.is_none() && self.leading) {
            self.parts.metrics.count(action);
        }
    }

    /// A process that does not lead has nothing to save.
    async fn save(&mut self, text: String) {
        if !self.leading {
            return;
        }
        match self.parts.store.save(text).await {
            Ok(()) => self.unsaved = None,
            Err(BucketError::Conflict) => {
                // Somebody else has written: what he saved counts, and this process begins anew with it.
                tracing::warn!("the saved state of the gateway was changed by somebody else; it is read anew");
                self.unsaved = Some(BucketError::Conflict.to_string());
                self.leading = false;
            }
            Err(error) => {
                if self.unsaved.is_none() && !is_away(&error) {
                    tracing::warn!(%error, "the gateway's state was not saved; nothing is started until it is");
                }
                self.unsaved = Some(error.to_string());
            }
        }
    }

    /// What was not saved, and what was not taken over: the newest state counts.
    pub(super) async fn save_again(&mut self) {
        if self.unsaved.is_some() && self.leading {
            self.save(self.policy.saved().save()).await;
        }
    }

    fn restart_workers(&self) {
        let (bus, gateway, seen) = (self.parts.bus.clone(), self.parts.gateway.clone(), self.parts.fleet.remembered());
        tracing::warn!("the gateway serves and nobody has a session: every worker and options connect anew");
        self.parts.hands.tasks.spawn(async move {
            let reply = bus.restart_workers(&gateway, &seen, super::RESTART_MAX).await;
            tracing::info!(restarted = reply.restarted, silent = reply.not_answering.len(), "workers were told to connect anew");
        });
    }

    fn answer(&mut self, id: WaiterId, answer: &Answer, now: Now) {
        // A caller who went away waits for nothing.
        let Some(caller) = self.callers.remove(&id) else { return };
        match caller {
            Caller::Command(reply) => {
                let answered = match (&self.unsaved, answer) {
                    (Some(reason), Answer::LoggedOut { .. } | Answer::LoggedIn { .. }) => Err(not_saved(reason)),
                    _ => status::command(answer, &self.policy, now),
                };
                let _ = reply.send(answered);
            }
            Caller::Ready(reply) => drop(reply.send(status::ready(answer, &self.policy, now))),
        }
    }
}

/// It was done, but a restart of this process would not know of it.
fn not_saved(reason: &str) -> Fault {
    Fault::new(FaultCode::Internal, format!("it was done, and could not be remembered: {reason}"))
        .hint("NATS needs JetStream with room for it; ask again, or a restart of gateway-ctl forgets it")
}
