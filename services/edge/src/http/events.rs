//! `GET /gateway/events`: the gateway's state now, then every change of it, as server-sent events.
//!
//! Invariants: what is told first is the present state, and nothing older follows; at most [`FOLLOWERS_MAX`] follow, each
//! for [`FOLLOW_MAX`] at most; who follows hears something at least every [`sse::KEEP_ALIVE`]; a stream ends with the edge.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Method},
    response::Response,
};
use bus::{CallOptions, Listener};
use bytes::Bytes;
use jiff::Timestamp;
use schemas::{
    Fault, FaultCode, RequestId,
    gateway::{StateChange, Status, StatusParams},
    health::GatewayPart,
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};

use super::{answer, head, rest::gateway::failure, sse};
use crate::{
    ask,
    caller::Meta,
    edge::{Edge, FOLLOWERS_MAX},
    health,
};

pub(super) const PATH: &str = "/gateway/events";
/// The name of every event.
const NAME: &str = "state";
/// A follower that wants more connects again, as `EventSource` does by itself.
const FOLLOW_MAX: Duration = Duration::from_secs(3_600);
/// A change of state is shorter than this.
const CHANGE_BYTES_MAX: usize = 16 * 1024;

pub(super) async fn endpoint(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    if *request.method() != Method::GET {
        return answer::method("`/gateway/events` is followed with GET: the gateway's state and its changes", "GET, OPTIONS");
    }
    let (started, request_id) = (Instant::now(), RequestId::mint());
    let counted = edge.metrics.begin(PATH, started);
    let (head, _) = request.into_parts();
    let caller = Meta::default().caller(&head::principal(&head.extensions));
    match Follower::start(&edge, request_id, caller, &head.headers).await {
        Ok((follower, first)) => {
            counted.end("ok");
            stream(follower, first)
        }
        Err(fault) => {
            counted.end(fault.code.as_str());
            ask::log(request_id, PATH, &fault, started);
            failure(&fault)
        }
    }
}

struct Follower {
    edge: Arc<Edge>,
    heard: Listener,
    /// Since when the state was so that was told first: events up to then had happened already.
    known_until: Timestamp,
    /// What was told last.
    last: StateChange,
    until: Instant,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    async fn start(edge: &Arc<Edge>, request_id: RequestId, caller: String, headers: &HeaderMap) -> Result<(Self, Bytes), Fault> {
        let Ok(place) = Arc::clone(&edge.followers).try_acquire_owned() else {
            return Err(Fault::new(FaultCode::Busy, format!("{FOLLOWERS_MAX} follow the gateway already")));
        };
        let no_nats = |why: String| Fault::new(FaultCode::NoWorker, why).hint("start nats-server, or set NATS_URL");
        let (Some(bus), Some(calls)) = (edge.bus(), edge.caller()) else {
            return Err(no_nats("the edge has not reached NATS yet".to_owned()));
        };
        // First heard, then asked: what changes in between is not lost.
        let heard =
            bus.listen(edge.gateway.gateway_events()).await.map_err(|error| no_nats(format!("the events cannot be heard: {error}")))?;
        let options = CallOptions { timeout: head::timeout(headers)?, request_id, caller: Some(caller), ..CallOptions::default() };
        let status = calls.ask::<Status>(&StatusParams {}, options).await?;
        let last = StateChange::from(&status);
        let first = event(&last);
        Ok((Self { edge: Arc::clone(edge), heard, known_until: last.at, last, until: Instant::now() + FOLLOW_MAX, _place: place }, first))
    }

    async fn next(&mut self) -> Option<Bytes> {
        let shutdown = self.edge.shutdown.clone();
        let silence_ends = self.until.min(Instant::now() + sse::KEEP_ALIVE);
        loop {
            let heard = tokio::select! {
                () = shutdown.cancelled() => return None,
                heard = timeout_at(silence_ends, self.heard.next()) => heard,
            };
            let change = match heard {
                // What has no `from` is a call to all sessions, which repeats the state.
                Ok(Some(body)) => read(&body).filter(|change| change.at > self.known_until && change.from.is_some()),
                // NATS is gone for good.
                Ok(None) => return None,
                Err(_) if Instant::now() >= self.until => return None,
                // An event may have been lost with a connection; heartbeats come again and again.
                Err(_) => self.missed(),
            };
            if let Some(change) = change {
                self.last = change;
                return Some(event(&self.last));
            }
            if Instant::now() >= silence_ends {
                return Some(Bytes::from_static(b": no change\n\n"));
            }
        }
    }

    fn missed(&self) -> Option<StateChange> {
        let seen = self.edge.seen();
        missed(health::gateway(&seen)?, &self.last)
    }
}

/// What gateway-ctl's heartbeat says, where that is newer.
fn missed(part: &GatewayPart, last: &StateChange) -> Option<StateChange> {
    (part.since >= last.at && part.state != last.state).then(|| StateChange {
        at: part.since,
        from: None,
        state: part.state,
        reason: part.reason.clone(),
        needs_human: None,
        desired: part.desired,
        next_attempt_at: None,
    })
}

fn read(body: &Bytes) -> Option<StateChange> {
    let read = if body.len() > CHANGE_BYTES_MAX { None } else { serde_json::from_slice(body).ok() };
    if read.is_none() {
        tracing::warn!(bytes = body.len(), "not a change of the gateway's state");
    }
    read
}

fn event(change: &StateChange) -> Bytes {
    let mut json = Vec::with_capacity(256);
    crate::rpc::write_json(&mut json, change);
    sse::event(Some(NAME), &json)
}

fn stream(follower: Follower, first: Bytes) -> Response {
    let events = futures::stream::unfold((follower, Some(first)), async |(mut follower, first)| {
        let event = match first {
            Some(first) => first,
            None => follower.next().await?,
        };
        Some((Ok::<_, Infallible>(event), (follower, None)))
    });
    sse::response(Body::from_stream(events))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_heartbeat_tells_only_what_is_newer() {
        let last: StateChange = serde_json::from_value(json!({ "at": "2026-11-20T10:00:00Z", "state": "LOGIN", "reason": null,
            "needs_human": null, "desired": "up", "next_attempt_at": null }))
        .expect("a change");
        for (state, since, told) in [
            ("CONNECTED", "2026-11-20T10:00:09Z", true),
            ("CONNECTED", "2026-11-20T10:00:00Z", true),
            ("CONNECTED", "2026-11-20T09:59:59Z", false),
            ("LOGIN", "2026-11-20T10:00:00Z", false),
        ] {
            let part = serde_json::from_value(json!({ "state": state, "desired": "up", "since": since })).expect("a part");
            assert_eq!(missed(&part, &last).map(|change| change.at), told.then_some(part.since), "{state} {since}");
        }
    }
}
