//! The first bytes of a connection: `API\0`, a `u32` length and `vMIN..MAX[ options]` from the client,
//! then one text frame with the negotiated version and the connection time.
//!
//! A client that offers 213 or more gets protobuf; one that offers 178 gets text at 178, whatever else
//! it speaks up to 212. A client that can neither (at most 177, or only versions between 179 and 212,
//! where every message changes its layout or dialect at a version of its own) is closed without an
//! answer, as a gateway does with a hello it cannot serve, and the log says why.
//!
//! Invariant: the server never announces a version the client did not offer, except where a real
//! gateway does so too (an old gateway answers its own version and the client leaves).

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

/// From this server version on every message is protobuf.
pub(crate) const FIRST_PROTOBUF_VERSION: i32 = 213;
/// The one text layout that all text clients share.
pub(crate) const TEXT_VERSION: i32 = 178;
/// What this gateway offers at most: the newest version the clients in use know.
pub(crate) const NEWEST_VERSION: i32 = 226;

/// A real gateway drops sockets that say nothing; probes and port scanners end here.
pub(crate) const HELLO_DEADLINE: Duration = Duration::from_secs(10);
const PREFIX: &[u8; 4] = b"API\0";
/// `v100..226 +PACEAPI` and its like; anything longer is not a hello.
const MAX_HELLO: u32 = 512;

/// The versions a client announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) min: i32,
    pub(crate) max: i32,
    /// What follows the versions, such as `+PACEAPI`; recorded, not acted on.
    pub(crate) options: String,
}

/// What to answer a hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Negotiated {
    Protobuf {
        version: i32,
    },
    Text,
    /// This gateway is older than the client accepts: tell the version, the client leaves.
    Outdated {
        version: i32,
    },
    Refused(Refusal),
}

