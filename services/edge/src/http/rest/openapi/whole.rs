//! The paths that are in no table: health, the events of the gateway, this document, and what operators read.

use schemas::gateway::StateChange;
use serde_json::{Map, Value, json};

use super::{super::gateway, answers::Answers};
use crate::{health::Report, http::events};

pub(super) fn paths(answers: &mut Answers<'_>) -> Map<String, Value> {
    let mut paths = Map::new();
    paths.insert("/health".to_owned(), json!({ "get": health(answers) }));
    paths.insert(events::PATH.to_owned(), json!({ "get": followed(answers) }));
    paths.insert(super::PATH.to_owned(), json!({ "get": this(answers) }));
    for (path, about, types) in [
        ("/live", "Whether the process runs.", "text/plain"),
        ("/ready", "Whether the process can serve: NATS is connected.", "text/plain"),
        ("/metrics", "Metrics in the text format of OpenMetrics.", "application/openmetrics-text"),
    ] {
        paths.insert(path.to_owned(), operators(answers, path, about, types));
    }
    paths
}

fn read(answers: &mut Answers<'_>, id: &str, about: &str, responses: Value) -> Value {
    let plain = answers.shared.of::<schemas::fault::FaultBody>();
    let mut all = answers.faults(false, &plain);
    // The gate answers before any path: a strange Host or Origin, no token, too many requests.
    all.retain(|status, _| ["401", "403", "429", "500"].contains(&status.as_str()));
    if let Value::Object(own) = responses {
        all.extend(own);
    }
    json!({ "operationId": id, "tags": ["system"], "summary": about, "responses": all })
}

fn health(answers: &mut Answers<'_>) -> Value {
    let report = answers.shared.of::<Report>();
    let response = |about: &str| json!({ "description": about, "content": { "application/json": { "schema": report } } });
    let responses = json!({
        "200": response("Healthy, or degraded: the processes are alive and none is connected to IB."),
        "503": response("Unhealthy: no worker lives, or the circuit breaker is open."),
    });
    read(answers, "health", "What the heartbeats and the circuit breaker say; it never waits for IB.", responses)
}

fn followed(answers: &mut Answers<'_>) -> Value {
    let failure = answers.shared.add(gateway::failure_schema());
    let mut responses = answers.faults(false, &failure);
    let change = answers.shared.of::<StateChange>();
    let about = "Events `state`, each a change in JSON; a comment at least every 15 s.";
    let stream = json!({ "text/event-stream": { "schema": { "type": "string", "description": about }, "x-events": { "state": change } } });
    responses.insert("200".to_owned(), json!({ "description": "The state now, then every change.", "content": stream }));
    json!({
        "operationId": "gateway_events",
        "tags": ["gateway"],
        "summary": "Follows the gateway's state for an hour at most.",
        "responses": responses,
    })
}

fn this(answers: &mut Answers<'_>) -> Value {
    let response =
        json!({ "200": { "description": "OpenAPI 3.1.", "content": { "application/json": { "schema": { "type": "object" } } } } });
    read(answers, "openapi", "This document.", response)
}

/// Served at the root alone, as on `ADMIN_BIND`.
fn operators(answers: &mut Answers<'_>, path: &str, about: &str, media_type: &str) -> Value {
    let text = |about: &str| json!({ "description": about, "content": { media_type: { "schema": { "type": "string" } } } });
    let mut responses = json!({ "200": text("Yes, or the text.") });
    if path != "/metrics" {
        responses["503"] = text("No.");
    }
    let mut operation = read(answers, path.trim_start_matches('/'), about, responses);
    if path != "/metrics" {
        // Probes name any host and carry no token.
        operation["security"] = json!([]);
        if let Some(responses) = operation["responses"].as_object_mut() {
            responses.retain(|status, _| ["200", "503"].contains(&status.as_str()));
        }
    }
    json!({ "servers": [{ "url": "/" }], "get": operation })
}
