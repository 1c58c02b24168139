//! Bytes on the socket: the hello exchange, frames, IB's protobuf messages and its text fields.
//!
//! Invariant: nothing outside `wire` and the codec modules of `proto` reads or writes wire bytes;
//! requests and events share some protobuf records, which both dialects carry field by field.

pub(crate) mod frame;
pub(crate) mod hello;
pub(crate) mod pb;
pub(crate) mod text;
