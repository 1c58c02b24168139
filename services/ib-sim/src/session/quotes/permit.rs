//! What a login is shown of a contract, by its subscriptions and the data type it asked for.
//!
//! Invariant: pure; every answer is one that captures or IB's table show for the case.

use super::line::Shown;
use crate::errors::ApiError;
use crate::world::instrument::Instrument;
use crate::world::scenario_market::Entitlement;

/// The data type that a client asked for, for all requests that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) delayed: bool,
    pub(super) frozen: bool,
}

impl Asked {
    /// IB's number; what is none of the four changes nothing.
    pub(super) fn parse(kind: i32) -> Option<Self> {
        (1..=4).contains(&kind).then_some(Self { delayed: kind >= 3, frozen: kind % 2 == 0 })
    }
}

/// How a request for a contract's quotes goes on.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    Show(Shown),
    /// Not subscribed, but delayed data was asked for: told, then shown.
    ShowDelayed(Shown),
    /// Told, and then nothing more comes, not even the end of a snapshot.
    Silent(ApiError),
    Refuse(ApiError),
}

/// The contract as the data farms name it in errors: `AAPL NASDAQ.NMS/TOP/ALL`, `SPY ARCA/TOP/ALL`.
pub(super) fn farm_line(row: &Instrument) -> String {
    let contract = &row.contract;
    let exchange = if contract.primary_exchange.is_empty() { row.home_exchange() } else { &contract.primary_exchange };
    let class = &contract.trading_class;
    if row.is("STK") && *class != contract.symbol && !class.is_empty() {
        format!("{} {exchange}.{class}/TOP/ALL", contract.symbol)
    } else {
        let name = if row.is("STK") { &contract.symbol } else { &contract.local_symbol };
        format!("{name} {exchange}/TOP/ALL")
    }
}

/// `refused_before`: the login was told once that delayed data exists.
pub(super) fn decide(row: &Instrument, entitlement: Entitlement, asked: Asked, refused_before: bool) -> Verdict {
    let shown = |delayed| Shown { delayed, frozen: asked.frozen };
    match entitlement {
        // IB: delayed data is for those who have none; the others go on seeing live data.
        Entitlement::Live => Verdict::Show(shown(false)),
        Entitlement::Delayed if asked.delayed => Verdict::ShowDelayed(shown(true)),
        Entitlement::Delayed if row.is("STK") => Verdict::Silent(ApiError::api_subscription(&farm_line(row))),
        Entitlement::Delayed if refused_before => Verdict::Refuse(ApiError::delayed_not_enabled()),
        Entitlement::Delayed => Verdict::Refuse(ApiError::not_subscribed(true, &farm_line(row))),
        Entitlement::None => Verdict::Refuse(ApiError::not_subscribed(false, &farm_line(row))),
    }
}
