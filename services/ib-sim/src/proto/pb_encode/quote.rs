//! Market data lines, depth, ticks and option chains.

use bytes::Bytes;

use super::only_req_id;
use crate::proto::event::Event;
use crate::wire::frame::protobuf;
use crate::wire::pb::{depth, quote};

pub(super) fn encode_quote(event: &Event) -> Bytes {
    match event {
        Event::MarketDataType { req_id, kind } => {
            protobuf(58, &quote::MarketDataType { req_id: Some(*req_id), market_data_type: Some(*kind) })
        }
        Event::TickReqParams(params) => protobuf(81, params),
        Event::TickPrice { req_id, kind, price, size, attributes } => protobuf(
            1,
            &quote::TickPrice {
                req_id: Some(*req_id),
                tick_type: Some(*kind),
                price: Some(*price),
                size: size.clone(),
                attr_mask: Some(*attributes),
            },
        ),
        Event::TickSize { req_id, kind, size } => {
            protobuf(2, &quote::TickSize { req_id: Some(*req_id), tick_type: Some(*kind), size: Some(size.clone()) })
        }
        Event::TickGeneric { req_id, kind, value } => {
            protobuf(45, &quote::TickGeneric { req_id: Some(*req_id), tick_type: Some(*kind), value: Some(*value) })
        }
        Event::TickString { req_id, kind, value } => {
            protobuf(46, &quote::TickString { req_id: Some(*req_id), tick_type: Some(*kind), value: Some(value.clone()) })
        }
        Event::TickOptionComputation(computation) => protobuf(21, computation),
        Event::TickNews(news) => protobuf(84, &**news),
        Event::TickSnapshotEnd { req_id } => only_req_id(57, *req_id),
        Event::RealTimeBar(bar) => protobuf(50, &**bar),
        Event::MarketDepth(row) => protobuf(12, &**row),
        Event::MarketDepthL2(row) => protobuf(13, &**row),
        Event::MarketDepthExchanges(rows) => protobuf(80, &depth::MarketDepthExchanges { depth_market_data_descriptions: rows.clone() }),
        Event::SmartComponents(components) => protobuf(82, components),
        Event::TickByTick(tick) => protobuf(99, &**tick),
        Event::HistoricalTicks(ticks) => protobuf(96, ticks),
        Event::HistoricalTicksBidAsk(ticks) => protobuf(97, ticks),
        Event::HistoricalTicksLast(ticks) => protobuf(98, ticks),
        Event::Histogram(histogram) => protobuf(89, histogram),
        Event::SecDefOptParameter(row) => protobuf(75, &**row),
        Event::SecDefOptParameterEnd { req_id } => only_req_id(76, *req_id),
        other => unreachable!("{other:?} belongs to another family"),
    }
}
