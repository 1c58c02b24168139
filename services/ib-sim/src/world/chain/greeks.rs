//! Greeks and calculators: the model at an instant of the world.
//!
//! Invariant: the price behind Greeks is the mark before rounding, so volatility found from the mark is
//! the surface's up to the width of a tick.

use jiff::civil::Date;

use super::model::{Spot, step};
use crate::world::World;
use crate::world::calendar::{Hours, yesterday};
use crate::world::instrument::Instrument;
use crate::world::pricing::Greeks;
use crate::world::surface::Level;

/// Sets the path of implied volatility apart from that of the price.
pub(crate) const IMPLIED_SERIES: u64 = 0x49;

impl World {
    /// Where the volatility surface of an option's underlying stands on a day: at yesterday's close.
    pub(crate) fn level(option: &Instrument, on: Date) -> Level {
        Level { centre: option.level(yesterday(on)), volatility: option.implied.level(yesterday(on)) }
    }

    /// What all options of an option's underlying have in common now. Ask once for a whole chain.
    pub(crate) fn spot(&self, option: &Instrument, now: i64) -> Option<Spot> {
        let at = self.shown_at(option, now);
        let (quarter, node) = self.raw_source(option, |source| source.node_at(at))?;
        // Settled contracts have no time left, whatever their underlying did last.
        let at = option.option.filter(|model| now >= model.expires_at).map_or(quarter, |model| step(model.expires_at));
        Some(Spot { at, price: node.close, level: Self::level(option, Hours::UsStock.local_date(at)) })
    }

    /// The Greeks of an option at an instant; none for what is no option.
    #[cfg(test)]
    pub(crate) fn greeks(&self, option: &Instrument, now: i64) -> Option<Greeks> {
        let model = option.option?;
        Some(model.greeks(&self.spot(option, now)?))
    }

    /// The Greeks of many options of one underlying, which is priced once. All must be listed.
    #[cfg(test)]
    pub(crate) fn chain_greeks(&self, options: &[&Instrument], now: i64) -> Vec<Greeks> {
        let Some(spot) = options.first().and_then(|first| self.spot(first, now)) else {
            return Vec::new();
        };
        options.iter().filter_map(|row| row.option).map(|model| model.greeks(&spot)).collect()
    }

    /// IB's volatility calculator: the Greeks at the volatility that explains a price, for a price of the
    /// underlying; none for what is no option, and where no volatility explains it.
    pub(crate) fn calculate_volatility(&self, option: &Instrument, price: f64, underlying: f64, now: i64) -> Option<Greeks> {
        let (model, spot) = (option.option?, Spot { price: underlying, ..self.spot(option, now)? });
        model.implied_volatility(&spot, price).map(|volatility| model.greeks_with(&spot, volatility))
    }

    /// IB's price calculator: the Greeks at a volatility, for a price of the underlying.
    pub(crate) fn calculate_price(&self, option: &Instrument, volatility: f64, underlying: f64, now: i64) -> Option<Greeks> {
        let sane = volatility.is_finite() && volatility > 0.0 && underlying.is_finite() && underlying > 0.0;
        let (model, spot) = (option.option?, Spot { price: underlying, ..self.spot(option, now)? });
        sane.then(|| model.greeks_with(&spot, volatility))
    }
}

#[cfg(test)]
#[path = "greeks_tests.rs"]
mod tests;
