//! What the option tools check before anything is asked.
//!
//! Invariant: the contract of a request is the underlying; what names an option (expiry, right, strike, class) is never in
//! it.

use rust_decimal::{Decimal, prelude::ToPrimitive};
use schemas::{Fault, Num, contracts::ContractQuery, options::DataWanted};
use serde_json::{Map, Value};

use crate::{
    argument::Argument,
    asked::Asked,
    dates,
    instrument::{self, CONID, CURRENCY, EXCHANGE, SEC_TYPE, SYMBOL},
    symbol::{self, Hints, Purpose},
    text,
};

/// Security types of options themselves, which nobody means as an underlying.
const OF_OPTIONS: &[&str] = &["OPT", "FOP", "WAR", "BAG"];

/// For a door without tools: the underlying that `symbol`, `sec_type`, `exchange`, `currency` and `conid` name, read and
/// checked as the arguments of a tool. `instead` is the call that a caller who named an option needs.
pub fn underlying_of(named: &Map<String, Value>, instead: impl Fn(&ContractQuery) -> String) -> Result<ContractQuery, Fault> {
    const NAMES: &[Argument] = &[SYMBOL, SEC_TYPE, EXCHANGE, CURRENCY, CONID];
    const DOOR: &str = "this path";
    let mut asked = Asked::read(DOOR, NAMES, named)?;
    let sent = asked.contract_fields()?;
    let query = underlying(&mut asked, sent, DOOR, instead)?;
    query.check()?;
    Ok(query)
}

/// The underlying, from what was sent beside the symbol. `instead` is the call that a caller who sent an option needs.
pub(super) fn underlying(
    asked: &mut Asked,
    sent: ContractQuery,
    tool: &str,
    instead: impl Fn(&ContractQuery) -> String,
) -> Result<ContractQuery, Fault> {
    if let Some(kind) = sent.sec_type.as_deref().filter(|kind| OF_OPTIONS.contains(kind)) {
        let message = format!("`sec_type` is {kind}; {tool} takes the security type of the underlying.");
        return Err(Fault::invalid("sec_type", message).hint("Leave `sec_type` out, or send STK, IND or FUT."));
    }
    let sent = ContractQuery {
        conid: sent.conid,
        sec_type: sent.sec_type,
        exchange: sent.exchange,
        currency: sent.currency,
        ..ContractQuery::default()
    };
    let Some(symbol) = asked.text("symbol") else {
        return Ok(sent);
    };
    // Without the other arguments, which an option's symbol would contradict: it is refused for what it is.
    if let Ok(option) = symbol::parse(symbol, &Hints::default()).map(|parsed| parsed.query)
        && option.strike.is_some()
    {
        let message = format!("`{}` is a single option; {tool} takes its underlying as `symbol`.", text::shown(symbol));
        return Err(Fault::invalid("symbol", message).hint(format!("Call {}.", instead(&option))));
    }
    let parsed = symbol::parse(symbol, &Hints { sent, purpose: Purpose::Contract })?;
    asked.understood = parsed.understood;
    Ok(parsed.query)
}

/// The arguments that name an option's underlying and, where it is not the usual one, its class: `symbol="AAPL"`.
pub(super) fn named(option: &ContractQuery) -> String {
    let symbol = option.symbol.as_deref().unwrap_or_default();
    let class = option.trading_class.as_deref().filter(|class| *class != symbol);
    let class = class.map(|class| format!(", trading_class=\"{class}\"")).unwrap_or_default();
    format!("symbol=\"{symbol}\"{class}")
}

/// As the operations write it, `YYYY-MM-DD`.
pub(super) fn expiration(asked: &Asked, name: &str) -> Result<String, Fault> {
    dates::expiration(name, asked.text(name).unwrap_or_default()).map(|day| day.to_string())
}

pub(super) fn class(asked: &Asked) -> Result<Option<String>, Fault> {
    asked.text("trading_class").map(|class| instrument::code("trading_class", class)).transpose()
}

