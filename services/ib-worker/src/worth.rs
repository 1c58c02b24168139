//! `account.list`, `account.values`, `account.portfolio`, `account.pnl` and `account.position_pnl`.

use std::{sync::Arc, time::Duration};

use bus::{Builder, Request};
use ib_link::{AccountKept, Holding};
use rust_decimal::Decimal;
use schemas::{
    Fault, FaultCode, Num,
    account::{
        AccountEntry, AccountParams, AccountPnl, AccountSummary, AccountValue, AccountWorth, List, ListParams, ListReply, POSITIONS_MAX,
        Pnl, PnlReply, Portfolio, PortfolioParams, PortfolioReply, PortfolioRow, PositionPnl, PositionPnlParams, PositionPnlReply,
        SummaryReply, Values,
    },
    context::{DataType, Mode, mask_account},
};
use tokio::time::{Instant, timeout_at};

use crate::{
    account::{Told, base_currency, positions_value, summary_value},
    worker::Worker,
};

/// IB tells a profit within a second of being asked; right after a connection that second is waited for.
const PROFIT_WAIT: Duration = Duration::from_secs(3);

pub(crate) fn routes(builder: Builder, worker: &Arc<Worker>) -> Builder {
    let [a, b, c, d, e] = std::array::from_fn(|_| Arc::clone(worker));
    builder
        .route::<List, _, _>(move |params, request| list(Arc::clone(&a), params, request))
        .route::<Values, _, _>(move |params, request| values(Arc::clone(&b), params, request))
        .route::<Portfolio, _, _>(move |params, request| portfolio(Arc::clone(&c), params, request))
        .route::<Pnl, _, _>(move |params, request| pnl(Arc::clone(&d), params, request))
        .route::<PositionPnl, _, _>(move |params, request| position_pnl(Arc::clone(&e), params, request))
}

fn number(account: &AccountKept, tag: &str) -> Option<Num> {
    summary_value(account, tag).and_then(|value| value.number)
}

async fn list(worker: Arc<Worker>, _: ListParams, request: Request) -> Result<ListReply, Fault> {
    let told = worker.told("", request.deadline).await?;
    let accounts = told.accounts().filter_map(|(name, account)| {
        let mode = Mode::of_accounts([name.as_str()])?;
        let net_liquidation = number(account, "NetLiquidation");
        Some(AccountEntry { account: name.clone(), mode, base_currency: base_currency(account), net_liquidation })
    });
    Ok(ListReply { accounts: accounts.collect(), context: told.context.clone() })
}

async fn values(worker: Arc<Worker>, params: AccountParams, request: Request) -> Result<SummaryReply, Fault> {
    let told = worker.told(&params.account, request.deadline).await?;
    let every = |account: &AccountKept| {
        let told = |value: &ib_link::KeptValue| AccountValue {
            tag: value.tag.clone(),
            value: value.value.clone(),
            number: value.number(),
            currency: value.currency.clone(),
        };
        account.values.iter().map(told).collect()
    };
    let accounts = told.accounts().map(|(name, account)| AccountSummary { account: name.clone(), values: every(account) });
    Ok(SummaryReply { accounts: accounts.collect(), context: told.context.clone() })
}

async fn portfolio(worker: Arc<Worker>, params: PortfolioParams, request: Request) -> Result<PortfolioReply, Fault> {
    let told = worker.told(&params.account, request.deadline).await?;
    let accounts = told.accounts().map(|(name, account)| AccountWorth {
        account: name.clone(),
        base_currency: base_currency(account),
        net_liquidation: number(account, "NetLiquidation"),
        cash: number(account, "TotalCashValue"),
        positions_value: positions_value(account),
        unrealized_pnl: number(account, "UnrealizedPnL"),
        realized_pnl: number(account, "RealizedPnL"),
    });
    let every = || told.accounts().flat_map(|(name, account)| account.holdings.iter().map(move |holding| (name, account, holding)));
    let total = every().count();
    let page = every().skip(params.offset).take(POSITIONS_MAX);
    let holdings: Vec<PortfolioRow> = page.map(|(name, account, holding)| row(name, account, holding)).collect();
    let end = params.offset.saturating_add(holdings.len());
    let truncated = end < total;
    let next = truncated.then_some(end);
    Ok(PortfolioReply { accounts: accounts.collect(), holdings, total, truncated, next, context: told.context.clone() })
}

