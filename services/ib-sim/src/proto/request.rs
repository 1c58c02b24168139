//! What a client can ask, without a dialect.
//!
//! Invariant: every request has a stable name (IB's, without `Request`), which the journal and the
//! fault port use, names the id under which a client waits for an answer, and belongs to one family,
//! which says the part of the session that serves it.

use serde::Serialize;
use serde_json::Value;

use super::types::Contract;
use crate::wire::pb::config::UpdateConfigRequest;
use crate::wire::pb::event::WshEventDataRequest;
use crate::wire::pb::order::Order;
use crate::wire::pb::order_request::{AttachedOrders, ExecutionFilter, OrderCancel};
use crate::wire::pb::scanner::ScannerSubscription;

/// Bars for one contract over a stretch of time that ends at `end`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct HistoryQuery {
    pub(crate) req_id: i32,
    pub(crate) contract: Contract,
    pub(crate) end: String,
    pub(crate) bar_size: String,
    pub(crate) duration: String,
    pub(crate) use_rth: bool,
    pub(crate) what_to_show: String,
    pub(crate) format_date: i32,
    pub(crate) keep_up_to_date: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct HeadTimestampQuery {
    pub(crate) req_id: i32,
    pub(crate) contract: Contract,
    pub(crate) use_rth: bool,
    pub(crate) what_to_show: String,
    pub(crate) format_date: i32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct NewsQuery {
    pub(crate) req_id: i32,
    pub(crate) con_id: i32,
    pub(crate) providers: String,
    pub(crate) start: String,
    pub(crate) end: String,
    pub(crate) total: i32,
}

/// Past ticks of one contract.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PastTicksQuery {
    pub(crate) req_id: i32,
    pub(crate) contract: Contract,
    pub(crate) start: String,
    pub(crate) end: String,
    pub(crate) count: i32,
    pub(crate) what_to_show: String,
    pub(crate) use_rth: bool,
    pub(crate) ignore_size: bool,
}

/// What a client wants of one option: to use it, or to let it lapse.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Exercise {
    /// Counts as an order id.
    pub(crate) order_id: i32,
    pub(crate) contract: Contract,
    /// 1 exercises, 2 lets lapse.
    pub(crate) action: i32,
    pub(crate) quantity: i32,
    pub(crate) account: String,
    pub(crate) force: bool,
}

macro_rules! requests {
    ($( $family:ident { $( $variant:ident $({ $($field:ident : $type:ty),* $(,)? })? $(($inner:ty))? ),* $(,)? } )*) => {
        #[derive(Debug, Clone, PartialEq, Serialize)]
        pub(crate) enum Request {
            $( $( $variant $({ $($field: $type),* })? $(($inner))? ),* ),*
        }

        /// The part of a session that serves a request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Family {
            $( $family ),*
        }

        impl Request {
            /// The name for the journal and for faults.
            pub(crate) fn name(&self) -> &'static str {
                match self { $( $( Self::$variant { .. } => stringify!($variant), )* )* }
            }

            /// Every name there is, so that a misspelt fault is refused.
            pub(crate) const NAMES: &'static [&'static str] = &[ $( $( stringify!($variant) ),* ),* ];

            pub(crate) fn family(&self) -> Family {
                match self { $( $( Self::$variant { .. } )|* => Family::$family, )* }
            }
        }
    };
}

