//! The single trades and quote changes of one second.
//!
//! Invariant: what is listed for a second folds into the bar of that second, so tick-by-tick, historical
//! ticks and bars tell one story; a second never lists more than [`MAX_PER_SECOND`].

use super::minute::route;
use crate::world::World;
use crate::world::bars::{Bar, weight};
use crate::world::instrument::{Instrument, decimal};

/// Busier seconds are told in this many trades, of larger size.
pub(crate) const MAX_PER_SECOND: usize = 50;

/// Where stocks trade, by what share of the trades: most off the exchanges, as in life.
const VENUES: [(&str, f64); 8] =
    [("FINRA", 0.38), ("NASDAQ", 0.2), ("ARCA", 0.12), ("BATS", 0.09), ("EDGX", 0.07), ("NYSE", 0.06), ("IEX", 0.05), ("MEMX", 0.03)];

/// One trade.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trade {
    pub(crate) second: i64,
    pub(crate) price: f64,
    pub(crate) size: f64,
    pub(crate) exchange: String,
}

/// The listed prices of a second, each once where they repeat.
fn prices(bar: &Bar, row: &Instrument) -> Vec<f64> {
    let mut listed: Vec<f64> = route(bar).into_iter().map(|price| row.round(price)).collect();
    listed.dedup();
    listed
}

impl World {
    /// The trades of a second, oldest first; none where its bar has none.
    pub(crate) fn trades(&self, row: &Instrument, bar: &Bar) -> Vec<Trade> {
        if bar.trades == 0 {
            return Vec::new();
        }
        let turns = prices(bar, row);
        let count = usize::try_from(bar.trades).unwrap_or(MAX_PER_SECOND).clamp(1, MAX_PER_SECOND).max(turns.len());
        let mut left = bar.volume;
        (0..count)
            .map(|n| {
                let remaining = u64::try_from(count - n).unwrap_or(1);
                let draw = self.chance(row, bar.start, 64 + u64::try_from(n).unwrap_or(0));
                let size = if remaining == 1 { left } else { share(left, remaining, draw) };
                left -= size;
                Trade {
                    second: bar.start,
                    price: turns[n * turns.len() / count],
                    size: decimal(weight(size) / row.volume_unit, 8),
                    exchange: self.venue(row, draw),
                }
            })
            .collect()
    }

    fn venue(&self, row: &Instrument, draw: f64) -> String {
        if !row.is("STK") || !row.valid_exchanges.contains("NASDAQ") {
            return row.venue().to_owned();
        }
        let mut upto = 0.0;
        let found = VENUES.iter().find(|(_, part)| {
            upto += part;
            draw < upto
        });
        found.unwrap_or(&VENUES[0]).0.to_owned()
    }
}

/// About an equal part of what is left, never so much that a later trade gets none.
fn share(left: u64, remaining: u64, draw: f64) -> u64 {
    let spare = left.saturating_sub(remaining - 1);
    let part = weight(left) / weight(remaining) * (0.25 + 1.5 * draw);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and far below 2^53")]
    let size = part.floor() as u64;
    size.clamp(u64::from(left > 0), spare.max(1)).min(left)
}
