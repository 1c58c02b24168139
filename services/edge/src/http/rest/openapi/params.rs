//! The parameters of the table, as OpenAPI has them.

use schemas::contracts::QUERY_TEXT_MAX;
use serde_json::{Map, Value, json};

use super::super::table::{Endpoint, Kind, Param, Place};

pub(super) fn parameter(param: &Param) -> Value {
    let place = match param.place {
        Place::Path => "path",
        Place::Query => "query",
    };
    let mut parameter = json!({
        "name": param.name,
        "in": place,
        "required": param.place == Place::Path,
        "description": param.about,
        "schema": schema(param.kind),
    });
    if let Some(example) = param.example {
        parameter["example"] = value(param.kind, example);
    }
    parameter
}

/// What may stand in the head of a request.
pub(super) fn headers(endpoint: &Endpoint) -> Vec<Value> {
    let mut headers = vec![json!({
        "name": schemas::headers::TIMEOUT_MS,
        "in": "header",
        "description": format!("Milliseconds that the caller waits; the operation's own {} where it is left out or more.", endpoint.row.deadline_ms),
        "schema": { "type": "integer", "minimum": 1 },
        "example": endpoint.row.deadline_ms,
    })];
    if endpoint.row.tells_progress {
        headers.push(json!({
            "name": "Last-Event-ID",
            "in": "header",
            "description": "Sent by a browser's EventSource that comes back after the end of its stream; it is answered 204 and stays away.",
            "schema": { "type": "string" },
        }));
    }
    headers
}

/// What may be posted instead of, or beside, the query. Each parameter is sent once.
pub(super) fn body(endpoint: &Endpoint) -> Value {
    let params = || endpoint.params.iter().filter(|param| param.place == Place::Query);
    let properties: Map<String, Value> = params()
        .map(|param| {
            let mut schema = schema(param.kind);
            // Null says nothing.
            schema["type"] = json!([schema["type"].take(), "null"]);
            schema["description"] = Value::from(param.about);
            (param.name.to_owned(), schema)
        })
        .collect();
    let example: Map<String, Value> =
        params().filter_map(|param| Some((param.name.to_owned(), value(param.kind, param.example?)))).collect();
    json!({
        "required": false,
        "description": "The parameters of the query, here instead of there.",
        "content": { "application/json": {
            "schema": { "type": "object", "properties": properties, "additionalProperties": false },
            "example": example,
        } },
    })
}

/// What the edge also takes (other spellings of true, upper and lower case) is left to its tolerance.
fn schema(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!({ "type": "string", "minLength": 1, "maxLength": QUERY_TEXT_MAX }),
        Kind::Line { max } => json!({ "type": "string", "minLength": 1, "maxLength": max }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Choice(choices) => json!({ "type": "string", "enum": choices }),
        Kind::Whole { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Number { min, max } => json!({ "type": "number", "minimum": min, "maximum": max }),
        Kind::Price => json!({ "type": "number", "minimum": 0 }),
        Kind::Seconds { max } => json!({ "type": "number", "minimum": 0, "maximum": max }),
    }
}

/// The example of a number or flag is its JSON.
fn value(kind: Kind, example: &str) -> Value {
    match kind {
        Kind::Text | Kind::Line { .. } | Kind::Choice(_) => Value::from(example),
        _ => serde_json::from_str(example).unwrap_or_else(|_| Value::from(example)),
    }
}
