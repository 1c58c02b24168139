//! One contract's quote and Greeks: a line that is read until they are there.
//!
//! Snapshots of IB's take 11 seconds and have no Greeks where data is delayed, so each contract is streamed and then
//! cancelled. Callers who want the same contract at the same time share one reading, each with a deadline of its own;
//! what was read is remembered for as long as a caller may accept it. Invariant: a line is cancelled when its contract is
//! read, refused, out of time, or nobody waits for it any more.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use ib_link::{LineRequest, Link, Quote};
use moka::sync::Cache;
use schemas::{
    Fault, FaultCode,
    context::DataType,
    contracts::Contract,
    options::{Chain, MAX_AGE_MS_MAX, MissingWhat},
};
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Open interest, with an option's quote.
const GENERIC_TICKS: [u16; 1] = [101];
/// After the subscription: IB computes live Greeks within a second or two, delayed ones take twice that.
const LIVE_MAX: Duration = Duration::from_secs(4);
const DELAYED_MAX: Duration = Duration::from_secs(8);
/// Once there are Greeks and a price, what has not come by then (a bid that nobody makes) is not waited for.
const SETTLE: Duration = Duration::from_millis(300);
/// Nobody waits longer for a contract than for a chain.
const READING_MAX: Duration = Duration::from_millis(<Chain as schemas::Operation>::DEADLINE_MS);
/// Contracts that are remembered.
const REMEMBERED_MAX: u64 = 4_096;
/// IB's 101: somebody else of this login has the lines. Tried again so often, a second apart.
pub(crate) const LINE_TRIES_MAX: u32 = 5;
pub(crate) const LINE_PAUSE: Duration = Duration::from_secs(1);
/// IB's "max tickers".
pub(crate) const NO_LINE: i32 = 101;
/// IB's "no security definition".
const NO_CONTRACT: i32 = 200;

/// What was read of a contract.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) quote: Arc<Quote>,
    /// When it was complete, or its time was over.
    pub(crate) read_at: Instant,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lack {
    pub(crate) what: MissingWhat,
    pub(crate) reason: Option<String>,
    pub(crate) fault: Fault,
}

/// A contract where it is traded: the same one on SMART and on one exchange has other quotes.
type Key = (i32, String);

/// How far a reading is.
#[derive(Debug, Clone, Default)]
struct Progress {
    quote: Option<Arc<Quote>>,
    /// Once it is over: complete or out of time, or why it failed.
    ended: Option<Result<(), Fault>>,
}

/// A reading under way. The guard ends it with the last who waits.
#[derive(Debug)]
struct Entry {
    progress: watch::Receiver<Progress>,
    waiting: Weak<DropGuard>,
}

type Readings = Arc<Mutex<HashMap<Key, Entry>>>;

#[derive(Debug)]
pub(crate) struct Snapshots {
    link: Link,
    readings: Readings,
    remembered: Cache<Key, Snapshot>,
    /// Lines that contracts may have, so that a question about another underlying's price need not queue behind them.
    places: Arc<Semaphore>,
}

impl Snapshots {
    /// Contracts get at most `lines_max` lines at the same time.
    pub(crate) fn new(link: Link, lines_max: usize) -> Self {
        let remembered = Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(Duration::from_millis(MAX_AGE_MS_MAX)).build();
        Self { link, readings: Arc::default(), remembered, places: Arc::new(Semaphore::new(lines_max.max(1))) }
    }

    /// What is remembered and young enough.
    pub(crate) fn remembered(&self, contract: &Contract, max_age: Duration) -> Option<Snapshot> {
        self.remembered.get(&key(contract)).filter(|snapshot| snapshot.read_at.elapsed() <= max_age)
    }

