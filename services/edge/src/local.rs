//! An edge without a listener: requests are handed to its router in this process. For MCP over stdio.
//!
//! Invariant: what is asked here passes everything that a request over HTTP passes, from the guard to the dispatcher, as
//! one from this machine.

use std::{net::IpAddr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    body::{Body, BodyDataStream},
    extract::Request,
    http::{HeaderMap, StatusCode, header},
};
use futures::{FutureExt, StreamExt};
use schemas::{Fault, FaultCode};
use service::Process;
use tokio::time::timeout;

use crate::{
    Error,
    edge::Edge,
    http::{Front, Peer, answer, router},
    link::{self, Link},
};

/// Where MCP is spoken.
const PATH: &str = "/mcp";
const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

#[derive(Debug)]
pub struct Local {
    front: Front,
    process: Process,
    link: Link,
}

/// An answer whose body comes in pieces. Dropped, it ends the call.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: BodyDataStream,
}

impl Local {
    /// `None` where NATS does not answer within `patience`.
    pub async fn start(process: Process, patience: Duration) -> Result<Option<Self>, Error> {
        let edge = Arc::new(Edge::new(&process)?);
        let Ok(link) = timeout(patience, link::establish(&edge, &process)).await else { return Ok(None) };
        let front = Front::new(Arc::clone(&edge), router(edge, &process.admin));
        Ok(Some(Self { front, process, link: link? }))
    }

    /// `None` where the request cannot be written as HTTP.
    pub async fn ask(&self, method: &str, headers: Vec<(&str, &str)>, body: Vec<u8>) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(PATH).header(header::HOST, "localhost");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request.body(Body::from(body)).ok()?;
        request.extensions_mut().insert(Peer(PEER));
        // A panic would leave the request without an answer.
        let answered = AssertUnwindSafe(self.front.clone().answer(request)).catch_unwind().await;
        let failed = |_| answer::fault(&Fault::new(FaultCode::Internal, "the edge failed at this request; it has been logged"));
        let (head, body) = answered.unwrap_or_else(failed).into_parts();
        Some(Answer { status: head.status, headers: head.headers, body: body.into_data_stream() })
    }

    /// Leaves NATS; ends every stream.
    pub async fn close(self) {
        self.process.shutdown.cancel();
        self.link.close().await;
    }
}

impl Answer {
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The next piece of the body; `None` at its end.
    pub async fn piece(&mut self) -> Option<Vec<u8>> {
        // The bodies are made in this process and cannot break.
        self.body.next().await?.ok().map(Vec::from)
    }
}
