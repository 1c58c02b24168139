//! The wire contract: what travels over NATS, with no I/O.
//!
//! One file per family of operations. [`Operation`] ties a subject to its parameters, reply, deadline, retry class and
//! freshness; [`OPERATIONS`] lists them all. `json/` beside `src/` holds the generated JSON Schemas; a test fails when
//! they differ from these types (`UPDATE_SCHEMAS=1 cargo test -p schemas` rewrites them).
//!
//! Invariants: this crate depends on none of ours; parameters refuse fields they do not know; replies only ever grow.

pub mod account;
pub mod audit;
pub mod context;
pub mod contracts;
pub mod control;
pub mod edge;
pub mod fault;
pub mod fundamentals;
pub mod gateway;
pub mod headers;
pub mod health;
pub mod history;
pub mod ids;
pub mod news;
pub mod number;
mod operation;
pub mod options;
mod progress;
pub mod session;
pub mod subject;
mod written;

pub use audit::AuditRecord;
pub use context::Context;
pub use fault::{Candidate, Fault, FaultCode};
pub use ids::{ClientId, RequestId};
pub use number::Num;
pub use operation::{Freshness, OPERATIONS, Operation, Retry, Row, find};
pub use progress::Progress;
pub use subject::GatewayName;
pub use written::Written;

/// NATS's default `max_payload` is 1 MiB; a reply must leave room for its headers.
pub const REPLY_BYTES_MAX: usize = 1_000_000;
/// The version that a service names when it refuses a parameter it does not know.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
