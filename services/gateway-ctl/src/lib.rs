//! Keeps the IB gateway as it is wanted, up or down, and says what is wrong with it.
//!
//! | file | is |
//! |---|---|
//! | `policy/` | the state machine: what to start, stop, wait for and tell |
//! | `logs.rs` | the container's log, read as markers |
//! | `windows.rs` | when IB restarts its servers |
//! | `diagnose.rs`, `diagnose/` | what was seen of each layer, the verdict and the next step |
//! | `status.rs` | the replies that callers get |
//! | `session.rs` | the probe's session and the heartbeats, as facts |
//! | `backend/` | what starts and stops the gateway, and what it sees of it |
//! | `probes.rs` | looks at the way to the API |
//! | `hands.rs` | carries out what the policy decides |
//! | `keeper.rs`, `keeper/` | the task that owns the policy |
//! | `saved.rs`, `lease.rs` | what is kept in NATS: the state, and who acts |
//! | `serve.rs`, `input.rs` | the operations, and what they become |
//! | `notify.rs` | tells people who are not looking |
//! | `metrics.rs` | what `/metrics` tells |
//! | `run.rs` | all of it, from the settings to the drain |
//!
//! Invariant: what decides is pure, with time as a parameter (the first six); the rest carries to and fro.

pub mod backend;
pub mod diagnose;
mod hands;
mod input;
mod keeper;
mod lease;
pub mod logs;
mod metrics;
pub mod notify;
pub mod policy;
mod probes;
mod run;
mod saved;
mod serve;
mod session;
pub mod status;
pub mod windows;

pub use keeper::SavedError;
pub use probes::Rhythm;
pub use run::{Error, SERVICE, Tempo, run, run_with};
