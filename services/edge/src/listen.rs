//! Accepts connections and serves them with hyper, which `axum::serve` would leave without time and size limits.
//!
//! Invariant: the future that answers a request belongs to its connection, so a client that hangs up drops it, and with
//! it the call behind it.

use std::{convert::Infallible, net::SocketAddr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use futures::FutureExt;
use hyper::{body::Incoming, server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use schemas::{Fault, FaultCode};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::http::{Front, Peer, answer};

/// Open at once; further clients wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 1_024;
/// From the first moment to the last byte of a request's head, idle time of a kept connection included.
const HEAD_MAX: Duration = Duration::from_secs(75);
/// Request line and headers together, and the piece in which a body is read.
const BUFFER_BYTES: usize = 64 * 1024;
/// What a drain waits for requests under way: below the process's own limit, so that NATS is left in order.
const DRAIN_MAX: Duration = Duration::from_secs(20);
/// Pause after a failed accept, such as when no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown`, then waits for what is under way.
pub(crate) async fn serve(listener: TcpListener, front: Front, shutdown: CancellationToken) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &permits) => accepted,
            () = shutdown.cancelled() => break,
        };
        let Some((stream, peer, permit)) = accepted else { continue };
        let connection = graceful.watch(connection(stream, peer, &front));
        tokio::spawn(async move {
            // The common ends: the client hung up, or was too slow.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection");
            }
            drop(permit);
        });
    }
    drop(listener);
    let open = graceful.count();
    if timeout(DRAIN_MAX, graceful.shutdown()).await.is_err() {
        tracing::warn!(open, limit_s = DRAIN_MAX.as_secs(), "requests were still under way at the end of the drain");
    }
}

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    // The semaphore is never closed.
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Without it small answers wait up to 40 ms for the client's delayed ACK.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY");
            }
            Some((stream, peer, permit))
        }
        Err(error) => {
            tracing::warn!(%error, "accept");
            tokio::time::sleep_until(tokio::time::Instant::now() + ACCEPT_PAUSE).await;
            None
        }
    }
}

type Answer = futures::future::BoxFuture<'static, Result<Response, Infallible>>;

/// The front for one peer.
#[derive(Debug, Clone)]
struct Served {
    front: Front,
    peer: Peer,
}

impl Service<hyper::Request<Incoming>> for Served {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn call(&self, request: hyper::Request<Incoming>) -> Answer {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.peer);
        // A panic would close the connection without a word.
        let answered = AssertUnwindSafe(self.front.clone().answer(request)).catch_unwind();
        let or_told = |ended: Result<Response, _>| {
            Ok(ended.unwrap_or_else(|_| {
                answer::fault(&Fault::new(FaultCode::Internal, "the edge failed at this request").hint("it has been logged; report it"))
            }))
        };
        answered.map(or_told).boxed()
    }
}

fn connection(stream: TcpStream, peer: SocketAddr, front: &Front) -> http1::Connection<TokioIo<TcpStream>, Served> {
    let served = Served { front: front.clone(), peer: Peer(peer.ip().to_canonical()) };
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), served)
}
