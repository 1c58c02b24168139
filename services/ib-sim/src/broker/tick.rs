//! One look at the market for every order that works.
//!
//! A limit order trades when the market comes to its price, at the price shown, never better; a market
//! order at the price shown. In one second an order takes at most what is shown, shared among all
//! orders on that side, so a large one fills in pieces; a market order that took a whole side pays one
//! tick more for each further piece, up to ten. Stops are looked at once a second.
//!
//! When the clock jumps, the time between is walked in steps (see [`MAX_STEPS`]), with every opening
//! and closing on the way, so that stops trigger and day orders end where they would have.
//!
//! While a contract is halted its orders wait.
//!
//! Invariant: nothing trades outside its hours, beyond its limit, or beyond its quantity.

use std::collections::BTreeSet;

use super::book::{Book, Desk};
use super::cancel::BY_SYSTEM;
use super::fill::Fill;
use super::status::Status;
use super::terms::{Kind, Side, Tif};
use super::{hours, trigger};
use crate::world::quote::Quote;

/// Looks at the market between two ticks that are far apart.
const MAX_STEPS: i64 = 120;
/// Ticks that a large market order pays at most beyond the touch.
const MAX_SLIPPAGE_TICKS: u32 = 10;
/// Openings and closings that are looked at in one jump, for each instrument.
const MAX_EDGES: usize = 20;

impl Book {
    pub(crate) fn tick(&mut self, desk: &Desk<'_>) {
        let now = desk.now();
        for instant in self.instants(desk, now) {
            let then = if instant == now { *desk } else { Desk { now_ms: instant * 1000 + 999, ..*desk } };
            for perm_id in self.working() {
                self.look(&then, perm_id);
            }
        }
        self.last_tick = now;
        self.taken.retain(|_, (second, _)| *second >= now);
        self.tidy(now);
    }

    /// The seconds to look at: now, and after a jump some on the way.
    fn instants(&self, desk: &Desk<'_>, now: i64) -> BTreeSet<i64> {
        let mut instants = BTreeSet::from([now]);
        let gap = now - self.last_tick;
        if self.last_tick == 0 || gap <= 2 {
            return instants;
        }
        let step = (gap / MAX_STEPS).max(1);
        instants.extend((1..MAX_STEPS).map(|n| self.last_tick + n * step).filter(|instant| *instant < now));
        for perm_id in self.working() {
            let Some(entry) = self.orders.get(&perm_id) else { continue };
            instants.extend(entry.expires.into_iter().flat_map(|end| [end - 1, end]).filter(|edge| *edge < now && *edge > self.last_tick));
            let Some(lead) = entry.traded.lead(desk.world) else { continue };
            let mut from = self.last_tick;
            for _ in 0..MAX_EDGES {
                match hours::next_open(desk.world, lead, from, entry.terms.outside_rth).filter(|opens| *opens < now) {
                    Some(opens) => from = opens,
                    None => break,
                }
                instants.insert(from);
            }
        }
        instants
    }

    fn look(&mut self, desk: &Desk<'_>, perm_id: i64) {
        let now = desk.now();
        let Some(entry) = self.orders.get(&perm_id).filter(|entry| entry.status.is_working()) else { return };
        // A jump's earlier instants are not for orders that came later.
        if entry.accepted > now {
            return;
        }
        if entry.expires.is_some_and(|end| now >= end) {
            return self.withdraw(desk, perm_id, BY_SYSTEM);
        }
        // Prices, hours and conditions change by the second.
        if entry.seen == now {
            return;
        }
        if entry.child || entry.terms.good_after.is_some_and(|time| now < time) {
            return;
        }
        if entry.order.conditions_cancel_order.unwrap_or(false)
            && !entry.order.conditions.is_empty()
            && super::conditions::met(self, desk, entry)
        {
            return self.withdraw(desk, perm_id, BY_SYSTEM);
        }
        let immediate = entry.terms.tif.is_immediate();
        let open = entry.is_open(desk) && !entry.is_halted(desk);
        if open && desk.now_ms >= entry.not_before_ms {
            self.watch(desk, perm_id);
        }
        if self.restate(desk, perm_id) {
            self.tell_open(desk, perm_id);
            self.tell_status(perm_id);
        }
        let Some(entry) = self.orders.get_mut(&perm_id).filter(|entry| desk.now_ms >= entry.not_before_ms) else { return };
        entry.seen = now;
        if self.faults.hold_fills {
            return;
        }
        if entry.status == Status::Submitted && open {
            self.trade(desk, perm_id);
        } else if immediate && !open {
            self.kill(desk, perm_id);
        }
    }

    /// Moves trailing stops and sees whether an order's price was reached.
    fn watch(&mut self, desk: &Desk<'_>, perm_id: i64) {
        let Some(entry) = self.orders.get_mut(&perm_id).filter(|entry| !entry.triggered && entry.met) else { return };
        if let Kind::Close { .. } = entry.terms.kind {
            entry.triggered = entry.expires.is_some_and(|end| desk.now() >= end - 1);
            return;
        }
        let Some(quote) = entry.traded.quote(desk.world, desk.now()) else { return };
        let side = entry.side();
        let method = entry.method();
        let price = method.price(side, &quote);
        self.adjust(desk, perm_id, price);
        let Some(entry) = self.orders.get_mut(&perm_id) else { return };
        let before = entry.trail;
        let reached = match entry.terms.kind {
            Kind::Stop { stop, .. } => trigger::stop_reached(side, stop, price),
            Kind::Touch { touch, .. } => trigger::touched(side, touch, price),
            Kind::Trail { distance, from, .. } => {
                let stop = trigger::trail(side, distance, entry.trail.or(from), price);
                entry.trail = Some(stop);
                trigger::stop_reached(side, stop, price)
            }
            _ => true,
        };
        entry.streak = if reached { entry.streak + 1 } else { 0 };
        entry.triggered = entry.streak >= method.times();
        if entry.trail != before || entry.triggered {
            self.touch();
        }
    }

