//! How often one caller may ask: a bucket for each, as the time at which it will be full again (GCRA).
//!
//! Invariant: at most [`KEYS_MAX`] buckets are kept; callers beyond that share one, so a flood of made-up callers costs
//! them and nobody who is known already.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::Key;

/// Callers remembered at once.
const KEYS_MAX: usize = 4_096;
/// A caller that was charged for more than it may ask waits no longer than this.
const DEBT_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Rates {
    /// What one request costs; zero asks nothing.
    each: Duration,
    /// How far ahead of the clock a bucket may be: the burst.
    burst: Duration,
    /// When each bucket is full again. A bucket that is full is not kept for long.
    full_at: Mutex<HashMap<Key, Instant>>,
}

impl Rates {
    /// `per_s` requests a second and `seconds` of them at once; 0 is no limit.
    pub(super) fn per_s(per_s: u64, seconds: u32) -> Self {
        let each = if per_s == 0 { Duration::ZERO } else { Duration::from_secs(1) / u32::try_from(per_s).unwrap_or(u32::MAX) };
        Self { each, burst: Duration::from_secs(1) * seconds, full_at: Mutex::default() }
    }

    /// One request of `key`, or how long it has to wait.
    pub(super) fn take(&self, key: &Key, now: Instant) -> Result<(), Duration> {
        if self.each.is_zero() {
            return Ok(());
        }
        self.bucket(key, now, |full_at| {
            let ahead = (*full_at + self.each).saturating_duration_since(now);
            if ahead > self.burst {
                return Err(ahead - self.burst);
            }
            *full_at += self.each;
            Ok(())
        })
    }

    /// Further `count` requests that came along with one that was let in.
    pub(super) fn charge(&self, key: &Key, count: u32, now: Instant) {
        if !self.each.is_zero() {
            self.bucket(key, now, |full_at| *full_at = (*full_at + self.each * count).min(now + self.burst + DEBT_MAX));
        }
    }

    fn bucket<T>(&self, key: &Key, now: Instant, act: impl FnOnce(&mut Instant) -> T) -> T {
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= KEYS_MAX && !buckets.contains_key(key) {
            buckets.retain(|_, full_at| *full_at > now);
        }
        let key = if buckets.len() >= KEYS_MAX && !buckets.contains_key(key) { &Key::Others } else { key };
        let full_at = match buckets.get_mut(key) {
            Some(full_at) => full_at,
            None => buckets.entry(key.clone()).or_insert(now),
        };
        *full_at = (*full_at).max(now);
        act(full_at)
    }

    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.full_at.lock().expect("lock").len()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn peer(n: u32) -> Key {
        Key::of_peer(IpAddr::from(n.to_be_bytes()))
    }

    #[test]
    fn a_burst_then_the_rate() {
        let (rates, start) = (Rates::per_s(10, 2), Instant::now());
        for n in 0..20 {
            assert_eq!(rates.take(&peer(1), start), Ok(()), "{n}");
        }
        assert_eq!(rates.take(&peer(1), start), Err(Duration::from_millis(100)));
        assert_eq!(rates.take(&peer(2), start), Ok(()), "another's bucket");
        let later = start + Duration::from_millis(100);
        assert_eq!((rates.take(&peer(1), later), rates.take(&peer(1), later).is_err()), (Ok(()), true));
        let idle = start + Duration::from_secs(100);
        assert_eq!((0..30).filter(|_| rates.take(&peer(1), idle).is_ok()).count(), 20, "idle time saves up one burst");
    }

    #[test]
    fn a_charge_is_paid_off_but_not_for_ever() {
        let (rates, start) = (Rates::per_s(10, 1), Instant::now());
        rates.charge(&peer(1), u32::MAX / 2, start);
        assert!(rates.take(&peer(1), start).is_err_and(|wait| wait <= DEBT_MAX + Duration::from_secs(1)));
        assert_eq!(rates.take(&peer(1), start + DEBT_MAX + Duration::from_secs(2)), Ok(()));
    }

    #[test]
    fn zero_is_no_limit() {
        let (rates, now) = (Rates::per_s(0, 1), Instant::now());
        assert!((0..10_000).all(|_| rates.take(&peer(1), now).is_ok()));
        assert_eq!(rates.kept(), 0);
    }

    #[test]
    fn made_up_callers_share_one_bucket_when_there_are_too_many() {
        let (rates, now) = (Rates::per_s(1, 5), Instant::now());
        let strangers = u32::try_from(KEYS_MAX).expect("small") + 1_000;
        let refused = (0..strangers).filter(|n| rates.take(&peer(*n), now).is_err()).count();
        assert_eq!((rates.kept(), refused), (KEYS_MAX + 1, 1_000 - 5));
        assert_eq!(rates.take(&peer(1), now), Ok(()), "who is known keeps its own");
        let later = now + Duration::from_secs(10);
        assert_eq!(rates.take(&peer(strangers + 1), later), Ok(()));
        assert!(rates.kept() <= 2, "full buckets are forgotten");
    }
}
