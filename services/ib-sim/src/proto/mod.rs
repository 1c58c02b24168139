//! Requests and events without a dialect, and the codecs between them and the wire.
//!
//! Invariant: business code sees [`request::Request`] and [`event::Event`] only. A second dialect adds
//! a variant to [`Dialect`] and two codec modules; nothing else changes.

pub(crate) mod event;
mod event_id;
pub(crate) mod pb_decode;
pub(crate) mod pb_encode;
pub(crate) mod request;
pub(crate) mod types;

use bytes::{Bytes, BytesMut};

use crate::wire::frame;
use event::Event;
use request::Request;

/// How one connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Protobuf,
}

/// A frame that is no request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error(transparent)]
    Frame(#[from] frame::FrameError),
    #[error("message {message}: {reason}")]
    Payload { message: u32, reason: String },
}

impl Dialect {
    pub(crate) fn decode(self, body: BytesMut) -> Result<Request, DecodeError> {
        match self {
            Self::Protobuf => {
                let inbound = frame::split(body)?;
                pb_decode::decode(&inbound).map_err(|error| DecodeError::Payload { message: inbound.message, reason: error.to_string() })
            }
        }
    }

    pub(crate) fn encode(self, event: &Event) -> Bytes {
        match self {
            Self::Protobuf => pb_encode::encode(event),
        }
    }
}
