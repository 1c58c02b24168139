//! Market data lines: how many this link may have, and who waits for one.
//!
//! Invariant: a line counts as used from before its request is sent until its cancel is, so that no more than
//! [`Lines::most`] are ever open at IB.
//!
//! IB counts lines over all clients of a login. Its answer 101 means that somebody else holds some of ours: from then
//! on the budget is what this link holds at that moment (at least one), and every [`REGROW_PERIOD`] it grows by one. A
//! budget that grows too early costs one refused request, which cuts it again.

mod line;
mod quote;

use std::{
    sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError},
    time::Duration,
};

pub use line::{Line, LineRequest};
pub use quote::{Greeks, GreeksOf, Quote};
use schemas::{Fault, FaultCode};
use tokio::{
    sync::{Mutex, Notify},
    time::{sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::{Instant, instant},
    pacing::patience,
};

/// One line more after IB has said that there are none.
const REGROW_PERIOD: Duration = Duration::from_secs(1);
/// Nobody knows when a line becomes free; most are needed for a few seconds.
const LINE_RETRY_MS: u64 = 2_000;

/// The lines of one link.
#[derive(Debug)]
pub(crate) struct Lines {
    most: usize,
    state: StdMutex<State>,
    freed: Notify,
    /// First come, first served: only the first in the queue looks for a free line.
    turns: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Given out, requested or not.
    used: usize,
    /// Requested, and not refused: what IB counts.
    open: usize,
    cut: Option<Cut>,
    /// Cancelled, and replaced, when IB's servers are lost or begin anew.
    upstream: CancellationToken,
}

/// The budget after IB's 101.
#[derive(Debug, Clone, Copy)]
struct Cut {
    to: usize,
    at: Instant,
}

impl State {
    /// The budget now, and when it grows.
    fn budget(&self, most: usize, now: Instant) -> (usize, Option<Instant>) {
        let Some(cut) = self.cut else { return (most, None) };
        let periods = now.saturating_duration_since(cut.at).as_millis() / REGROW_PERIOD.as_millis();
        let grown = u32::try_from(periods).unwrap_or(u32::MAX);
        let budget = cut.to.saturating_add(usize::try_from(grown).unwrap_or(usize::MAX));
        if budget >= most { (most, None) } else { (budget, Some(cut.at + REGROW_PERIOD * (grown + 1))) }
    }
}

impl Lines {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, state: StdMutex::default(), freed: Notify::new(), turns: Mutex::default() }
    }

    pub(crate) fn free(&self) -> usize {
        let state = self.lock();
        state.budget(self.most, instant()).0.saturating_sub(state.used)
    }

    /// Waits for a free line, but not so long that IB had no time left.
    async fn slot(self: &Arc<Self>, deadline: Instant) -> Result<Slot, Fault> {
        if self.most == 0 {
            return Err(Fault::new(FaultCode::Unsupported, "this process has no market data lines"));
        }
        let now = instant();
        let found = async {
            let _turn = self.turns.lock().await;
            loop {
                let grows_at = match self.try_slot() {
                    Ok(slot) => return slot,
                    Err(grows_at) => grows_at,
                };
                tokio::select! {
                    () = self.freed.notified() => {}
                    // A budget grows with time itself.
                    () = sleep_until(grows_at.unwrap_or(now)), if grows_at.is_some() => {}
                }
            }
        };
        timeout_at(now + patience(now, deadline), found).await.map_err(|_| self.all_used())
    }

    fn try_slot(self: &Arc<Self>) -> Result<Slot, Option<Instant>> {
        let mut state = self.lock();
        let (budget, grows_at) = state.budget(self.most, instant());
        if state.used >= budget {
            return Err(grows_at);
        }
        state.used += 1;
        Ok(Slot { lines: Arc::clone(self), open: false, used: true })
    }

    fn all_used(&self) -> Fault {
        let (budget, _) = self.lock().budget(self.most, instant());
        let fewer = if budget < self.most { ", fewer than usual because another client of this login holds lines" } else { "" };
        Fault::new(FaultCode::Busy, format!("{budget} market data lines are in use, as many as this process may have now{fewer}"))
            .retry_after_ms(LINE_RETRY_MS)
    }

    /// What ends the lines that are opened from now on. Taken before IB's servers are looked at, or their loss in
    /// between would go unheard.
    fn upstream(&self) -> CancellationToken {
        self.lock().upstream.clone()
    }

    /// IB's servers are lost, or have lost what was subscribed: every line is over.
    pub(crate) fn end_all(&self) {
        std::mem::take(&mut self.lock().upstream).cancel();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One line of the budget, given back when dropped.
#[derive(Debug)]
struct Slot {
    lines: Arc<Lines>,
    open: bool,
    used: bool,
}

impl Slot {
    /// Counts it as open at IB, unless the budget was cut since the slot was given.
    fn open(&mut self) -> bool {
        let mut state = self.lines.lock();
        let (budget, _) = state.budget(self.lines.most, instant());
        if state.open < budget {
            state.open += 1;
            self.open = true;
        }
        self.open
    }

    /// IB's 101 to this line: it holds nothing, and the others are all that there is.
    fn refused(&mut self) {
        self.give_back();
        let mut state = self.lines.lock();
        state.cut = Some(Cut { to: state.open.clamp(1, self.lines.most), at: instant() });
    }

    fn give_back(&mut self) {
        let mut state = self.lines.lock();
        state.open -= usize::from(std::mem::take(&mut self.open));
        state.used -= usize::from(std::mem::take(&mut self.used));
        drop(state);
        self.lines.freed.notify_one();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        instant() + Duration::from_secs(4)
    }

    async fn open(lines: &Arc<Lines>) -> Slot {
        let mut slot = lines.slot(soon()).await.expect("a line");
        assert!(slot.open());
        slot
    }

    #[tokio::test(start_paused = true)]
    async fn lines_are_waited_for_in_order_and_refused_in_time() {
        let lines = Arc::new(Lines::new(1));
        let held = open(&lines).await;
        assert_eq!(lines.free(), 0);
        let before = instant();
        let fault = lines.slot(soon()).await.expect_err("none is free");
        assert_eq!((fault.code, fault.retry_after_ms), (FaultCode::Busy, Some(LINE_RETRY_MS)));
        assert_eq!(before.elapsed(), Duration::from_secs(3), "a second is left for IB's answer");
        let waits = tokio::spawn({
            let lines = Arc::clone(&lines);
            async move { lines.slot(soon()).await }
        });
        tokio::task::yield_now().await;
        drop(held);
        let next = waits.await.expect("task").expect("given on");
        assert_eq!(lines.free(), 0);
        drop(next);
        assert_eq!(lines.free(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_link_without_lines_says_so() {
        let fault = Arc::new(Lines::new(0)).slot(soon()).await.expect_err("none");
        assert_eq!(fault.code, FaultCode::Unsupported);
    }

    #[tokio::test(start_paused = true)]
    async fn after_101_there_are_as_many_as_are_held_and_one_more_each_second() {
        let lines = Arc::new(Lines::new(10));
        let mut held = Vec::new();
        for _ in 0..6 {
            held.push(open(&lines).await);
        }
        let mut waits_for_its_turn = lines.slot(soon()).await.expect("given");
        held[5].refused();
        held[4].refused();
        assert_eq!((lines.free(), lines.lock().open), (0, 4));
        assert!(!waits_for_its_turn.open(), "it would be refused too");
        drop(waits_for_its_turn);
        for grown in 1..=6 {
            tokio::time::advance(REGROW_PERIOD).await;
            assert_eq!(lines.free(), grown);
        }
        tokio::time::advance(REGROW_PERIOD).await;
        assert_eq!(lines.free(), 6, "never more than at first");
        drop(held);
        assert_eq!((lines.free(), lines.lock().open), (10, 0), "a refused line is given back once");
    }

    #[tokio::test(start_paused = true)]
    async fn one_line_is_left_when_others_hold_all_and_its_growth_is_noticed() {
        let lines = Arc::new(Lines::new(10));
        open(&lines).await.refused();
        assert_eq!(lines.free(), 1);
        let _held = open(&lines).await;
        let before = instant();
        lines.slot(soon()).await.expect("the budget grows");
        assert_eq!(before.elapsed(), REGROW_PERIOD);
    }

    #[test]
    fn the_loss_of_ibs_servers_ends_the_lines_of_before() {
        let lines = Lines::new(1);
        let before = lines.upstream();
        lines.end_all();
        assert!(before.is_cancelled() && !lines.upstream().is_cancelled());
    }
}
