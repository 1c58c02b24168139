//! The truth loop: recordings, answers from them, and the simulator beside what a gateway once sent.
#![expect(clippy::unwrap_used, reason = "clippy knows test functions, not the helpers they share")]

mod convert;
mod gateway;
mod itself;
mod record;
mod replay;
mod support;