pub(super) fn count(asked: &Asked, name: &str) -> Option<u32> {
    asked.integer(name).and_then(|count| u32::try_from(count).ok())
}

/// The lowest and the highest strike; 0 means no bound, as in ib-mcp.
pub(super) fn bounds(asked: &Asked) -> Result<(Option<Num>, Option<Num>), Fault> {
    let bound = |name: &str| asked.number(name).filter(|strike| *strike > Num::ZERO);
    let (min, max) = (bound("min_strike"), bound("max_strike"));
    ordered("min_strike", min, "max_strike", max)?;
    Ok((min, max))
}

fn ordered(low: &str, min: Option<Num>, high: &str, max: Option<Num>) -> Result<(), Fault> {
    match (min, max) {
        (Some(min), Some(max)) if min > max => {
            let message = format!("`{low}` is {min} and `{high}` is {max}: nothing is between them.");
            Err(Fault::invalid(low, message).hint(format!("Send `{low}` up to `{high}`, or leave one of them out.")))
        }
        _ => Ok(()),
    }
}

/// What lays a window around the money, beside a count of strikes.
#[derive(Debug, Default)]
pub(super) struct Window {
    pub(super) moneyness: Option<f64>,
    pub(super) delta_min: Option<f64>,
    pub(super) delta_max: Option<f64>,
}

/// Refuses two windows at once, because a reader could not tell which of them the answer is.
pub(super) fn window(asked: &Asked) -> Result<Window, Fault> {
    let (moneyness, delta_min, delta_max) = (asked.number("moneyness"), asked.number("delta_min"), asked.number("delta_max"));
    let sent = [
        ("moneyness", moneyness.is_some()),
        ("strikes", asked.integer("strikes").is_some()),
        ("delta_min", delta_min.is_some()),
        ("delta_max", delta_max.is_some()),
    ];
    let names: Vec<&str> = sent.into_iter().filter(|(_, sent)| *sent).map(|(name, _)| name).collect();
    match names.as_slice() {
        [] | [_] | ["delta_min", "delta_max"] => {}
        [first, second, ..] => {
            let message = format!("`{first}` and `{second}` name two windows; one answer has one of moneyness, strikes or deltas.");
            let hint = format!("Send only `{first}` or only `{second}`; min_strike and max_strike narrow either.");
            return Err(Fault::invalid(*second, message).hint(hint));
        }
    }
    if moneyness == Some(Num::ZERO) {
        let message = "`moneyness` is 0, a window without width; it must be greater than 0.";
        return Err(Fault::invalid("moneyness", message).hint("Send 0.05 for 5 % on each side of the price, or strikes=1 for the nearest."));
    }
    ordered("delta_min", delta_min, "delta_max", delta_max)?;
    let double = |number: Option<Num>| number.map(Num::to_f64);
    Ok(Window { moneyness: double(moneyness), delta_min: double(delta_min), delta_max: double(delta_max) })
}

pub(super) fn strikes(asked: &Asked) -> Result<Vec<Num>, Fault> {
    let strikes = asked.numbers("strikes");
    match strikes.iter().find(|strike| **strike <= Num::ZERO) {
        None => Ok(strikes.to_vec()),
        Some(bad) => {
            let message = format!("`strikes` holds {bad}; a strike is greater than 0.");
            Err(Fault::invalid("strikes", message)
                .hint("Send strike prices such as [190, 192.5]: get_option_chain(symbol=...) lists them."))
        }
    }
}

/// Callers count in seconds, the operations in milliseconds.
pub(super) fn max_age_ms(asked: &Asked) -> Option<u64> {
    asked.number("max_age").and_then(|seconds| (seconds.0 * Decimal::ONE_THOUSAND).round().to_u64())
}

pub(super) fn data_type(asked: &Asked) -> DataWanted {
    match asked.boolean("use_delayed") {
        Some(false) => DataWanted::Live,
        Some(true) | None => DataWanted::Best,
    }
}
