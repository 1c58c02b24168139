//! What leaves for a request: its reply, and before that the word that somebody has it.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use schemas::{Fault, FaultCode, REPLY_BYTES_MAX, Row, fault::FaultBody};
use tokio::time::Instant;

use super::{Shared, job::Job};
use crate::{
    connection::within,
    names,
    text::{clipped, header_text},
};

/// After this long the caller is told who has its request.
const ACCEPTED_AFTER: Duration = Duration::from_millis(250);
/// Bounds one publish.
pub(super) const PUBLISH_MAX: Duration = Duration::from_secs(2);
/// What the headers of a reply take at most.
const HEADERS_BYTES_MAX: usize = 4 * 1024;
/// A fault larger than this loses everything but its code, advice and the beginning of its message.
const FAULT_BYTES_MAX: usize = 32 * 1024;
const FAULT_TEXT_MAX: usize = 2_000;

/// Says after a moment who has the request; never ends by itself.
pub(super) async fn tell_accepted(shared: &Shared, job: &Job) {
    if job.wants_accepted {
        tokio::time::sleep_until(job.arrived + ACCEPTED_AFTER).await;
        let mut map = HeaderMap::new();
        map.insert(names::ACCEPTED_BY.clone(), shared.settings.id.as_str());
        if shared.bus.is_connected() {
            drop(within(PUBLISH_MAX, shared.bus.client.publish_with_headers(job.reply_to.clone(), map, Bytes::new())).await);
        }
    }
    std::future::pending().await
}

/// Refuses a reply that does not fit one message: sent all the same, it would never arrive.
pub(super) fn fitting(shared: &Shared, row: &Row, body: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let most = shared.bus.client.max_payload().saturating_sub(HEADERS_BYTES_MAX).min(REPLY_BYTES_MAX);
    if body.len() <= most {
        return Ok(body);
    }
    let message = format!("the reply of {} has {} bytes, at most {most} fit one message", row.name(), body.len());
    Err(Fault::new(FaultCode::TooLarge, message).hint("ask for less: a smaller limit, a shorter period"))
}

/// Sends the reply; `started` is absent for a request that was never at work.
pub(super) async fn reply(shared: &Shared, job: &Job, outcome: Result<Vec<u8>, Fault>, started: Option<Instant>) {
    let now = Instant::now();
    let mut map = HeaderMap::new();
    map.insert(names::SERVED_BY.clone(), shared.settings.id.as_str());
    if let Some(client_id) = *shared.settings.client_id.borrow() {
        map.insert(names::CLIENT_ID.clone(), client_id.to_string());
    }
    let started = started.unwrap_or(now);
    map.insert(names::QUEUE_MS.clone(), started.saturating_duration_since(job.arrived).as_millis().to_string());
    map.insert(names::WORK_MS.clone(), now.saturating_duration_since(started).as_millis().to_string());
    let body = match outcome {
        Ok(body) => body,
        Err(told) => fault(&mut map, told),
    };
    // While disconnected it is dropped: who asked has been disconnected too, or asks somebody else.
    if !shared.bus.is_connected() {
        return;
    }
    if let Err(error) = within(PUBLISH_MAX, shared.bus.client.publish_with_headers(job.reply_to.clone(), map, body.into())).await {
        tracing::warn!(request_id = %job.request.id, %error, "a reply was not sent");
    }
}

/// Writes a fault into the headers; answers the body.
pub(super) fn fault(map: &mut HeaderMap, fault: Fault) -> Vec<u8> {
    map.insert(names::SERVICE_ERROR_CODE.clone(), fault.code.as_str());
    map.insert(names::SERVICE_ERROR.clone(), header_text(&fault.message));
    if let Some(wait_ms) = fault.retry_after_ms {
        map.insert(names::RETRY_AFTER_MS.clone(), wait_ms.to_string());
    }
    fault_body(fault)
}

fn fault_body(fault: Fault) -> Vec<u8> {
    let mut body = FaultBody { error: fault };
    let json = serde_json::to_vec(&body).unwrap_or_default();
    if json.len() <= FAULT_BYTES_MAX {
        return json;
    }
    let Fault { code, retry, retry_after_ms, message, .. } = body.error;
    body.error = Fault { retry, retry_after_ms, ..Fault::new(code, clipped(&message, FAULT_TEXT_MAX)) };
    serde_json::to_vec(&body).unwrap_or_default()
}
