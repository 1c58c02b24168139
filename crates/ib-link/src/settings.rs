//! What a link is told at its start.

use std::time::Duration;

use schemas::ClientId;

use crate::{clock::Clock, link::millis, open::DISCONNECT_TIMEOUT, pacing::Shares, policy::Rhythm};

const WORKERS_MAX: u32 = ClientId::WORKERS_COUNT.unsigned_abs();

/// Waits and periods have IB's usual values by [`Default`]; tests shorten them.
#[derive(Debug, Clone)]
pub struct Settings {
    pub host: String,
    pub port: u16,
    pub client_ids: ClientIds,
    /// For the TCP connection with its handshake, and again until the session is ready.
    pub connect_timeout_ms: u64,
    /// For one probe: TCP and hello.
    pub probe_timeout_ms: u64,
    pub check_period_ms: u64,
    /// Delay of this link's checks against those of others.
    pub check_stagger_ms: u64,
    pub check_timeout_ms: u64,
    /// Waits after failed attempts; the last one repeats.
    pub backoff_ms: [u64; 5],
    /// Between probes while the gateway is known down.
    pub probe_period_ms: u64,
    /// This link's share of the login's messages per second, by default that of one of as many workers as there can
    /// be: all may start at once, before any has heard of the others; [`crate::Link::set_messages_per_s`] changes it.
    pub messages_per_s: f64,
    /// Historical requests open at once. IB allows 50 per login; a share, because several workers use one login.
    pub history_open_max: usize,
    /// Market data lines of this link at most; IB gives a login about a hundred. 0: it has none.
    pub lines_max: usize,
    /// What kind of market data is asked for, of a link that has lines.
    pub market_data_type: MarketDataWanted,
    /// Whether account values and holdings are subscribed and kept.
    pub keep_account: bool,
    /// Before a failed subscription of it is opened anew; doubled up to a minute.
    pub keep_again_ms: u64,
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 4002,
            client_ids: ClientIds::workers(ClientId::WORKERS_FROM, 0),
            connect_timeout_ms: 10_000,
            probe_timeout_ms: 5_000,
            check_period_ms: 30_000,
            check_stagger_ms: 0,
            check_timeout_ms: 5_000,
            backoff_ms: [5_000, 10_000, 20_000, 40_000, 60_000],
            probe_period_ms: 1_000,
            messages_per_s: Shares::OF_LOGIN.worker_share(WORKERS_MAX),
            history_open_max: 10,
            lines_max: 0,
            market_data_type: MarketDataWanted::Live,
            keep_account: true,
            keep_again_ms: 5_000,
            clock: Clock::system(),
        }
    }
}

impl Settings {
    pub(crate) fn rhythm(&self) -> Rhythm {
        Rhythm {
            check_period_ms: self.check_period_ms,
            check_stagger_ms: self.check_stagger_ms,
            probe_period_ms: self.probe_period_ms,
            backoff_ms: self.backoff_ms,
            probe_timeout_ms: self.probe_timeout_ms,
            // The connection, readiness, and giving back what did not become ready.
            open_timeout_ms: self.connect_timeout_ms * 2 + millis(DISCONNECT_TIMEOUT),
            check_timeout_ms: self.check_timeout_ms,
        }
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }
}

/// What IB is asked to send where live data are missing. Where the login is subscribed and the market is open, all four
/// bring live data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarketDataWanted {
    Live,
    /// The last of the live values while the market is closed.
    Frozen,
    Delayed,
    /// Delayed ones where there is no subscription, frozen ones while the market is closed.
    DelayedFrozen,
}

impl MarketDataWanted {
    pub(crate) fn delayed(self) -> bool {
        matches!(self, Self::Delayed | Self::DelayedFrozen)
    }
}

/// Which client ids may be taken. IB allows one connection per id and says 326 to the second: it is the arbiter, so
/// that no lease has to be kept anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientIds {
    pub from: ClientId,
    pub count: i32,
    /// Where to begin inside the range: a hash of the process, so that many that start at once do not all try the same.
    pub start: u32,
}

impl ClientIds {
    /// One id and no other: `orders`, `options`, `market-data`.
    pub const fn fixed(id: ClientId) -> Self {
        Self { from: id, count: 1, start: 0 }
    }

    /// The range of the workers. `hash` is anything that differs between processes.
    pub const fn workers(from: ClientId, hash: u32) -> Self {
        Self { from, count: ClientId::WORKERS_COUNT, start: hash }
    }

    /// A range without ids counts as one.
    fn len(self) -> u32 {
        u32::try_from(self.count).unwrap_or(1).max(1)
    }

    pub(crate) fn at(self, offset: u32) -> ClientId {
        let inside = i32::try_from(offset % self.len()).unwrap_or_default();
        ClientId(self.from.0.saturating_add(inside))
    }

    pub(crate) fn next_offset(self, offset: u32) -> u32 {
        (offset % self.len() + 1) % self.len()
    }

    pub(crate) fn bounds(self) -> (ClientId, ClientId) {
        (self.at(0), self.at(self.len() - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_goes_round_and_visits_every_id_once() {
        let ids = ClientIds { from: ClientId(10), count: 20, start: u32::MAX };
        let mut offset = ids.start;
        let mut seen = Vec::new();
        for _ in 0..20 {
            seen.push(ids.at(offset).0);
            offset = ids.next_offset(offset);
        }
        seen.sort_unstable();
        assert_eq!(seen, (10..30).collect::<Vec<_>>());
    }

    #[test]
    fn workers_that_start_at_once_stay_within_their_share() {
        let all = Settings::default().messages_per_s * f64::from(ClientId::WORKERS_COUNT);
        assert!(all <= Shares::OF_LOGIN.workers + f64::EPSILON * 16.0, "{all}");
    }

    #[test]
    fn a_fixed_id_stays_and_a_negative_count_does_no_harm() {
        let fixed = ClientIds::fixed(ClientId(99));
        assert_eq!(fixed.at(fixed.next_offset(0)), ClientId(99));
        let strange = ClientIds { from: ClientId(5), count: -3, start: 7 };
        assert_eq!(strange.bounds(), (ClientId(5), ClientId(5)));
    }
}
