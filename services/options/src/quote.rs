//! `options.quote`: the underlying, and its call and put at the money or one contract.

use std::{sync::Arc, time::Duration};

use bus::Request;
use ib_link::Quote;
use ib_service::Hours;
use jiff::civil::Date;
use schemas::{
    Context, Fault, FaultCode, Num,
    options::{MissingWhat, QuoteParams, QuoteReply, UnderlyingQuote},
};
use tokio::time::Instant;

use crate::{
    answer::Answer,
    chain::{Work, age, no_such_strike, tell},
    checks,
    desk::{Desk, How, Tally},
    money::{is_priced, price_of},
    right::Right,
    rows::{Rows, middle},
    series::{self, Listed, Series},
    underlying::Underlying,
    window::Wanted,
};

/// Once there is a price, volatilities and option volumes are waited for no longer than this: not every login gets them.
const FIGURES_MAX: Duration = Duration::from_millis(500);

pub(crate) async fn quote(desk: Arc<Desk>, params: QuoteParams, request: Request) -> Result<QuoteReply, Fault> {
    let rights = checks::quote(&params)?;
    let class = checks::text("trading_class", params.trading_class.as_deref())?;
    let asked_date = params.expiration.as_deref().map(|text| desk.expiration(text)).transpose()?;
    let how = How { max_age: age(params.max_age_ms), wanted: params.data_type, deadline: Desk::answer_by(request.deadline) };
    let underlying = desk.underlying(&params.contract, how.deadline).await?;
    let date = match asked_date {
        Some(date) => date,
        None => desk.nearest(&underlying, class.as_deref(), how.deadline).await?,
    };
    let found = desk.series(&underlying, date, None, how.deadline).await?;
    let (series, other_classes) = series::choose(&found, underlying.symbol(), date, class.as_deref())?;
    if let Some(strike) = params.strike
        && !rights.iter().any(|right| series.get(strike, *right).is_some())
    {
        return Err(no_such_strike(series, rights[0], &[strike], "strike"));
    }
    let spot = match desk.figures(&underlying, how.deadline).await {
        Ok(spot) => Some(spot),
        // A named contract needs no price of its underlying, which the login may not see.
        Err(fault) if params.strike.is_some() && !matches!(fault.code, FaultCode::GatewayDown | FaultCode::UpstreamLost) => None,
        Err(fault) => return Err(fault),
    };
    let wanted = contracts(series, params.strike, spot.as_deref().and_then(price_of), &rights);
    let listed: Vec<&Listed> = wanted.iter().filter_map(|wanted| series.get(wanted.strike, wanted.right)).collect();
    let tell = tell(&request);
    let work = Work { desk: &desk, underlying: &underlying, series, how, tally: Tally::new(&tell) };
    let reads = desk.read(&listed, &how, &work.tally).await?;
    let rows = work.rows(spot.as_deref());
    let mut answer = Answer::of(&reads, &rows, spot.as_deref());
    let unlisted = wanted.iter().filter(|wanted| series.get(wanted.strike, wanted.right).is_none());
    answer.missing.extend(unlisted.map(|wanted| wanted.missing(MissingWhat::Contract)));
    let context = desk.reference.context_of(&underlying.resolved.details, answer.data_type);
    Ok(QuoteReply {
        symbol: underlying.symbol().to_owned(),
        underlying_conid: underlying.conid(),
        underlying: underlying.resolved.contract.clone(),
        quote: spot.as_deref().map(|spot| underlying_quote(spot, &rows)),
        expiration: series.date.to_string(),
        trading_class: series.trading_class.clone(),
        other_classes,
        complete: answer.missing.is_empty(),
        as_of: answer.as_of,
        age_ms: answer.age_ms,
        data_type: answer.data_type,
        notes: answer.notes(underlying.symbol(), desk.model.rate, spot.as_deref()),
        context: Context { as_of: Some(answer.as_of), ..context },
        missing: answer.missing,
        rows: answer.rows,
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
        spot.quote(deadline, is_priced).await?;
        let all =
            |quote: &Quote| quote.implied_volatility.is_some() && quote.historical_volatility.is_some() && quote.call_volume.is_some();
        spot.quote_within(deadline, FIGURES_MAX, all).await
    }
}

/// Of the asked strike, else of the one nearest the money.
fn contracts(series: &Series, strike: Option<Num>, price: Option<Num>, rights: &[Right]) -> Vec<Wanted> {
    let strikes = series.strikes();
    let middle = strikes.get(strikes.len() / 2).copied();
    let money = price.or(middle).unwrap_or_default();
    let strike = strike.or_else(|| strikes.into_iter().min_by_key(|strike| (strike.0 - money.0).abs()));
    rights.iter().filter_map(|right| Some(Wanted { strike: strike?, right: *right })).collect()
}

fn underlying_quote(quote: &Quote, rows: &Rows<'_>) -> UnderlyingQuote {
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
