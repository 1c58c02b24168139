//! [`Event`] into text frames, in the layouts of server version 178.
//!
//! Invariant: what an event leaves out is an empty field, except where clients need a number: there
//! stands what a real gateway prints for "not set". Every event is one frame or none.

mod account;
mod completed;
mod contract;
mod market;
mod open_order;
mod order;
mod order_parts;
mod quote;
mod reference;
mod ticks;

use bytes::Bytes;

use super::event::Event;
use super::numbers::event_number;
use crate::wire::text::{Escaped, FieldWriter, put};

/// Nothing for an event that version 178 has no message for.
pub(crate) fn encode(event: &Event) -> Option<Bytes> {
    let mut out = FieldWriter::new(event_number(event));
    let out_ref = &mut out;
    match event {
        Event::Error { id, code, text, .. } => put!(out_ref; 2, *id, *code, Escaped(text), ""),
        Event::NextValidId(order_id) => put!(out_ref; 1, *order_id),
        Event::ManagedAccounts(accounts) => put!(out_ref; 1, accounts.join(",")),
        Event::CurrentTime(time) => put!(out_ref; 1, *time),
        Event::FamilyCodes(codes) => pairs(out_ref, codes),
        Event::UserInfo { req_id, white_branding_id } => put!(out_ref; *req_id, white_branding_id),
        // The stretch went out with the bars; the rest came with protobuf.
        Event::HistoricalDataEnd { .. } | Event::CurrentTimeInMillis(_) | Event::Config(_) | Event::UpdateConfig(_) => return None,
        Event::OpenOrder { order_id, contract, order, state } => open_order::write(out_ref, *order_id, contract, order, state),
        Event::CompletedOrder { contract, order, state } => completed::write(out_ref, contract, order, state),
        Event::OrderStatus(_)
        | Event::OpenOrdersEnd
        | Event::OrderBound(_)
        | Event::CompletedOrdersEnd
        | Event::ExecutionDetails { .. }
        | Event::ExecutionDetailsEnd { .. }
        | Event::CommissionAndFees(_) => order::write(out_ref, event),
        Event::MarketDataType { .. }
        | Event::TickReqParams(_)
        | Event::TickPrice { .. }
        | Event::TickSize { .. }
        | Event::TickGeneric { .. }
        | Event::TickString { .. }
        | Event::TickOptionComputation(_)
        | Event::TickNews(_)
        | Event::TickSnapshotEnd { .. }
        | Event::RealTimeBar(_)
        | Event::MarketDepth(_)
        | Event::MarketDepthL2(_)
        | Event::MarketDepthExchanges(_)
        | Event::SmartComponents(_)
        | Event::SecDefOptParameter(_)
        | Event::SecDefOptParameterEnd { .. } => quote::write(out_ref, event),
        Event::TickByTick(_)
        | Event::HistoricalTicks(_)
        | Event::HistoricalTicksBidAsk(_)
        | Event::HistoricalTicksLast(_)
        | Event::Histogram(_) => ticks::write(out_ref, event),
        Event::ScannerParameters(_)
        | Event::ScannerData { .. }
        | Event::NewsBulletin(_)
        | Event::SoftDollarTiers(_)
        | Event::WshMetaData(_)
        | Event::WshEventData(_)
        | Event::DisplayGroupList(_)
        | Event::DisplayGroupUpdated(_) => reference::write(out_ref, event),
        Event::ContractData { .. }
        | Event::ContractDataEnd { .. }
        | Event::SymbolSamples { .. }
        | Event::MarketRule { .. }
        | Event::HistoricalData { .. }
        | Event::HistoricalDataUpdate { .. }
        | Event::HistoricalSchedule { .. }
        | Event::HeadTimestamp { .. }
        | Event::NewsProviders(_)
        | Event::HistoricalNews { .. }
        | Event::HistoricalNewsEnd { .. }
        | Event::NewsArticle { .. } => market::write(out_ref, event),
        _ => account::write(out_ref, event),
    }
    Some(out.finish())
}

/// A count, then two fields each.
fn pairs(out: &mut FieldWriter, rows: &[(String, String)]) {
    put!(out; rows.len());
    for (first, second) in rows {
        put!(out; first, second);
    }
}
