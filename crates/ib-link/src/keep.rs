//! The subscriptions behind the kept state: opened with a session, joined into the store, opened anew when one ends.
//!
//! Which ones, and why: `ibapi` asks `account_updates_multi` with ledgerAndNLV set, so that it brings balances by
//! currency and net liquidation but no margins and no buying power. A login with one account therefore uses
//! `account_updates`, which has every value and also what the holdings are worth (IB gives it to one account per
//! connection); one with several uses the multi-account forms, `account_summary` for the values that those lack, and
//! one `pnl_single` per holding, up to [`PNL_MAX`].

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{Stream, StreamExt};
use ibapi::{
    Error, SUBSCRIPTION_LAG_CODE,
    accounts::{AccountSummaryResult, AccountSummaryTags, AccountUpdate, AccountUpdateMulti, PositionUpdateMulti, types::AccountGroup},
    subscriptions::SubscriptionItem,
};
use schemas::Num;
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::sleep_until,
};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::{Clock, instant},
    convert,
    kept::{Kept, Market, Push, Source, Store},
    link::Session,
    pacing::Bucket,
};

/// Accounts that are kept; IB's own limit for the multi-account forms.
const ACCOUNTS_MAX: usize = 50;
/// Pushes that wait for the store. A full queue holds up the reader, never the session.
const PUSHES_MAX: usize = 1_024;
/// Holdings of a login with several accounts that get a price; each costs a subscription.
const PNL_MAX: usize = 50;
/// After this, content is told without the optional sources that have not answered.
const OPTIONAL_WAIT: Duration = Duration::from_secs(10);
/// After this, everything is subscribed anew: IB sometimes forgets an answer.
const ENDS_WAIT: Duration = Duration::from_secs(60);
/// Longest pause before subscribing anew after failures.
const AGAIN_MAX: Duration = Duration::from_secs(60);

/// Store and snapshot of one link, for as long as the link lives.
#[derive(Debug)]
pub(crate) struct Keeper {
    store: Mutex<Store>,
    snapshot: watch::Sender<Arc<Kept>>,
    clock: Clock,
}

impl Keeper {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { store: Mutex::default(), snapshot: watch::Sender::new(Arc::default()), clock }
    }

    pub(crate) fn snapshot(&self) -> watch::Receiver<Arc<Kept>> {
        self.snapshot.subscribe()
    }

    pub(crate) fn lost(&self) {
        self.change(|store, _| store.lost());
    }

    pub(crate) fn upstream(&self, there: bool) {
        self.change(|store, now| store.upstream(there, now));
    }

    pub(crate) fn alive(&self) {
        self.change(|store, now| store.alive(now));
    }

    fn change<T>(&self, change: impl FnOnce(&mut Store, jiff::Timestamp) -> T) -> T {
        let mut store = self.store();
        let done = change(&mut store, self.clock.now());
        // Sent under the lock, so that two changes cannot be published in the wrong order.
        self.snapshot.send_replace(Arc::new(store.snapshot()));
        done
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything that the subscriptions of one session need.
#[derive(Clone)]
pub(crate) struct Keep {
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) session: Arc<Session>,
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) accounts: Arc<[String]>,
    /// First pause before subscribing anew, doubled up to [`AGAIN_MAX`].
    pub(crate) again: Duration,
}

impl Keep {
    /// Runs until the session is over or the task is dropped.
    pub(crate) async fn run(self) {
        let mut pause = self.again;
        while !self.session.over.is_cancelled() {
            let begun = instant();
            tokio::select! {
                () = self.session.over.cancelled() => break,
                reason = self.once() => tracing::warn!(reason, "a subscription of the account state ended; subscribing anew"),
            }
            if begun.elapsed() > AGAIN_MAX {
                pause = self.again;
            }
            // Time itself is meant: a refusal that comes at once must not become a storm of requests.
            tokio::select! {
                () = self.session.over.cancelled() => break,
                () = sleep_until(instant() + pause) => {}
            }
            pause = (pause * 2).min(AGAIN_MAX);
        }
    }

