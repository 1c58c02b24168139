//! `options.chain` and `options.quotes`: the contracts of one expiration with quotes and Greeks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bus::Request;
use ib_link::Quote;
use schemas::{
    Context, Fault, FaultCode, Num,
    options::{CHAIN_LIMIT_MAX, ChainParams, ChainReply, MissingWhat, QuotesParams},
};

use crate::{
    answer::Answer,
    checks,
    deltas::{DeltaSearch, Known, Step},
    desk::{Desk, How, Tally},
    money::{middle_of, price_of},
    read::Read,
    right::Right,
    rows::Rows,
    series::{self, Listed, Series},
    underlying::Underlying,
    window::{By, MAX_AGE_MS_DEFAULT, Page, Wanted, Window, select},
};

/// Strikes that a fault names.
const NAMED_MAX: usize = 6;

pub(crate) async fn chain(desk: Arc<Desk>, params: ChainParams, request: Request) -> Result<ChainReply, Fault> {
    let window = Window::of(&params)?;
    let class = checks::text("trading_class", params.trading_class.as_deref())?;
    let date = desk.expiration(&params.expiration)?;
    let how =
        How { max_age: Duration::from_millis(window.max_age_ms), wanted: params.data_type, deadline: Desk::answer_by(request.deadline) };
    let underlying = desk.underlying(&params.contract, how.deadline).await?;
    let found = desk.series(&underlying, date, None, how.deadline).await?;
    let (series, other_classes) = series::choose(&found, underlying.symbol(), date, class.as_deref())?;
    let spot = desk.spot(&underlying, &window, series, how.deadline).await?;
    let tell = tell(&request);
    let work = Work { desk: &desk, underlying: &underlying, series, how, tally: Tally::new(&tell) };
    let Found { page, reads, unresolved } = work.window(&window, spot.as_deref()).await?;
    // Greeks of our own are made with a price of the rows' own moment.
    let spot = desk.spot_for(&underlying, &reads, how.deadline).await.or(spot);
    let mut reply = work.reply(&reads, spot.as_deref(), Some(&page), other_classes);
    let most = usize::try_from(CHAIN_LIMIT_MAX).unwrap_or(usize::MAX);
    if window.offset == 0 && !unresolved.is_empty() {
        let count = unresolved.len();
        reply.notes.push(format!("Of {count} contracts nobody told the delta: whether they are in the window is not known."));
        reply.missing.extend(unresolved.into_iter().take(most).map(|wanted| wanted.missing(MissingWhat::Delta)));
        reply.complete = false;
    }
    Ok(reply)
}

pub(crate) async fn quotes(desk: Arc<Desk>, params: QuotesParams, request: Request) -> Result<ChainReply, Fault> {
    let (right, strikes) = checks::quotes(&params)?;
    let class = checks::text("trading_class", params.trading_class.as_deref())?;
    let exchange = checks::text("exchange", params.exchange.as_deref())?;
    let date = desk.expiration(&params.expiration)?;
    let how = How { max_age: age(params.max_age_ms), wanted: params.data_type, deadline: Desk::answer_by(request.deadline) };
    let underlying = desk.underlying(&params.contract, how.deadline).await?;
    let found = desk.series(&underlying, date, exchange.as_deref(), how.deadline).await?;
    let (series, other_classes) = series::choose(&found, underlying.symbol(), date, class.as_deref())?;
    let (known, unknown): (Vec<Num>, Vec<Num>) = strikes.into_iter().partition(|strike| series.get(*strike, right).is_some());
    if known.is_empty() {
        return Err(no_such_strike(series, right, &unknown, "strikes"));
    }
    let listed: Vec<&Listed> = known.iter().filter_map(|strike| series.get(*strike, right)).collect();
    let tell = tell(&request);
    let work = Work { desk: &desk, underlying: &underlying, series, how, tally: Tally::new(&tell) };
    let reads = desk.read(&listed, &how, &work.tally).await?;
    let spot = desk.spot_for(&underlying, &reads, how.deadline).await;
    let mut reply = work.reply(&reads, spot.as_deref(), None, other_classes);
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

/// One request, once it is known what it is about.
pub(crate) struct Work<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) underlying: &'a Underlying,
    pub(crate) series: &'a Series,
    pub(crate) how: How,
    pub(crate) tally: Tally<'a>,
}

