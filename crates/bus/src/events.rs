//! Events of one gateway: told to whoever listens now, and kept in a stream for a week for whoever asks later.
//!
//! Invariant: the stream is bounded in time and in bytes, the oldest go first; an event that could not be kept is told to
//! the listeners all the same.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_nats::jetstream::{
    self,
    stream::{Config, DiscardPolicy},
};
use bytes::Bytes;
use schemas::GatewayName;

use crate::connection::{Bus, BusError, STORE_MAX, within};

const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);
const STREAM_BYTES_MAX: i64 = 64 * 1024 * 1024;
/// An event larger than this is no event.
const EVENT_BYTES_MAX: i32 = 64 * 1024;

/// Tells events of one gateway.
#[derive(Debug)]
pub struct Events {
    bus: Bus,
    gateway: GatewayName,
    /// The stream is there, as far as known.
    made: AtomicBool,
}

impl Events {
    pub fn new(bus: &Bus, gateway: &GatewayName) -> Self {
        Self { bus: bus.clone(), gateway: gateway.clone(), made: AtomicBool::new(false) }
    }

    /// Tells it, and returns when the stream has it. An error says that it is not kept.
    pub async fn tell(&self, subject: String, body: Bytes) -> Result<(), BusError> {
        self.bus.require_connected()?;
        let context = jetstream::new(self.bus.client.clone());
        if !self.made.load(Ordering::Relaxed) {
            let made = within(STORE_MAX, context.get_or_create_stream(self.config())).await;
            if let Err(error) = made {
                // Whoever listens now shall hear it.
                self.bus.publish(subject, body).await?;
                return Err(error);
            }
            self.made.store(true, Ordering::Relaxed);
        }
        let kept = within(STORE_MAX, async { context.publish(subject, body).await?.await }).await;
        if kept.is_err() {
            // It may have been deleted: looked for again next time.
            self.made.store(false, Ordering::Relaxed);
        }
        kept.map(drop)
    }

    fn config(&self) -> Config {
        Config {
            name: self.gateway.events_stream(),
            description: Some("Events of one IB gateway and its orders, for a week".to_owned()),
            subjects: vec![self.gateway.events()],
            max_age: KEPT_FOR,
            max_bytes: STREAM_BYTES_MAX,
            max_message_size: EVENT_BYTES_MAX,
            discard: DiscardPolicy::Old,
            allow_direct: true,
            ..Config::default()
        }
    }
}
