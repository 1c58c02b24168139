//! Answers to historical requests of the last seconds, shared by all workers of a login.
//!
//! IB refuses the same request within 15 seconds. Without this a caller who asks twice would wait those seconds, as
//! often as the second request meets another worker.

use std::time::Duration;

use bus::{Bucket, Bus, VALUE_BYTES_MAX};
use schemas::GatewayName;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::OnceCell;

const BUCKET: &str = "ib-answers";
/// As long as IB would refuse the same request.
const KEPT: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(crate) struct Answers {
    bus: Bus,
    gateway: GatewayName,
    bucket: OnceCell<Bucket>,
}

impl Answers {
    pub(crate) fn new(bus: &Bus, gateway: &GatewayName) -> Self {
        Self { bus: bus.clone(), gateway: gateway.clone(), bucket: OnceCell::new() }
    }

    /// The answer to `request` if one is younger than 15 s. Any trouble counts as none: this is a convenience.
    pub(crate) async fn recall<T: DeserializeOwned>(&self, request: &str) -> Option<T> {
        let (text, _) = self.bucket().await?.get(&self.key(request)).await.ok()?;
        serde_json::from_slice(&text?).ok()
    }

    pub(crate) async fn keep<T: Serialize>(&self, request: &str, answer: &T) {
        let Some(bucket) = self.bucket().await else { return };
        let Ok(text) = serde_json::to_vec(answer) else { return };
        if i32::try_from(text.len()).is_ok_and(|bytes| bytes <= VALUE_BYTES_MAX)
            && let Err(error) = bucket.put(&self.key(request), text.into()).await
        {
            tracing::debug!(%error, "an answer was not shared");
        }
    }

    async fn bucket(&self) -> Option<&Bucket> {
        let open = || Bucket::open(&self.bus, BUCKET, "Answers to historical requests of the last 15 s", Some(KEPT));
        self.bucket.get_or_try_init(open).await.inspect_err(|error| tracing::debug!(%error, "answers are not shared")).ok()
    }

    /// Keys of a bucket are made of letters, digits and a few signs; every other byte is written as its number, so that
    /// two requests never share a key.
    fn key(&self, request: &str) -> String {
        let safe = request.bytes().fold(String::new(), |mut key, byte| {
            if byte.is_ascii_alphanumeric() {
                key.push(char::from(byte));
            } else {
                key.push_str(&format!("_{byte:02x}"));
            }
            key
        });
        format!("{}.{safe}", self.gateway)
    }
}
