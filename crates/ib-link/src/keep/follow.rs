//! One source from its request to its end.

use std::{future::Future, time::Duration};

use futures::{Stream, StreamExt};
use ibapi::{
    Error, SUBSCRIPTION_LAG_CODE,
    accounts::{AccountSummaryTags, types::AccountGroup},
    subscriptions::SubscriptionItem,
};
use tokio::{
    sync::mpsc,
    time::{sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    ENDS_WAIT, Keep, Pauses,
    rows::{ledger, position, price, profit, summary, update},
};
use crate::{
    clock::instant,
    fault,
    notices::TOO_FAST,
    pacing::Bucket,
    store::{Push, Source},
};

/// IB tells something of every source at once, if only that there is nothing.
const FIRST_WAIT: Duration = ENDS_WAIT;

impl Keep {
    /// A source that content can do without: begun again whenever it ends, for as long as the store listens.
    pub(super) async fn follow_again(&self, source: &Source, pushes: &mpsc::Sender<Push>) -> String {
        let mut pauses = Pauses::new(self.again);
        loop {
            let begun = instant();
            let reason = self.follow(source, pushes).await;
            tracing::info!(?source, reason, "an optional source of the account state ended; subscribing anew");
            if pushes.send(Push::Gone(source.clone())).await.is_err() {
                return "the store is gone".to_owned();
            }
            // Time itself is meant.
            sleep_until(instant() + pauses.after(begun.elapsed())).await;
        }
    }

    /// One source until it ends; tells why.
    pub(super) async fn follow(&self, source: &Source, pushes: &mpsc::Sender<Push>) -> String {
        let client = &self.session.client;
        if let Err(fault) = self.bucket.take(instant() + ENDS_WAIT).await {
            return fault.message;
        }
        let mut cancel = Cancel::new(&self.bucket, &self.session.over);
        let ended = match source {
            Source::Updates => {
                let account = self.accounts.first().cloned().unwrap_or_default();
                let id = account.as_str().into();
                self.pump(source, client.account_updates(&id), pushes, |row| update(row, &account)).await
            }
            Source::Ledger(account) => {
                let id = account.as_str().into();
                self.pump(source, client.account_updates_multi(Some(&id), None), pushes, |row| ledger(row, account)).await
            }
            Source::Summary => {
                let group = AccountGroup::from("All");
                let tags: Vec<&str> =
                    AccountSummaryTags::ALL.iter().copied().filter(|tag| *tag != AccountSummaryTags::LEDGER_ALL).collect();
                self.pump(source, client.account_summary(&group, &tags), pushes, summary).await
            }
            Source::Positions(account) => {
                let id = account.as_str().into();
                self.pump(source, client.positions_multi(Some(&id), None), pushes, |row| position(row, account)).await
            }
            Source::Profit(account) => {
                let id = account.as_str().into();
                self.pump(source, client.pnl(&id, None), pushes, |row| Some(profit(&row, account))).await
            }
            Source::Price { account, conid, multiplier } => {
                let id = account.as_str().into();
                let opened = client.pnl_single(&id, (*conid).into(), None);
                self.pump(source, opened, pushes, |row| Some(price(&row, account, *conid, *multiplier))).await
            }
        };
        cancel.open = false;
        ended
    }

    /// Reads a subscription to its end; tells why it ended.
    async fn pump<T, S>(
        &self,
        source: &Source,
        opened: impl Future<Output = Result<S, Error>>,
        pushes: &mpsc::Sender<Push>,
        read: impl Fn(T) -> Option<Push>,
    ) -> String
    where
        S: Stream<Item = Result<SubscriptionItem<T>, Error>> + Unpin,
    {
        let mut rows = match opened.await {
            Ok(rows) => rows,
            Err(error) => return self.ended(&error),
        };
        let mut next = match timeout(FIRST_WAIT, rows.next()).await {
            Ok(first) => first,
            // What is left of the last subscription goes; asking again would only cost messages.
            Err(_) if source.optional() => match pushes.send(Push::Gone(source.clone())).await {
                Ok(()) => rows.next().await,
                Err(_) => return "the store is gone".to_owned(),
            },
            Err(_) => return format!("IB told nothing within {} s", FIRST_WAIT.as_secs()),
        };
        while let Some(row) = next {
            let push = match row {
                Ok(SubscriptionItem::Data(row)) => read(row),
                // Rows were lost: what is kept may be wrong from here on.
                Ok(SubscriptionItem::Notice(notice)) if notice.code == SUBSCRIPTION_LAG_CODE => return notice.message,
                Ok(SubscriptionItem::Notice(_)) => None,
                Err(error) => return self.ended(&error),
            };
            if let Some(push) = push
                && pushes.send(push).await.is_err()
            {
                return "the store is gone".to_owned();
            }
            next = rows.next().await;
        }
        "IB ended it".to_owned()
    }

    fn ended(&self, error: &Error) -> String {
        // Told to this subscription, it is meant for all that this link sends.
        if matches!(error, Error::Notice(notice) if notice.code == TOO_FAST) {
            self.bucket.too_fast();
        }
        fault::text_of(error)
    }
}

/// Counts the cancel that `ibapi` sends when an open subscription is dropped.
pub(super) struct Cancel<'a> {
    bucket: &'a Bucket,
    over: &'a CancellationToken,
    pub(super) open: bool,
}

impl<'a> Cancel<'a> {
    pub(super) fn new(bucket: &'a Bucket, over: &'a CancellationToken) -> Self {
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
