//! Single ticks, live and historical, and the histogram.
//!
//! Field numbers and types are those of IB's protobuf messages; every field is optional, since a
//! field that a gateway leaves out must stay absent instead of being sent as zero.

use std::collections::BTreeMap;

use super::contract::Contract;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TickByTickRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(string, optional, tag = "3")]
    pub(crate) tick_type: Option<String>,
    #[prost(int32, optional, tag = "4")]
    pub(crate) number_of_ticks: Option<i32>,
    #[prost(bool, optional, tag = "5")]
    pub(crate) ignore_size: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TickByTickData {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) tick_type: Option<i32>,
    #[prost(message, optional, tag = "3")]
    pub(crate) historical_tick_last: Option<HistoricalTickLast>,
    #[prost(message, optional, tag = "4")]
    pub(crate) historical_tick_bid_ask: Option<HistoricalTickBidAsk>,
    #[prost(message, optional, tag = "5")]
    pub(crate) historical_tick_mid_point: Option<HistoricalTick>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TickAttribLast {
    #[prost(bool, optional, tag = "1")]
    pub(crate) past_limit: Option<bool>,
    #[prost(bool, optional, tag = "2")]
    pub(crate) unreported: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TickAttribBidAsk {
    #[prost(bool, optional, tag = "1")]
    pub(crate) bid_past_low: Option<bool>,
    #[prost(bool, optional, tag = "2")]
    pub(crate) ask_past_high: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalTicksRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(string, optional, tag = "3")]
    pub(crate) start_date_time: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) end_date_time: Option<String>,
    #[prost(int32, optional, tag = "5")]
    pub(crate) number_of_ticks: Option<i32>,
    #[prost(string, optional, tag = "6")]
    pub(crate) what_to_show: Option<String>,
    #[prost(bool, optional, tag = "7")]
    pub(crate) use_rth: Option<bool>,
    #[prost(bool, optional, tag = "8")]
    pub(crate) ignore_size: Option<bool>,
    #[prost(btree_map = "string, string", tag = "9")]
    pub(crate) misc_options: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalTicks {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) historical_ticks: Vec<HistoricalTick>,
    #[prost(bool, optional, tag = "3")]
    pub(crate) is_done: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalTick {
    #[prost(int64, optional, tag = "1")]
    pub(crate) time: Option<i64>,
    #[prost(double, optional, tag = "2")]
    pub(crate) price: Option<f64>,
    #[prost(string, optional, tag = "3")]
    pub(crate) size: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalTicksBidAsk {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) historical_ticks_bid_ask: Vec<HistoricalTickBidAsk>,
    #[prost(bool, optional, tag = "3")]
    pub(crate) is_done: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalTickBidAsk {
    #[prost(int64, optional, tag = "1")]
    pub(crate) time: Option<i64>,
    #[prost(message, optional, tag = "2")]
    pub(crate) tick_attrib_bid_ask: Option<TickAttribBidAsk>,
    #[prost(double, optional, tag = "3")]
    pub(crate) price_bid: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub(crate) price_ask: Option<f64>,
    #[prost(string, optional, tag = "5")]
    pub(crate) size_bid: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(crate) size_ask: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalTicksLast {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) historical_ticks_last: Vec<HistoricalTickLast>,
    #[prost(bool, optional, tag = "3")]
    pub(crate) is_done: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalTickLast {
    #[prost(int64, optional, tag = "1")]
    pub(crate) time: Option<i64>,
    #[prost(message, optional, tag = "2")]
    pub(crate) tick_attrib_last: Option<TickAttribLast>,
    #[prost(double, optional, tag = "3")]
    pub(crate) price: Option<f64>,
    #[prost(string, optional, tag = "4")]
    pub(crate) size: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) exchange: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(crate) special_conditions: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistogramDataRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(bool, optional, tag = "3")]
    pub(crate) use_rth: Option<bool>,
    #[prost(string, optional, tag = "4")]
    pub(crate) time_period: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistogramData {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) histogram_data_entries: Vec<HistogramDataEntry>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistogramDataEntry {
    #[prost(double, optional, tag = "1")]
    pub(crate) price: Option<f64>,
    #[prost(string, optional, tag = "2")]
    pub(crate) size: Option<String>,
}
