//! Who calls and in which trace, made from what a request says. Pure.
//!
//! Invariant: everything here came from outside and becomes a NATS header, so it is cut, and only plain ASCII passes.

use std::{borrow::Cow, fmt::Write};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::auth::Principal;

/// Characters of a client's name and version that are kept.
const CLIENT_CHARS: usize = 48;

/// The parts of a request's `_meta` that the edge uses. Whatever is of another type counts as absent.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Meta<'a> {
    pub(crate) traceparent: Option<Cow<'a, str>>,
    client: Option<Client<'a>>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Client<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    version: Cow<'a, str>,
}

impl<'a> Meta<'a> {
    /// `None` where `_meta` is no object or has a member twice.
    pub(crate) fn read(raw: &'a RawValue) -> Option<Self> {
        #[derive(Deserialize)]
        struct Members<'a> {
            #[serde(borrow)]
            traceparent: Option<&'a RawValue>,
            #[serde(borrow, rename = "io.modelcontextprotocol/clientInfo")]
            client: Option<&'a RawValue>,
        }
        if !raw.get().starts_with('{') {
            return None;
        }
        let members: Members<'a> = serde_json::from_str(raw.get()).ok()?;
        let object = members.client.filter(|raw| raw.get().starts_with('{'));
        Some(Self {
            traceparent: members.traceparent.and_then(|raw| crate::rpc::string(raw).ok()),
            client: object.and_then(|raw| serde_json::from_str(raw.get()).ok()),
        })
    }

    /// `http:127.0.0.1`, `token:desk claude-code/2.1`: what `Ib-Caller` says.
    pub(crate) fn caller(&self, principal: &Principal) -> String {
        let mut out = principal.to_string();
        if let Some(client) = &self.client {
            let (name, version) = (token(&client.name), token(&client.version));
            if !name.is_empty() {
                let slash = if version.is_empty() { "" } else { "/" };
                // Writing to a String cannot fail.
                let _ = write!(out, " {name}{slash}{version}");
            }
        }
        out
    }
}

/// Letters, digits and `-_.`; a blank becomes `-`.
fn token(text: &str) -> String {
    let plain = text.chars().map(|c| if c == ' ' { '-' } else { c });
    plain.filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(CLIENT_CHARS).collect()
}

/// Whether `text` is a `traceparent` of W3C Trace Context, section 3.2: what is not must not be passed on.
pub(crate) fn is_traceparent(text: &str) -> bool {
    let hex = |part: &str, len: usize| part.len() == len && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let mut parts = text.split('-');
    let (Some(version), Some(trace), Some(parent), Some(flags)) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let known = hex(version, 2) && version != "ff" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    let set = !trace.bytes().all(|b| b == b'0') && !parent.bytes().all(|b| b == b'0');
    // Version 00 ends here; a later one may go on, but not for ever.
    known
        && set
        && (text.len() == 55 || (version != "00" && text.len() <= 256 && text.is_ascii() && text.bytes().all(|b| b.is_ascii_graphic())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(meta: &str) -> String {
        let raw: &RawValue = serde_json::from_str(meta).expect("json");
        Meta::read(raw).unwrap_or_default().caller(&Principal::open("127.0.0.1".parse().expect("ip"), tools::Profile::Readonly))
    }

    #[test]
    fn a_caller_is_plain_ascii_whatever_it_calls_itself() {
        for (meta, said) in [
            ("{}", "http:127.0.0.1"),
            ("[]", "http:127.0.0.1"),
            (r#"{"io.modelcontextprotocol/clientInfo":7}"#, "http:127.0.0.1"),
            (r#"{"io.modelcontextprotocol/clientInfo":{"name":"x","version":1}}"#, "http:127.0.0.1"),
            (r#"{"io.modelcontextprotocol/clientInfo":{"name":"claude code","version":"2.1"}}"#, "http:127.0.0.1 claude-code/2.1"),
            (
                r#"{"io.modelcontextprotocol/clientInfo":{"name":"a\r\nIb-Caller: admin\u0000é","version":""}}"#,
                "http:127.0.0.1 aIb-Caller-admin",
            ),
        ] {
            assert_eq!(caller(meta), said, "{meta}");
        }
        let long = format!(r#"{{"io.modelcontextprotocol/clientInfo":{{"name":"{}"}}}}"#, "n".repeat(10_000));
        assert_eq!(caller(&long).len(), "http:127.0.0.1 ".len() + CLIENT_CHARS);
    }

    #[test]
    fn traceparents() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(is_traceparent(good));
        assert!(is_traceparent(&format!("cc{}-later", &good[2..])));
        for bad in [
            "",
            "00",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nx: y",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-a\nb",
        ] {
            assert!(!is_traceparent(bad), "{bad:?}");
        }
    }
}
