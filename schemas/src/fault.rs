//! What can go wrong, as callers see it: one closed table of codes. `docs/faults.md` has a section for each.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Num;

/// Closed per release. A reader treats a code that it does not know as `internal` and obeys `retry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultCode {
    InvalidParams,
    Ambiguous,
    Unauthorized,
    Forbidden,
    ReadOnly,
    Safety,
    NoPermission,
    NotSubscribed,
    NotFound,
    UnknownTool,
    Conflict,
    UnknownOutcome,
    RateLimited,
    Pacing,
    Unsupported,
    GatewayDown,
    GatewayLoggedOut,
    NoWorker,
    UpstreamLost,
    Busy,
    StaleData,
    Timeout,
    Cancelled,
    Rejected,
    TooLarge,
    #[serde(other)]
    Internal,
}

/// Whose fault it is: decides whom a log line should wake, and whether a breaker counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The request is wrong; the same request stays wrong.
    Caller,
    /// IB answered, and said no.
    Ib,
    /// IB or its gateway could not be reached.
    Gateway,
    /// This system is full, broken or not running.
    Mesh,
}

/// Whether and how the same request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetryAdvice {
    Never,
    /// A write: again only with the same idempotency key.
    SameKey,
    /// After `retry_after_ms`.
    After,
}

impl FaultCode {
    pub const ALL: &'static [Self] = &[
        Self::InvalidParams,
        Self::Ambiguous,
        Self::Unauthorized,
        Self::Forbidden,
        Self::ReadOnly,
        Self::Safety,
        Self::NoPermission,
        Self::NotSubscribed,
        Self::NotFound,
        Self::UnknownTool,
        Self::Conflict,
        Self::UnknownOutcome,
        Self::RateLimited,
        Self::Pacing,
        Self::Unsupported,
        Self::GatewayDown,
        Self::GatewayLoggedOut,
        Self::NoWorker,
        Self::UpstreamLost,
        Self::Busy,
        Self::StaleData,
        Self::Timeout,
        Self::Cancelled,
        Self::Rejected,
        Self::TooLarge,
        Self::Internal,
    ];

    pub const fn as_str(self) -> &'static str {
        self.facts().0
    }

    pub const fn http_status(self) -> u16 {
        self.facts().1
    }

    pub const fn blame(self) -> Blame {
        self.facts().2
    }

    /// The advice that goes with the code unless the fault says otherwise, and its wait.
    pub const fn retry(self) -> (RetryAdvice, Option<u64>) {
        match self.facts().3 {
            Some(after_ms) => (RetryAdvice::After, Some(after_ms)),
            None => match self {
                Self::UnknownOutcome => (RetryAdvice::SameKey, None),
                _ => (RetryAdvice::Never, None),
            },
        }
    }

    /// The one table: name, HTTP status, blame, milliseconds after which a retry is safe.
    const fn facts(self) -> (&'static str, u16, Blame, Option<u64>) {
        match self {
            Self::InvalidParams => ("invalid_params", 400, Blame::Caller, None),
            Self::Ambiguous => ("ambiguous", 400, Blame::Caller, None),
            Self::Unauthorized => ("unauthorized", 401, Blame::Caller, None),
            Self::Forbidden => ("forbidden", 403, Blame::Caller, None),
            Self::ReadOnly => ("read_only", 403, Blame::Caller, None),
            Self::Safety => ("safety", 403, Blame::Caller, None),
            Self::NoPermission => ("no_permission", 403, Blame::Ib, None),
            Self::NotSubscribed => ("not_subscribed", 403, Blame::Ib, None),
            Self::NotFound => ("not_found", 404, Blame::Caller, None),
            Self::UnknownTool => ("unknown_tool", 404, Blame::Caller, None),
            Self::Conflict => ("conflict", 409, Blame::Caller, None),
            Self::UnknownOutcome => ("unknown_outcome", 409, Blame::Gateway, None),
            Self::RateLimited => ("rate_limited", 429, Blame::Caller, Some(1_000)),
            Self::Pacing => ("pacing", 429, Blame::Ib, Some(15_000)),
            Self::Unsupported => ("unsupported", 501, Blame::Caller, None),
            Self::GatewayDown => ("gateway_down", 503, Blame::Gateway, Some(5_000)),
            Self::GatewayLoggedOut => ("gateway_logged_out", 503, Blame::Gateway, None),
            Self::NoWorker => ("no_worker", 503, Blame::Mesh, Some(2_000)),
            Self::UpstreamLost => ("upstream_lost", 503, Blame::Gateway, Some(15_000)),
            Self::Busy => ("busy", 503, Blame::Mesh, Some(250)),
            Self::StaleData => ("stale_data", 503, Blame::Gateway, Some(5_000)),
            Self::Timeout => ("timeout", 504, Blame::Gateway, Some(1_000)),
            Self::Cancelled => ("cancelled", 499, Blame::Caller, None),
            Self::Rejected => ("rejected", 422, Blame::Ib, None),
            Self::TooLarge => ("too_large", 413, Blame::Caller, None),
            Self::Internal => ("internal", 500, Blame::Mesh, None),
        }
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One instrument that a caller may have meant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    pub conid: i32,
    pub symbol: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub sec_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strike: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<String>,
}

