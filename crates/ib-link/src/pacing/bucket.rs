//! A token bucket whose rate can change while it runs.
//!
//! Our own thirty lines of GCRA instead of `governor` or `ibapi`'s limiter: both fix the quota when they are built, and
//! a worker's share changes with every heartbeat that appears or goes; a new limiter would forget what was just sent.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schemas::{Fault, FaultCode};

use crate::clock::{Instant, instant};

/// Slowest rate that can be set: a share of nothing would stop a link for ever.
const PER_S_MIN: f64 = 0.1;

/// After IB's error 100, so that the window it counts in is empty again.
const TOO_FAST_PAUSE: Duration = Duration::from_secs(1);
/// What a turn leaves for IB's answer; of short budgets a quarter.
const ANSWER_MIN: Duration = Duration::from_secs(1);

/// How long a caller may wait for us: a question sent just before its deadline would end as IB's time-out, though it
/// was our pace that used its time up.
pub(crate) fn patience(now: Instant, deadline: Instant) -> Duration {
    let budget = deadline.saturating_duration_since(now);
    budget.saturating_sub(ANSWER_MIN.min(budget / 4))
}

/// Slots are handed out in order; a slot whose turn never comes (its caller gave up) stays used, which errs on the
/// side of the limit.
#[derive(Debug)]
pub(crate) struct Bucket {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    per_s: f64,
    /// When the next slot would be due if slots were spread evenly; `None` before the first.
    due: Option<Instant>,
}

impl Bucket {
    pub(crate) fn new(per_s: f64) -> Self {
        Self { state: Mutex::new(State { per_s: sane(per_s), due: None }) }
    }

    pub(crate) fn set_per_s(&self, per_s: f64) {
        self.lock().per_s = sane(per_s);
    }

    /// Waits for a slot. When its turn would leave IB too little time before `deadline`, no slot is used and the fault
    /// tells the wait.
    pub(crate) async fn take(&self, deadline: Instant) -> Result<(), Fault> {
        let now = instant();
        let wait = self.lock().reserve(now, Some(patience(now, deadline)));
        match wait {
            Ok(Duration::ZERO) => Ok(()),
            Ok(wait) => {
                tokio::time::sleep_until(now + wait).await;
                Ok(())
            }
            Err(wait) => Err(pace_fault(wait)),
        }
    }

    /// Counts a message that goes out whatever the pace: a cancel, which frees more than it costs.
    pub(crate) fn charge(&self) {
        let _ = self.lock().reserve(instant(), None);
    }

    /// IB has said that it was too much: nothing for a while.
    pub(crate) fn pause(&self, pause: Duration) {
        let until = instant() + pause;
        let mut state = self.lock();
        state.due = Some(state.due.map_or(until, |due| due.max(until)));
    }

    /// IB's error 100.
    pub(crate) fn too_fast(&self) {
        self.pause(TOO_FAST_PAUSE);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A tenth of the rate may go out at once, at least one message.
    fn tolerance(&self) -> Duration {
        Duration::from_secs_f64((self.per_s * 0.1 - 1.0).max(0.0) / self.per_s)
    }

    fn reserve(&mut self, now: Instant, patience: Option<Duration>) -> Result<Duration, Duration> {
        let due = self.due.map_or(now, |due| due.max(now));
        let wait = due.saturating_duration_since(now).saturating_sub(self.tolerance());
        if patience.is_some_and(|patience| wait > patience) {
            return Err(wait);
        }
        self.due = Some(due + Duration::from_secs_f64(1.0 / self.per_s));
        Ok(wait)
    }
}

fn sane(per_s: f64) -> f64 {
    if per_s.is_finite() { per_s.max(PER_S_MIN) } else { PER_S_MIN }
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
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    #[tokio::test(start_paused = true)]
    async fn no_second_holds_more_than_the_rate_and_its_tenth() {
        for per_s in [1.0, 7.0, 14.0, 45.0] {
            let bucket = Bucket::new(per_s);
            let mut sent = Vec::new();
            for _ in 0..200 {
                bucket.take(instant() + LONG).await.expect("turn");
                sent.push(instant());
            }
            for (index, first) in sent.iter().enumerate() {
                let within = sent[index..].iter().take_while(|at| **at < *first + Duration::from_secs(1)).count();
                let most = per_s * 1.1 + 1.0;
                assert!(f64::from(u32::try_from(within).unwrap()) <= most, "{within} in a second at {per_s}/s");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_after_the_deadline_is_refused_with_the_wait_and_uses_no_slot() {
        let bucket = Bucket::new(1.0);
        bucket.take(instant() + LONG).await.expect("first");
        let fault = bucket.take(instant() + Duration::from_millis(200)).await.expect_err("too soon");
        assert_eq!((fault.code, fault.retry_after_ms), (FaultCode::Pacing, Some(1_000)));
        let before = instant();
        bucket.take(instant() + LONG).await.expect("second");
        assert_eq!(instant() - before, Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_leaves_no_time_for_the_answer_is_refused() {
        for (budget_ms, granted) in [(1_100, false), (1_333, false), (1_334, true), (1_999, true)] {
            let bucket = Bucket::new(1.0);
            bucket.take(instant() + LONG).await.expect("first");
            let told = bucket.take(instant() + Duration::from_millis(budget_ms)).await;
            assert_eq!(told.is_ok(), granted, "a quarter of {budget_ms} ms");
        }
        let bucket = Bucket::new(0.1);
        bucket.take(instant() + LONG).await.expect("first");
        let fault = bucket.take(instant() + Duration::from_millis(10_900)).await.expect_err("0.9 s are left");
        assert_eq!((fault.code, fault.retry_after_ms), (FaultCode::Pacing, Some(10_000)));
        bucket.take(instant() + Duration::from_secs(11)).await.expect("a second is left");
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_rate_holds_from_the_next_message_and_forgets_nothing() {
        let bucket = Bucket::new(1.0);
        bucket.take(instant() + LONG).await.expect("first");
        bucket.set_per_s(10.0);
        let before = instant();
        bucket.take(instant() + LONG).await.expect("still waits for the first");
        assert_eq!(instant() - before, Duration::from_secs(1));
        bucket.take(instant() + LONG).await.expect("faster now");
        assert_eq!(instant() - before, Duration::from_millis(1_100));
    }

    #[tokio::test(start_paused = true)]
    async fn cancels_do_not_wait_but_are_counted() {
        let bucket = Bucket::new(2.0);
        bucket.charge();
        bucket.charge();
        let before = instant();
        bucket.take(instant() + LONG).await.expect("turn");
        assert_eq!(instant() - before, Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everything_back() {
        let bucket = Bucket::new(10.0);
        bucket.pause(Duration::from_secs(2));
        let before = instant();
        bucket.take(instant() + LONG).await.expect("turn");
        assert_eq!(instant() - before, Duration::from_secs(2));
    }

    #[test]
    fn nonsense_rates_become_slow_ones() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!((sane(bad) - PER_S_MIN).abs() < f64::EPSILON);
        }
    }
}
