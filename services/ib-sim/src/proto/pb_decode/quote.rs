//! Requests for market data, depth, ticks and option chains.

use prost::{DecodeError, Message};

use super::{contract_of, req_id};
use crate::proto::request::{PastTicksQuery, Request};
use crate::proto::types::Contract;
use crate::wire::pb::{contract, depth, option, quote, session, tick};

pub(super) fn decode_quotes(message: u32, body: &[u8]) -> Result<Request, DecodeError> {
    Ok(match message {
        1 => {
            let request = quote::MarketDataRequest::decode(body)?;
            Request::MarketData {
                req_id: request.req_id.unwrap_or_default(),
                contract: boxed(request.contract),
                generic_ticks: request.generic_tick_list.unwrap_or_default(),
                snapshot: request.snapshot.unwrap_or_default(),
                regulatory: request.regulatory_snapshot.unwrap_or_default(),
            }
        }
        2 => Request::CancelMarketData { req_id: req_id(body)? },
        10 => {
            let request = depth::MarketDepthRequest::decode(body)?;
            Request::MarketDepth {
                req_id: request.req_id.unwrap_or_default(),
                contract: boxed(request.contract),
                rows: request.num_rows.unwrap_or_default(),
                smart: request.is_smart_depth.unwrap_or_default(),
            }
        }
        11 => {
            let request = depth::CancelMarketDepth::decode(body)?;
            Request::CancelMarketDepth { req_id: request.req_id.unwrap_or_default(), smart: request.is_smart_depth.unwrap_or_default() }
        }
        50 => {
            let request = quote::RealTimeBarsRequest::decode(body)?;
            Request::RealTimeBars {
                req_id: request.req_id.unwrap_or_default(),
                contract: boxed(request.contract),
                bar_size: request.bar_size.unwrap_or_default(),
                what_to_show: request.what_to_show.unwrap_or_default(),
                use_rth: request.use_rth.unwrap_or_default(),
            }
        }
        51 => Request::CancelRealTimeBars { req_id: req_id(body)? },
        59 => Request::MarketDataType { kind: session::MarketDataTypeRequest::decode(body)?.market_data_type.unwrap_or(1) },
        82 => Request::MarketDepthExchanges,
        83 => {
            let request = depth::SmartComponentsRequest::decode(body)?;
            Request::SmartComponents { req_id: request.req_id.unwrap_or_default(), bbo_exchange: request.bbo_exchange.unwrap_or_default() }
        }
        88 | 89 | 96..=98 | 107 => return decode_ticks(message, body),
        _ => return decode_options(message, body),
    })
}

fn decode_ticks(message: u32, body: &[u8]) -> Result<Request, DecodeError> {
    Ok(match message {
        88 => {
            let request = tick::HistogramDataRequest::decode(body)?;
            Request::Histogram {
                req_id: request.req_id.unwrap_or_default(),
                contract: boxed(request.contract),
                use_rth: request.use_rth.unwrap_or_default(),
                period: request.time_period.unwrap_or_default(),
            }
        }
        89 => Request::CancelHistogram { req_id: req_id(body)? },
        96 => {
            let request = tick::HistoricalTicksRequest::decode(body)?;
            Request::HistoricalTicks(Box::new(PastTicksQuery {
                req_id: request.req_id.unwrap_or_default(),
                contract: contract_of(request.contract),
                start: request.start_date_time.unwrap_or_default(),
                end: request.end_date_time.unwrap_or_default(),
                count: request.number_of_ticks.unwrap_or_default(),
                what_to_show: request.what_to_show.unwrap_or_default(),
                use_rth: request.use_rth.unwrap_or_default(),
                ignore_size: request.ignore_size.unwrap_or_default(),
            }))
        }
        97 => {
            let request = tick::TickByTickRequest::decode(body)?;
            Request::TickByTick {
                req_id: request.req_id.unwrap_or_default(),
                contract: boxed(request.contract),
                kind: request.tick_type.unwrap_or_default(),
                count: request.number_of_ticks.unwrap_or_default(),
                ignore_size: request.ignore_size.unwrap_or_default(),
            }
        }
        98 => Request::CancelTickByTick { req_id: req_id(body)? },
        _ => Request::CancelHistoricalTicks { req_id: req_id(body)? },
    })
}

fn decode_options(message: u32, body: &[u8]) -> Result<Request, DecodeError> {
    Ok(match message {
        54 => {
            let request = option::CalculateImpliedVolatilityRequest::decode(body)?;
            Request::CalculateImpliedVolatility {
                req_id: request.req_id.unwrap_or_default(),
                contract: boxed(request.contract),
                option_price: request.option_price.unwrap_or_default(),
                under_price: request.under_price.unwrap_or_default(),
            }
        }
        55 => {
            let request = option::CalculateOptionPriceRequest::decode(body)?;
            Request::CalculateOptionPrice {
                req_id: request.req_id.unwrap_or_default(),
                contract: boxed(request.contract),
                volatility: request.volatility.unwrap_or_default(),
                under_price: request.under_price.unwrap_or_default(),
            }
        }
        56 => Request::CancelCalculateImpliedVolatility { req_id: req_id(body)? },
        57 => Request::CancelCalculateOptionPrice { req_id: req_id(body)? },
        _ => {
            let request = option::SecDefOptParamsRequest::decode(body)?;
            Request::SecDefOptParams {
                req_id: request.req_id.unwrap_or_default(),
                symbol: request.underlying_symbol.unwrap_or_default(),
                fut_fop_exchange: request.fut_fop_exchange.unwrap_or_default(),
                sec_type: request.underlying_sec_type.unwrap_or_default(),
                con_id: request.underlying_con_id.unwrap_or_default(),
            }
        }
    })
}

fn boxed(wire: Option<contract::Contract>) -> Box<Contract> {
    Box::new(contract_of(wire))
}
