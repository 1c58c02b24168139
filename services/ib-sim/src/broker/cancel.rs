//! Cancelling: by the owner, by everybody at once, and by the broker itself.
//!
//! Invariant: only the client that placed an order can cancel it by its id; what is over stays as it is.

use super::book::{Book, Desk};
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

    /// As captured: the status first, then 202.
    pub(super) fn withdraw(&mut self, desk: &Desk<'_>, perm_id: i64, words: &str) {
        self.complete(perm_id, Status::Cancelled, desk.now(), words.to_owned());
        self.tell_status(perm_id);
        self.tell_error(perm_id, ApiError::fixed(202));
        self.cancel_children(desk, perm_id);
        let parent = self.orders.get(&perm_id).filter(|entry| entry.order.auto_cancel_parent.unwrap_or(false));
        if let Some(parent) = parent.and_then(|entry| self.find(entry.client_id, entry.terms.parent_id))
            && parent.status.is_working()
        {
            let perm_id = parent.perm_id;
            self.withdraw(desk, perm_id, BY_SYSTEM);
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

    /// Children that still wait for a parent which is over go with it.
    pub(super) fn cancel_children(&mut self, desk: &Desk<'_>, perm_id: i64) {
        let Some((client_id, order_id)) = self.orders.get(&perm_id).map(|entry| (entry.client_id, entry.order_id)) else { return };
        if order_id == 0 {
            return;
        }
        let children: Vec<(i64, Status)> = self
            .orders
            .values()
            .filter(|entry| entry.client_id == client_id && entry.terms.parent_id == order_id && !entry.status.is_final())
            .filter(|entry| entry.child || entry.status == Status::Untransmitted)
            .map(|entry| (entry.perm_id, entry.status))
            .collect();
        for (child, status) in children {
            if status == Status::Untransmitted {
                self.complete(child, Status::Cancelled, desk.now(), BY_SYSTEM.to_owned());
            } else {
                self.withdraw(desk, child, BY_SYSTEM);
            }
        }
    }
}
