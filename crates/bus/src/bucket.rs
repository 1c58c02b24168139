//! A key-value bucket with compare-and-set: shared state of few writers, such as the login's history window.

use std::time::Duration;

use async_nats::jetstream::{
    self,
    kv::{Config, Store, UpdateErrorKind},
};
use bytes::Bytes;

use crate::connection::{Bus, BusError, STORE_MAX, within};

/// The largest value of a bucket.
pub const VALUE_BYTES_MAX: i32 = 256 * 1024;
/// The whole bucket; when it is full, writes fail and readers go on without it.
const BUCKET_BYTES_MAX: i64 = 64 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BucketError {
    /// Somebody else wrote in between: read again.
    #[error("the key was changed by somebody else")]
    Conflict,
    #[error("the bucket cannot be used (JetStream must be on): {0}")]
    Bus(#[from] BusError),
}

/// One bucket; keeps only the last value of a key, in a file, so that it survives a restart of the server.
#[derive(Debug, Clone)]
pub struct Bucket {
    bus: Bus,
    store: Store,
}

impl Bucket {
    /// Opens `name`, making it if it is not there; with `max_age` its values vanish that long after they were written.
    pub async fn open(bus: &Bus, name: &str, description: &str, max_age: Option<Duration>) -> Result<Self, BucketError> {
        bus.require_connected()?;
        let context = jetstream::new(bus.client.clone());
        if let Ok(store) = within(STORE_MAX, context.get_key_value(name)).await {
            return Ok(Self { bus: bus.clone(), store });
        }
        let config = Config {
            bucket: name.to_owned(),
            description: description.to_owned(),
            history: 1,
            max_value_size: VALUE_BYTES_MAX,
            max_bytes: BUCKET_BYTES_MAX,
            max_age: max_age.unwrap_or_default(),
            ..Config::default()
        };
        let store = within(STORE_MAX, context.create_key_value(config)).await?;
        Ok(Self { bus: bus.clone(), store })
    }

    /// The value and its revision; an absent key has revision 0.
    pub async fn get(&self, key: &str) -> Result<(Option<Bytes>, u64), BucketError> {
        self.bus.require_connected()?;
        let entry = within(STORE_MAX, self.store.entry(key)).await?;
        Ok(match entry {
            Some(entry) if entry.operation == jetstream::kv::Operation::Put => (Some(entry.value), entry.revision),
            Some(entry) => (None, entry.revision),
            None => (None, 0),
        })
    }

    /// Writes whatever is there.
    pub async fn put(&self, key: &str, value: Bytes) -> Result<(), BucketError> {
        // Queued while disconnected, it would be written after the caller was told that it was not.
        self.bus.require_connected()?;
        within(STORE_MAX, self.store.put(key, value)).await?;
        Ok(())
    }

    /// Writes if the key still has `revision`.
    pub async fn put_if(&self, key: &str, value: Bytes, revision: u64) -> Result<u64, BucketError> {
        self.bus.require_connected()?;
        match tokio::time::timeout(STORE_MAX, self.store.update(key, value, revision)).await {
            Ok(Ok(revision)) => Ok(revision),
            Ok(Err(error)) if error.kind() == UpdateErrorKind::WrongLastRevision => Err(BucketError::Conflict),
            Ok(Err(error)) => Err(BusError::Client(error.to_string()).into()),
            Err(_) => Err(BusError::Timeout(STORE_MAX.as_millis()).into()),
        }
    }
}
