//! One contract's quote and Greeks: a line that is read until they are there.
//!
//! Snapshots of IB's take 11 seconds and have no Greeks where data is delayed, so each contract is streamed and then
//! cancelled. Callers who want the same contract at the same time share one line; what was read is remembered for as
//! long as a caller may accept it. Invariant: a line is cancelled when its contract is read, refused, out of time, or
//! nobody waits for it any more.

use std::{sync::Arc, time::Duration};

use ib_link::{LineRequest, Link, Quote};
use ib_service::Coalesced;
use moka::sync::Cache;
use schemas::{
    Fault, FaultCode,
    context::DataType,
    contracts::Contract,
    options::{MAX_AGE_MS_MAX, MissingWhat},
};
use tokio::time::{Instant, sleep_until};

/// Open interest, with an option's quote.
const GENERIC_TICKS: [u16; 1] = [101];
/// After the subscription: IB computes live Greeks within a second or two, delayed ones take twice that.
const LIVE_MAX: Duration = Duration::from_secs(4);
const DELAYED_MAX: Duration = Duration::from_secs(8);
/// Once there are Greeks and a price, what has not come by then (a bid that nobody makes) is not waited for.
const SETTLE: Duration = Duration::from_millis(300);
/// Contracts that are remembered.
const REMEMBERED_MAX: u64 = 4_096;
/// IB's 101: somebody else of this login has the lines. Tried again so often, a second apart.
const LINE_TRIES_MAX: u32 = 5;
const LINE_PAUSE: Duration = Duration::from_secs(1);
/// IB's "max tickers".
const NO_LINE: i32 = 101;
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

#[derive(Debug)]
pub(crate) struct Snapshots {
    link: Link,
    flights: Coalesced<Result<Snapshot, Lack>>,
    remembered: Cache<i32, Snapshot>,
}

impl Snapshots {
    pub(crate) fn new(link: Link) -> Self {
        let remembered = Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(Duration::from_millis(MAX_AGE_MS_MAX)).build();
        Self { link, flights: Coalesced::in_flight(), remembered }
    }

    /// What is remembered and young enough.
    pub(crate) fn remembered(&self, conid: i32, max_age: Duration) -> Option<Snapshot> {
        self.remembered.get(&conid).filter(|snapshot| snapshot.read_at.elapsed() <= max_age)
    }

    /// A fault is the session's: nothing else can be read either.
    pub(crate) async fn read(&self, contract: &Contract, max_age: Duration, deadline: Instant) -> Result<Result<Snapshot, Lack>, Fault> {
        if let Some(snapshot) = self.remembered(contract.conid, max_age) {
            return Ok(Ok(snapshot));
        }
        let request = LineRequest { contract: contract.clone(), generic_ticks: GENERIC_TICKS.to_vec() };
        let ask = || {
            let (link, request) = (self.link.clone(), request.clone());
            async move { stream(&link, &request, deadline).await }
        };
        let read = self.flights.get(contract.conid.to_string(), ask).await?;
        if let Ok(snapshot) = &*read
            && has_greeks(&snapshot.quote)
        {
            self.remembered.insert(contract.conid, snapshot.clone());
        }
        Ok((*read).clone())
    }
}

async fn stream(link: &Link, request: &LineRequest, deadline: Instant) -> Result<Result<Snapshot, Lack>, Fault> {
    let mut tries = 0;
    loop {
        tries += 1;
        match read(link, request, deadline).await {
            Err(fault) if fault.ib_code == Some(NO_LINE) && tries < LINE_TRIES_MAX && Instant::now() + LINE_PAUSE < deadline => {
                // Time itself is meant: nothing announces that another program has given a line back.
                sleep_until(Instant::now() + LINE_PAUSE).await;
            }
            Err(fault) => return lack(fault).map(Err),
            Ok(snapshot) => return Ok(Ok(snapshot)),
        }
    }
}

/// What of a fault concerns one contract alone; the rest is everybody's.
fn lack(fault: Fault) -> Result<Lack, Fault> {
    let what = match (fault.code, fault.ib_code) {
        (_, Some(NO_LINE)) => MissingWhat::Line,
        (_, Some(NO_CONTRACT)) => MissingWhat::Contract,
        (FaultCode::NotSubscribed | FaultCode::NoPermission, _) => MissingWhat::Subscription,
        (FaultCode::GatewayDown | FaultCode::UpstreamLost | FaultCode::Cancelled | FaultCode::Internal, _) => return Err(fault),
        (FaultCode::Timeout | FaultCode::Pacing | FaultCode::Busy, _) => MissingWhat::Time,
        _ => MissingWhat::Refused,
    };
    Ok(Lack { what, reason: fault.ib_message.clone(), fault })
}

/// Until the quote and its Greeks are there, or the contract's time is over.
async fn read(link: &Link, request: &LineRequest, deadline: Instant) -> Result<Snapshot, Fault> {
    let mut line = link.line(request, deadline).await?;
    let begun = Instant::now();
    let mut settle_by = None::<Instant>;
    loop {
        let longest = if is_delayed(line.quote().data_type) { DELAYED_MAX } else { LIVE_MAX };
        let until = deadline.min(begun + longest);
        match line.changed(settle_by.map_or(until, |settle| settle.min(until))).await {
            Ok(()) if has_all(line.quote()) => break,
            Ok(()) if has_greeks(line.quote()) && has_price(line.quote()) => {
                settle_by.get_or_insert_with(|| Instant::now() + SETTLE);
            }
            Ok(()) => {}
            Err(fault) if fault.code == FaultCode::Timeout => {
                // The type may have been told since: delayed values have more time.
                let longest = if is_delayed(line.quote().data_type) { DELAYED_MAX } else { LIVE_MAX };
                if settle_by.is_some() || Instant::now() >= deadline.min(begun + longest) {
                    break;
                }
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(Snapshot { quote: Arc::new(line.quote().clone()), read_at: Instant::now() })
}

const fn is_delayed(data_type: DataType) -> bool {
    matches!(data_type, DataType::Delayed | DataType::DelayedFrozen)
}

/// IB's own.
pub(crate) fn has_greeks(quote: &Quote) -> bool {
    quote.greeks.model.as_ref().is_some_and(|greeks| greeks.iv.is_some() && greeks.delta.is_some())
}

pub(crate) fn has_price(quote: &Quote) -> bool {
    quote.bid.is_some() || quote.ask.is_some() || quote.last.is_some() || quote.close.is_some()
}

fn has_all(quote: &Quote) -> bool {
    has_greeks(quote) && quote.bid.is_some() && quote.ask.is_some()
}
