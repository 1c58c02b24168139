//! Historical ticks.
//!
//! Invariant: an answer holds whole seconds only, oldest first; the seconds looked at are bounded by
//! [`MAX_MINUTES`], so what hardly trades brings fewer ticks than asked for instead of a long search.

use super::{Kind, Listed, listed};
use crate::errors::ApiError;
use crate::proto::event::Event;
use crate::proto::request::PastTicksQuery;
use crate::session::live::Live;
use crate::wire::pb::tick::{HistoricalTicks, HistoricalTicksBidAsk, HistoricalTicksLast};
use crate::world::World;
use crate::world::instrument::Instrument;
use crate::world::moment::end_of_query;
use crate::world::prices::MINUTE;
use crate::world::scenario_market::Entitlement;

/// IB answers with at most so many ticks, and the rest of their second.
const MAX_TICKS: usize = 1_000;
const MAX_MINUTES: usize = 600;

/// Which way from an instant the ticks are sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From this second on, up to now.
    On { now: i64 },
    /// Before this second.
    Back,
}

impl Live {
    pub(super) fn past_ticks(&self, query: &PastTicksQuery) -> Result<Event, ApiError> {
        let (world, now) = (&self.gateway.world, self.now());
        let row = world.contracts.only(&query.contract, world.today(now))?;
        let kind = match query.what_to_show.as_str() {
            "TRADES" => Kind::Trades,
            "BID_ASK" => Kind::BidAsk,
            "MIDPOINT" => Kind::MidPoint,
            other => return Err(ApiError::invalid(format_args!("Historical ticks type is invalid: '{other}'"))),
        };
        let count = usize::try_from(query.count).ok().filter(|count| (1..=MAX_TICKS).contains(count));
        // The wording of these two is not attested; the code and the rules are.
        let count = count.ok_or_else(|| ApiError::invalid(format_args!("Number of ticks must be between 1 and {MAX_TICKS}")))?;
        if query.start.trim().is_empty() == query.end.trim().is_empty() {
            return Err(ApiError::invalid("Exactly one of start date/time and end date/time must be given"));
        }
        if world.entitlement(row) != Entitlement::Live {
            return Err(ApiError::past_ticks(format_args!("No market data permissions for {} {}", row.venue(), row.contract.sec_type)));
        }
        let zone = row.hours.zone();
        let regular = query.use_rth;
        let found = if query.end.trim().is_empty() {
            let from = end_of_query(&query.start, now, zone)?;
            gather(world, row, kind, regular, from, count, Way::On { now })
        } else {
            let until = end_of_query(&query.end, now, zone)?.min(now + 1);
            gather(world, row, kind, regular, until, count, Way::Back)
        };
        Ok(event(query.req_id, kind, &found, query.ignore_size))
    }
}

/// The newest ticks before a second.
pub(super) fn latest(world: &World, row: &Instrument, kind: Kind, until: i64, count: usize) -> Vec<Listed> {
    gather(world, row, kind, false, until, count, Way::Back)
}

fn gather(world: &World, row: &Instrument, kind: Kind, regular: bool, from: i64, count: usize, way: Way) -> Vec<Listed> {
    let mut found: Vec<Vec<Listed>> = Vec::new();
    let mut total = 0;
    let mut at = from;
    for _ in 0..MAX_MINUTES {
        let next = match way {
            Way::On { now } => world.next_open(row, at).filter(|second| *second <= now),
            Way::Back => Some(world.last_open(row, at - 1)).filter(|second| *second >= world.first_second(row)),
        };
        let Some(second) = next else { break };
        let start = second.div_euclid(MINUTE) * MINUTE;
        let mut bars = world.seconds(row, start, regular);
        match way {
            Way::On { now } => bars.retain(|bar| (at..=now).contains(&bar.start)),
            Way::Back => {
                bars.retain(|bar| bar.start < at);
                bars.reverse();
            }
        }
        for bar in &bars {
            let ticks = listed::of_second(world, row, bar, kind);
            total += ticks.len();
            found.push(ticks);
            if total >= count {
                break;
            }
        }
        if total >= count {
            break;
        }
        at = if way == Way::Back { start } else { start + MINUTE };
    }
    if way == Way::Back {
        found.reverse();
    }
    found.into_iter().flatten().collect()
}

pub(super) fn event(req_id: i32, kind: Kind, ticks: &[Listed], ignore_size: bool) -> Event {
    let (req_id, is_done) = (Some(req_id), Some(true));
    match kind {
        Kind::Trades => {
            let historical_ticks_last = ticks.iter().map(Listed::last).collect();
            Event::HistoricalTicksLast(HistoricalTicksLast { req_id, historical_ticks_last, is_done })
        }
        Kind::BidAsk => {
            let historical_ticks_bid_ask = ticks.iter().map(|tick| tick.bid_ask(ignore_size)).collect();
            Event::HistoricalTicksBidAsk(HistoricalTicksBidAsk { req_id, historical_ticks_bid_ask, is_done })
        }
        Kind::MidPoint => {
            let historical_ticks = ticks.iter().map(Listed::mid_point).collect();
            Event::HistoricalTicks(HistoricalTicks { req_id, historical_ticks, is_done })
        }
    }
}
