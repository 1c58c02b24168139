//! JSON-RPC 2.0 as MCP uses it: reads a body into borrowed pieces, writes answers. Pure.
//!
//! Invariants: nothing is copied or decoded that the method does not need; an id is answered with the very bytes it was
//! sent as; whatever the bytes are, the outcome is a message or a [`Problem`], never a panic.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

pub(crate) const PARSE_ERROR: i32 = -32700;
pub(crate) const INVALID_REQUEST: i32 = -32600;
pub(crate) const METHOD_NOT_FOUND: i32 = -32601;
pub(crate) const INVALID_PARAMS: i32 = -32602;
pub(crate) const INTERNAL_ERROR: i32 = -32603;
/// MCP 2026-07-28's `HeaderMismatch`.
pub(crate) const HEADER_MISMATCH: i32 = -32020;
/// MCP 2026-07-28's `MissingRequiredClientCapability`.
pub(crate) const MISSING_CAPABILITY: i32 = -32021;
/// MCP 2026-07-28's `UnsupportedProtocolVersion`; earlier versions only ask for HTTP 400.
pub(crate) const UNSUPPORTED_VERSION: i32 = -32022;

/// Messages of one batch. Only MCP 2025-03-26 has batches, and its clients send a handful.
pub(crate) const BATCH_MAX: usize = 64;
/// Bytes of one id, as JSON.
pub(crate) const ID_BYTES_MAX: usize = 256;

/// A request's id, as the JSON text that came. It is never decoded: `1`, `1.0` and `"1"` are three ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Id<'a>(&'a str);

impl<'a> Id<'a> {
    pub(crate) fn as_json(self) -> &'a str {
        self.0
    }

    /// A string or a number: JSON-RPC 2.0 section 4; MCP forbids null.
    fn read(raw: &'a RawValue) -> Option<Self> {
        let text = raw.get();
        let good = text.len() <= ID_BYTES_MAX && text.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
        good.then_some(Self(text))
    }
}

/// A protocol error: the request never became a tool call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    pub(crate) code: i32,
    pub(crate) message: String,
    pub(crate) data: Option<serde_json::Value>,
}

impl Problem {
    pub(crate) fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(INVALID_REQUEST, message)
    }

    pub(crate) fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(INVALID_PARAMS, message)
    }

    #[must_use]
    pub(crate) fn data(mut self, data: serde_json::Value) -> Self {
        self.data = Some(data);
        self
    }
}

/// A message that asks for an answer.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    pub(crate) id: Id<'a>,
    pub(crate) method: Cow<'a, str>,
    pub(crate) params: Option<&'a RawValue>,
}

#[derive(Debug, Clone)]
pub(crate) enum Message<'a> {
    Request(Request<'a>),
    Notification {
        method: Cow<'a, str>,
        params: Option<&'a RawValue>,
    },
    /// An answer to a request of ours, which went to a session's client.
    Response {
        id: Option<Id<'a>>,
        /// None where it is an error.
        result: Option<&'a RawValue>,
    },
    /// Not a JSON-RPC message; with its id if that much could be read.
    Invalid(Option<Id<'a>>, Problem),
}

/// A whole body.
#[derive(Debug, Clone)]
pub(crate) enum Input<'a> {
    One(Message<'a>),
    Batch(Vec<Message<'a>>),
}

/// Reads a body. Fails only where not even one message can be told apart.
pub(crate) fn parse(body: &[u8]) -> Result<Input<'_>, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        Problem::new(PARSE_ERROR, format!("the body is not UTF-8 (at byte {}); send JSON in UTF-8", error.valid_up_to()))
    })?;
    // RFC 8259 8.1 allows a reader to ignore a byte order mark; PowerShell writes one.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_matches([' ', '\t', '\r', '\n']);
    if text.is_empty() {
        return Err(Problem::new(PARSE_ERROR, "the body is empty; send one JSON-RPC message"));
    }
    if !text.starts_with('[') {
        let whole: &RawValue = serde_json::from_str(text).map_err(|error| not_json(&error))?;
        return Ok(Input::One(message(whole)));
    }
    let batch: Batch<'_> = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    if batch.total == 0 {
        return Err(Problem::invalid_request("an empty batch; send at least one message"));
    }
    if batch.total > BATCH_MAX {
        return Err(Problem::invalid_request(format!("a batch of {} messages; at most {BATCH_MAX} are taken", batch.total)));
    }
    Ok(Input::Batch(batch.messages.into_iter().map(message).collect()))
}

