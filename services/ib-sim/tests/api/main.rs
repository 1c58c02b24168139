//! The real `ibapi` client against the simulator, over TCP.
#![expect(clippy::unwrap_used, reason = "clippy knows test functions, not the helpers they share")]

mod accounts;
mod control;
mod depth;
mod faults;
mod frames;
mod handshake;
mod market;
mod options;
mod orders;
mod quotes;
mod raw;
mod support;
mod text;
mod ticks;
mod wire;
