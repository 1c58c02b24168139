//! What positions tie up: a simplified Regulation T.
//!
//! Stocks: half of the value to open, a quarter to keep a long one, 30 % to keep a short one. Long
//! options are paid in full, so they tie up nothing more and lend nothing. Short options of one
//! underlying are covered first by shares, then by long options of the same right that expire no
//! sooner: a covered group ties up the most it can lose at its expiration. What stays uncovered ties up
//! its own value plus 20 % of the underlying (15 % for an index) less the amount it is out of the
//! money, at least 10 %. Futures tie up 6.6 % and 6 % of their value, everything else all of it.
//! Portfolio margin, concentration and IB's house add-ons are left out.
//!
//! Invariant: no requirement is negative, and covering a short option never ties up more than leaving
//! it uncovered.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::World;
use super::instrument::Instrument;

/// What the broker wants to see before and after.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Margin {
    pub(crate) initial: f64,
    pub(crate) maintenance: f64,
}

impl Margin {
    fn add(&mut self, initial: f64, maintenance: f64) {
        self.initial += initial;
        self.maintenance += maintenance;
    }
}

/// One position as the requirement sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exposure<'a> {
    pub(crate) instrument: &'a Instrument,
    pub(crate) quantity: f64,
    pub(crate) mark: f64,
    /// Base currency for one unit of the instrument's.
    pub(crate) rate: f64,
}

/// One option position of a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Leg {
    pub(crate) call: bool,
    pub(crate) strike: f64,
    pub(crate) expiry: Date,
    /// Signed, in contracts.
    pub(crate) quantity: f64,
    pub(crate) multiplier: f64,
    pub(crate) mark: f64,
}

/// Everything held on one underlying.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    pub(crate) legs: Vec<Leg>,
    pub(crate) shares: f64,
    pub(crate) underlying: f64,
    pub(crate) index: bool,
    rate: f64,
}

impl World {
    pub(crate) fn margin<'a>(&'a self, exposures: &[Exposure<'a>], now: i64) -> Margin {
        let mut margin = Margin::default();
        let mut groups: BTreeMap<i32, Group> = BTreeMap::new();
        for held in exposures {
            let own = &held.instrument.contract;
            let value = held.quantity * held.mark * held.instrument.multiplier() * held.rate;
            match own.sec_type.as_str() {
                "STK" if value < 0.0 => margin.add(-value * 0.5, -value * 0.3),
                "STK" => margin.add(value * 0.5, value * 0.25),
                "FUT" => margin.add(value.abs() * 0.066, value.abs() * 0.06),
                "OPT" | "FOP" => {}
                _ => margin.add(value.abs(), value.abs()),
            }
            if held.instrument.is("STK") {
                groups.entry(own.con_id).or_default().shares += held.quantity;
            }
            if let (Some(model), Some((under, _, kind)), Some(expiry)) =
                (held.instrument.option, &held.instrument.under, held.instrument.expiry)
            {
                let group = groups.entry(*under).or_default();
                group.index = *kind == "IND";
                group.rate = held.rate;
                group.legs.push(Leg {
                    call: model.call,
                    strike: model.strike,
                    expiry,
                    quantity: held.quantity,
                    multiplier: held.instrument.multiplier(),
                    mark: held.mark,
                });
            }
        }
        for (under, mut group) in groups.into_iter().filter(|(_, group)| group.legs.iter().any(|leg| leg.quantity < 0.0)) {
            group.underlying = self.contracts.get(under).map_or(0.0, |instrument| self.mark(instrument, now));
            let required = group.requirement() * group.rate;
            margin.add(required, required);
        }
        margin
    }
}

impl Group {
    /// What the short options of this group tie up.
    pub(crate) fn requirement(&self) -> f64 {
        let mut longs: Vec<Leg> = self.legs.iter().filter(|leg| leg.quantity > 0.0).copied().collect();
        let mut shorts: Vec<Leg> = self.legs.iter().filter(|leg| leg.quantity < 0.0).copied().collect();
        longs.sort_by_key(|leg| leg.expiry);
        shorts.sort_by_key(|leg| leg.expiry);
        self.cover_by_shares(&mut shorts);
        let mut required = 0.0;
        while let Some(expiry) = shorts.iter().map(|leg| leg.expiry).min() {
            let (now, later): (Vec<Leg>, Vec<Leg>) = shorts.into_iter().partition(|leg| leg.expiry == expiry);
            shorts = later;
            required += self.at_expiration(&now, &mut longs, expiry);
        }
        required
    }

