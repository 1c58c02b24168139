//! Expirations and strikes of an underlying, as `reqSecDefOptParams` tells them: kept for a day, dropped at the roll.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use ib_link::OptionParams;
use ib_service::Hours;
use jiff::{Timestamp, civil::Date};
use schemas::{Fault, FaultCode, Num};
use tokio::time::Instant;

use crate::{calendar, dates, desk::Desk, series::SMART, underlying::Underlying};

/// What IB told about one underlying.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Discovered {
    pub(crate) as_of: Timestamp,
    /// By class and multiplier.
    pub(crate) classes: Vec<Class>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Class {
    pub(crate) trading_class: String,
    pub(crate) multiplier: Num,
    pub(crate) exchange: String,
    /// Ascending.
    pub(crate) expirations: Vec<Date>,
    /// Ascending.
    pub(crate) strikes: Vec<Num>,
}

impl Desk {
    /// Of one roll day; asked of IB once for all who ask.
    pub(crate) async fn discover(&self, underlying: &Underlying, deadline: Instant) -> Result<Arc<Discovered>, Fault> {
        let now = self.reference.now();
        let key = format!("{} {}", underlying.conid(), calendar::roll_day(now));
        let ask = || {
            let (link, contract) = (self.link.clone(), underlying.resolved.contract.clone());
            async move {
                let rows = link.option_params(&contract.symbol, &contract.sec_type, contract.conid, deadline).await?;
                Ok(Discovered { as_of: now, classes: classes(rows) })
            }
        };
        let discovered = self.discovered.get(key, ask).await?;
        if discovered.classes.is_empty() {
            let message = format!("IB lists no options on {}", underlying.symbol());
            return Err(Fault::new(FaultCode::NotFound, message)
                .hint("most shares outside of the US and small ones have none; search_contracts tells which derivatives a symbol has"));
        }
        Ok(discovered)
    }
}

impl Discovered {
    /// Those that still trade, of all classes or of one.
    pub(crate) fn expirations(&self, class: Option<&str>, hours: Option<&Hours>, now: Timestamp) -> Vec<Date> {
        let classes = self.classes.iter().filter(|own| class.is_none_or(|class| own.trading_class.eq_ignore_ascii_case(class)));
        let mut dates: Vec<Date> =
            classes.flat_map(|class| class.expirations.iter().copied()).filter(|date| calendar::close(*date, hours) > now).collect();
        dates.sort_unstable();
        dates.dedup();
        dates
    }
}

/// IB tells a class once for every exchange that trades it, twenty times for a big stock: SMART's row stands for all.
fn classes(rows: Vec<OptionParams>) -> Vec<Class> {
    let mut best: BTreeMap<(String, Num), OptionParams> = BTreeMap::new();
    for row in rows {
        let rank = |row: &OptionParams| (row.exchange == SMART, row.strikes.len() * row.expirations.len(), Reverse(row.exchange.clone()));
        let key = (row.trading_class.clone(), row.multiplier);
        match best.get(&key) {
            Some(known) if rank(known) >= rank(&row) => {}
            _ => drop(best.insert(key, row)),
        }
    }
    best.into_values().map(class).collect()
}

fn class(row: OptionParams) -> Class {
    let mut expirations: Vec<Date> = row.expirations.iter().filter_map(|text| dates::from_ib(text)).collect();
    expirations.sort_unstable();
    expirations.dedup();
    let mut strikes = row.strikes;
    strikes.sort_unstable();
    strikes.dedup();
    Class { trading_class: row.trading_class, multiplier: row.multiplier, exchange: row.exchange, expirations, strikes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(exchange: &str, class: &str, multiplier: i64, expirations: &[&str], strikes: &[i64]) -> OptionParams {
        OptionParams {
            exchange: exchange.to_owned(),
            trading_class: class.to_owned(),
            multiplier: Num::from(multiplier),
            expirations: expirations.iter().map(|date| (*date).to_owned()).collect(),
            strikes: strikes.iter().copied().map(Num::from).collect(),
        }
    }

    #[test]
    fn each_class_and_multiplier_is_told_once_by_smart_where_it_can() {
        let rows = vec![
            row("CBOE", "SPX", 100, &["20261218", "20261120"], &[6000, 5900]),
            row("AMEX", "NVO", 100, &["20261218"], &[50]),
            row("SMART", "NVO", 100, &["20261218"], &[55, 50]),
            row("SMART", "NVO", 10, &["20261218"], &[50]),
            row("SMART", "2NVO", 100, &["20261218", "nonsense"], &[50]),
        ];
        let told: Vec<(String, String, i64, usize, usize)> = classes(rows)
            .into_iter()
            .map(|class| {
                assert!(class.strikes.is_sorted() && class.expirations.is_sorted());
                let multiplier = if class.multiplier == Num::from(10) { 10 } else { 100 };
                (class.trading_class, class.exchange, multiplier, class.expirations.len(), class.strikes.len())
            })
            .collect();
        let expected = [("2NVO", "SMART", 100, 1, 1), ("NVO", "SMART", 10, 1, 1), ("NVO", "SMART", 100, 1, 2), ("SPX", "CBOE", 100, 2, 2)];
        let expected: Vec<_> = expected.into_iter().map(|(a, b, c, d, e)| (a.to_owned(), b.to_owned(), c, d, e)).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn what_has_expired_is_not_told_and_classes_can_be_chosen() {
        let rows =
            vec![row("SMART", "SPX", 100, &["20261119", "20261217"], &[1]), row("SMART", "SPXW", 100, &["20261120", "20261217"], &[1])];
        let discovered = Discovered { as_of: Timestamp::UNIX_EPOCH, classes: classes(rows) };
        let told = |class, now: &str| {
            let dates = discovered.expirations(class, None, now.parse().expect("a time"));
            dates.iter().map(Date::to_string).collect::<Vec<_>>()
        };
        assert_eq!(told(None, "2026-11-20T16:14:59-05:00"), ["2026-11-20", "2026-12-17"]);
        assert_eq!(told(None, "2026-11-20T16:15:00-05:00"), ["2026-12-17"]);
        assert_eq!(told(Some("spx"), "2026-11-20T10:00:00-05:00"), ["2026-12-17"]);
        assert!(told(Some("XSP"), "2026-11-20T10:00:00-05:00").is_empty());
    }
}
