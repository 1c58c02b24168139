//! What an order says, read once: side, kind, prices, time in force.
//!
//! Invariant: terms that parse can be matched without further questions; everything else is refused
//! here with the code and text of a real gateway.

use super::trigger::Method;
use crate::errors::ApiError;
use crate::wire::pb::order::Order;
use crate::world::moment::end_of_query;
use jiff::tz::TimeZone;

/// Clients write "not set" as the largest double.
const UNSET: f64 = 1e300;
/// No size or price is near this, and products of two of them stay finite.
const MOST: f64 = 1e12;
/// Conditions of one order; IB's own window shows far fewer.
const MAX_CONDITIONS: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Buy,
    Sell,
}

impl Side {
    pub(crate) fn sign(self) -> f64 {
        match self {
            Self::Buy => 1.0,
            Self::Sell => -1.0,
        }
    }

    /// The side of a signed amount.
    pub(crate) fn of(amount: f64) -> Self {
        if amount < 0.0 { Self::Sell } else { Self::Buy }
    }

    pub(crate) fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// As executions say it.
    pub(crate) fn executed(self) -> &'static str {
        match self {
            Self::Buy => "BOT",
            Self::Sell => "SLD",
        }
    }
}

/// How far a trailing stop stays behind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Distance {
    Amount(f64),
    Percent(f64),
}

/// When an order may trade, and at what price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Market,
    Limit(f64),
    /// Becomes a market order, or a limit order, when the stop is reached.
    Stop {
        stop: f64,
        limit: Option<f64>,
    },
    /// A stop that follows the market; `offset` is the limit's distance from it.
    Trail {
        distance: Distance,
        from: Option<f64>,
        offset: Option<f64>,
    },
    /// Becomes a market order, or a limit order, when the price comes to the order.
    Touch {
        touch: f64,
        limit: Option<f64>,
    },
    /// At the end of the session.
    Close {
        limit: Option<f64>,
    },
}

impl Kind {
    /// The limit as placed, for margins and messages.
    pub(crate) fn limit(&self) -> Option<f64> {
        match *self {
            Self::Limit(limit) => Some(limit),
            Self::Stop { limit, .. } | Self::Touch { limit, .. } | Self::Close { limit } => limit,
            Self::Market | Self::Trail { .. } => None,
        }
    }

    /// Whether it waits for a price before it works.
    pub(crate) fn waits_for_price(&self) -> bool {
        matches!(self, Self::Stop { .. } | Self::Trail { .. } | Self::Touch { .. })
    }

