//! `account.*`: answered from what IB pushes, with its age.

mod rows;
mod values;

use std::sync::Arc;

use bus::{Builder, Request};
use ib_link::{AccountKept, Freshness, Kept};
use schemas::{
    Context, Fault, FaultCode,
    account::{
        AccountParams, AccountSummary, Overview, OverviewReply, POSITIONS_MAX, Position, Positions, PositionsParams, PositionsReply,
        Summary, SummaryReply,
    },
    context::DataType,
};
use tokio::time::Instant;

pub(crate) use rows::Rows;
use values::SUMMARY_TAGS;
pub(crate) use values::{base_currency, positions_value, summary_value};

use crate::worker::Worker;

pub(crate) fn routes(builder: Builder, worker: &Arc<Worker>) -> Builder {
    let (a, b, c) = (Arc::clone(worker), Arc::clone(worker), Arc::clone(worker));
    builder
        .route::<Summary, _, _>(move |params, request| summary(Arc::clone(&a), params, request))
        .route::<Overview, _, _>(move |params, request| overview(Arc::clone(&b), params, request))
        .route::<Positions, _, _>(move |params, request| positions(Arc::clone(&c), params, request))
}

/// IB tells the values of an account within seconds of each other.
const BASE_RETRY_MS: u64 = 5_000;

async fn summary(worker: Arc<Worker>, params: AccountParams, request: Request) -> Result<SummaryReply, Fault> {
    let told = worker.told(&params.account, request.deadline).await?;
    let accounts = told.accounts().map(|(name, account)| AccountSummary {
        account: name.clone(),
        values: SUMMARY_TAGS.iter().filter_map(|tag| summary_value(account, tag)).collect(),
    });
    Ok(SummaryReply { accounts: accounts.collect(), context: told.context.clone() })
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
        base_currency: base_currency(account).ok_or_else(|| no_base_currency(name))?,
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

/// A guess would make every other number of the answer a lie to whoever keeps accounts in another currency.
fn no_base_currency(account: &str) -> Fault {
    let message = format!("IB has told no value of account {account} in its own currency, so that this currency is not known");
    Fault::new(FaultCode::NotFound, message).retry_after_ms(BASE_RETRY_MS).hint("get_account_summary tells the values that IB has sent")
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

/// What memory holds, and which of it was asked for.
pub(crate) struct Told {
    pub(crate) kept: Arc<Kept>,
    /// Empty means every account.
    wanted: String,
    pub(crate) context: Context,
}

impl Told {
    pub(crate) fn accounts(&self) -> impl Iterator<Item = (&String, &AccountKept)> {
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
    pub(crate) async fn told(&self, wanted: &str, deadline: Instant) -> Result<Told, Fault> {
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
        let mut told = Told { kept, wanted, context: self.reference.context(DataType::Account) };
        if told.accounts().next().is_none() {
            let accounts: Vec<String> = told.kept.accounts.keys().cloned().collect();
            return Err(no_account(&told.wanted, &accounts));
        }
        let only = told.only().map(|(name, _)| name.clone());
        // The age counts from the last proof that the subscription lives, not from the last change (spec 6).
        told.context = self.reference.about_account(told.context, only.as_deref(), &told.kept, stale);
        Ok(told)
    }
}

pub(crate) fn no_account(wanted: &str, accounts: &[String]) -> Fault {
    let shown: String = wanted.chars().filter(|c| !c.is_control()).take(40).collect();
    let mut fault = Fault::new(FaultCode::NotFound, format!("this login has no account `{shown}`"));
    fault.field = Some("account".to_owned());
    fault.hint("leave account out for all accounts").allowed(accounts.iter().cloned())
}

fn too_old(kept: &Kept) -> Fault {
    let since = kept.alive_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    Fault::new(FaultCode::StaleData, format!("account data was last true at {since}, too long ago to be told"))
        .hint("bring the gateway back; GET /health says why it is away")
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
