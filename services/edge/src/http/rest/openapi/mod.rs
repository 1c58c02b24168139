//! `GET /openapi.json`: the REST API described in OpenAPI 3.1, made once at the start from the table that the router reads
//! and from the types that are written.
//!
//! `schemas/openapi.json` is the document of an edge with default settings; a test fails when it differs
//! (`UPDATE_SCHEMAS=1 cargo test -p edge` rewrites it).
//!
//! Invariants: every path of the REST table stands here, with and without the prefix; a status that is not declared is
//! never answered; bearer tokens are named only where they are asked for.

mod answers;
mod params;
mod shared;
mod whole;

use std::sync::Arc;

use axum::{
    extract::State,
    http::{Method, StatusCode},
    response::Response,
};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use self::{answers::Answers, shared::Shared};
use super::table::{ENDPOINTS, Endpoint, Verb};
use crate::{edge::Edge, http::answer};

pub(in crate::http) const PATH: &str = "/openapi.json";

/// What the document hangs on beside the code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// `EDGE_API_PREFIX`.
    pub(crate) prefix: &'a str,
    /// Callers need a token.
    pub(crate) guarded: bool,
}

/// The body of the answer.
pub(crate) fn written(facts: Facts<'_>) -> Bytes {
    let mut out = Vec::with_capacity(96 * 1024);
    crate::rpc::write_json(&mut out, &document(facts));
    out.into()
}

pub(in crate::http) async fn endpoint(State(edge): State<Arc<Edge>>, method: Method) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return answer::method("/openapi.json is read with GET", "GET, HEAD, OPTIONS");
    }
    answer::json(StatusCode::OK, edge.openapi.clone())
}

fn document(facts: Facts<'_>) -> Value {
    let mut shared = Shared::default();
    let mut paths = Map::new();
    let mut answers = Answers { shared: &mut shared, guarded: facts.guarded };
    for endpoint in ENDPOINTS {
        let method = match endpoint.verb {
            Verb::Get => "get",
            Verb::Post => "post",
        };
        paths.insert(endpoint.path.to_owned(), json!({ method: operation(endpoint, &mut answers) }));
    }
    paths.extend(whole::paths(&mut answers));
    let mut servers = vec![json!({ "url": "/" })];
    if !facts.prefix.trim_matches('/').is_empty() {
        servers.push(json!({ "url": facts.prefix }));
    }
    let mut components = Map::from_iter([("schemas".to_owned(), shared.schemas()), ("headers".to_owned(), answers::headers())]);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ib-mesh",
            "summary": "One Interactive Brokers Gateway session as a service.",
            "description": "The REST door of the edge. POST /mcp beside it speaks MCP and has more tools. Failures are `{\"error\":{...}}`; docs/faults.md has a section for each code. `retry` and `retry_after_ms` say whether the same request may be sent again.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": servers,
        "tags": [
            { "name": "options", "description": "Option chains with Greeks." },
            { "name": "gateway", "description": "The IB Gateway behind: state, login, diagnosis." },
            { "name": "system", "description": "The edge itself." },
        ],
        "paths": paths,
    });
    if facts.guarded {
        let bearer = json!({ "type": "http", "scheme": "bearer", "description": "A token of `ibmesh token new`, or a JWT where the edge is an OAuth resource server." });
        components.insert("securitySchemes".to_owned(), json!({ "bearer": bearer }));
        document["security"] = json!([{ "bearer": [] }]);
    }
    document["components"] = Value::Object(components);
    document
}

fn operation(endpoint: &Endpoint, answers: &mut Answers<'_>) -> Value {
    let mut parameters: Vec<Value> = endpoint.params.iter().map(params::parameter).collect();
    parameters.extend(params::headers(endpoint));
    let mut operation = json!({
        "operationId": endpoint.row.name().replace('.', "_"),
        "tags": [endpoint.row.family],
        "summary": endpoint.about,
        "description": format!("Answered within {} s.", endpoint.row.deadline_ms.div_ceil(1_000)),
        "parameters": parameters,
        "responses": answers.of(endpoint),
    });
    if endpoint.verb == Verb::Post && !endpoint.params.is_empty() {
        operation["requestBody"] = params::body(endpoint);
    }
    operation
}

#[cfg(test)]
#[path = "../openapi_tests.rs"]
mod tests;
