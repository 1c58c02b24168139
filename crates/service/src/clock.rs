//! The only place of the services that reads the host's clock; everything else is handed the time.

use jiff::Timestamp;

/// The wall clock now.
#[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
