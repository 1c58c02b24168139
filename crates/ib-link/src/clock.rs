//! The only module of this crate that reads a clock; everything else is handed the time.
//!
//! Two clocks: [`Instant`] measures waits and deadlines and can be paused in tests, [`Clock`] tells people when
//! something was true.

use jiff::Timestamp;
pub use tokio::time::Instant;

/// The monotonic clock now.
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Where the wall time comes from.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    origin: Option<(Instant, Timestamp)>,
}

impl Clock {
    /// The host's clock.
    pub const fn system() -> Self {
        Self { origin: None }
    }

    /// Begins at `at` and runs at the usual pace: for a simulated gateway whose day is not today.
    pub fn starting_at(at: Timestamp) -> Self {
        Self { origin: Some((instant(), at)) }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
    pub fn now(&self) -> Timestamp {
        match self.origin {
            None => Timestamp::now(),
            Some((since, at)) => at.saturating_add(jiff::SignedDuration::try_from(since.elapsed()).unwrap_or_default()).unwrap_or(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_with_an_origin_runs_from_there() {
        let origin: Timestamp = "2026-11-20T15:00:00Z".parse().expect("timestamp");
        let clock = Clock::starting_at(origin);
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now().as_second() - origin.as_second(), 90);
    }
}
