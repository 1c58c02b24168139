//! The record of what was changed, in a stream for each month.
//!
//! Invariants: nothing that is in a stream can be taken out of it or replaced; a stream that is full takes no more, rather than
//! lose what came first; the next month has a stream of its own.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use async_nats::jetstream::{
    self,
    stream::{Config, DiscardPolicy},
};
use bytes::Bytes;
use jiff::Timestamp;
use schemas::GatewayName;

use crate::connection::{Bus, BusError, STORE_MAX, within};

/// Some thirty thousand records.
const STREAM_BYTES_MAX: i64 = 16 * 1024 * 1024;
const RECORD_BYTES_MAX: i32 = 16 * 1024;
/// A stream that is so full is told of, in parts of a hundred.
const FULL_PERCENT: u64 = 80;
/// How full it is, is looked at once in so many records.
const LOOK_EVERY: u32 = 64;

/// Writes one service's records about one gateway.
#[derive(Debug)]
pub struct Audit {
    bus: Bus,
    gateway: GatewayName,
    service: &'static str,
    /// The stream that is there, as far as known.
    made: Mutex<Option<String>>,
    written: AtomicU32,
}

impl Audit {
    pub fn new(bus: &Bus, gateway: &GatewayName, service: &'static str) -> Self {
        Self { bus: bus.clone(), gateway: gateway.clone(), service, made: Mutex::default(), written: AtomicU32::new(0) }
    }

    /// Returns when the stream has it. `kind` is a token of ours, such as `gateway-logout`.
    pub async fn record(&self, kind: &str, at: Timestamp, body: Bytes) -> Result<(), BusError> {
        self.bus.require_connected()?;
        let context = jetstream::new(self.bus.client.clone());
        let name = self.gateway.audit_stream(at);
        let known = self.made.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(&name);
        if !known || self.written.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK_EVERY) {
            let mut stream = within(STORE_MAX, context.get_or_create_stream(self.config(&name, at))).await?;
            let bytes = within(STORE_MAX, stream.info()).await?.state.bytes;
            if bytes * 100 >= STREAM_BYTES_MAX.unsigned_abs() * FULL_PERCENT {
                tracing::error!(stream = name, bytes, of = STREAM_BYTES_MAX, "the audit of this month is nearly full");
            }
            *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(name);
        }
        let subject = self.gateway.audit(self.service, kind, at);
        let kept = within(STORE_MAX, async { context.publish(subject, body).await?.await }).await;
        if kept.is_err() {
            *self.made.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        kept.map(drop)
    }

    fn config(&self, name: &str, at: Timestamp) -> Config {
        Config {
            name: name.to_owned(),
            description: Some("What was changed at one IB gateway in one month, and who asked for it".to_owned()),
            subjects: vec![self.gateway.audits(at)],
            max_bytes: STREAM_BYTES_MAX,
            max_message_size: RECORD_BYTES_MAX,
            discard: DiscardPolicy::New,
            deny_delete: true,
            deny_purge: true,
            ..Config::default()
        }
    }
}
