//! Between our types and `ibapi`'s, both ways, pure.
//!
//! Invariants: what a caller did not say is not sent (`ibapi` would default to a stock on SMART in USD); what IB left
//! unset (the largest double or integer, an empty text, zero where zero has no meaning) is absent, never zero.

mod bars;
mod contract;
mod orders;
mod zone;

pub use bars::{Bar, BarTime, Bars};
pub(crate) use bars::{asked_duration, asked_size, asked_what, bars};
pub use contract::Details;
pub(crate) use contract::{asked_contract, contract, details, resolved_contract, security_type, symbol_match};
pub(crate) use orders::{completed_order, executions, open_orders};
pub use zone::iana_zone;
pub(crate) use zone::register_aliases;

use ibapi::market_data::MarketDataType;
use jiff::Timestamp;
use time::OffsetDateTime;

use crate::settings::MarketDataWanted;

/// `None` for IB's empty text.
pub(crate) fn text(value: &str) -> Option<String> {
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

pub(crate) fn market_data_type(wanted: MarketDataWanted) -> MarketDataType {
    match wanted {
        MarketDataWanted::Live => MarketDataType::Realtime,
        MarketDataWanted::Frozen => MarketDataType::Frozen,
        MarketDataWanted::Delayed => MarketDataType::Delayed,
        MarketDataWanted::DelayedFrozen => MarketDataType::DelayedFrozen,
    }
}

pub(crate) fn timestamp(value: OffsetDateTime) -> Timestamp {
    Timestamp::from_nanosecond(value.unix_timestamp_nanos()).unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(crate) fn offset_date_time(value: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(value.as_second()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// RFC 3339 with the offset that `zone` has then.
pub fn told_local(at: Timestamp, zone: &jiff::tz::TimeZone) -> String {
    at.display_with_offset(zone.to_offset(at)).to_string()
}
