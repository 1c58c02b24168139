//! Server-sent events: a call's progress, then its end, over one response.
//!
//! Invariants: the call belongs to the response's body, so a client that hangs up ends it; while the call is under way
//! the client hears something at least every [`KEEP_ALIVE`]; what comes last is the call's end.

use std::{convert::Infallible, pin::Pin, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use schemas::Progress;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::answer;

/// Proxies close what is silent for a minute, some for half of one.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);
const MEDIA_TYPE: &str = "text/event-stream";
const LAST_EVENT_ID: &str = "last-event-id";

/// Whether the client says that it reads event streams, and not rather JSON. `*/*` says no such thing: curl and most
/// programs send it.
pub(super) fn accepted(headers: &HeaderMap) -> bool {
    answer::prefers(headers, MEDIA_TYPE)
}

/// One event. A line break in `data` ends a line of it, as the format wants.
pub(super) fn event(name: Option<&str>, data: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(data.len() + 32);
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    // CR LF, LF and CR alone end a line alike; a reader joins the lines with LF.
    let mut rest = data;
    loop {
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&rest[..end.unwrap_or(rest.len())]);
        out.push(b'\n');
        let Some(end) = end else { break };
        rest = rest[end..].strip_prefix(b"\r\n").unwrap_or(&rest[end + 1..]);
    }
    out.push(b'\n');
    out.into()
}

/// The event that ends a call. A browser's `EventSource` connects anew whenever a stream ends, and would ask again and
/// again; with an id it says on its return that it has had this one, see [`has_ended`].
pub(super) fn last_event(name: &str, id: &str, data: &[u8]) -> Bytes {
    let mut out = format!("id: {id}\n").into_bytes();
    out.extend_from_slice(&event(Some(name), data));
    out.into()
}

/// Whether an `EventSource` returns that has seen the end of its call. 204 makes it stay away (HTML, "Server-sent events").
pub(super) fn has_ended(headers: &HeaderMap) -> bool {
    headers.get(LAST_EVENT_ID).is_some_and(|id| !id.is_empty())
}

struct State<W, F> {
    work: Pin<Box<W>>,
    /// What else is said meanwhile, ready to be sent.
    said: mpsc::Receiver<Vec<u8>>,
    heard: watch::Receiver<Option<Progress>>,
    frame: F,
    /// The call has let go of its end.
    silent: bool,
    ended: bool,
}

/// Sends what is heard as `frame` writes it, then the event that `work` ends with.
pub(super) fn respond<W, F>(heard: watch::Receiver<Option<Progress>>, work: W, frame: F) -> Response
where
    W: Future<Output = Bytes> + Send + 'static,
    F: FnMut(&Progress) -> Option<Bytes> + Send + Unpin + 'static,
{
    let (_, nothing) = mpsc::channel(1);
    respond_saying(heard, nothing, work, frame)
}

/// The same, with messages in between.
pub(super) fn respond_saying<W, F>(heard: watch::Receiver<Option<Progress>>, said: mpsc::Receiver<Vec<u8>>, work: W, frame: F) -> Response
where
    W: Future<Output = Bytes> + Send + 'static,
    F: FnMut(&Progress) -> Option<Bytes> + Send + Unpin + 'static,
{
    let state = State { work: Box::pin(work), said, heard, frame, silent: false, ended: false };
    let events = futures::stream::unfold(state, async |mut state| {
        if state.ended {
            return None;
        }
        let event = next(&mut state).await;
        Some((Ok::<_, Infallible>(event), state))
    });
    response(Body::from_stream(events))
}

/// A response that lasts, with the headers that make it pass.
pub(super) fn response(body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // nginx and its like would keep events back until the call has ended.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

async fn next<W, F>(state: &mut State<W, F>) -> Bytes
where
    W: Future<Output = Bytes>,
    F: FnMut(&Progress) -> Option<Bytes>,
{
    let silence_ends = Instant::now() + KEEP_ALIVE;
    loop {
        tokio::select! {
            biased;
            Some(message) = state.said.recv() => return event(None, &message),
            heard = state.heard.changed(), if !state.silent => {
                let progress = state.heard.borrow_and_update().clone();
                state.silent = heard.is_err();
                if let Some(event) = progress.filter(|_| heard.is_ok()).and_then(|progress| (state.frame)(&progress)) {
                    return event;
                }
            }
            end = &mut state.work => {
                state.ended = true;
                // What was said in the work's last step comes before its end.
                let mut last = Vec::new();
                while let Ok(message) = state.said.try_recv() {
                    last.extend_from_slice(&event(None, &message));
                }
                return if last.is_empty() { end } else { [&last[..], &end[..]].concat().into() };
            }
            () = tokio::time::sleep_until(silence_ends) => return Bytes::from_static(b": still at work\n\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use tokio::sync::Notify;

    use super::*;

    #[test]
    fn lines_of_data() {
        for (data, said) in [
            ("{}", "data: {}\n\n"),
            ("", "data: \n\n"),
            ("a\nb", "data: a\ndata: b\n\n"),
            ("a\r\nb\rc\n", "data: a\ndata: b\ndata: c\ndata: \n\n"),
        ] {
            assert_eq!(event(None, data.as_bytes()), said, "{data:?}");
        }
        assert_eq!(event(Some("result"), b"1"), "event: result\ndata: 1\n\n");
    }

    #[test]
    fn only_who_names_the_type_accepts_it() {
        for (accept, yes) in [
            ("text/event-stream", true),
            ("application/json, text/event-stream", true),
            ("Text/Event-Stream;q=0.5", true),
            ("application/json;q=0.9, text/event-stream", true),
            ("application/json, text/event-stream;q=0.5", false),
            ("application/json;q=0.5, text/event-stream;q=0.5", true),
            ("application/json;q=0, text/event-stream;q=0.1", true),
            ("text/event-stream; q=0", false),
            ("text/event-stream;q=0.0", false),
            ("*/*", false),
            ("text/*", false),
            ("application/json", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(accepted(&headers), yes, "{accept}");
        }
        assert!(!accepted(&HeaderMap::new()));
        let mut headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("application/json"))]);
        headers.append(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        assert!(accepted(&headers), "a header that is sent twice is one list");
    }

    #[tokio::test(start_paused = true)]
    async fn progress_then_silence_then_the_end() {
        let (tell, heard) = watch::channel(None);
        let go = std::sync::Arc::new(Notify::new());
        let (work, told) = (std::sync::Arc::clone(&go), tell.clone());
        let work = async move {
            work.notified().await;
            drop(told);
            Bytes::from_static(b"end")
        };
        let response = respond(heard, work, |progress| (progress.done != 2).then(|| event(None, progress.done.to_string().as_bytes())));
        let mut body = response.into_body().into_data_stream();
        let mut next = async || body.next().await.map(|piece| piece.expect("infallible"));
        let say = |done| tell.send_replace(Some(Progress { done, ..Progress::default() }));
        say(1);
        assert_eq!(next().await.expect("a piece"), "data: 1\n\n");
        say(2);
        let before = Instant::now();
        assert_eq!(next().await.expect("a piece"), ": still at work\n\n");
        assert_eq!(before.elapsed(), KEEP_ALIVE);
        say(3);
        go.notify_one();
        assert_eq!(next().await.expect("a piece"), "data: 3\n\n", "the last word comes before the end");
        drop(tell);
        assert_eq!(next().await.expect("a piece"), "end");
        assert_eq!(next().await, None);
    }
}
