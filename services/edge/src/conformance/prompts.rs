//! The suite's prompts.

use serde_json::{Value, json};

use super::{Named, asks, content::PNG};
use crate::{
    edge::Edge,
    mcp::Asker,
    rpc::{Problem, Request},
};

pub(super) fn list() -> Value {
    let prompt = |name: &str, arguments: &[&str]| {
        let arguments: Vec<Value> =
            arguments.iter().map(|name| json!({ "name": name, "description": format!("The {name}."), "required": true })).collect();
        json!({ "name": name, "description": "A prompt of the conformance suite.", "arguments": arguments })
    };
    json!({ "prompts": [
        prompt("test_input_required_result_prompt", &[]),
        prompt("test_prompt_with_arguments", &["arg1", "arg2"]),
        prompt("test_prompt_with_embedded_resource", &["resourceUri"]),
        prompt("test_prompt_with_image", &[]),
        prompt("test_simple_prompt", &[]),
    ] })
}

pub(super) fn get(edge: &Edge, request: &Request<'_>, asked: &Named, asker: &Asker<'_>) -> Result<Value, Problem> {
    let argument = |name: &str| asked.arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let user = |content: Value| json!({ "role": "user", "content": content });
    let text = |text: &str| user(json!({ "type": "text", "text": text }));
    let messages = match asked.name.as_str() {
        "test_simple_prompt" => vec![text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments" => {
            vec![text(&format!("Prompt with arguments: arg1='{}', arg2='{}'", argument("arg1"), argument("arg2")))]
        }
        "test_prompt_with_embedded_resource" => vec![
            user(json!({ "type": "resource", "resource": { "uri": argument("resourceUri"), "mimeType": "text/plain",
                "text": "Embedded resource content for testing." } })),
            text("Please process the embedded resource above."),
        ],
        "test_prompt_with_image" => {
            vec![user(json!({ "type": "image", "data": PNG, "mimeType": "image/png" })), text("Please analyze the image above.")]
        }
        "test_input_required_result_prompt" => return asks::prompt(edge, request, asked, asker),
        _ => return Err(Problem::invalid_params("there is no such prompt")),
    };
    Ok(json!({ "messages": messages }))
}