    /// A fault is the session's: nothing else can be read either. At `deadline` what has come by then.
    pub(crate) async fn read(&self, contract: &Contract, max_age: Duration, deadline: Instant) -> Result<Result<Snapshot, Lack>, Fault> {
        if let Some(snapshot) = self.remembered(contract, max_age) {
            return Ok(Ok(snapshot));
        }
        let (mut progress, _waiting) = self.join(contract);
        // Over or not: what there is now is the answer.
        drop(timeout_at(deadline, progress.wait_for(|progress| progress.ended.is_some())).await);
        let Progress { quote, ended } = progress.borrow().clone();
        match (ended, quote) {
            (Some(Err(fault)), _) => lack(fault).map(Err),
            (Some(Ok(())), Some(quote)) => Ok(Ok(Snapshot { quote, read_at: Instant::now() })),
            (None, Some(quote)) if has_price(&quote) => Ok(Ok(Snapshot { quote, read_at: Instant::now() })),
            _ => Ok(Err(out_of_time())),
        }
    }

    fn join(&self, contract: &Contract) -> (watch::Receiver<Progress>, Arc<DropGuard>) {
        let mut readings = lock(&self.readings);
        if let Some(entry) = readings.get(&key(contract))
            && let Some(waiting) = entry.waiting.upgrade()
            && entry.progress.borrow().ended.is_none()
        {
            return (entry.progress.clone(), waiting);
        }
        let (tell, progress) = watch::channel(Progress::default());
        let end = CancellationToken::new();
        let waiting = Arc::new(end.clone().drop_guard());
        readings.insert(key(contract), Entry { progress: progress.clone(), waiting: Arc::downgrade(&waiting) });
        let reader = Reader {
            link: self.link.clone(),
            request: LineRequest { contract: contract.clone(), generic_ticks: GENERIC_TICKS.to_vec() },
            readings: Arc::clone(&self.readings),
            remembered: self.remembered.clone(),
            places: Arc::clone(&self.places),
            tell,
        };
        tokio::spawn(async move {
            tokio::select! {
                () = end.cancelled() => {}
                () = reader.run() => {}
            }
        });
        (progress, waiting)
    }
}

fn key(contract: &Contract) -> Key {
    (contract.conid, contract.exchange.clone())
}

fn lock(readings: &Readings) -> MutexGuard<'_, HashMap<Key, Entry>> {
    readings.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What of a fault concerns one contract alone; the rest is everybody's.
fn lack(fault: Fault) -> Result<Lack, Fault> {
    let what = match (fault.code, fault.ib_code) {
        (_, Some(NO_LINE)) => MissingWhat::Line,
        (_, Some(NO_CONTRACT)) => MissingWhat::Contract,
        (FaultCode::NotSubscribed | FaultCode::NoPermission, _) => MissingWhat::Subscription,
        (FaultCode::GatewayDown | FaultCode::UpstreamLost | FaultCode::Cancelled, _) => return Err(fault),
        (FaultCode::Timeout | FaultCode::Pacing | FaultCode::Busy, _) => MissingWhat::Time,
        _ => MissingWhat::Refused,
    };
    Ok(Lack { what, reason: fault.ib_message.clone(), fault })
}

fn out_of_time() -> Lack {
    let fault = Fault::new(FaultCode::Timeout, "the contract's turn did not come in time");
    Lack { what: MissingWhat::Time, reason: None, fault }
}

/// The task behind one reading.
struct Reader {
    link: Link,
    request: LineRequest,
    readings: Readings,
    remembered: Cache<Key, Snapshot>,
    places: Arc<Semaphore>,
    tell: watch::Sender<Progress>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut readings = lock(&self.readings);
        let key = key(&self.request.contract);
        // Another may have begun since nobody waited for this one.
        if readings.get(&key).is_some_and(|entry| entry.progress.same_channel(&self.tell.subscribe())) {
            readings.remove(&key);
        }
    }
}

impl Reader {
    async fn run(self) {
        let deadline = Instant::now() + READING_MAX;
        let ended = self.read_again(deadline).await;
        if let (Ok(()), Some(quote)) = (&ended, self.tell.borrow().quote.clone())
            && has_greeks(&quote)
        {
            self.remembered.insert(key(&self.request.contract), Snapshot { quote, read_at: Instant::now() });
        }
        self.tell.send_modify(|progress| progress.ended = Some(ended));
    }

