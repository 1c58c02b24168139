//! The record of what was changed, and who asked for it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One change that was asked for, whether it was done or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditRecord {
    pub at: Timestamp,
    /// The service that writes this.
    pub service: String,
    /// Who asked, as that service knows it: `token:desk`, `jwt:...`, `http:127.0.0.1`, with the client's own name behind it.
    pub who: String,
    /// The tool or path.
    pub asked: String,
    /// The operation behind it: `gateway.logout`.
    pub operation: String,
    /// SHA-256 of the arguments as JSON, in hexadecimal: tells whether two calls were the same without telling what they said.
    pub arguments_sha256: String,
    /// `ok`, a fault's code, or `hung_up` where nobody waited for the end.
    pub outcome: String,
    pub request_id: String,
}
