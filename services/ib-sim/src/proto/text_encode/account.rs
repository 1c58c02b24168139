//! Account values, positions and P&L.

use super::contract::{contract, multiplier, strike};
use crate::proto::event::{Event, Portfolio};
use crate::wire::text::{FieldWriter, put};

/// Versions of messages that have one; clients skip them.
const PORTFOLIO_VERSION: i32 = 8;
const POSITION_VERSION: i32 = 3;
const ACCOUNT_VALUE_VERSION: i32 = 2;

pub(super) fn write(out: &mut FieldWriter, event: &Event) {
    match event {
        Event::AccountSummary { req_id, account, tag, value, currency } => put!(out; 1, *req_id, account, tag, value, currency),
        Event::AccountSummaryEnd { req_id } | Event::PositionMultiEnd { req_id } | Event::AccountUpdateMultiEnd { req_id } => {
            put!(out; 1, *req_id);
        }
        Event::AccountValue { key, value, currency, account } => put!(out; ACCOUNT_VALUE_VERSION, key, value, currency, account),
        Event::PortfolioValue(row) => portfolio(out, row),
        Event::AccountUpdateTime(time) => put!(out; 1, time),
        Event::AccountDataEnd { account } => put!(out; 1, account),
        Event::AccountUpdateMulti { req_id, account, model, key, value, currency } => {
            put!(out; 1, *req_id, account, model, key, value, currency);
        }
        Event::Position { account, contract: held, quantity, average_cost } => {
            put!(out; POSITION_VERSION, account);
            contract(out, held);
            put!(out; quantity, *average_cost);
        }
        Event::PositionEnd => put!(out; 1),
        Event::PositionMulti { req_id, account, model, contract: held, quantity, average_cost } => {
            put!(out; 1, *req_id, account);
            contract(out, held);
            put!(out; quantity, *average_cost, model);
        }
        Event::PnL { req_id, daily, unrealized, realized } => put!(out; *req_id, *daily, *unrealized, *realized),
        Event::PnLSingle { req_id, quantity, daily, unrealized, realized, value } => {
            put!(out; *req_id, quantity, *daily, *unrealized, *realized, *value);
        }
        other => unreachable!("{other:?} belongs to another family"),
    }
}

/// The one message that tells the primary exchange instead of the exchange.
fn portfolio(out: &mut FieldWriter, row: &Portfolio) {
    let held = &row.contract;
    put!(out;
        PORTFOLIO_VERSION, held.con_id, held.symbol, held.sec_type, held.expiry, strike(held), held.right, multiplier(held),
        held.primary_exchange, held.currency, held.local_symbol, held.trading_class, row.quantity, row.market_price, row.market_value,
        row.average_cost, row.unrealized, row.realized, row.account,
    );
}