    fn trade(&mut self, desk: &Desk<'_>, perm_id: i64) {
        let now = desk.now();
        let Some(quote) = self.orders.get(&perm_id).and_then(|entry| entry.traded.quote(desk.world, now)) else { return };
        let auction = self.orders.get(&perm_id).is_some_and(|entry| entry.is_auction());
        let offered = if auction { self.at_auction(perm_id, &quote) } else { self.at_touch(desk, perm_id, &quote) };
        let Some(entry) = self.orders.get(&perm_id) else { return };
        let (tif, remaining) = (entry.terms.tif, entry.remaining());
        let whole = tif == Tif::FillOrKill || entry.terms.all_or_none;
        let least = if entry.filled == 0.0 { entry.terms.min_quantity.min(remaining) } else { 0.0 };
        let fill = offered.filter(|fill| fill.size > 0.0 && fill.size >= least && (!whole || fill.size >= remaining));
        if let Some(fill) = fill {
            self.consume(desk, perm_id, fill, &quote);
            self.fill(desk, perm_id, fill);
        }
        let over = tif.is_immediate() || tif == Tif::Opening;
        if over && self.orders.get(&perm_id).is_some_and(|entry| entry.status.is_working()) {
            self.kill(desk, perm_id);
        }
    }

    /// The price and size that the market offers an order now.
    fn at_touch(&self, desk: &Desk<'_>, perm_id: i64, quote: &Quote) -> Option<Fill> {
        let entry = self.orders.get(&perm_id)?;
        let limit = entry.offer()?;
        let (touch, shown) = match entry.side() {
            Side::Buy => (quote.ask, quote.ask_size),
            Side::Sell => (quote.bid, quote.bid_size),
        };
        let crossed = limit.is_none_or(|limit| match entry.side() {
            Side::Buy => touch <= limit + 1e-9,
            Side::Sell => touch >= limit - 1e-9,
        });
        if !crossed {
            return None;
        }
        let taken = self.taken.get(&self.pool(perm_id)?).filter(|(second, _)| *second == desk.now()).map_or(0.0, |(_, size)| *size);
        let size = entry.remaining().min((shown - taken).max(0.0)).min(self.faults.fill_size.unwrap_or(f64::INFINITY));
        let tick = entry.traded.lead(desk.world).map_or(0.0, |lead| lead.min_tick);
        let slipped = if limit.is_some() || entry.traded.combo { 0.0 } else { f64::from(entry.slices.min(MAX_SLIPPAGE_TICKS)) * tick };
        let price = crate::world::instrument::decimal(
            (touch + entry.side().sign() * slipped).max(if entry.traded.combo { f64::MIN } else { tick }),
            8,
        );
        Some(Fill { size, price, added: limit.is_some() && desk.now() > entry.accepted + 1 })
    }

    /// At the opening and the close everybody trades at one price.
    fn at_auction(&self, perm_id: i64, quote: &Quote) -> Option<Fill> {
        let entry = self.orders.get(&perm_id)?;
        let limit = entry.offer()?;
        let crossed = limit.is_none_or(|limit| match entry.side() {
            Side::Buy => quote.last <= limit,
            Side::Sell => quote.last >= limit,
        });
        crossed.then(|| Fill { size: entry.remaining(), price: quote.last, added: false })
    }

    /// The shown size that an order takes from; a combination has its own.
    fn pool(&self, perm_id: i64) -> Option<(i32, bool)> {
        let entry = self.orders.get(&perm_id)?;
        let con_id = entry.traded.legs.first()?.con_id;
        Some((if entry.traded.combo { -con_id } else { con_id }, entry.side() == Side::Buy))
    }

    fn consume(&mut self, desk: &Desk<'_>, perm_id: i64, fill: Fill, quote: &Quote) {
        let Some(pool) = self.pool(perm_id) else { return };
        let used = self.taken.entry(pool).or_insert((desk.now(), 0.0));
        if used.0 != desk.now() {
            *used = (desk.now(), 0.0);
        }
        used.1 += fill.size;
        let emptied = used.1 >= if pool.1 { quote.ask_size } else { quote.bid_size };
        if let Some(entry) = self.orders.get_mut(&perm_id).filter(|_| emptied) {
            entry.slices += 1;
        }
    }

    /// What an immediate order could not fill: as captured, IOC is cancelled in two steps and FOK is
    /// inactive at once, both without a 202.
    fn kill(&mut self, desk: &Desk<'_>, perm_id: i64) {
        let fok = self.orders.get(&perm_id).is_some_and(|entry| entry.terms.tif == Tif::FillOrKill);
        if fok {
            self.complete(perm_id, Status::Inactive, desk.now(), BY_SYSTEM.to_owned());
        } else {
            if let Some(entry) = self.orders.get_mut(&perm_id) {
                entry.status = Status::PendingCancel;
            }
            self.tell_status(perm_id);
            self.complete(perm_id, Status::Cancelled, desk.now(), BY_SYSTEM.to_owned());
        }
        self.tell_status(perm_id);
        self.cancel_children(desk, perm_id);
    }
}

impl super::entry::Entry {
    fn is_auction(&self) -> bool {
        self.terms.tif == Tif::Opening || matches!(self.terms.kind, Kind::Close { .. })
    }
}
