//! Market scanners.
//!
//! Field numbers and types are those of IB's protobuf messages; every field is optional, since a
//! field that a gateway leaves out must stay absent instead of being sent as zero.

use std::collections::BTreeMap;

use super::contract::Contract;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ScannerSubscriptionRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) scanner_subscription: Option<ScannerSubscription>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct ScannerSubscription {
    #[prost(int32, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) number_of_rows: Option<i32>,
    #[prost(string, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instrument: Option<String>,
    #[prost(string, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) location_code: Option<String>,
    #[prost(string, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scan_code: Option<String>,
    #[prost(double, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) above_price: Option<f64>,
    #[prost(double, optional, tag = "6")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) below_price: Option<f64>,
    #[prost(int64, optional, tag = "7")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) above_volume: Option<i64>,
    #[prost(double, optional, tag = "8")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) market_cap_above: Option<f64>,
    #[prost(double, optional, tag = "9")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) market_cap_below: Option<f64>,
    #[prost(string, optional, tag = "10")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) moody_rating_above: Option<String>,
    #[prost(string, optional, tag = "11")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) moody_rating_below: Option<String>,
    #[prost(string, optional, tag = "12")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sp_rating_above: Option<String>,
    #[prost(string, optional, tag = "13")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sp_rating_below: Option<String>,
    #[prost(string, optional, tag = "14")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) maturity_date_above: Option<String>,
    #[prost(string, optional, tag = "15")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) maturity_date_below: Option<String>,
    #[prost(double, optional, tag = "16")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) coupon_rate_above: Option<f64>,
    #[prost(double, optional, tag = "17")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) coupon_rate_below: Option<f64>,
    #[prost(bool, optional, tag = "18")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exclude_convertible: Option<bool>,
    #[prost(int64, optional, tag = "19")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) average_option_volume_above: Option<i64>,
    #[prost(string, optional, tag = "20")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scanner_setting_pairs: Option<String>,
    #[prost(string, optional, tag = "21")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stock_type_filter: Option<String>,
    #[prost(btree_map = "string, string", tag = "22")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) scanner_subscription_filter_options: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "23")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) scanner_subscription_options: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ScannerParameters {
    #[prost(string, optional, tag = "1")]
    pub(crate) xml: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ScannerData {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) scanner_data_element: Vec<ScannerDataElement>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ScannerDataElement {
    #[prost(int32, optional, tag = "1")]
    pub(crate) rank: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(string, optional, tag = "3")]
    pub(crate) market_name: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) distance: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) benchmark: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(crate) projection: Option<String>,
    #[prost(string, optional, tag = "7")]
    pub(crate) combo_key: Option<String>,
}
