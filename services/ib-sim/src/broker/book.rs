//! The book of orders: who owns what, and what everybody is told.
//!
//! A pure core: every step takes the world and the time, changes the book and the accounts, and leaves
//! what has to be told in an outbox.
//!
//! Invariant: an order belongs to one client id; the perm id names it for ever.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::entry::Entry;
use super::faults::OrderFaults;
use super::ids::Ids;
use super::records::{DAYS_KEPT, MAX_KEPT, Record, Wanted};
use super::report;
use super::settings::OrderSettings;
use super::status::Status;
use crate::errors::ApiError;
use crate::proto::event::Event;
use crate::wire::pb::order_report::OrderBound;
use crate::wire::pb::order_request::ExecutionFilter;
use crate::world::World;

/// Orders that work, over all clients.
pub(super) const MAX_OPEN: usize = 5_000;
/// Orders that wait in the gateway to be transmitted, over all clients.
pub(super) const MAX_UNTRANSMITTED: usize = 5_000;
/// Finished orders kept for questions; the oldest go first.
pub(super) const MAX_COMPLETED: usize = 5_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// What a step sees of the world around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Desk<'a> {
    pub(crate) world: &'a World,
    pub(crate) settings: &'a OrderSettings,
    pub(crate) now_ms: i64,
}

impl Desk<'_> {
    pub(crate) fn now(&self) -> i64 {
        self.now_ms.div_euclid(1000)
    }
}

/// One message about an order, for its owner and for the master client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct News {
    pub(crate) client_id: i32,
    pub(crate) what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    Event(Event),
    Error { id: i32, error: ApiError },
}

#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) ids: Ids,
    pub(crate) faults: OrderFaults,
    pub(super) orders: BTreeMap<i64, Entry>,
    pub(super) records: Vec<Record>,
    /// What was taken of a side's shown size, by contract and second.
    pub(super) taken: HashMap<(i32, bool), (i64, f64)>,
    /// Client 0 wants orders that were entered by hand.
    pub(super) auto_bind: bool,
    pub(super) last_tick: i64,
    out: Vec<News>,
    changed: BTreeSet<String>,
    /// Something that the state file holds has changed.
    dirty: bool,
}

/// What a step leaves to be done.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) news: Vec<News>,
    pub(crate) accounts: BTreeSet<String>,
    pub(crate) dirty: bool,
}

impl Book {
    pub(crate) fn outcome(&mut self) -> Outcome {
        Outcome { news: std::mem::take(&mut self.out), accounts: std::mem::take(&mut self.changed), dirty: std::mem::take(&mut self.dirty) }
    }

    /// Something that the state file holds was changed beside the book.
    pub(crate) fn touch(&mut self) {
        self.dirty = true;
    }

    pub(super) fn account_changed(&mut self, account: &str) {
        self.changed.insert(account.to_owned());
    }

    pub(crate) fn next_id(&mut self, client_id: i32) -> i32 {
        self.ids.next(client_id)
    }

    /// What was told must not be told again after a restart.
    pub(crate) fn ask_id(&mut self, client_id: i32) -> i32 {
        self.touch();
        self.ids.ask(client_id)
    }

    pub(crate) fn roll_back(&mut self, client_id: i32, by: i32) {
        self.touch();
        self.ids.roll_back(client_id, by);
    }

    /// Every client's ids begin anew, as the settings of a gateway can have it.
    pub(crate) fn reset_ids(&mut self) {
        self.touch();
        self.ids.clients.clear();
    }

    pub(super) fn push(&mut self, news: News) {
        self.out.push(news);
    }

    /// Nothing works: a later jump of the clock has nothing to walk through. What was refused or exercised
    /// meanwhile never saw a tick, so it is tidied here.
    pub(super) fn rest(&mut self, now: i64) {
        self.last_tick = now;
        self.tidy(now);
    }

    pub(super) fn error(&mut self, client_id: i32, id: i32, error: ApiError) {
        self.out.push(News { client_id, what: What::Error { id, error } });
    }

    /// Tells the owner, unless its answers are being lost or nobody owns the order yet.
    pub(super) fn tell(&mut self, perm_id: i64, event: Event) {
        if let Some(entry) = self.orders.get(&perm_id)
            && !entry.muted
            && entry.order_id != 0
        {
            self.out.push(News { client_id: entry.client_id, what: What::Event(event) });
        }
    }

    pub(super) fn tell_error(&mut self, perm_id: i64, error: ApiError) {
        if let Some(entry) = self.orders.get(&perm_id)
            && !entry.muted
            && entry.order_id != 0
        {
            self.out.push(News { client_id: entry.client_id, what: What::Error { id: entry.order_id, error } });
        }
    }

    pub(super) fn tell_open(&mut self, desk: &Desk<'_>, perm_id: i64) {
        if let Some(event) = self.orders.get(&perm_id).map(|entry| report::open_order(desk.world, entry)) {
            self.tell(perm_id, event);
        }
    }

