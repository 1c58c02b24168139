//! What options are on: a stock, an index or a future.

use ib_service::{Reference, Resolved};
use schemas::{Fault, contracts::ContractQuery, options::Prefer};
use tokio::time::Instant;

/// Kinds of instruments that have options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Stock,
    Index,
    Future,
}

impl Kind {
    fn of(sec_type: &str) -> Option<Self> {
        match sec_type {
            "STK" => Some(Self::Stock),
            "IND" => Some(Self::Index),
            "FUT" => Some(Self::Future),
            _ => None,
        }
    }

    /// IB's security type of its options.
    pub(crate) const fn option(self) -> &'static str {
        match self {
            Self::Stock | Self::Index => "OPT",
            Self::Future => "FOP",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Underlying {
    pub(crate) resolved: Resolved,
    pub(crate) kind: Kind,
}

impl Underlying {
    pub(crate) fn conid(&self) -> i32 {
        self.resolved.contract.conid
    }

    pub(crate) fn symbol(&self) -> &str {
        &self.resolved.contract.symbol
    }
}

/// The underlying that a caller names.
pub(crate) async fn find(reference: &Reference, query: &ContractQuery, prefer: Prefer, deadline: Instant) -> Result<Underlying, Fault> {
    const TYPES: [&str; 3] = ["STK", "IND", "FUT"];
    const FIELD: &str = "contract.sec_type";
    let wrong = |said: &str| {
        let message = format!("{said} has no options; options are on a stock (STK), an index (IND) or a future (FUT)");
        Fault::invalid(FIELD, message)
            .allowed(TYPES)
            .hint("name the underlying, such as AAPL; expiration, strike and right name the option")
    };
    // Before anything is asked of IB.
    if let Some(sec_type) = query.sec_type.as_deref().map(str::trim)
        && !TYPES.contains(&sec_type.to_ascii_uppercase().as_str())
    {
        return Err(wrong(&format!("sec_type {sec_type}")));
    }
    let resolved = match prefer {
        Prefer::Stock => reference.contract(query, deadline).await?,
        Prefer::Index => reference.index_or_contract(query, deadline).await?,
    };
    let kind = Kind::of(&resolved.contract.sec_type)
        .ok_or_else(|| wrong(&format!("{} ({})", resolved.contract.symbol, resolved.contract.sec_type)))?;
    Ok(Underlying { resolved, kind })
}