requests! {
    Session {
        StartApi { client_id: i32, optional_capabilities: String },
        CurrentTime,
        CurrentTimeInMillis,
        Ids { count: i32 },
        ManagedAccounts,
        SetServerLogLevel,
        FamilyCodes,
        UserInfo { req_id: i32 },
        Unhandled { message: u32, req_id: Option<i32> },
    }
    Account {
        AccountSummary { req_id: i32, group: String, tags: String },
        CancelAccountSummary { req_id: i32 },
        AccountData { subscribe: bool, account: String },
        AccountUpdatesMulti { req_id: i32, account: String, model: String, ledger_and_nlv: bool },
        CancelAccountUpdatesMulti { req_id: i32 },
        Positions,
        CancelPositions,
        PositionsMulti { req_id: i32, account: String, model: String },
        CancelPositionsMulti { req_id: i32 },
        PnL { req_id: i32, account: String, model: String },
        CancelPnL { req_id: i32 },
        PnLSingle { req_id: i32, account: String, model: String, con_id: i32 },
        CancelPnLSingle { req_id: i32 },
    }
    Contracts {
        ContractData { req_id: i32, contract: Box<Contract> },
        CancelContractData { req_id: i32 },
        MatchingSymbols { req_id: i32, pattern: String },
        MarketRule { rule_id: i32 },
    }
    History {
        HistoricalData(Box<HistoryQuery>),
        CancelHistoricalData { req_id: i32 },
        HeadTimestamp(Box<HeadTimestampQuery>),
        CancelHeadTimestamp { req_id: i32 },
    }
    News {
        NewsProviders,
        HistoricalNews(Box<NewsQuery>),
        NewsArticle { req_id: i32, provider: String, article_id: String },
    }
    Quotes {
        MarketDataType { kind: i32 },
        MarketData { req_id: i32, contract: Box<Contract>, generic_ticks: String, snapshot: bool, regulatory: bool },
        CancelMarketData { req_id: i32 },
        RealTimeBars { req_id: i32, contract: Box<Contract>, bar_size: i32, what_to_show: String, use_rth: bool },
        CancelRealTimeBars { req_id: i32 },
    }
    Depth {
        MarketDepth { req_id: i32, contract: Box<Contract>, rows: i32, smart: bool },
        CancelMarketDepth { req_id: i32, smart: bool },
        MarketDepthExchanges,
        SmartComponents { req_id: i32, bbo_exchange: String },
    }
    Ticks {
        TickByTick { req_id: i32, contract: Box<Contract>, kind: String, count: i32, ignore_size: bool },
        CancelTickByTick { req_id: i32 },
        HistoricalTicks(Box<PastTicksQuery>),
        CancelHistoricalTicks { req_id: i32 },
        Histogram { req_id: i32, contract: Box<Contract>, use_rth: bool, period: String },
        CancelHistogram { req_id: i32 },
    }
    Options {
        SecDefOptParams { req_id: i32, symbol: String, fut_fop_exchange: String, sec_type: String, con_id: i32 },
        CalculateImpliedVolatility { req_id: i32, contract: Box<Contract>, option_price: f64, under_price: f64 },
        CancelCalculateImpliedVolatility { req_id: i32 },
        CalculateOptionPrice { req_id: i32, contract: Box<Contract>, volatility: f64, under_price: f64 },
        CancelCalculateOptionPrice { req_id: i32 },
    }
    Orders {
        PlaceOrder { order_id: i32, contract: Box<Contract>, order: Box<Order>, attached: Option<Box<AttachedOrders>> },
        CancelOrder { order_id: i32, cancel: OrderCancel },
        GlobalCancel { cancel: OrderCancel },
        OpenOrders,
        AllOpenOrders,
        AutoOpenOrders { bind: bool },
        CompletedOrders { api_only: bool },
        Executions { req_id: i32, filter: Box<ExecutionFilter> },
        ExerciseOptions(Box<Exercise>),
    }
    Scanner {
        ScannerParameters,
        Scanner { req_id: i32, subscription: Box<ScannerSubscription> },
        CancelScanner { req_id: i32 },
    }
    Reference {
        NewsBulletins { all: bool },
        CancelNewsBulletins,
        Fa { kind: i32 },
        ReplaceFa { req_id: i32, kind: i32, xml: String },
        SoftDollarTiers { req_id: i32 },
        WshMetaData { req_id: i32 },
        CancelWshMetaData { req_id: i32 },
        WshEventData(Box<WshEventDataRequest>),
        CancelWshEventData { req_id: i32 },
        QueryDisplayGroups { req_id: i32 },
        SubscribeToGroupEvents { req_id: i32, group: i32 },
        UpdateDisplayGroup { req_id: i32, contract_info: String },
        UnsubscribeFromGroupEvents { req_id: i32 },
        Verify { message: u32 },
        Fundamentals { req_id: i32, contract: Box<Contract>, report: String },
        CancelFundamentals { req_id: i32 },
        Config { req_id: i32 },
        UpdateConfig(Box<UpdateConfigRequest>),
    }
}

