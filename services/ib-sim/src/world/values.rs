//! Account values from holdings and marks: net liquidation, margins, P&L and the ledger.
//!
//! Invariant: the values of one answer belong to one instant and are consistent, in that net
//! liquidation is cash plus market value, and the margin figures follow from the positions.

use std::collections::BTreeMap;

use super::World;
use super::account::{Account, Position};
use super::instrument::{Instrument, decimal};
use super::margin::{Exposure, Margin};

/// A margin account may carry four times its excess during the day.
const DAY_LEVERAGE: f64 = 4.0;
/// IB's "no change ahead" for the look-ahead time.
const NO_CHANGE: &str = "0";

/// A value with the currency it is in; counts and ratios have none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Value {
    pub(crate) key: &'static str,
    pub(crate) value: String,
    pub(crate) currency: String,
}

/// One position at its mark, in its own currency.
#[derive(Debug, Clone)]
pub(crate) struct Holding<'a> {
    pub(crate) instrument: &'a Instrument,
    pub(crate) position: Position,
    pub(crate) mark: f64,
    pub(crate) value: f64,
    pub(crate) unrealized: f64,
    pub(crate) daily: f64,
}

/// An account at one instant, amounts in its base currency.
#[derive(Debug)]
pub(crate) struct Statement<'a> {
    pub(crate) account: Account,
    pub(crate) holdings: Vec<Holding<'a>>,
    pub(crate) cash: f64,
    stocks: f64,
    options: f64,
    other: f64,
    gross: f64,
    pub(crate) unrealized: f64,
    pub(crate) realized: f64,
    pub(crate) daily: f64,
    margin: Margin,
    previous_equity: f64,
}

impl World {
    pub(crate) fn statement(&self, account: &Account, now: i64) -> Statement<'_> {
        let holdings: Vec<Holding<'_>> = account.positions.iter().filter_map(|position| self.holding(position, now)).collect();
        let base = self.dollars(&account.currency);
        let rate = |currency: &str| self.dollars(currency) / base;
        let cash = account.cash.iter().map(|(currency, amount)| amount * rate(currency)).sum();
        let sum = |of: &dyn Fn(&Holding<'_>) -> f64| -> f64 {
            holdings.iter().map(|held| of(held) * rate(&held.instrument.contract.currency)).sum()
        };
        let of_kind = |kind: &str| sum(&|held| if held.instrument.is(kind) { held.value } else { 0.0 });
        let (stocks, options) = (of_kind("STK"), of_kind("OPT"));
        // A future is worth what it gained; its value was never paid.
        let worth = |held: &Holding<'_>| if held.instrument.is("FUT") { held.unrealized } else { held.value };
        let total = sum(&worth);
        let exposed = holdings.iter().map(|held| Exposure {
            instrument: held.instrument,
            quantity: held.position.quantity,
            mark: held.mark,
            rate: rate(&held.instrument.contract.currency),
        });
        let margin = self.margin(&exposed.collect::<Vec<_>>(), now);
        let daily = sum(&|held| held.daily);
        let statement = Statement {
            account: account.clone(),
            cash,
            stocks,
            options,
            other: total - stocks - options,
            gross: sum(&|held| held.value.abs()),
            unrealized: sum(&|held| held.unrealized),
            realized: sum(&|held| held.position.realized),
            daily,
            margin,
            previous_equity: cash + total - options - daily,
            holdings: Vec::new(),
        };
        Statement { holdings, ..statement }
    }

    fn holding(&self, position: &Position, now: i64) -> Option<Holding<'_>> {
        let instrument = self.contracts.get(position.con_id)?;
        let mark = self.mark(instrument, now);
        let units = position.quantity * instrument.multiplier();
        let before = self.previous_close(instrument, now);
        let position = position.on(self.today(now));
        Some(Holding {
            mark,
            value: decimal(mark * units, 2),
            unrealized: decimal(mark * units - position.average_cost * position.quantity, 2),
            daily: decimal((mark - before) * units + position.flow, 2),
            position,
            instrument,
        })
    }
}

