//! Taking over, standing by, and what has to be tried again.
//!
//! Invariant: a process begins to act only with the state that was saved last, and only after it has written it itself, so
//! that whoever acted before cannot write any more.

use tokio::time::Instant;

use super::{Keeper, Parts, SavedError};
use crate::{
    lease::Lead,
    policy::{Event, Facts, Now, Policy, Saved, Setup},
    saved::{LoadError, Loaded},
};

/// A policy that only watches.
pub(super) fn standby(parts: &Parts, now: Now) -> Policy {
    let mut policy = policy(parts, Saved::new(now.at), now);
    // Nothing is known yet, so nothing is to be done.
    drop(policy.step(Event::Leader(false), now));
    policy
}

fn policy(parts: &Parts, saved: Saved, now: Now) -> Policy {
    Policy::new(Setup { means: parts.hands.means(), rules: parts.rules, resets: parts.resets.clone(), saved }, now)
}

/// What was seen so far, for a policy that has seen nothing. The engine comes last: without it nothing is done.
fn told_again(facts: &Facts) -> Vec<Event> {
    let mut events =
        vec![Event::Container(facts.container), Event::Log(facts.log.clone()), Event::Api(facts.api), Event::Session(facts.session)];
    if facts.upstream_lost {
        events.push(Event::UpstreamLost);
    }
    events.push(Event::Engine(facts.engine));
    events
}

impl Keeper {
    pub(super) async fn follow_lead(&mut self, lead: Lead) -> Result<(), SavedError> {
        let held = match lead {
            Lead::Held { until, term } if Instant::now() < until => Some(term),
            _ => None,
        };
        match (held, self.leading && held.is_none_or(|term| term == self.term)) {
            (Some(term), false) if Instant::now() >= self.take_over_at => {
                self.leading = false;
                self.take_over(term).await?;
            }
            (None, true) => self.stand_back().await,
            _ => {}
        }
        if lead == Lead::Taken && std::mem::replace(&mut self.speaks, false) {
            self.follow_policy();
        }
        if lead == Lead::Taken && !self.parts.operations.borrow().is_empty() {
            self.leave_callers();
            let joined = self.parts.operations.borrow().clone();
            self.parts.server.leave(joined.iter().map(String::as_str)).await;
            self.tell_operations(Vec::new());
        }
        Ok(())
    }

    async fn stand_back(&mut self) {
        tracing::warn!("the lease on the gateway is not held any more; standing by");
        self.leading = false;
        self.step(Event::Leader(false)).await;
    }

    /// Tried again in a while where NATS does not answer.
    async fn take_over(&mut self, term: u64) -> Result<(), SavedError> {
        let now = self.now();
        self.take_over_at = Instant::now() + super::AGAIN;
        let saved = match self.parts.store.load().await {
            Ok(Loaded::Other(saved)) => *saved,
            // Nobody else has written meanwhile; and what this process knows is newer than nothing.
            Ok(Loaded::Same | Loaded::Nothing) => self.policy.saved().clone(),
            Err(LoadError::Unreadable(source)) => return Err(SavedError { gateway: self.parts.gateway.clone(), source }),
            Err(LoadError::Bucket(error)) => {
                tracing::warn!(%error, "what is saved of the gateway cannot be read yet");
                return Ok(());
            }
        };
        if let Err(error) = self.parts.store.save(saved.save()).await {
            tracing::warn!(%error, "the gateway is not taken over yet");
            return Ok(());
        }
        self.unsaved = None;
        let facts = self.policy.facts().clone();
        let rebuilt = saved != *self.policy.saved() || !self.speaks;
        (self.leading, self.speaks, self.term) = (true, true, term);
        // Whoever asks now is answered when this is over.
        self.join().await;
        if rebuilt {
            tracing::info!(desired = ?saved.wanted.desired, by = saved.wanted.by, "acting for the gateway");
            self.leave_callers();
            self.policy = policy(&self.parts, saved, now);
            for event in told_again(&facts) {
                self.step(event).await;
            }
        } else {
            tracing::info!("acting for the gateway again");
            self.step(Event::Leader(true)).await;
        }
        Ok(())
    }

    pub(super) async fn try_again(&mut self) {
        self.save_again().await;
        if self.leading {
            self.join().await;
        } else {
            self.follow_policy();
        }
    }

    /// Every operation, always: that the gateway is down is what is asked about.
    async fn join(&mut self) {
        let routed: Vec<String> = self.parts.server.routed().map(schemas::Row::name).collect();
        if self.parts.operations.borrow().len() == routed.len() {
            return;
        }
        if let Err(error) = self.parts.server.join(routed.iter().map(String::as_str)).await {
            tracing::warn!(%error, "cannot join the queue groups yet");
        }
        self.tell_operations(self.parts.server.joined().await);
    }

    fn tell_operations(&self, names: Vec<String>) {
        self.parts.operations.send_replace(names);
        self.parts.beat.notify_one();
    }
}
