//! Single ticks: live, past, and summed by price.
//!
//! Invariant: live and past ticks of a second are the same, and fold into the bars of that second.

mod histogram;
mod listed;
mod past;

use std::sync::Arc;

use super::live::Live;
use crate::errors::ApiError;
use crate::gateway::Gateway;
use crate::lines::{Budget, Place};
use crate::proto::event::Event;
use crate::proto::request::Request;
use crate::proto::types::Contract;
use crate::wire::pb::tick::TickByTickData;
use crate::world::instrument::Instrument;
use crate::world::scenario_market::Entitlement;
pub(super) use listed::{Kind, Listed};

/// Past ticks that a live stream may begin with.
const MAX_BEFORE: usize = 1_000;
/// Seconds that a session may be behind before the older ones are left out.
const MOST_AT_ONCE_S: i64 = 60;

/// One live stream of ticks.
#[derive(Debug)]
pub(super) struct TickStream {
    con_id: i32,
    kind: Kind,
    /// IB's number of the stream's kind: 1 last, 2 all, 3 bid and ask, 4 midpoint.
    number: i32,
    ignore_size: bool,
    /// The next second to send.
    next: i64,
    /// The last quote sent, so that only changes are.
    last: Option<Listed>,
    /// Held for as long as the stream is open.
    _place: Place,
}

impl Live {
    pub(super) fn serve_ticks(&mut self, request: Request) {
        match request {
            Request::TickByTick { req_id, contract, kind, count, ignore_size } => {
                match self.open_ticks(req_id, &contract, &kind, count, ignore_size) {
                    Ok(()) => self.on_streams(),
                    Err(error) => self.error(req_id, error),
                }
            }
            Request::CancelTickByTick { req_id } => {
                if self.streams.ticks.remove(&req_id).is_none() {
                    self.error(req_id, ApiError::unknown_id(req_id));
                }
            }
            Request::HistoricalTicks(query) => match self.past_ticks(&query) {
                Ok(event) => self.send(&event),
                Err(error) => self.error(query.req_id, error),
            },
            Request::Histogram { req_id, contract, use_rth, period } => match self.histogram(req_id, &contract, use_rth, &period) {
                Ok(event) => self.send(&event),
                Err(error) => self.error(req_id, error),
            },
            // Both are answered at once, so a cancel finds nothing to do.
            Request::CancelHistoricalTicks { .. } | Request::CancelHistogram { .. } => {}
            other => unreachable!("{} belongs to another family", other.name()),
        }
    }

    fn open_ticks(&mut self, req_id: i32, contract: &Contract, kind: &str, count: i32, ignore_size: bool) -> Result<(), ApiError> {
        if self.streams.ticks.contains_key(&req_id) {
            return Err(ApiError::duplicate_ticker());
        }
        let (number, kind_read) = match kind {
            "Last" => (1, Kind::Trades),
            "AllLast" => (2, Kind::Trades),
            "BidAsk" => (3, Kind::BidAsk),
            "MidPoint" => (4, Kind::MidPoint),
            _ => return Err(ApiError::invalid(format_args!("Invalid tick-by-tick type '{kind}'"))),
        };
        let gateway = Arc::clone(&self.gateway);
        let (world, now) = (&gateway.world, self.now());
        let row = world.contracts.only(contract, world.today(now))?;
        if !is_served(row, kind_read) {
            let name = if row.is("STK") { &row.contract.symbol } else { &row.contract.local_symbol };
            return Err(ApiError::tick_by_tick(format_args!("{kind} tick-by-tick requests are not supported for {name}.")));
        }
        if world.entitlement(row) != Entitlement::Live {
            return Err(ApiError::tick_by_tick(format_args!("No market data permissions for {} {}.", row.venue(), row.contract.sec_type)));
        }
        let key = i64::from(row.contract.con_id);
        if !gateway.pacing.tick_by_tick(gateway.clock.now_ms(), key) {
            return Err(ApiError::max_tick_by_tick());
        }
        let place = gateway.lines.take(Budget::TickByTick, key).ok_or_else(ApiError::max_tick_by_tick)?;
        let before = usize::try_from(count).unwrap_or(0).min(MAX_BEFORE);
        if before > 0 {
            let found = past::latest(world, row, kind_read, now, before);
            self.send(&past::event(req_id, kind_read, &found, ignore_size));
        }
        let stream = TickStream { con_id: row.contract.con_id, kind: kind_read, number, ignore_size, next: now, last: None, _place: place };
        self.streams.ticks.insert(req_id, stream);
        Ok(())
    }

    /// The ticks of the seconds that have begun since the last look.
    pub(super) fn push_ticks(&mut self) {
        let gateway = Arc::clone(&self.gateway);
        let now = self.now();
        let mut events = Vec::new();
        for (req_id, stream) in &mut self.streams.ticks {
            let Some(row) = gateway.world.contracts.get(stream.con_id) else { continue };
            // A clock that was set elsewhere is followed, not caught up with.
            if stream.next > now + 1 || now - stream.next > MOST_AT_ONCE_S {
                stream.next = now;
            }
            while stream.next <= now {
                stream.news(&gateway, row, *req_id, &mut events);
                stream.next += 1;
            }
        }
        events.iter().for_each(|event| self.send(event));
    }
}

/// IB gives no live ticks of options, trades only of what is traded, and quotes only of what is quoted.
fn is_served(row: &Instrument, kind: Kind) -> bool {
    row.option.is_none()
        && match kind {
            Kind::Trades => !row.is("CASH") && !row.is("IND"),
            Kind::BidAsk | Kind::MidPoint => !row.is("IND"),
        }
}

impl TickStream {
    fn news(&mut self, gateway: &Gateway, row: &Instrument, req_id: i32, out: &mut Vec<Event>) {
        let minute = gateway.feed.minute(&gateway.world, row, self.next, false);
        let Some(bar) = minute.second(self.next) else { return };
        for tick in listed::of_second(&gateway.world, row, bar, self.kind) {
            let news = self.kind == Kind::Trades || self.last.as_ref().is_none_or(|last| last.differs(&tick, self.ignore_size));
            if news {
                out.push(Event::TickByTick(Box::new(self.event(req_id, &tick))));
                self.last = Some(tick);
            }
        }
    }

    fn event(&self, req_id: i32, tick: &Listed) -> TickByTickData {
        let mut data = TickByTickData { req_id: Some(req_id), tick_type: Some(self.number), ..TickByTickData::default() };
        match self.kind {
            Kind::Trades => data.historical_tick_last = Some(tick.last()),
            Kind::BidAsk => data.historical_tick_bid_ask = Some(tick.bid_ask(self.ignore_size)),
            Kind::MidPoint => data.historical_tick_mid_point = Some(tick.mid_point()),
        }
        data
    }
}
