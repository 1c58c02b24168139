//! From the gateway to the broker: an order goes on with its family, and is refused or works.
//!
//! Invariant: a child never works before its parent has filled; an order that the broker refuses is
//! told with its reason first and is over.

use super::book::{Book, Desk, MAX_OPEN};
use super::entry::Entry;
use super::status::Status;
use super::terms::{Kind, OcaType, Side, Tif};
use super::{conditions, hours, place, preview, trigger};
use crate::errors::ApiError;

impl Book {
    /// Sends an order on, with what was held back for it: its parent and all their children.
    pub(super) fn transmit(&mut self, desk: &Desk<'_>, perm_id: i64) {
        let Some(entry) = self.orders.get(&perm_id) else { return };
        let (client_id, root) = (entry.client_id, if entry.terms.parent_id == 0 { entry.order_id } else { entry.terms.parent_id });
        let mut family: Vec<(i32, i64)> = self
            .orders
            .values()
            .filter(|other| other.client_id == client_id && other.status == Status::Untransmitted)
            .filter(|other| other.perm_id == perm_id || root != 0 && (other.order_id == root || other.terms.parent_id == root))
            .map(|other| (other.order_id, other.perm_id))
            .collect();
        // The parent first, whatever the order of the ids.
        family.sort_by_key(|(order_id, perm_id)| (*order_id != root, *perm_id));
        for (_, member) in family {
            self.submit(desk, member);
        }
    }

    fn submit(&mut self, desk: &Desk<'_>, perm_id: i64) {
        if let Err(error) = self.adopt(perm_id) {
            return self.reject(desk, perm_id, error);
        }
        if let Some(error) = self.refusal(desk, perm_id) {
            return self.reject(desk, perm_id, error);
        }
        self.schedule(desk, perm_id);
        let Some(entry) = self.orders.get_mut(&perm_id) else { return };
        entry.status = Status::PreSubmitted;
        let short = entry.side() == Side::Sell && entry.legs_short(desk);
        entry.locate = short && entry.traded.legs.iter().any(|leg| self.faults.not_shortable.contains(&leg.con_id));
        let (locate, ignored) = (entry.locate, entry.ignores_outside_rth());
        entry.begin_trail(desk);
        self.restate(desk, perm_id);
        if ignored {
            self.tell_error(perm_id, ApiError::fixed(2109));
        }
        self.tell_open(desk, perm_id);
        // As captured: an order that lives for a moment is told without a first status.
        if self.orders.get(&perm_id).is_some_and(|entry| !entry.terms.tif.is_immediate()) {
            self.tell_status(perm_id);
        }
        if locate {
            self.tell_error(perm_id, ApiError::fixed(404));
        }
        if let Some(opens) = self.waits_for_open(desk, perm_id)
            && let Some(entry) = self.orders.get(&perm_id)
        {
            let warning = place::waits(desk, entry, opens);
            self.tell_error(perm_id, warning);
        }
    }

    /// Ties a child to its parent, and the children of one parent to each other.
    fn adopt(&mut self, perm_id: i64) -> Result<(), ApiError> {
        let Some(entry) = self.orders.get(&perm_id).filter(|entry| entry.terms.parent_id != 0) else { return Ok(()) };
        let (client_id, parent_id) = (entry.client_id, entry.terms.parent_id);
        let Some(parent) = self.find(client_id, parent_id) else {
            // The wording is not attested.
            return Err(ApiError::rejected(format_args!("Parent order {parent_id} is not found.")));
        };
        let waits = match parent.status {
            Status::Filled => false,
            status if status.is_working() && status != Status::PendingCancel => true,
            _ => return Err(ApiError::rejected("Parent order is being cancelled.")),
        };
        // As IB does with a bracket: the group is named by the parent's perm id.
        let group = parent.perm_id.to_string();
        if let Some(child) = self.orders.get_mut(&perm_id) {
            child.child = waits;
            child.terms.oca.get_or_insert((group, OcaType::Reduce));
        }
        Ok(())
    }

    /// Why the broker does not take an order.
    fn refusal(&self, desk: &Desk<'_>, perm_id: i64) -> Option<ApiError> {
        let entry = self.orders.get(&perm_id)?;
        if self.orders.values().filter(|other| other.status.is_working()).count() >= MAX_OPEN {
            return Some(ApiError::too_many_orders());
        }
        if entry.terms.kind == Kind::Market && entry.is_halted(desk) {
            return Some(ApiError::halted());
        }
        // Orders of one family do not stand against each other, since a child waits for its parent.
        let crosses = |other: &&Entry| {
            other.perm_id != perm_id
                && other.status.is_working()
                && !other.child
                && other.account == entry.account
                && other.side() != entry.side()
                && other.traded.legs == entry.traded.legs
        };
        let option = !entry.traded.combo && entry.traded.contract.sec_type == "OPT";
        if option && !entry.child && self.orders.values().any(|other| crosses(&other)) {
            return Some(ApiError::both_sides());
        }
        self.deficit(desk, perm_id)
    }

