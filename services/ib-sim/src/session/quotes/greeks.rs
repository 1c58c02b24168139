//! Option computations: volatility and Greeks of bid, ask, last and model price.
//!
//! Invariant: a value that cannot be computed goes out as IB's sentinel (-1 for volatility and prices, -2
//! for Greeks), never as zero; at most one computation of each kind leaves per second.

use std::sync::Arc;

use super::Live;
use super::kinds::{self, ASK_OPTION, BID_OPTION, LAST_OPTION, MODEL_OPTION};
use super::line::Line;
use crate::feed::View;
use crate::proto::event::Event;
use crate::wire::pb::quote::TickOptionComputation;
use crate::world::World;
use crate::world::instrument::Instrument;
use crate::world::pricing::Greeks;

const NOT_COMPUTED: f64 = -1.0;
const NO_GREEK: f64 = -2.0;
/// The computation rests on a price somebody quoted, not on a model's.
const FROM_PRICE: i32 = 1;
const FROM_MODEL: i32 = 0;

/// The four computations of one option at one second; a price that no volatility explains has none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Computations {
    rows: [(i32, f64, Option<Greeks>); 4],
    underlying: f64,
}

impl Computations {
    /// None for what is no option.
    pub(crate) fn of(world: &World, row: &Instrument, view: &View) -> Option<Self> {
        let (model, spot) = (row.option?, world.spot(row, view.second)?);
        let at = |price: f64| model.implied_volatility(&spot, price).map(|volatility| model.greeks_with(&spot, volatility));
        let theory = model.greeks(&spot);
        let quote = &view.quote;
        let rows = [
            (BID_OPTION, quote.bid, at(quote.bid)),
            (ASK_OPTION, quote.ask, at(quote.ask)),
            (LAST_OPTION, view.last, at(view.last)),
            (MODEL_OPTION, theory.price, Some(theory)),
        ];
        Some(Self { rows, underlying: spot.price })
    }
}

/// A computation as it travels; `price` is the one it rests on.
pub(in crate::session) fn computation(
    req_id: i32,
    kind: i32,
    attribute: i32,
    price: f64,
    underlying: f64,
    greeks: Option<&Greeks>,
) -> Event {
    let greek = |value: fn(&Greeks) -> f64| Some(greeks.map_or(NO_GREEK, value));
    Event::TickOptionComputation(TickOptionComputation {
        req_id: Some(req_id),
        tick_type: Some(kind),
        tick_attrib: Some(attribute),
        implied_vol: Some(greeks.map_or(NOT_COMPUTED, |greeks| greeks.iv)),
        delta: greek(|greeks| greeks.delta),
        opt_price: Some(price),
        pv_dividend: Some(0.0),
        gamma: greek(|greeks| greeks.gamma),
        vega: greek(|greeks| greeks.vega),
        theta: greek(|greeks| greeks.theta),
        und_price: Some(underlying),
    })
}

impl Live {
    pub(super) fn push_computations(&self, line: &mut Line, row: &Instrument, view: &Arc<View>, out: &mut Vec<Event>) {
        let Some(computed) = self.gateway.feed.computations(&self.gateway.world, row, view, line.shown.delayed) else { return };
        // A closed market quotes nothing that bid and ask could be computed from.
        let quoted = view.open || line.shown.frozen;
        for (kind, price, greeks) in computed.1.rows.iter().filter(|(kind, ..)| quoted || !matches!(*kind, BID_OPTION | ASK_OPTION)) {
            if line.computed(*kind, (*price, greeks.as_ref().map_or(NOT_COMPUTED, |greeks| greeks.delta))) {
                let attribute = if *kind == MODEL_OPTION { FROM_MODEL } else { FROM_PRICE };
                let kind = kinds::shown(*kind, line.shown.delayed);
                out.push(computation(line.req_id, kind, attribute, *price, computed.1.underlying, greeks.as_ref()));
            }
        }
    }
}
