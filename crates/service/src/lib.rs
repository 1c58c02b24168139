//! One shape for every process: settings, start-up, telemetry, admin port, drain.
//!
//! [`settings`] is one declarative table that makes flags, environment names, aliases and validation. [`process::run`]
//! takes a service from parsed settings to its exit code. Invariant: nothing is bound or connected before every setting
//! has been checked, and a wrong set of settings is told in one message.

pub mod admin;
pub mod clock;
pub mod notify;
pub mod process;
pub mod settings;
mod telemetry;

pub use admin::Admin;
pub use process::{Process, run};
pub use settings::{Settings, SettingsError};