impl Request {
    /// The fields as JSON, for the journal.
    pub(crate) fn fields(&self) -> Value {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map.into_iter().next().map_or(Value::Null, |(_, fields)| fields),
            _ => Value::Object(serde_json::Map::new()),
        }
    }

    /// The id that an answer or an error must carry; without one it concerns the whole connection.
    pub(crate) fn req_id(&self) -> Option<i32> {
        match self {
            Self::UserInfo { req_id }
            | Self::AccountSummary { req_id, .. }
            | Self::CancelAccountSummary { req_id }
            | Self::AccountUpdatesMulti { req_id, .. }
            | Self::CancelAccountUpdatesMulti { req_id }
            | Self::PositionsMulti { req_id, .. }
            | Self::CancelPositionsMulti { req_id }
            | Self::PnL { req_id, .. }
            | Self::CancelPnL { req_id }
            | Self::PnLSingle { req_id, .. }
            | Self::CancelPnLSingle { req_id }
            | Self::ContractData { req_id, .. }
            | Self::CancelContractData { req_id }
            | Self::MatchingSymbols { req_id, .. }
            | Self::CancelHistoricalData { req_id }
            | Self::CancelHeadTimestamp { req_id }
            | Self::NewsArticle { req_id, .. }
            | Self::MarketData { req_id, .. }
            | Self::CancelMarketData { req_id }
            | Self::RealTimeBars { req_id, .. }
            | Self::CancelRealTimeBars { req_id }
            | Self::MarketDepth { req_id, .. }
            | Self::CancelMarketDepth { req_id, .. }
            | Self::SmartComponents { req_id, .. }
            | Self::TickByTick { req_id, .. }
            | Self::CancelTickByTick { req_id }
            | Self::CancelHistoricalTicks { req_id }
            | Self::Histogram { req_id, .. }
            | Self::CancelHistogram { req_id }
            | Self::SecDefOptParams { req_id, .. }
            | Self::CalculateImpliedVolatility { req_id, .. }
            | Self::CancelCalculateImpliedVolatility { req_id }
            | Self::CalculateOptionPrice { req_id, .. }
            | Self::CancelCalculateOptionPrice { req_id }
            | Self::Executions { req_id, .. }
            | Self::Scanner { req_id, .. }
            | Self::CancelScanner { req_id }
            | Self::ReplaceFa { req_id, .. }
            | Self::SoftDollarTiers { req_id }
            | Self::WshMetaData { req_id }
            | Self::CancelWshMetaData { req_id }
            | Self::CancelWshEventData { req_id }
            | Self::QueryDisplayGroups { req_id }
            | Self::SubscribeToGroupEvents { req_id, .. }
            | Self::UpdateDisplayGroup { req_id, .. }
            | Self::UnsubscribeFromGroupEvents { req_id }
            | Self::Fundamentals { req_id, .. }
            | Self::CancelFundamentals { req_id }
            | Self::Config { req_id } => Some(*req_id),
            Self::PlaceOrder { order_id, .. } | Self::CancelOrder { order_id, .. } => Some(*order_id),
            Self::HistoricalData(query) => Some(query.req_id),
            Self::HeadTimestamp(query) => Some(query.req_id),
            Self::HistoricalNews(query) => Some(query.req_id),
            Self::HistoricalTicks(query) => Some(query.req_id),
            Self::ExerciseOptions(exercise) => Some(exercise.order_id),
            Self::WshEventData(query) => query.req_id,
            Self::UpdateConfig(request) => request.req_id,
            Self::Unhandled { req_id, .. } => *req_id,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_fields_for_the_journal() {
        assert_eq!(Request::CurrentTime.name(), "CurrentTime");
        assert_eq!(Request::CurrentTime.fields(), serde_json::json!({}));
        let contract = Contract { symbol: "AAPL".into(), sec_type: "STK".into(), ..Contract::default() };
        let request = Request::ContractData { req_id: 7, contract: Box::new(contract) };
        assert_eq!(request.fields(), serde_json::json!({"req_id": 7, "contract": {"symbol": "AAPL", "sec_type": "STK"}}));
        assert_eq!((request.name(), request.req_id()), ("ContractData", Some(7)));
        assert!(Request::NAMES.contains(&"HistoricalData"));
        assert_eq!(request.family(), Family::Contracts);
    }
}
