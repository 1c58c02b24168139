//! Keeps the IB gateway as it is wanted, up or down, and says what is wrong with it.
//!
//! | file | is |
//! |---|---|
//! | `policy/` | the state machine: what to start, stop, wait for and tell |
//! | `logs.rs` | the container's log, read as markers |
//! | `windows.rs` | when IB restarts its servers |
//! | `diagnose.rs`, `diagnose/` | what was seen of each layer, the verdict and the next step |
//! | `status.rs` | the replies that callers get |
//! | `backend/` | what starts and stops the gateway, and what it sees of it |
//!
//! Invariant: no I/O outside `backend/`, and no clock: time is a parameter.

pub mod backend;
pub mod diagnose;
pub mod logs;
pub mod policy;
pub mod status;
pub mod windows;
