//! Bytes on the socket: the hello exchange, frames, and IB's protobuf messages.
//!
//! Invariant: nothing outside `wire` and the two codec modules of `proto` sees these types, so a
//! second dialect (IB's NUL-separated text, server version 178) can be added beside this one.

pub(crate) mod frame;
pub(crate) mod hello;
pub(crate) mod pb;
