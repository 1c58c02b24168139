//! The login's history window: one entry in a NATS bucket, compare-and-set before each request, so that all workers
//! together keep IB's rules exactly, and a restart forgets nothing.

use bus::{Bucket, BucketError, Bus};
use ib_link::{
    HistoryTurn, Link,
    pacing::{HistoryKey, HistoryWindow, WaitMs},
};
use schemas::{Fault, GatewayName};
use tokio::{
    sync::{Mutex, OnceCell},
    time::Instant,
};

const BUCKET: &str = "ib-pacing";
/// Writers that get in between are few: one per worker. More tries than this mean that something is broken.
const TRIES_MAX: u32 = 20;

/// What is done to the window where the request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Look,
    Enter,
}

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

    /// Waits until the request may be sent, has a turn of the link's for it and enters it: IB counts when it gets the
    /// request, so that nothing may be waited for after that. Refuses when it would be after `deadline`.
    pub(crate) async fn admit<'a>(&self, key: HistoryKey, link: &'a Link, deadline: Instant) -> Result<HistoryTurn<'a>, Fault> {
        loop {
            // Looked at first, so that no turn is held, and none used up, while IB's rules have to be waited for.
            let mut outcome = self.attempt(key, Attempt::Look).await;
            if outcome.is_ok() {
                let turn = link.history_turn(deadline).await?;
                outcome = self.attempt(key, Attempt::Enter).await;
                if outcome.is_ok() {
                    return Ok(turn);
                }
            }
            let Err(wait) = outcome else { continue };
            let ready = Instant::now() + wait.duration();
            if ready >= deadline {
                return Err(wait.fault());
            }
            tokio::time::sleep_until(ready).await;
        }
    }

    async fn attempt(&self, key: HistoryKey, attempt: Attempt) -> Result<(), WaitMs> {
        let now_ms = service::clock::now().as_millisecond();
        match self.try_shared(key, attempt, now_ms).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!(%error, "the shared history window cannot be used; this worker keeps its own");
                let mut own = self.own.lock().await;
                let mut window = own.clone();
                let outcome = window.admit(key, now_ms);
                if attempt == Attempt::Enter {
                    *own = window;
                }
                outcome
            }
        }
    }

    async fn try_shared(&self, key: HistoryKey, attempt: Attempt, now_ms: i64) -> Result<Result<(), WaitMs>, BucketError> {
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
            if attempt == Attempt::Look {
                return Ok(Ok(()));
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
