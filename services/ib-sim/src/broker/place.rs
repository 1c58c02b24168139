//! From a request to an order in the book: what is refused at the gateway, what becomes a change of an
//! order, what waits untransmitted, and what goes on to the broker.
//!
//! Invariant: nothing is booked before every check of the gateway has passed; an id is used up by an
//! order that was booked, and by nothing else.

use super::book::{Book, Desk, MAX_UNTRANSMITTED};
use super::combo::Traded;
use super::entry::Entry;
use super::status::Status;
use super::terms::{Kind, Side, Terms, Tif};
use super::{hours, preview, report};
use crate::errors::ApiError;
use crate::proto::types::Contract;
use crate::wire::pb::order::Order;
use crate::wire::pb::order_request::AttachedOrders;
use crate::world::instrument::{Instrument, decimal, plain};

/// A request to place an order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placement {
    pub(crate) client_id: i32,
    pub(crate) order_id: i32,
    pub(crate) contract: Contract,
    pub(crate) order: Order,
    pub(crate) attached: Option<AttachedOrders>,
}

impl Book {
    pub(crate) fn place(&mut self, desk: &Desk<'_>, placement: &Placement) {
        if let Err(error) = self.try_place(desk, placement) {
            self.error(placement.client_id, placement.order_id, error);
        }
    }

    fn try_place(&mut self, desk: &Desk<'_>, placement: &Placement) -> Result<(), ApiError> {
        if desk.settings.read_only_api {
            return Err(ApiError::read_only());
        }
        let what_if = placement.order.what_if.unwrap_or(false);
        if what_if && !placement.order.transmit.unwrap_or(false) {
            return Err(ApiError::fixed(413));
        }
        let existing = self.find(placement.client_id, placement.order_id).map(|entry| (entry.perm_id, entry.status));
        if let Some((perm_id, status)) = existing.filter(|(_, status)| !what_if && !status.is_final()) {
            return self.modify(desk, placement, perm_id, status);
        }
        if !what_if && !self.ids.is_free(placement.client_id, placement.order_id) {
            let filled = existing.is_some_and(|(_, status)| status == Status::Filled);
            return Err(ApiError::fixed(if filled { 104 } else { 103 }));
        }
        if !what_if && self.orders.values().filter(|entry| !entry.is_transmitted()).count() >= MAX_UNTRANSMITTED {
            return Err(ApiError::too_many_orders());
        }
        let entry = self.entry(desk, placement)?;
        if what_if {
            let event = preview::answer(desk, &entry);
            self.tell_directly(&entry, event);
            return Ok(());
        }
        match self.faults.rejection() {
            None => {}
            // The broker's own word: the order exists, and is over.
            Some(error) if error.code == 201 => {
                let perm_id = self.accept(desk, entry, false);
                self.reject(desk, perm_id, error);
                return Ok(());
            }
            Some(error) => return Err(error),
        }
        self.accept(desk, entry, placement.order.transmit.unwrap_or(false));
        if let Some(attached) = &placement.attached {
            self.attach_orders(desk, placement, attached);
        }
        Ok(())
    }

    /// Books an order, and sends it on with its family if it is to be transmitted.
    fn accept(&mut self, desk: &Desk<'_>, mut entry: Entry, transmit: bool) -> i64 {
        entry.perm_id = self.ids.perm();
        entry.muted = self.faults.loses_ack();
        self.ids.take(entry.client_id, entry.order_id);
        let perm_id = entry.perm_id;
        self.orders.insert(perm_id, entry);
        self.touch();
        if transmit {
            self.transmit(desk, perm_id);
        }
        perm_id
    }

    /// Enters an order by hand, as a person at the gateway's sister program would.
    pub(crate) fn place_by_hand(&mut self, desk: &Desk<'_>, contract: Contract, order: Order) -> Result<i64, ApiError> {
        let order = Order { transmit: Some(true), ..order };
        let entry = self.entry(desk, &Placement { client_id: 0, order_id: 0, contract, order, attached: None })?;
        let perm_id = self.accept(desk, entry, true);
        if self.auto_bind {
            self.bind(desk);
        }
        Ok(perm_id)
    }

