//! What every service with an IB session shares: its life from start to drain, reference data, the login's pace.
//!
//! A service brings its handlers and what it does in the background; [`run`] does the rest. [`Reference`] names
//! instruments, knows hours and the gateway's clock. Invariant: an operation is in its queue group only while it can be
//! answered; those that need IB leave while IB is away, those kept in memory stay for as long as memory may be told.

mod coalesce;
mod heartbeat;
mod hold;
mod lending;
mod membership;
mod metrics;
mod pace;
pub mod reference;
mod run;

pub use coalesce::Coalesced;
pub use lending::Lenders;
pub use metrics::register as register_requests;
pub use reference::{Hours, Reference, Resolved};
pub use run::{Base, Error, Shape, link_settings, run};
