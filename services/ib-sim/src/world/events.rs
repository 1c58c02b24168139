//! What a scenario makes happen to one symbol: jumps of its price, and halts of its trading.
//!
//! Invariant: jumps and halts begin and end on a quarter of an hour, the unit into which days split, so
//! that every quarter lies wholly before or after a jump and wholly inside or outside a halt, and bars
//! of all sizes still fold into each other.

use super::calendar::{Span, TradingDay};

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Events {
    /// From this instant on, times this factor.
    pub(crate) jumps: Vec<(i64, f64)>,
    pub(crate) halts: Vec<Span>,
}

impl Events {
    pub(crate) fn factor(&self, at: i64) -> f64 {
        self.jumps.iter().filter(|(from, _)| *from <= at).map(|(_, factor)| factor).product()
    }

    pub(crate) fn halt(&self, at: i64) -> Option<Span> {
        self.halts.iter().copied().find(|halt| halt.start <= at && at < halt.end)
    }

    /// Stretches of trading without what is halted of them.
    pub(crate) fn open(&self, spans: Vec<Span>) -> Vec<Span> {
        self.halts.iter().fold(spans, |spans, halt| {
            let parts = spans
                .into_iter()
                .flat_map(|span| [Span { end: span.end.min(halt.start), ..span }, Span { start: span.start.max(halt.end), ..span }]);
            parts.filter(|span| span.start < span.end).collect()
        })
    }

    /// Whether a day is of one piece, without a jump in it.
    pub(crate) fn is_whole(&self, day: &TradingDay) -> bool {
        let (start, end) = (day.start(), day.full.last().map_or(i64::MAX, |span| span.end));
        self.jumps.iter().all(|(at, _)| *at <= start || end <= *at)
    }
}