    /// Whether the account could not carry the order; the same sum as a preview's.
    pub(super) fn deficit(&self, desk: &Desk<'_>, perm_id: i64) -> Option<ApiError> {
        let entry = self.orders.get(&perm_id).filter(|entry| !entry.child)?;
        preview::preview(desk, entry)?.deficit()
    }

    pub(super) fn reject(&mut self, desk: &Desk<'_>, perm_id: i64, error: ApiError) {
        let words = error.text.clone();
        self.complete(perm_id, Status::Inactive, desk.now(), words);
        self.tell_error(perm_id, error);
        self.tell_open(desk, perm_id);
        self.tell_status(perm_id);
        self.cancel_children(desk, perm_id);
    }

    /// Sets whether an order works or waits; answers whether that changed.
    pub(super) fn restate(&mut self, desk: &Desk<'_>, perm_id: i64) -> bool {
        let Some(entry) = self.orders.get(&perm_id) else { return false };
        if !matches!(entry.status, Status::PreSubmitted | Status::Submitted) {
            return false;
        }
        let met = entry.met || entry.order.conditions_cancel_order.unwrap_or(false) || conditions::met(self, desk, entry);
        let works = met
            && !entry.child
            && !entry.locate
            && entry.triggered
            && entry.terms.good_after.is_none_or(|time| desk.now() >= time)
            && entry.is_open(desk)
            && (entry.terms.tif != Tif::Opening || desk.now_ms >= entry.not_before_ms);
        // What has once reached the exchange stays there until it ends.
        let status = if works || entry.status == Status::Submitted { Status::Submitted } else { Status::PreSubmitted };
        let Some(entry) = self.orders.get_mut(&perm_id) else { return false };
        entry.met = met;
        std::mem::replace(&mut entry.status, status) != status
    }

    /// The next opening, for an order that nothing but the hours holds back.
    fn waits_for_open(&self, desk: &Desk<'_>, perm_id: i64) -> Option<i64> {
        let entry = self.orders.get(&perm_id).filter(|entry| entry.status == Status::PreSubmitted && !entry.child && entry.met)?;
        let lead = entry.traded.lead(desk.world)?;
        let outside = entry.terms.outside_rth && !entry.ignores_outside_rth();
        if entry.is_open(desk) { None } else { hours::next_open(desk.world, lead, desk.now(), outside) }
    }
}

impl Entry {
    /// IB honours the flag for limit and stop limit orders.
    pub(super) fn ignores_outside_rth(&self) -> bool {
        self.terms.outside_rth && matches!(self.terms.kind, Kind::Market | Kind::Close { .. })
    }

    /// Whether the market is open for it: for a combination, that of every leg.
    pub(super) fn is_open(&self, desk: &Desk<'_>) -> bool {
        let outside = self.terms.outside_rth && !self.ignores_outside_rth();
        self.traded.instruments(desk.world).iter().all(|(row, _)| hours::open(desk.world, row, desk.now(), outside))
    }

    pub(super) fn is_halted(&self, desk: &Desk<'_>) -> bool {
        self.traded.instruments(desk.world).iter().any(|(row, _)| desk.world.halted(row, desk.now()))
    }

    /// A trailing stop is told with where it stands from the first message on.
    fn begin_trail(&mut self, desk: &Desk<'_>) {
        let Kind::Trail { distance, from, .. } = self.terms.kind else { return };
        if let Some(quote) = self.traded.quote(desk.world, desk.now()) {
            let price = self.method().price(self.side(), &quote);
            self.trail = Some(trigger::trail(self.side(), distance, from, price));
        }
    }

    /// What wakes its stop: IB's default depends on what is traded.
    pub(super) fn method(&self) -> trigger::Method {
        self.terms.method.or_default(self.traded.combo || self.traded.contract.sec_type == "OPT")
    }

    /// Whether a sale goes beyond what is held.
    fn legs_short(&self, desk: &Desk<'_>) -> bool {
        let held = desk.world.accounts.get(&self.account);
        self.traded.contract.sec_type == "STK"
            && self.traded.legs.iter().any(|leg| held.as_ref().is_none_or(|account| account.quantity(leg.con_id) < self.remaining()))
    }
}
