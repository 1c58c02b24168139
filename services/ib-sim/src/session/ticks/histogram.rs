//! The histogram of traded volume by price.
//!
//! Invariant: the sizes sum to the volume of the bars that history shows for the period.

use std::collections::BTreeMap;

use crate::errors::ApiError;
use crate::proto::event::Event;
use crate::proto::request::HistoryQuery;
use crate::proto::types::Contract;
use crate::session::live::Live;
use crate::wire::pb::tick::{HistogramData, HistogramDataEntry};
use crate::world::history::Answer;
use crate::world::instrument::{decimal, plain};
use crate::world::scenario_market::Entitlement;

const DAY_S: i64 = 86_400;

/// IB's periods, such as `3 days`, as a duration of bars, and the size of bars that is fine enough for it.
fn plan(period: &str) -> Option<(String, &'static str)> {
    let (number, unit) = period.trim().split_once(' ')?;
    let number: i64 = number.parse().ok().filter(|number| (1..=DAY_S).contains(number))?;
    Some(match unit.trim().trim_end_matches('s') {
        "second" => (format!("{number} S"), "1 secs"),
        "minute" if number <= DAY_S / 60 => (format!("{} S", number * 60), "1 min"),
        "hour" if number <= 24 => (format!("{} S", number * 3600), "1 min"),
        "day" if number <= 20 => (format!("{number} D"), "1 min"),
        "day" if number <= 365 => (format!("{number} D"), "1 hour"),
        "week" if number <= 4 => (format!("{number} W"), "1 min"),
        "week" if number <= 52 => (format!("{number} W"), "1 hour"),
        "month" if number <= 12 => (format!("{number} M"), "1 hour"),
        "year" if number <= 10 => (format!("{number} Y"), "1 hour"),
        _ => return None,
    })
}

impl Live {
    pub(super) fn histogram(&self, req_id: i32, contract: &Contract, use_rth: bool, period: &str) -> Result<Event, ApiError> {
        let (world, now) = (&self.gateway.world, self.now());
        let row = world.contracts.only(contract, world.today(now))?;
        // The wording is not attested; the code is.
        let unknown = || ApiError::invalid(format_args!("Histogram period is invalid: '{period}'"));
        let (duration, bar_size) = plan(period).ok_or_else(unknown)?;
        if world.entitlement(row) != Entitlement::Live {
            return Err(ApiError::histogram(format_args!("No market data permissions for {} {}", row.venue(), row.contract.sec_type)));
        }
        let query = HistoryQuery {
            req_id,
            contract: Contract { con_id: row.contract.con_id, ..Contract::default() },
            end: String::new(),
            bar_size: bar_size.to_owned(),
            duration,
            use_rth,
            what_to_show: if row.is("CRYPTO") { "AGGTRADES" } else { "TRADES" }.to_owned(),
            format_date: 2,
            keep_up_to_date: false,
        };
        let Answer::Bars { rows, .. } = world.answer(&world.plan(&query, now)?) else { return Err(unknown()) };
        let mut sizes: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
        for bar in rows {
            // Prices are above zero, so their bits sort as they do.
            let entry = sizes.entry(bar.close.to_bits()).or_insert((bar.close, 0.0));
            entry.1 += bar.volume.parse::<f64>().unwrap_or(0.0);
        }
        let entry = |(price, size): (f64, f64)| HistogramDataEntry { price: Some(price), size: Some(plain(decimal(size, 8))) };
        let histogram_data_entries = sizes.into_values().filter(|(_, size)| *size > 0.0).map(entry).collect();
        Ok(Event::Histogram(HistogramData { req_id: Some(req_id), histogram_data_entries }))
    }
}

#[cfg(test)]
mod tests {
    use super::plan;

    #[test]
    fn periods_in_every_unit() {
        assert_eq!(plan("3 days"), Some(("3 D".into(), "1 min")));
        assert_eq!(plan("1 week"), Some(("1 W".into(), "1 min")));
        assert_eq!(plan("2 hours"), Some(("7200 S".into(), "1 min")));
        assert_eq!(plan("30 seconds"), Some(("30 S".into(), "1 secs")));
        for wrong in ["", "days", "3", "0 days", "-1 days", "400 days", "3 fortnights", "99999999999999999999 days"] {
            assert_eq!(plan(wrong), None, "{wrong}");
        }
    }
}
