//! What every request of this service shares.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};
use ib_link::Link;
use ib_service::{Base, Coalesced, Hours, Lenders, Reference};
use jiff::civil::Date;
use moka::sync::Cache;
use schemas::{
    Fault, FaultCode,
    contracts::ContractQuery,
    options::{MissingWhat, Prefer},
};
use tokio::time::Instant;

use crate::{
    calendar, dates,
    discovery::Discovered,
    pricing::Model,
    read::Read,
    series::{self, Listed, Series},
    snapshot::Snapshots,
    spot::Spots,
    underlying::{self, Underlying},
};

/// Lists of one roll day; their key changes with it.
const DAY: Duration = Duration::from_secs(86_400);
/// Underlyings whose lists are kept.
const DISCOVERED_MAX: u64 = 512;
/// Dates whose contracts are kept: one of a big stock has some hundred contracts, one of SPX some two thousand.
const SERIES_MAX: u64 = 96;
/// A date of which IB knows no contract is asked about again after this: its lists may have been away, or new.
const ABSENT_TTL: Duration = Duration::from_secs(600);
const ABSENT_MAX: u64 = 1_024;
/// Lines that contracts leave to the underlyings' prices.
const SPOT_LINES: usize = 4;
/// A caller who pages on does so within minutes; the pages are laid around one price.
const ANCHOR_TTL: Duration = Duration::from_secs(300);
const ANCHORS_MAX: u64 = 4_096;
/// Lines that one request holds at the same time: a third of the usual budget is left for others.
const BATCH: usize = 40;
/// Contracts of a chain that are refused for want of a subscription, with none seen, before the rest is not tried.
const REFUSED_MAX: usize = 4;
/// Others are asked for messages of this second; what they lend later is of no use.
const BORROW_MAX: Duration = Duration::from_millis(100);
/// What is left of a caller's time for the answer itself: a tenth, half a second at most.
const ANSWER_MAX: Duration = Duration::from_millis(500);
/// Expirations that a fault names.
const NAMED_MAX: usize = 6;

#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) link: Link,
    pub(crate) reference: Arc<Reference>,
    pub(crate) spots: Spots,
    pub(crate) snapshots: Snapshots,
    pub(crate) discovered: Coalesced<Discovered>,
    pub(crate) model: Model,
    series: Coalesced<Vec<Series>>,
    absent: Cache<String, ()>,
    anchors: Cache<String, f64>,
    lenders: Lenders,
}

impl Desk {
    /// `lines_max` as the link has it.
    pub(crate) fn new(base: &Base, model: Model, lines_max: usize) -> Self {
        let link = &base.link;
        Self {
            reference: Arc::clone(&base.reference),
            spots: Spots::new(link.clone()),
            snapshots: Snapshots::new(link.clone(), lines_max.saturating_sub(SPOT_LINES)),
            discovered: Coalesced::kept_for_at_most(DAY, DISCOVERED_MAX),
            series: Coalesced::kept_for_at_most(DAY, SERIES_MAX),
            absent: Cache::builder().max_capacity(ABSENT_MAX).time_to_live(ABSENT_TTL).build(),
            anchors: Cache::builder().max_capacity(ANCHORS_MAX).time_to_live(ANCHOR_TTL).build(),
            link: link.clone(),
            model,
            lenders: base.lenders.clone(),
        }
    }

    /// When work must end, so that the answer arrives in time.
    pub(crate) fn answer_by(deadline: Instant) -> Instant {
        let left = deadline.saturating_duration_since(Instant::now());
        deadline - ANSWER_MAX.min(left / 10)
    }

    pub(crate) async fn underlying(&self, query: &ContractQuery, deadline: Instant) -> Result<Underlying, Fault> {
        self.underlying_preferring(Prefer::Stock, query, deadline).await
    }

    pub(crate) async fn underlying_preferring(
        &self,
        prefer: Prefer,
        query: &ContractQuery,
        deadline: Instant,
    ) -> Result<Underlying, Fault> {
        underlying::find(&self.reference, query, prefer, deadline).await
    }

    /// A caller's expiration, checked without IB.
    pub(crate) fn expiration(&self, text: &str) -> Result<Date, Fault> {
        dates::expiration(text, calendar::today(self.reference.now(), calendar::NEW_YORK))
    }

    /// Every series of one date, or the fault that names the dates there are.
    pub(crate) async fn series(
        &self,
        underlying: &Underlying,
        date: Date,
        exchange: Option<&str>,
        deadline: Instant,
    ) -> Result<Arc<Vec<Series>>, Fault> {
        let query = series::query(&underlying.resolved, underlying.kind, date, exchange);
        let key = format!(
            "{} {date} {} {}",
            underlying.conid(),
            query.exchange.as_deref().unwrap_or_default(),
            calendar::roll_day(self.reference.now())
        );
        let ask = || {
            let (link, query, conid) = (self.link.clone(), query.clone(), underlying.conid());
            async move {
                let found = series::find(&link, &query, conid, date, deadline).await?;
                // No answer to keep for a day.
                if found.is_empty() { Err(Fault::new(FaultCode::NotFound, "no contract of this date")) } else { Ok(found) }
            }
        };
        if !self.absent.contains_key(&key) {
            match self.series.get(key.clone(), ask).await {
                Err(fault) if fault.code == FaultCode::NotFound => self.absent.insert(key, ()),
                found => return found,
            }
        }
        Err(self.no_such_date(underlying, date, exchange, deadline).await)
    }

