//! Every subject of `ib.v1`. User text never becomes part of one: tokens come from tables, validated names or uuids.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Root of all subjects; the version is here, so a breaking change is a new root served beside this one.
pub const ROOT: &str = "ib.v1";

/// The queue group that answers reads.
pub const WORKER_QUEUE: &str = "ib-worker";
/// The queue group that answers about options.
pub const OPTIONS_QUEUE: &str = "options";
/// Heartbeats' name of the process that answers the family `options`.
pub const OPTIONS_SERVICE: &str = "options";
/// The queue group that answers about the gateway, and the name of its process in heartbeats.
pub const GATEWAY_QUEUE: &str = "gateway-ctl";

/// The `<gw>` token: names one IB login and is the permission boundary. An opaque id: whether a login is live or paper is
/// a fact of its account, never read from this name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GatewayName(String);

/// Why a text is no gateway name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a gateway name is 1 to 32 of a-z, 0-9 and -, beginning with a letter or digit, such as `paper`; got `{0}`")]
pub struct NotAGatewayName(String);

impl FromStr for GatewayName {
    type Err = NotAGatewayName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let good = (1..=32).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with('-');
        if good { Ok(Self(text.to_owned())) } else { Err(NotAGatewayName(text.chars().take(40).collect())) }
    }
}

impl TryFrom<String> for GatewayName {
    type Error = NotAGatewayName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<GatewayName> for String {
    fn from(name: GatewayName) -> Self {
        name.0
    }
}

impl fmt::Display for GatewayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl GatewayName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where `family.op` is asked.
    pub fn rpc(&self, family: &str, op: &str) -> String {
        format!("{ROOT}.{self}.rpc.{family}.{op}")
    }

    /// Where `family.op` is asked of one process, whatever its queue group does; `id` is its heartbeat id.
    pub fn rpc_of(&self, service: &str, id: &str, family: &str, op: &str) -> String {
        format!("{ROOT}.{self}.ctl.{service}.{id}.rpc.{family}.{op}")
    }

    /// Everything that is asked of one process.
    pub fn rpcs_of(&self, service: &str, id: &str) -> String {
        format!("{ROOT}.{self}.ctl.{service}.{id}.rpc.*.*")
    }

    /// Where one process is asked for `verb`, one of [`crate::control`]'s.
    pub fn control(&self, service: &str, id: &str, verb: &str) -> String {
        format!("{ROOT}.{self}.ctl.{service}.{id}.{verb}")
    }

    /// Every verb that one process is asked for; operations have longer subjects.
    pub fn controls_of(&self, service: &str, id: &str) -> String {
        format!("{ROOT}.{self}.ctl.{service}.{id}.*")
    }

    /// Where the cancel of one request is told to every worker.
    pub fn cancel(&self, request: &crate::RequestId) -> String {
        format!("{ROOT}.{self}.cancel.{request}")
    }

    /// All cancels.
    pub fn cancels(&self) -> String {
        format!("{ROOT}.{self}.cancel.*")
    }

    /// Where `service` with heartbeat id `id` tells that it is alive. `id` is a uuid of ours.
    pub fn health(&self, service: &str, id: &str) -> String {
        format!("{ROOT}.{self}.health.{service}.{id}")
    }

    /// Where gateway-ctl tells that the gateway has come into `state`, in lower case: a [`crate::gateway::StateChange`].
    pub fn gateway_event(&self, state: crate::gateway::State) -> String {
        format!("{ROOT}.{self}.evt.gateway.{}", state.token())
    }

    /// All changes of the gateway's state.
    pub fn gateway_events(&self) -> String {
        format!("{ROOT}.{self}.evt.gateway.>")
    }

    /// Where gateway-ctl tells `what` happens to every session at once: `draining`, `resubscribe`.
    pub fn gateway_call(&self, what: crate::gateway::Call) -> String {
        format!("{ROOT}.{self}.evt.gateway.{}", what.token())
    }

    /// Every event of this gateway.
    pub fn events(&self) -> String {
        format!("{ROOT}.{self}.evt.>")
    }

    /// The stream that keeps them.
    pub fn events_stream(&self) -> String {
        format!("ib-evt-{self}")
    }

    /// Where `service` records a change of `kind`, one of its own tokens. The month makes it a subject of that month's stream.
    pub fn audit(&self, service: &str, kind: &str, at: Timestamp) -> String {
        format!("{ROOT}.{self}.audit.{service}.{kind}.{}", month(at))
    }

    /// Everything recorded in the month of `at`.
    pub fn audits(&self, at: Timestamp) -> String {
        format!("{ROOT}.{self}.audit.*.*.{}", month(at))
    }

    /// The stream that keeps it.
    pub fn audit_stream(&self, at: Timestamp) -> String {
        format!("ib-audit-{self}-{}", month(at))
    }

    /// All heartbeats of this gateway.
    pub fn healths(&self) -> String {
        format!("{ROOT}.{self}.health.*.*")
    }
}

/// Of UTC: `2026-11`.
fn month(at: Timestamp) -> impl fmt::Display {
    at.strftime("%Y-%m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_name_cannot_smuggle_a_subject_token() {
        for bad in ["", "a.b", "*", ">", "pa per", "Paper", "-x", "a\n", &"x".repeat(33)] {
            assert!(bad.parse::<GatewayName>().is_err(), "{bad:?} must be refused");
        }
        for good in ["paper", "live", "paper-2", "7"] {
            assert!(good.parse::<GatewayName>().is_ok(), "{good:?} must be accepted");
        }
    }

    #[test]
    fn every_operation_has_its_own_clean_subject() {
        let gateway: GatewayName = "paper".parse().expect("a good name");
        let mut seen = std::collections::BTreeSet::new();
        for row in crate::OPERATIONS {
            let subject = gateway.rpc(row.family, row.op);
            assert!(subject.starts_with("ib.v1.paper.rpc."), "{subject}");
            assert!(subject.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c)), "{subject}");
            assert_eq!(subject.split('.').count(), 6, "{subject}");
            assert!(seen.insert(subject.clone()), "{subject} twice");
        }
    }
}
