//! How far a long call is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Told while a call is under way, the newest instead of an older one that has not left yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    pub done: u32,
    /// Zero while nobody knows.
    #[serde(default)]
    pub total: u32,
    /// What is being done, for people: one line of ASCII, at most 200 characters.
    #[serde(default)]
    pub note: String,
}
