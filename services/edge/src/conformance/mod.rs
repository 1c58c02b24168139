//! What MCP's conformance suite calls: tools, resources and prompts with names and answers that the suite prescribes.
//!
//! Invariant: with `EDGE_CONFORMANCE` off, which is the default, nothing here is listed or answered. Nothing here reaches
//! NATS.

mod asks;
mod content;
mod prompts;
mod resources;
mod tools;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::{
    edge::Edge,
    mcp::Asker,
    rpc::{Problem, Request},
};

pub(crate) use self::tools::{listed as listed_tools, streams};

pub(crate) fn add_capabilities(capabilities: &mut Value) {
    for (name, value) in [
        ("resources", json!({ "subscribe": true, "listChanged": true })),
        ("prompts", json!({ "listChanged": true })),
        ("completions", json!({})),
    ] {
        capabilities[name] = value;
    }
}

/// The result of a request about a fixture. Lists are those of the fixtures and of the real tools.
pub(crate) async fn answer(edge: &Edge, request: &Request<'_>, asker: &Asker<'_>) -> Option<Result<Value, Problem>> {
    match &*request.method {
        "tools/list" => Some(Ok(tools::list(edge, asker))),
        "tools/call" => {
            let call = named(request)?;
            if tools::has(&call.name) { Some(tools::call(edge, request, &call, asker).await) } else { None }
        }
        "resources/list" => Some(Ok(resources::list())),
        "resources/templates/list" => Some(Ok(resources::templates())),
        "resources/read" => Some(resources::read(request)),
        "prompts/list" => Some(Ok(prompts::list())),
        "prompts/get" => Some(prompts::get(edge, request, &named(request)?, asker)),
        "completion/complete" => Some(Ok(json!({ "completion": { "values": ["paris", "park", "party"], "total": 3, "hasMore": false } }))),
        _ => None,
    }
}

/// The name and the arguments of a call or a prompt.
struct Named {
    name: String,
    arguments: Map<String, Value>,
}

fn named(request: &Request<'_>) -> Option<Named> {
    let params: Map<String, Value> = params(request)?;
    let name = params.get("name")?.as_str()?.to_owned();
    let arguments = params.get("arguments").and_then(Value::as_object).cloned().unwrap_or_default();
    Some(Named { name, arguments })
}

fn params<T: DeserializeOwned>(request: &Request<'_>) -> Option<T> {
    serde_json::from_str(request.params?.get()).ok()
}

fn text(text: impl Into<String>) -> Value {
    json!({ "content": [{ "type": "text", "text": text.into() }] })
}
