//! Hearing what is told to everybody, for as long as somebody listens.

use std::time::Duration;

use async_nats::Subscriber;
use bytes::Bytes;
use futures::StreamExt;

use crate::connection::{Bus, BusError, within};

const SUBSCRIBE_MAX: Duration = Duration::from_secs(2);

/// What comes on one subject. What a slow listener has no room for is lost to it; the connection says so in the log.
#[derive(Debug)]
pub struct Listener(Subscriber);

impl Bus {
    /// Listens from now on: the server knows of it when this returns.
    pub async fn listen(&self, subject: String) -> Result<Listener, BusError> {
        self.require_connected()?;
        let told = within(SUBSCRIBE_MAX, self.client.subscribe(subject)).await?;
        self.barrier().await?;
        Ok(Listener(told))
    }
}

impl Listener {
    /// The next message; `None` when the connection has been closed for good.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.0.next().await.map(|message| message.payload)
    }
}
