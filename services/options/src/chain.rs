//! `options.chain` and `options.quotes`: the contracts of one expiration with quotes and Greeks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bus::Request;
use ib_link::Quote;
use jiff::{SignedDuration, Timestamp};
use schemas::{
    Context, Fault, FaultCode, Num,
    context::DataType,
    options::{ChainParams, ChainReply, GreeksSource, Missing, MissingWhat, OptionRow, QuotesParams},
};
use tokio::time::Instant;

use crate::{
    checks,
    deltas::{DeltaSearch, Known, Step},
    desk::{Desk, How, Tell},
    read::Read,
    right::Right,
    rows::{Rows, lesser, middle, price},
    series::{self, Listed, Series},
    underlying::Underlying,
    window::{By, MAX_AGE_MS_DEFAULT, Page, Wanted, Window, select},
};

/// Waiting for a price of the underlying.
const SPOT_MAX: Duration = Duration::from_secs(4);
/// Strikes that a fault names.
const NAMED_MAX: usize = 6;

pub(crate) async fn chain(desk: Arc<Desk>, params: ChainParams, request: Request) -> Result<ChainReply, Fault> {
    let window = Window::of(&params)?;
    let date = desk.expiration(&params.expiration)?;
    let how =
        How { max_age: Duration::from_millis(window.max_age_ms), wanted: params.data_type, deadline: Desk::answer_by(request.deadline) };
    let underlying = desk.underlying(&params.contract, how.deadline).await?;
    let found = desk.series(&underlying, date, None, how.deadline).await?;
    let (series, other_classes) = series::choose(&found, underlying.symbol(), date, params.trading_class.as_deref())?;
    let spot = desk.spot(&underlying, &window, series, how.deadline).await?;
    let work = Work { desk: &desk, underlying: &underlying, series, spot, how };
    let (page, reads, unresolved) = work.window(&window, &request).await?;
    let mut reply = work.reply(&reads, Some(&page), other_classes);
    reply.missing.extend(unresolved.into_iter().map(|wanted| wanted.missing(MissingWhat::Greeks)));
    reply.complete = reply.missing.is_empty();
    Ok(reply)
}

pub(crate) async fn quotes(desk: Arc<Desk>, params: QuotesParams, request: Request) -> Result<ChainReply, Fault> {
    let (right, strikes) = checks::quotes(&params)?;
    let date = desk.expiration(&params.expiration)?;
    let how = How { max_age: age(params.max_age_ms), wanted: params.data_type, deadline: Desk::answer_by(request.deadline) };
    let underlying = desk.underlying(&params.contract, how.deadline).await?;
    let found = desk.series(&underlying, date, params.exchange.as_deref(), how.deadline).await?;
    let (series, other_classes) = series::choose(&found, underlying.symbol(), date, params.trading_class.as_deref())?;
    let (known, unknown): (Vec<Num>, Vec<Num>) = strikes.into_iter().partition(|strike| series.get(*strike, right).is_some());
    if known.is_empty() {
        return Err(no_such_strike(series, right, &unknown, "strikes"));
    }
    let listed: Vec<&Listed> = known.iter().filter_map(|strike| series.get(*strike, right)).collect();
    let reads = desk.read(&listed, &how, &tell(&request)).await?;
    let spot = desk.spot_for(&underlying, &reads, how.deadline).await;
    let work = Work { desk: &desk, underlying: &underlying, series, spot, how };
    let mut reply = work.reply(&reads, None, other_classes);
    reply.missing.extend(unknown.into_iter().map(|strike| Wanted { strike, right }.missing(MissingWhat::Contract)));
    reply.complete = reply.missing.is_empty();
    Ok(reply)
}

pub(crate) fn age(max_age_ms: Option<u64>) -> Duration {
    Duration::from_millis(max_age_ms.unwrap_or(MAX_AGE_MS_DEFAULT))
}

/// Tells the caller how many contracts of how many are read.
pub(crate) fn tell(request: &Request) -> impl Fn(usize, usize) + Sync + '_ {
    |done, total| {
        let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
        request.progress.tell(count(done), count(total), "contracts read");
    }
}

/// `tell` of a later round: what was read `before` stays done, and what the round asks for is added to the whole.
fn after(before: usize, tell: Tell<'_>) -> impl Fn(usize, usize) + Sync {
    move |done, total| tell(before + done, before + total)
}

/// The price that windows are laid around.
pub(crate) fn price_of(quote: &Quote) -> Option<Num> {
    quote.last.or_else(|| middle(quote)).or(quote.close)
}

/// Whether the price is one of now.
pub(crate) fn is_priced(quote: &Quote) -> bool {
    quote.last.is_some() || middle(quote).is_some()
}

