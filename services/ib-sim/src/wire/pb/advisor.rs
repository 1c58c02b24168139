//! Advisor configuration and soft dollar tiers.
//!
//! Field numbers and types are those of IB's protobuf messages; every field is optional, since a
//! field that a gateway leaves out must stay absent instead of being sent as zero.

use super::order::SoftDollarTier;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct FaRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) fa_data_type: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct FaReplace {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) fa_data_type: Option<i32>,
    #[prost(string, optional, tag = "3")]
    pub(crate) xml: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SoftDollarTiers {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) soft_dollar_tiers: Vec<SoftDollarTier>,
}
