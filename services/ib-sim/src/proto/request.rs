//! What a client can ask, without a dialect.
//!
//! Invariant: every request has a stable name (IB's, without `Request`), which the journal and the
//! fault port use, and names the id under which a client waits for an answer.

use serde::Serialize;
use serde_json::Value;

use super::types::Contract;

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

macro_rules! requests {
    ($( $variant:ident $({ $($field:ident : $type:ty),* $(,)? })? $(($inner:ty))? ),* $(,)?) => {
        #[derive(Debug, Clone, PartialEq, Serialize)]
        pub(crate) enum Request {
            $( $variant $({ $($field: $type),* })? $(($inner))? ),*
        }

        impl Request {
            /// The name for the journal and for faults.
            pub(crate) fn name(&self) -> &'static str {
                match self { $( Self::$variant { .. } => stringify!($variant) ),* }
            }

            /// Every name there is, so that a misspelt fault is refused.
            pub(crate) const NAMES: &'static [&'static str] = &[ $( stringify!($variant) ),* ];
        }
    };
}

requests! {
    StartApi { client_id: i32, optional_capabilities: String },
    CurrentTime,
    CurrentTimeInMillis,
    Ids { count: i32 },
    ManagedAccounts,
    SetServerLogLevel,
    MarketDataType { kind: i32 },
    FamilyCodes,
    UserInfo { req_id: i32 },
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
    ContractData { req_id: i32, contract: Box<Contract> },
    CancelContractData { req_id: i32 },
    MatchingSymbols { req_id: i32, pattern: String },
    MarketRule { rule_id: i32 },
    HistoricalData(Box<HistoryQuery>),
    CancelHistoricalData { req_id: i32 },
    HeadTimestamp(Box<HeadTimestampQuery>),
    CancelHeadTimestamp { req_id: i32 },
    NewsProviders,
    HistoricalNews(Box<NewsQuery>),
    NewsArticle { req_id: i32, provider: String, article_id: String },
    OpenOrders,
    AllOpenOrders,
    AutoOpenOrders,
    CompletedOrders,
    Executions { req_id: i32 },
    Unhandled { message: u32, req_id: Option<i32> },
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
            | Self::Executions { req_id } => Some(*req_id),
            Self::HistoricalData(query) => Some(query.req_id),
            Self::HeadTimestamp(query) => Some(query.req_id),
            Self::HistoricalNews(query) => Some(query.req_id),
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
    }
}
