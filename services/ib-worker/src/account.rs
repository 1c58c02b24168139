//! `account.*`: answered from what IB pushes, with its age.

use std::sync::{Arc, Mutex, PoisonError};

use bus::{Builder, Request};
use ib_link::{AccountKept, Freshness, Holding, Kept};
use rust_decimal::Decimal;
use schemas::{
    Context, Fault, FaultCode, Num, Written,
    account::{
        AccountParams, AccountSummary, AccountValue, Overview, OverviewReply, POSITIONS_MAX, Position, Positions, PositionsParams,
        PositionsReply, Summary, SummaryReply,
    },
    context::DataType,
};
use tokio::time::Instant;

use crate::worker::Worker;

pub(crate) fn routes(builder: Builder, worker: &Arc<Worker>) -> Builder {
    let (a, b, c) = (Arc::clone(worker), Arc::clone(worker), Arc::clone(worker));
    builder
        .route::<Summary, _, _>(move |params, request| summary(Arc::clone(&a), params, request))
        .route::<Overview, _, _>(move |params, request| overview(Arc::clone(&b), params, request))
        .route::<Positions, _, _>(move |params, request| positions(Arc::clone(&c), params, request))
}

/// The tags of IB's account summary, in IB's (alphabetical) order, and today's profit beside them.
const SUMMARY_TAGS: &[&str] = &[
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

async fn summary(worker: Arc<Worker>, params: AccountParams, request: Request) -> Result<SummaryReply, Fault> {
    let told = worker.told(&params.account, request.deadline).await?;
    let accounts = told.accounts().map(|(name, account)| AccountSummary {
        account: name.clone(),
        values: SUMMARY_TAGS.iter().filter_map(|tag| summary_value(account, tag)).collect(),
    });
    Ok(SummaryReply { accounts: accounts.collect(), context: told.context.clone() })
}

/// One value per tag, as IB's summary has it: of a ledger tag the one in the base currency.
fn summary_value(account: &AccountKept, tag: &str) -> Option<AccountValue> {
    let value = account.value(tag, Some(BASE)).or_else(|| account.value(tag, None))?;
    let currency = value.currency.clone().map(|currency| if currency == BASE { base_currency(account) } else { currency });
    Some(AccountValue { tag: tag.to_owned(), value: value.value.clone(), number: value.number(), currency })
}

/// The currency in which IB tells the account's net liquidation.
fn base_currency(account: &AccountKept) -> String {
    let told =
        |value: &&ib_link::KeptValue| value.tag == "NetLiquidation" && value.currency.as_deref().is_some_and(|currency| currency != BASE);
    account.values.iter().find(told).and_then(|value| value.currency.clone()).unwrap_or_else(|| "USD".to_owned())
}

async fn overview(worker: Arc<Worker>, params: AccountParams, request: Request) -> Result<OverviewReply, Fault> {
    let told = worker.told(&params.account, request.deadline).await?;
    let Some((name, account)) = told.only() else {
        let names: Vec<String> = told.accounts().map(|(name, _)| name.clone()).collect();
        let mut fault = Fault::new(FaultCode::Ambiguous, format!("the login has {} accounts and none was named", names.len()));
        fault.field = Some("account".to_owned());
        return Err(fault.hint(format!("name one: account={}", names.first().map_or("", String::as_str))).allowed(names));
    };
    let number = |tag: &str| summary_value(account, tag).and_then(|value| value.number);
    Ok(OverviewReply {
        account_id: name.clone(),
        base_currency: base_currency(account),
        net_liquidation: number("NetLiquidation"),
        cash_balance: number("TotalCashValue"),
        buying_power: number("BuyingPower"),
        total_positions_value: positions_value(account),
        unrealized_pnl: number("UnrealizedPnL"),
        realized_pnl: number("RealizedPnL"),
        realized_pnl_period: "today".to_owned(),
        context: told.context.clone(),
    })
}

/// Market value of everything held, in the base currency; absent when a price or a rate is.
fn positions_value(account: &AccountKept) -> Option<Num> {
    let base = base_currency(account);
    let mut sum = Decimal::ZERO;
    for holding in &account.holdings {
        let value = holding.market_value?.0;
        let currency = holding.contract.currency.as_str();
        let rate = if currency == base { Decimal::ONE } else { account.value("ExchangeRate", Some(currency))?.number()?.0 };
        sum = sum.checked_add(value.checked_mul(rate)?)?;
    }
    Some(Num(sum.round_dp(2)))
}

async fn positions(worker: Arc<Worker>, params: PositionsParams, request: Request) -> Result<PositionsReply, Fault> {
    let told = worker.told(&params.account, request.deadline).await?;
    let symbol = params.symbol.trim();
    let all = worker.rows.of(&told.kept);
    if symbol.is_empty() && told.wanted.is_empty() && params.offset == 0 && all.len() <= POSITIONS_MAX {
        return Ok(PositionsReply { total: all.len(), positions: all, truncated: false, next: None, context: told.context });
    }
    let asked = |row: &&Position| {
        (symbol.is_empty() || row.symbol.eq_ignore_ascii_case(symbol))
            && (told.wanted.is_empty() || row.account.eq_ignore_ascii_case(&told.wanted))
    };
    let total = all.iter().filter(asked).count();
    let page: Vec<Position> = all.iter().filter(asked).skip(params.offset).take(POSITIONS_MAX).cloned().collect();
    let end = params.offset.saturating_add(page.len());
    let truncated = end < total;
    Ok(PositionsReply { positions: page.into(), total, truncated, next: truncated.then_some(end), context: told.context })
}

/// Every holding as a row, made and written once for each snapshot: between two pushes of IB's nothing about them changes.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    last: Mutex<Option<RowsOf>>,
}

