//! Which contracts of an expiration are asked for, and which of them one answer has.
//!
//! Invariant: the order is outward from the money, and the same for the same strikes and price, so that pages neither
//! overlap nor leave anything out. Limits come from `schemas::options`.

use std::cmp::Ordering;

use schemas::{
    Fault, Num,
    options::{
        CHAIN_LIMIT_DEFAULT, CHAIN_LIMIT_MAX, ChainParams, MAX_AGE_MS_MAX, MONEYNESS_DEFAULT, MONEYNESS_MAX, Missing, MissingWhat,
        STRIKES_EACH_SIDE_MAX,
    },
};

use crate::right::Right;

/// Quotes up to this old are answered from memory, unless the caller says otherwise.
pub(crate) const MAX_AGE_MS_DEFAULT: u64 = 2_000;
/// A strike exactly at the edge of a window is in, however the division rounds.
const EDGE: f64 = 1e-9;

/// One contract of an expiration. In order: by strike, the call before the put.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Wanted {
    pub(crate) strike: Num,
    pub(crate) right: Right,
}

impl Wanted {
    pub(crate) fn missing(self, what: MissingWhat) -> Missing {
        Missing { strike: self.strike, right: self.right.as_str().to_owned(), what, reason: None }
    }
}

/// Absolute deltas from `min` to `max`, both included.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(crate) struct DeltaRange {
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// What names the window.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(crate) enum By {
    /// `|strike / underlying price - 1|` up to this.
    Moneyness(f64),
    /// So many strikes below the money and so many above it; one at the money is on neither side, and in.
    EachSide(usize),
    /// Found by asking: see [`crate::deltas::DeltaSearch`].
    Deltas(DeltaRange),
    /// The bounds alone.
    Bounds,
}

/// A caller's window, checked.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(crate) struct Window {
    pub(crate) by: By,
    /// `None` means both.
    pub(crate) right: Option<Right>,
    pub(crate) min_strike: Option<Num>,
    pub(crate) max_strike: Option<Num>,
    pub(crate) limit: u32,
    pub(crate) offset: u32,
    pub(crate) max_age_ms: u64,
}

impl Window {
    /// Everything of the parameters that can be checked without IB, except the expiration.
    pub(crate) fn of(params: &ChainParams) -> Result<Self, Fault> {
        let right = params.right.as_deref().map(Right::read).transpose()?;
        let (min_strike, max_strike) = bounds(params.min_strike, params.max_strike)?;
        let by = by(params)?;
        let limit = params.limit.unwrap_or(CHAIN_LIMIT_DEFAULT);
        if limit == 0 || limit > CHAIN_LIMIT_MAX {
            return Err(Fault::invalid("limit", format!("`limit` is {limit}; one answer has 1 to {CHAIN_LIMIT_MAX} contracts."))
                .hint(format!("Send {CHAIN_LIMIT_MAX} or less, and ask for the rest with `offset` = `next` of the answer.")));
        }
        let max_age_ms = max_age_ms(params.max_age_ms)?;
        Ok(Self { by, right, min_strike, max_strike, limit, offset: params.offset.unwrap_or(0), max_age_ms })
    }

    /// The bounds let this strike in.
    pub(crate) fn bounds_admit(&self, strike: Num) -> bool {
        self.min_strike.is_none_or(|min| strike >= min) && self.max_strike.is_none_or(|max| strike <= max)
    }

    /// The asked rights, the call first.
    pub(crate) fn rights(&self) -> &'static [Right] {
        match self.right {
            None => &[Right::Call, Right::Put],
            Some(Right::Call) => &[Right::Call],
            Some(Right::Put) => &[Right::Put],
        }
    }

    /// The page of a window's contracts that the caller asked for.
    pub(crate) fn page(&self, contracts: &[Wanted]) -> Page {
        let total = u32::try_from(contracts.len()).unwrap_or(u32::MAX);
        let begin = self.offset.min(total);
        let end = begin.saturating_add(self.limit).min(total);
        let next = (end < total).then_some(end);
        let contracts = contracts.iter().skip(begin as usize).take((end - begin) as usize).copied().collect();
        Page { contracts, total, next }
    }
}

/// Contracts of one answer, outward from the money.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Page {
    pub(crate) contracts: Vec<Wanted>,
    /// Of all pages.
    pub(crate) total: u32,
    /// `offset` of the next page.
    pub(crate) next: Option<u32>,
}

/// The oldest quotes that a caller accepts.
pub(crate) fn max_age_ms(asked: Option<u64>) -> Result<u64, Fault> {
    let max_age_ms = asked.unwrap_or(MAX_AGE_MS_DEFAULT);
    if max_age_ms > MAX_AGE_MS_MAX {
        return Err(Fault::invalid("max_age_ms", format!("`max_age_ms` is {max_age_ms}; it is 0 to {MAX_AGE_MS_MAX}."))
            .hint(format!("Leave it out for {MAX_AGE_MS_DEFAULT}, or send 0 to have every quote asked anew.")));
    }
    Ok(max_age_ms)
}

pub(crate) fn bounds(min: Option<Num>, max: Option<Num>) -> Result<(Option<Num>, Option<Num>), Fault> {
    for (field, strike) in [("min_strike", min), ("max_strike", max)] {
        if let Some(strike) = strike.filter(|strike| *strike <= Num::ZERO) {
            return Err(Fault::invalid(field, format!("`{field}` is {strike}; a strike is greater than 0."))
                .hint(format!("Send a strike price such as 150, or leave `{field}` out for no bound.")));
        }
    }
    match (min, max) {
        (Some(min), Some(max)) if min > max => {
            Err(Fault::invalid("min_strike", format!("`min_strike` is {min} and `max_strike` is {max}; no strike lies between them."))
                .hint("Swap the two values, or leave one of them out."))
        }
        bounds => Ok(bounds),
    }
}

