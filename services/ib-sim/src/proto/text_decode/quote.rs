//! Requests for market data, depth, ticks and option chains.

use super::contract::{contract, contract_and_expired, delta_neutral, legs_of_bag};
use super::{Decoded, version_and_id};
use crate::proto::request::{PastTicksQuery, Request};
use crate::wire::text::FieldReader;

pub(super) fn decode_quotes(message: u32, fields: &mut FieldReader<'_>) -> Decoded {
    Ok(match message {
        1 => {
            let req_id = version_and_id(fields)?;
            let mut contract = contract(fields)?;
            legs_of_bag(fields, &mut contract)?;
            contract.delta_neutral = delta_neutral(fields)?;
            Request::MarketData {
                req_id,
                contract: Box::new(contract),
                generic_ticks: fields.text()?,
                snapshot: fields.flag()?,
                regulatory: fields.flag()?,
            }
        }
        2 => Request::CancelMarketData { req_id: version_and_id(fields)? },
        10 => Request::MarketDepth {
            req_id: version_and_id(fields)?,
            contract: Box::new(contract(fields)?),
            rows: fields.int()?,
            smart: fields.flag()?,
        },
        11 => Request::CancelMarketDepth { req_id: version_and_id(fields)?, smart: fields.flag()? },
        50 => Request::RealTimeBars {
            req_id: version_and_id(fields)?,
            contract: Box::new(contract(fields)?),
            bar_size: fields.int()?,
            what_to_show: fields.text()?,
            use_rth: fields.flag()?,
        },
        51 => Request::CancelRealTimeBars { req_id: version_and_id(fields)? },
        59 => {
            fields.skip()?;
            Request::MarketDataType { kind: fields.whole()?.unwrap_or(1) }
        }
        82 => Request::MarketDepthExchanges,
        83 => Request::SmartComponents { req_id: fields.int()?, bbo_exchange: fields.text()? },
        88 | 89 | 96..=98 => return decode_ticks(message, fields),
        _ => return decode_options(message, fields),
    })
}

fn decode_ticks(message: u32, fields: &mut FieldReader<'_>) -> Decoded {
    Ok(match message {
        88 => Request::Histogram {
            req_id: fields.int()?,
            contract: Box::new(contract_and_expired(fields)?),
            use_rth: fields.flag()?,
            period: fields.text()?,
        },
        89 => Request::CancelHistogram { req_id: fields.int()? },
        96 => Request::HistoricalTicks(Box::new(PastTicksQuery {
            req_id: fields.int()?,
            contract: contract_and_expired(fields)?,
            start: fields.text()?,
            end: fields.text()?,
            count: fields.int()?,
            what_to_show: fields.text()?,
            use_rth: fields.flag()?,
            ignore_size: fields.flag()?,
        })),
        97 => Request::TickByTick {
            req_id: fields.int()?,
            contract: Box::new(contract(fields)?),
            kind: fields.text()?,
            count: fields.int()?,
            ignore_size: fields.flag()?,
        },
        _ => Request::CancelTickByTick { req_id: fields.int()? },
    })
}

fn decode_options(message: u32, fields: &mut FieldReader<'_>) -> Decoded {
    Ok(match message {
        54 => Request::CalculateImpliedVolatility {
            req_id: version_and_id(fields)?,
            contract: Box::new(contract(fields)?),
            option_price: fields.double()?,
            under_price: fields.double()?,
        },
        55 => Request::CalculateOptionPrice {
            req_id: version_and_id(fields)?,
            contract: Box::new(contract(fields)?),
            volatility: fields.double()?,
            under_price: fields.double()?,
        },
        56 => Request::CancelCalculateImpliedVolatility { req_id: version_and_id(fields)? },
        57 => Request::CancelCalculateOptionPrice { req_id: version_and_id(fields)? },
        _ => Request::SecDefOptParams {
            req_id: fields.int()?,
            symbol: fields.text()?,
            fut_fop_exchange: fields.text()?,
            sec_type: fields.text()?,
            con_id: fields.int()?,
        },
    })
}
