//! What processes ask each other by heartbeat id, whatever their queue groups do: the verbs of
//! `ctl.<service>.<id>.<verb>`. JSON in, JSON out.

use serde::{Deserialize, Serialize};

/// A request larger than this is refused, and so is an answer.
pub const CONTROL_BYTES_MAX: usize = 16 * 1024;
/// The longest that one is worked on; a caller may ask for less.
pub const CONTROL_DEADLINE_MS: u64 = 5_000;

/// Drop the IB session and open a new one: `{}` in, [`Restarting`] out.
pub const RESTART: &str = "restart";

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restart {}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restarting {}

/// Messages to IB of this second that the asked process does not need: [`Lend`] in, [`Lent`] out.
pub const LEND: &str = "lend";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lend {
    /// Wanted at most.
    pub messages: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lent {
    /// What the asked process will not send itself.
    pub lent: u32,
}
