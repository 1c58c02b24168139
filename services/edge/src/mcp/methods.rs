//! Which method is answered how. What an era wants around a result is added here and nowhere else.

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::{Asker, beside, frame::Frame, level::Level, lifecycle, resources, rights, terms, tools};
use crate::{
    conformance,
    edge::Edge,
    rpc::{self, Message, Problem, Request},
};

/// Methods about what a session is for.
const OF_SESSIONS: [&str; 2] = ["resources/subscribe", "resources/unsubscribe"];

/// Whether a message is without effect outside a session.
pub(super) fn needs_session(message: &Message<'_>) -> bool {
    matches!(message, Message::Request(request) if OF_SESSIONS.contains(&&*request.method))
}

/// The whole answer to a request.
pub(super) async fn answer(edge: &Edge, request: &Request<'_>, asker: &Asker<'_>) -> Result<Vec<u8>, Problem> {
    if let Some(scope) = rights::lacked(edge, request, &asker.principal) {
        return Err(rights::problem(scope));
    }
    let frame = Frame::new(edge, asker, request.id);
    if edge.conformance
        && let Some(result) = conformance::answer(edge, request, asker).await
    {
        return Ok(frame.value(&request.method, result?));
    }
    match &*request.method {
        "tools/call" => tools::call(edge, request, asker).await,
        "tools/list" => tools::list(edge, request, asker),
        method => {
            let own = if asker.terms.modern { modern(edge, method, asker) } else { of_handshake(edge, method, request, asker) };
            let result = match own {
                Some(result) => Some(result),
                None => beside::answer(edge, method, request.params, asker).await,
            };
            let mut result = result.unwrap_or_else(|| Err(unknown(method, asker.terms.modern)))?;
            if edge.conformance {
                conformance::extend(method, &mut result);
            }
            Ok(frame.value(method, result))
        }
    }
}

/// What only 2026-07-28 has.
fn modern(edge: &Edge, method: &str, asker: &Asker<'_>) -> Option<Result<Value, Problem>> {
    match method {
        "server/discover" => Some(Ok(lifecycle::discover(edge, &asker.principal))),
        _ => None,
    }
}

/// What only the generations before have.
fn of_handshake(edge: &Edge, method: &str, request: &Request<'_>, asker: &Asker<'_>) -> Option<Result<Value, Problem>> {
    match method {
        "ping" => Some(Ok(json!({}))),
        "logging/setLevel" => Some(set_level(request.params, asker)),
        "resources/subscribe" => Some(follow(edge, request.params, asker, true)),
        "resources/unsubscribe" => Some(follow(edge, request.params, asker, false)),
        // MCP 2025-03-26 "Lifecycle": the handshake must not be part of a batch; alone it does not come here.
        "initialize" => Some(Err(Problem::invalid_request("`initialize` must not be part of a batch"))),
        _ => None,
    }
}

fn unknown(method: &str, modern: bool) -> Problem {
    let text = if method.starts_with("notifications/") {
        "a notification carries no `id`".to_owned()
    } else if modern {
        format!("{} has no such method; server/discover tells what this server can", terms::MODERN)
    } else {
        "unknown method; this server has initialize, ping and the methods of tools, resources, prompts, completion and logging".to_owned()
    };
    Problem::new(rpc::METHOD_NOT_FOUND, text)
}

/// Outside a session there is nothing to remember, and nobody is told anything.
fn set_level(params: Option<&RawValue>, asker: &Asker<'_>) -> Result<Value, Problem> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        level: &'a RawValue,
    }
    let params = params.map(RawValue::get).filter(|text| text.starts_with('{'));
    let params = params.and_then(|text| serde_json::from_str::<Params<'_>>(text).ok());
    let level = params.and_then(|params| Level::read(params.level));
    let level = level
        .ok_or_else(|| Problem::invalid_params("`level` must be debug, info, notice, warning, error, critical, alert or emergency"))?;
    if let Some(session) = &asker.terms.session {
        session.set_level(level);
    }
    Ok(json!({}))
}

fn follow(edge: &Edge, params: Option<&RawValue>, asker: &Asker<'_>, on: bool) -> Result<Value, Problem> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        uri: std::borrow::Cow<'a, str>,
    }
    let params = params.map(RawValue::get).filter(|text| text.starts_with('{'));
    let params = params.and_then(|text| serde_json::from_str::<Params<'_>>(text).ok());
    let uri = params.ok_or_else(|| Problem::invalid_params("`uri` must name a resource"))?.uri;
    let Some(session) = &asker.terms.session else {
        return Err(Problem::invalid_request(
            "without a session nothing can be pushed: send `initialize` with Accept: application/json, text/event-stream, and its Mcp-Session-Id with this",
        ));
    };
    if on && !edge.conformance {
        resources::known(&uri)?;
    }
    if !on {
        session.subscription.leave(&uri);
    } else if !session.subscription.follow(&uri) {
        return Err(Problem::invalid_params(format!(
            "too many resources are followed, or the URI is too long: at most {} of {} bytes",
            super::hub::URIS_MAX,
            super::hub::URI_BYTES_MAX
        )));
    }
    Ok(json!({}))
}
