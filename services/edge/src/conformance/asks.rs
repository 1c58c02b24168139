//! The suite's tools that ask the client: in the answer since 2026-07-28, over the call's stream before.

use serde_json::{Map, Value, json};

use super::{Named, text};
use crate::{
    edge::Edge,
    mcp::{
        Asker,
        confirm::{Brought, input_required},
        seal::Bound,
        sessions::NoWord,
    },
    rpc::{self, Problem, Request},
};

pub(super) const NAMES: [&str; 13] = [
    "test_elicitation",
    "test_elicitation_sep1034_defaults",
    "test_elicitation_sep1330_enums",
    "test_input_required_result_capabilities",
    "test_input_required_result_elicitation",
    "test_input_required_result_list_roots",
    "test_input_required_result_multi_round",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_request_state",
    "test_input_required_result_sampling",
    "test_input_required_result_tampered_state",
    "test_sampling",
    "test_streaming_elicitation",
];

/// Whether a handshake client is asked by it.
pub(super) fn over_stream(name: &str) -> bool {
    name.starts_with("test_elicitation") || name == "test_sampling"
}

fn form(message: &str, properties: Value) -> Value {
    let required: Vec<&String> = properties.as_object().map(|members| members.keys().collect()).unwrap_or_default();
    json!({ "mode": "form", "message": message,
        "requestedSchema": { "type": "object", "required": required, "properties": properties } })
}

fn elicit(message: &str, name: &str, kind: &str) -> Value {
    json!({ "method": "elicitation/create", "params": form(message, json!({ name: { "type": kind } })) })
}

fn sample(prompt: &str) -> Value {
    json!({ "method": "sampling/createMessage", "params": sampling(prompt) })
}

fn sampling(prompt: &str) -> Value {
    json!({ "messages": [{ "role": "user", "content": { "type": "text", "text": prompt } }], "maxTokens": 100 })
}

fn roots() -> Value {
    json!({ "method": "roots/list", "params": {} })
}

pub(super) async fn call(edge: &Edge, request: &Request<'_>, call: &Named, asker: &Asker<'_>) -> Result<Value, Problem> {
    match call.name.as_str() {
        name if over_stream(name) => direct(call, asker).await,
        "test_streaming_elicitation" => rounds(edge, request, call, asker, &[json!({ "answer": elicit("Go on?", "ok", "boolean") })]),
        "test_input_required_result_capabilities" => {
            let mut requests = Map::new();
            let can = asker.terms.capabilities;
            requests.extend(can.sampling.then(|| ("greeting".to_owned(), sample("Generate a greeting"))));
            requests.extend(can.elicitation.then(|| ("user_name".to_owned(), elicit("What is your name?", "name", "string"))));
            rounds(edge, request, call, asker, &[requests.into()])
        }
        "test_input_required_result_elicitation" => {
            rounds(edge, request, call, asker, &[json!({ "user_name": elicit("What is your name?", "name", "string") })])
        }
        "test_input_required_result_sampling" => {
            rounds(edge, request, call, asker, &[json!({ "capital_question": sample("What is the capital of France?") })])
        }
        "test_input_required_result_list_roots" => rounds(edge, request, call, asker, &[json!({ "client_roots": roots() })]),
        "test_input_required_result_multiple_inputs" => {
            let all = json!({ "user_name": elicit("What is your name?", "name", "string"), "greeting": sample("Generate a greeting"),
                "client_roots": roots() });
            rounds(edge, request, call, asker, &[all])
        }
        "test_input_required_result_multi_round" => {
            let steps = [
                json!({ "step1": elicit("Step 1: What is your name?", "name", "string") }),
                json!({ "step2": elicit("Step 2: What is your favorite color?", "color", "string") }),
            ];
            rounds(edge, request, call, asker, &steps)
        }
        _ => rounds(edge, request, call, asker, &[json!({ "confirm": elicit("Please confirm", "ok", "boolean") })]),
    }
}

pub(super) fn prompt(edge: &Edge, request: &Request<'_>, asked: &Named, asker: &Asker<'_>) -> Result<Value, Problem> {
    let result = rounds(
        edge,
        request,
        asked,
        asker,
        &[json!({ "user_context": elicit("What context should the prompt use?", "context", "string") })],
    )?;
    if result["resultType"] == json!("input_required") {
        return Ok(result);
    }
    Ok(json!({ "messages": [{ "role": "user", "content": result["content"][0] }] }))
}

