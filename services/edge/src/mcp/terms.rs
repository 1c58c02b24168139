//! On which terms a message is answered: which generation its sender speaks, and what it declares. Pure.
//!
//! Whoever declares 2026-07-28 is held to its rules: every field that is mirrored in a header must be there and equal,
//! because what routes by headers and what acts by the body must not be told two things. Everybody else is served as well
//! as can be.

use std::sync::Arc;

use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{
    Asker,
    level::Level,
    mirror::{self, Mirrors},
    sessions::Session,
};
use crate::rpc::{self, Message, Problem, Request};

/// The stateless generation.
pub(crate) const MODERN: &str = "2026-07-28";
/// Every version that is spoken, the newest last.
pub(crate) const VERSIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", MODERN];
/// Methods that only the stateless generation has.
const ONLY_MODERN: [&str; 2] = ["server/discover", "subscriptions/listen"];
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";

/// What a client can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Capabilities {
    /// A form for the person in front of it.
    pub(crate) elicitation: bool,
    pub(crate) sampling: bool,
    pub(crate) roots: bool,
}

impl Capabilities {
    /// None where `raw` is no object.
    pub(crate) fn read(raw: &RawValue) -> Option<Self> {
        #[derive(Deserialize)]
        struct Members {
            elicitation: Option<serde_json::Map<String, serde_json::Value>>,
            sampling: Option<serde_json::Map<String, serde_json::Value>>,
            roots: Option<serde_json::Map<String, serde_json::Value>>,
        }
        if !raw.get().starts_with('{') {
            return None;
        }
        let members: Members = serde_json::from_str(raw.get()).ok()?;
        Some(Self {
            // A client that opens addresses need not have forms; one that says nothing closer has.
            elicitation: members.elicitation.is_some_and(|modes| modes.is_empty() || modes.contains_key("form")),
            sampling: members.sampling.is_some(),
            roots: members.roots.is_some(),
        })
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    /// 2026-07-28; else one of the handshake versions.
    pub(crate) modern: bool,
    pub(crate) capabilities: Capabilities,
    /// From which level on the client wants to hear log messages.
    pub(crate) level: Option<Level>,
    pub(crate) session: Option<Arc<Session>>,
}

impl Terms {
    /// As a handshake made them, if there was one.
    pub(super) fn of_session(session: Option<Arc<Session>>) -> Self {
        let capabilities = session.as_ref().map(|session| session.capabilities).unwrap_or_default();
        let level = session.as_ref().and_then(|session| session.level());
        Self { modern: false, capabilities, level, session }
    }
}

#[derive(Debug, Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, rename = "io.modelcontextprotocol/protocolVersion")]
    version: Option<&'a RawValue>,
    #[serde(borrow, rename = "io.modelcontextprotocol/clientCapabilities")]
    capabilities: Option<&'a RawValue>,
    #[serde(borrow, rename = "io.modelcontextprotocol/logLevel")]
    level: Option<&'a RawValue>,
}

impl<'a> Meta<'a> {
    fn read(params: Option<&'a RawValue>) -> Self {
        #[derive(Deserialize)]
        struct Params<'a> {
            #[serde(borrow, rename = "_meta")]
            meta: Option<&'a RawValue>,
        }
        let object = |raw: &'a RawValue| Some(raw.get()).filter(|text| text.starts_with('{'));
        // Most calls declare nothing, and are not read twice for it.
        let declares = |text: &&str| text.contains(VERSION_KEY) || text.contains(CAPABILITIES_KEY);
        let read = || {
            let params: Params<'a> = serde_json::from_str(params.and_then(object).filter(declares)?).ok()?;
            serde_json::from_str(object(params.meta?)?).ok()
        };
        read().unwrap_or_default()
    }
}

/// Whether the version that a header names is of the stateless generation or later. Versions are dates.
pub(super) fn declares_modern(header: Option<&str>) -> bool {
    header.is_some_and(|version| version.len() == MODERN.len() && version.as_bytes()[0].is_ascii_digit() && version >= MODERN)
}

/// The terms of the stateless generation, if the request declares it: checked whole, or a problem that is HTTP 400.
pub(crate) fn modern(
    request: &Request<'_>,
    version: Option<&str>,
    headers: Option<&HeaderMap>,
    mirrors: &Mirrors,
) -> Option<Result<Terms, Problem>> {
    let meta = Meta::read(request.params);
    let only = ONLY_MODERN.contains(&&*request.method);
    // A handshake that carries nothing of the stateless generation negotiates by itself.
    let header = declares_modern(version) && request.method != "initialize";
    if meta.version.is_none() && meta.capabilities.is_none() && !header && !only {
        return None;
    }
    // A handshake version in `_meta` says nothing that a handshake would not.
    let named = meta.version.map(|raw| rpc::string(raw).unwrap_or_default());
    if named.as_deref().is_some_and(|named| VERSIONS.contains(&named) && named != MODERN) && !header && !only {
        return None;
    }
    // Only HTTP has headers; a line of stdio has none to compare.
    let mirrored = headers.map(|headers| Mirrored { version, headers, mirrors });
    Some(checked(request, &meta, named.as_deref(), mirrored.as_ref()))
}

/// What stands in headers.
struct Mirrored<'a> {
    version: Option<&'a str>,
    headers: &'a HeaderMap,
    mirrors: &'a Mirrors,
}

fn checked(request: &Request<'_>, meta: &Meta<'_>, version: Option<&str>, mirrored: Option<&Mirrored<'_>>) -> Result<Terms, Problem> {
    let missing = |key: &str| Problem::invalid_params(format!("`_meta` must carry \"{key}\" in every request of {MODERN}"));
    let version = version.ok_or_else(|| missing(VERSION_KEY))?;
    let capabilities = meta.capabilities.and_then(Capabilities::read).ok_or_else(|| missing(CAPABILITIES_KEY))?;
    if let Some(other) = mirrored.map(|mirrored| mirrored.version).filter(|said| *said != Some(version)) {
        let said = other.map_or_else(|| "is missing".to_owned(), |other| format!("says `{}`", shown(other)));
        return Err(mirror::mismatch(format!("the header MCP-Protocol-Version {said}, `_meta` says `{}`", shown(version))));
    }
    if version != MODERN {
        return Err(unsupported(version));
    }
    if let Some(mirrored) = mirrored {
        mirror::check(request, mirrored.headers, mirrored.mirrors)?;
    }
    let level = match meta.level {
        None => None,
        Some(raw) => Some(Level::read(raw).ok_or_else(|| Problem::invalid_params("`_meta` names a logLevel that does not exist"))?),
    };
    Ok(Terms { modern: true, capabilities, level, session: None })
}

/// MCP "Protocol version header": HTTP 400 for a version that is not known. Absent means a client from before it. The
/// handshake negotiates by itself.
pub(super) fn unknown_version(message: &Message<'_>, asker: &Asker<'_>) -> Option<Problem> {
    let asked = asker.version.filter(|asked| !VERSIONS.contains(asked))?;
    match message {
        Message::Request(request) if request.method == "initialize" => None,
        _ => Some(unsupported(asked)),
    }
}

fn unsupported(asked: &str) -> Problem {
    let shown = shown(asked);
    Problem::new(rpc::UNSUPPORTED_VERSION, format!("the protocol version `{shown}` is not supported"))
        .data(json!({ "supported": VERSIONS, "requested": shown }))
}

fn shown(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(40).collect()
}
