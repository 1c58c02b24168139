//! Which right a message needs, found before anything is done for it.

use schemas::{Fault, FaultCode};

use super::tools;
use crate::{
    auth::{Principal, Scope, Scopes},
    edge::Edge,
    fault_map,
    rpc::{Id, Message, Problem, Request},
};

/// Methods about the connection itself. Whoever has a token may call them; `tools/list` shows what it may call.
const FREE: [&str; 5] = ["initialize", "ping", "server/discover", "tools/list", "logging/setLevel"];

/// The right that the caller of a message lacks.
pub(super) fn lacking<'a>(edge: &Edge, message: &Message<'a>, principal: &Principal) -> Option<(Id<'a>, Scope)> {
    match message {
        Message::Request(request) => lacked(edge, request, principal).map(|scope| (request.id, scope)),
        _ => None,
    }
}

/// The same of a request. A tool that no right can give, because the edge does not have it, is refused by name later.
pub(super) fn lacked(edge: &Edge, request: &Request<'_>, principal: &Principal) -> Option<Scope> {
    if principal.scopes() == Scopes::OPEN {
        return None;
    }
    let scope = match &*request.method {
        method if FREE.contains(&method) => return None,
        "tools/call" => {
            let tool = tools::named(request)?;
            Some(tool.profile).filter(|profile| edge.profile.has(*profile)).map(Scope::of_tools)?
        }
        _ => Scope::Read,
    };
    if principal.scopes().has(scope) {
        return None;
    }
    tracing::info!(who = %principal, lacks = scope.as_str(), "refused");
    edge.metrics.denied("scope");
    Some(scope)
}

pub(super) fn problem(scope: Scope) -> Problem {
    fault_map::problem(&fault(scope))
}

fn fault(scope: Scope) -> Fault {
    Fault::new(FaultCode::Forbidden, format!("this needs the scope {}, which the token does not have", scope.as_str()))
        .hint("call with a token that has it; `ibmesh token new --scopes` makes one")
}
