//! Option chains and calculators.
//!
//! Field numbers and types are those of IB's protobuf messages; every field is optional, since a
//! field that a gateway leaves out must stay absent instead of being sent as zero.

use std::collections::BTreeMap;

use super::contract::Contract;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SecDefOptParamsRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) underlying_symbol: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) fut_fop_exchange: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) underlying_sec_type: Option<String>,
    #[prost(int32, optional, tag = "5")]
    pub(crate) underlying_con_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SecDefOptParameter {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) exchange: Option<String>,
    #[prost(int32, optional, tag = "3")]
    pub(crate) underlying_con_id: Option<i32>,
    #[prost(string, optional, tag = "4")]
    pub(crate) trading_class: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) multiplier: Option<String>,
    #[prost(string, repeated, tag = "6")]
    pub(crate) expirations: Vec<String>,
    #[prost(double, repeated, tag = "7")]
    pub(crate) strikes: Vec<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CalculateImpliedVolatilityRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(double, optional, tag = "3")]
    pub(crate) option_price: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub(crate) under_price: Option<f64>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(crate) implied_volatility_options: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CalculateOptionPriceRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(double, optional, tag = "3")]
    pub(crate) volatility: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub(crate) under_price: Option<f64>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(crate) option_price_options: BTreeMap<String, String>,
}
