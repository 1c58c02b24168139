//! Market data lines, depth and option chains.

use crate::proto::event::Event;
use crate::wire::pb::depth::MarketDepthData;
use crate::wire::pb::option::SecDefOptParameter;
use crate::wire::pb::quote::{RealTimeBarTick, TickOptionComputation};
use crate::wire::text::{FieldWriter, put};

/// Versions of messages that have one; clients skip them.
const TICK_PRICE_VERSION: i32 = 6;
const REAL_TIME_BAR_VERSION: i32 = 3;
/// What text prints for a computed value that there is none of: below zero for what cannot be
/// negative, below minus one for what can.
const NOT_COMPUTED: f64 = -1.0;
const NOT_COMPUTED_SIGNED: f64 = -2.0;

pub(super) fn write(out: &mut FieldWriter, event: &Event) {
    match event {
        Event::MarketDataType { req_id, kind } => put!(out; 1, *req_id, *kind),
        Event::TickReqParams(params) => {
            put!(out; id(params.req_id), params.min_tick, params.bbo_exchange, params.snapshot_permissions.unwrap_or_default());
        }
        Event::TickPrice { req_id, kind, price, size, attributes } => {
            put!(out; TICK_PRICE_VERSION, *req_id, *kind, *price, size, *attributes);
        }
        Event::TickSize { req_id, kind, size } => put!(out; 1, *req_id, *kind, size),
        Event::TickGeneric { req_id, kind, value } => put!(out; 1, *req_id, *kind, *value),
        Event::TickString { req_id, kind, value } => put!(out; 1, *req_id, *kind, value),
        Event::TickOptionComputation(computation) => option_computation(out, computation),
        Event::TickNews(news) => {
            put!(out; id(news.req_id), news.timestamp.unwrap_or_default(), news.provider_code, news.article_id, news.headline, news.extra_data);
        }
        Event::TickSnapshotEnd { req_id } => put!(out; 1, *req_id),
        Event::RealTimeBar(bar) => real_time_bar(out, bar),
        Event::MarketDepth(row) => {
            let data = row.market_depth_data.clone().unwrap_or_default();
            put!(out; 1, id(row.req_id), id(data.position));
            depth(out, &data);
        }
        Event::MarketDepthL2(row) => {
            let data = row.market_depth_data.clone().unwrap_or_default();
            put!(out; 1, id(row.req_id), id(data.position), data.market_maker);
            depth(out, &data);
            put!(out; data.is_smart_depth.unwrap_or_default());
        }
        Event::MarketDepthExchanges(rows) => {
            put!(out; rows.len());
            for row in rows {
                // Clients take the group for a number and have this one for "none".
                put!(out; row.exchange, row.sec_type, row.listing_exch, row.service_data_type, row.agg_group.unwrap_or(i32::MAX));
            }
        }
        Event::SmartComponents(components) => {
            put!(out; id(components.req_id), components.smart_components.len());
            for row in &components.smart_components {
                put!(out; id(row.bit_number), row.exchange, row.exchange_letter);
            }
        }
        Event::SecDefOptParameter(row) => option_parameters(out, row),
        Event::SecDefOptParameterEnd { req_id } => put!(out; *req_id),
        other => unreachable!("{other:?} belongs to another family"),
    }
}

/// Clients refuse a number that is not there.
fn id(value: Option<i32>) -> i32 {
    value.unwrap_or_default()
}

fn depth(out: &mut FieldWriter, data: &MarketDepthData) {
    put!(out; id(data.operation), id(data.side), data.price.unwrap_or_default(), data.size);
}

fn real_time_bar(out: &mut FieldWriter, bar: &RealTimeBarTick) {
    put!(out; REAL_TIME_BAR_VERSION, id(bar.req_id), bar.time.unwrap_or_default(), bar.open, bar.high, bar.low, bar.close, bar.volume, bar.wap, bar.count);
}

fn option_computation(out: &mut FieldWriter, row: &TickOptionComputation) {
    put!(out;
        id(row.req_id), id(row.tick_type), id(row.tick_attrib),
        row.implied_vol.unwrap_or(NOT_COMPUTED), row.delta.unwrap_or(NOT_COMPUTED_SIGNED),
        row.opt_price.unwrap_or(NOT_COMPUTED), row.pv_dividend.unwrap_or(NOT_COMPUTED),
        row.gamma.unwrap_or(NOT_COMPUTED_SIGNED), row.vega.unwrap_or(NOT_COMPUTED_SIGNED),
        row.theta.unwrap_or(NOT_COMPUTED_SIGNED), row.und_price.unwrap_or(NOT_COMPUTED),
    );
}

fn option_parameters(out: &mut FieldWriter, row: &SecDefOptParameter) {
    put!(out; id(row.req_id), row.exchange, id(row.underlying_con_id), row.trading_class, row.multiplier, row.expirations.len());
    for expiration in &row.expirations {
        put!(out; expiration);
    }
    put!(out; row.strikes.len());
    for strike in &row.strikes {
        put!(out; strike);
    }
}
