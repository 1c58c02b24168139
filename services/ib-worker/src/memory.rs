//! The last answer of a question that many ask: taken anew when it is asked, told from memory while IB is away.
//!
//! Invariant: what is told as fresh was asked after the caller came or at most [`FRESH`] before; what is told of another
//! login is nothing.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ib_link::{Link, STALE_MAX_MS};
use ib_service::Coalesced;
use jiff::Timestamp;
use schemas::{Fault, FaultCode};
use tokio::time::Instant;

/// Several callers within this share one request to IB.
const FRESH: Duration = Duration::from_secs(1);

/// What IB said, and when.
#[derive(Debug, Clone)]
pub(crate) struct Remembered<T> {
    pub(crate) rows: Arc<T>,
    pub(crate) asked_at: Timestamp,
    pub(crate) stale: bool,
}

#[derive(Debug)]
struct Last<T> {
    rows: Arc<T>,
    asked_at: Timestamp,
    at: Instant,
    accounts: Vec<String>,
}

/// One question's memory.
#[derive(Debug)]
pub(crate) struct Memory<T: Send + Sync + 'static> {
    last: Mutex<Option<Last<T>>>,
    flights: Coalesced<T>,
}

impl<T: Send + Sync + 'static> Default for Memory<T> {
    fn default() -> Self {
        Self { last: Mutex::default(), flights: Coalesced::in_flight() }
    }
}

impl<T: Send + Sync + std::fmt::Debug + 'static> Memory<T> {
    /// The answer of the last second, else of `ask`, else, while IB is away, the last one for a quarter of an hour.
    pub(crate) async fn get<F>(&self, link: &Link, ask: impl Fn() -> F) -> Result<Remembered<T>, Fault>
    where
        F: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        let accounts = link.state().borrow().accounts.clone();
        if let Some(told) = self.told(&accounts, |last, _| last.at.elapsed() < FRESH && link.state().borrow().ready(), false) {
            return Ok(told);
        }
        let asked_at = service::clock::now();
        match self.flights.get("one".to_owned(), ask).await {
            Ok(rows) => {
                let last = Last { rows: Arc::clone(&rows), asked_at, at: Instant::now(), accounts };
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
                Ok(Remembered { rows, asked_at, stale: false })
            }
            Err(fault) if is_away(&fault) => {
                let young = |last: &Last<T>, now: Timestamp| now.as_millisecond() - last.asked_at.as_millisecond() <= STALE_MAX_MS;
                self.told(&accounts, young, true).ok_or(fault)
            }
            Err(fault) => Err(fault),
        }
    }

    fn told(&self, accounts: &[String], fits: impl Fn(&Last<T>, Timestamp) -> bool, stale: bool) -> Option<Remembered<T>> {
        let now = service::clock::now();
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.as_ref().filter(|last| last.accounts == accounts && fits(last, now))?;
        Some(Remembered { rows: Arc::clone(&last.rows), asked_at: last.asked_at, stale })
    }
}

/// IB cannot be asked, which is no answer to the question.
fn is_away(fault: &Fault) -> bool {
    matches!(fault.code, FaultCode::GatewayDown | FaultCode::GatewayLoggedOut | FaultCode::UpstreamLost)
}
