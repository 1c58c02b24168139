//! Single ticks, past and live, and histograms.

use crate::proto::event::Event;
use crate::wire::pb::tick::{HistoricalTickBidAsk, HistoricalTickLast, TickAttribLast, TickByTickData};
use crate::wire::text::{FieldWriter, put};

pub(super) fn write(out: &mut FieldWriter, event: &Event) {
    match event {
        Event::TickByTick(tick) => tick_by_tick(out, tick),
        Event::HistoricalTicks(ticks) => {
            put!(out; ticks.req_id, ticks.historical_ticks.len());
            for tick in &ticks.historical_ticks {
                // Between time and price stands a field that clients skip.
                put!(out; tick.time.unwrap_or_default(), 0, tick.price.unwrap_or_default(), quantity(tick.size.as_deref()));
            }
            put!(out; ticks.is_done.unwrap_or_default());
        }
        Event::HistoricalTicksBidAsk(ticks) => {
            put!(out; ticks.req_id, ticks.historical_ticks_bid_ask.len());
            for tick in &ticks.historical_ticks_bid_ask {
                // Past ticks number these two flags the other way round than live ones.
                let past = tick.tick_attrib_bid_ask.as_ref().map_or(0, |past| mask(past.ask_past_high, past.bid_past_low));
                put!(out; tick.time.unwrap_or_default(), past);
                bid_ask(out, tick);
            }
            put!(out; ticks.is_done.unwrap_or_default());
        }
        Event::HistoricalTicksLast(ticks) => {
            put!(out; ticks.req_id, ticks.historical_ticks_last.len());
            for tick in &ticks.historical_ticks_last {
                put!(out; tick.time.unwrap_or_default(), last_mask(tick.tick_attrib_last.as_ref()));
                put!(out; tick.price.unwrap_or_default(), quantity(tick.size.as_deref()), tick.exchange, tick.special_conditions);
            }
            put!(out; ticks.is_done.unwrap_or_default());
        }
        Event::Histogram(histogram) => {
            put!(out; histogram.req_id, histogram.histogram_data_entries.len());
            for row in &histogram.histogram_data_entries {
                put!(out; row.price.unwrap_or_default(), quantity(row.size.as_deref()));
            }
        }
        other => unreachable!("{other:?} belongs to another family"),
    }
}

/// Clients need a number where a size stands.
fn quantity(size: Option<&str>) -> &str {
    size.unwrap_or("0")
}

fn mask(first: Option<bool>, second: Option<bool>) -> i32 {
    i32::from(first.unwrap_or_default()) | i32::from(second.unwrap_or_default()) << 1
}

fn last_mask(attributes: Option<&TickAttribLast>) -> i32 {
    attributes.map_or(0, |past| mask(past.past_limit, past.unreported))
}

fn bid_ask(out: &mut FieldWriter, tick: &HistoricalTickBidAsk) {
    put!(out;
        tick.price_bid.unwrap_or_default(), tick.price_ask.unwrap_or_default(),
        quantity(tick.size_bid.as_deref()), quantity(tick.size_ask.as_deref()),
    );
}

/// The kind is 1 for last, 2 for all last, 3 for bid and ask, 4 for the midpoint.
fn tick_by_tick(out: &mut FieldWriter, tick: &TickByTickData) {
    put!(out; tick.req_id, tick.tick_type.unwrap_or_default());
    if let Some(last) = &tick.historical_tick_last {
        live_last(out, last);
    } else if let Some(quote) = &tick.historical_tick_bid_ask {
        put!(out; quote.time.unwrap_or_default());
        bid_ask(out, quote);
        put!(out; quote.tick_attrib_bid_ask.as_ref().map_or(0, |past| mask(past.bid_past_low, past.ask_past_high)));
    } else if let Some(mid) = &tick.historical_tick_mid_point {
        put!(out; mid.time.unwrap_or_default(), mid.price.unwrap_or_default());
    }
}

fn live_last(out: &mut FieldWriter, tick: &HistoricalTickLast) {
    put!(out;
        tick.time.unwrap_or_default(), tick.price.unwrap_or_default(), quantity(tick.size.as_deref()),
        last_mask(tick.tick_attrib_last.as_ref()), tick.exchange, tick.special_conditions,
    );
}
