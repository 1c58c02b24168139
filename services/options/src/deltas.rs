//! Finds the contracts whose delta lies in a range by asking for few of them.
//!
//! Invariant: no contract is asked for twice, and there are at most [`ROUNDS_MAX`] rounds. A contract that is known to
//! fit is in the result, one that is known not to fit is not.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use schemas::Num;

use crate::{
    right::Right,
    window::{DeltaRange, Wanted, Window, outward},
};

/// The first round asks for every fourth strike...
const STRIDE_MIN: usize = 4;
/// ...or, of a longer chain, for so many of each right.
const GRID_MAX: usize = 25;
/// Contracts that a round asks for in one gap: what is left of the gap is a quarter.
const GAP_ASKS: usize = 3;
/// A gap of 4,000 strikes is closed in six rounds; more are needed only where no delta comes.
pub(crate) const ROUNDS_MAX: u32 = 8;

/// Deltas that were asked for; `None`: none came.
pub(crate) type Known = HashMap<Wanted, Option<f64>>;

/// What to do next.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Step {
    /// Ask for these, nearest the money first, and come back with what is known then.
    Ask(Vec<Wanted>),
    /// The contracts of the window, nearest the money first. Those between two that fit were not all asked for.
    Done(Vec<Wanted>),
}

/// One search over one expiration.
#[derive(Debug)]
pub(crate) struct DeltaSearch {
    ladders: Vec<Ladder>,
    spot: f64,
    range: DeltaRange,
    asked: HashSet<Wanted>,
    rounds: u32,
}

impl DeltaSearch {
    /// Over the strikes that the window's bounds admit; `strikes` ascend.
    pub(crate) fn new(strikes: &[Num], spot: f64, window: &Window, range: DeltaRange) -> Self {
        let admitted: Vec<Num> = strikes.iter().copied().filter(|strike| window.bounds_admit(*strike)).collect();
        let ladders = window.rights().iter().map(|right| Ladder::new(&admitted, *right)).collect();
        Self { ladders, spot, range, asked: HashSet::new(), rounds: 0 }
    }

    /// `known` may have more than was asked for, as from memory. What was asked for and is not in it counts as `None`.
    pub(crate) fn step(&mut self, known: &Known) -> Step {
        let mut next = Vec::new();
        if self.rounds < ROUNDS_MAX {
            for ladder in &self.ladders {
                let gaps = ladder.open_gaps(known, self.range);
                let unasked = |index: &usize| {
                    let wanted = ladder.rungs[*index];
                    !known.contains_key(&wanted) && !self.asked.contains(&wanted)
                };
                let coarse: Vec<usize> = match self.rounds {
                    0 => ladder.grid(self.spot).filter(|index| gaps.iter().any(|gap| gap.contains(index))).filter(unasked).collect(),
                    _ => Vec::new(),
                };
                let indices = if coarse.is_empty() {
                    gaps.into_iter().flat_map(|gap| spread(gap.filter(unasked).collect())).collect()
                } else {
                    coarse
                };
                next.extend(indices.into_iter().map(|index| ladder.rungs[index]));
            }
        }
        if next.is_empty() {
            let mut fitting: Vec<Wanted> = self.ladders.iter().flat_map(|ladder| ladder.fitting(known, self.range)).collect();
            fitting.sort_by(|a, b| outward(self.spot, *a, *b));
            return Step::Done(fitting);
        }
        self.rounds += 1;
        self.asked.extend(&next);
        next.sort_by(|a, b| outward(self.spot, *a, *b));
        Step::Ask(next)
    }

    /// What may fit for all that is known, nearest the money first: after the last round, contracts whose delta never came.
    pub(crate) fn unresolved(&self, known: &Known) -> Vec<Wanted> {
        let open =
            self.ladders.iter().flat_map(|ladder| ladder.open_gaps(known, self.range).into_iter().flat_map(|gap| &ladder.rungs[gap]));
        let mut unresolved: Vec<Wanted> = open.copied().collect();
        unresolved.sort_by(|a, b| outward(self.spot, *a, *b));
        unresolved
    }
}

/// The contracts of one right in the order in which the absolute delta rises: calls downward, puts upward.
#[derive(Debug)]
struct Ladder {
    rungs: Vec<Wanted>,
}

/// Rungs without a known delta, between two neighbours that have one.
#[derive(Debug)]
struct Gap {
    rungs: Range<usize>,
    below: f64,
    above: f64,
}

impl Gap {
    /// Both neighbours fit, and what is between them with them.
    fn inside(&self, range: DeltaRange) -> bool {
        range.holds(self.below) && range.holds(self.above)
    }

    /// Something in it may fit, and something not.
    fn open(&self, range: DeltaRange) -> bool {
        // Where quotes disagree the delta falls somewhere on its way up.
        let (low, high) = if self.below <= self.above { (self.below, self.above) } else { (self.above, self.below) };
        low <= range.max && high >= range.min && !self.inside(range)
    }
}

impl DeltaRange {
    fn holds(self, delta: f64) -> bool {
        self.min <= delta && delta <= self.max
    }
}

impl Ladder {
    fn new(ascending: &[Num], right: Right) -> Self {
        let mut rungs: Vec<Wanted> = ascending.iter().map(|strike| Wanted { strike: *strike, right }).collect();
        if right == Right::Call {
            rungs.reverse();
        }
        Self { rungs }
    }

    /// The rung nearest the money and at even steps from it on both sides.
    fn grid(&self, spot: f64) -> impl Iterator<Item = usize> + use<> {
        let stride = STRIDE_MIN.max(self.rungs.len().div_ceil(GRID_MAX));
        let money = (0..self.rungs.len()).min_by(|a, b| outward(spot, self.rungs[*a], self.rungs[*b])).unwrap_or(0);
        (money % stride..self.rungs.len()).step_by(stride)
    }

    /// Beyond the ends the delta is 0 and 1.
    fn gaps(&self, known: &Known) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let (mut begin, mut below) = (0, 0.0);
        let deltas = self.rungs.iter().map(|wanted| delta(known, *wanted)).chain([Some(1.0)]);
        for (index, above) in deltas.enumerate() {
            let Some(above) = above else { continue };
            gaps.push(Gap { rungs: begin..index, below, above });
            (begin, below) = (index + 1, above);
        }
        gaps
    }

    fn open_gaps(&self, known: &Known, range: DeltaRange) -> Vec<Range<usize>> {
        self.gaps(known).into_iter().filter(|gap| gap.open(range)).map(|gap| gap.rungs).collect()
    }

    fn fitting(&self, known: &Known, range: DeltaRange) -> Vec<Wanted> {
        let told = self.rungs.iter().filter(|wanted| delta(known, **wanted).is_some_and(|delta| range.holds(delta)));
        let between = self.gaps(known).into_iter().filter(|gap| gap.inside(range)).flat_map(|gap| &self.rungs[gap.rungs]);
        told.chain(between).copied().collect()
    }
}

/// The absolute delta. What cannot be one counts as none.
fn delta(known: &Known, wanted: Wanted) -> Option<f64> {
    known.get(&wanted).copied().flatten().map(f64::abs).filter(|delta| *delta <= 1.0)
}

/// Up to [`GAP_ASKS`] of them, evenly spread.
fn spread(indices: Vec<usize>) -> Vec<usize> {
    if indices.len() <= GAP_ASKS {
        return indices;
    }
    (1..=GAP_ASKS).map(|part| indices[part * indices.len() / (GAP_ASKS + 1)]).collect()
}

#[cfg(test)]
#[path = "deltas_tests.rs"]
mod tests;
