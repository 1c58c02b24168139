//! Streams that last: what is pushed to a session (GET) and to a listener of 2026-07-28 (`subscriptions/listen`).
//!
//! Invariants: at most [`crate::edge::STREAMS_MAX`] are open; who does not read holds one place and what the hub notes for
//! it, and nothing waits for it; who reads hears something at least every [`sse::KEEP_ALIVE`]; a stream ends with the edge.

use std::{convert::Infallible, sync::Arc};

use axum::{body::Body, response::Response};
use bytes::{Bytes, BytesMut};
use futures::stream::unfold;
use schemas::{Fault, FaultCode};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{answer, sse};
use crate::{
    edge::{Edge, STREAMS_MAX},
    mcp::{
        hub::{Change, Subscription},
        listen::{self, Listening},
        sessions::Session,
    },
};

/// Sent at once, so that the client and whatever stands between know that the stream is open.
const OPEN: &[u8] = b": open\n\n";
const QUIET: &[u8] = b": nothing new\n\n";
/// After so many milliseconds a client whose stream broke comes again.
const RETRY: &[u8] = b"retry: 2000\n\n";

fn place(edge: &Edge) -> Result<OwnedSemaphorePermit, Response> {
    Arc::clone(&edge.streams).try_acquire_owned().map_err(|_| {
        answer::fault(
            &Fault::new(FaultCode::Busy, format!("{STREAMS_MAX} streams are open already"))
                .hint("close one that is not needed; calls need no stream")
                .retry_after_ms(5_000),
        )
    })
}

/// What happened until something is to be sent.
enum Heard {
    Changes(Vec<Change>),
    Silence,
    End,
}

async fn hear(subscription: &Subscription, ends: [&CancellationToken; 2]) -> Heard {
    tokio::select! {
        biased;
        () = ends[0].cancelled() => Heard::End,
        () = ends[1].cancelled() => Heard::End,
        heard = timeout_at(Instant::now() + sse::KEEP_ALIVE, subscription.next()) => heard.map_or(Heard::Silence, Heard::Changes),
    }
}

fn events(changes: &[Change], told: impl Fn(&Change) -> Vec<u8>) -> Bytes {
    let mut out = BytesMut::new();
    changes.iter().for_each(|change| out.extend_from_slice(&sse::event(None, &told(change))));
    out.freeze()
}

struct SessionStream {
    session: Arc<Session>,
    token: CancellationToken,
    shutdown: CancellationToken,
    begun: bool,
    _place: OwnedSemaphorePermit,
}

impl Drop for SessionStream {
    fn drop(&mut self) {
        self.session.streamed(&self.token);
    }
}

pub(super) fn session(edge: &Arc<Edge>, session: Arc<Session>) -> Response {
    let place = match place(edge) {
        Ok(place) => place,
        Err(busy) => return busy,
    };
    let token = session.stream();
    let stream = SessionStream { session, token, shutdown: edge.shutdown.clone(), begun: false, _place: place };
    let events = unfold(stream, async |mut stream| {
        if !stream.begun {
            stream.begun = true;
            return Some((Ok::<_, Infallible>(Bytes::from([OPEN, RETRY].concat())), stream));
        }
        let event = match hear(&stream.session.subscription, [&stream.token, &stream.shutdown]).await {
            Heard::Changes(changes) => events(&changes, |change| listen::told(change, None)),
            Heard::Silence => Bytes::from_static(QUIET),
            Heard::End => return None,
        };
        Some((Ok(event), stream))
    });
    sse::response(Body::from_stream(events))
}

struct ListenStream {
    listening: Listening,
    shutdown: CancellationToken,
    begun: bool,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

pub(super) fn listener(edge: &Arc<Edge>, listening: Listening) -> Response {
    let place = match place(edge) {
        Ok(place) => place,
        Err(busy) => return busy,
    };
    let stream = ListenStream { listening, shutdown: edge.shutdown.clone(), begun: false, ended: false, _place: place };
    let events = unfold(stream, async |mut stream| {
        let event = if stream.ended {
            return None;
        } else if stream.begun {
            match hear(&stream.listening.subscription, [&stream.shutdown, &stream.shutdown]).await {
                Heard::Changes(changes) => events(&changes, |change| stream.listening.told(change)),
                Heard::Silence => Bytes::from_static(QUIET),
                Heard::End => {
                    stream.ended = true;
                    sse::event(None, &stream.listening.ended())
                }
            }
        } else {
            stream.begun = true;
            sse::event(None, &stream.listening.acknowledged())
        };
        Some((Ok::<_, Infallible>(event), stream))
    });
    sse::response(Body::from_stream(events))
}
