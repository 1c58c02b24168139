//! One order in the book.
//!
//! Invariant: `0 <= filled <= quantity`, and `spent` is the sum of its executions' size times price.

use super::combo::Traded;
use super::status::Status;
use super::terms::{Kind, Side, Terms};
use crate::wire::pb::order::Order;
use crate::world::instrument::decimal;

/// How an order ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Completed {
    pub(crate) time: i64,
    pub(crate) words: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) client_id: i32,
    pub(crate) order_id: i32,
    pub(crate) perm_id: i64,
    pub(crate) traded: Traded,
    /// As the client placed it last.
    pub(crate) order: Order,
    pub(crate) account: String,
    pub(crate) terms: Terms,
    pub(crate) status: Status,
    pub(crate) quantity: f64,
    pub(crate) filled: f64,
    pub(crate) spent: f64,
    pub(crate) last_price: f64,
    /// Charged so far, by leg.
    pub(crate) fees: Vec<f64>,
    pub(crate) accepted: i64,
    /// It may not trade before this instant, in milliseconds.
    pub(crate) not_before_ms: i64,
    /// The end of its day, or the date it is good till.
    pub(crate) expires: Option<i64>,
    /// A stop or touch that was reached, or an order that waits for none.
    pub(crate) triggered: bool,
    /// Where a trailing stop stands.
    pub(crate) trail: Option<f64>,
    /// How often in a row the trigger's price was there.
    pub(crate) streak: u8,
    /// Conditions that were met once.
    pub(crate) met: bool,
    /// It waits for its parent to fill.
    pub(crate) child: bool,
    /// It waits for shares to be found.
    pub(crate) locate: bool,
    /// The second it was last held against the market.
    pub(crate) seen: i64,
    /// Slices a market order took of the shown size; each pays one tick more.
    pub(crate) slices: u32,
    /// Its answers were lost on the way; they come when the client connects anew.
    pub(crate) muted: bool,
    pub(crate) completed: Option<Completed>,
}

impl Entry {
    pub(crate) fn remaining(&self) -> f64 {
        decimal((self.quantity - self.filled).max(0.0), 8)
    }

    pub(crate) fn average(&self) -> f64 {
        if self.filled > 0.0 { decimal(self.spent / self.filled, 8) } else { 0.0 }
    }

    pub(crate) fn side(&self) -> Side {
        self.terms.side
    }

    pub(crate) fn is_transmitted(&self) -> bool {
        self.status != Status::Untransmitted
    }

    pub(crate) fn is(&self, client_id: i32, order_id: i32) -> bool {
        self.client_id == client_id && self.order_id == order_id
    }

    /// What the market is offered: `None` while it waits, else the limit, if it has one.
    pub(crate) fn offer(&self) -> Option<Option<f64>> {
        if !self.triggered {
            return None;
        }
        Some(match self.terms.kind {
            Kind::Market => None,
            Kind::Limit(limit) => Some(limit),
            Kind::Stop { limit, .. } | Kind::Touch { limit, .. } | Kind::Close { limit } => limit,
            // The limit stays where the stop was when it was reached.
            Kind::Trail { offset, .. } => offset.zip(self.trail).map(|(offset, stop)| stop + self.side().sign() * offset),
        })
    }

    /// IB's word for why an order is held back.
    pub(crate) fn why_held(&self) -> Option<&'static str> {
        if self.status != Status::PreSubmitted {
            return None;
        }
        match (self.child, !self.triggered && self.terms.kind.waits_for_price(), self.locate) {
            (_, _, true) => Some("locate"),
            (true, true, _) => Some("child,trigger"),
            (true, false, _) => Some("child"),
            (false, true, _) => Some("trigger"),
            _ => None,
        }
    }
}
