//! The login's history window: one entry in a NATS bucket, compare-and-set before each request, so that all workers
//! together keep IB's rules exactly, and a restart forgets nothing.

use bus::{Bucket, BucketError, Bus};
use ib_link::pacing::{HistoryKey, HistoryWindow, WaitMs};
use schemas::{Fault, GatewayName};
use tokio::{
    sync::{Mutex, OnceCell},
    time::Instant,
};

const BUCKET: &str = "ib-pacing";
/// Writers that get in between are few: one per worker. More tries than this mean that something is broken.
const TRIES_MAX: u32 = 20;

#[derive(Debug)]
pub(crate) struct Gate {
    bus: Bus,
    key: String,
    bucket: OnceCell<Bucket>,
    /// What this worker alone has sent: used when the bucket cannot be, and then only IB itself sees the others.
    own: Mutex<HistoryWindow>,
}

impl Gate {
    pub(crate) fn new(bus: &Bus, gateway: &GatewayName) -> Self {
        Self { bus: bus.clone(), key: format!("{gateway}.history"), bucket: OnceCell::new(), own: Mutex::default() }
    }

    /// Waits until the request may be sent and enters it; refuses when that would be after `deadline`.
    pub(crate) async fn admit(&self, key: HistoryKey, deadline: Instant) -> Result<(), Fault> {
        loop {
            let now_ms = service::clock::now().as_millisecond();
            let wait = match self.try_shared(key, now_ms).await {
                Ok(outcome) => outcome,
                Err(error) => {
                    tracing::warn!(%error, "the shared history window cannot be used; this worker keeps its own");
                    self.own.lock().await.admit(key, now_ms)
                }
            };
            let Err(wait) = wait else { return Ok(()) };
            let ready = Instant::now() + wait.duration();
            if ready >= deadline {
                return Err(wait.fault());
            }
            tokio::time::sleep_until(ready).await;
        }
    }

    async fn try_shared(&self, key: HistoryKey, now_ms: i64) -> Result<Result<(), WaitMs>, BucketError> {
        let bucket = self
            .bucket
            .get_or_try_init(|| Bucket::open(&self.bus, BUCKET, "Requests of the last minutes, by login, for IB's pacing rules", None))
            .await?;
        for _ in 0..TRIES_MAX {
            let (text, revision) = bucket.get(&self.key).await?;
            // A window that cannot be read was written by a later release: start a new one rather than stop.
            let mut window: HistoryWindow = text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
            if let Err(wait) = window.admit(key, now_ms) {
                return Ok(Err(wait));
            }
            let text = serde_json::to_vec(&window).unwrap_or_default();
            match bucket.put_if(&self.key, text.into(), revision).await {
                Ok(_) => return Ok(Ok(())),
                Err(BucketError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(BucketError::Conflict)
    }
}