    /// Until a source ends; tells why.
    async fn once(&self) -> String {
        let accounts = &self.accounts[..self.accounts.len().min(ACCOUNTS_MAX)];
        if accounts.len() < self.accounts.len() {
            tracing::warn!(kept = accounts.len(), of = self.accounts.len(), "more accounts than can be kept");
        }
        let (pushes, mut inbox) = mpsc::channel(PUSHES_MAX);
        let mut streams = JoinSet::new();
        let sources = sources(accounts);
        self.keeper.change(|store, _| store.begin(accounts, sources.iter().cloned()));
        for source in sources {
            let (keep, pushes) = (self.clone(), pushes.clone());
            streams.spawn(async move {
                let ended = keep.follow(&source, pushes).await;
                (source, ended)
            });
        }
        let several = accounts.len() > 1;
        let mut priced = HashMap::new();
        let (settle_at, give_up_at) = (instant() + OPTIONAL_WAIT, instant() + ENDS_WAIT);
        let mut settled = false;
        let mut complete = false;
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                count = inbox.recv_many(&mut batch, PUSHES_MAX) => {
                    if count == 0 {
                        return "no source is left".to_owned();
                    }
                    self.keeper.change(|store, now| batch.drain(..).for_each(|push| store.apply(push, now)));
                    if several {
                        self.price(&mut priced, &mut streams, &pushes);
                    }
                }
                Some(ended) = streams.join_next() => match ended {
                    Ok((source, reason)) if !source.optional() => return reason,
                    Ok((source, reason)) => {
                        tracing::info!(?source, reason, "an optional source of the account state ended");
                        self.keeper.change(|store, now| store.apply(Push::End(source), now));
                    }
                    // A price whose holding has gone was aborted by us.
                    Err(error) if error.is_cancelled() => {}
                    Err(error) => return format!("its reader failed: {error}"),
                },
                () = sleep_until(if settled { give_up_at } else { settle_at }), if !complete => {
                    complete = self.keeper.change(|store, now| store.settle(now));
                    if settled && !complete {
                        return format!("IB sent no end of {:?}", self.keeper.store().waits_for());
                    }
                    settled = true;
                }
            }
        }
    }

    /// One source until it ends; tells why.
    async fn follow(&self, source: &Source, pushes: mpsc::Sender<Push>) -> String {
        let client = &self.session.client;
        let deadline = instant() + ENDS_WAIT;
        if let Err(fault) = self.bucket.take(deadline).await {
            return fault.message;
        }
        let mut cancel = Cancel::new(&self.bucket, &self.session.over);
        let ended = match source {
            Source::Updates => {
                let account = self.accounts.first().cloned().unwrap_or_default();
                let id = account.as_str().into();
                pump(client.account_updates(&id), &pushes, |row| update(row, &account)).await
            }
            Source::Ledger(account) => {
                let id = account.as_str().into();
                pump(client.account_updates_multi(Some(&id), None), &pushes, |row| ledger(row, account)).await
            }
            Source::Summary => {
                let group = AccountGroup::from("All");
                let tags: Vec<&str> =
                    AccountSummaryTags::ALL.iter().copied().filter(|tag| *tag != AccountSummaryTags::LEDGER_ALL).collect();
                pump(client.account_summary(&group, &tags), &pushes, summary).await
            }
            Source::Positions(account) => {
                let id = account.as_str().into();
                pump(client.positions_multi(Some(&id), None), &pushes, |row| position(row, account)).await
            }
            Source::Price => "a price is followed by its holding".to_owned(),
        };
        cancel.open = false;
        ended
    }

    /// One subscription per holding for its market value, dropped with the holding.
    fn price(
        &self,
        priced: &mut HashMap<(String, i32), AbortHandle>,
        streams: &mut JoinSet<(Source, String)>,
        pushes: &mpsc::Sender<Push>,
    ) {
        let held = self.keeper.store().held();
        priced.retain(|key, handle| {
            let still = held.iter().any(|(account, conid, ..)| (account, conid) == (&key.0, &key.1));
            if !still {
                handle.abort();
            }
            still
        });
        for (account, conid, _, multiplier) in held {
            let key = (account.clone(), conid);
            if priced.contains_key(&key) || priced.len() >= PNL_MAX {
                continue;
            }
            let (keep, pushes) = (self.clone(), pushes.clone());
            let handle = streams.spawn(async move {
                let ended = keep.follow_price(&account, conid, multiplier, pushes).await;
                // A missing price is no reason to subscribe everything anew.
                (Source::Price, ended)
            });
            priced.insert(key, handle);
        }
    }

    async fn follow_price(&self, account: &str, conid: i32, multiplier: Num, pushes: mpsc::Sender<Push>) -> String {
        if let Err(fault) = self.bucket.take(instant() + AGAIN_MAX).await {
            return fault.message;
        }
        let id = account.into();
        let opened = self.session.client.pnl_single(&id, conid.into(), None);
        let mut cancel = Cancel::new(&self.bucket, &self.session.over);
        let ended = pump(opened, &pushes, |row| {
            let value = Num::from_ib(row.value);
            let points = Num::from_ib(row.position).map(|quantity| quantity.0 * multiplier.0);
            let price = value.zip(points).and_then(|(value, points)| value.0.checked_div(points)).map(|price| Num(price.normalize()));
            let market = Market { price, value, unrealized: Num::from_ib(row.unrealized_pnl), realized: Num::from_ib(row.realized_pnl) };
            Some(Push::Market { account: account.to_owned(), conid, market })
        })
        .await;
        cancel.open = false;
        ended
    }
}

