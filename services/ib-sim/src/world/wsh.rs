//! Wall Street Horizon's calendar: what companies are about to do, as JSON.
//!
//! Invariant: a company's events are a pure function of seed and contract; a query returns those that fit
//! its dates and kinds in order of time, never more than [`MAX_EVENTS`].

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::World;
use super::calendar::add;
use super::instrument::{Instrument, decimal};
use super::prices::{mix, unit};
use crate::errors::ApiError;
use crate::wire::pb::event::WshEventDataRequest;

pub(crate) const MAX_EVENTS: usize = 100;
/// Events of a query without dates reach this far.
const REACH_DAYS: i64 = 180;
/// Nothing is known of what lies further away, in either direction.
const KNOWN_YEARS: i64 = 5;
/// A query names at most so many contracts; more are not looked at.
const MAX_CONTRACTS: usize = 300;
const SALT: u64 = 0x057E;

/// Kinds of events by their tags.
const KINDS: &[(&str, &str)] = &[("wshe_ed", "Earnings Date"), ("wshe_cc", "Conference Call"), ("wshe_div", "WSHE Dividend")];

/// A checked query.
#[derive(Debug)]
pub(crate) struct Query {
    contracts: Vec<i32>,
    kinds: BTreeSet<String>,
    from: Date,
    to: Date,
    limit: usize,
    portfolio: bool,
    competitors: bool,
}

/// The document that names the kinds of events and the filters.
pub(crate) fn meta_data() -> String {
    let kinds: Vec<Value> = KINDS.iter().map(|(tag, name)| json!({ "name": name, "tag": tag, "source": "WSHE" })).collect();
    json!({
        "meta_data": {
            "event_types": kinds,
            "filters": [
                { "name": "Watchlist", "tag": "watchlist", "type": "conids" },
                { "name": "Country", "tag": "country", "type": "text", "values": ["All", "US"] },
                { "name": "Limit", "tag": "limit", "type": "number" },
            ],
        },
    })
    .to_string()
}

impl Query {
    /// Exactly one scope: a contract, or a filter.
    pub(crate) fn read(asked: &WshEventDataRequest, today: Date) -> Result<Self, ApiError> {
        let con_id = asked.con_id.filter(|id| *id != 0 && *id != i32::MAX);
        let filter = asked.filter.as_deref().filter(|text| !text.is_empty());
        let mut query = Self {
            contracts: con_id.into_iter().collect(),
            kinds: BTreeSet::new(),
            from: date(asked.start_date.as_deref())?.unwrap_or(today),
            to: today,
            limit: limit(asked.total_limit),
            portfolio: asked.fill_portfolio.unwrap_or(false),
            competitors: asked.fill_competitors.unwrap_or(false),
        };
        query.to = date(asked.end_date.as_deref())?.unwrap_or_else(|| add(query.from, REACH_DAYS.days()));
        (query.from, query.to) = (query.from.max(add(today, -KNOWN_YEARS.years())), query.to.min(add(today, KNOWN_YEARS.years())));
        match (con_id, filter) {
            (Some(_), None) => {
                // As at IB: a named contract is asked about alone.
                (query.portfolio, query.competitors) = (false, false);
            }
            (None, Some(text)) => query.narrow(text)?,
            _ => return Err(ApiError::fixed(10_309)),
        }
        Ok(query)
    }

    fn narrow(&mut self, filter: &str) -> Result<(), ApiError> {
        let Ok(Value::Object(fields)) = serde_json::from_str(filter) else { return Err(ApiError::fixed(10_283)) };
        for (name, value) in fields {
            match name.as_str() {
                "watchlist" => {
                    let ids = value.as_array().into_iter().flatten().filter_map(number);
                    self.contracts.extend(ids.filter_map(|id| i32::try_from(id).ok()).take(MAX_CONTRACTS));
                }
                "portfolio" => self.portfolio |= yes(&value),
                "limit" => self.limit = self.limit.min(limit(number(&value).and_then(|value| i32::try_from(value).ok()))),
                kind if kind.starts_with("wshe_") && yes(&value) => drop(self.kinds.insert(kind.to_owned())),
                _ => {}
            }
        }
        Ok(())
    }
}

fn limit(asked: Option<i32>) -> usize {
    asked.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0).map_or(MAX_EVENTS, |limit| limit.min(MAX_EVENTS))
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
}

fn yes(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_str() == Some("true"))
}

fn date(text: Option<&str>) -> Result<Option<Date>, ApiError> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    Date::strptime("%Y%m%d", text).map(Some).map_err(|_| ApiError::fixed(10_283))
}