/// A snapshot and its rows.
type RowsOf = (Arc<Kept>, Written<Vec<Position>>);

impl Rows {
    fn of(&self, kept: &Arc<Kept>) -> Written<Vec<Position>> {
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

fn position(account: &str, holding: &Holding) -> Position {
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

/// What memory holds, and which of it was asked for.
struct Told {
    kept: Arc<Kept>,
    /// Empty means every account.
    wanted: String,
    context: Context,
}

impl Told {
    fn accounts(&self) -> impl Iterator<Item = (&String, &AccountKept)> {
        self.kept.accounts.iter().filter(|(name, _)| self.wanted.is_empty() || name.eq_ignore_ascii_case(&self.wanted))
    }

    /// The account, where it is one.
    fn only(&self) -> Option<(&String, &AccountKept)> {
        let mut accounts = self.accounts();
        accounts.next().filter(|_| accounts.next().is_none())
    }
}

impl Worker {
    /// The accounts that `wanted` names (all when empty), once IB has told them, with their age.
    async fn told(&self, wanted: &str, deadline: Instant) -> Result<Told, Fault> {
        let mut kept = Arc::clone(&self.link.kept().borrow());
        let now = service::clock::now();
        if matches!(kept.freshness(now), Freshness::Missing | Freshness::Expired) {
            kept = self.link.kept_ready(deadline).await?;
        }
        let stale = match kept.freshness(now) {
            Freshness::Fresh => false,
            Freshness::Stale => true,
            Freshness::Missing | Freshness::Expired => return Err(too_old(&kept)),
        };
        let wanted = Some(wanted.trim()).filter(|wanted| !wanted.eq_ignore_ascii_case("all")).unwrap_or_default().to_owned();
        let mut told = Told { kept, wanted, context: self.context(DataType::Account) };
        if told.accounts().next().is_none() {
            return Err(no_such_account(&told));
        }
        let only = told.only().map(|(name, _)| name.clone());
        // The age counts from the last proof that the subscription lives, not from the last change (spec 6).
        told.context = self.about_account(told.context, only.as_deref(), &told.kept, stale);
        Ok(told)
    }
}

fn no_such_account(told: &Told) -> Fault {
    let shown: String = told.wanted.chars().filter(|c| !c.is_control()).take(40).collect();
    let mut fault = Fault::new(FaultCode::NotFound, format!("this login has no account `{shown}`"));
    fault.field = Some("account".to_owned());
    fault.hint("leave account out for all accounts").allowed(told.kept.accounts.keys().cloned())
}

fn too_old(kept: &Kept) -> Fault {
    let since = kept.alive_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    Fault::new(FaultCode::StaleData, format!("account data was last true at {since}, too long ago to be told"))
        .hint("bring the gateway back; GET /health says why it is away")
}

#[cfg(test)]
mod tests {
    use ib_link::KeptValue;
    use schemas::contracts::Contract;

    use super::*;

    fn num(text: &str) -> Num {
        Num::from_ib_text(text).expect(text)
    }

    fn holding(quantity: &str, avg_cost: &str, value: Option<&str>, unrealized: Option<&str>, multiplier: Option<&str>) -> Holding {
        let contract = Contract {
            conid: 1,
            symbol: "AAPL".to_owned(),
            sec_type: "STK".to_owned(),
            exchange: String::new(),
            currency: "USD".to_owned(),
            primary_exchange: None,
            local_symbol: None,
            trading_class: None,
            expiry: None,
            strike: None,
            right: None,
            multiplier: multiplier.map(num),
            name: None,
            assumed: Vec::new(),
        };
        Holding {
            contract,
            quantity: num(quantity),
            avg_cost: num(avg_cost),
            market_price: None,
            market_value: value.map(num),
            unrealized_pnl: unrealized.map(num),
            realized_pnl: None,
        }
    }

    fn value(tag: &str, currency: Option<&str>, value: &str) -> KeptValue {
        KeptValue { tag: tag.to_owned(), currency: currency.map(str::to_owned), value: value.to_owned() }
    }

    #[test]
    fn an_options_cost_is_per_contract_and_its_price_per_share() {
        let row = position("DU1", &holding("-3", "2100.6321", Some("-5400"), Some("901.8963"), Some("100")));
        assert_eq!(row.avg_price, num("21.006321"));
        assert_eq!(row.unrealized_pnl_percent, Some(num("14.31")));
        assert_eq!(row.exchange, None);
    }

    #[test]
    fn what_ib_has_not_priced_stays_absent() {
        let row = position("DU1", &holding("10", "256.1", None, None, None));
        assert_eq!((row.market_value, row.unrealized_pnl_percent, row.multiplier), (None, None, num("1")));
        let account = AccountKept { values: Vec::new(), holdings: vec![holding("10", "256.1", None, None, None)] };
        assert_eq!(positions_value(&account), None, "a sum without one of its parts would be a lie");
    }

    #[test]
    fn a_ledger_value_is_told_once_in_the_base_currency() {
        let values = vec![
            value("NetLiquidation", Some("EUR"), "68000.00"),
            value("UnrealizedPnL", Some("BASE"), "12.5"),
            value("UnrealizedPnL", Some("USD"), "14.0"),
        ];
        let account = AccountKept { values, holdings: Vec::new() };
        let told = summary_value(&account, "UnrealizedPnL").expect("told");
        assert_eq!((told.number, told.currency.as_deref()), (Some(num("12.5")), Some("EUR")));
        assert_eq!(summary_value(&account, "BuyingPower"), None);
    }

    #[test]
    fn holdings_in_another_currency_are_converted_at_ibs_rate() {
        let values = vec![value("NetLiquidation", Some("EUR"), "1"), value("ExchangeRate", Some("USD"), "0.9")];
        let account = AccountKept { values, holdings: vec![holding("10", "100", Some("1000"), None, None)] };
        assert_eq!(positions_value(&account), Some(num("900")));
    }
}
