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

/// An answer, of the moment at which it was asked for: what happened later may be missing in it.
#[derive(Debug)]
struct Last<T> {
    rows: Arc<T>,
    asked_at: Timestamp,
    at: Instant,
    accounts: Vec<String>,
}

/// What the link is connected to.
#[derive(Debug)]
struct Login {
    ready: bool,
    accounts: Vec<String>,
}

/// One question's memory.
#[derive(Debug)]
pub(crate) struct Memory<T: Send + Sync + 'static> {
    last: Mutex<Option<Arc<Last<T>>>>,
    flights: Coalesced<Last<T>>,
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
        let login = || {
            let state = link.state();
            let state = state.borrow();
            Login { ready: state.ready(), accounts: state.accounts.clone() }
        };
        self.get_of(login, ask).await
    }

    async fn get_of<F>(&self, login: impl Fn() -> Login, ask: impl Fn() -> F) -> Result<Remembered<T>, Fault>
    where
        F: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        let Login { ready, accounts } = login();
        if let Some(told) = self.told(&accounts, |last, _| ready && last.at.elapsed() < FRESH, false) {
            return Ok(told);
        }
        let came = Instant::now();
        let begin = || {
            let (asked_at, at, accounts, asked) = (service::clock::now(), Instant::now(), login().accounts, ask());
            async move { Ok(Last { rows: Arc::new(asked.await?), asked_at, at, accounts }) }
        };
        let mut answer = self.flights.get("one".to_owned(), &begin).await;
        if let Ok(last) = &answer
            && came.saturating_duration_since(last.at) > FRESH
        {
            // A slow request of somebody else's: it does not know what the caller did before this question.
            self.keep(last);
            answer = self.flights.get("one".to_owned(), &begin).await;
        }
        match answer {
            Ok(last) => {
                self.keep(&last);
                Ok(last.told(false))
            }
            Err(fault) if is_away(&fault) => {
                let young = |last: &Last<T>, now: Timestamp| now.as_millisecond() - last.asked_at.as_millisecond() <= STALE_MAX_MS;
                self.told(&accounts, young, true).ok_or(fault)
            }
            Err(fault) => Err(fault),
        }
    }

    fn keep(&self, last: &Arc<Last<T>>) {
        let mut kept = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // Who shares an answer may come to keep it after the next one.
        if kept.as_ref().is_none_or(|kept| kept.at <= last.at) {
            *kept = Some(Arc::clone(last));
        }
    }

    fn told(&self, accounts: &[String], fits: impl Fn(&Last<T>, Timestamp) -> bool, stale: bool) -> Option<Remembered<T>> {
        let now = service::clock::now();
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.as_ref().filter(|last| last.accounts == accounts && fits(last, now))?;
        Some(last.told(stale))
    }
}

impl<T> Last<T> {
    fn told(&self, stale: bool) -> Remembered<T> {
        Remembered { rows: Arc::clone(&self.rows), asked_at: self.asked_at, stale }
    }
}

/// IB cannot be asked, which is no answer to the question.
fn is_away(fault: &Fault) -> bool {
    matches!(fault.code, FaultCode::GatewayDown | FaultCode::GatewayLoggedOut | FaultCode::UpstreamLost)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::timeout;

    use super::*;

    const SLOW: Duration = Duration::from_secs(5);

    async fn after(wait: Duration) {
        let _ = timeout(wait, std::future::pending::<()>()).await;
    }

    fn here() -> Login {
        Login { ready: true, accounts: vec!["DU1".to_owned()] }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_as_old_as_its_question() {
        let (memory, asked) = (Memory::<u32>::default(), AtomicU32::new(0));
        let slow = || {
            let number = asked.fetch_add(1, Ordering::SeqCst);
            async move {
                after(SLOW).await;
                Ok(number)
            }
        };
        let early = async {
            after(FRESH / 2).await;
            memory.get_of(here, slow).await
        };
        let late = async {
            after(FRESH * 2).await;
            memory.get_of(here, slow).await
        };
        let (first, early, late) = tokio::join!(memory.get_of(here, slow), early, late);
        let rows = |told: Result<Remembered<u32>, Fault>| *told.expect("told").rows;
        assert_eq!((rows(first), rows(early)), (0, 0), "they share a request");
        assert_eq!(rows(late), 1, "it was asked before what the caller did last");
        assert_eq!(rows(memory.get_of(here, slow).await), 2, "its answer took longer than it is fresh");
    }

    #[tokio::test(start_paused = true)]
    async fn while_ib_is_away_the_last_answer_is_told_of_the_same_login_only() {
        let memory = Memory::<u32>::default();
        let away = || async { Err(Fault::new(FaultCode::GatewayDown, "away")) };
        assert_eq!(memory.get_of(here, away).await.expect_err("nothing is known").code, FaultCode::GatewayDown);
        memory.get_of(here, || async { Ok(7) }).await.expect("told");
        let gone = || Login { ready: false, ..here() };
        let told = memory.get_of(gone, away).await.expect("from memory");
        assert_eq!((*told.rows, told.stale), (7, true));
        let another = || Login { ready: false, accounts: vec!["DU2".to_owned()] };
        assert_eq!(memory.get_of(another, away).await.expect_err("another login").code, FaultCode::GatewayDown);
    }
}
