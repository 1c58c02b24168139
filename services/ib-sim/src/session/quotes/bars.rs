//! Real-time bars of five seconds.
//!
//! Invariant: a bar begins at a multiple of five seconds, is sent once, after its end, and is the bar that
//! history shows for the same stretch.

use jiff::tz::TimeZone;

use super::Live;
use crate::errors::ApiError;
use crate::lines::{Budget, Place};
use crate::proto::event::Event;
use crate::proto::request::HistoryQuery;
use crate::proto::types::{BarRow, Contract};
use crate::wire::pb::quote::RealTimeBarTick;
use crate::world::history::Answer;
use crate::world::moment::show;
use crate::world::scenario_market::Entitlement;

const BAR_S: i64 = 5;
/// Bars that a session may be behind before the older ones are left out.
const MOST_AT_ONCE: i64 = 12;
/// The kinds that IB serves in real time.
const KINDS: [&str; 5] = ["TRADES", "MIDPOINT", "BID", "ASK", "AGGTRADES"];

#[derive(Debug)]
pub(in crate::session) struct RealTimeBars {
    query: HistoryQuery,
    /// The end of the last bar that was looked for.
    until: i64,
    /// Held for as long as the bars are open.
    _place: Place,
}

impl Live {
    pub(super) fn open_real_time_bars(&mut self, req_id: i32, contract: &Contract, what: &str, use_rth: bool) -> Result<(), ApiError> {
        if self.streams.bars.contains_key(&req_id) || self.streams.quotes.lines.contains_key(&req_id) {
            return Err(ApiError::duplicate_ticker());
        }
        let world = &self.gateway.world;
        let now = self.now();
        let row = world.contracts.only(contract, world.today(now))?;
        if !KINDS.contains(&what) {
            return Err(ApiError::invalid(format_args!("Real-time bars data type is invalid: '{what}'")));
        }
        if world.entitlement(row) != Entitlement::Live {
            return Err(ApiError::real_time(ApiError::no_permission(row.home_exchange(), &row.contract.sec_type)));
        }
        let query = HistoryQuery {
            req_id,
            contract: Contract { con_id: row.contract.con_id, ..Contract::default() },
            end: String::new(),
            bar_size: "5 secs".to_owned(),
            duration: format!("{BAR_S} S"),
            use_rth,
            what_to_show: what.to_owned(),
            format_date: 2,
            keep_up_to_date: false,
        };
        world.plan(&query, now).map(drop)?;
        if !self.gateway.pacing.real_time(self.gateway.clock.now_ms()) {
            return Err(ApiError::real_time("Historical data request pacing violation"));
        }
        let place = self.gateway.lines.take(Budget::Quotes, i64::from(row.contract.con_id)).ok_or_else(ApiError::max_tickers)?;
        let bars = RealTimeBars { query, until: now.div_euclid(BAR_S) * BAR_S, _place: place };
        self.streams.bars.insert(req_id, bars);
        Ok(())
    }

    /// The bars that have ended since the last look.
    pub(in crate::session) fn push_real_time_bars(&mut self) {
        let now = self.now();
        let last = now.div_euclid(BAR_S) * BAR_S;
        let mut events = Vec::new();
        for (req_id, bars) in &mut self.streams.bars {
            // A clock that was set elsewhere is followed, not caught up with.
            if bars.until > last || last - bars.until > MOST_AT_ONCE * BAR_S {
                bars.until = last - BAR_S;
            }
            while bars.until < last {
                bars.until += BAR_S;
                let end = show(bars.until, &TimeZone::UTC, "%Y%m%d-%H:%M:%S");
                let query = HistoryQuery { end, ..bars.query.clone() };
                let answer = self.gateway.world.plan(&query, now).map(|plan| self.gateway.world.answer(&plan));
                let Ok(Answer::Bars { rows, .. }) = answer else { continue };
                let start = (bars.until - BAR_S).to_string();
                // None while the market is closed: history then goes back to an older bar.
                let found = rows.into_iter().find(|row| row.date == start);
                events.extend(found.map(|row| bar(*req_id, bars.until - BAR_S, row)));
            }
        }
        events.iter().for_each(|event| self.send(event));
    }
}

fn bar(req_id: i32, time: i64, row: BarRow) -> Event {
    Event::RealTimeBar(Box::new(RealTimeBarTick {
        req_id: Some(req_id),
        time: Some(time),
        open: Some(row.open),
        high: Some(row.high),
        low: Some(row.low),
        close: Some(row.close),
        volume: Some(row.volume),
        wap: Some(row.wap),
        count: Some(row.count),
    }))
}
