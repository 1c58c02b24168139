//! Which Host and Origin may call: what keeps a web page that a person merely visits from calling the edge. Pure.
//!
//! MCP 2025-11-25 "Transports", security warning: servers MUST validate Origin (403), against DNS rebinding. A rebound
//! page calls under a name of its own, so Host is checked too: its name must be one of ours. An address instead of a
//! name cannot be rebound. Origin may be absent (no browser), the page's own origin is the very host it calls, and any
//! other is listed in `EDGE_ALLOWED_ORIGINS`: another port of this machine is another program, such as a notebook that
//! shows a stranger's HTML.

use std::{collections::BTreeSet, net::IpAddr};

use axum::http::{HeaderMap, HeaderValue, Uri, header};
use schemas::{Fault, FaultCode};
use service::Settings;

pub(super) const METHODS: &str = "GET, POST, DELETE, OPTIONS";
/// What the SDKs' browser clients send.
const HEADERS: &str = "Accept, Authorization, Content-Type, Ib-Timeout-Ms, Last-Event-ID, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, traceparent, tracestate";
/// Seconds for which a browser remembers a preflight.
const PREFLIGHT_AGE_S: &str = "600";

#[derive(Debug)]
pub(crate) struct Gate {
    /// Lower case, without port.
    hosts: BTreeSet<String>,
    /// Lower case, as browsers write them: `https://mesh.example`.
    origins: BTreeSet<String>,
    bound: IpAddr,
}

impl Gate {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self::of(
            settings.address("EDGE_BIND").ip(),
            settings.gateway().as_str(),
            &settings.list("EDGE_ALLOWED_HOSTS"),
            &settings.list("EDGE_ALLOWED_ORIGINS"),
        )
    }

    fn of(bound: IpAddr, gateway: &str, hosts: &[String], origins: &[String]) -> Self {
        let mut hosts: BTreeSet<String> = hosts.iter().map(|host| name_of(host).to_ascii_lowercase()).collect();
        // The name of the edge's container in the predecessors' network. It has no dot, so no stranger's DNS can hold it.
        hosts.insert(format!("mcp-ib-{gateway}"));
        let origins = origins.iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()).collect();
        Self { hosts, origins, bound }
    }

    /// The origin that must be told that it may read the answer, if a browser asks.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<Option<HeaderValue>, Fault> {
        let authority = self.host(uri, headers)?;
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else { return Ok(None) };
        let known = origins.next().is_none() && origin.to_str().is_ok_and(|text| self.is_origin(&text.to_ascii_lowercase(), &authority));
        if known {
            return Ok(Some(origin.clone()));
        }
        let shown = shown(origin);
        Err(Fault::new(FaultCode::Forbidden, format!("the origin `{shown}` may not call this edge"))
            .hint(format!("if this web page is yours, put `{shown}` into EDGE_ALLOWED_ORIGINS, as it stands here")))
    }

    /// The host that the request names, with its port, in lower case.
    fn host(&self, uri: &Uri, headers: &HeaderMap) -> Result<String, Fault> {
        // RFC 9112 3.2.2: a target in absolute form is what counts; a Host that says something else is no browser's.
        let named = uri.authority().map(|authority| authority.as_str());
        let mut hosts = headers.get_all(header::HOST).iter();
        let (first, second) = (hosts.next(), hosts.next());
        let header = first.and_then(|value| value.to_str().ok());
        let authority = match (named, header, second) {
            (Some(named), None, None) => named,
            (Some(named), Some(header), None) if named.eq_ignore_ascii_case(header) => named,
            (None, Some(header), None) => header,
            _ => return Err(Fault::new(FaultCode::Forbidden, "the request must name one host").hint("send one Host header")),
        };
        if self.is_host(name_of(authority)) {
            return Ok(authority.to_ascii_lowercase());
        }
        let shown = first.map_or_else(|| "(none)".to_owned(), shown);
        Err(Fault::new(FaultCode::Forbidden, format!("the host name `{shown}` is not one of this edge"))
            .hint("call it as localhost or by the address it is bound to, or add the name to EDGE_ALLOWED_HOSTS"))
    }

    fn is_host(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        // An absolute name's last dot says nothing.
        let name = name.strip_suffix('.').unwrap_or(&name);
        if let Ok(address) = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            // Bound to every address, every address is its own.
            return address.to_canonical().is_loopback()
                || address == self.bound
                || self.bound.is_unspecified()
                || self.hosts.contains(name);
        }
        // RFC 6761 6.3: names under localhost are loopback everywhere.
        name == "localhost" || name.ends_with(".localhost") || self.hosts.contains(name)
    }

    fn is_origin(&self, origin: &str, authority: &str) -> bool {
        let own = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")).is_some_and(|rest| rest == authority);
        own || self.origins.contains(origin)
    }
}

/// `host:port` without its port.
fn name_of(authority: &str) -> &str {
    match authority.rfind(':') {
        // Inside brackets the colon is the address's.
        Some(colon) if !authority[colon..].contains(']') && authority[colon + 1..].bytes().all(|b| b.is_ascii_digit()) => {
            &authority[..colon]
        }
        _ => authority,
    }
}

/// A header's value as a refusal shows it.
fn shown(value: &HeaderValue) -> String {
    let text = value.to_str().unwrap_or("(not ASCII)");
    text.chars().filter(|c| c.is_ascii_graphic() && *c != '`').take(100).collect()
}

/// Lets the browser show the answer to `origin`.
pub(super) fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Mcp-Session-Id, MCP-Protocol-Version, Retry-After, WWW-Authenticate, Ib-Request-Id, Ib-Complete"),
    );
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_AGE_S));
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
