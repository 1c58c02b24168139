//! The subscriptions behind the kept state: opened with a session, joined into the store, opened anew when one ends.
//!
//! Which ones, and why: `ibapi` asks `account_updates_multi` with ledgerAndNLV set, so that it brings balances by
//! currency and net liquidation but no margins and no buying power. A login with one account therefore uses
//! `account_updates`, which has every value and also what the holdings are worth (IB gives it to one account per
//! connection); one with several uses the multi-account forms, `account_summary` for the values that those lack, and
//! one `pnl_single` per holding, up to [`PNL_MAX`]. What each account gained today comes from one `pnl` for each.
//!
//! Invariant: what a subscription told is called fresh only while it lives. When one ends that content cannot do
//! without, all of it is stale until all are complete again; when an optional one ends, what it told is absent until
//! it is back.

mod follow;
mod keeper;
mod rows;

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::sleep_until,
};

pub(crate) use keeper::Keeper;
pub(crate) use rows::cents;

use crate::{
    clock::instant,
    link::Session,
    pacing::Bucket,
    store::{Push, Source},
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

/// How long to wait before something that ended is begun again: a refusal that comes at once must not become a storm
/// of requests.
struct Pauses {
    first: Duration,
    next: Duration,
}

impl Pauses {
    fn new(first: Duration) -> Self {
        Self { first, next: first }
    }

    fn after(&mut self, ran: Duration) -> Duration {
        let pause = if ran > AGAIN_MAX { self.first } else { self.next };
        self.next = (pause * 2).min(AGAIN_MAX);
        pause
    }
}

impl Keep {
    /// Runs until the session is over or the task is dropped.
    pub(crate) async fn run(self) {
        let mut pauses = Pauses::new(self.again);
        while !self.session.over.is_cancelled() {
            let begun = instant();
            tokio::select! {
                () = self.session.over.cancelled() => break,
                reason = self.once() => {
                    tracing::warn!(reason, "a subscription of the account state ended; subscribing anew");
                    self.keeper.change(|store, _| store.failed(reason));
                }
            }
            // Time itself is meant.
            tokio::select! {
                () = self.session.over.cancelled() => break,
                () = sleep_until(instant() + pauses.after(begun.elapsed())) => {}
            }
        }
    }

    /// Until a source ends that content cannot do without; tells why.
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
            self.spawn(&mut streams, source, &pushes);
        }
        for account in accounts {
            self.spawn(&mut streams, Source::Profit(account.clone()), &pushes);
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
                    Ok(reason) => return reason,
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

    /// Follows a source in a task that ends with it, or never where content can do without it.
    fn spawn(&self, streams: &mut JoinSet<String>, source: Source, pushes: &mpsc::Sender<Push>) -> AbortHandle {
        let (keep, pushes) = (self.clone(), pushes.clone());
        streams.spawn(async move {
            if source.optional() { keep.follow_again(&source, &pushes).await } else { keep.follow(&source, &pushes).await }
        })
    }

    /// One subscription per holding for its market value, dropped with the holding.
    fn price(&self, priced: &mut HashMap<(String, i32), AbortHandle>, streams: &mut JoinSet<String>, pushes: &mpsc::Sender<Push>) {
        let held = self.keeper.store().held();
        priced.retain(|key, handle| {
            let still = held.iter().any(|(account, conid, ..)| (account, conid) == (&key.0, &key.1));
            if !still {
                handle.abort();
            }
            still
        });
        for (account, conid, multiplier) in held {
            let key = (account, conid);
            if !priced.contains_key(&key) && priced.len() < PNL_MAX {
                let source = Source::Price { account: key.0.clone(), conid, multiplier };
                priced.insert(key, self.spawn(streams, source, pushes));
            }
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

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