impl Desk {
    /// The underlying's price. Without one, a window that strikes alone describe is laid around its own middle.
    async fn spot(
        &self,
        underlying: &Underlying,
        window: &Window,
        series: &Series,
        deadline: Instant,
    ) -> Result<Option<Arc<Quote>>, Fault> {
        let mut spot = self.spots.follow(&underlying.resolved.contract);
        let quote = spot.quote(deadline.min(Instant::now() + SPOT_MAX), is_priced).await;
        match quote {
            Ok(quote) if price_of(&quote).is_some() => Ok(Some(quote)),
            Err(fault) if matches!(fault.code, FaultCode::GatewayDown | FaultCode::UpstreamLost | FaultCode::Cancelled) => Err(fault),
            _ if middle_of(window, &series.strikes()).is_some() => Ok(None),
            Ok(_) => Err(Self::no_price(underlying, None)),
            Err(fault) => Err(Self::no_price(underlying, Some(fault))),
        }
    }

    fn no_price(underlying: &Underlying, fault: Option<Fault>) -> Fault {
        let symbol = underlying.symbol();
        let message = format!("nobody tells a price of {symbol}, so nothing says which strikes are near the money");
        let mut told = Fault::new(fault.as_ref().map_or(FaultCode::NotFound, |fault| fault.code), message);
        if let Some(fault) = fault {
            told.message = format!("{}: {}", told.message, fault.message);
            (told.ib_code, told.ib_message, told.retry_after_ms) = (fault.ib_code, fault.ib_message, fault.retry_after_ms);
        }
        told.hint("name the strikes yourself with min_strike and max_strike")
    }

    /// The underlying's price, where rows need it for Greeks of our own.
    pub(crate) async fn spot_for(&self, underlying: &Underlying, reads: &[Read], deadline: Instant) -> Option<Arc<Quote>> {
        let lacks = |read: &Read| read.outcome.as_ref().is_ok_and(|snapshot| snapshot.quote.greeks.model.is_none());
        if !reads.iter().any(lacks) {
            return None;
        }
        let mut spot = self.spots.follow(&underlying.resolved.contract);
        spot.quote(deadline.min(Instant::now() + SPOT_MAX), is_priced).await.ok()
    }
}

/// Where nobody tells a price: the middle of what the bounds let in.
fn middle_of(window: &Window, strikes: &[Num]) -> Option<f64> {
    let admitted: Vec<Num> = strikes.iter().copied().filter(|strike| window.bounds_admit(*strike)).collect();
    let bounded = window.by == By::Bounds;
    admitted.get(admitted.len() / 2).copied().filter(|_| bounded).map(Num::to_f64)
}

/// One request, once it is known what it is about.
pub(crate) struct Work<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) underlying: &'a Underlying,
    pub(crate) series: &'a Series,
    pub(crate) spot: Option<Arc<Quote>>,
    pub(crate) how: How,
}

impl Work<'_> {
    fn spot_price(&self) -> Option<f64> {
        self.spot.as_deref().and_then(price_of).map(Num::to_f64)
    }

    pub(crate) fn rows(&self) -> Rows<'_> {
        let market = self.desk.reference.market();
        Rows {
            series: self.series,
            model: self.desk.model,
            spot: self.spot_price(),
            now: self.desk.reference.now(),
            ahead: market.clock_ahead,
        }
    }

    /// The contracts of a window, outward from the money, what was read of this page's, and those of which nobody knows
    /// whether they are in it.
    async fn window(&self, window: &Window, request: &Request) -> Result<(Page, Vec<Read>, Vec<Wanted>), Fault> {
        let strikes = self.series.strikes();
        let money = self.spot_price().or_else(|| middle_of(window, &strikes)).unwrap_or_default();
        let tell = tell(request);
        let By::Deltas(range) = window.by else {
            let page = window.page(&self.existing(select(&strikes, money, window)));
            let reads = self.read(&page.contracts, &tell).await?;
            return Ok((page, reads, Vec::new()));
        };
        let mut search = DeltaSearch::new(&strikes, money, window, range);
        let mut known = Known::new();
        let mut reads: BTreeMap<Wanted, Read> = BTreeMap::new();
        let found = loop {
            match search.step(&known) {
                Step::Done(found) => break found,
                Step::Ask(wanted) => {
                    let rows = self.rows();
                    for read in self.read(&wanted, &after(reads.len(), &tell)).await? {
                        let delta = read.told(&rows).0.and_then(|row| row.delta);
                        known.insert(read.wanted(), delta);
                        reads.insert(read.wanted(), read);
                    }
                }
            }
        };
        let page = window.page(&self.existing(found));
        let unread: Vec<Wanted> = page.contracts.iter().filter(|wanted| !reads.contains_key(wanted)).copied().collect();
        let rest = self.read(&unread, &after(reads.len(), &tell)).await?;
        reads.extend(rest.into_iter().map(|read| (read.wanted(), read)));
        let reads = page.contracts.iter().filter_map(|wanted| reads.remove(wanted)).collect();
        Ok((page, reads, self.existing(search.unresolved(&known))))
    }

    /// Without combinations that are not listed: nobody waits for those.
    fn existing(&self, wanted: Vec<Wanted>) -> Vec<Wanted> {
        wanted.into_iter().filter(|wanted| self.series.get(wanted.strike, wanted.right).is_some()).collect()
    }

    async fn read(&self, wanted: &[Wanted], tell: Tell<'_>) -> Result<Vec<Read>, Fault> {
        let listed: Vec<&Listed> = wanted.iter().filter_map(|wanted| self.series.get(wanted.strike, wanted.right)).collect();
        self.desk.read(&listed, &self.how, tell).await
    }

    fn reply(&self, reads: &[Read], page: Option<&Page>, other_classes: Vec<String>) -> ChainReply {
        let told = Told::of(reads, &self.rows());
        let context = self.desk.reference.context_of(&self.underlying.resolved.details, told.data_type);
        ChainReply {
            symbol: self.underlying.symbol().to_owned(),
            underlying_conid: self.underlying.conid(),
            underlying: self.underlying.resolved.contract.clone(),
            expiration: self.series.date.to_string(),
            trading_class: self.series.trading_class.clone(),
            multiplier: self.series.multiplier,
            other_classes,
            underlying_price: told.underlying_price(self.spot_price()),
            as_of: told.as_of,
            age_ms: told.age_ms,
            data_type: told.data_type,
            complete: told.missing.is_empty(),
            total: page.map_or(u32::try_from(reads.len()).unwrap_or(u32::MAX), |page| page.total),
            truncated: page.is_some_and(|page| page.next.is_some()),
            next: page.and_then(|page| page.next),
            notes: self.notes(&told.rows),
            context: Context { as_of: Some(told.as_of), ..context },
            missing: told.missing,
            rows: told.rows,
        }
    }

    /// What a reader must know of how the values were made.
    pub(crate) fn notes(&self, rows: &[OptionRow]) -> Vec<String> {
        let mut notes = Vec::new();
        if rows.iter().any(|row| row.greeks_source == Some(GreeksSource::Bs)) {
            let percent = self.desk.model.rate * 100.0;
            notes.push(format!(
                "Greeks marked bs are Black-Scholes of this service, from the middle of bid and ask or the last price: European exercise, \
                 {percent:.2} % a year, no dividends. American puts, and calls before a dividend, are worth more than that model says."
            ));
        }
        if self.spot.as_ref().and_then(|spot| spot.halted) == Some(true) {
            notes.push(format!("Trading of {} is halted: prices are those of before.", self.underlying.symbol()));
        }
        if rows.iter().any(|row| matches!(row.data_type, DataType::Delayed | DataType::DelayedFrozen)) {
            notes.push("IB shows this login delayed data, 15 to 20 minutes old at its source.".to_owned());
        }
        notes
    }
}

