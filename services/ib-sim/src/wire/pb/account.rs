//! Account values, positions and P&L.
//!
//! Field numbers and types are those of IB's protobuf messages; every field is optional, since a
//! field that a gateway leaves out must stay absent instead of being sent as zero.

use super::contract::Contract;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccountSummaryRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) group: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) tags: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccountSummary {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) tag: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) value: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) currency: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccountSummaryEnd {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccountDataRequest {
    #[prost(bool, optional, tag = "1")]
    pub(crate) subscribe: Option<bool>,
    #[prost(string, optional, tag = "2")]
    pub(crate) acct_code: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccountValue {
    #[prost(string, optional, tag = "1")]
    pub(crate) key: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(crate) value: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) currency: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) account_name: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PortfolioValue {
    #[prost(message, optional, tag = "1")]
    pub(crate) contract: Option<Contract>,
    #[prost(string, optional, tag = "2")]
    pub(crate) position: Option<String>,
    #[prost(double, optional, tag = "3")]
    pub(crate) market_price: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub(crate) market_value: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub(crate) average_cost: Option<f64>,
    #[prost(double, optional, tag = "6")]
    pub(crate) unrealized_pnl: Option<f64>,
    #[prost(double, optional, tag = "7")]
    pub(crate) realized_pnl: Option<f64>,
    #[prost(string, optional, tag = "8")]
    pub(crate) account_name: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccountUpdateTime {
    #[prost(string, optional, tag = "1")]
    pub(crate) time_stamp: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccountDataEnd {
    #[prost(string, optional, tag = "1")]
    pub(crate) account_name: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccountUpdatesMultiRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) model_code: Option<String>,
    #[prost(bool, optional, tag = "4")]
    pub(crate) ledger_and_nlv: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccountUpdateMulti {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) model_code: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) key: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) value: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(crate) currency: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccountUpdateMultiEnd {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Position {
    #[prost(string, optional, tag = "1")]
    pub(crate) account: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(string, optional, tag = "3")]
    pub(crate) position: Option<String>,
    #[prost(double, optional, tag = "4")]
    pub(crate) avg_cost: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PositionEnd {}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PositionsMultiRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) model_code: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PositionMulti {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) account: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub(crate) contract: Option<Contract>,
    #[prost(string, optional, tag = "4")]
    pub(crate) position: Option<String>,
    #[prost(double, optional, tag = "5")]
    pub(crate) avg_cost: Option<f64>,
    #[prost(string, optional, tag = "6")]
    pub(crate) model_code: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PositionMultiEnd {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PnlRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) model_code: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Pnl {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(double, optional, tag = "2")]
    pub(crate) daily_pnl: Option<f64>,
    #[prost(double, optional, tag = "3")]
    pub(crate) unrealized_pnl: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub(crate) realized_pnl: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PnlSingleRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) model_code: Option<String>,
    #[prost(int32, optional, tag = "4")]
    pub(crate) con_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PnlSingle {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) position: Option<String>,
    #[prost(double, optional, tag = "3")]
    pub(crate) daily_pnl: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub(crate) unrealized_pnl: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub(crate) realized_pnl: Option<f64>,
    #[prost(double, optional, tag = "6")]
    pub(crate) value: Option<f64>,
}
