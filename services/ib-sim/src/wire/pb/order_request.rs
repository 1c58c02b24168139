//! Requests about orders: placing, cancelling, asking for what there is.
//!
//! Field numbers and types are those of IB's protobuf messages; every field is optional, since a
//! field that a gateway leaves out must stay absent instead of being sent as zero.

use super::contract::Contract;
use super::order::Order;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PlaceOrderRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) order_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(message, optional, tag = "3")]
    pub(crate) order: Option<Order>,
    #[prost(message, optional, tag = "4")]
    pub(crate) attached_orders: Option<AttachedOrders>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct AttachedOrders {
    #[prost(int32, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sl_order_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sl_order_type: Option<String>,
    #[prost(int32, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pt_order_id: Option<i32>,
    #[prost(string, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pt_order_type: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CancelOrderRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) order_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) order_cancel: Option<OrderCancel>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct OrderCancel {
    #[prost(string, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) manual_order_cancel_time: Option<String>,
    #[prost(string, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ext_operator: Option<String>,
    #[prost(int32, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) manual_order_indicator: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct GlobalCancelRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) order_cancel: Option<OrderCancel>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AutoOpenOrdersRequest {
    #[prost(bool, optional, tag = "1")]
    pub(crate) auto_bind: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CompletedOrdersRequest {
    #[prost(bool, optional, tag = "1")]
    pub(crate) api_only: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ExecutionRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) execution_filter: Option<ExecutionFilter>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct ExecutionFilter {
    #[prost(int32, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) acct_code: Option<String>,
    #[prost(string, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<String>,
    #[prost(string, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) symbol: Option<String>,
    #[prost(string, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sec_type: Option<String>,
    #[prost(string, optional, tag = "6")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exchange: Option<String>,
    #[prost(string, optional, tag = "7")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) side: Option<String>,
    #[prost(int32, optional, tag = "8")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_n_days: Option<i32>,
    #[prost(int32, repeated, tag = "9")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) specific_dates: Vec<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ExerciseOptionsRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) order_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(int32, optional, tag = "3")]
    pub(crate) exercise_action: Option<i32>,
    #[prost(int32, optional, tag = "4")]
    pub(crate) exercise_quantity: Option<i32>,
    #[prost(string, optional, tag = "5")]
    pub(crate) account: Option<String>,
    #[prost(bool, optional, tag = "6")]
    pub(crate) override_: Option<bool>,
    #[prost(string, optional, tag = "7")]
    pub(crate) manual_order_time: Option<String>,
    #[prost(string, optional, tag = "8")]
    pub(crate) customer_account: Option<String>,
    #[prost(bool, optional, tag = "9")]
    pub(crate) professional_customer: Option<bool>,
}
