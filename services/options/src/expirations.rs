//! `options.expirations`.

use std::sync::Arc;

use bus::Request;
use ib_service::Hours;
use jiff::{Timestamp, civil::Date};
use schemas::{
    Context, Fault, FaultCode, Num,
    context::DataType,
    options::{ChainStrikes, ExpirationsParams, ExpirationsReply, Prefer},
};

use crate::{checks, desk::Desk, discovery::Class};

pub(crate) async fn expirations(desk: Arc<Desk>, params: ExpirationsParams, request: Request) -> Result<ExpirationsReply, Fault> {
    checks::expirations(&params)?;
    let class = checks::text("trading_class", params.trading_class.as_deref())?;
    let answer_by = Desk::answer_by(request.deadline);
    let prefer = params.prefer.unwrap_or(Prefer::Stock);
    let underlying = desk.underlying_preferring(prefer, &params.contract, answer_by).await?;
    let discovered = desk.discover(&underlying, answer_by).await?;
    let hours = Hours::of(&underlying.resolved.details);
    let now = desk.reference.now();
    let asked = class.as_deref();
    let fits = |class: &&Class| asked.is_none_or(|asked| class.trading_class.eq_ignore_ascii_case(asked));
    if !discovered.classes.iter().any(|class| fits(&class)) {
        return Err(no_such_class(underlying.symbol(), asked.unwrap_or_default(), &discovered.classes));
    }
    let expirations = discovered.expirations(asked, hours.as_ref(), now);
    let chains: Vec<ChainStrikes> = discovered.classes.iter().filter(fits).map(|class| page(class, &params, hours.as_ref(), now)).collect();
    let (offset, most) = (params.offset.unwrap_or(0), params.limit.unwrap_or(u32::MAX));
    let truncated = chains.iter().any(|chain| chain.strikes_total > offset.saturating_add(most));
    let context = desk.reference.context_of(&underlying.resolved.details, DataType::Reference);
    Ok(ExpirationsReply {
        symbol: underlying.symbol().to_owned(),
        underlying_conid: underlying.conid(),
        underlying: underlying.resolved.contract,
        expirations: expirations.iter().map(Date::to_string).collect(),
        chains,
        truncated,
        next: truncated.then(|| offset.saturating_add(most)),
        as_of: discovered.as_of,
        context: Context { as_of: Some(discovered.as_of), ..context },
    })
}

/// One class, its strikes in the asked range cut to the asked page.
fn page(class: &Class, params: &ExpirationsParams, hours: Option<&Hours>, now: Timestamp) -> ChainStrikes {
    let inside = |strike: &&Num| params.min_strike.is_none_or(|min| **strike >= min) && params.max_strike.is_none_or(|max| **strike <= max);
    let strikes: Vec<Num> = class.strikes.iter().filter(inside).copied().collect();
    let at = |place: Option<u32>, without: usize| place.map_or(without, |place| usize::try_from(place).unwrap_or(usize::MAX));
    ChainStrikes {
        trading_class: class.trading_class.clone(),
        multiplier: class.multiplier,
        exchange: class.exchange.clone(),
        expirations: class.expirations.iter().filter(|date| crate::calendar::close(**date, hours) > now).map(Date::to_string).collect(),
        strikes_total: u32::try_from(strikes.len()).unwrap_or(u32::MAX),
        strikes: strikes.into_iter().skip(at(params.offset, 0)).take(at(params.limit, usize::MAX)).collect(),
    }
}

fn no_such_class(symbol: &str, asked: &str, classes: &[Class]) -> Fault {
    let mut names: Vec<&str> = classes.iter().map(|class| class.trading_class.as_str()).collect();
    names.dedup();
    let mut fault = Fault::new(FaultCode::NotFound, format!("options on {symbol} have no trading class {asked}"));
    fault.field = Some("trading_class".to_owned());
    fault.hint(format!("the classes are {}; leave it out for all", names.join(", "))).allowed(names)
}
