//! What an operation may answer: every status, each with its body.

use std::collections::BTreeMap;

use schemas::{Fault, FaultCode, Progress};
use serde_json::{Map, Value, json};

use super::{
    super::{
        given::Given,
        options,
        shape::{COLUMNS, OptopsyChain},
        table::{Endpoint, Verb},
    },
    shared::Shared,
};

/// Bodies that say no to everything a status may hang on.
const UNWELL: &[u8] = br#"{"stale":true,"ready":false}"#;

#[derive(Debug)]
pub(super) struct Answers<'a> {
    pub(super) shared: &'a mut Shared,
    pub(super) guarded: bool,
}

impl Answers<'_> {
    pub(super) fn of(&mut self, endpoint: &Endpoint) -> Value {
        let failure = self.shared.add((endpoint.failure_schema)());
        let reply = self.shared.add((endpoint.row.written_schema)());
        let mut responses = self.faults(endpoint.verb == Verb::Post, &failure);
        if let Some(refused) = responses.get_mut("400") {
            refused["content"]["application/json"]["example"] = refusal(endpoint);
        }
        let unwell = (endpoint.status)(UNWELL);
        if unwell != 200
            && let Some(response) = responses.get_mut(&unwell.to_string())
        {
            let schema = &mut response["content"]["application/json"]["schema"];
            *schema = json!({ "anyOf": [reply.clone(), schema.take()] });
        }
        responses.insert("200".to_owned(), self.good(endpoint, reply, &failure));
        if endpoint.row.tells_progress {
            let about = "An EventSource came back after the end of its stream (Last-Event-ID) and is told to stay away.";
            responses.insert("204".to_owned(), json!({ "description": about }));
        }
        let sorted: BTreeMap<String, Value> = responses.into_iter().collect();
        Value::Object(sorted.into_iter().collect())
    }

    fn good(&mut self, endpoint: &Endpoint, reply: Value, failure: &Value) -> Value {
        let shaped = endpoint.params.iter().any(|param| param.name == options::FORMAT);
        let mut headers = request_id();
        let mut content = Map::new();
        let json = if shaped { json!({ "anyOf": [reply.clone(), self.shared.of::<OptopsyChain<'_>>()] }) } else { reply.clone() };
        content.insert("application/json".to_owned(), json!({ "schema": json }));
        if shaped {
            headers["Ib-Complete"] = reference("headers", "Complete");
            let about =
                "With `format=optopsy-csv`, or `format=optopsy` where `Accept` names text/csv: a line of names, then a line a contract.";
            let csv = json!({ "schema": { "type": "string", "description": about }, "example": format!("{}\n", COLUMNS.join(",")) });
            content.insert("text/csv".to_owned(), csv);
        }
        if endpoint.row.tells_progress {
            let about = "Where `Accept` names text/event-stream: events `progress` while the call is under way, then `result` with the body of application/json, or `error` with a failure.";
            content.insert(
                "text/event-stream".to_owned(),
                json!({ "schema": { "type": "string", "description": about },
                    "x-events": { "progress": self.shared.of::<Progress>(), "result": reply, "error": failure } }),
            );
        }
        json!({ "description": "The answer.", "headers": headers, "content": content })
    }

    /// A response for each status of the fault table that can come from here.
    pub(super) fn faults(&mut self, commands: bool, failure: &Value) -> Map<String, Value> {
        let mut by_status: BTreeMap<u16, Vec<FaultCode>> = BTreeMap::new();
        for code in FaultCode::ALL.iter().filter(|code| self.may_be(**code, commands)) {
            by_status.entry(code.http_status()).or_default().push(*code);
        }
        by_status.into_iter().map(|(status, codes)| (status.to_string(), fault(status, &codes, failure))).collect()
    }

    fn may_be(&self, code: FaultCode, commands: bool) -> bool {
        match code {
            FaultCode::UnknownTool => false,
            FaultCode::Unauthorized => self.guarded,
            FaultCode::ReadOnly | FaultCode::Safety | FaultCode::Conflict | FaultCode::UnknownOutcome => commands,
            _ => true,
        }
    }
}

fn fault(status: u16, codes: &[FaultCode], failure: &Value) -> Value {
    let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let told = json!({ "properties": { "error": { "properties": { "code": { "enum": codes } } } } });
    let mut headers = request_id();
    if [429, 503, 504].contains(&status) {
        headers["Retry-After"] = reference("headers", "RetryAfter");
    }
    if status == 401 {
        headers["WWW-Authenticate"] = json!({ "schema": { "type": "string" } });
    }
    json!({
        "description": codes.join(", "),
        "headers": headers,
        "content": { "application/json": { "schema": { "allOf": [failure, told] } } },
    })
}

/// What this very endpoint answers to a parameter that it does not have.
fn refusal(endpoint: &Endpoint) -> Value {
    let fault = Given::read(endpoint, &[], &[("nosuch".to_owned(), "1".to_owned())])
        .err()
        .unwrap_or_else(|| Fault::new(FaultCode::InvalidParams, "the request is wrong"));
    (endpoint.failure_body)(&fault)
}

fn request_id() -> Value {
    json!({ "Ib-Request-Id": reference("headers", "RequestId") })
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

pub(super) fn headers() -> Value {
    json!({
        "RequestId": { "description": "Names the call in logs.", "schema": { "type": "string", "format": "uuid" } },
        "RetryAfter": { "description": "Whole seconds after which the same request may be sent again.", "schema": { "type": "integer", "minimum": 0 } },
        "Complete": { "description": "`false` where a CSV body is not all of the chain.", "schema": { "type": "string", "enum": ["true", "false"] } },
    })
}
