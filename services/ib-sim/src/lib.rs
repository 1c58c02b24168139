//! A simulated Interactive Brokers Gateway that unmodified API clients accept.
//!
//! It speaks IB's wire protocol over TCP, holds a deterministic market and a paper account, keeps IB's
//! rules on versions, client ids and pacing, and can be made to fail on demand. See [`Sim`].
//!
//! Invariant: nothing here is shared with the workspace's own client side, so that one misreading of
//! the protocol cannot hide on both sides.

mod clock;
mod control;
mod door;
mod errors;
mod face;
mod faults;
mod gateway;
mod journal;
mod pacing;
mod proto;
mod session;
mod settings;
mod sim;
mod wire;
mod world;

pub use clock::{ClockSetting, ClockSettingError};
pub use face::{ExistingSession, LogLines, Login, LoginPlan, PlanError, TwoFactorTimeout};
pub use settings::{Error, HistoryPacing, HistoryPacingError, Settings, StartFault, StartFaultError};
pub use sim::Sim;
