//! The few order messages that a gateway without orders needs: empty replies, and the replay before the ids.
//!
//! Field numbers and types are those of IB's protobuf messages; every field is optional, since a
//! field that a gateway leaves out must stay absent instead of being sent as zero.

use super::contract::Contract;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OpenOrder {
    #[prost(int32, optional, tag = "1")]
    pub(crate) order_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(message, optional, tag = "3")]
    pub(crate) order: Option<Order>,
    #[prost(message, optional, tag = "4")]
    pub(crate) order_state: Option<OrderState>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Order {
    #[prost(int32, optional, tag = "1")]
    pub(crate) client_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) order_id: Option<i32>,
    #[prost(int64, optional, tag = "3")]
    pub(crate) perm_id: Option<i64>,
    #[prost(int32, optional, tag = "4")]
    pub(crate) parent_id: Option<i32>,
    #[prost(string, optional, tag = "5")]
    pub(crate) action: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(crate) total_quantity: Option<String>,
    #[prost(string, optional, tag = "8")]
    pub(crate) order_type: Option<String>,
    #[prost(double, optional, tag = "9")]
    pub(crate) lmt_price: Option<f64>,
    #[prost(double, optional, tag = "10")]
    pub(crate) aux_price: Option<f64>,
    #[prost(string, optional, tag = "11")]
    pub(crate) tif: Option<String>,
    #[prost(string, optional, tag = "12")]
    pub(crate) account: Option<String>,
    #[prost(string, optional, tag = "15")]
    pub(crate) clearing_intent: Option<String>,
    #[prost(string, optional, tag = "28")]
    pub(crate) order_ref: Option<String>,
    #[prost(int32, optional, tag = "30")]
    pub(crate) oca_type: Option<i32>,
    #[prost(int32, optional, tag = "31")]
    pub(crate) trigger_method: Option<i32>,
    #[prost(bool, optional, tag = "66")]
    pub(crate) transmit: Option<bool>,
    #[prost(string, optional, tag = "115")]
    pub(crate) filled_quantity: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OrderState {
    #[prost(string, optional, tag = "1")]
    pub(crate) status: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OrderStatus {
    #[prost(int32, optional, tag = "1")]
    pub(crate) order_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) status: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) filled: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) remaining: Option<String>,
    #[prost(double, optional, tag = "5")]
    pub(crate) avg_fill_price: Option<f64>,
    #[prost(int64, optional, tag = "6")]
    pub(crate) perm_id: Option<i64>,
    #[prost(int32, optional, tag = "7")]
    pub(crate) parent_id: Option<i32>,
    #[prost(double, optional, tag = "8")]
    pub(crate) last_fill_price: Option<f64>,
    #[prost(int32, optional, tag = "9")]
    pub(crate) client_id: Option<i32>,
    #[prost(string, optional, tag = "10")]
    pub(crate) why_held: Option<String>,
    #[prost(double, optional, tag = "11")]
    pub(crate) mkt_cap_price: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OpenOrdersEnd {}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CompletedOrdersEnd {}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ExecutionRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ExecutionDetailsEnd {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
}
