//! The transcript file: one JSON line for the header, and one for each connection, frame and end.
//!
//! Invariant: a line says all that its frame holds. Protobuf stands as named fields where these lead back to the same
//! bytes and as hexadecimal where they do not, so that a person can read what a file gives away before it is shared.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::catalogue::{self, Direction};
use super::frame::{Frame, Payload};
use super::protobuf;

pub(crate) const FORMAT: &str = "ibmesh-transcript";
pub(crate) const FORMAT_VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Line {
    Header {
        format: String,
        version: u32,
        /// What wrote the file.
        tool: String,
        /// When the recording began, in milliseconds since 1970.
        started_ms: i64,
        /// The gateway's lines name only some of their fields; a comparison leaves the others alone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        partial: bool,
    },
    Open {
        connection: u32,
        ms: u64,
        /// What the client announced, such as `v100..226 +PACEAPI`.
        hello: String,
        /// What the gateway answered.
        server_version: i32,
        connection_time: String,
    },
    Frame(FrameLine),
    /// Something on the socket that is no frame; the rest of this direction is not recorded.
    Unreadable {
        connection: u32,
        ms: u64,
        from: Direction,
        reason: String,
    },
    Close {
        connection: u32,
        ms: u64,
        /// Who ended it first.
        by: Direction,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrameLine {
    pub(crate) connection: u32,
    /// Milliseconds since the recording began.
    pub(crate) ms: u64,
    pub(crate) from: Direction,
    pub(crate) dialect: DialectName,
    pub(crate) message: u32,
    pub(crate) name: String,
    /// Protobuf as named fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fields: Option<Value>,
    /// Protobuf as it was, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hex: Option<String>,
    /// Text fields, the message number being the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DialectName {
    Protobuf,
    Text,
    NumberedText,
}

impl FrameLine {
    pub(crate) fn new(connection: u32, ms: u64, from: Direction, frame: Frame) -> Self {
        let name = frame.name(from).to_owned();
        let (dialect, fields, hex, text) = match frame.payload {
            Payload::Protobuf(payload) => match named(from, frame.number, &payload) {
                Some(fields) => (DialectName::Protobuf, Some(fields), None, None),
                None => (DialectName::Protobuf, None, Some(to_hex(&payload)), None),
            },
            Payload::Text(fields) => (DialectName::Text, None, None, Some(fields)),
            Payload::NumberedText(fields) => (DialectName::NumberedText, None, None, Some(fields)),
        };
        Self { connection, ms, from, dialect, message: frame.number, name, fields, hex, text }
    }

    /// The frame of this line; the error says what is wrong with the line.
    pub(crate) fn frame(&self) -> Result<Frame, String> {
        let payload = match (self.dialect, &self.fields, &self.hex, &self.text) {
            (DialectName::Protobuf, Some(fields), None, None) => {
                let shape =
                    catalogue::shape_of(self.from, self.message).ok_or_else(|| format!("message {} has no known fields", self.message))?;
                Payload::Protobuf(protobuf::encode(shape, fields)?.into())
            }
            (DialectName::Protobuf, None, Some(hex), None) => {
                Payload::Protobuf(from_hex(hex).ok_or("hex holds pairs of hexadecimal digits")?.into())
            }
            (DialectName::Text, None, None, Some(fields)) => Payload::Text(fields.clone()),
            (DialectName::NumberedText, None, None, Some(fields)) => Payload::NumberedText(fields.clone()),
            _ => return Err("a protobuf line has `fields` or `hex`, a text line has `text`".to_owned()),
        };
        // As a number: nobody forbids a client to write 08.
        let begins_with = |fields: &Vec<String>| fields.first().and_then(|first| first.parse().ok()) == Some(self.message);
        if self.text.as_ref().is_some_and(|fields| !begins_with(fields)) {
            return Err(format!("the text does not begin with the message number {}", self.message));
        }
        Ok(Frame { number: self.message, payload })
    }
}

/// The named fields of a payload, if they lead back to the same bytes after a way through JSON text.
fn named(from: Direction, number: u32, payload: &[u8]) -> Option<Value> {
    let shape = catalogue::shape_of(from, number)?;
    let fields = protobuf::decode(shape, payload)?;
    let read_back: Value = serde_json::from_str(&fields.to_string()).ok()?;
    (protobuf::encode(shape, &read_back).ok()? == payload).then_some(fields)
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty().then_some(())?;
    pairs.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'))?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(number: u32, payload: Payload) -> FrameLine {
        let frame = Frame { number, payload };
        let line = FrameLine::new(3, 17, Direction::Gateway, frame.clone());
        let text = serde_json::to_string(&Line::Frame(line.clone())).unwrap();
        assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), Line::Frame(line.clone()), "{text}");
        assert_eq!(line.frame().unwrap(), frame, "{text}");
        line
    }

    #[test]
    fn every_form_of_frame_is_read_back() {
        let accounts = round(15, Payload::Protobuf(bytes::Bytes::from_static(b"\x0a\x05DU111")));
        assert_eq!(accounts.fields.unwrap(), serde_json::json!({"accountsList": "DU111"}));
        // A field that the catalogue does not have, and a message that it does not have.
        assert_eq!(round(15, Payload::Protobuf(bytes::Bytes::from_static(b"\x78\x05"))).hex.unwrap(), "7805");
        assert_eq!(round(199, Payload::Protobuf(bytes::Bytes::from_static(b"\x08\x05"))).name, "Unknown");
        let fields = vec!["9".to_owned(), "1".to_owned(), "1000".to_owned()];
        assert_eq!(round(9, Payload::Text(fields.clone())).name, "NextValidId");
        round(9, Payload::NumberedText(fields));
        round(8, Payload::Text(vec!["08".to_owned()]));
    }

    #[test]
    fn bad_lines_say_what_is_wrong() {
        let line = FrameLine::new(1, 0, Direction::Gateway, Frame { number: 9, payload: Payload::Text(vec!["9".into()]) });
        let cases = [
            (FrameLine { message: 8, ..line.clone() }, "begin with the message number 8"),
            (FrameLine { text: Some(Vec::new()), ..line.clone() }, "begin with the message number 9"),
            (FrameLine { text: None, ..line.clone() }, "a text line has `text`"),
            (FrameLine { dialect: DialectName::Protobuf, text: None, hex: Some("0g".into()), ..line.clone() }, "hexadecimal"),
            (FrameLine { dialect: DialectName::Protobuf, text: None, fields: Some(serde_json::json!({"x": 1})), ..line }, "no field x"),
        ];
        for (line, words) in cases {
            let error = line.frame().unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
