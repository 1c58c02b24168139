//! Faults in the three languages of the edge: REST, JSON-RPC and evidence for the breaker. Pure.

use schemas::{Fault, FaultCode, Operation, Row, fault::Blame, fault::FaultBody, gateway::Status, options::Chain};
use serde_json::Value;

use crate::{
    breaker::Evidence,
    rpc::{self, Problem},
};

/// The REST body, `{"error":{...}}`, and its status.
pub(crate) fn rest(fault: &Fault) -> (u16, Vec<u8>) {
    let mut out = Vec::with_capacity(256);
    rpc::write_json(&mut out, &FaultBody { error: fault.clone() });
    (fault.code.http_status(), out)
}

/// A fault that MCP wants as a protocol error: an unknown tool (spec section 10); `data` is the fault.
pub(crate) fn problem(fault: &Fault) -> Problem {
    let message = match &fault.hint {
        Some(hint) => format!("{}; {hint}", fault.message),
        None => fault.message.clone(),
    };
    Problem::invalid_params(message).data(serde_json::to_value(fault).unwrap_or(Value::Null))
}

/// Whether the breaker has a say in calls of an operation. It is about the workers' way to IB: options are asked over a
/// connection of their own, whose loss must not stop the workers, nor theirs the options; the gateway is asked about most
/// when it is down.
pub(crate) fn guarded(row: &Row) -> bool {
    ![Chain::FAMILY, Status::FAMILY].contains(&row.family)
}

/// What a failed call says about the gateway. `whole_budget` is false where the caller granted less than the
/// operation's deadline: an impatient caller must not open the breaker for everybody. `known_down` is true where the
/// heartbeats already say that no worker has IB: that nobody can answer then is no failure of the breaker's (spec 3),
/// and callers are told why at once.
pub(crate) fn evidence(fault: &Fault, whole_budget: bool, known_down: bool) -> Evidence {
    match fault.code {
        FaultCode::Timeout if !whole_budget => Evidence::None,
        FaultCode::GatewayDown | FaultCode::UpstreamLost if known_down => Evidence::None,
        FaultCode::GatewayDown | FaultCode::UpstreamLost | FaultCode::Timeout if fault.blame == Blame::Gateway => Evidence::Failed,
        // Our own pacing refuses without asking IB.
        FaultCode::Pacing => Evidence::None,
        // IB looked and found nothing, or too much.
        FaultCode::NotFound | FaultCode::Ambiguous => Evidence::Answered,
        _ if fault.blame == Blame::Ib => Evidence::Answered,
        _ => Evidence::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unreachable_ib_counts_against_the_gateway() {
        for code in FaultCode::ALL {
            let said = evidence(&Fault::new(*code, "m"), true, false);
            let failed = matches!(code, FaultCode::GatewayDown | FaultCode::UpstreamLost | FaultCode::Timeout);
            assert_eq!(said == Evidence::Failed, failed, "{code}");
        }
    }

    #[test]
    fn ibs_no_is_an_answer() {
        for code in [FaultCode::Rejected, FaultCode::NoPermission, FaultCode::NotSubscribed, FaultCode::NotFound, FaultCode::Ambiguous] {
            assert_eq!(evidence(&Fault::new(code, "m"), true, false), Evidence::Answered, "{code}");
        }
        for code in [FaultCode::GatewayLoggedOut, FaultCode::NoWorker, FaultCode::Busy, FaultCode::Pacing, FaultCode::Cancelled] {
            assert_eq!(evidence(&Fault::new(code, "m"), true, false), Evidence::None, "{code}");
        }
    }

    #[test]
    fn a_gateway_that_is_known_to_be_down_opens_no_breaker() {
        for code in [FaultCode::GatewayDown, FaultCode::UpstreamLost] {
            assert_eq!(evidence(&Fault::new(code, "m"), true, true), Evidence::None, "{code}");
        }
        assert_eq!(evidence(&Fault::new(FaultCode::Timeout, "m"), true, true), Evidence::Failed);
    }

    #[test]
    fn an_impatient_caller_opens_no_breaker() {
        assert_eq!(evidence(&Fault::new(FaultCode::Timeout, "m"), false, false), Evidence::None);
    }

    #[test]
    fn a_time_out_that_the_mesh_is_to_blame_for_is_not_the_gateways() {
        let mut fault = Fault::new(FaultCode::Timeout, "m");
        fault.blame = Blame::Mesh;
        assert_eq!(evidence(&fault, true, false), Evidence::None);
    }

    #[test]
    fn the_breaker_is_about_the_workers() {
        let families = |holds: bool| schemas::OPERATIONS.iter().filter(move |row| guarded(row) == holds).map(|row| row.family);
        assert!(families(false).all(|family| ["gateway", "options"].contains(&family)) && families(false).count() >= 11);
        let guarded: std::collections::BTreeSet<&str> = families(true).collect();
        assert!(["account", "contracts", "fundamentals", "history", "news"].iter().all(|family| guarded.contains(family)), "{guarded:?}");
    }

    #[test]
    fn rest_bodies_have_one_member() {
        let (status, body) = rest(&Fault::new(FaultCode::Forbidden, "m").hint("h"));
        let json: Value = serde_json::from_slice(&body).expect("json");
        assert_eq!(status, 403);
        assert_eq!((&json["error"]["code"], &json["error"]["hint"]), (&Value::from("forbidden"), &Value::from("h")));
    }
}
