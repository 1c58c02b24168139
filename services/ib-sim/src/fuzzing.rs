//! What the fuzz targets in `fuzz/` may reach: the readers of bytes that a stranger can send.
//!
//! Invariant: a door and no code of its own: each function calls what the simulator calls.

use std::sync::LazyLock;

use bytes::BytesMut;
use tokio_util::codec::Decoder;

use crate::proto::Dialect;
use crate::proto::request::Request;
use crate::record::{Pseudonyms, redact};
use crate::transcript::Transcript;
use crate::transcript::catalogue::Direction;
use crate::transcript::file::FrameLine;
use crate::transcript::frame::{Cutter, Frame};
use crate::wire::{frame, hello};

/// The first bytes of a connection, and what is negotiated from them.
pub fn read_hello(bytes: &[u8]) {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> =
        LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime"));
    // All bytes are there, so nothing waits.
    if let Ok(announced) = RUNTIME.block_on(hello::read(&mut &bytes[..])) {
        let _ = hello::negotiate(&announced, hello::NEWEST_VERSION);
    }
}

/// A stream cut into frames, by the gateway and by the recorder.
pub fn split_frames(bytes: &[u8]) {
    let (mut codec, mut buffer) = (frame::inbound_codec(), BytesMut::from(bytes));
    while let Ok(Some(body)) = codec.decode(&mut buffer) {
        let _ = frame::split(body);
    }
    let (mut cutter, mut names) = (Cutter::default(), Pseudonyms::default());
    // In two pieces, as a socket may.
    let (first, second) = bytes.split_at(bytes.len() / 2);
    for piece in [first, second] {
        let _ = cutter.push(piece, |body| {
            let Some(found) = Frame::read(body) else { return };
            for direction in [Direction::Client, Direction::Gateway] {
                let line = FrameLine::new(1, 0, direction, redact::frame(&mut names, direction, 178, &found));
                assert!(line.frame().is_ok(), "{line:?} leads back to its frame");
            }
        });
    }
}

/// The body of a protobuf frame.
pub fn decode_protobuf(body: &[u8]) {
    decode(Dialect::Protobuf, body);
}

/// The body of a text frame.
pub fn decode_text(body: &[u8]) {
    decode(Dialect::Text, body);
}

fn decode(dialect: Dialect, body: &[u8]) {
    match dialect.decode(BytesMut::from(body)) {
        Ok(request) => drop::<(Option<i32>, serde_json::Value)>((Request::req_id(&request), request.fields())),
        Err(error) => drop(error.to_string()),
    }
}

/// A transcript file.
pub fn read_transcript(bytes: &[u8]) {
    let _ = Transcript::read(bytes);
}
