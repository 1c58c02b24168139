//! Connection, identity and error messages.
//!
//! Field numbers and types are those of IB's protobuf messages; every field is optional, since a
//! field that a gateway leaves out must stay absent instead of being sent as zero.

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StartApiRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) client_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) optional_capabilities: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CurrentTime {
    #[prost(int64, optional, tag = "1")]
    pub(crate) current_time: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CurrentTimeInMillis {
    #[prost(int64, optional, tag = "1")]
    pub(crate) current_time_in_millis: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct IdsRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) num_ids: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct NextValidId {
    #[prost(int32, optional, tag = "1")]
    pub(crate) order_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ManagedAccounts {
    #[prost(string, optional, tag = "1")]
    pub(crate) accounts_list: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ErrorMessage {
    #[prost(int32, optional, tag = "1")]
    pub(crate) id: Option<i32>,
    #[prost(int64, optional, tag = "2")]
    pub(crate) error_time: Option<i64>,
    #[prost(int32, optional, tag = "3")]
    pub(crate) error_code: Option<i32>,
    #[prost(string, optional, tag = "4")]
    pub(crate) error_msg: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) advanced_order_reject_json: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MarketDataTypeRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) market_data_type: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct FamilyCode {
    #[prost(string, optional, tag = "1")]
    pub(crate) account_id: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(crate) family_code: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct FamilyCodes {
    #[prost(message, repeated, tag = "1")]
    pub(crate) family_codes: Vec<FamilyCode>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct UserInfoRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct UserInfo {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) white_branding_id: Option<String>,
}