/// Rows and what is missing of them.
pub(crate) struct Told {
    pub(crate) rows: Vec<OptionRow>,
    pub(crate) missing: Vec<Missing>,
    pub(crate) as_of: Timestamp,
    pub(crate) age_ms: u64,
    pub(crate) data_type: DataType,
}

impl Told {
    pub(crate) fn of(reads: &[Read], how: &Rows<'_>) -> Self {
        let told = reads.iter().map(|read| read.told(how));
        let (rows, missing): (Vec<_>, Vec<_>) = told.unzip();
        let mut rows: Vec<OptionRow> = rows.into_iter().flatten().collect();
        let mut missing: Vec<Missing> = missing.into_iter().flatten().collect();
        rows.sort_by(|a, b| (a.strike, &a.right).cmp(&(b.strike, &b.right)));
        missing.sort_by(|a, b| (a.strike, &a.right).cmp(&(b.strike, &b.right)));
        let as_of = rows.iter().map(|row| row.as_of).min().unwrap_or(how.now);
        let age = how.now.duration_since(as_of).max(SignedDuration::ZERO);
        let data_type = rows.iter().map(|row| row.data_type).reduce(lesser).unwrap_or(DataType::Live);
        Self { missing, as_of, age_ms: u64::try_from(age.as_millis()).unwrap_or(0), data_type, rows }
    }

    /// As it entered the Greeks of the contract nearest the money, which is of the same moment; else the underlying's own.
    fn underlying_price(&self, spot: Option<f64>) -> Option<Num> {
        let by_ib = self.rows.iter().filter(|row| row.greeks_source.is_some_and(|source| source != GreeksSource::Bs));
        let nearest = by_ib.filter_map(|row| row.underlying_price.map(|price| ((row.strike.0 - price.0).abs(), price))).min();
        nearest.map(|(_, price)| price).or_else(|| spot.and_then(price))
    }
}

pub(crate) fn no_such_strike(series: &Series, right: Right, asked: &[Num], field: &str) -> Fault {
    let wanted = asked.first().copied().unwrap_or_default();
    let mut near: Vec<Num> = series.contracts.keys().filter(|(_, own)| *own == right).map(|(strike, _)| *strike).collect();
    near.sort_by_key(|strike| (strike.0 - wanted.0).abs());
    near.truncate(NAMED_MAX);
    let near: BTreeSet<Num> = near.into_iter().collect();
    let names: Vec<String> = near.iter().map(Num::to_string).collect();
    let message = format!("{} {} of {} has no strike {wanted}", series.trading_class, right.as_str(), series.date);
    let mut fault = Fault::new(FaultCode::NotFound, message);
    fault.field = Some(field.to_owned());
    fault.hint(format!("the nearest strikes are {}", names.join(", "))).allowed(names)
}
