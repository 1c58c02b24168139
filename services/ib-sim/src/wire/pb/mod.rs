//! IB's protobuf messages, written by hand from their field numbers and grouped by family.

pub(crate) mod account;
pub(crate) mod advisor;
pub(crate) mod config;
pub(crate) mod contract;
pub(crate) mod depth;
pub(crate) mod event;
pub(crate) mod group;
pub(crate) mod history;
pub(crate) mod news;
pub(crate) mod option;
pub(crate) mod order;
pub(crate) mod order_report;
pub(crate) mod order_request;
pub(crate) mod quote;
pub(crate) mod scanner;
pub(crate) mod session;
pub(crate) mod tick;

use prost::Message;

/// The many requests and end markers that carry a request id in field 1 and nothing else.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReqId {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
}
