//! `options.quote`: the underlying, and its call and put at the money or one contract.

use std::{sync::Arc, time::Duration};

use bus::Request;
use ib_link::Quote;
use ib_service::Hours;
use jiff::civil::Date;
use schemas::{
    Context, Fault, FaultCode, Num,
    options::{QuoteParams, QuoteReply, UnderlyingQuote},
};
use tokio::time::Instant;

use crate::{
    chain::{Told, Work, age, is_priced, price_of, tell},
    checks,
    desk::{Desk, How},
    right::Right,
    rows::middle,
    series::{self, Listed, Series},
    underlying::Underlying,
};

/// Waiting for a price of the underlying.
const SPOT_MAX: Duration = Duration::from_secs(4);
/// Once there is a price, volatilities and option volumes are waited for no longer than this: not every login gets them.
const FIGURES_MAX: Duration = Duration::from_millis(500);

pub(crate) async fn quote(desk: Arc<Desk>, params: QuoteParams, request: Request) -> Result<QuoteReply, Fault> {
    let rights = checks::quote(&params)?;
    let asked_date = params.expiration.as_deref().map(|text| desk.expiration(text)).transpose()?;
    let how = How { max_age: age(params.max_age_ms), wanted: params.data_type, deadline: Desk::answer_by(request.deadline) };
    let underlying = desk.underlying(&params.contract, how.deadline).await?;
    let date = match asked_date {
        Some(date) => date,
        None => desk.nearest(&underlying, params.trading_class.as_deref(), how.deadline).await?,
    };
    let found = desk.series(&underlying, date, None, how.deadline).await?;
    let (series, other_classes) = series::choose(&found, underlying.symbol(), date, params.trading_class.as_deref())?;
    if let Some(strike) = params.strike
        && !rights.iter().any(|right| series.get(strike, *right).is_some())
    {
        return Err(crate::chain::no_such_strike(series, rights[0], &[strike], "strike"));
    }
    let spot = desk.figures(&underlying, how.deadline).await?;
    let listed = contracts(series, params.strike, price_of(&spot), &rights);
    let reads = desk.read(&listed, &how, &tell(&request)).await?;
    let work = Work { desk: &desk, underlying: &underlying, series, spot: Some(Arc::clone(&spot)), how };
    let told = Told::of(&reads, &work.rows());
    let context = desk.reference.context_of(&underlying.resolved.details, told.data_type);
    Ok(QuoteReply {
        symbol: underlying.symbol().to_owned(),
        underlying_conid: underlying.conid(),
        underlying: underlying.resolved.contract.clone(),
        quote: underlying_quote(&spot, &work),
        expiration: series.date.to_string(),
        trading_class: series.trading_class.clone(),
        other_classes,
        complete: told.missing.is_empty(),
        as_of: told.as_of,
        age_ms: told.age_ms,
        data_type: told.data_type,
        notes: work.notes(&told.rows),
        context: Context { as_of: Some(told.as_of), ..context },
        missing: told.missing,
        rows: told.rows,
    })
}

impl Desk {
    /// The first expiration that has not ended, in exchange time.
    async fn nearest(&self, underlying: &Underlying, class: Option<&str>, deadline: Instant) -> Result<Date, Fault> {
        let discovered = self.discover(underlying, deadline).await?;
        let hours = Hours::of(&underlying.resolved.details);
        let dates = discovered.expirations(class, hours.as_ref(), self.reference.now());
        dates.first().copied().ok_or_else(|| {
            let class = class.map(|class| format!(" of class {class}")).unwrap_or_default();
            let mut fault = Fault::new(FaultCode::NotFound, format!("IB lists no options on {}{class}", underlying.symbol()));
            fault.field = Some("trading_class".to_owned());
            fault.hint("options.expirations (get_option_chain) lists the classes and their expirations")
        })
    }

    /// The underlying's quote with its volatilities, as far as they come.
    async fn figures(&self, underlying: &Underlying, deadline: Instant) -> Result<Arc<Quote>, Fault> {
        let mut spot = self.spots.follow(&underlying.resolved.contract);
        spot.quote(deadline.min(Instant::now() + SPOT_MAX), is_priced).await?;
        let all =
            |quote: &Quote| quote.implied_volatility.is_some() && quote.historical_volatility.is_some() && quote.call_volume.is_some();
        spot.quote(deadline.min(Instant::now() + FIGURES_MAX), all).await
    }
}

/// Of the asked strike, else of the one nearest the money.
fn contracts<'a>(series: &'a Series, strike: Option<Num>, price: Option<Num>, rights: &[Right]) -> Vec<&'a Listed> {
    let strikes = series.strikes();
    let middle = strikes.get(strikes.len() / 2).copied();
    let money = price.or(middle).unwrap_or_default();
    let strike = strike.or_else(|| strikes.into_iter().min_by_key(|strike| (strike.0 - money.0).abs()));
    rights.iter().filter_map(|right| series.get(strike?, *right)).collect()
}

fn underlying_quote(quote: &Quote, work: &Work<'_>) -> UnderlyingQuote {
    let rows = work.rows();
    UnderlyingQuote {
        bid: quote.bid,
        bid_size: quote.bid_size,
        ask: quote.ask,
        ask_size: quote.ask_size,
        last: quote.last,
        close: quote.close,
        mid: middle(quote),
        volume: quote.volume,
        halted: quote.halted,
        historical_volatility: quote.historical_volatility,
        implied_volatility: quote.implied_volatility,
        call_volume: quote.call_volume,
        put_volume: quote.put_volume,
        call_open_interest: quote.call_open_interest,
        put_open_interest: quote.put_open_interest,
        price: price_of(quote),
        data_type: quote.data_type,
        as_of: quote.at.and_then(|at| at.checked_add(rows.ahead).ok()).unwrap_or(rows.now),
    }
}
