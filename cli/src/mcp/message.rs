//! What the bridge has to know of a message: its id, its method, and what the HTTP head repeats of its body. Pure.
//!
//! Invariant: a message that cannot be read is passed on as it is; the edge says what is wrong with it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// A header's value that is no plain ASCII is written in Base64 between these (MCP 2026-07-28, "Transports").
const ENCODED: (&str, &str) = ("=?base64?", "?=");
/// JSON-RPC 2.0: the server failed.
pub(super) const INTERNAL_ERROR: i32 = -32603;
pub(super) const INVALID_REQUEST: i32 = -32600;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// The JSON of the id.
    pub(super) id: Option<String>,
    pub(super) method: Option<String>,
    /// The version that a request of the stateless generation says.
    pub(super) version: Option<String>,
    /// Of a tool, prompt or resource.
    pub(super) name: Option<String>,
    /// The JSON of the id that `notifications/cancelled` names.
    pub(super) cancels: Option<String>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    params: Option<Params<'a>>,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    uri: Option<&'a RawValue>,
    #[serde(borrow, rename = "requestId")]
    request_id: Option<&'a RawValue>,
    #[serde(rename = "_meta")]
    meta: Option<Value>,
}

impl Message {
    /// Empty for what is no message, a batch for example.
    pub(super) fn read(line: &[u8]) -> Self {
        let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(line) else { return Self::default() };
        let method = envelope.method.map(Cow::into_owned);
        let mut message = Self { id: envelope.id.map(|id| id.get().to_owned()), method, ..Self::default() };
        let Some(params) = envelope.params else { return message };
        let text = |raw: Option<&RawValue>| raw.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        message.version = params.meta.as_ref().and_then(|meta| meta.get(VERSION)?.as_str()).map(str::to_owned);
        match message.method.as_deref() {
            Some("tools/call" | "prompts/get") => message.name = text(params.name),
            Some("resources/read" | "resources/subscribe" | "resources/unsubscribe") => message.name = text(params.uri),
            Some("notifications/cancelled") => message.cancels = params.request_id.map(|id| id.get().to_owned()),
            _ => {}
        }
        message
    }

    pub(super) fn is(&self, method: &str) -> bool {
        self.method.as_deref() == Some(method)
    }

    /// It wants an answer.
    pub(super) fn is_request(&self) -> bool {
        self.id.is_some() && self.method.is_some()
    }

    /// Never answered, not even a wrong one.
    pub(super) fn is_notification(&self) -> bool {
        self.method.as_deref().is_some_and(|method| method.starts_with("notifications/"))
    }

    /// Whether this is the answer to the request with `id`.
    pub(super) fn answers(&self, id: &str) -> bool {
        self.method.is_none() && self.id.as_deref() == Some(id)
    }

    /// `Mcp-Name`, where the body has one that must be repeated.
    pub(super) fn header_name(&self) -> Option<String> {
        let named = self.is("tools/call") || self.is("prompts/get") || self.is("resources/read");
        self.name.as_deref().filter(|_| named).map(header_value)
    }
}

/// A value as a header may carry it.
fn header_value(text: &str) -> String {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.trim() == text && !text.starts_with(ENCODED.0);
    if plain { text.to_owned() } else { format!("{}{}{}", ENCODED.0, base64(text.as_bytes()), ENCODED.1) }
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().enumerate().fold(0_u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let digit = (bits >> (18 - 6 * at)) & 63;
            out.push(if at > group.len() { '=' } else { DIGITS[digit as usize] as char });
        }
    }
    out
}

/// A JSON-RPC error with the very id of the request.
pub(super) fn error(id: Option<&str>, code: i32, message: &str, data: Option<&Value>) -> Vec<u8> {
    let mut error = json!({ "code": code, "message": message });
    if let Some(data) = data {
        error["data"] = data.clone();
    }
    format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, id.unwrap_or("null")).into_bytes()
}

/// What the edge refused with, as the answer to the request: its own words, under the request's id.
pub(super) fn refusal(id: &str, status: u16, body: &[u8]) -> Vec<u8> {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    if said.get("jsonrpc").is_some() && Message::read(body).id.as_deref() == Some(id) {
        return body.to_vec();
    }
    let fault = &said["error"];
    if fault["code"].is_i64() {
        // A protocol error of a message whose id was not read.
        let code = fault["code"].as_i64().and_then(|code| i32::try_from(code).ok()).unwrap_or(INTERNAL_ERROR);
        return error(Some(id), code, fault["message"].as_str().unwrap_or_default(), fault.get("data"));
    }
    let mut text = match fault["message"].as_str() {
        Some(message) => format!("the edge refused this with HTTP {status}: {message}"),
        None => format!("the edge answered HTTP {status} and nothing that can be read"),
    };
    if let Some(hint) = fault["hint"].as_str() {
        text.push_str("; ");
        text.push_str(hint);
    }
    if status == 401 {
        text.push_str("; give `ibmesh mcp` a token with IBMESH_TOKEN, IBMESH_TOKEN_FILE or --token-file");
    }
    error(Some(id), INTERNAL_ERROR, &text, fault.is_object().then_some(fault))
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
