//! What an order would do to its account: the answer to a what-if, and the broker's own check.
//!
//! Invariant: both come from [`preview`], so an order that a what-if shows as affordable is taken.

use super::book::{Book, Desk, News, What};
use super::entry::Entry;
use super::fill::{Part, trade};
use super::terms::{Kind, Side};
use super::{fees, report};
use crate::errors::ApiError;
use crate::proto::event::Event;
use crate::wire::pb::order_report::OrderState;
use crate::world::instrument::decimal;
use crate::world::margin::Margin;
use crate::world::values::Statement;

/// An account's figures at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figures {
    pub(crate) margin: Margin,
    pub(crate) equity: f64,
}

impl From<&Statement<'_>> for Figures {
    fn from(statement: &Statement<'_>) -> Self {
        Self { margin: statement.margin(), equity: statement.equity() }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Preview {
    pub(crate) before: Figures,
    pub(crate) after: Figures,
    pub(crate) fee: f64,
    pub(crate) fee_currency: String,
    pub(crate) currency: String,
}

/// Less than this is dust of binary fractions.
const DUST: f64 = 0.005;

impl Preview {
    /// An order that leaves too little is refused, unless it leaves more than there was.
    pub(crate) fn deficit(&self) -> Option<ApiError> {
        let free = |figures: &Figures| figures.equity - figures.margin.initial;
        let short = free(&self.after) < -DUST && free(&self.after) < free(&self.before) - DUST;
        short.then(|| ApiError::margin_deficit(self.after.equity, self.after.margin.initial, &self.currency))
    }

    fn state(&self) -> OrderState {
        let round = |amount: f64| Some(decimal(amount, 2));
        let (before, after) = (&self.before, &self.after);
        OrderState {
            status: Some("PreSubmitted".into()),
            init_margin_before: round(before.margin.initial),
            maint_margin_before: round(before.margin.maintenance),
            equity_with_loan_before: round(before.equity),
            init_margin_change: round(after.margin.initial - before.margin.initial),
            maint_margin_change: round(after.margin.maintenance - before.margin.maintenance),
            equity_with_loan_change: round(after.equity - before.equity),
            init_margin_after: round(after.margin.initial),
            maint_margin_after: round(after.margin.maintenance),
            equity_with_loan_after: round(after.equity),
            commission_and_fees: Some(decimal(self.fee, 6)),
            commission_and_fees_currency: Some(self.fee_currency.clone()),
            margin_currency: Some(self.currency.clone()),
            warning_text: self.deficit().map(|error| error.text),
            ..OrderState::default()
        }
    }
}

/// The account before and after the rest of an order were filled at its limit, or else at the market.
pub(crate) fn preview(desk: &Desk<'_>, entry: &Entry) -> Option<Preview> {
    let (world, now) = (desk.world, desk.now());
    let mut account = world.accounts.get(&entry.account)?;
    let before = Figures::from(&world.statement(&account, now));
    let quote = entry.traded.quote(world, now)?;
    let touch = if entry.side() == Side::Buy { quote.ask } else { quote.bid };
    let price = match entry.terms.kind {
        Kind::Stop { stop, limit } => limit.unwrap_or(stop),
        Kind::Touch { touch, limit } => limit.unwrap_or(touch),
        kind => kind.limit().unwrap_or(touch),
    };
    let size = entry.remaining();
    let mut fee = 0.0;
    let prices = if entry.traded.combo { entry.traded.leg_prices(world, entry.side(), now) } else { vec![price] };
    for ((instrument, ratio), price) in entry.traded.instruments(world).into_iter().zip(prices) {
        let side = Side::of(ratio * entry.side().sign());
        let size = decimal(size * ratio.abs(), 8);
        let charged = fees::order_fee(instrument, size, price);
        account.take(&trade(desk, instrument, &Part { side, size, price, filled: size, average: price }, charged));
        fee += charged;
    }
    if entry.traded.combo {
        // The legs were taken at the market; the limit moves the cash.
        let moved = (touch - price) * size * entry.traded.multiplier(world) * entry.side().sign();
        *account.cash.entry(entry.traded.contract.currency.clone()).or_default() += moved;
    }
    let mut after = Figures::from(&world.statement(&account, now));
    if let (false, Some(lead)) = (entry.traded.combo, entry.traded.lead(world).filter(|lead| lead.option.is_none())) {
        // What a limit beyond the market would gain at once is not lent on.
        let gain = (world.mark(lead, now) - price) * entry.side().sign() * size * lead.multiplier();
        after.equity -= gain.max(0.0) * world.dollars(&lead.contract.currency) / world.dollars(&account.currency);
    }
    Some(Preview { before, after, fee, fee_currency: entry.traded.contract.currency.clone(), currency: account.currency.clone() })
}

/// The one message that answers a what-if.
pub(super) fn answer(desk: &Desk<'_>, entry: &Entry) -> Option<Event> {
    let preview = preview(desk, entry)?;
    Some(report::preview(desk.world, entry, preview.state()))
}

impl Book {
    /// Tells a client about an order that is not in the book.
    pub(super) fn tell_directly(&mut self, entry: &Entry, event: Option<Event>) {
        match event {
            Some(event) => self.push(News { client_id: entry.client_id, what: What::Event(event) }),
            None => self.error(entry.client_id, entry.order_id, ApiError::no_definition()),
        }
    }
}
