//! Market depth and the exchanges behind it.
//!
//! Field numbers and types are those of IB's protobuf messages; every field is optional, since a
//! field that a gateway leaves out must stay absent instead of being sent as zero.

use std::collections::BTreeMap;

use super::contract::Contract;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MarketDepthRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(int32, optional, tag = "3")]
    pub(crate) num_rows: Option<i32>,
    #[prost(bool, optional, tag = "4")]
    pub(crate) is_smart_depth: Option<bool>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(crate) market_depth_options: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CancelMarketDepth {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(bool, optional, tag = "2")]
    pub(crate) is_smart_depth: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MarketDepth {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) market_depth_data: Option<MarketDepthData>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MarketDepthL2 {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) market_depth_data: Option<MarketDepthData>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MarketDepthData {
    #[prost(int32, optional, tag = "1")]
    pub(crate) position: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) operation: Option<i32>,
    #[prost(int32, optional, tag = "3")]
    pub(crate) side: Option<i32>,
    #[prost(double, optional, tag = "4")]
    pub(crate) price: Option<f64>,
    #[prost(string, optional, tag = "5")]
    pub(crate) size: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(crate) market_maker: Option<String>,
    #[prost(bool, optional, tag = "7")]
    pub(crate) is_smart_depth: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MarketDepthExchanges {
    #[prost(message, repeated, tag = "1")]
    pub(crate) depth_market_data_descriptions: Vec<DepthMarketDataDescription>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DepthMarketDataDescription {
    #[prost(string, optional, tag = "1")]
    pub(crate) exchange: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(crate) sec_type: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) listing_exch: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) service_data_type: Option<String>,
    #[prost(int32, optional, tag = "5")]
    pub(crate) agg_group: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SmartComponentsRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) bbo_exchange: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SmartComponents {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) smart_components: Vec<SmartComponent>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SmartComponent {
    #[prost(int32, optional, tag = "1")]
    pub(crate) bit_number: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) exchange: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) exchange_letter: Option<String>,
}
