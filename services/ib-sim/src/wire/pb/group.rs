//! TWS display groups.
//!
//! Field numbers and types are those of IB's protobuf messages; every field is optional, since a
//! field that a gateway leaves out must stay absent instead of being sent as zero.

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SubscribeToGroupEventsRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) group_id: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct UpdateDisplayGroupRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) contract_info: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DisplayGroupList {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) groups: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DisplayGroupUpdated {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) contract_info: Option<String>,
}
