//! IB's pace: messages per second of one login, searches, and the rules for historical requests.
//!
//! Invariant: what a link sends goes through its bucket, cancels included. Limits belong to the login, so the
//! number that a link may use is its share of [`Shares`] and changes while it runs. Links of one login can lend each
//! other what they do not need in the moment.

mod bucket;
mod history;
mod window;

pub(crate) use bucket::{Bucket, patience};
pub use history::{HistoryKey, HistoryWindow, WaitMs};

/// Messages per second, by role. IB allows 50 for all connections of one gateway together; the last tenth stays free
/// for shares that are no whole number: a bucket rounds them up, and makes the time longer that it counts in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    pub orders: f64,
    pub options: f64,
    pub market_data: f64,
    pub gateway_ctl: f64,
    pub workers: f64,
}

impl Shares {
    pub const OF_LOGIN: Self = Self { orders: 10.0, options: 12.0, market_data: 8.0, gateway_ctl: 1.0, workers: 14.0 };

    /// What one of `live_workers` may send; no heartbeat seen yet counts as being alone.
    pub fn worker_share(&self, live_workers: u32) -> f64 {
        self.workers / f64::from(live_workers.max(1))
    }

    pub fn total(&self) -> f64 {
        self.orders + self.options + self.market_data + self.gateway_ctl + self.workers
    }
}

/// Symbol searches per second of one login (IB refuses or drops faster ones).
pub const SEARCHES_PER_S: f64 = 1.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_leave_a_tenth_of_ibs_fifty_free() {
        assert!((Shares::OF_LOGIN.total() - 45.0).abs() < f64::EPSILON);
    }

    #[test]
    fn workers_split_their_part_and_a_lone_one_has_all() {
        let shares = Shares::OF_LOGIN;
        for (live, wanted) in [(0, 14.0), (1, 14.0), (2, 7.0), (7, 2.0)] {
            assert!((shares.worker_share(live) - wanted).abs() < f64::EPSILON, "{live}");
        }
    }
}