/// Counts the cancel that `ibapi` sends when an open subscription is dropped.
struct Cancel<'a> {
    bucket: &'a Bucket,
    over: &'a CancellationToken,
    open: bool,
}

impl<'a> Cancel<'a> {
    fn new(bucket: &'a Bucket, over: &'a CancellationToken) -> Self {
        Self { bucket, over, open: true }
    }
}

impl Drop for Cancel<'_> {
    fn drop(&mut self) {
        // Nothing can be sent on a session that is over.
        if self.open && !self.over.is_cancelled() {
            self.bucket.charge();
        }
    }
}

fn sources(accounts: &[String]) -> Vec<Source> {
    let mut sources: Vec<Source> = accounts.iter().cloned().map(Source::Positions).collect();
    if accounts.len() == 1 {
        sources.push(Source::Updates);
    } else {
        sources.extend(accounts.iter().cloned().map(Source::Ledger));
        sources.push(Source::Summary);
    }
    sources
}

/// Reads a subscription to its end; tells why it ended.
async fn pump<T, S>(opened: impl Future<Output = Result<S, Error>>, pushes: &mpsc::Sender<Push>, read: impl Fn(T) -> Option<Push>) -> String
where
    S: Stream<Item = Result<SubscriptionItem<T>, Error>> + Unpin,
{
    let mut rows = match opened.await {
        Ok(rows) => rows,
        Err(error) => return error.to_string(),
    };
    while let Some(row) = rows.next().await {
        let push = match row {
            Ok(SubscriptionItem::Data(row)) => read(row),
            // Rows were lost: what is kept may be wrong from here on.
            Ok(SubscriptionItem::Notice(notice)) if notice.code == SUBSCRIPTION_LAG_CODE => return notice.message,
            Ok(SubscriptionItem::Notice(_)) => None,
            Err(error) => return error.to_string(),
        };
        if let Some(push) = push
            && pushes.send(push).await.is_err()
        {
            return "the store is gone".to_owned();
        }
    }
    "IB ended it".to_owned()
}

fn update(row: AccountUpdate, only: &str) -> Option<Push> {
    Some(match row {
        AccountUpdate::AccountValue(row) => Push::Value {
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

fn ledger(row: AccountUpdateMulti, asked: &str) -> Option<Push> {
    Some(match row {
        AccountUpdateMulti::AccountMultiValue(row) => {
            Push::Value { account: named(row.account, asked), tag: row.key, currency: row.currency, value: row.value }
        }
        AccountUpdateMulti::End => Push::End(Source::Ledger(asked.to_owned())),
    })
}

fn summary(row: AccountSummaryResult) -> Option<Push> {
    match row {
        // A group's rows of "All" have no account of their own.
        AccountSummaryResult::Summary(row) if row.account.is_empty() || row.account == "All" => None,
        AccountSummaryResult::Summary(row) => {
            Some(Push::Value { account: row.account, tag: row.tag, currency: row.currency, value: row.value })
        }
        AccountSummaryResult::End => Some(Push::End(Source::Summary)),
    }
}

fn position(row: PositionUpdateMulti, asked: &str) -> Option<Push> {
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

#[cfg(test)]
#[path = "keep_tests.rs"]
mod tests;