/// The contracts of a window.
struct Found {
    page: Page,
    /// What was read of the page's.
    reads: Vec<Read>,
    /// Those of which nobody knows whether they are in the window.
    unresolved: Vec<Wanted>,
}

impl Work<'_> {
    pub(crate) fn rows(&self, spot: Option<&Quote>) -> Rows<'_> {
        let ahead = self.desk.reference.market().clock_ahead;
        let spot = spot.and_then(price_of).map(Num::to_f64);
        Rows { series: self.series, model: self.desk.model, spot, now: self.desk.reference.now(), ahead }
    }

    /// The contracts of a window, outward from the money.
    async fn window(&self, window: &Window, spot: Option<&Quote>) -> Result<Found, Fault> {
        let strikes = self.series.strikes();
        let now = spot.and_then(price_of).map(Num::to_f64).or_else(|| middle_of(window, &strikes)).unwrap_or_default();
        let money = self.desk.anchor(&self.name(window), window.offset == 0, now);
        let By::Deltas(range) = window.by else {
            let page = window.page(&self.existing(select(&strikes, money, window)));
            let reads = self.read(&page.contracts).await?;
            return Ok(Found { page, reads, unresolved: Vec::new() });
        };
        let mut search = DeltaSearch::new(&strikes, money, window, range);
        let mut known = Known::new();
        let mut reads: BTreeMap<Wanted, Read> = BTreeMap::new();
        let found = loop {
            match search.step(&known) {
                Step::Done(found) => break found,
                Step::Ask(wanted) => {
                    let rows = self.rows(spot);
                    for read in self.read(&wanted).await? {
                        let delta = read.told(&rows).0.and_then(|row| row.delta);
                        known.insert(read.wanted(), delta);
                        reads.insert(read.wanted(), read);
                    }
                }
            }
        };
        let page = window.page(&self.existing(found));
        let unread: Vec<Wanted> = page.contracts.iter().filter(|wanted| !reads.contains_key(wanted)).copied().collect();
        reads.extend(self.read(&unread).await?.into_iter().map(|read| (read.wanted(), read)));
        let reads = page.contracts.iter().filter_map(|wanted| reads.remove(wanted)).collect();
        Ok(Found { page, reads, unresolved: self.existing(search.unresolved(&known)) })
    }

    /// What all pages of one window have in common.
    fn name(&self, window: &Window) -> String {
        let Window { by, right, min_strike, max_strike, .. } = window;
        let Series { trading_class, multiplier, date, .. } = self.series;
        format!("{} {date} {trading_class} {multiplier} {by:?} {right:?} {min_strike:?} {max_strike:?}", self.underlying.conid())
    }

    /// Without combinations that are not listed: nobody waits for those.
    fn existing(&self, wanted: Vec<Wanted>) -> Vec<Wanted> {
        wanted.into_iter().filter(|wanted| self.series.get(wanted.strike, wanted.right).is_some()).collect()
    }

    async fn read(&self, wanted: &[Wanted]) -> Result<Vec<Read>, Fault> {
        let listed: Vec<&Listed> = wanted.iter().filter_map(|wanted| self.series.get(wanted.strike, wanted.right)).collect();
        self.desk.read(&listed, &self.how, &self.tally).await
    }

    fn reply(&self, reads: &[Read], spot: Option<&Quote>, page: Option<&Page>, other_classes: Vec<String>) -> ChainReply {
        let rows = self.rows(spot);
        let answer = Answer::of(reads, &rows, spot);
        let context = self.desk.reference.context_of(&self.underlying.resolved.details, answer.data_type);
        ChainReply {
            symbol: self.underlying.symbol().to_owned(),
            underlying_conid: self.underlying.conid(),
            underlying: self.underlying.resolved.contract.clone(),
            expiration: self.series.date.to_string(),
            trading_class: self.series.trading_class.clone(),
            multiplier: self.series.multiplier,
            other_classes,
            underlying_price: answer.underlying_price(rows.spot),
            as_of: answer.as_of,
            age_ms: answer.age_ms,
            data_type: answer.data_type,
            complete: answer.missing.is_empty(),
            total: page.map_or(u32::try_from(reads.len()).unwrap_or(u32::MAX), |page| page.total),
            truncated: page.is_some_and(|page| page.next.is_some()),
            next: page.and_then(|page| page.next),
            notes: answer.notes(self.underlying.symbol(), self.desk.model.rate, spot),
            context: Context { as_of: Some(answer.as_of), ..context },
            missing: answer.missing,
            rows: answer.rows,
        }
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
