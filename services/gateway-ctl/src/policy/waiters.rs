//! Callers who wait: for the gateway to be ready, to be stopped, to be started. Bookkeeping only.
//!
//! Invariant: every waiter is answered once, at its deadline at the latest; many share what is under way.

use super::{
    event::{Action, Answer, Refusal, WaiterId},
    rules::{READY_MARGIN_MS, WAITERS_MAX},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Ready,
    Stopped,
    Started,
}

#[derive(Debug, Clone, Copy)]
struct Waiter {
    id: WaiterId,
    what: For,
    since_ms: u64,
    deadline_ms: u64,
}

#[derive(Debug, Default)]
pub(super) struct Waiters {
    list: Vec<Waiter>,
}

/// When a caller who gives up after `timeout_ms` has to have its answer.
pub(super) fn answer_after_ms(timeout_ms: u64) -> u64 {
    // Of a wait too short for the margin half is left.
    timeout_ms.saturating_sub(READY_MARGIN_MS).max(timeout_ms / 2)
}

impl Waiters {
    /// Refused when too many wait already.
    pub(super) fn add(&mut self, id: WaiterId, what: For, (now_ms, for_ms): (u64, u64)) -> Result<(), Refusal> {
        if self.list.len() >= WAITERS_MAX {
            return Err(Refusal::TooManyWaiters);
        }
        self.list.push(Waiter { id, what, since_ms: now_ms, deadline_ms: now_ms.saturating_add(for_ms) });
        Ok(())
    }

    pub(super) fn remove(&mut self, id: WaiterId) {
        self.list.retain(|waiter| waiter.id != id);
    }

    pub(super) fn next_ms(&self) -> Option<u64> {
        self.list.iter().map(|waiter| waiter.deadline_ms).min()
    }

    /// Answers all who wait for this.
    pub(super) fn answer(&mut self, what: For, now_ms: u64, answer: impl Fn(u64) -> Answer) -> Vec<Action> {
        self.take(|waiter| waiter.what == what, now_ms, |_, waited_ms| answer(waited_ms))
    }

    /// Answers those whose time is up.
    pub(super) fn expire(&mut self, now_ms: u64, answer: impl Fn(For, u64) -> Answer) -> Vec<Action> {
        self.take(|waiter| waiter.deadline_ms <= now_ms, now_ms, answer)
    }

    fn take(&mut self, chosen: impl Fn(&Waiter) -> bool, now_ms: u64, answer: impl Fn(For, u64) -> Answer) -> Vec<Action> {
        let (taken, kept) = std::mem::take(&mut self.list).into_iter().partition(|waiter| chosen(waiter));
        self.list = kept;
        let taken: Vec<Waiter> = taken;
        let told = |waiter: Waiter| Action::Answer { id: waiter.id, answer: answer(waiter.what, now_ms.saturating_sub(waiter.since_ms)) };
        taken.into_iter().map(told).collect()
    }
}