impl Statement<'_> {
    pub(crate) fn net_liquidation(&self) -> f64 {
        self.cash + self.stocks + self.options + self.other
    }

    /// Equity with loan value: IB leaves options out of what can be lent on.
    pub(crate) fn equity(&self) -> f64 {
        self.cash + self.stocks + self.other
    }

    pub(crate) fn margin(&self) -> Margin {
        self.margin
    }

    pub(crate) fn excess(&self) -> f64 {
        self.equity() - self.margin.maintenance
    }

    /// Every value that an account summary can be asked for, alphabetical by tag.
    pub(crate) fn summary(&self) -> Vec<Value> {
        let (net, equity) = (self.net_liquidation(), self.equity());
        let Margin { initial, maintenance } = self.margin;
        let (available, excess) = (equity - initial, self.excess());
        let money = |key, amount| self.money(key, amount);
        vec![
            plain("AccountType", "INDIVIDUAL"),
            money("AccruedCash", 0.0),
            money("AvailableFunds", available),
            money("BuyingPower", available.max(0.0) * DAY_LEVERAGE),
            plain("Cushion", &format!("{:.6}", if net > 0.0 { (excess / net).clamp(0.0, 1.0) } else { 0.0 })),
            plain("DayTradesRemaining", "-1"),
            money("EquityWithLoanValue", equity),
            money("ExcessLiquidity", excess),
            money("FullAvailableFunds", available),
            money("FullExcessLiquidity", excess),
            money("FullInitMarginReq", initial),
            money("FullMaintMarginReq", maintenance),
            money("GrossPositionValue", self.gross),
            plain("HighestSeverity", "0"),
            money("InitMarginReq", initial),
            plain("Leverage", &format!("{:.2}", if net > 0.0 { self.gross / net } else { 0.0 })),
            money("LookAheadAvailableFunds", available),
            money("LookAheadExcessLiquidity", excess),
            money("LookAheadInitMarginReq", initial),
            money("LookAheadMaintMarginReq", maintenance),
            plain("LookAheadNextChange", NO_CHANGE),
            money("MaintMarginReq", maintenance),
            money("NetLiquidation", net),
            money("PreviousEquityWithLoanValue", self.previous_equity),
            money("RegTEquity", equity),
            money("RegTMargin", initial),
            money("SMA", equity - initial),
            money("SettledCash", self.cash),
            money("TotalCashValue", self.cash),
        ]
    }

    /// What account updates add to the summary.
    pub(crate) fn updates(&self) -> Vec<Value> {
        let mut values = vec![plain("AccountCode", &self.account.id), plain("AccountReady", "true")];
        values.extend(self.summary());
        values.push(self.money("PreviousDayEquityWithLoanValue", self.previous_equity));
        values.push(plain("TradingType-S", "STKNOPT"));
        values
    }

    /// The ledger of every currency, each value under its currency, the whole under `BASE`.
    pub(crate) fn ledger(&self, world: &World) -> BTreeMap<String, Vec<Value>> {
        let mut currencies: BTreeMap<String, f64> = self.account.cash.clone();
        for held in &self.holdings {
            currencies.entry(held.instrument.contract.currency.clone()).or_insert(0.0);
        }
        let base = world.dollars(&self.account.currency);
        let mut ledger = BTreeMap::new();
        for (currency, cash) in &currencies {
            let rate = world.dollars(currency) / base;
            let of = |pick: &dyn Fn(&Holding<'_>) -> f64| -> f64 {
                let own = self.holdings.iter().filter(|held| held.instrument.contract.currency == *currency);
                own.map(pick).sum()
            };
            let kind = |name: &str| of(&|held| if held.instrument.is(name) { held.value } else { 0.0 });
            let (stocks, options) = (kind("STK"), kind("OPT"));
            let amounts = Ledger {
                cash: *cash,
                stocks,
                options,
                net: cash + of(&|held| if held.instrument.is("FUT") { held.unrealized } else { held.value }),
                unrealized: of(&|held| held.unrealized),
                realized: of(&|held| held.position.realized),
                rate,
            };
            ledger.insert(currency.clone(), amounts.values(currency, currency));
        }
        let whole = Ledger {
            cash: self.cash,
            stocks: self.stocks,
            options: self.options,
            net: self.net_liquidation(),
            unrealized: self.unrealized,
            realized: self.realized,
            rate: 1.0,
        };
        ledger.insert("BASE".into(), whole.values("BASE", "BASE"));
        ledger
    }

    fn money(&self, key: &'static str, amount: f64) -> Value {
        Value { key, value: format!("{amount:.2}"), currency: self.account.currency.clone() }
    }
}

struct Ledger {
    cash: f64,
    stocks: f64,
    options: f64,
    net: f64,
    unrealized: f64,
    realized: f64,
    rate: f64,
}

impl Ledger {
    fn values(&self, currency: &str, real: &str) -> Vec<Value> {
        let own = |key, value: String| Value { key, value, currency: currency.to_owned() };
        let money = |key, amount: f64| own(key, format!("{amount:.4}"));
        vec![
            money("AccruedCash", 0.0),
            money("CashBalance", self.cash),
            money("CorporateBondValue", 0.0),
            own("Currency", currency.to_owned()),
            own("ExchangeRate", format!("{:.6}", self.rate)),
            money("FundValue", 0.0),
            money("FutureOptionValue", 0.0),
            money("FuturesPNL", 0.0),
            money("FxCashBalance", 0.0),
            money("MutualFundValue", 0.0),
            money("NetDividend", 0.0),
            money("NetLiquidationByCurrency", self.net),
            money("OptionMarketValue", self.options),
            own("RealCurrency", real.to_owned()),
            money("RealizedPnL", self.realized),
            money("StockMarketValue", self.stocks),
            money("TBillValue", 0.0),
            money("TBondValue", 0.0),
            money("TotalCashBalance", self.cash),
            money("UnrealizedPnL", self.unrealized),
            money("WarrantValue", 0.0),
        ]
    }
}

fn plain(key: &'static str, value: &str) -> Value {
    Value { key, value: value.to_owned(), currency: String::new() }
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
