//! What the gateway sends, without a dialect.

use super::types::{BarRow, Contract, ContractDetails, SessionRow, SymbolRow};

/// One message to a client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
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
    HistoricalData { req_id: i32, bars: Vec<BarRow> },
    HistoricalDataEnd { req_id: i32, start: String, end: String },
    HistoricalDataUpdate { req_id: i32, bar: Box<BarRow> },
    HistoricalSchedule { req_id: i32, start: String, end: String, zone: String, sessions: Vec<SessionRow> },
    HeadTimestamp { req_id: i32, time: String },
    NewsProviders(Vec<(String, String)>),
    HistoricalNews { req_id: i32, time: String, provider: String, article_id: String, headline: String },
    HistoricalNewsEnd { req_id: i32, has_more: bool },
    NewsArticle { req_id: i32, text: String },
    OpenOrder { order_id: i32, client_id: i32, contract: Box<Contract>, account: String },
    OrderStatus { order_id: i32, client_id: i32 },
    OpenOrdersEnd,
    CompletedOrdersEnd,
    ExecutionDetailsEnd { req_id: i32 },
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
