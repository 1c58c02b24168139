//! Cancelling: by the owner, by everybody at once, and by the broker itself.
//!
//! Invariant: only the client that placed an order can cancel it by its id; what is over stays as it is.

use super::book::{Book, Desk};
use super::entry::Entry;
use super::status::Status;
use crate::errors::ApiError;

const BY_TRADER: &str = "Cancelled by Trader";
pub(super) const BY_SYSTEM: &str = "Cancelled by System";

impl Book {
    pub(crate) fn cancel(&mut self, desk: &Desk<'_>, client_id: i32, order_id: i32) {
        if desk.settings.read_only_api {
            return self.error(client_id, order_id, ApiError::read_only());
        }
        let Some((perm_id, status)) = self.find(client_id, order_id).map(|entry| (entry.perm_id, entry.status)) else {
            // Unknown and foreign ones are told the same way.
            return self.error(client_id, order_id, ApiError::unknown_order(order_id));
        };
        match status {
            Status::Untransmitted => self.discard(desk, perm_id),
            Status::PendingCancel => self.error(client_id, order_id, ApiError::not_cancellable(perm_id)),
            status if status.is_final() => self.error(client_id, order_id, ApiError::finished_order(order_id, status.word())),
            _ => self.withdraw(desk, perm_id, BY_TRADER),
        }
    }

    /// Everything that works, whoever placed it; each owner is told.
    pub(crate) fn cancel_all(&mut self, desk: &Desk<'_>, client_id: i32) {
        if desk.settings.read_only_api {
            return self.error(client_id, -1, ApiError::read_only());
        }
        for perm_id in self.working() {
            match self.orders.get(&perm_id).map(|entry| entry.status) {
                Some(Status::PendingCancel) => self.tell_error(perm_id, ApiError::not_cancellable(perm_id)),
                // A child may have gone with its parent.
                Some(status) if status.is_working() => self.withdraw(desk, perm_id, BY_TRADER),
                _ => {}
            }
        }
    }

    /// As captured: the status first, then 202. Its children go with it, and its parent if it asked for that.
    pub(super) fn withdraw(&mut self, desk: &Desk<'_>, perm_id: i64, words: &'static str) {
        self.withdraw_all(desk, vec![(perm_id, words)]);
    }

    /// Children that still wait for a parent which is over go with it.
    pub(super) fn cancel_children(&mut self, desk: &Desk<'_>, perm_id: i64) {
        let children = self.waiting_children(perm_id);
        self.withdraw_all(desk, children);
    }

    /// The last one first. A list and no recursion: a client can hang orders on each other as deep as it likes.
    fn withdraw_all(&mut self, desk: &Desk<'_>, mut waiting: Vec<(i64, &'static str)>) {
        while let Some((perm_id, words)) = waiting.pop() {
            let Some(entry) = self.orders.get(&perm_id).filter(|entry| !entry.status.is_final()) else { continue };
            let transmitted = entry.is_transmitted();
            let takes_parent = transmitted && entry.order.auto_cancel_parent.unwrap_or(false);
            let parent = takes_parent.then(|| self.find(entry.client_id, entry.terms.parent_id)).flatten();
            let parent = parent.filter(|parent| parent.status.is_working()).map(|parent| (parent.perm_id, BY_SYSTEM));
            self.complete(perm_id, Status::Cancelled, desk.now(), words.to_owned());
            // What was never told of is not told to be over.
            if transmitted {
                self.tell_status(perm_id);
                self.tell_error(perm_id, ApiError::fixed(202));
            }
            waiting.extend(parent);
            waiting.extend(self.waiting_children(perm_id));
        }
    }

    /// An order that never left the gateway: 202 with its own words, and 161.
    fn discard(&mut self, desk: &Desk<'_>, perm_id: i64) {
        self.complete(perm_id, Status::Cancelled, desk.now(), BY_TRADER.to_owned());
        // The wording is not attested.
        self.tell_error(perm_id, ApiError::cancelled_because("Order was discarded"));
        self.tell_error(perm_id, ApiError::not_cancellable(perm_id));
        self.cancel_children(desk, perm_id);
    }

    /// The newest first.
    fn waiting_children(&self, perm_id: i64) -> Vec<(i64, &'static str)> {
        let Some((client_id, order_id)) = self.orders.get(&perm_id).map(|entry| (entry.client_id, entry.order_id)) else {
            return Vec::new();
        };
        let own = |entry: &&Entry| {
            let waits = entry.child || entry.status == Status::Untransmitted;
            order_id != 0 && waits && !entry.status.is_final() && entry.client_id == client_id && entry.terms.parent_id == order_id
        };
        self.orders.values().rev().filter(own).map(|entry| (entry.perm_id, BY_SYSTEM)).collect()
    }
}