impl World {
    /// The events that a query asks for, as IB's JSON array.
    pub(crate) fn corporate_events(&self, query: &Query) -> String {
        let mut ids: BTreeSet<i32> = query.contracts.iter().copied().collect();
        if query.portfolio {
            let held = self.accounts.all().into_iter().flat_map(|account| account.positions);
            ids.extend(held.filter(|position| position.quantity != 0.0).map(|position| position.con_id));
        }
        if query.competitors {
            let categories: BTreeSet<&str> = ids.iter().filter_map(|id| self.contracts.get(*id)).map(|row| row.category.as_str()).collect();
            let rivals = self.contracts.iter().filter(|row| row.is("STK") && categories.contains(row.category.as_str()));
            ids.extend(rivals.map(|row| row.contract.con_id).take(MAX_CONTRACTS).collect::<Vec<_>>());
        }
        let companies = ids.iter().filter_map(|id| self.contracts.get(*id)).filter(|row| row.is("STK") && row.stock_type != "ETF");
        let mut events: Vec<(Date, Value)> = companies.flat_map(|row| self.events_of(row, query)).collect();
        events.sort_by_key(|(on, _)| *on);
        events.truncate(query.limit);
        Value::Array(events.into_iter().map(|(_, event)| event).collect()).to_string()
    }

    fn events_of(&self, row: &Instrument, query: &Query) -> Vec<(Date, Value)> {
        let key = mix(self.seed ^ SALT, row.path.key);
        let pays = unit(mix(key, 1)) < 0.7;
        // Weeks after the end of a quarter, the same each time.
        let lag = 14 + i64::try_from(mix(key, 2) % 28).unwrap_or(0);
        let mut events = Vec::new();
        let first_year = query.from.year() - 1;
        for (year, month) in (first_year..=query.to.year()).flat_map(|year| [1_i8, 4, 7, 10].map(|month| (year, month))) {
            let Ok(quarter) = Date::new(year, month, 1) else { continue };
            let reported = workday(add(quarter, lag.days()));
            let late = unit(mix(key, 3)) < 0.6;
            let times = if late { ("AFTER MARKET", "17:00") } else { ("BEFORE MARKET", "08:30") };
            let text = |on: Date| on.strftime("%Y%m%d").to_string();
            let period = quarter_before(quarter);
            let data = json!({ "earnings_date": text(reported), "time_of_day": times.0, "wshe_earnings_date_status": "UNCONFIRMED",
                "fiscal_year": period.0.to_string(), "quarter": format!("Q{}", period.1) });
            events.push(("wshe_ed", reported, data));
            let call = json!({ "start_date": text(reported), "start_time": times.1, "time_zone": "US/Eastern",
                "fiscal_year": period.0.to_string(), "quarter": format!("Q{}", period.1) });
            events.push(("wshe_cc", reported, call));
            if pays {
                let goes = workday(add(reported, 21.days()));
                let amount = decimal(row.path.base * (0.001 + 0.006 * unit(mix(key, 4))), 2).max(0.01);
                let data = json!({ "ex_div_date": text(goes), "pay_date": text(workday(add(goes, 14.days()))), "dividend_oc": amount,
                    "dividend_currency": row.contract.currency, "frequency": "QUARTERLY" });
                events.push(("wshe_div", goes, data));
            }
        }
        let wanted = |kind: &str| query.kinds.is_empty() || query.kinds.contains(kind);
        let inside = |on: Date| query.from <= on && on <= query.to;
        let told = events.into_iter().filter(|(kind, on, _)| wanted(kind) && inside(*on));
        told.map(|(kind, on, data)| {
            let day = on.strftime("%Y%m%d").to_string();
            let event = json!({ "event_type": kind, "event_key": format!("E{:08x}{day}", row.contract.con_id),
                "index_date": day, "index_date_type": "DATE", "conids": [row.contract.con_id.to_string()], "source": "WSHE",
                "filterSource": "watchlist", "status": "", "tooltips": {}, "data": data });
            (on, event)
        })
        .collect()
    }
}

/// Fiscal year and quarter that ended before a quarter began.
fn quarter_before(quarter: Date) -> (i16, i8) {
    if quarter.month() == 1 { (quarter.year() - 1, 4) } else { (quarter.year(), (quarter.month() - 1) / 3) }
}

fn workday(on: Date) -> Date {
    match on.weekday().to_monday_zero_offset() {
        5 => add(on, 2.days()),
        6 => add(on, 1.days()),
        _ => on,
    }
}

#[cfg(test)]
#[path = "wsh_tests.rs"]
mod tests;
