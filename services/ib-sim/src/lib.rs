//! A simulated Interactive Brokers Gateway that unmodified API clients accept.
//!
//! It speaks IB's wire protocol over TCP, holds a deterministic market and a paper account, keeps IB's
//! rules on versions, client ids and pacing, and can be made to fail on demand. See [`Sim`].
//!
//! Invariant: nothing here is shared with the workspace's own client side, so that one misreading of
//! the protocol cannot hide on both sides.

mod clock;
mod control;
mod errors;
mod faults;
mod feed;
mod gateway;
mod journal;
mod lines;
mod pacing;
mod proto;
mod session;
mod settings;
mod sim;
mod wire;
mod world;

pub use clock::{ClockSetting, ClockSettingError};
pub use settings::{Error, HistoryPacing, HistoryPacingError, Settings};
pub use sim::Sim;
