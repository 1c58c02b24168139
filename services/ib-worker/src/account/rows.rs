//! Holdings as rows.

use std::sync::{Arc, Mutex, PoisonError};

use ib_link::{Holding, Kept};
use rust_decimal::Decimal;
use schemas::{Num, Written, account::Position};

/// Every holding as a row, made and written once for each snapshot: between two pushes of IB's nothing about them changes.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    last: Mutex<Option<RowsOf>>,
}

/// A snapshot and its rows.
type RowsOf = (Arc<Kept>, Written<Vec<Position>>);

impl Rows {
    pub(super) fn of(&self, kept: &Arc<Kept>) -> Written<Vec<Position>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((of, rows)) if Arc::ptr_eq(of, kept) => rows.clone(),
            _ => {
                let accounts = kept.accounts.iter();
                let rows = accounts.flat_map(|(name, account)| account.holdings.iter().map(move |holding| position(name, holding)));
                let rows = Written::from(rows.collect::<Vec<_>>());
                *last = Some((Arc::clone(kept), rows.clone()));
                rows
            }
        }
    }
}

pub(super) fn position(account: &str, holding: &Holding) -> Position {
    let contract = &holding.contract;
    let multiplier = contract.multiplier.filter(|multiplier| multiplier.0 > Decimal::ZERO).unwrap_or(Num::from(1));
    let per_share = holding.avg_cost.0.checked_div(multiplier.0).unwrap_or(holding.avg_cost.0);
    Position {
        account: account.to_owned(),
        symbol: contract.symbol.clone(),
        quantity: holding.quantity,
        avg_cost: Num(holding.avg_cost.0.round_dp(6)),
        avg_price: Num(per_share.round_dp(6)),
        current_price: holding.market_price,
        market_value: holding.market_value,
        unrealized_pnl: holding.unrealized_pnl,
        unrealized_pnl_percent: percent(holding),
        currency: contract.currency.clone(),
        sec_type: contract.sec_type.clone(),
        multiplier,
        conid: contract.conid,
        expiry: contract.expiry.clone(),
        strike: contract.strike,
        right: contract.right.clone(),
        local_symbol: contract.local_symbol.clone(),
        trading_class: contract.trading_class.clone(),
        exchange: Some(contract.exchange.clone()).filter(|exchange| !exchange.is_empty()),
    }
}

/// Unrealized profit of the cost basis; IB's average cost is per contract, multiplier included.
fn percent(holding: &Holding) -> Option<Num> {
    let cost = holding.avg_cost.0.checked_mul(holding.quantity.0)?.abs();
    let part = holding.unrealized_pnl?.0.checked_div(cost)?;
    Some(Num(part.checked_mul(Decimal::ONE_HUNDRED)?.round_dp(2)))
}
