//! IB's protobuf messages, written by hand from their field numbers and grouped by family.

pub(crate) mod account;
pub(crate) mod contract;
pub(crate) mod history;
pub(crate) mod news;
pub(crate) mod order;
pub(crate) mod session;

use prost::Message;

/// The many requests and end markers that carry a request id in field 1 and nothing else.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReqId {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
}