fn row(name: &str, account: &AccountKept, holding: &Holding) -> PortfolioRow {
    let contract = &holding.contract;
    PortfolioRow {
        account: name.to_owned(),
        symbol: contract.symbol.clone(),
        sec_type: contract.sec_type.clone(),
        conid: contract.conid,
        local_symbol: contract.local_symbol.clone(),
        currency: contract.currency.clone(),
        quantity: holding.quantity,
        market_price: holding.market_price,
        market_value: holding.market_value,
        average_cost: Num(holding.avg_cost.0.round_dp(6)),
        unrealized_pnl: holding.unrealized_pnl,
        realized_pnl: holding.realized_pnl,
        percent_of_account: percent(account, holding),
    }
}

/// Market value of the account's net liquidation, at IB's rate where the currencies differ.
fn percent(account: &AccountKept, holding: &Holding) -> Option<Num> {
    let base = base_currency(account)?;
    let currency = holding.contract.currency.as_str();
    let rate = if currency == base { Decimal::ONE } else { account.value("ExchangeRate", Some(currency))?.number()?.0 };
    let value = holding.market_value?.0.checked_mul(rate)?;
    let part = value.checked_div(number(account, "NetLiquidation")?.0)?;
    Some(Num(part.checked_mul(Decimal::ONE_HUNDRED)?.round_dp(2)))
}

async fn pnl(worker: Arc<Worker>, params: AccountParams, request: Request) -> Result<PnlReply, Fault> {
    let mut told = worker.told(&params.account, request.deadline).await?;
    if !told.context.stale && told.accounts().any(|(_, account)| account.profit.is_none()) {
        told = worker.told_with_profit(&params.account, request.deadline).await?;
    }
    let accounts = told.accounts().map(|(name, account)| {
        let profit = account.profit.unwrap_or_default();
        AccountPnl {
            account: name.clone(),
            base_currency: base_currency(account),
            daily_pnl: profit.daily,
            unrealized_pnl: profit.unrealized,
            realized_pnl: profit.realized,
        }
    });
    Ok(PnlReply { accounts: accounts.collect(), context: told.context.clone() })
}

async fn position_pnl(worker: Arc<Worker>, params: PositionPnlParams, request: Request) -> Result<PositionPnlReply, Fault> {
    let told = worker.told(&params.account, request.deadline).await?;
    let resolved = worker.reference.contract(&params.contract, request.deadline).await?;
    let conid = resolved.contract.conid;
    let holders: Vec<&String> = told
        .accounts()
        .filter(|(_, account)| account.holdings.iter().any(|held| held.contract.conid == conid))
        .map(|(name, _)| name)
        .collect();
    let account = match holders.as_slice() {
        [only] => (*only).clone(),
        [] => {
            let message = format!("{} ({conid}) is not held", resolved.contract.symbol);
            return Err(Fault::new(FaultCode::NotFound, message).hint("get_positions() lists what is held"));
        }
        several => {
            let message = format!("{} ({conid}) is held by {} accounts and none was named", resolved.contract.symbol, several.len());
            let mut fault = Fault::new(FaultCode::Ambiguous, message);
            fault.field = Some("account".to_owned());
            return Err(fault.hint(format!("name one: account={}", several[0])).allowed(several.iter().map(|name| (*name).clone())));
        }
    };
    let profit = worker.link.position_profit(&account, conid, request.deadline).await?;
    let held = told.kept.accounts.get(&account).and_then(|kept| kept.holdings.iter().find(|held| held.contract.conid == conid));
    let mut context = worker.reference.context_of(&resolved.details, DataType::Account);
    context.account = Some(mask_account(&account));
    Ok(PositionPnlReply {
        contract: resolved.contract,
        account,
        quantity: profit.quantity.or_else(|| held.map(|held| held.quantity)).unwrap_or(Num::ZERO),
        market_value: profit.market_value,
        daily_pnl: profit.daily,
        unrealized_pnl: profit.unrealized,
        realized_pnl: profit.realized,
        context,
    })
}

impl Worker {
    /// What is told after the profit of every account has come, or after it could have.
    async fn told_with_profit(&self, wanted: &str, deadline: Instant) -> Result<Told, Fault> {
        let mut kept = self.link.kept();
        let known = kept.wait_for(|kept| kept.accounts.values().all(|account| account.profit.is_some()));
        // What has not come by then is told as not known.
        let _ = timeout_at(deadline.min(Instant::now() + PROFIT_WAIT), known).await;
        self.told(wanted, deadline).await
    }
}