/// `ambiguous` and `not_found` carry no more candidates than this.
pub const CANDIDATES_MAX: usize = 10;

/// A refusal or failure, the same over NATS, REST and MCP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    pub code: FaultCode,
    /// What happened: names the field, the value and the rule.
    pub message: String,
    /// What to do next, if possible the exact call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    pub retry: RetryAdvice,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    pub blame: Blame,
    /// IB's own number and words, where IB spoke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ib_code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ib_message: Option<String>,
    /// The argument that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What the argument may be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// The allowed value nearest to the one sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
}

impl Fault {
    pub fn new(code: FaultCode, message: impl Into<String>) -> Self {
        let (retry, retry_after_ms) = code.retry();
        Self {
            code,
            message: message.into(),
            hint: None,
            retry,
            retry_after_ms,
            blame: code.blame(),
            ib_code: None,
            ib_message: None,
            field: None,
            allowed: Vec::new(),
            nearest: None,
            candidates: Vec::new(),
        }
    }

    /// An argument that breaks a rule.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let mut fault = Self::new(FaultCode::InvalidParams, message);
        fault.field = Some(field.into());
        fault
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn retry_after_ms(mut self, wait_ms: u64) -> Self {
        self.retry = RetryAdvice::After;
        self.retry_after_ms = Some(wait_ms);
        self
    }

    #[must_use]
    pub fn ib(mut self, code: i32, message: impl Into<String>) -> Self {
        self.ib_code = Some(code);
        self.ib_message = Some(message.into());
        self
    }

    #[must_use]
    pub fn allowed<S: Into<String>>(mut self, values: impl IntoIterator<Item = S>) -> Self {
        self.allowed = values.into_iter().map(Into::into).collect();
        self
    }

    #[must_use]
    pub fn nearest(mut self, value: Option<impl Into<String>>) -> Self {
        self.nearest = value.map(Into::into);
        self
    }

    #[must_use]
    pub fn candidates(mut self, mut candidates: Vec<Candidate>) -> Self {
        candidates.truncate(CANDIDATES_MAX);
        self.candidates = candidates;
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Fault {}

/// The body of every failed reply, over NATS and over HTTP. No reply type has a top-level `error`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FaultBody {
    pub error: Fault,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_wire_are_the_names_of_the_table() {
        for code in FaultCode::ALL {
            let json = serde_json::to_string(code).expect("json");
            assert_eq!(json, format!("\"{code}\""));
            assert_eq!(serde_json::from_str::<FaultCode>(&json).expect("back"), *code);
        }
    }

    #[test]
    fn a_code_of_a_later_release_is_internal_and_keeps_its_retry_advice() {
        let text = r#"{"code":"invented_later","message":"m","retry":"after","retry_after_ms":5,"blame":"mesh"}"#;
        let fault: Fault = serde_json::from_str(text).expect("readable");
        assert_eq!((fault.code, fault.retry_after_ms), (FaultCode::Internal, Some(5)));
    }

    #[test]
    fn every_code_has_its_section_in_the_docs() {
        let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/faults.md")).expect("docs/faults.md");
        for code in FaultCode::ALL {
            assert!(docs.contains(&format!("## {code}\n")), "docs/faults.md lacks a section `## {code}`");
        }
    }
}