    /// A short call is covered by shares held, a short put by shares sold.
    fn cover_by_shares(&self, shorts: &mut Vec<Leg>) {
        let mut shares = self.shares;
        for leg in shorts.iter_mut() {
            let covers = if leg.call { shares } else { -shares };
            let contracts = (covers / leg.multiplier).floor().clamp(0.0, -leg.quantity);
            leg.quantity += contracts;
            shares -= contracts * leg.multiplier * if leg.call { 1.0 } else { -1.0 };
        }
        shorts.retain(|leg| leg.quantity < 0.0);
    }

    /// Pairs the shorts of one expiration with longs that live at least as long.
    fn at_expiration(&self, shorts: &[Leg], longs: &mut Vec<Leg>, expiry: Date) -> f64 {
        let mut covered: Vec<Leg> = Vec::new();
        let mut naked = 0.0;
        let uncovered: f64 = shorts.iter().map(|leg| -leg.quantity * self.naked(leg)).sum();
        for call in [true, false] {
            let mut own: Vec<Leg> = shorts.iter().filter(|leg| leg.call == call).copied().collect();
            // The short nearest to the money first, with the long nearest to it.
            own.sort_by(|a, b| if call { a.strike.total_cmp(&b.strike) } else { b.strike.total_cmp(&a.strike) });
            for short in own {
                naked += self.pair(short, longs, expiry, &mut covered);
            }
        }
        // Longs of this expiration that cover nothing still limit the loss of the group.
        let spare = longs.iter().filter(|leg| leg.expiry == expiry && leg.quantity > 0.0).copied();
        let group: Vec<Leg> = covered.iter().copied().chain(spare).collect();
        (naked + worst(&group)).min(uncovered)
    }

    /// Moves a short and what covers it to `covered`; answers what the rest ties up.
    fn pair(&self, short: Leg, longs: &mut Vec<Leg>, expiry: Date, covered: &mut Vec<Leg>) -> f64 {
        let mut open = -short.quantity;
        let mut choice: Vec<usize> = (0..longs.len()).filter(|n| longs[*n].call == short.call && longs[*n].expiry >= expiry).collect();
        choice.sort_by(|a, b| (longs[*a].strike - short.strike).abs().total_cmp(&(longs[*b].strike - short.strike).abs()));
        for index in choice {
            let taken = longs[index].quantity.min(open);
            if taken > 0.0 {
                longs[index].quantity -= taken;
                open -= taken;
                covered.push(Leg { quantity: taken, ..longs[index] });
                covered.push(Leg { quantity: -taken, ..short });
            }
        }
        longs.retain(|leg| leg.quantity > 0.0);
        open * self.naked(&short)
    }

    fn naked(&self, leg: &Leg) -> f64 {
        let share = if self.index { 0.15 } else { 0.20 };
        let out = if leg.call { leg.strike - self.underlying } else { self.underlying - leg.strike }.max(0.0);
        let least = 0.10 * if leg.call { self.underlying } else { leg.strike };
        let required = leg.mark + (share * self.underlying - out).max(least);
        // A put cannot lose more than its strike.
        required.min(if leg.call { f64::INFINITY } else { leg.strike }) * leg.multiplier
    }
}

/// The most that covered legs can cost at their expiration. The payoff is piecewise linear and, since
/// every short is paired, flat or rising beyond the last strike, so its strikes and zero decide.
fn worst(legs: &[Leg]) -> f64 {
    let payoff = |price: f64| -> f64 {
        let each = |leg: &Leg| {
            let value = if leg.call { price - leg.strike } else { leg.strike - price };
            value.max(0.0) * leg.quantity * leg.multiplier
        };
        legs.iter().map(each).sum()
    };
    let least = legs.iter().map(|leg| payoff(leg.strike)).fold(payoff(0.0), f64::min);
    (-least).max(0.0)
}

#[cfg(test)]
#[path = "margin_tests.rs"]
mod tests;
