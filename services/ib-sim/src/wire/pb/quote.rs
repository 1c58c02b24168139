//! Market data lines: ticks, snapshots and what comes with them.
//!
//! Field numbers and types are those of IB's protobuf messages; every field is optional, since a
//! field that a gateway leaves out must stay absent instead of being sent as zero.

use std::collections::BTreeMap;

use super::contract::Contract;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MarketDataRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(string, optional, tag = "3")]
    pub(crate) generic_tick_list: Option<String>,
    #[prost(bool, optional, tag = "4")]
    pub(crate) snapshot: Option<bool>,
    #[prost(bool, optional, tag = "5")]
    pub(crate) regulatory_snapshot: Option<bool>,
    #[prost(btree_map = "string, string", tag = "6")]
    pub(crate) market_data_options: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TickPrice {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) tick_type: Option<i32>,
    #[prost(double, optional, tag = "3")]
    pub(crate) price: Option<f64>,
    #[prost(string, optional, tag = "4")]
    pub(crate) size: Option<String>,
    #[prost(int32, optional, tag = "5")]
    pub(crate) attr_mask: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TickSize {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) tick_type: Option<i32>,
    #[prost(string, optional, tag = "3")]
    pub(crate) size: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TickGeneric {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) tick_type: Option<i32>,
    #[prost(double, optional, tag = "3")]
    pub(crate) value: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TickString {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) tick_type: Option<i32>,
    #[prost(string, optional, tag = "3")]
    pub(crate) value: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TickOptionComputation {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) tick_type: Option<i32>,
    #[prost(int32, optional, tag = "3")]
    pub(crate) tick_attrib: Option<i32>,
    #[prost(double, optional, tag = "4")]
    pub(crate) implied_vol: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub(crate) delta: Option<f64>,
    #[prost(double, optional, tag = "6")]
    pub(crate) opt_price: Option<f64>,
    #[prost(double, optional, tag = "7")]
    pub(crate) pv_dividend: Option<f64>,
    #[prost(double, optional, tag = "8")]
    pub(crate) gamma: Option<f64>,
    #[prost(double, optional, tag = "9")]
    pub(crate) vega: Option<f64>,
    #[prost(double, optional, tag = "10")]
    pub(crate) theta: Option<f64>,
    #[prost(double, optional, tag = "11")]
    pub(crate) und_price: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TickReqParams {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) min_tick: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) bbo_exchange: Option<String>,
    #[prost(int32, optional, tag = "4")]
    pub(crate) snapshot_permissions: Option<i32>,
    #[prost(string, optional, tag = "5")]
    pub(crate) last_price_precision: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(crate) last_size_precision: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MarketDataType {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) market_data_type: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TickNews {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(int64, optional, tag = "2")]
    pub(crate) timestamp: Option<i64>,
    #[prost(string, optional, tag = "3")]
    pub(crate) provider_code: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) article_id: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) headline: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(crate) extra_data: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RealTimeBarsRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(int32, optional, tag = "3")]
    pub(crate) bar_size: Option<i32>,
    #[prost(string, optional, tag = "4")]
    pub(crate) what_to_show: Option<String>,
    #[prost(bool, optional, tag = "5")]
    pub(crate) use_rth: Option<bool>,
    #[prost(btree_map = "string, string", tag = "6")]
    pub(crate) real_time_bars_options: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RealTimeBarTick {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(int64, optional, tag = "2")]
    pub(crate) time: Option<i64>,
    #[prost(double, optional, tag = "3")]
    pub(crate) open: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub(crate) high: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub(crate) low: Option<f64>,
    #[prost(double, optional, tag = "6")]
    pub(crate) close: Option<f64>,
    #[prost(string, optional, tag = "7")]
    pub(crate) volume: Option<String>,
    #[prost(string, optional, tag = "8")]
    pub(crate) wap: Option<String>,
    #[prost(int32, optional, tag = "9")]
    pub(crate) count: Option<i32>,
}