fn by(params: &ChainParams) -> Result<By, Fault> {
    let ChainParams { moneyness, strikes, delta_min, delta_max, .. } = *params;
    match (moneyness, strikes, delta_min.or(delta_max)) {
        (None, None, None) if params.min_strike.is_some() || params.max_strike.is_some() => Ok(By::Bounds),
        (None, None, None) => Ok(By::Moneyness(MONEYNESS_DEFAULT)),
        (Some(moneyness), None, None) => by_moneyness(moneyness),
        (None, Some(strikes), None) => by_each_side(strikes),
        (None, None, Some(_)) => by_deltas(delta_min, delta_max),
        _ => {
            let sent = [
                ("moneyness", moneyness.is_some()),
                ("strikes", strikes.is_some()),
                ("delta_min", delta_min.is_some()),
                ("delta_max", delta_max.is_some()),
            ];
            let sent: Vec<&str> = sent.into_iter().filter_map(|(name, sent)| sent.then_some(name)).collect();
            let message = format!("{} are sent together; one of moneyness, strikes and the deltas names the window.", sent.join(", "));
            Err(Fault::invalid(sent[0], message).hint("Keep one of them. `min_strike` and `max_strike` may stay: they narrow the window."))
        }
    }
}

fn by_moneyness(moneyness: f64) -> Result<By, Fault> {
    if moneyness > 0.0 && moneyness <= MONEYNESS_MAX {
        return Ok(By::Moneyness(moneyness));
    }
    Err(Fault::invalid("moneyness", format!("`moneyness` is {moneyness:?}; it is a fraction above 0 and up to {MONEYNESS_MAX}."))
        .hint("Send 0.10 for strikes within 10 % of the underlying's price."))
}

fn by_each_side(strikes: u32) -> Result<By, Fault> {
    if (1..=STRIKES_EACH_SIDE_MAX).contains(&strikes) {
        return Ok(By::EachSide(strikes as usize));
    }
    Err(Fault::invalid("strikes", format!("`strikes` is {strikes}; it is 1 to {STRIKES_EACH_SIDE_MAX} on each side of the money."))
        .hint("Send 10 for ten strikes below and ten above the underlying's price; for more, name `min_strike` and `max_strike`."))
}

fn by_deltas(min: Option<f64>, max: Option<f64>) -> Result<By, Fault> {
    for (field, delta) in [("delta_min", min), ("delta_max", max)] {
        let Some(delta) = delta.filter(|delta| !(0.0..=1.0).contains(delta)) else { continue };
        let hint = match delta {
            -1.0..0.0 => format!("Deltas of puts are named without their sign: send `right`=P and `{field}`={:?}.", -delta),
            1.0..=100.0 => format!("Send a fraction: `{field}`={:?}.", delta / 100.0),
            _ => format!("Send a fraction such as 0.3, or leave `{field}` out for no bound."),
        };
        return Err(Fault::invalid(field, format!("`{field}` is {delta:?}; it is an absolute delta, 0 to 1.")).hint(hint));
    }
    let (min, max) = (min.unwrap_or(0.0), max.unwrap_or(1.0));
    if min > max {
        return Err(Fault::invalid("delta_min", format!("`delta_min` is {min:?} and `delta_max` is {max:?}; no delta lies between them."))
            .hint("Swap the two values, or leave one of them out."));
    }
    Ok(By::Deltas(DeltaRange { min, max }))
}

/// The contracts of a window, outward from the money. Of a delta window these are all that its bounds admit: which of
/// them fit has to be asked. A spot that is not above zero has no money around it: then only bounds select anything.
pub(crate) fn select(strikes: &[Num], spot: f64, window: &Window) -> Vec<Wanted> {
    let spot = if spot > 0.0 { spot } else { f64::NAN };
    let chosen: Vec<Num> = match window.by {
        By::Moneyness(moneyness) => strikes.iter().copied().filter(|strike| distance(*strike, spot) <= moneyness + EDGE).collect(),
        By::EachSide(count) => {
            let side = |side: Ordering| strikes.iter().copied().filter(move |strike| strike.to_f64().partial_cmp(&spot) == Some(side));
            let below: Vec<Num> = side(Ordering::Less).collect();
            let nearest_below = below.len().saturating_sub(count);
            below[nearest_below..].iter().copied().chain(side(Ordering::Equal)).chain(side(Ordering::Greater).take(count)).collect()
        }
        By::Deltas(_) | By::Bounds => strikes.to_vec(),
    };
    let admitted = chosen.into_iter().filter(|strike| window.bounds_admit(*strike));
    let mut contracts: Vec<Wanted> =
        admitted.flat_map(|strike| window.rights().iter().map(move |right| Wanted { strike, right: *right })).collect();
    contracts.sort_by(|a, b| outward(spot, *a, *b));
    contracts
}

fn distance(strike: Num, spot: f64) -> f64 {
    (strike.to_f64() / spot - 1.0).abs()
}

/// The nearer to the money first, of equals the lower strike; at one strike the one out of the money, at the money the
/// call.
pub(crate) fn outward(spot: f64, a: Wanted, b: Wanted) -> Ordering {
    let in_money = |wanted: Wanted| match wanted.right {
        Right::Call => wanted.strike.to_f64() < spot,
        Right::Put => wanted.strike.to_f64() > spot,
    };
    let near = distance(a.strike, spot).total_cmp(&distance(b.strike, spot)).then_with(|| a.strike.cmp(&b.strike));
    near.then_with(|| in_money(a).cmp(&in_money(b))).then_with(|| a.right.cmp(&b.right))
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
