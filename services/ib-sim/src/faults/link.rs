//! What lies behind a gateway: IB's servers and the data farms, and which requests need which of them.
//!
//! Invariant: what a gateway can answer alone is listed; everything else waits for IB's servers.

use serde::{Deserialize, Serialize};

use crate::errors::ApiError;
use crate::proto::request::{Family, Request};

/// The data farms that this gateway says it is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Farm {
    Usfarm,
    Ushmds,
    Secdefnj,
}

impl Farm {
    pub(crate) const ALL: [Self; 3] = [Self::Usfarm, Self::Ushmds, Self::Secdefnj];

    pub(crate) fn broken_code(self) -> i32 {
        match self {
            Self::Usfarm => 2103,
            Self::Ushmds => 2105,
            Self::Secdefnj => 2157,
        }
    }

    pub(crate) fn ok_code(self) -> i32 {
        match self {
            Self::Usfarm => 2104,
            Self::Ushmds => 2106,
            Self::Secdefnj => 2158,
        }
    }
}

/// What comes from the market data farm by itself.
const TICKS: &[&str] = &[
    "TickPrice",
    "TickSize",
    "TickGeneric",
    "TickString",
    "TickOptionComputation",
    "TickByTick",
    "RealTimeBar",
    "MarketDepth",
    "MarketDepthL2",
];

/// The farm that an outgoing message is a stream from, if it is one.
pub(crate) fn source(message: &str) -> Option<Farm> {
    match message {
        "HistoricalDataUpdate" => Some(Farm::Ushmds),
        _ => TICKS.contains(&message).then_some(Farm::Usfarm),
    }
}

/// What a gateway needs to answer a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The gateway knows it by itself.
    Local,
    MarketData,
    History,
    Definitions,
    Server,
}

/// Why a request is not answered now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Barrier {
    /// Answered when the way is free again: captured clients saw late answers to what had timed out.
    Wait,
    Refuse(ApiError),
}

impl Reach {
    pub(crate) fn of(request: &Request) -> Self {
        match request {
            // The gateway keeps these by itself.
            Request::MarketDataType { .. }
            | Request::MarketRule { .. }
            | Request::MarketDepthExchanges
            | Request::NewsProviders
            | Request::OpenOrders
            | Request::AllOpenOrders
            | Request::AutoOpenOrders { .. }
            | Request::UnsubscribeFromGroupEvents { .. }
            | Request::Config { .. } => Self::Local,
            // An order's end needs the server, a subscription's nobody.
            Request::CancelOrder { .. } => Self::Server,
            other if other.name().starts_with("Cancel") => Self::Local,
            Request::SecDefOptParams { .. } => Self::Definitions,
            Request::HistoricalTicks(_) | Request::Histogram { .. } => Self::History,
            other => match other.family() {
                Family::Session | Family::Account => Self::Local,
                Family::Quotes | Family::Depth | Family::Ticks | Family::Options => Self::MarketData,
                Family::History | Family::Scanner => Self::History,
                Family::Contracts => Self::Definitions,
                Family::News | Family::Orders | Family::Reference => Self::Server,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::types::Contract;

    #[test]
    fn streams_are_messages_that_are_sent() {
        for name in TICKS.iter().chain(&["HistoricalDataUpdate"]) {
            assert!(crate::proto::event::Event::NAMES.contains(name), "{name}");
        }
        assert_eq!((source("TickSize"), source("HistoricalData")), (Some(Farm::Usfarm), None));
    }

    #[test]
    fn each_request_needs_what_it_needs() {
        let contract = Box::<Contract>::default();
        for (request, reach) in [
            (Request::CurrentTime, Reach::Local),
            (Request::Positions, Reach::Local),
            (Request::CancelHistoricalData { req_id: 1 }, Reach::Local),
            (Request::CancelOrder { order_id: 1, cancel: Default::default() }, Reach::Server),
            (Request::CompletedOrders { api_only: true }, Reach::Server),
            (Request::ContractData { req_id: 1, contract: contract.clone() }, Reach::Definitions),
            (Request::ScannerParameters, Reach::History),
            (Request::Histogram { req_id: 1, contract: contract.clone(), use_rth: true, period: String::new() }, Reach::History),
            (Request::MarketDepth { req_id: 1, contract, rows: 1, smart: false }, Reach::MarketData),
        ] {
            assert_eq!(Reach::of(&request), reach, "{}", request.name());
        }
    }
}