/// Asks round by round; the sealed state says which round is answered.
fn rounds(edge: &Edge, request: &Request<'_>, call: &Named, asker: &Asker<'_>, rounds: &[Value]) -> Result<Value, Problem> {
    if !asker.terms.modern {
        return Ok(failed("only clients of 2026-07-28 are asked in an answer"));
    }
    let brought = Brought::read(request)?;
    let bound = Bound { principal: asker.principal.key(), method: &request.method, name: &call.name, arguments: &call.arguments };
    let round = match &brought.state {
        None => 0,
        Some(state) => edge.seal.open(&bound, state, false)?.as_u64().and_then(|round| usize::try_from(round).ok()).unwrap_or_default(),
    };
    let Some(asked) = rounds.get(round) else { return Err(Problem::invalid_params("there is no such round")) };
    let answered = |key: &String| brought.responses.get(key).is_some_and(Value::is_object);
    let complete = asked.as_object().is_some_and(|asked| !asked.is_empty() && asked.keys().all(answered));
    let next = if complete { round + 1 } else { round };
    match rounds.get(next) {
        Some(requests) => {
            let state = edge.seal.seal(&bound, &json!(next)).ok_or_else(|| Problem::new(rpc::INTERNAL_ERROR, "no random numbers"))?;
            Ok(input_required(requests, Some(state)))
        }
        None => Ok(text(format!("state-ok: {}", Value::Object(brought.responses)))),
    }
}

/// One question over the stream of a handshake client's call.
async fn direct(call: &Named, asker: &Asker<'_>) -> Result<Value, Problem> {
    let argument = |name: &str| call.arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let can = asker.terms.capabilities;
    let (able, method, params) = match call.name.as_str() {
        "test_sampling" => (can.sampling, "sampling/createMessage", sampling(argument("prompt"))),
        "test_elicitation_sep1034_defaults" => (can.elicitation, "elicitation/create", defaults()),
        "test_elicitation_sep1330_enums" => (can.elicitation, "elicitation/create", enums()),
        _ => {
            let properties = json!({ "username": { "type": "string", "description": "User's response" },
                "email": { "type": "string", "description": "User's email address" } });
            (can.elicitation, "elicitation/create", form(argument("message"), properties))
        }
    };
    let (true, Some(session), Some(teller)) = (able, &asker.terms.session, asker.teller()) else {
        return Ok(failed("the client cannot be asked"));
    };
    Ok(match session.ask(teller, method, &params).await {
        Ok(answer) if method == "sampling/createMessage" => {
            text(format!("LLM response: {}", answer["content"]["text"].as_str().unwrap_or_default()))
        }
        Ok(answer) => {
            text(format!("Elicitation completed: action={}, content={}", answer["action"].as_str().unwrap_or_default(), answer["content"]))
        }
        Err(NoWord::Busy | NoWord::TooLate | NoWord::Refused) => failed("the client did not answer"),
    })
}

fn failed(why: &str) -> Value {
    let mut result = text(why);
    result["isError"] = json!(true);
    result
}

fn defaults() -> Value {
    form(
        "Please look at these values",
        json!({
            "name": { "type": "string", "default": "John Doe" },
            "age": { "type": "integer", "default": 30 },
            "score": { "type": "number", "default": 95.5 },
            "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
            "verified": { "type": "boolean", "default": true },
        }),
    )
}

fn enums() -> Value {
    let titled = |first: &str| {
        let titles = ["First", "Second", "Third"];
        let all: Vec<Value> = titles
            .iter()
            .enumerate()
            .map(|(n, title)| json!({ "const": format!("value{}", n + 1), "title": format!("{title} {first}") }))
            .collect();
        Value::from(all)
    };
    let plain = || json!(["option1", "option2", "option3"]);
    form(
        "Please choose",
        json!({
            "untitledSingle": { "type": "string", "enum": plain() },
            "titledSingle": { "type": "string", "oneOf": titled("Option") },
            "legacyEnum": { "type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"] },
            "untitledMulti": { "type": "array", "items": { "type": "string", "enum": plain() } },
            "titledMulti": { "type": "array", "items": { "anyOf": titled("Choice") } },
        }),
    )
}