    pub(super) fn tell_status(&mut self, perm_id: i64) {
        if let Some(event) = self.orders.get(&perm_id).map(report::order_status) {
            self.tell(perm_id, event);
        }
    }

    /// The order that a client means by an id: the one that is not over, else the newest. What was
    /// entered by hand and not bound yet has no id, so zero means none of them.
    pub(super) fn find(&self, client_id: i32, order_id: i32) -> Option<&Entry> {
        let own = || self.orders.values().rev().filter(move |entry| order_id != 0 && entry.is(client_id, order_id));
        own().find(|entry| !entry.status.is_final()).or_else(|| own().next())
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.orders.values()
    }

    pub(super) fn working(&self) -> Vec<i64> {
        self.orders.values().filter(|entry| entry.status.is_working()).map(|entry| entry.perm_id).collect()
    }

    pub(crate) fn has_working(&self) -> bool {
        self.orders.values().any(|entry| entry.status.is_working())
    }

    /// Orders that are not over, each with its status: of one client, or of all. What was never
    /// transmitted is not listed.
    pub(crate) fn open_orders(&self, world: &World, client_id: Option<i32>) -> Vec<Event> {
        let own = |entry: &&Entry| entry.status.is_working() && client_id.is_none_or(|id| entry.client_id == id && entry.order_id != 0);
        self.orders.values().filter(own).flat_map(|entry| [report::open_order(world, entry), report::order_status(entry)]).collect()
    }

    pub(crate) fn completed_orders(&self, world: &World, api_only: bool) -> Vec<Event> {
        let own = |entry: &&Entry| entry.completed.is_some() && (!api_only || entry.order_id > 0);
        self.orders.values().filter(own).map(|entry| report::completed_order(world, entry)).collect()
    }

    /// All executions, then all fees, as captured.
    pub(crate) fn executions(&self, desk: &Desk<'_>, req_id: i32, filter: &ExecutionFilter) -> Result<Vec<Event>, ApiError> {
        let wanted = Wanted::read(filter, desk.now(), &desk.world.zone)?;
        let fitting: Vec<&Record> = self.records.iter().filter(|record| wanted.fits(record)).collect();
        let details = fitting.iter().map(|record| record.details(req_id));
        Ok(details.chain(fitting.iter().filter_map(|record| record.fees())).collect())
    }

    /// A client has come back: what was lost on the way is told from now on.
    pub(crate) fn attach(&mut self, client_id: i32) {
        for entry in self.orders.values_mut().filter(|entry| entry.client_id == client_id) {
            entry.muted = false;
        }
        if client_id == 0 {
            self.auto_bind = false;
        }
    }

    pub(crate) fn set_auto_bind(&mut self, desk: &Desk<'_>, bind: bool) {
        self.auto_bind = bind;
        if bind {
            self.bind(desk);
        }
    }

    /// Orders that were entered by hand get an id of client 0.
    pub(crate) fn bind(&mut self, desk: &Desk<'_>) {
        let free: Vec<i64> =
            self.orders.values().filter(|entry| entry.is(0, 0) && !entry.status.is_final()).map(|entry| entry.perm_id).collect();
        for perm_id in free {
            let order_id = self.ids.bind();
            if let Some(entry) = self.orders.get_mut(&perm_id) {
                entry.order_id = order_id;
            }
            self.touch();
            self.tell(perm_id, Event::OrderBound(OrderBound { perm_id: Some(perm_id), client_id: Some(0), order_id: Some(order_id) }));
            self.tell_open(desk, perm_id);
            self.tell_status(perm_id);
        }
    }

    /// Ends an order for good.
    pub(super) fn complete(&mut self, perm_id: i64, status: Status, time: i64, words: String) {
        if let Some(entry) = self.orders.get_mut(&perm_id).filter(|entry| !entry.status.is_final()) {
            entry.status = status;
            entry.completed = Some(super::entry::Completed { time, words });
        }
        self.touch();
    }

    /// Forgets what nobody can ask for any more.
    pub(super) fn tidy(&mut self, now: i64) {
        let oldest = now - DAYS_KEPT * SECONDS_PER_DAY;
        if self.records.len() > MAX_KEPT || self.records.first().is_some_and(|record| record.time < oldest) {
            let surplus = self.records.len().saturating_sub(MAX_KEPT);
            self.records.drain(..surplus);
            self.records.retain(|record| record.time >= oldest);
        }
        let done: Vec<i64> = self.orders.values().filter(|entry| entry.status.is_final()).map(|entry| entry.perm_id).collect();
        for perm_id in done.iter().take(done.len().saturating_sub(MAX_COMPLETED)) {
            self.orders.remove(perm_id);
        }
    }
}

#[cfg(test)]
#[path = "book_tests/mod.rs"]
mod tests;
