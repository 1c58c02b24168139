//! The link against a simulated gateway, over TCP.

mod requests;
mod supervision;
mod support;
