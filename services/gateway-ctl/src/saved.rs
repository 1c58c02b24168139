//! The saved state of one gateway, in a NATS bucket: what must survive every restart.
//!
//! Invariant: it is written only over the revision that was read or written last, so that a process whose time is over
//! finds out at its next word and changes nothing.

use bus::{Bucket, BucketError, Bus, BusError};
use schemas::GatewayName;

use crate::policy::{NotSaved, Saved};

/// All gateways of this NATS server; keys are their names.
const BUCKET: &str = "gateway-ctl";

/// Opens the bucket that holds the saved states and the leases.
pub(crate) async fn open(bus: &Bus) -> Result<Bucket, BucketError> {
    Bucket::open(bus, BUCKET, "ib-mesh: who wants which gateway up or down, and which process acts", None).await
}

/// Why there is no saved state to go on from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// To be tried again.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// A person has to look: nothing may start over what cannot be read.
    #[error(transparent)]
    Unreadable(#[from] NotSaved),
}

#[derive(Debug)]
pub(crate) struct Store {
    bus: Bus,
    bucket: Option<Bucket>,
    key: String,
    /// 0: nothing was ever written.
    revision: u64,
    /// Written, maybe: the answer did not come.
    doubtful: Option<String>,
}

/// What was found.
#[derive(Debug)]
pub(crate) enum Loaded {
    Nothing,
    /// As this process read or wrote it last.
    Same,
    Other(Box<Saved>),
}

impl Store {
    pub(crate) fn new(bus: &Bus, gateway: &GatewayName) -> Self {
        Self { bus: bus.clone(), bucket: None, key: key(gateway), revision: 0, doubtful: None }
    }

    pub(crate) async fn load(&mut self) -> Result<Loaded, LoadError> {
        // It may be gone with its server's store: opened anew, and made if it is not there.
        self.bucket = None;
        let (value, revision) = self.bucket().await?.get(&self.key).await?;
        let same = revision == self.revision;
        self.revision = revision;
        Ok(match value {
            None => Loaded::Nothing,
            Some(_) if same => Loaded::Same,
            Some(value) => Loaded::Other(Box::new(Saved::load(&String::from_utf8_lossy(&value))?)),
        })
    }

    pub(crate) async fn save(&mut self, text: String) -> Result<(), BucketError> {
        let bucket = self.bucket().await?;
        let mut written = bucket.put_if(&self.key, text.clone().into(), self.revision).await;
        if let (Err(BucketError::Conflict), Some(doubtful)) = (&written, self.doubtful.take()) {
            let (value, revision) = bucket.get(&self.key).await?;
            if value.is_some_and(|value| value == doubtful) {
                written = bucket.put_if(&self.key, text.clone().into(), revision).await;
            }
        }
        match written {
            Ok(revision) => {
                (self.revision, self.doubtful) = (revision, None);
                Ok(())
            }
            Err(error) => {
                if matches!(error, BucketError::Bus(_)) {
                    (self.doubtful, self.bucket) = (Some(text), None);
                }
                Err(error)
            }
        }
    }

    async fn bucket(&mut self) -> Result<Bucket, BucketError> {
        if let Some(bucket) = &self.bucket {
            return Ok(bucket.clone());
        }
        let bucket = open(&self.bus).await?;
        Ok(self.bucket.insert(bucket).clone())
    }
}

/// Names have no character that a key may not have.
pub(crate) fn key(gateway: &GatewayName) -> String {
    gateway.as_str().to_owned()
}

/// Whether NATS itself is away, and not only the bucket.
pub(crate) fn is_away(error: &BucketError) -> bool {
    matches!(error, BucketError::Bus(BusError::Disconnected))
}