    async fn no_such_date(&self, underlying: &Underlying, date: Date, exchange: Option<&str>, deadline: Instant) -> Fault {
        let symbol = underlying.symbol();
        let place = exchange.map(|exchange| format!(" on {exchange}")).unwrap_or_default();
        let mut fault = Fault::new(FaultCode::NotFound, format!("no option on {symbol} expires on {date}{place}"));
        if exchange.is_some() {
            // The date may well be listed elsewhere.
            fault.field = Some("exchange".to_owned());
            return fault.hint("leave `exchange` out for IB's router, which has the options of every exchange");
        }
        fault.field = Some("expiration".to_owned());
        let Ok(discovered) = self.discover(underlying, deadline).await else {
            return fault.hint(format!("options.expirations (get_option_chain symbol={symbol}) lists the expirations"));
        };
        let hours = Hours::of(&underlying.resolved.details);
        let mut dates = discovered.expirations(None, hours.as_ref(), self.reference.now());
        dates.sort_by_key(|own| (distance(*own, date), *own));
        dates.truncate(NAMED_MAX);
        dates.sort_unstable();
        let named: Vec<String> = dates.iter().map(Date::to_string).collect();
        fault
            .hint(format!("the nearest are {}; options.expirations (get_option_chain symbol={symbol}) lists all", named.join(", ")))
            .allowed(named)
    }

    /// Reads contracts in their order, [`BATCH`] at a time. A fault is the session's, or one that all contracts of the
    /// request share.
    pub(crate) async fn read(&self, contracts: &[&Listed], how: &How, tally: &Tally<'_>) -> Result<Vec<Read>, Fault> {
        // Counted before the first of them is sent: what is on its way needs no messages of others.
        let unknown = contracts.iter().filter(|listed| self.snapshots.remembered(&listed.contract, how.max_age).is_none()).count();
        let wanted = u32::try_from(unknown.min(BATCH)).unwrap_or(u32::MAX).saturating_sub(self.link.free_messages());
        tally.will_read(contracts.len());
        let (read, ()) = tokio::join!(self.read_all(contracts, how, tally), self.borrow(wanted));
        read
    }

    /// A chain needs its messages at once; what others of the login do not use in this second may be used here.
    async fn borrow(&self, wanted: u32) {
        if wanted > 0 {
            let lent = self.lenders.borrow(wanted, BORROW_MAX).await;
            tracing::debug!(wanted, lent, "messages were borrowed for a chain");
        }
    }

    async fn read_all(&self, contracts: &[&Listed], how: &How, tally: &Tally<'_>) -> Result<Vec<Read>, Fault> {
        let (mut waiting, mut running) = (contracts.iter(), FuturesUnordered::new());
        let mut done = Vec::with_capacity(contracts.len());
        loop {
            // The first in their order take the first lines. Where all that was heard are refusals, no more are begun
            // until one of those under way tells otherwise.
            while running.len() < BATCH
                && (!tally.only_refused() || running.is_empty())
                && let Some(listed) = waiting.next()
            {
                if tally.only_refused()
                    && let Some(fault) = tally.refusal()
                {
                    return Err(fault);
                }
                running.push(self.read_one(listed, how));
            }
            let Some(read) = running.next().await else { break };
            let read = read?;
            tally.count(&read);
            done.push(read);
        }
        match tally.refusal() {
            Some(fault) if tally.only_refused() => Err(fault),
            _ => Ok(done),
        }
    }

    async fn read_one(&self, listed: &Listed, how: &How) -> Result<Read, Fault> {
        let outcome = self.snapshots.read(&listed.contract, how.max_age, how.deadline).await?;
        Ok(Read::of(listed, outcome, how.wanted))
    }

    /// The price that a window's first page was laid around; later pages are laid around the same, or contracts would
    /// come twice and others never.
    pub(crate) fn anchor(&self, window: &str, first_page: bool, now: f64) -> f64 {
        match self.anchors.get(window) {
            Some(anchor) if !first_page => anchor,
            _ => {
                self.anchors.insert(window.to_owned(), now);
                now
            }
        }
    }
}

/// What has become of one request's contracts, over all the rounds in which they are read.
pub(crate) struct Tally<'a> {
    tell: &'a (dyn Fn(usize, usize) + Sync),
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    asked: usize,
    done: usize,
    seen: usize,
    refused: usize,
    refusal: Option<Fault>,
}

impl<'a> Tally<'a> {
    /// `tell` hears how many contracts are read, and of how many.
    pub(crate) fn new(tell: &'a (dyn Fn(usize, usize) + Sync)) -> Self {
        Self { tell, counts: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn will_read(&self, contracts: usize) {
        let mut counts = self.lock();
        counts.asked += contracts;
        (self.tell)(counts.done, counts.asked);
    }

    fn count(&self, read: &Read) {
        let mut counts = self.lock();
        counts.done += 1;
        match &read.outcome {
            Ok(_) => counts.seen += 1,
            Err(lack) if lack.what == MissingWhat::Subscription => {
                counts.refused += 1;
                counts.refusal = Some(lack.fault.clone());
            }
            Err(_) => {}
        }
        (self.tell)(counts.done, counts.asked);
    }

    /// Nothing was seen, and enough was refused to expect no better of the rest.
    fn only_refused(&self) -> bool {
        let counts = self.lock();
        counts.seen == 0 && counts.refused > 0 && counts.refused >= REFUSED_MAX.min(counts.asked)
    }

    fn refusal(&self) -> Option<Fault> {
        self.lock().refusal.clone()
    }
}

/// How contracts are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    pub(crate) max_age: Duration,
    pub(crate) wanted: schemas::options::DataWanted,
    pub(crate) deadline: Instant,
}

fn distance(a: Date, b: Date) -> u32 {
    a.until(b).map_or(u32::MAX, |span| span.get_days().unsigned_abs())
}
