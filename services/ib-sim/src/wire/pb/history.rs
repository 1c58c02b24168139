//! Historical bars, schedules and head time stamps.
//!
//! Field numbers and types are those of IB's protobuf messages; every field is optional, since a
//! field that a gateway leaves out must stay absent instead of being sent as zero.

use std::collections::HashMap;

use super::contract::Contract;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalDataRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(string, optional, tag = "3")]
    pub(crate) end_date_time: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) bar_size_setting: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) duration: Option<String>,
    #[prost(bool, optional, tag = "6")]
    pub(crate) use_rth: Option<bool>,
    #[prost(string, optional, tag = "7")]
    pub(crate) what_to_show: Option<String>,
    #[prost(int32, optional, tag = "8")]
    pub(crate) format_date: Option<i32>,
    #[prost(bool, optional, tag = "9")]
    pub(crate) keep_up_to_date: Option<bool>,
    #[prost(map = "string, string", tag = "10")]
    pub(crate) chart_options: HashMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalDataBar {
    #[prost(string, optional, tag = "1")]
    pub(crate) date: Option<String>,
    #[prost(double, optional, tag = "2")]
    pub(crate) open: Option<f64>,
    #[prost(double, optional, tag = "3")]
    pub(crate) high: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub(crate) low: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub(crate) close: Option<f64>,
    #[prost(string, optional, tag = "6")]
    pub(crate) volume: Option<String>,
    #[prost(string, optional, tag = "7")]
    pub(crate) wap: Option<String>,
    #[prost(int32, optional, tag = "8")]
    pub(crate) bar_count: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalData {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) historical_data_bars: Vec<HistoricalDataBar>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalDataUpdate {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) historical_data_bar: Option<HistoricalDataBar>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalDataEnd {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) start_date_str: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) end_date_str: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalSession {
    #[prost(string, optional, tag = "1")]
    pub(crate) start_date_time: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(crate) end_date_time: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) ref_date: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HistoricalSchedule {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) start_date_time: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) end_date_time: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) time_zone: Option<String>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) historical_sessions: Vec<HistoricalSession>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HeadTimestampRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(bool, optional, tag = "3")]
    pub(crate) use_rth: Option<bool>,
    #[prost(string, optional, tag = "4")]
    pub(crate) what_to_show: Option<String>,
    #[prost(int32, optional, tag = "5")]
    pub(crate) format_date: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HeadTimestamp {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) head_timestamp: Option<String>,
}
