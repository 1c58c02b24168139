//! The one place that reads the machine's clocks, and the simulated time built on them.
//!
//! Invariant: simulated time always runs on at real speed from an offset; `advance` and `set` change
//! the offset and wake every waiter, so a push that depends on time needs no polling.

use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use tokio::sync::watch;

/// How the simulated gateway tells the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockSetting {
    /// Real time, and the real trading calendar.
    Real,
    /// Real time, but every day is a trading day of 24 hours.
    Open,
    /// Begins at this instant and runs on at real speed, with the real trading calendar.
    At(Timestamp),
}

/// The text given for a clock is none of the allowed ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("clock {0:?}: allowed are \"real\", \"open\", or an instant such as \"2026-11-20T10:00:00-05:00\"")]
pub struct ClockSettingError(String);

impl FromStr for ClockSetting {
    type Err = ClockSettingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_ascii_lowercase().as_str() {
            "real" => Ok(Self::Real),
            "open" => Ok(Self::Open),
            _ => text.trim().parse().map(Self::At).map_err(|_| ClockSettingError(text.to_owned())),
        }
    }
}

impl std::fmt::Display for ClockSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Real => f.write_str("real"),
            Self::Open => f.write_str("open"),
            Self::At(instant) => write!(f, "{instant}"),
        }
    }
}

/// The running clock of one simulator.
#[derive(Debug)]
pub(crate) struct Clock {
    setting: ClockSetting,
    started: Instant,
    offset_ms: AtomicI64,
    jumps: watch::Sender<u64>,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock module")]
    pub(crate) fn new(setting: ClockSetting) -> Self {
        let clock = Self { setting, started: Instant::now(), offset_ms: AtomicI64::new(0), jumps: watch::Sender::new(0) };
        if let ClockSetting::At(instant) = setting {
            clock.set(instant);
        }
        clock
    }

    pub(crate) fn setting(&self) -> ClockSetting {
        self.setting
    }

    /// Whether every day counts as a trading day of 24 hours.
    pub(crate) fn always_open(&self) -> bool {
        self.setting == ClockSetting::Open
    }

    pub(crate) fn now_ms(&self) -> i64 {
        machine_ms().saturating_add(self.offset_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn now_secs(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now_ms()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Real time since the start, for limits that must not follow a jump of simulated time.
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn advance(&self, by_ms: i64) {
        self.offset_ms.fetch_add(by_ms, Ordering::Relaxed);
        self.jumps.send_modify(|jump| *jump += 1);
    }

    pub(crate) fn set(&self, instant: Timestamp) {
        self.offset_ms.store(instant.as_millisecond() - machine_ms(), Ordering::Relaxed);
        self.jumps.send_modify(|jump| *jump += 1);
    }

    /// Changes whenever somebody moved the clock by hand.
    pub(crate) fn jumps(&self) -> watch::Receiver<u64> {
        self.jumps.subscribe()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock module")]
fn machine_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_allowed_value() {
        assert_eq!("real".parse(), Ok(ClockSetting::Real));
        assert_eq!("Open".parse(), Ok(ClockSetting::Open));
        let at: ClockSetting = "2026-11-20T10:00:00-05:00".parse().unwrap();
        assert_eq!(at, "2026-11-20T15:00:00Z".parse().unwrap());
        let error = "noon".parse::<ClockSetting>().unwrap_err().to_string();
        for word in ["noon", "real", "open", "2026-11-20T10:00:00-05:00"] {
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn begins_where_it_was_set_and_moves_by_hand() {
        let clock = Clock::new("2026-11-20T15:00:00Z".parse().unwrap());
        let start = clock.now_ms();
        assert!((0..60_000).contains(&(start - 1_795_186_800_000)), "{start}");
        let jumps = clock.jumps();
        clock.advance(3_600_000);
        assert!(clock.now_ms() - start >= 3_600_000);
        assert!(jumps.has_changed().unwrap());
    }
}
