//! Which process acts for a gateway: a key that its holder writes again and again.
//!
//! Clocks of different hosts are not compared: who waits takes the key over when it has not seen it change for its own
//! time to live. Invariants: who cannot renew stops acting before anybody else may begin; the key is only ever written over
//! the revision that was seen.

use std::time::Duration;

use bus::{Bucket, BucketError, Bus};
use bytes::Bytes;
use schemas::GatewayName;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::saved;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lead {
    /// Neither held nor seen held by another: JetStream is away.
    Unsure,
    /// Another `term` is one that was not simply renewed: meanwhile somebody else may have acted, or the store was lost.
    Held {
        until: Instant,
        term: u64,
    },
    Taken,
}

/// How long a lease lasts without being renewed; four looks fit into it.
pub(crate) const TTL: Duration = Duration::from_secs(15);
/// Who holds it stops so long before others may begin.
const MARGIN: Duration = Duration::from_secs(3);
const LOOKS_PER_TTL: u32 = 5;

#[derive(Debug)]
struct Lease {
    bus: Bus,
    bucket: Option<Bucket>,
    key: String,
    /// What this process writes.
    name: Bytes,
    ttl: Duration,
    /// Revision of our own write, and until when it lasts.
    mine: Option<(u64, Instant)>,
    term: u64,
    /// Another's write, and since when it has been seen unchanged.
    theirs: Option<(u64, Instant)>,
}

/// Keeps the lease until `end`, then gives it back.
pub(crate) async fn keep(bus: Bus, gateway: GatewayName, id: String, ttl: Duration, lead: watch::Sender<Lead>, end: CancellationToken) {
    let key = format!("{}.lease", saved::key(&gateway));
    let mut lease = Lease { bus, bucket: None, key, name: Bytes::from(id), ttl, mine: None, term: 0, theirs: None };
    let mut looks = interval(ttl / LOOKS_PER_TTL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = end.cancelled() => break,
            _ = looks.tick() => {}
        }
        lead.send_replace(lease.look().await);
    }
    lease.give_back().await;
}

impl Lease {
    async fn look(&mut self) -> Lead {
        match self.turn().await {
            Ok(lead) => lead,
            Err(error) => {
                // It may be gone with its server's store: opened anew, and made if it is not there.
                self.bucket = None;
                // A write that was given up may have been made: then its revision is not ours to write over, and the key
                // is found to be ours by its value.
                match self.mine.filter(|(_, until)| Instant::now() < *until) {
                    Some((_, until)) => Lead::Held { until, term: self.term },
                    None => {
                        if self.mine.take().is_some() {
                            tracing::warn!(%error, "the lease on the gateway cannot be renewed; nothing is done to it until it can");
                        }
                        Lead::Unsure
                    }
                }
            }
        }
    }

    async fn turn(&mut self) -> Result<Lead, BucketError> {
        let bucket = match &self.bucket {
            Some(bucket) => bucket.clone(),
            None => self.bucket.insert(saved::open(&self.bus).await?).clone(),
        };
        if let Some((revision, _)) = self.mine {
            match self.write(&bucket, revision).await {
                Err(BucketError::Conflict) => self.mine = None,
                other => return other,
            }
        }
        let (value, revision) = bucket.get(&self.key).await?;
        let free = match value {
            // Absent, or given back.
            None => true,
            Some(value) if value.is_empty() => true,
            // Written without our knowing that it was.
            Some(value) if value == self.name => true,
            Some(_) => self.is_stale(revision),
        };
        if !free {
            return Ok(Lead::Taken);
        }
        self.term += 1;
        match self.write(&bucket, revision).await {
            // Somebody else was quicker.
            Err(BucketError::Conflict) => Ok(Lead::Taken),
            other => other,
        }
    }

    async fn write(&mut self, bucket: &Bucket, revision: u64) -> Result<Lead, BucketError> {
        // It lasts from before it was written.
        let until = Instant::now() + self.ttl.saturating_sub(MARGIN.min(self.ttl / 4));
        let revision = bucket.put_if(&self.key, self.name.clone(), revision).await?;
        (self.mine, self.theirs) = (Some((revision, until)), None);
        Ok(Lead::Held { until, term: self.term })
    }

    fn is_stale(&mut self, revision: u64) -> bool {
        let now = Instant::now();
        match self.theirs {
            Some((seen, since)) if seen == revision => now.duration_since(since) >= self.ttl,
            _ => {
                self.theirs = Some((revision, now));
                false
            }
        }
    }

    async fn give_back(&mut self) {
        if let (Some(bucket), Some((revision, _))) = (&self.bucket, self.mine.take())
            && let Err(error) = bucket.put_if(&self.key, Bytes::new(), revision).await
        {
            tracing::debug!(%error, "the lease was not given back; it ends by itself");
        }
    }
}