    /// Checks an order as the gateway does.
    fn entry(&self, desk: &Desk<'_>, placement: &Placement) -> Result<Entry, ApiError> {
        let (world, now) = (desk.world, desk.now());
        let account = account(desk, placement.order.account.as_deref().unwrap_or_default())?;
        let traded = Traded::resolve(world, &placement.contract, world.today(now))?;
        let lead = traded.lead(world).ok_or_else(ApiError::no_definition)?;
        let terms = Terms::read(&placement.order, now, lead.hours.zone())?;
        if lead.is("IND") || (traded.combo && matches!((&terms.kind, terms.tif), (Kind::Close { .. }, _) | (_, Tif::Opening))) {
            return Err(ApiError::fixed(387));
        }
        let quantity = quantity(desk, &terms, &traded, lead)?;
        if !traded.combo && !terms.kind.prices().iter().all(|price| on_grid(desk, lead, *price)) {
            return Err(ApiError::fixed(110));
        }
        if let Some(limit) = desk.settings.size_limit.filter(|limit| quantity > f64::from(*limit)) {
            return Err(ApiError::size_limit(placement.order_id, &limit.to_string()));
        }
        let triggered = !terms.kind.waits_for_price() && !matches!(terms.kind, Kind::Close { .. });
        let fees = vec![0.0; traded.legs.len()];
        Ok(Entry {
            client_id: placement.client_id,
            order_id: placement.order_id,
            perm_id: 0,
            traded,
            order: placement.order.clone(),
            account,
            status: Status::Untransmitted,
            quantity,
            filled: 0.0,
            spent: 0.0,
            last_price: 0.0,
            fees,
            accepted: now,
            not_before_ms: 0,
            expires: None,
            triggered,
            trail: None,
            streak: 0,
            met: placement.order.conditions.is_empty(),
            child: false,
            locate: false,
            seen: 0,
            slices: 0,
            muted: false,
            completed: None,
            terms,
        })
    }

    /// A second request with an id that is not over changes the order.
    fn modify(&mut self, desk: &Desk<'_>, placement: &Placement, perm_id: i64, status: Status) -> Result<(), ApiError> {
        let mut new = self.entry(desk, placement)?;
        let Some(old) = self.orders.get(&perm_id) else { return Ok(()) };
        let same = old.terms.side == new.terms.side
            && old.traded.legs == new.traded.legs
            && old.account == new.account
            && old.terms.parent_id == new.terms.parent_id
            && new.quantity > old.filled;
        if !same || status == Status::PendingCancel {
            return Err(ApiError::fixed(105));
        }
        let before = old.clone();
        let trails = matches!(new.terms.kind, Kind::Trail { .. });
        new = Entry {
            perm_id,
            status: before.status,
            filled: before.filled,
            spent: before.spent,
            last_price: before.last_price,
            fees: before.fees.clone(),
            accepted: before.accepted,
            // A stop that was reached stays reached; a trail goes on from where it stands.
            triggered: new.triggered || (before.triggered && before.terms.kind.waits_for_price()),
            trail: before.trail.filter(|_| trails),
            met: new.met || before.met,
            child: before.child,
            locate: before.locate,
            muted: before.muted,
            not_before_ms: desk.now_ms + self.faults.fill_delay_ms,
            ..new
        };
        // The group that a bracket was given by the broker is not the client's to lose.
        new.terms.oca = new.terms.oca.or(before.terms.oca.clone());
        let transmit = placement.order.transmit.unwrap_or(false);
        self.orders.insert(perm_id, new);
        self.touch();
        if status == Status::Untransmitted {
            if transmit {
                self.transmit(desk, perm_id);
            }
            return Ok(());
        }
        if let Some(error) = self.deficit(desk, perm_id) {
            self.orders.insert(perm_id, before);
            return Err(error);
        }
        self.schedule(desk, perm_id);
        self.restate(desk, perm_id);
        self.tell_open(desk, perm_id);
        self.tell_status(perm_id);
        Ok(())
    }

    /// The orders that a gateway adds by its presets: a stop loss and a profit taker.
    fn attach_orders(&mut self, desk: &Desk<'_>, placement: &Placement, attached: &AttachedOrders) {
        let parent = placement.order.lmt_price.filter(|price| *price > 0.0);
        let Some(price) = parent.or_else(|| self.touch_price(desk, placement)) else { return };
        let buy = placement.order.action.as_deref().is_some_and(|action| action.eq_ignore_ascii_case("BUY"));
        for (order_id, kind, gains) in
            [(attached.sl_order_id, &attached.sl_order_type, false), (attached.pt_order_id, &attached.pt_order_type, true)]
        {
            let (Some(order_id), Some(_)) = (order_id.filter(|id| *id > 0 && *id < i32::MAX), kind) else { continue };
            // The presets of a fresh installation: one per cent away. Not attested.
            let away = decimal(price * if buy == gains { 1.01 } else { 0.99 }, 2);
            let order = Order {
                parent_id: Some(placement.order_id),
                action: Some(if buy { "SELL" } else { "BUY" }.into()),
                order_type: Some(if gains { "LMT" } else { "STP" }.into()),
                lmt_price: gains.then_some(away),
                aux_price: (!gains).then_some(away),
                transmit: placement.order.transmit,
                conditions: Vec::new(),
                ..placement.order.clone()
            };
            self.place(desk, &Placement { order_id, order, attached: None, ..placement.clone() });
        }
    }

