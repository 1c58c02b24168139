//! Values of an account as callers see them, pure.
//!
//! Invariant: a currency or a sum that IB has not told is absent, never guessed.

use ib_link::AccountKept;
use rust_decimal::Decimal;
use schemas::{Num, account::AccountValue};

/// The tags of IB's account summary, in IB's (alphabetical) order, and today's profit beside them.
pub(super) const SUMMARY_TAGS: &[&str] = &[
    "AccountType",
    "AccruedCash",
    "AvailableFunds",
    "BuyingPower",
    "Cushion",
    "DayTradesRemaining",
    "EquityWithLoanValue",
    "ExcessLiquidity",
    "FullAvailableFunds",
    "FullExcessLiquidity",
    "FullInitMarginReq",
    "FullMaintMarginReq",
    "GrossPositionValue",
    "HighestSeverity",
    "InitMarginReq",
    "Leverage",
    "LookAheadAvailableFunds",
    "LookAheadExcessLiquidity",
    "LookAheadInitMarginReq",
    "LookAheadMaintMarginReq",
    "LookAheadNextChange",
    "MaintMarginReq",
    "NetLiquidation",
    "PreviousDayEquityWithLoanValue",
    "RealizedPnL",
    "RegTEquity",
    "RegTMargin",
    "SMA",
    "SettledCash",
    "TotalCashValue",
    "UnrealizedPnL",
];

/// IB's name for the account's own currency in a ledger.
const BASE: &str = "BASE";

/// One value per tag, as IB's summary has it: of a ledger tag the one in the base currency.
pub(crate) fn summary_value(account: &AccountKept, tag: &str) -> Option<AccountValue> {
    let value = account.value(tag, Some(BASE)).or_else(|| account.value(tag, None))?;
    let currency = value.currency.clone().and_then(|currency| if currency == BASE { base_currency(account) } else { Some(currency) });
    Some(AccountValue { tag: tag.to_owned(), value: value.value.clone(), number: value.number(), currency })
}

/// Values that IB tells in the account's own currency and in no other, the likeliest first.
const IN_BASE: &[&str] = &["NetLiquidation", "EquityWithLoanValue", "BuyingPower", "AvailableFunds", "GrossPositionValue"];

/// The account's own currency, where IB has told any value in it.
pub(crate) fn base_currency(account: &AccountKept) -> Option<String> {
    let told = |tag: &&str| {
        let named = |value: &&ib_link::KeptValue| value.tag == **tag && value.currency.as_deref().is_some_and(|currency| currency != BASE);
        account.values.iter().find(named).and_then(|value| value.currency.clone())
    };
    IN_BASE.iter().find_map(told)
}

/// Market value of everything held, in the base currency; absent when a price, a rate or that currency is.
pub(crate) fn positions_value(account: &AccountKept) -> Option<Num> {
    let base = base_currency(account)?;
    let mut sum = Decimal::ZERO;
    for holding in &account.holdings {
        let value = holding.market_value?.0;
        let currency = holding.contract.currency.as_str();
        let rate = if currency == base { Decimal::ONE } else { account.value("ExchangeRate", Some(currency))?.number()?.0 };
        sum = sum.checked_add(value.checked_mul(rate)?)?;
    }
    Some(Num(sum.round_dp(2)))
}
