//! Executions of the account, and the questions that can be asked about them.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::errors::ApiError;
use crate::proto::event::Event;
use crate::proto::types::Contract;
use crate::wire::pb::order_report::{CommissionAndFeesReport, Execution};
use crate::wire::pb::order_request::ExecutionFilter;
use crate::world::calendar::{Hours, add};
use crate::world::moment::end_of_query;
use jiff::ToSpan;

/// Executions kept; the oldest go first. Far above what a day of tests makes.
pub(super) const MAX_KEPT: usize = 20_000;
/// IB keeps executions for a week.
pub(super) const DAYS_KEPT: i64 = 7;

/// One execution with the fee that was charged for it; a combination's own one carries none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) client_id: i32,
    pub(crate) time: i64,
    pub(crate) contract: Contract,
    pub(crate) execution: Execution,
    pub(crate) report: Option<CommissionAndFeesReport>,
}

impl Record {
    pub(super) fn details(&self, req_id: i32) -> Event {
        Event::ExecutionDetails { req_id, contract: Box::new(self.contract.clone()), execution: Box::new(self.execution.clone()) }
    }

    pub(super) fn fees(&self) -> Option<Event> {
        self.report.clone().map(|report| Event::CommissionAndFees(Box::new(report)))
    }
}

/// What a request for executions wants; empty fields match everything.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    filter: &'a ExecutionFilter,
    since: i64,
    first_day: Date,
    /// As numbers, `20261120`; none means from the first day on.
    dates: BTreeSet<i32>,
}

impl<'a> Wanted<'a> {
    pub(super) fn read(filter: &'a ExecutionFilter, now: i64, zone: &TimeZone) -> Result<Self, ApiError> {
        let since = match filter.time.as_deref().map(str::trim) {
            None | Some("") => i64::MIN,
            Some(text) => end_of_query(text, now, zone)?,
        };
        let back = filter.last_n_days.filter(|days| *days > 0 && *days < i32::MAX).map_or(0, |days| i64::from(days).min(DAYS_KEPT) - 1);
        // A set, since a request may name as many as fit into a frame.
        let dates = filter.specific_dates.iter().copied().collect();
        Ok(Self { filter, since, dates, first_day: add(Hours::UsStock.local_date(now), (-back).days()) })
    }

    pub(super) fn fits(&self, record: &Record) -> bool {
        let own = &record.execution;
        let same = |wanted: &Option<String>, value: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| wanted.is_empty() || value.is_some_and(|value| wanted.eq_ignore_ascii_case(value)))
        };
        let day = Hours::UsStock.local_date(record.time);
        let date = i32::from(day.year()) * 10_000 + i32::from(day.month()) * 100 + i32::from(day.day());
        let dated = if self.dates.is_empty() { day >= self.first_day } else { self.dates.contains(&date) };
        // BUY and SELL in questions, BOT and SLD in answers.
        let side = self.filter.side.as_deref().map(|side| match side.to_ascii_uppercase().as_str() {
            "BUY" => "BOT".to_owned(),
            "SELL" => "SLD".to_owned(),
            other => other.to_owned(),
        });
        dated
            && record.time >= self.since
            && self.filter.client_id.is_none_or(|client| client == 0 || client == i32::MAX || client == record.client_id)
            && same(&self.filter.acct_code, own.acct_number.as_deref())
            && same(&self.filter.symbol, Some(&record.contract.symbol))
            && same(&self.filter.sec_type, Some(&record.contract.sec_type))
            && same(&self.filter.exchange, own.exchange.as_deref())
            && same(&side, own.side.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(symbol: &str, side: &str, time: i64) -> Record {
        let execution =
            Execution { side: Some(side.into()), acct_number: Some("A".into()), exchange: Some("NASDAQ".into()), ..Execution::default() };
        let contract = Contract { symbol: symbol.into(), sec_type: "STK".into(), ..Contract::default() };
        Record { client_id: 7, time, contract, execution, report: None }
    }

    #[test]
    fn every_filter_field_counts() {
        let now = 1_795_186_800;
        let record = record("AAPL", "BOT", now - 60);
        let fits = |filter: ExecutionFilter| Wanted::read(&filter, now, &TimeZone::UTC).unwrap().fits(&record);
        assert!(fits(ExecutionFilter::default()));
        let yes = ExecutionFilter {
            client_id: Some(7),
            acct_code: Some("A".into()),
            time: Some("20261120-14:58:00".into()),
            symbol: Some("AAPL".into()),
            sec_type: Some("STK".into()),
            exchange: Some("NASDAQ".into()),
            side: Some("BUY".into()),
            last_n_days: Some(2),
            specific_dates: vec![20_261_120],
        };
        assert!(fits(yes.clone()));
        for no in [
            ExecutionFilter { client_id: Some(8), ..yes.clone() },
            ExecutionFilter { acct_code: Some("B".into()), ..yes.clone() },
            ExecutionFilter { time: Some("20261120-15:00:00".into()), ..yes.clone() },
            ExecutionFilter { symbol: Some("MSFT".into()), ..yes.clone() },
            ExecutionFilter { sec_type: Some("OPT".into()), ..yes.clone() },
            ExecutionFilter { exchange: Some("NYSE".into()), ..yes.clone() },
            ExecutionFilter { side: Some("SELL".into()), ..yes.clone() },
            ExecutionFilter { specific_dates: vec![20_261_119], ..yes.clone() },
        ] {
            assert!(!fits(no.clone()), "{no:?}");
        }
    }

    #[test]
    fn yesterday_is_asked_for_by_days() {
        let now = 1_795_186_800;
        let old = record("AAPL", "BOT", now - 86_400);
        let fits = |days: i32| {
            let filter = ExecutionFilter { last_n_days: Some(days), ..ExecutionFilter::default() };
            Wanted::read(&filter, now, &TimeZone::UTC).unwrap().fits(&old)
        };
        assert!(!fits(0) && !fits(1) && fits(2));
    }
}
