//! The real `ibapi` client against the simulator, over TCP.
#![expect(clippy::unwrap_used, reason = "clippy knows test functions, not the helpers they share")]

mod accounts;
mod control;
mod face;
mod faults;
mod handshake;
mod market;
mod orders;
mod raw;
mod support;
mod wire;
