//! Frames after the hello: a big-endian `u32` length, then a body. In a protobuf session it begins
//! with a big-endian `u32` message id, and ids above 200 carry protobuf of message `id - 200`; in a
//! text session it is text fields throughout (`wire::text`).
//!
//! Invariant: a frame that claims more than [`MAX_INBOUND_FRAME`] bytes ends the connection before
//! anything is allocated for it.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;
use tokio_util::codec::LengthDelimitedCodec;

/// Requests are small; the largest legal one (a scanner or FA text) stays far below this.
pub(crate) const MAX_INBOUND_FRAME: usize = 1 << 20;

/// Protobuf messages are numbered from here, so that the id alone tells the encoding.
const PROTOBUF_BASE: u32 = 200;

pub(crate) fn inbound_codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(MAX_INBOUND_FRAME).new_codec()
}

/// The body of one inbound frame, split into its message number and payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inbound {
    pub(crate) message: u32,
    pub(crate) payload: Bytes,
}

/// Why a frame body cannot be a protobuf request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("frame of {0} bytes cannot hold a message id")]
    TooShort(usize),
    #[error("message id {0} is not protobuf-encoded; in this session every message is")]
    NotProtobuf(u32),
}

pub(crate) fn split(mut body: BytesMut) -> Result<Inbound, FrameError> {
    if body.len() < 4 {
        return Err(FrameError::TooShort(body.len()));
    }
    let id = body.get_u32();
    match id.checked_sub(PROTOBUF_BASE) {
        Some(message) if message > 0 => Ok(Inbound { message, payload: body.freeze() }),
        _ => Err(FrameError::NotProtobuf(id)),
    }
}

/// One complete protobuf frame, length prefix included.
pub(crate) fn protobuf<M: Message>(message: u32, payload: &M) -> Bytes {
    let body = payload.encoded_len();
    let mut out = BytesMut::with_capacity(body + 8);
    let length = u32::try_from(body + 4).expect("a reply stays far below 4 GiB: bars are capped");
    out.put_u32(length);
    out.put_u32(PROTOBUF_BASE + message);
    payload.encode(&mut out).expect("BytesMut grows, so encoding cannot run out of room");
    out.freeze()
}

/// One frame of bare text fields, without a message number: the version ack of both dialects.
pub(crate) fn text(fields: &[&str]) -> Bytes {
    let body: usize = fields.iter().map(|field| field.len() + 1).sum();
    let mut out = BytesMut::with_capacity(body + 4);
    out.put_u32(u32::try_from(body).expect("an ack is a few dozen bytes"));
    for field in fields {
        out.put_slice(field.as_bytes());
        out.put_u8(0);
    }
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pb::session::ManagedAccounts;

    /// The bytes research saw on a socket: `ManagedAccounts{accountsList: "DU111"}`.
    #[test]
    fn encodes_the_observed_managed_accounts_frame() {
        let frame = protobuf(15, &ManagedAccounts { accounts_list: Some("DU111".into()) });
        assert_eq!(&frame[..], b"\0\0\0\x0b\0\0\0\xd7\x0a\x05DU111");
    }

    #[test]
    fn splits_the_observed_start_api_frame() {
        let inbound = split(BytesMut::from(&b"\0\0\x01\x0f\x08\xab\x04"[..])).unwrap();
        assert_eq!((inbound.message, &inbound.payload[..]), (71, &b"\x08\xab\x04"[..]));
    }

    #[test]
    fn refuses_text_and_stumps() {
        assert_eq!(split(BytesMut::from(&b"71"[..])), Err(FrameError::TooShort(2)));
        assert_eq!(split(BytesMut::from(&b"\0\0\0\x47rest"[..])), Err(FrameError::NotProtobuf(71)));
        assert_eq!(split(BytesMut::from(&b"\0\0\0\xc8"[..])), Err(FrameError::NotProtobuf(200)));
    }

    #[test]
    fn the_ack_is_two_terminated_fields() {
        assert_eq!(&text(&["226", "now"])[..], b"\0\0\0\x08226\0now\0");
    }
}
