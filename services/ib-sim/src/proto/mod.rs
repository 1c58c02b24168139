//! Requests and events without a dialect, and the codecs between them and the wire.
//!
//! Invariant: business code sees [`request::Request`] and [`event::Event`] only. A dialect is a variant
//! of [`Dialect`] and two codec modules; message numbers are the same in both and stand in [`numbers`].

pub(crate) mod event;
mod event_id;
pub(crate) mod numbers;
pub(crate) mod pb_decode;
pub(crate) mod pb_encode;
pub(crate) mod request;
pub(crate) mod text_decode;
pub(crate) mod text_encode;
pub(crate) mod types;

use bytes::{Bytes, BytesMut};

use crate::wire::frame::{self, FrameError};
use event::Event;
use request::Request;

/// How one connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Protobuf,
    /// Text fields in the layouts of server version 178.
    Text,
}

/// A frame that is no request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("{} ({message}): {reason}", numbers::request_name(*message).unwrap_or("message"))]
    Payload { message: u32, reason: String },
}

impl DecodeError {
    /// The message number, 0 where there is none.
    pub(crate) fn message(&self) -> u32 {
        match self {
            Self::Payload { message, .. } | Self::Frame(FrameError::NotProtobuf(message)) => *message,
            Self::Frame(FrameError::TooShort(_)) => 0,
        }
    }
}

impl Dialect {
    pub(crate) fn decode(self, body: BytesMut) -> Result<Request, DecodeError> {
        match self {
            Self::Protobuf => {
                let inbound = frame::split(body)?;
                pb_decode::decode(&inbound).map_err(|error| DecodeError::Payload { message: inbound.message, reason: error.to_string() })
            }
            Self::Text => text_decode::decode(&body),
        }
    }

    /// The frame of an event; nothing where the dialect has no such message.
    pub(crate) fn encode(self, event: &Event) -> Option<Bytes> {
        match self {
            Self::Protobuf => Some(pb_encode::encode(event)),
            Self::Text => text_encode::encode(event),
        }
    }
}

#[cfg(test)]
#[path = "dialect_tests.rs"]
mod tests;
