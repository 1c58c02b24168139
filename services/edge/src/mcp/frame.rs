//! What an era wants around a result: 2026-07-28 says in each what kind it is, who answered and how long it keeps; the
//! handshake generations are told none of it. Pure.
//!
//! Invariant: a result's own members are never changed.

use serde_json::{Value, json};

use super::Asker;
use crate::{
    edge::Edge,
    rpc::{self, Id},
};

const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// Lists are the same until the process ends, but for what is pushed; clients that do not listen look again then.
const LIST_TTL_MS: u32 = 60_000;
/// What `server/discover` says about the session with IB may be another soon.
const DISCOVER_TTL_MS: u32 = 5_000;

/// Methods whose results clients may keep, and for how long. Scopes cut what a caller sees, so nothing is shared.
fn ttl_ms(method: &str) -> Option<u32> {
    match method {
        "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list" => Some(LIST_TTL_MS),
        "server/discover" => Some(DISCOVER_TTL_MS),
        // A resource is what IB says now; who wants to know when it changes listens.
        "resources/read" => Some(0),
        _ => None,
    }
}

/// One answer's id and era.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    id: Id<'a>,
    /// JSON of the server's identity, where the era wants it.
    server: Option<&'a str>,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(edge: &'a Edge, asker: &Asker<'_>, id: Id<'a>) -> Self {
        Self { id, server: asker.terms.modern.then_some(&*edge.server_info) }
    }

    /// Of the handshake generations.
    #[cfg(test)]
    pub(crate) fn plain(id: Id<'a>) -> Self {
        Self { id, server: None }
    }

    /// Everything before a result's first member; `}}` ends it.
    pub(crate) fn begin(&self, out: &mut Vec<u8>) {
        rpc::begin_result(out, self.id);
        out.push(b'{');
        if self.server.is_some() {
            out.extend_from_slice(br#""resultType":"complete","#);
        }
    }

    /// `_meta` up to its first member of the result's own, which is set apart by a comma unless `{` comes before it.
    pub(crate) fn begin_meta(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#""_meta":{"#);
        if let Some(server) = self.server {
            out.extend_from_slice(format!("\"{SERVER_INFO}\":{server}").as_bytes());
        }
    }

    /// An answer whose result stands ready as the JSON of an object with members, none of them `_meta`.
    pub(crate) fn ready(&self, method: &str, object: &[u8]) -> Vec<u8> {
        if self.server.is_none() {
            return rpc::result(self.id, object);
        }
        let mut out = Vec::with_capacity(object.len() + 512);
        self.begin(&mut out);
        if let Some(ttl_ms) = ttl_ms(method) {
            out.extend_from_slice(format!(r#""ttlMs":{ttl_ms},"cacheScope":"private","#).as_bytes());
        }
        self.begin_meta(&mut out);
        out.extend_from_slice(b"},");
        out.extend_from_slice(object.strip_prefix(b"{").unwrap_or(object));
        out.push(b'}');
        out
    }

    /// An answer whose result is an object.
    pub(crate) fn value(&self, method: &str, mut result: Value) -> Vec<u8> {
        if let (Some(server), Some(members)) = (self.server, result.as_object_mut()) {
            members.entry("resultType").or_insert_with(|| json!("complete"));
            if let Some(ttl_ms) = ttl_ms(method) {
                members.entry("ttlMs").or_insert_with(|| json!(ttl_ms));
                members.entry("cacheScope").or_insert_with(|| json!("private"));
            }
            let meta = members.entry("_meta").or_insert_with(|| json!({}));
            if let Some(meta) = meta.as_object_mut() {
                meta.entry(SERVER_INFO).or_insert_with(|| serde_json::from_str(server).unwrap_or_default());
            }
        }
        let mut out = Vec::with_capacity(512);
        rpc::begin_result(&mut out, self.id);
        rpc::write_json(&mut out, &result);
        out.push(b'}');
        out
    }
}
