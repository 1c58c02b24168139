//! What the gateway sends, without a dialect.
//!
//! Records that both dialects carry field by field are the messages of `wire::pb` themselves: a field
//! that is absent there is an empty one in text.

use super::types::{BarRow, Contract, ContractDetails, ScannerRow, SessionRow, SymbolRow};
use crate::wire::pb::advisor::SoftDollarTiers;
use crate::wire::pb::config::{ConfigResponse, UpdateConfigResponse};
use crate::wire::pb::depth::{DepthMarketDataDescription, MarketDepth, MarketDepthL2, SmartComponents};
use crate::wire::pb::event::{NewsBulletin, WshEventData, WshMetaData};
use crate::wire::pb::group::{DisplayGroupList, DisplayGroupUpdated};
use crate::wire::pb::option::SecDefOptParameter;
use crate::wire::pb::order::Order;
use crate::wire::pb::order_report::{CommissionAndFeesReport, Execution, OrderBound, OrderState, OrderStatus};
use crate::wire::pb::quote::{RealTimeBarTick, TickNews, TickOptionComputation, TickReqParams};
use crate::wire::pb::tick::{HistogramData, HistoricalTicks, HistoricalTicksBidAsk, HistoricalTicksLast, TickByTickData};

macro_rules! events {
    ($( $(#[$doc:meta])* $variant:ident $({ $($field:ident : $type:ty),* $(,)? })? $(($inner:ty))? ),* $(,)?) => {
        /// One message to a client.
        #[derive(Debug, Clone, PartialEq)]
        pub(crate) enum Event {
            $( $(#[$doc])* $variant $({ $($field: $type),* })? $(($inner))? ),*
        }

        impl Event {
            /// The name for the journal and for faults.
            pub(crate) fn name(&self) -> &'static str {
                match self { $( Self::$variant { .. } => stringify!($variant) ),* }
            }

            /// Every name there is, so that a misspelt fault is refused.
            pub(crate) const NAMES: &'static [&'static str] = &[ $( stringify!($variant) ),* ];
        }
    };
}

events! {
    Error { id: i32, time_ms: i64, code: i32, text: String },
    ManagedAccounts(Vec<String>),
    NextValidId(i32),
    CurrentTime(i64),
    CurrentTimeInMillis(i64),
    FamilyCodes(Vec<(String, String)>),
    UserInfo { req_id: i32, white_branding_id: String },
    AccountSummary { req_id: i32, account: String, tag: String, value: String, currency: String },
    AccountSummaryEnd { req_id: i32 },
    AccountValue { key: String, value: String, currency: String, account: String },
    PortfolioValue(Box<Portfolio>),
    AccountUpdateTime(String),
    AccountDataEnd { account: String },
    AccountUpdateMulti { req_id: i32, account: String, model: String, key: String, value: String, currency: String },
    AccountUpdateMultiEnd { req_id: i32 },
    Position { account: String, contract: Box<Contract>, quantity: String, average_cost: f64 },
    PositionEnd,
    PositionMulti { req_id: i32, account: String, model: String, contract: Box<Contract>, quantity: String, average_cost: f64 },
    PositionMultiEnd { req_id: i32 },
    PnL { req_id: i32, daily: f64, unrealized: f64, realized: f64 },
    PnLSingle { req_id: i32, quantity: String, daily: f64, unrealized: f64, realized: f64, value: f64 },
    ContractData { req_id: i32, contract: Box<Contract>, details: Box<ContractDetails> },
    ContractDataEnd { req_id: i32 },
    SymbolSamples { req_id: i32, rows: Vec<SymbolRow> },
    MarketRule { rule_id: i32, increments: Vec<(f64, f64)> },
    /// Text tells the stretch with the bars, protobuf in [`Event::HistoricalDataEnd`], which follows always.
    HistoricalData { req_id: i32, start: String, end: String, bars: Vec<BarRow> },
    HistoricalDataEnd { req_id: i32, start: String, end: String },
    HistoricalDataUpdate { req_id: i32, bar: Box<BarRow> },
    HistoricalSchedule { req_id: i32, start: String, end: String, zone: String, sessions: Vec<SessionRow> },
    HeadTimestamp { req_id: i32, time: String },
    NewsProviders(Vec<(String, String)>),
    HistoricalNews { req_id: i32, time: String, provider: String, article_id: String, headline: String },
    HistoricalNewsEnd { req_id: i32, has_more: bool },
    NewsArticle { req_id: i32, text: String },
    OpenOrder { order_id: i32, contract: Box<Contract>, order: Box<Order>, state: Box<OrderState> },
    OrderStatus(Box<OrderStatus>),
    OpenOrdersEnd,
    OrderBound(OrderBound),
    CompletedOrder { contract: Box<Contract>, order: Box<Order>, state: Box<OrderState> },
    CompletedOrdersEnd,
    ExecutionDetails { req_id: i32, contract: Box<Contract>, execution: Box<Execution> },
    ExecutionDetailsEnd { req_id: i32 },
    CommissionAndFees(Box<CommissionAndFeesReport>),
    MarketDataType { req_id: i32, kind: i32 },
    TickReqParams(TickReqParams),
    TickPrice { req_id: i32, kind: i32, price: f64, size: Option<String>, attributes: i32 },
    TickSize { req_id: i32, kind: i32, size: String },
    TickGeneric { req_id: i32, kind: i32, value: f64 },
    TickString { req_id: i32, kind: i32, value: String },
    TickOptionComputation(TickOptionComputation),
    TickNews(Box<TickNews>),
    TickSnapshotEnd { req_id: i32 },
    RealTimeBar(Box<RealTimeBarTick>),
    MarketDepth(Box<MarketDepth>),
    MarketDepthL2(Box<MarketDepthL2>),
    MarketDepthExchanges(Vec<DepthMarketDataDescription>),
    SmartComponents(SmartComponents),
    TickByTick(Box<TickByTickData>),
    HistoricalTicks(HistoricalTicks),
    HistoricalTicksBidAsk(HistoricalTicksBidAsk),
    HistoricalTicksLast(HistoricalTicksLast),
    Histogram(HistogramData),
    SecDefOptParameter(Box<SecDefOptParameter>),
    SecDefOptParameterEnd { req_id: i32 },
    ScannerParameters(String),
    ScannerData { req_id: i32, rows: Vec<ScannerRow> },
    NewsBulletin(NewsBulletin),
    SoftDollarTiers(SoftDollarTiers),
    WshMetaData(WshMetaData),
    WshEventData(WshEventData),
    DisplayGroupList(DisplayGroupList),
    DisplayGroupUpdated(DisplayGroupUpdated),
    Config(Box<ConfigResponse>),
    UpdateConfig(Box<UpdateConfigResponse>),
}

/// One position with its market value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Portfolio {
    pub(crate) account: String,
    pub(crate) contract: Contract,
    pub(crate) quantity: String,
    pub(crate) market_price: f64,
    pub(crate) market_value: f64,
    pub(crate) average_cost: f64,
    pub(crate) unrealized: f64,
    pub(crate) realized: f64,
}