fn not_json(error: &serde_json::Error) -> Problem {
    // The parser's words name line and column, never the content.
    Problem::new(PARSE_ERROR, format!("the body is not JSON: {error}"))
}

/// The members of a message. All raw, so that reading them can fail only at a name that stands there twice.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

/// Tells `null` from an absent member, which `Option` alone does not.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn message(raw: &RawValue) -> Message<'_> {
    // Serde would read an array into the struct by position.
    if !raw.get().starts_with('{') {
        return Message::Invalid(None, Problem::invalid_request("a JSON-RPC message is an object"));
    }
    let envelope: Envelope<'_> = match serde_json::from_str(raw.get()) {
        Ok(envelope) => envelope,
        // Two ids or two methods: readers differ in which they take, so none is taken.
        Err(error) => return Message::Invalid(None, Problem::invalid_request(format!("not a JSON-RPC message: {error}"))),
    };
    let id = envelope.id.map(Id::read);
    let known = id.flatten();
    let invalid = |text: &str| Message::Invalid(known, Problem::invalid_request(text));
    if envelope.jsonrpc.is_none_or(|raw| raw.get() != "\"2.0\"") {
        return invalid("`jsonrpc` must be \"2.0\"");
    }
    if id == Some(None) {
        return invalid(
            "`id` must be a string or a number, at most 256 bytes long, and is left out in a notification; null is not allowed",
        );
    }
    let Some(method) = envelope.method else {
        let answer = envelope.result.is_some() || envelope.error.is_some();
        return if answer { Message::Response { id: known, result: envelope.result } } else { invalid("`method` is missing") };
    };
    let Ok(method) = string(method) else { return invalid("`method` must be a string") };
    let params = envelope.params.filter(|raw| raw.get() != "null");
    if params.is_some_and(|raw| !raw.get().starts_with(['{', '['])) {
        return invalid("`params` must be an object");
    }
    match known {
        Some(id) => Message::Request(Request { id, method, params }),
        None => Message::Notification { method, params },
    }
}

/// A JSON string, borrowed where it has no escapes.
pub(crate) fn string(raw: &RawValue) -> Result<Cow<'_, str>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'_>>(raw.get()).map(|text| text.0)
}

/// The first [`BATCH_MAX`] messages of an array and how many there are, so that 2 million `1`s fill no memory.
struct Batch<'a> {
    messages: Vec<&'a RawValue>,
    total: usize,
}

impl<'de: 'a, 'a> Deserialize<'de> for Batch<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = Batch<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of messages")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Batch<'de>, A::Error> {
                let mut batch = Batch { messages: Vec::new(), total: 0 };
                while batch.total < BATCH_MAX {
                    let Some(message) = elements.next_element::<&'de RawValue>()? else { return Ok(batch) };
                    batch.messages.push(message);
                    batch.total += 1;
                }
                while elements.next_element::<IgnoredAny>()?.is_some() {
                    batch.total += 1;
                }
                Ok(batch)
            }
        }
        deserializer.deserialize_seq(Elements)
    }
}

/// An answer whose result is JSON that stands ready.
pub(crate) fn result(id: Id<'_>, result: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(result.len() + id.0.len() + 40);
    begin_result(&mut out, id);
    out.extend_from_slice(result);
    out.push(b'}');
    out
}

/// Everything before the result of an answer; `}` ends it.
pub(crate) fn begin_result(out: &mut Vec<u8>, id: Id<'_>) {
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id.0.as_bytes());
    out.extend_from_slice(br#","result":"#);
}

/// An answer that is an error. Without a known id it is null, as JSON-RPC 2.0 section 5 says.
pub(crate) fn error(id: Option<Id<'_>>, problem: &Problem) -> Vec<u8> {
    let mut out = Vec::with_capacity(problem.message.len() + 128);
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id.map_or("null", Id::as_json).as_bytes());
    out.extend_from_slice(br#","error":{"code":"#);
    out.extend_from_slice(problem.code.to_string().as_bytes());
    out.extend_from_slice(br#","message":"#);
    write_json(&mut out, &problem.message);
    if let Some(data) = &problem.data {
        out.extend_from_slice(br#","data":"#);
        write_json(&mut out, data);
    }
    out.extend_from_slice(b"}}");
    out
}

/// Appends `value` as JSON.
pub(crate) fn write_json(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    let before = out.len();
    // Writing to memory cannot fail, and none of our types has a map with keys that are no strings.
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(before);
        out.extend_from_slice(b"null");
    }
}

#[cfg(test)]
#[path = "rpc_tests.rs"]
mod tests;
