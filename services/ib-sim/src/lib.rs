//! A simulated Interactive Brokers Gateway that unmodified API clients accept.
//!
//! It speaks IB's wire protocol over TCP, holds a deterministic market and a paper account, keeps IB's
//! rules on versions, client ids and pacing, and can be made to fail on demand. See [`Sim`].
//!
//! Invariant: nothing here is shared with the workspace's own client side, so that one misreading of
//! the protocol cannot hide on both sides.

mod broker;
mod clock;
mod compare;
mod control;
mod door;
mod errors;
mod face;
mod faults;
mod feed;
#[doc(hidden)]
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gateway;
mod journal;
mod lines;
mod pacing;
mod proto;
mod record;
mod replay;
mod session;
mod settings;
mod sim;
mod transcript;
mod wire;
mod world;

pub use broker::OrderSettings;
pub use clock::{ClockSetting, ClockSettingError};
pub use compare::{Accepted, AcceptedError, CompareError, Comparison, compare};
pub use face::{DailyTime, ExistingSession, LogLines, Login, LoginPlan, PlanError, TwoFactorTimeout};
pub use record::{RecordError, RecordSettings, Recorded, Recorder};
pub use replay::{Replay, ReplayError, ReplaySettings, Replayed};
pub use settings::{Error, HistoryPacing, HistoryPacingError, Settings, StartFault, StartFaultError};
pub use sim::Sim;
pub use transcript::{Transcript, TranscriptError};