    /// Every price named, which all have to lie on the grid.
    pub(crate) fn prices(&self) -> Vec<f64> {
        match *self {
            Self::Market => Vec::new(),
            Self::Limit(limit) => vec![limit],
            Self::Stop { stop, limit } => std::iter::once(stop).chain(limit).collect(),
            Self::Touch { touch, limit } => std::iter::once(touch).chain(limit).collect(),
            Self::Trail { from, .. } => from.into_iter().collect(),
            Self::Close { limit } => limit.into_iter().collect(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tif {
    Day,
    GoodTillCancelled,
    /// Until this second.
    GoodTillDate(i64),
    ImmediateOrCancel,
    FillOrKill,
    /// At the opening, or not at all.
    Opening,
}

impl Tif {
    pub(crate) fn is_immediate(self) -> bool {
        matches!(self, Self::ImmediateOrCancel | Self::FillOrKill)
    }
}

/// What happens to the rest of a group when one of it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OcaType {
    Cancel,
    Reduce,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Terms {
    pub(crate) side: Side,
    pub(crate) quantity: f64,
    /// An amount of money in place of a quantity.
    pub(crate) cash: Option<f64>,
    pub(crate) kind: Kind,
    pub(crate) tif: Tif,
    pub(crate) outside_rth: bool,
    pub(crate) good_after: Option<i64>,
    pub(crate) method: Method,
    pub(crate) all_or_none: bool,
    pub(crate) min_quantity: f64,
    pub(crate) parent_id: i32,
    pub(crate) oca: Option<(String, OcaType)>,
}

/// Order types that IB knows and this gateway does not simulate.
const UNSUPPORTED: &[&str] = &[
    "REL",
    "PEG MKT",
    "PEG MID",
    "PEG BENCH",
    "PEG BEST",
    "PEG STK",
    "PEG PRIM",
    "MIDPRICE",
    "VOL",
    "SNAP MKT",
    "SNAP MID",
    "SNAP PRIM",
    "PASSV REL",
    "BOX TOP",
    "STP PRT",
    "MKT PRT",
    "REL + MKT",
    "REL + LMT",
    "LMT + MKT",
    "AUC",
    "TRAIL MIT",
    "TRAIL LIT",
    "VWAP",
    "BASKET",
    "IBKRATS",
    "SCALE",
    "FUNARI",
    "QUOTE",
    "MTL WITH PROTECTION",
];

pub(crate) fn given(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite() && value.abs() < UNSET)
}

/// A price above or below zero; zero is what clients send for "none".
fn price(value: Option<f64>) -> Option<f64> {
    given(value).filter(|value| *value != 0.0)
}

fn text(value: Option<&String>) -> &str {
    value.map_or("", |text| text.trim())
}

impl Terms {
    pub(crate) fn read(order: &Order, now: i64, zone: &TimeZone) -> Result<Self, ApiError> {
        let side = match text(order.action.as_ref()).to_ascii_uppercase().as_str() {
            "BUY" => Side::Buy,
            "SELL" | "SSHORT" => Side::Sell,
            // The wording is not attested.
            other => return Err(ApiError::invalid_order(format_args!("Invalid side '{other}'"))),
        };
        let quantity = match text(order.total_quantity.as_ref()) {
            "" => 0.0,
            // The wording is not attested.
            amount => amount.parse::<f64>().map_err(|_| ApiError::invalid_order(format_args!("Invalid order quantity '{amount}'")))?,
        };
        let cash = price(order.cash_qty);
        if !quantity.is_finite() || quantity < 0.0 || (quantity == 0.0 && cash.is_none()) || quantity >= UNSET {
            return Err(ApiError::fixed(434));
        }
        let kind = kind(order)?;
        // The wording is not attested.
        if [quantity, cash.unwrap_or(0.0)].into_iter().chain(kind.prices()).any(|amount| amount.abs() > MOST) {
            return Err(ApiError::invalid_order("Order size or price is out of range"));
        }
        // They are looked at every second. The wording is not attested.
        if order.conditions.len() > MAX_CONDITIONS {
            return Err(ApiError::invalid_order("Too many conditions"));
        }
        let tif = tif(order, now, zone)?;
        compatible(&kind, tif)?;
        let oca = text(order.oca_group.as_ref());
        let oca_type = if order.oca_type == Some(1) { OcaType::Cancel } else { OcaType::Reduce };
        Ok(Self {
            side,
            quantity,
            cash,
            kind,
            tif,
            outside_rth: order.outside_rth.unwrap_or(false),
            good_after: match text(order.good_after_time.as_ref()) {
                "" => None,
                time => Some(end_of_query(time, now, zone)?),
            },
            method: Method::from_code(order.trigger_method.unwrap_or(0)),
            all_or_none: order.all_or_none.unwrap_or(false),
            min_quantity: order.min_qty.filter(|least| *least > 0 && *least < i32::MAX).map_or(0.0, f64::from),
            parent_id: order.parent_id.unwrap_or(0),
            oca: (!oca.is_empty()).then(|| (oca.to_owned(), oca_type)),
        })
    }
}

/// The wording for a missing price is not attested; code and form are.
fn missing(what: &str) -> ApiError {
    ApiError::invalid_order(format_args!("{what} is required for this order type"))
}

fn kind(order: &Order) -> Result<Kind, ApiError> {
    let limit = || price(order.lmt_price).ok_or_else(|| missing("Limit price"));
    // A combo's limit may be zero: a spread for even money.
    let combo_limit = || given(order.lmt_price).ok_or_else(|| missing("Limit price"));
    let aux = || price(order.aux_price).ok_or_else(|| missing("Stop price"));
    let distance = || match (price(order.trailing_percent), price(order.aux_price)) {
        (Some(percent), _) if percent < 100.0 => Ok(Distance::Percent(percent)),
        (None, Some(amount)) => Ok(Distance::Amount(amount)),
        _ => Err(missing("Trailing amount")),
    };
    Ok(match text(order.order_type.as_ref()).to_ascii_uppercase().as_str() {
        "MKT" | "MTL" | "MOO" => Kind::Market,
        "LMT" | "LOO" => Kind::Limit(combo_limit()?),
        "STP" => Kind::Stop { stop: aux()?, limit: None },
        "STP LMT" | "STPLMT" => Kind::Stop { stop: aux()?, limit: Some(limit()?) },
        "TRAIL" => Kind::Trail { distance: distance()?, from: price(order.trail_stop_price), offset: None },
        "TRAIL LIMIT" | "TRAILLMT" => {
            let from = price(order.trail_stop_price);
            let offset = match (given(order.lmt_price_offset), price(order.lmt_price), from) {
                (Some(offset), _, _) => offset,
                (None, Some(limit), Some(from)) => (from - limit).abs(),
                _ => return Err(missing("Limit price offset")),
            };
            Kind::Trail { distance: distance()?, from, offset: Some(offset) }
        }
        "MIT" => Kind::Touch { touch: aux()?, limit: None },
        "LIT" => Kind::Touch { touch: aux()?, limit: Some(limit()?) },
        "MOC" => Kind::Close { limit: None },
        "LOC" => Kind::Close { limit: Some(limit()?) },
        known if UNSUPPORTED.contains(&known) => return Err(ApiError::fixed(387)),
        _ => return Err(ApiError::invalid_order_type()),
    })
}

fn tif(order: &Order, now: i64, zone: &TimeZone) -> Result<Tif, ApiError> {
    Ok(match text(order.tif.as_ref()).to_ascii_uppercase().as_str() {
        "" | "DAY" | "GAT" => match text(order.order_type.as_ref()) {
            "MOO" | "LOO" => Tif::Opening,
            _ => Tif::Day,
        },
        "GTC" => Tif::GoodTillCancelled,
        "IOC" => Tif::ImmediateOrCancel,
        "FOK" => Tif::FillOrKill,
        "OPG" => Tif::Opening,
        "GTD" => match text(order.good_till_date.as_ref()) {
            // The wording is not attested.
            "" => return Err(ApiError::invalid_order("Good till date is required for GTD orders")),
            until => Tif::GoodTillDate(end_of_query(until, now, zone)?),
        },
        // The wording is not attested.
        other => return Err(ApiError::invalid_order(format_args!("Invalid time in force '{other}'"))),
    })
}

fn compatible(kind: &Kind, tif: Tif) -> Result<(), ApiError> {
    match (kind, tif) {
        (Kind::Close { .. }, Tif::Day) => Ok(()),
        (Kind::Close { .. }, _) => Err(ApiError::fixed(113)),
        (Kind::Market | Kind::Limit(_), _) => Ok(()),
        (_, Tif::ImmediateOrCancel | Tif::FillOrKill | Tif::Opening) => Err(ApiError::fixed(111)),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "terms_tests.rs"]
mod tests;
