//! The real `ibapi` client against the simulator, over TCP.
#![expect(clippy::unwrap_used, reason = "clippy knows test functions, not the helpers they share")]

mod accounts;
mod control;
mod faults;
mod handshake;
mod market;
mod orders;
mod raw;
mod reference;
mod scanner;
mod support;
mod text;
mod wire;
