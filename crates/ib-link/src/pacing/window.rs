//! The messages of the last second or so, and when the next may go out; pure.
//!
//! Invariant: of a link's own messages, those that it lent included, at most [`Window::most`] count in any stretch of
//! [`Window::span`]. IB counts in a second; the span is that of so many messages at the rate, and a twentieth longer,
//! so that two full bursts one span apart do not meet in one of IB's seconds through jitter. Jitter can be more than a
//! twentieth: a gateway that stalls counts late what came before. Who has had to wait is therefore sent evenly spaced,
//! and only who finds room at once makes a burst.

use std::{collections::VecDeque, time::Duration};

use crate::clock::Instant;

/// Slowest rate that can be set: a share of nothing would stop a link for ever.
const PER_S_MIN: f64 = 0.1;
/// Fastest rate, and so the most messages that are remembered.
const PER_S_MAX: f64 = 1_000.0;
const LOG_MAX: usize = 1_000;
/// Longer than IB's second, for what sockets and timers shift.
const SLACK: f64 = 1.05;

/// What was borrowed is used up by then, or lost: who borrows has everything ready to send.
const BORROWED_FOR: Duration = Duration::from_millis(400);
/// Messages borrowed at once: what IB takes of a whole login.
const BORROWED_MAX: usize = 50;
/// What was lent may go out for so long: the borrower's time, and as much for the way to it.
const LENT_FOR: Duration = Duration::from_millis(800);
/// Of a share, one part in so many is never lent, one message at least: who asks meanwhile must not wait for all of it.
const KEPT_PART: usize = 8;

#[derive(Debug)]
pub(super) struct Window {
    per_s: f64,
    /// Ascending: when a message went out, or for one that was lent, when it can have gone out at the latest.
    log: VecDeque<Instant>,
    /// Our own, not borrowed.
    last: Option<Instant>,
    /// Until when each may be used, ascending.
    borrowed: VecDeque<Instant>,
    paused_until: Option<Instant>,
}

impl Window {
    pub(super) fn new(per_s: f64) -> Self {
        Self { per_s: sane(per_s), log: VecDeque::new(), last: None, borrowed: VecDeque::new(), paused_until: None }
    }

    /// What was sent stays counted.
    pub(super) fn set_per_s(&mut self, per_s: f64) {
        self.per_s = sane(per_s);
    }

    /// Messages in a span: the rate, rounded up. A rate of 0.7 has one in a longer span.
    #[expect(clippy::cast_possible_truncation, reason = "1 to PER_S_MAX")]
    fn most(&self) -> usize {
        self.per_s.ceil() as usize
    }

    fn span(&self) -> Duration {
        Duration::from_secs_f64(self.per_s.ceil() / self.per_s * SLACK)
    }

    fn gap(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.per_s)
    }

    /// Sends one, or tells when it could be: evenly spaced for who is `queued`. What was borrowed is used when our own
    /// would have to wait.
    pub(super) fn send(&mut self, now: Instant, queued: bool) -> Result<(), Instant> {
        self.forget(now);
        let due = self.due(&self.log, self.last.filter(|_| queued), self.begin(now));
        if due <= now {
            self.charge(now);
            return Ok(());
        }
        if self.begin(now) <= now && self.borrowed.pop_front().is_some() {
            return Ok(());
        }
        Err(due)
    }

    /// Counts one that went out without asking.
    pub(super) fn charge(&mut self, now: Instant) {
        self.forget(now);
        insert(&mut self.log, now);
        self.last = Some(now);
    }

    pub(super) fn pause(&mut self, until: Instant) {
        self.paused_until = Some(self.paused_until.map_or(until, |before| before.max(until)));
    }

    /// How long one waits in the queue that has `ahead` others before it.
    pub(super) fn wait(&mut self, now: Instant, ahead: usize) -> Duration {
        self.forget(now);
        let begin = self.begin(now);
        let borrowed = if begin <= now { self.borrowed.len() } else { 0 };
        if ahead < borrowed {
            return Duration::ZERO;
        }
        let ahead = ahead - borrowed;
        let most = self.most();
        let mut log: VecDeque<Instant> = self.log.iter().skip(self.log.len().saturating_sub(most)).copied().collect();
        // Once a whole span was sent evenly, each goes out one span after the one that is `most` before it.
        let rounds = (ahead / most).saturating_sub(1);
        let (mut at, mut last) = (begin, self.last);
        for _ in 0..=ahead - rounds * most {
            at = self.due(&log, last, at);
            last = Some(at);
            insert(&mut log, at);
        }
        (at + self.span().saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))).saturating_duration_since(now)
    }

    /// Messages that could go out now.
    pub(super) fn free(&mut self, now: Instant) -> usize {
        self.forget(now);
        if self.begin(now) > now { 0 } else { self.own(now) + self.borrowed.len() }
    }

    /// Gives messages away, but keeps an eighth, and one at least. They stay counted here for as long as the borrower
    /// can use them, and a span longer.
    pub(super) fn lend(&mut self, now: Instant, wanted: usize) -> usize {
        self.forget(now);
        if self.begin(now) > now {
            return 0;
        }
        let kept = (self.most() / KEPT_PART).max(1);
        let lent = self.own(now).saturating_sub(kept).min(wanted);
        for _ in 0..lent {
            insert(&mut self.log, now + LENT_FOR);
        }
        lent
    }

    pub(super) fn borrow(&mut self, now: Instant, messages: usize) {
        self.forget(now);
        let room = BORROWED_MAX - self.borrowed.len();
        self.borrowed.extend(std::iter::repeat_n(now + BORROWED_FOR, messages.min(room)));
    }

    /// Of our own, not counting the pause.
    fn own(&self, now: Instant) -> usize {
        let span = self.span();
        let counted = self.log.len() - self.log.partition_point(|at| *at + span <= now);
        self.most().saturating_sub(counted)
    }

    /// The first moment when no pause is on.
    fn begin(&self, now: Instant) -> Instant {
        self.paused_until.map_or(now, |until| until.max(now))
    }

    /// From `begin` on, the first moment with fewer than the most in the span before it, and a gap after `last`.
    fn due(&self, log: &VecDeque<Instant>, last: Option<Instant>, begin: Instant) -> Instant {
        let oldest = log.len().checked_sub(self.most()).and_then(|index| log.get(index));
        let room = oldest.map_or(begin, |oldest| begin.max(*oldest + self.span()));
        last.map_or(room, |last| room.max(last + self.gap()))
    }

    fn forget(&mut self, now: Instant) {
        while self.borrowed.front().is_some_and(|until| *until <= now) {
            self.borrowed.pop_front();
        }
        // The span of the slowest rate: a new rate must find all that it counts.
        let longest = Duration::from_secs_f64(SLACK / PER_S_MIN);
        while self.log.front().is_some_and(|at| *at + longest <= now) {
            self.log.pop_front();
        }
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
        }
    }
}

fn insert(log: &mut VecDeque<Instant>, at: Instant) {
    let place = log.partition_point(|other| *other <= at);
    log.insert(place, at);
    if log.len() > LOG_MAX {
        log.pop_front();
    }
}

fn sane(per_s: f64) -> f64 {
    if per_s.is_finite() { per_s.clamp(PER_S_MIN, PER_S_MAX) } else { PER_S_MIN }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
