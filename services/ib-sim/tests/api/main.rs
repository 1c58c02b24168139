//! The real `ibapi` client against the simulator, over TCP.
#![expect(clippy::unwrap_used, reason = "clippy knows test functions, not the helpers they share")]

mod accounts;
mod control;
mod depth;
mod face;
mod faults;
mod faults_lasting;
mod frames;
mod handshake;
mod market;
mod options;
mod orders;
mod orders_family;
mod orders_identity;
mod quotes;
mod raw;
mod reference;
mod scanner;
mod support;
mod text;
mod ticks;
mod wire;
