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

/// The result of a request about a fixture.
pub(crate) async fn answer(edge: &Edge, request: &Request<'_>, asker: &Asker<'_>) -> Option<Result<Value, Problem>> {
    match &*request.method {
        "tools/list" => Some(Ok(tools::list(edge, asker))),
        "tools/call" => {
            let call = named(request)?;
            if tools::has(&call.name) { Some(tools::call(edge, request, &call, asker).await) } else { None }
        }
        "resources/read" => resources::read(request).map(Ok),
        "prompts/get" => prompts::get(edge, request, &named(request)?, asker),
        "completion/complete" => prompts::complete(request).map(Ok),
        _ => None,
    }
}

/// Puts the fixtures into a list of the real.
pub(crate) fn extend(method: &str, result: &mut Value) {
    let (name, fixtures) = match method {
        "resources/list" => ("resources", resources::list()),
        "resources/templates/list" => ("resourceTemplates", resources::templates()),
        "prompts/list" => ("prompts", prompts::list()),
        _ => return,
    };
    result[name].as_array_mut().into_iter().for_each(|list| list.extend(fixtures.clone()));
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