    async fn read_again(&self, deadline: Instant) -> Result<(), Fault> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.read(deadline).await {
                Err(fault) if fault.ib_code == Some(NO_LINE) && tries < LINE_TRIES_MAX => {
                    // Time itself is meant: nothing announces that another program has given a line back.
                    sleep_until(Instant::now() + LINE_PAUSE).await;
                }
                ended => return ended,
            }
        }
    }

    /// Until the quote and its Greeks are there, or the contract's time is over.
    async fn read(&self, deadline: Instant) -> Result<(), Fault> {
        let _place = self.places.acquire().await.map_err(|_| out_of_time().fault)?;
        let mut line = self.link.line(&self.request, deadline).await?;
        let begun = Instant::now();
        let mut settle_by = None::<Instant>;
        loop {
            let until = begun + longest(line.quote());
            match line.changed(settle_by.map_or(until, |settle| settle.min(until))).await {
                Ok(()) => {
                    let quote = line.quote();
                    self.tell.send_modify(|progress| progress.quote = Some(Arc::new(quote.clone())));
                    if has_all(quote) {
                        return Ok(());
                    }
                    if has_greeks(quote) && has_price(quote) {
                        settle_by.get_or_insert_with(|| Instant::now() + SETTLE);
                    }
                }
                // The type may have been told since: delayed values have more time.
                Err(fault) if fault.code == FaultCode::Timeout => {
                    if settle_by.is_some() || Instant::now() >= begun + longest(line.quote()) {
                        self.tell.send_modify(|progress| progress.quote = Some(Arc::new(line.quote().clone())));
                        return Ok(());
                    }
                }
                Err(fault) => return Err(fault),
            }
        }
    }
}

const fn longest(quote: &Quote) -> Duration {
    if matches!(quote.data_type, DataType::Delayed | DataType::DelayedFrozen) { DELAYED_MAX } else { LIVE_MAX }
}

/// IB's own.
pub(crate) fn has_greeks(quote: &Quote) -> bool {
    quote.greeks.model.as_ref().is_some_and(|greeks| greeks.iv.is_some() && greeks.delta.is_some())
}

pub(crate) fn has_price(quote: &Quote) -> bool {
    quote.bid.is_some() || quote.ask.is_some() || quote.last.is_some() || quote.close.is_some()
}

fn has_all(quote: &Quote) -> bool {
    let open_interest = quote.call_open_interest.is_some() || quote.put_open_interest.is_some();
    has_greeks(quote) && quote.bid.is_some() && quote.ask.is_some() && open_interest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_contract_lacks_and_what_ends_all_of_them() {
        let told = |code, ib_code: Option<i32>| {
            let fault = Fault::new(code, "said");
            lack(match ib_code {
                Some(ib_code) => fault.ib(ib_code, "IB's words"),
                None => fault,
            })
        };
        for (code, ib_code, what) in [
            (FaultCode::Busy, Some(NO_LINE), MissingWhat::Line),
            (FaultCode::NotFound, Some(NO_CONTRACT), MissingWhat::Contract),
            (FaultCode::NotSubscribed, Some(354), MissingWhat::Subscription),
            (FaultCode::NoPermission, None, MissingWhat::Subscription),
            (FaultCode::Timeout, None, MissingWhat::Time),
            (FaultCode::Pacing, Some(100), MissingWhat::Time),
            (FaultCode::Busy, None, MissingWhat::Time),
            (FaultCode::Rejected, Some(300), MissingWhat::Refused),
            // An answer that this release does not know is that contract's alone.
            (FaultCode::Internal, Some(10_225), MissingWhat::Refused),
        ] {
            let lack = told(code, ib_code).expect("one contract's");
            assert_eq!((lack.what, lack.reason.is_some()), (what, ib_code.is_some()), "{code:?}");
        }
        for code in [FaultCode::GatewayDown, FaultCode::UpstreamLost, FaultCode::Cancelled] {
            assert_eq!(told(code, None).expect_err("everybody's").code, code);
        }
    }
}
