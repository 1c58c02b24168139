//! What every request of this service shares.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use ib_link::Link;
use ib_service::{Base, Coalesced, Hours, Lenders, Reference};
use jiff::civil::Date;
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
/// Dates whose contracts are kept: one of SPX has some two thousand.
const SERIES_MAX: u64 = 256;
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
    lenders: Lenders,
}

/// Told how far a request is.
pub(crate) type Tell<'a> = &'a (dyn Fn(usize, usize) + Sync);

impl Desk {
    pub(crate) fn new(base: &Base, model: Model) -> Self {
        let link = &base.link;
        Self {
            reference: Arc::clone(&base.reference),
            spots: Spots::new(link.clone()),
            snapshots: Snapshots::new(link.clone()),
            discovered: Coalesced::kept_for_at_most(DAY, DISCOVERED_MAX),
            series: Coalesced::kept_for_at_most(DAY, SERIES_MAX),
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
            async move { series::find(&link, &query, conid, date, deadline).await }
        };
        let found = self.series.get(key, ask).await?;
        if found.is_empty() { Err(self.no_such_date(underlying, date, exchange, deadline).await) } else { Ok(found) }
    }

    async fn no_such_date(&self, underlying: &Underlying, date: Date, exchange: Option<&str>, deadline: Instant) -> Fault {
        let symbol = underlying.symbol();
        let place = exchange.map(|exchange| format!(" on {exchange}")).unwrap_or_default();
        let mut fault = Fault::new(FaultCode::NotFound, format!("no option on {symbol} expires on {date}{place}"));
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

    /// Reads contracts in their order, [`BATCH`] at a time. A fault is the session's, or one that all contracts share.
    pub(crate) async fn read(&self, contracts: &[&Listed], how: &How, tell: Tell<'_>) -> Result<Vec<Read>, Fault> {
        let (read, ()) = tokio::join!(self.read_all(contracts, how, tell), self.borrow(contracts, how));
        read
    }

    /// A chain needs its messages at once; what others of the login do not use in this second may be used here.
    async fn borrow(&self, contracts: &[&Listed], how: &How) {
        let unknown = contracts.iter().filter(|listed| self.snapshots.remembered(listed.contract.conid, how.max_age).is_none()).count();
        let wanted = u32::try_from(unknown.min(BATCH)).unwrap_or(u32::MAX).saturating_sub(self.link.free_messages());
        if wanted > 0 {
            let lent = self.lenders.borrow(wanted, BORROW_MAX).await;
            tracing::debug!(wanted, lent, "messages were borrowed for a chain");
        }
    }

    async fn read_all(&self, contracts: &[&Listed], how: &How, tell: Tell<'_>) -> Result<Vec<Read>, Fault> {
        let (mut waiting, mut running) = (contracts.iter(), FuturesUnordered::new());
        let (mut done, mut seen, mut refused) = (Vec::with_capacity(contracts.len()), 0, 0);
        tell(0, contracts.len());
        loop {
            // The first in their order take the first lines.
            while running.len() < BATCH
                && let Some(listed) = waiting.next()
            {
                running.push(self.read_one(listed, how));
            }
            let Some(read) = running.next().await else { return Ok(done) };
            let read = read?;
            match &read.outcome {
                Ok(_) => seen += 1,
                Err(lack) if lack.what == MissingWhat::Subscription => {
                    refused += 1;
                    if seen == 0 && refused >= REFUSED_MAX.min(contracts.len()) {
                        return Err(lack.fault.clone());
                    }
                }
                Err(_) => {}
            }
            done.push(read);
            tell(done.len(), contracts.len());
        }
    }

    async fn read_one(&self, listed: &Listed, how: &How) -> Result<Read, Fault> {
        let outcome = self.snapshots.read(&listed.contract, how.max_age, how.deadline).await?;
        Ok(Read::of(listed, outcome, how.wanted))
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
