//! Identical requests in flight are one request to IB; answers that stay true for a while are kept for that while.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use moka::future::Cache;
use schemas::{Fault, FaultCode};

/// Different answers that are kept of one kind.
const KEPT_MAX: u64 = 4_096;
/// Requests in flight of one kind that are remembered; slots bound them far below this.
const FLIGHTS_MAX: usize = 1_024;

type Flight<T> = BoxFuture<'static, Result<Arc<T>, Fault>>;

/// A request in flight and who began it.
enum Flown<T: Send + Sync + 'static> {
    Begun(Shared<Flight<T>>),
    Joined(Shared<Flight<T>>),
}

/// Answers of one kind of request, by a text that names the request.
#[derive(Clone)]
pub struct Coalesced<T: Send + Sync + 'static> {
    flights: Arc<Mutex<HashMap<String, WeakShared<Flight<T>>>>>,
    kept: Option<Cache<String, Arc<T>>>,
}

impl<T: Send + Sync + 'static> std::fmt::Debug for Coalesced<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Coalesced")
    }
}

impl<T: Send + Sync + 'static> Coalesced<T> {
    /// Only requests in flight are shared.
    pub fn in_flight() -> Self {
        Self { flights: Arc::default(), kept: None }
    }

    /// Answers are kept for `ttl` as well. Faults never are.
    pub fn kept_for(ttl: Duration) -> Self {
        Self::kept_for_at_most(ttl, KEPT_MAX)
    }

    /// The same for answers so large that fewer of them are kept.
    pub fn kept_for_at_most(ttl: Duration, answers_max: u64) -> Self {
        Self { flights: Arc::default(), kept: Some(Cache::builder().max_capacity(answers_max).time_to_live(ttl).build()) }
    }

    /// The answer to `key`: kept, or of the request in flight, or of `ask`. The request goes on while anybody waits for
    /// it, and is dropped (and so cancelled at IB) with the last of them.
    ///
    /// A joined request has the deadline of the caller who began it; when that was the shorter one, this caller asks anew.
    pub async fn get<F>(&self, key: String, ask: impl Fn() -> F) -> Result<Arc<T>, Fault>
    where
        F: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        if let Some(kept) = &self.kept
            && let Some(answer) = kept.get(&key).await
        {
            return Ok(answer);
        }
        let answer = loop {
            match self.join(&key, &ask) {
                Flown::Begun(flight) => break flight.await?,
                // Its end is of its beginner's deadline; ours is kept by who asked us. Each turn has another beginner.
                Flown::Joined(flight) => match flight.await {
                    Err(fault) if matches!(fault.code, FaultCode::Timeout | FaultCode::Pacing | FaultCode::Cancelled) => {}
                    answer => break answer?,
                },
            }
        };
        if let Some(kept) = &self.kept {
            kept.insert(key, Arc::clone(&answer)).await;
        }
        Ok(answer)
    }

    fn join<F>(&self, key: &str, ask: &impl Fn() -> F) -> Flown<T>
    where
        F: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // A finished flight that somebody still holds must not answer a later request for live data.
        if let Some(flight) = flights.get(key).and_then(WeakShared::upgrade)
            && flight.peek().is_none()
        {
            return Flown::Joined(flight);
        }
        if flights.len() >= FLIGHTS_MAX {
            flights.retain(|_, flight| flight.upgrade().is_some());
        }
        let asked = ask();
        let flight = async move { asked.await.map(Arc::new) }.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(key.to_owned(), weak);
        }
        Flown::Begun(flight)
    }

    /// Forgets everything kept.
    pub fn forget(&self) {
        if let Some(kept) = &self.kept {
            kept.invalidate_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn callers_at_once_share_one_request_and_later_ones_ask_again() {
        let coalesced = Coalesced::<u32>::in_flight();
        let asked = Arc::new(AtomicU32::new(0));
        let ask = || {
            let asked = Arc::clone(&asked);
            move || {
                let asked = Arc::clone(&asked);
                async move {
                    tokio::task::yield_now().await;
                    Ok(asked.fetch_add(1, Ordering::SeqCst))
                }
            }
        };
        let (a, b) = tokio::join!(coalesced.get("k".to_owned(), ask()), coalesced.get("k".to_owned(), ask()));
        assert_eq!((*a.expect("a"), *b.expect("b")), (0, 0));
        assert_eq!(*coalesced.get("k".to_owned(), ask()).await.expect("again"), 1);
    }

    #[tokio::test]
    async fn a_caller_with_more_time_is_not_ended_by_one_with_less() {
        let coalesced = Coalesced::<u32>::in_flight();
        let hurried = coalesced.get("k".to_owned(), || async {
            tokio::task::yield_now().await;
            Err(Fault::new(FaultCode::Timeout, "short"))
        });
        let patient = coalesced.get("k".to_owned(), || async { Ok(7) });
        let (hurried, patient) = tokio::join!(hurried, patient);
        assert_eq!(hurried.expect_err("its own deadline").code, FaultCode::Timeout);
        assert_eq!(*patient.expect("asked anew"), 7);
    }

    #[tokio::test]
    async fn answers_are_kept_and_faults_are_not() {
        let coalesced = Coalesced::<u32>::kept_for(Duration::from_secs(60));
        let fault = coalesced.get("k".to_owned(), || async { Err(Fault::new(schemas::FaultCode::Timeout, "slow")) }).await;
        assert!(fault.is_err());
        assert_eq!(*coalesced.get("k".to_owned(), || async { Ok(1) }).await.expect("asked"), 1);
        assert_eq!(*coalesced.get("k".to_owned(), || async { Ok(2) }).await.expect("kept"), 1);
    }
}
