//! The first bytes of a connection: `API\0`, a `u32` length and `vMIN..MAX[ options]` from the client,
//! then one text frame with the negotiated version and the connection time.
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
    /// Acknowledge, then close: this build does not speak the text dialect.
    AckOnly {
        version: i32,
    },
    Refused,
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
    let version = hello.max.min(server_max);
    if hello.max < TEXT_VERSION || version < TEXT_VERSION {
        return Negotiated::Refused;
    }
    if version >= FIRST_PROTOBUF_VERSION {
        return Negotiated::Protobuf { version };
    }
    // 179 to 212 mix two dialects and nobody needs them: a client that also speaks 178 gets that.
    // One that does not is told the true version, as by a gateway that is too old for it.
    let version = if hello.min <= TEXT_VERSION { TEXT_VERSION } else { version };
    Negotiated::AckOnly { version }
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
            ("v213..226", 200, Negotiated::AckOnly { version: 200 }),
            ("v157..178", 226, Negotiated::AckOnly { version: 178 }),
            ("v100..193", 226, Negotiated::AckOnly { version: 178 }),
            ("v100..226", 178, Negotiated::AckOnly { version: 178 }),
            ("v100..177", 226, Negotiated::Refused),
            ("v100", 226, Negotiated::Refused),
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
                    proptest::prop_assert!(version >= FIRST_PROTOBUF_VERSION && version <= hello.max && version <= server);
                }
                Negotiated::AckOnly { version } => {
                    proptest::prop_assert!((TEXT_VERSION..FIRST_PROTOBUF_VERSION).contains(&version) && version <= hello.max);
                }
                Negotiated::Refused => proptest::prop_assert!(hello.max < TEXT_VERSION),
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
