//! What was read, as an answer: rows, what is missing of them, and what a reader must know of how they were made.
//!
//! Pure. Invariant: an answer is not called better data than its least row.

use ib_link::Quote;
use jiff::{SignedDuration, Timestamp};
use schemas::{
    Num,
    context::DataType,
    options::{GreeksSource, Missing, OptionRow},
};

use crate::{
    money::is_priced,
    read::Read,
    rows::{Rows, lesser, price},
};

/// Rows and what is missing of them.
pub(crate) struct Answer {
    pub(crate) rows: Vec<OptionRow>,
    pub(crate) missing: Vec<Missing>,
    pub(crate) as_of: Timestamp,
    pub(crate) age_ms: u64,
    pub(crate) data_type: DataType,
}

impl Answer {
    /// `spot` is the underlying's quote, where it was asked for.
    pub(crate) fn of(reads: &[Read], how: &Rows<'_>, spot: Option<&Quote>) -> Self {
        let told = reads.iter().map(|read| read.told(how));
        let (rows, missing): (Vec<_>, Vec<_>) = told.unzip();
        let mut rows: Vec<OptionRow> = rows.into_iter().flatten().collect();
        let mut missing: Vec<Missing> = missing.into_iter().flatten().collect();
        rows.sort_by(|a, b| (a.strike, &a.right).cmp(&(b.strike, &b.right)));
        missing.sort_by(|a, b| (a.strike, &a.right).cmp(&(b.strike, &b.right)));
        let as_of = rows.iter().map(|row| row.as_of).min().unwrap_or(how.now);
        let age = how.now.duration_since(as_of).max(SignedDuration::ZERO);
        // Of no row at all nothing better can be said than what the underlying is, or the least.
        let nothing = spot.map_or(DataType::DelayedFrozen, |spot| spot.data_type);
        let data_type = rows.iter().map(|row| row.data_type).reduce(lesser).unwrap_or(nothing);
        Self { missing, as_of, age_ms: u64::try_from(age.as_millis()).unwrap_or(0), data_type, rows }
    }

    /// As it entered the Greeks of the contract nearest the money, which is of the same moment; else the underlying's own.
    pub(crate) fn underlying_price(&self, spot: Option<f64>) -> Option<Num> {
        let by_ib = self.rows.iter().filter(|row| row.greeks_source.is_some_and(|source| source != GreeksSource::Bs));
        let nearest = by_ib.filter_map(|row| row.underlying_price.map(|price| ((row.strike.0 - price.0).abs(), price))).min();
        nearest.map(|(_, price)| price).or_else(|| spot.and_then(price))
    }

    /// What a reader must know of how the values were made.
    pub(crate) fn notes(&self, symbol: &str, rate: f64, spot: Option<&Quote>) -> Vec<String> {
        let mut notes = Vec::new();
        if self.rows.iter().any(|row| row.greeks_source == Some(GreeksSource::Bs)) {
            let percent = rate * 100.0;
            notes.push(format!(
                "Greeks marked bs are Black-Scholes of this service, from the middle of bid and ask or the last price: European exercise, \
                 {percent:.2} % a year, no dividends. American puts, and calls before a dividend, are worth more than that model says."
            ));
            match spot {
                Some(spot) if !is_priced(spot) => {
                    notes.push(format!("The price of {symbol} behind them is the close of the day before: IB tells no other."));
                }
                Some(spot) if lesser(self.data_type, spot.data_type) != self.data_type => {
                    notes.push(format!(
                        "The price of {symbol} behind them is {}, the options are {}.",
                        spot.data_type.as_str(),
                        self.data_type.as_str()
                    ));
                }
                _ => {}
            }
        }
        if spot.and_then(|spot| spot.halted) == Some(true) {
            notes.push(format!("Trading of {symbol} is halted: prices are those of before."));
        }
        if self.rows.iter().any(|row| matches!(row.data_type, DataType::Delayed | DataType::DelayedFrozen)) {
            notes.push("IB shows this login delayed data, 15 to 20 minutes old at its source.".to_owned());
        }
        notes
    }
}
