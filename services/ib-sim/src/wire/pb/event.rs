//! Corporate events (Wall Street Horizon) and news bulletins.
//!
//! Field numbers and types are those of IB's protobuf messages; every field is optional, since a
//! field that a gateway leaves out must stay absent instead of being sent as zero.

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct WshEventDataRequest {
    #[prost(int32, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) con_id: Option<i32>,
    #[prost(string, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filter: Option<String>,
    #[prost(bool, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fill_watchlist: Option<bool>,
    #[prost(bool, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fill_portfolio: Option<bool>,
    #[prost(bool, optional, tag = "6")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fill_competitors: Option<bool>,
    #[prost(string, optional, tag = "7")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start_date: Option<String>,
    #[prost(string, optional, tag = "8")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end_date: Option<String>,
    #[prost(int32, optional, tag = "9")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total_limit: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct WshMetaData {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) data_json: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct WshEventData {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) data_json: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct NewsBulletinsRequest {
    #[prost(bool, optional, tag = "1")]
    pub(crate) all_messages: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct NewsBulletin {
    #[prost(int32, optional, tag = "1")]
    pub(crate) news_msg_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) news_msg_type: Option<i32>,
    #[prost(string, optional, tag = "3")]
    pub(crate) news_message: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) originating_exch: Option<String>,
}
