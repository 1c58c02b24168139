//! Reads a request's body within limits of size and time.
//!
//! Invariant: at most [`BODY_MAX`] bytes are kept; a body that is too large is answered, not cut off, as long as it is
//! not beyond all measure: closing a connection with unread bytes resets it, and the client never sees the answer.

use std::time::Duration;

use axum::{
    body::{Body, BodyDataStream},
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::time::timeout;

/// Largest body of a request.
pub(super) const BODY_MAX: usize = 4 * 1024 * 1024;
/// Bytes that are read and thrown away, so that a client gets to read why.
const DISCARD_MAX: usize = 16 * 1024 * 1024;
/// From the end of the head to the end of the body.
pub(super) const TIME_MAX: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    TooLarge,
    TooSlow,
    /// The client hung up or broke the framing; nobody will read the answer.
    Broken,
}

pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, BodyError> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<usize>().ok());
    // Such a client sends only after it is told to, so there is nothing to throw away.
    let waits = headers.contains_key(header::EXPECT);
    let mut pieces = body.into_data_stream();
    let reading = async {
        if declared.is_some_and(|length| length > BODY_MAX) {
            if !waits {
                discard(&mut pieces, 0).await;
            }
            return Err(BodyError::TooLarge);
        }
        collect(&mut pieces).await
    };
    timeout(TIME_MAX, reading).await.unwrap_or(Err(BodyError::TooSlow))
}

/// The whole body; a body of one piece, as nearly all are, is not copied.
async fn collect(pieces: &mut BodyDataStream) -> Result<Bytes, BodyError> {
    let Some(first) = pieces.next().await else { return Ok(Bytes::new()) };
    let first = first.map_err(|_| BodyError::Broken)?;
    let Some(second) = pieces.next().await else { return Ok(first) };
    let mut whole = BytesMut::from(first);
    let mut next = Some(second);
    while let Some(piece) = next {
        let piece = piece.map_err(|_| BodyError::Broken)?;
        if whole.len() + piece.len() > BODY_MAX {
            discard(pieces, whole.len()).await;
            return Err(BodyError::TooLarge);
        }
        whole.extend_from_slice(&piece);
        next = pieces.next().await;
    }
    Ok(whole.freeze())
}

async fn discard(pieces: &mut BodyDataStream, mut seen: usize) {
    while seen < DISCARD_MAX {
        match pieces.next().await {
            Some(Ok(piece)) => seen += piece.len(),
            Some(Err(_)) | None => return,
        }
    }
}