/// Why a hello gets no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("client and gateway share no version from {TEXT_VERSION} on, the oldest that is served")]
    TooOld,
    #[error("versions {} to {} are served to nobody; offer {TEXT_VERSION}, or {FIRST_PROTOBUF_VERSION} and more", TEXT_VERSION + 1, FIRST_PROTOBUF_VERSION - 1)]
    Between,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum HelloError {
    #[error("the client sent no hello within {}s", HELLO_DEADLINE.as_secs())]
    Deadline,
    #[error("the connection does not begin with API and a NUL")]
    Prefix,
    #[error("hello of {0} bytes is too long")]
    TooLong(u32),
    #[error("cannot read versions from {0:?}")]
    Versions(String),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

pub(crate) async fn read<R: AsyncRead + Unpin>(stream: &mut R) -> Result<Hello, HelloError> {
    tokio::time::timeout(HELLO_DEADLINE, read_now(stream)).await.unwrap_or(Err(HelloError::Deadline))
}

async fn read_now<R: AsyncRead + Unpin>(stream: &mut R) -> Result<Hello, HelloError> {
    let mut prefix = [0_u8; 4];
    stream.read_exact(&mut prefix).await?;
    if &prefix != PREFIX {
        return Err(HelloError::Prefix);
    }
    let length = stream.read_u32().await?;
    if length > MAX_HELLO {
        return Err(HelloError::TooLong(length));
    }
    let mut text = vec![0_u8; usize::try_from(length).expect("at most MAX_HELLO")];
    stream.read_exact(&mut text).await?;
    parse(&String::from_utf8_lossy(&text))
}

/// `v213..226`, `v100..226 +PACEAPI`, or a lone `v100`.
pub(crate) fn parse(text: &str) -> Result<Hello, HelloError> {
    let bad = || HelloError::Versions(text.to_owned());
    let trimmed = text.trim_end_matches('\0');
    let (versions, options) = trimmed.split_once(' ').unwrap_or((trimmed, ""));
    let versions = versions.strip_prefix('v').ok_or_else(bad)?;
    let (min, max) = versions.split_once("..").unwrap_or((versions, versions));
    let min = min.parse().map_err(|_| bad())?;
    let max = max.parse().map_err(|_| bad())?;
    if min > max || min < 0 {
        return Err(bad());
    }
    Ok(Hello { min, max, options: options.trim().to_owned() })
}

pub(crate) fn negotiate(hello: &Hello, server_max: i32) -> Negotiated {
    if hello.min > server_max {
        return Negotiated::Outdated { version: server_max };
    }
    match hello.max.min(server_max) {
        version if version >= FIRST_PROTOBUF_VERSION => Negotiated::Protobuf { version },
        version if version < TEXT_VERSION => Negotiated::Refused(Refusal::TooOld),
        _ if hello.min <= TEXT_VERSION => Negotiated::Text,
        _ => Negotiated::Refused(Refusal::Between),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_known_clients_announce() {
        for (text, min, max, options) in
            [("v213..226", 213, 226, ""), ("v157..178", 157, 178, ""), ("v100..226 +PACEAPI", 100, 226, "+PACEAPI"), ("v100", 100, 100, "")]
        {
            assert_eq!(parse(text).unwrap(), Hello { min, max, options: options.into() }, "{text}");
        }
        for text in ["", "213..226", "v", "v226..213", "vx..y", "v-5"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn negotiates_as_a_real_gateway() {
        let cases = [
            ("v213..226", 226, Negotiated::Protobuf { version: 226 }),
            ("v213..226", 220, Negotiated::Protobuf { version: 220 }),
            ("v213..226", 213, Negotiated::Protobuf { version: 213 }),
            ("v100..225", 226, Negotiated::Protobuf { version: 225 }),
            ("v213..226", 200, Negotiated::Outdated { version: 200 }),
            ("v213..226", 178, Negotiated::Outdated { version: 178 }),
            ("v213..226", 150, Negotiated::Outdated { version: 150 }),
            ("v157..178", 226, Negotiated::Text),
            ("v157..178", 178, Negotiated::Text),
            ("v100..193", 226, Negotiated::Text),
            ("v178", 226, Negotiated::Text),
            ("v100..212", 226, Negotiated::Text),
            ("v100..226", 178, Negotiated::Text),
            ("v100..226", 212, Negotiated::Text),
            ("v180..200", 226, Negotiated::Refused(Refusal::Between)),
            ("v180..226", 200, Negotiated::Refused(Refusal::Between)),
            ("v100..177", 226, Negotiated::Refused(Refusal::TooOld)),
            ("v157..178", 170, Negotiated::Refused(Refusal::TooOld)),
            ("v100", 226, Negotiated::Refused(Refusal::TooOld)),
        ];
        for (hello, server, expected) in cases {
            assert_eq!(negotiate(&parse(hello).unwrap(), server), expected, "{hello} at {server}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_a_negotiated_version_was_offered(text in ".{0,40}", min in 0_i32..400, span in 0_i32..400, server in 178_i32..300) {
            let _ = parse(&text);
            let hello = parse(&format!("v{min}..{} {text}", min + span)).unwrap();
            match negotiate(&hello, server) {
                Negotiated::Protobuf { version } => {
                    proptest::prop_assert!(version >= FIRST_PROTOBUF_VERSION && (hello.min..=hello.max).contains(&version) && version <= server);
                }
                Negotiated::Text => {
                    proptest::prop_assert!((hello.min..=hello.max).contains(&TEXT_VERSION) && hello.max.min(server) < FIRST_PROTOBUF_VERSION);
                }
                Negotiated::Outdated { version } => proptest::prop_assert!(version == server && server < hello.min),
                Negotiated::Refused(Refusal::TooOld) => proptest::prop_assert!(hello.max < TEXT_VERSION),
                Negotiated::Refused(Refusal::Between) => proptest::prop_assert!(hello.min > TEXT_VERSION && hello.max.min(server) < FIRST_PROTOBUF_VERSION),
            }
        }
    }

    #[tokio::test]
    async fn refuses_what_is_not_a_hello() {
        assert!(matches!(read(&mut &b"GET / HTTP/1.1\r\n"[..]).await, Err(HelloError::Prefix)));
        assert!(matches!(read(&mut &b"API\0\0\0\xff\xff"[..]).await, Err(HelloError::TooLong(65_535))));
        assert!(matches!(read(&mut &b"API\0\0\0\0\x09v213"[..]).await, Err(HelloError::Io(_))));
        let hello = read(&mut &b"API\0\0\0\0\x09v213..226"[..]).await.unwrap();
        assert_eq!((hello.min, hello.max), (213, 226));
    }
}
