//! The queue of those who want to send, around the pure [`Window`].
//!
//! Our own window instead of `governor` or `ibapi`'s limiter: both fix the quota when they are built, and a worker's
//! share changes with every heartbeat that appears or goes; a new limiter would forget what was just sent. Neither
//! sends a burst at once and then holds IB's limit of any second; docs/adr/0016 tells why we want that.
//!
//! Invariants: first come, first served; nobody waits past their patience; who gives up leaves no gap behind.

use std::{
    sync::{Mutex as StdMutex, MutexGuard, PoisonError},
    time::Duration,
};

use schemas::{Fault, FaultCode};
use tokio::{
    sync::{Mutex, Notify},
    time::{sleep_until, timeout_at},
};

use super::window::Window;
use crate::clock::{Instant, instant};

/// After IB's error 100, so that the window it counts in is empty again.
const TOO_FAST_PAUSE: Duration = Duration::from_secs(1);
/// What a turn leaves for IB's answer; of short budgets a quarter.
const ANSWER_MIN: Duration = Duration::from_secs(1);
/// Who comes later is refused with the wait, however patient.
const WAITING_MAX: usize = 1_000;

/// How long a caller may wait for us: a question sent just before its deadline would end as IB's time-out, though it
/// was our pace that used its time up.
pub(crate) fn patience(now: Instant, deadline: Instant) -> Duration {
    let budget = deadline.saturating_duration_since(now);
    budget.saturating_sub(ANSWER_MIN.min(budget / 4))
}

#[derive(Debug)]
pub(crate) struct Bucket {
    state: StdMutex<State>,
    /// Only the first in the queue looks at the window.
    turns: Mutex<()>,
    /// The first in the queue may be due earlier, or later, than it was.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    window: Window,
    waiting: usize,
}

/// A place in the queue.
struct Place<'a>(&'a Bucket);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

impl Bucket {
    pub(crate) fn new(per_s: f64) -> Self {
        let state = State { window: Window::new(per_s), waiting: 0 };
        Self { state: StdMutex::new(state), turns: Mutex::default(), changed: Notify::new() }
    }

    pub(crate) fn set_per_s(&self, per_s: f64) {
        self.lock().window.set_per_s(per_s);
        self.changed.notify_one();
    }

    /// Waits for a turn. When it would leave IB too little time before `deadline`, none is used and the fault tells
    /// the wait.
    pub(crate) async fn take(&self, deadline: Instant) -> Result<(), Fault> {
        let now = instant();
        let patience = patience(now, deadline);
        let Some(_place) = self.enter(now, patience)? else { return Ok(()) };
        let turn = async {
            let _turn = self.turns.lock().await;
            loop {
                let Err(due) = self.lock().window.send(instant(), true) else { return };
                tokio::select! {
                    // Time itself is meant.
                    () = sleep_until(due) => {}
                    () = self.changed.notified() => {}
                }
            }
        };
        // A pause or a slower rate can come after the wait was told.
        timeout_at(now + patience, turn).await.map_err(|_| pace_fault(self.lock().window.wait(instant(), 0)))
    }

    /// A place in the queue, or none when the message could be sent at once.
    fn enter(&self, now: Instant, patience: Duration) -> Result<Option<Place<'_>>, Fault> {
        let mut state = self.lock();
        if state.waiting == 0 && state.window.send(now, false).is_ok() {
            return Ok(None);
        }
        let ahead = state.waiting;
        let wait = state.window.wait(now, ahead);
        if wait > patience || ahead >= WAITING_MAX {
            return Err(pace_fault(wait));
        }
        state.waiting += 1;
        Ok(Some(Place(self)))
    }

    /// Counts a message that goes out whatever the pace: a cancel, which frees more than it costs.
    pub(crate) fn charge(&self) {
        self.lock().window.charge(instant());
    }

    /// IB has said that it was too much: nothing for a while.
    pub(crate) fn pause(&self, pause: Duration) {
        self.lock().window.pause(instant() + pause);
        self.changed.notify_one();
    }

    /// IB's error 100.
    pub(crate) fn too_fast(&self) {
        self.pause(TOO_FAST_PAUSE);
    }

    /// Messages that could go out now: none while somebody waits.
    pub(crate) fn free(&self) -> u32 {
        let mut state = self.lock();
        if state.waiting > 0 { 0 } else { number(state.window.free(instant())) }
    }

    /// Gives unused messages away; none while somebody waits here.
    pub(crate) fn lend(&self, messages: u32) -> u32 {
        let mut state = self.lock();
        if state.waiting > 0 { 0 } else { number(state.window.lend(instant(), usize::try_from(messages).unwrap_or(usize::MAX))) }
    }

    pub(crate) fn borrow(&self, messages: u32) {
        self.lock().window.borrow(instant(), usize::try_from(messages).unwrap_or(usize::MAX));
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn number(messages: usize) -> u32 {
    u32::try_from(messages).unwrap_or(u32::MAX)
}

fn pace_fault(wait: Duration) -> Fault {
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
    Fault::new(
        FaultCode::Pacing,
        format!("IB takes a limited number of messages per second from one login; the next turn comes in {wait_ms} ms, too late for an answer within this request's deadline"),
    )
    .retry_after_ms(wait_ms)
}

#[cfg(test)]
#[path = "bucket_tests.rs"]
mod tests;
