//! Stops that become another kind of stop when the market has come far enough.
//!
//! Invariant: an order is adjusted once; from then on it is what it was adjusted to.

use super::book::{Book, Desk};
use super::entry::Entry;
use super::terms::{Distance, Kind, given};
use super::trigger;

/// IB's unit of a trailing amount that is a percentage.
const PERCENT: i32 = 100;

impl Book {
    /// Looks at the price once; the order is told anew if it was adjusted.
    pub(super) fn adjust(&mut self, desk: &Desk<'_>, perm_id: i64, price: f64) {
        if self.orders.get_mut(&perm_id).is_some_and(|entry| entry.adjust(price)) {
            self.touch();
            self.tell_open(desk, perm_id);
            self.tell_status(perm_id);
        }
    }
}

impl Entry {
    fn adjust(&mut self, price: f64) -> bool {
        let order = &self.order;
        let Some(at) = given(order.trigger_price).filter(|at| *at > 0.0) else { return false };
        // A stop protects against the other direction than the one that adjusts it.
        if !matches!(self.terms.kind, Kind::Stop { .. }) || !trigger::stop_reached(self.side().opposite(), at, price) {
            return false;
        }
        let stop = given(order.adjusted_stop_price);
        let (name, kind) = match (order.adjusted_order_type.as_deref(), stop) {
            (Some("STP"), Some(stop)) => ("STP", Kind::Stop { stop, limit: None }),
            (Some("STP LMT"), Some(stop)) => ("STP LMT", Kind::Stop { stop, limit: given(order.adjusted_stop_limit_price).or(Some(stop)) }),
            (Some("TRAIL"), stop) => {
                let Some(amount) = given(order.adjusted_trailing_amount).filter(|amount| *amount > 0.0) else { return false };
                let percent = order.adjustable_trailing_unit == Some(PERCENT);
                let distance = if percent { Distance::Percent(amount) } else { Distance::Amount(amount) };
                ("TRAIL", Kind::Trail { distance, from: stop, offset: None })
            }
            _ => return false,
        };
        // What is stored and echoed is the order, so it says the same.
        self.order.order_type = Some(name.into());
        self.order.adjusted_order_type = None;
        self.order.trigger_price = None;
        match kind {
            Kind::Stop { stop, limit } => (self.order.aux_price, self.order.lmt_price) = (Some(stop), limit),
            Kind::Trail { distance: Distance::Amount(amount), from, .. } => {
                (self.order.aux_price, self.order.trail_stop_price) = (Some(amount), from);
            }
            Kind::Trail { distance: Distance::Percent(percent), from, .. } => {
                (self.order.aux_price, self.order.trailing_percent, self.order.trail_stop_price) = (None, Some(percent), from);
            }
            _ => {}
        }
        self.terms.kind = kind;
        true
    }
}
