//! What strangers send, read as the edge reads it, for the targets in `fuzz/`. Each may fail and none may panic.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, json};

use crate::{
    auth::Key,
    caller::Meta,
    mcp::{
        confirm::Brought,
        mirror::{self, Mirrors},
        progress,
        seal::{Bound, Seal},
        terms::{self, Capabilities},
    },
    rpc::{self, Input, Message, Request},
};

/// A body: messages, and all that is looked at in a request before its method.
pub fn read_body(bytes: &[u8]) {
    static MIRRORS: LazyLock<Mirrors> = LazyLock::new(|| {
        Mirrors::of(&[json!({ "name": "t", "inputSchema": { "properties": { "a": { "type": "string", "x-mcp-header": "A" } } } })])
    });
    let messages = match rpc::parse(bytes) {
        Ok(Input::One(message)) => vec![message],
        Ok(Input::Batch(messages)) => messages,
        Err(_) => return,
    };
    for message in messages {
        let Message::Request(request) = message else { continue };
        let headers = headers(&request);
        for version in [None, Some(terms::MODERN)] {
            let _ = terms::modern(&request, version, Some(&headers), &MIRRORS);
        }
        let _ = (progress::token(&request), Brought::read(&request), request.params.and_then(Capabilities::read));
        let _ = request.params.and_then(Meta::read);
    }
}

/// As a client would write them, so that what comes after them is reached.
fn headers(request: &Request<'_>) -> HeaderMap {
    let value = HeaderValue::from_str(&request.method).ok();
    let named =
        [("mcp-method", value), ("mcp-name", Some(HeaderValue::from_static("t"))), ("mcp-param-a", Some(HeaderValue::from_static("a")))];
    named.into_iter().filter_map(|(name, value)| Some((HeaderName::from_static(name), value?))).collect()
}

/// The value of a mirrored header, and a sealed state.
pub fn read_text(bytes: &[u8]) {
    static SEAL: LazyLock<Seal> = LazyLock::new(|| Seal::new().expect("random numbers"));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = mirror::decoded(text);
    let bound = Bound { principal: &Key::Others, method: "tools/call", name: "t", arguments: &Map::new() };
    assert!(SEAL.open(&bound, text, true).is_err(), "nobody was given a state");
}
