//! How a client learns what this server is: the handshake of the older generations, `server/discover` of the newest. A
//! client may call without either.

use ::tools::{InstructionFacts, Profile};
use schemas::GatewayName;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::{
    beside,
    terms::{self, Capabilities},
};
use crate::{
    auth::Principal,
    edge::Edge,
    health,
    rpc::{self, Problem, Request},
};

/// The handshake versions, the newest last: that one is offered to whoever asks for another.
const VERSIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
const NEWEST: &str = VERSIONS[VERSIONS.len() - 1];

/// MCP "Lifecycle: version negotiation": the asked version if it is known, else the newest of ours.
fn negotiated(params: Option<&RawValue>) -> Result<&'static str, Problem> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow, rename = "protocolVersion")]
        version: Option<&'a RawValue>,
    }
    let Some(params) = params else { return Ok(NEWEST) };
    if !params.get().starts_with('{') {
        return Err(Problem::invalid_params("`params` of initialize must be an object"));
    }
    let wrong = |_| Problem::invalid_params("`protocolVersion` must be a text such as \"2025-11-25\"");
    let params: Params<'_> = serde_json::from_str(params.get()).map_err(wrong)?;
    // A client that names none is served like one that names an unknown one: lenient towards the handshake generations.
    let Some(asked) = params.version else { return Ok(NEWEST) };
    let asked = rpc::string(asked).map_err(wrong)?;
    Ok(VERSIONS.into_iter().find(|version| *version == asked).unwrap_or(NEWEST))
}

/// What the server can do.
fn capabilities(edge: &Edge) -> Value {
    let mut all = json!({ "tools": { "listChanged": edge.conformance }, "logging": {} });
    beside::capabilities().into_iter().for_each(|(name, says)| all[name] = says);
    if edge.conformance {
        // Only the fixtures' lists ever change.
        all["prompts"]["listChanged"] = json!(true);
    }
    all
}

/// JSON of who answers.
pub(crate) fn server_info(gateway: &GatewayName) -> String {
    let title = format!("ib-mesh: Interactive Brokers ({gateway})");
    json!({ "name": "ib-mesh", "title": title, "version": env!("CARGO_PKG_VERSION") }).to_string()
}

/// The answer, and what the client says that it can be asked for.
pub(crate) fn initialize(edge: &Edge, request: &Request<'_>, principal: &Principal) -> Result<(Vec<u8>, Capabilities), Problem> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        capabilities: Option<&'a RawValue>,
    }
    let version = negotiated(request.params)?;
    let params = request.params.and_then(|params| serde_json::from_str::<Params<'_>>(params.get()).ok());
    let client = params.and_then(|params| Capabilities::read(params.capabilities?)).unwrap_or_default();
    let mut out = Vec::with_capacity(2_048);
    rpc::begin_result(&mut out, request.id);
    out.extend_from_slice(br#"{"serverInfo":"#);
    out.extend_from_slice(edge.server_info.as_bytes());
    for (name, value) in
        [("protocolVersion", json!(version)), ("capabilities", capabilities(edge)), ("instructions", json!(instructions(edge, principal)))]
    {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        rpc::write_json(&mut out, &value);
    }
    out.extend_from_slice(b"}}");
    Ok((out, client))
}

pub(crate) fn discover(edge: &Edge, principal: &Principal) -> Value {
    json!({
        "supportedVersions": terms::VERSIONS,
        "capabilities": capabilities(edge),
        "instructions": instructions(edge, principal),
    })
}

fn instructions(edge: &Edge, principal: &Principal) -> String {
    let read_only = edge.readonly || !principal.has(Profile::Trading);
    // The kind of market data differs by instrument; each answer says its own.
    ::tools::instructions(&InstructionFacts { mode: health::mode(&edge.seen()), read_only, data_type: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(params: &str) -> Result<&'static str, i32> {
        let raw: &RawValue = serde_json::from_str(params).expect("json");
        negotiated(Some(raw)).map_err(|problem| problem.code)
    }

    #[test]
    fn a_known_version_is_echoed_and_any_other_gets_the_newest() {
        for known in VERSIONS {
            assert_eq!(version(&format!(r#"{{"protocolVersion":"{known}","capabilities":{{}}}}"#)), Ok(known));
        }
        for other in [r#"{"protocolVersion":"1999-01-01"}"#, r#"{"protocolVersion":"2026-07-28"}"#, "{}", r#"{"protocolVersion":null}"#] {
            assert_eq!(version(other), Ok("2025-11-25"), "{other}");
        }
        assert_eq!(negotiated(None), Ok("2025-11-25"));
        for bad in [r#"{"protocolVersion":7}"#, "[]", r#"{"protocolVersion":"a","protocolVersion":"b"}"#] {
            assert_eq!(version(bad), Err(rpc::INVALID_PARAMS), "{bad}");
        }
    }
}