    fn touch_price(&self, desk: &Desk<'_>, placement: &Placement) -> Option<f64> {
        let entry = self.find(placement.client_id, placement.order_id)?;
        let quote = entry.traded.quote(desk.world, desk.now())?;
        Some(if entry.side() == Side::Buy { quote.ask } else { quote.bid })
    }

    /// When an order may trade, and when it ends.
    pub(super) fn schedule(&mut self, desk: &Desk<'_>, perm_id: i64) {
        let delay = self.faults.fill_delay_ms;
        let Some(entry) = self.orders.get_mut(&perm_id) else { return };
        let Some(lead) = entry.traded.lead(desk.world) else { return };
        let (world, now, outside) = (desk.world, desk.now(), entry.terms.outside_rth);
        entry.not_before_ms = desk.now_ms + delay;
        entry.seen = 0;
        entry.expires = match (entry.terms.tif, entry.terms.kind) {
            (_, Kind::Close { .. }) => hours::end_of_day(world, lead, now, false),
            (Tif::Day, _) => hours::end_of_day(world, lead, entry.terms.good_after.unwrap_or(now).max(now), outside),
            (Tif::GoodTillDate(until), _) => Some(until),
            (Tif::Opening, _) => {
                let opens = hours::next_open(world, lead, now, false);
                entry.not_before_ms = opens.unwrap_or(now) * 1000;
                None
            }
            _ => None,
        };
    }
}

/// With one account a client need not name it; with several it has to.
pub(super) fn account(desk: &Desk<'_>, named: &str) -> Result<String, ApiError> {
    let ids = desk.world.accounts.ids();
    match (named.trim(), ids.as_slice()) {
        ("", [only]) => Ok(only.clone()),
        ("", _) => Err(ApiError::fixed(435)),
        (named, _) if ids.iter().any(|id| id == named) => Ok(named.to_owned()),
        (named, _) => Err(ApiError::unknown_account(named)),
    }
}

/// The size, which has to be a multiple of the instrument's smallest step; money buys as much as it can.
fn quantity(desk: &Desk<'_>, terms: &Terms, traded: &Traded, lead: &Instrument) -> Result<f64, ApiError> {
    let step: f64 = if traded.combo { 1.0 } else { lead.size_step.parse().unwrap_or(1.0) };
    let wanted = match terms.cash.filter(|_| terms.quantity == 0.0) {
        None => terms.quantity,
        Some(cash) => {
            let quote = traded.quote(desk.world, desk.now()).ok_or_else(ApiError::no_definition)?;
            let price = terms.kind.limit().unwrap_or(if terms.side == Side::Buy { quote.ask } else { quote.bid });
            decimal((cash / price / step).floor() * step, 8)
        }
    };
    if wanted <= 0.0 {
        return Err(ApiError::fixed(434));
    }
    let steps = wanted / step;
    if (steps - steps.round()).abs() > 1e-6 * steps.max(1.0) {
        return Err(ApiError::fixed(10_318));
    }
    Ok(decimal(wanted, 8))
}

/// Whether a price is a multiple of the step that the market rule names for it.
fn on_grid(desk: &Desk<'_>, instrument: &Instrument, price: f64) -> bool {
    let rule = desk.world.market_rule(instrument.market_rule);
    let step = rule.and_then(|rule| rule.iter().rev().find(|(low, _)| *low <= price.abs())).map_or(instrument.min_tick, |(_, step)| *step);
    let steps = price / step;
    (steps - steps.round()).abs() < 1e-6
}

/// The text of a 399 before the open.
pub(super) fn waits(desk: &Desk<'_>, entry: &Entry, opens: i64) -> ApiError {
    let hours = entry.traded.lead(desk.world).map_or(crate::world::calendar::Hours::UsStock, |lead| lead.hours);
    let until = format!("{} {}", crate::world::calendar::wall(hours, opens, "%Y-%m-%d %H:%M:%S"), hours.zone_id());
    ApiError::order_waits(&report::headline(desk.world, entry), &until)
}

/// The words for a filled order.
pub(super) fn filled_words(quantity: f64) -> String {
    format!("Filled Size: {}", plain(quantity))
}
