//! The suite's tools, but for those that ask the client.

use std::time::Duration;

use schemas::Progress;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Named, asks,
    content::{PNG, WAV},
    text,
};
use crate::{
    edge::Edge,
    mcp::{Asker, hub::Kind, level::Level},
    rpc::{self, Problem, Request},
};

/// The suite wants to see that messages come apart.
const STEP: Duration = Duration::from_millis(50);

const PLAIN: [&str; 14] = [
    "test_audio_content",
    "test_embedded_resource",
    "test_error_handling",
    "test_image_content",
    "test_logging_tool",
    "test_missing_capability",
    "test_multiple_content_types",
    "test_reconnection",
    "test_simple_text",
    "test_tool_with_logging",
    "test_tool_with_progress",
    "test_trigger_prompt_change",
    "test_trigger_tool_change",
    "test_x_mcp_header",
];
const SCHEMA_TOOL: &str = "json_schema_2020_12_tool";

pub(super) fn has(name: &str) -> bool {
    PLAIN.contains(&name) || name == SCHEMA_TOOL || asks::NAMES.contains(&name)
}

/// Whether a call of a fixture has something to tell before its answer.
pub(crate) fn streams(request: &Request<'_>) -> bool {
    let tells = ["test_tool_with_logging", "test_tool_with_progress", "test_logging_tool"];
    super::named(request).is_some_and(|call| tells.contains(&call.name.as_str()) || asks::over_stream(&call.name))
}

pub(crate) fn listed() -> Vec<Value> {
    let none = || json!({ "type": "object", "properties": {} });
    let one = |name: &str, text: &str| json!({ "type": "object", "properties": { name: { "type": "string", "description": text } }, "required": [name] });
    let names = PLAIN.iter().chain(&asks::NAMES).chain([&SCHEMA_TOOL]);
    let mut tools: Vec<Value> = names
        .map(|name| {
            let schema = match *name {
                "test_elicitation" => one("message", "What to ask."),
                "test_sampling" => one("prompt", "What to send."),
                "test_x_mcp_header" => json!({ "type": "object",
                    "properties": { "region": { "type": "string", "x-mcp-header": "Region" } } }),
                SCHEMA_TOOL => dialect(),
                _ => none(),
            };
            json!({ "name": name, "description": "A tool of the conformance suite.", "inputSchema": schema })
        })
        .collect();
    tools.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    tools
}

/// Every keyword that the suite looks for in a list.
fn dialect() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": { "address": { "$anchor": "addressDef", "type": "object",
            "properties": { "street": { "type": "string" }, "city": { "type": "string" } } } },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}

pub(super) fn list(edge: &Edge, asker: &Asker<'_>) -> Value {
    let mut list: Value = serde_json::from_slice(edge.listings.of(&asker.principal)).unwrap_or_default();
    if let Some(tools) = list["tools"].as_array_mut() {
        tools.extend(listed());
        tools.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    }
    list
}

pub(super) async fn call(edge: &Edge, request: &Request<'_>, call: &Named, asker: &Asker<'_>) -> Result<Value, Problem> {
    let embedded =
        |uri: &str, mime: &str, text: &str| json!({ "type": "resource", "resource": { "uri": uri, "mimeType": mime, "text": text } });
    let image = json!({ "type": "image", "data": PNG, "mimeType": "image/png" });
    Ok(match call.name.as_str() {
        "test_simple_text" => text("This is a simple text response for testing."),
        "test_image_content" => json!({ "content": [image] }),
        "test_audio_content" => json!({ "content": [{ "type": "audio", "data": WAV, "mimeType": "audio/wav" }] }),
        "test_embedded_resource" => {
            json!({ "content": [embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")] })
        }
        "test_multiple_content_types" => json!({ "content": [
            { "type": "text", "text": "Multiple content types test:" }, image,
            embedded("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#),
        ] }),
        "test_error_handling" => {
            let mut result = text("This tool intentionally returns an error for testing");
            result["isError"] = json!(true);
            result
        }
        "test_tool_with_logging" | "test_logging_tool" => {
            for said in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
                asker.log(Level::Info, || json!(said));
                pause().await;
            }
            text("Tool with logging executed successfully")
        }
        "test_tool_with_progress" => {
            for done in [0, 50, 100] {
                if let Some(progress) = asker.progress() {
                    progress.send_replace(Some(Progress { done, total: 100, note: String::new() }));
                }
                pause().await;
            }
            text("Tool with progress executed successfully")
        }
        "test_missing_capability" if !asker.terms.capabilities.sampling => {
            return Err(Problem::new(rpc::MISSING_CAPABILITY, "this tool needs the client's capability `sampling`")
                .data(json!({ "requiredCapabilities": { "sampling": {} } })));
        }
        "test_trigger_tool_change" => changed(edge, Kind::Tools),
        "test_trigger_prompt_change" => changed(edge, Kind::Prompts),
        name if asks::NAMES.contains(&name) => asks::call(edge, request, call, asker).await?,
        name => text(format!("{name} was called")),
    })
}

fn changed(edge: &Edge, kind: Kind) -> Value {
    edge.hub.listed(kind);
    text("told")
}

async fn pause() {
    tokio::time::sleep_until(Instant::now() + STEP).await;
}
