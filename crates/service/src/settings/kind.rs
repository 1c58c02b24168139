//! What a setting may hold.

use std::net::{SocketAddr, ToSocketAddrs};

use schemas::GatewayName;

/// The check of one setting's text.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Host,
    Port,
    /// `host:port`; the host must resolve.
    Address,
    Number {
        min: u64,
        max: u64,
    },
    Choice(&'static [&'static str]),
    /// true, false, yes, no, on, off, 1, 0.
    Flag,
    /// A file that must exist.
    File,
    /// `host:port` of something that may not be there yet: it is not resolved.
    HostPort,
    HttpUrl,
    /// Checked by the service that reads it.
    Text,
    /// Comma-separated.
    List,
    UrlPath,
    NatsUrl,
    GatewayName,
    LogLevel,
}

/// A URL may carry a user and password, which nobody is to see.
pub fn redacted(text: &str) -> String {
    match text.rfind('@') {
        Some(at) => format!("{}(redacted)@{}", text.find("://").map_or("", |scheme| &text[..scheme + 3]), &text[at + 1..]),
        None => text.to_owned(),
    }
}

impl Kind {
    /// The value as people may see it.
    pub(super) fn shown(self, text: &str) -> String {
        if matches!(self, Self::NatsUrl) { redacted(text) } else { text.to_owned() }
    }

    /// Why `text` is not allowed, or nothing.
    pub(super) fn problem(self, text: &str) -> Option<String> {
        match self {
            Self::Host => (!is_host(text)).then(|| "must be a host name or an IP address".to_owned()),
            Self::Port => (!matches!(text.parse::<u16>(), Ok(1..))).then(|| "must be a port from 1 to 65535".to_owned()),
            Self::Address => address(text).err(),
            Self::Number { min, max } => (!text.parse::<u64>().is_ok_and(|n| (min..=max).contains(&n)))
                .then(|| format!("must be a whole number from {min} to {max}")),
            Self::Choice(choices) => (!choices.contains(&text)).then(|| format!("must be one of {}", choices.join(", "))),
            Self::Flag => flag(text).is_none().then(|| "must be true or false".to_owned()),
            Self::File => (!std::path::Path::new(text).is_file()).then(|| "must name a file that exists".to_owned()),
            Self::HostPort => {
                let good = text.rsplit_once(':').is_some_and(|(host, port)| is_host(host) && matches!(port.parse::<u16>(), Ok(1..)));
                (!good).then(|| "must be HOST:PORT such as ibgateway-paper:7462".to_owned())
            }
            Self::HttpUrl => {
                let good = ["http://", "https://"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
                (!good || text.chars().any(char::is_whitespace)).then(|| "must be a URL such as https://ntfy.sh/topic".to_owned())
            }
            Self::List | Self::Text => None,
            Self::UrlPath => {
                let good =
                    text.starts_with('/') && !text.ends_with('/') && text.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.".contains(c));
                (!good).then(|| "must be a path such as /api/v1".to_owned())
            }
            Self::NatsUrl => {
                let good = ["nats://", "tls://"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
                (!good).then(|| "must be a URL such as nats://127.0.0.1:4222".to_owned())
            }
            Self::GatewayName => text.parse::<GatewayName>().err().map(|_| "must be 1 to 32 of a-z, 0-9 and -".to_owned()),
            Self::LogLevel => {
                text.parse::<tracing_subscriber::filter::EnvFilter>().err().map(|e| format!("must be a level or filter ({e})"))
            }
        }
    }
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.len() <= 253 && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:[]".contains(c))
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|e| format!("must be HOST:PORT such as 127.0.0.1:48012 ({e})"))?;
    found.next().ok_or_else(|| "names no address".to_owned())
}

pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}
