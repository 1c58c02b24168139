//! One contract of those that fit, or what tells them apart. Pure.

use jiff::{Timestamp, tz::TimeZone};
use schemas::{
    Candidate, Fault, FaultCode,
    contracts::{Contract, ContractQuery},
    fault::CANDIDATES_MAX,
};

use super::{Resolved, candidate, said};

/// The only contract; of futures without a month the front one; else the fault `ambiguous`.
pub(super) fn one(query: &ContractQuery, mut found: Vec<Resolved>, now: Timestamp) -> Result<Resolved, Fault> {
    let future = found.iter().all(|resolved| resolved.contract.sec_type == "FUT");
    if found.len() > 1 && future && query.expiry.is_none() {
        found = front_month(found, now)?;
    }
    if found.len() == 1 {
        return Ok(found.remove(0));
    }
    let count = found.len();
    let first = found.first().map_or(0, |resolved| resolved.contract.conid);
    let candidates: Vec<Candidate> = found.iter().take(CANDIDATES_MAX).map(candidate).collect();
    let names = differences(&found);
    Err(Fault::new(FaultCode::Ambiguous, format!("{} names {count} contracts", said(query)))
        .hint(format!("name one: conid={first} (see candidates), or add {names}"))
        .candidates(candidates))
}

/// Every contract of the front month: IB lists futures of several sizes and exchanges under one symbol, and which of
/// them is meant is the caller's to say.
fn front_month(found: Vec<Resolved>, now: Timestamp) -> Result<Vec<Resolved>, Fault> {
    // Expired or not is decided by the date where it trades.
    let lives = |resolved: &Resolved| {
        let zone = resolved.details.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
        let today = now.to_zoned(zone).strftime("%Y%m%d").to_string();
        resolved.contract.expiry.as_deref().is_some_and(|expiry| expiry >= today.as_str())
    };
    let living: Vec<Resolved> = found.into_iter().filter(lives).collect();
    let Some(front) = living.iter().filter_map(|resolved| resolved.contract.expiry.clone()).min() else {
        return Err(Fault::new(FaultCode::NotFound, "every month of this future has expired").hint("name an expiry"));
    };
    let mut months: Vec<Resolved> = living.into_iter().filter(|resolved| resolved.contract.expiry.as_deref() == Some(&front)).collect();
    for month in &mut months {
        month.contract.assumed.push(format!("expiry {front}, the front month"));
    }
    Ok(months)
}

/// A field's name as an argument, and its value.
type Field = (&'static str, fn(&Contract) -> Option<String>);

/// Which fields tell the candidates apart.
fn differences(found: &[Resolved]) -> String {
    let differs = |field: fn(&Contract) -> Option<String>| {
        let mut values = found.iter().map(|resolved| field(&resolved.contract));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    let fields: [Field; 8] = [
        ("exchange", |c| Some(c.exchange.clone())),
        ("primary_exchange", |c| c.primary_exchange.clone()),
        ("currency", |c| Some(c.currency.clone())),
        ("expiry", |c| c.expiry.clone()),
        ("strike", |c| c.strike.map(|strike| strike.to_string())),
        ("right", |c| c.right.clone()),
        ("trading_class", |c| c.trading_class.clone()),
        ("multiplier", |c| c.multiplier.map(|multiplier| multiplier.to_string())),
    ];
    let names: Vec<&str> = fields.into_iter().filter(|(_, field)| differs(*field)).map(|(name, _)| name).collect();
    if names.is_empty() { "what tells them apart".to_owned() } else { names.join(", ") }
}
