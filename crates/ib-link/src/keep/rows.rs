//! Rows of `ibapi`'s subscriptions as pushes for the store, pure.

use ibapi::accounts::{AccountSummaryResult, AccountUpdate, AccountUpdateMulti, PnL, PnLSingle, PositionUpdateMulti};
use schemas::Num;

use crate::{
    convert,
    kept::Profit,
    store::{Market, Push, Source},
};

pub(super) fn update(row: AccountUpdate, only: &str) -> Option<Push> {
    Some(match row {
        AccountUpdate::AccountValue(row) => Push::Value {
            from: Source::Updates,
            account: row.account.filter(|account| !account.is_empty()).unwrap_or_else(|| only.to_owned()),
            tag: row.key,
            currency: row.currency,
            value: row.value,
        },
        AccountUpdate::PortfolioValue(row) => {
            // `ibapi` turns values that IB has not got into zeros; all three zero is such a row, a worthless option
            // still has its loss.
            let known = row.market_price != 0.0 || row.market_value != 0.0 || row.unrealized_pnl != 0.0;
            let told = |value: f64| Num::from_ib(value).filter(|_| known);
            Push::Market {
                account: row.account.filter(|account| !account.is_empty()).unwrap_or_else(|| only.to_owned()),
                conid: row.contract.contract_id,
                market: Market {
                    price: told(row.market_price),
                    value: told(row.market_value),
                    unrealized: told(row.unrealized_pnl),
                    realized: told(row.realized_pnl),
                },
            }
        }
        AccountUpdate::UpdateTime(_) => Push::Alive,
        AccountUpdate::End => Push::End(Source::Updates),
    })
}

pub(super) fn ledger(row: AccountUpdateMulti, asked: &str) -> Option<Push> {
    Some(match row {
        AccountUpdateMulti::AccountMultiValue(row) => {
            let from = Source::Ledger(asked.to_owned());
            Push::Value { from, account: named(row.account, asked), tag: row.key, currency: row.currency, value: row.value }
        }
        AccountUpdateMulti::End => Push::End(Source::Ledger(asked.to_owned())),
    })
}

pub(super) fn summary(row: AccountSummaryResult) -> Option<Push> {
    match row {
        // A group's rows of "All" have no account of their own.
        AccountSummaryResult::Summary(row) if row.account.is_empty() || row.account == "All" => None,
        AccountSummaryResult::Summary(row) => {
            Some(Push::Value { from: Source::Summary, account: row.account, tag: row.tag, currency: row.currency, value: row.value })
        }
        AccountSummaryResult::End => Some(Push::End(Source::Summary)),
    }
}

pub(super) fn position(row: PositionUpdateMulti, asked: &str) -> Option<Push> {
    Some(match row {
        PositionUpdateMulti::Position(row) => Push::Position {
            account: named(row.account, asked),
            contract: Box::new(convert::contract(&row.contract)),
            model: row.model_code,
            quantity: Num::from_ib(row.position)?,
            avg_cost: Num::from_ib(row.average_cost).unwrap_or(Num::ZERO),
        },
        PositionUpdateMulti::PositionEnd => Push::End(Source::Positions(asked.to_owned())),
    })
}

fn named(account: String, asked: &str) -> String {
    if account.is_empty() { asked.to_owned() } else { account }
}

/// `multiplier` is the instrument's: IB tells the whole value, people want the price of one share or point.
pub(super) fn price(row: &PnLSingle, account: &str, conid: i32, multiplier: Num) -> Push {
    let value = Num::from_ib(row.value);
    let points = Num::from_ib(row.position).map(|quantity| quantity.0 * multiplier.0);
    let price = value.zip(points).and_then(|(value, points)| value.0.checked_div(points)).map(|price| Num(price.normalize()));
    let market = Market { price, value, unrealized: Num::from_ib(row.unrealized_pnl), realized: Num::from_ib(row.realized_pnl) };
    Push::Market { account: account.to_owned(), conid, market }
}

pub(super) fn profit(row: &PnL, account: &str) -> Push {
    let told = |value: Option<f64>| value.and_then(Num::from_ib).map(cents);
    let profit = Profit { daily: told(Some(row.daily_pnl)), unrealized: told(row.unrealized_pnl), realized: told(row.realized_pnl) };
    Push::Profit { account: account.to_owned(), profit }
}

/// IB tells profits with the noise of doubles behind the cents.
pub(crate) fn cents(money: Num) -> Num {
    Num(money.0.round_dp(2).normalize())
}
