//! One market data line: what it shows, and what of that its client has been sent.
//!
//! Invariant: a value is sent when it changed and not again; a snapshot sends each kind once. Nothing here
//! reads a clock or a socket.

use std::time::Duration;

use super::generic::Generics;
use super::kinds::{self, ASK, BID, CLOSE, HALTED, HIGH, LAST, LAST_TIMESTAMP, LOW, OPEN, VOLUME};
use crate::feed::View;
use crate::lines::Place;
use crate::proto::event::Event;
use crate::world::instrument::{Instrument, decimal, plain};

/// A price at which an order could be executed at once.
const CAN_AUTO_EXECUTE: i32 = 1;
/// What stands for a price that does not exist at the moment.
const NO_PRICE: f64 = -1.0;

/// What a line is about.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Subject {
    One(i32),
    /// Contracts and how many of each one buys; sold ones count below zero.
    Combo(Vec<(i32, f64)>),
    /// All headlines of one provider.
    Tape(String),
}

/// How the data of a line is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) delayed: bool,
    /// Show the last quote while the market is closed, instead of none.
    pub(super) frozen: bool,
}

impl Shown {
    /// IB's number for it: 1 live, 2 frozen, 3 delayed, 4 delayed and frozen.
    pub(super) fn number(self, open: bool) -> i32 {
        i32::from(self.frozen && !open) + if self.delayed { 3 } else { 1 }
    }
}

/// When, since the start of the gateway, a line does what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) asked: Duration,
    pub(super) first: Duration,
    pub(super) greeks: Duration,
}

/// One value on its way to a client, under its live kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tick {
    Price { kind: i32, price: f64, size: Option<f64>, attributes: i32 },
    Size { kind: i32, size: f64 },
    Number { kind: i32, value: f64 },
    Text { kind: i32, value: String },
}

/// What was sent last, by kind.
#[derive(Debug, Default)]
struct Sent {
    numbers: Vec<(i32, f64, f64)>,
    texts: Vec<(i32, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    Second,
    First,
}

#[expect(clippy::float_cmp, reason = "what was sent is compared with what would be sent, not with a computed value")]
impl Sent {
    fn number(&mut self, kind: i32, first: f64, second: f64) -> Change {
        match self.numbers.iter_mut().find(|(known, ..)| *known == kind) {
            None => {
                self.numbers.push((kind, first, second));
                Change::First
            }
            Some(entry) => {
                let change = match (entry.1 == first, entry.2 == second) {
                    (false, _) => Change::First,
                    (true, false) => Change::Second,
                    (true, true) => Change::None,
                };
                (entry.1, entry.2) = (first, second);
                change
            }
        }
    }

    fn text(&mut self, kind: i32, value: &str) -> bool {
        match self.texts.iter_mut().find(|(known, _)| *known == kind) {
            None => self.texts.push((kind, value.to_owned())),
            Some((_, last)) if last == value => return false,
            Some((_, last)) => value.clone_into(last),
        }
        true
    }

    fn has(&self, kind: i32) -> bool {
        self.numbers.iter().any(|(known, ..)| *known == kind) || self.texts.iter().any(|(known, _)| *known == kind)
    }
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) req_id: i32,
    pub(super) subject: Subject,
    pub(super) generics: Generics,
    pub(super) shown: Shown,
    pub(super) snapshot: bool,
    pub(super) times: Times,
    /// The model has what it needs; an option without its underlying's data has no Greeks.
    pub(super) modelled: bool,
    /// The login may not see the data; the request stays open all the same.
    pub(super) silent: bool,
    /// The data type last told.
    pub(super) announced: i32,
    /// The second of the last computations, and of the last values that change slowly.
    pub(super) computed: Option<i64>,
    pub(super) refreshed: Option<i64>,
    sent: Sent,
    /// Held for as long as the line is open.
    pub(super) place: Option<Place>,
}

impl Line {
    pub(super) fn new(req_id: i32, subject: Subject, times: Times) -> Self {
        Self {
            req_id,
            subject,
            generics: Generics::default(),
            shown: Shown::default(),
            snapshot: false,
            times,
            modelled: true,
            silent: false,
            announced: 1,
            computed: None,
            refreshed: None,
            sent: Sent::default(),
            place: None,
        }
    }

    /// Sends what is news.
    pub(super) fn send(&mut self, ticks: &[Tick], out: &mut Vec<Event>) {
        for tick in ticks {
            self.send_one(tick, out);
        }
    }

    fn send_one(&mut self, tick: &Tick, out: &mut Vec<Event>) {
        let req_id = self.req_id;
        let kind_of = |kind: i32| kinds::shown(kind, self.shown.delayed);
        match tick {
            Tick::Price { kind, price, size, attributes } => {
                if self.snapshot && self.sent.has(*kind) {
                    return;
                }
                let change = self.sent.number(*kind, *price, size.unwrap_or_default());
                match (change, kinds::size_of(*kind)) {
                    (Change::None, _) => {}
                    (Change::Second, Some(size_kind)) => {
                        let size = plain(size.unwrap_or_default());
                        out.push(Event::TickSize { req_id, kind: kinds::shown(size_kind, self.shown.delayed), size });
                    }
                    _ => {
                        let size = Some(plain(size.unwrap_or_default()));
                        out.push(Event::TickPrice { req_id, kind: kind_of(*kind), price: *price, size, attributes: *attributes });
                    }
                }
            }
            Tick::Size { kind, size } => {
                if !(self.snapshot && self.sent.has(*kind)) && self.sent.number(*kind, *size, 0.0) != Change::None {
                    out.push(Event::TickSize { req_id, kind: kinds::shown(*kind, self.shown.delayed), size: plain(*size) });
                }
            }
            Tick::Number { kind, value } => {
                if !(self.snapshot && self.sent.has(*kind)) && self.sent.number(*kind, *value, 0.0) != Change::None {
                    out.push(Event::TickGeneric { req_id, kind: kinds::shown(*kind, self.shown.delayed), value: *value });
                }
            }
            Tick::Text { kind, value } => {
                if !(self.snapshot && self.sent.has(*kind)) && self.sent.text(*kind, value) {
                    out.push(Event::TickString { req_id, kind: kinds::shown(*kind, self.shown.delayed), value: value.clone() });
                }
            }
        }
    }

    /// Forgets what was sent, so that all of it is sent again.
    pub(super) fn tell_anew(&mut self) {
        self.sent = Sent::default();
    }

    /// Notes that a computation of this kind was sent.
    pub(super) fn computed(&mut self, kind: i32, values: (f64, f64)) -> bool {
        !(self.snapshot && self.sent.has(kind)) && self.sent.number(kind, values.0, values.1) != Change::None
    }

    /// Whether all of these were sent, under their live kinds.
    pub(super) fn has_all(&self, wanted: &[i32]) -> bool {
        wanted.iter().all(|kind| self.sent.has(*kind))
    }
}

/// What of the top of the book and the day an instrument has at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Has {
    pub(super) book: bool,
    pub(super) last: bool,
    pub(super) volume: bool,
    pub(super) open: bool,
}

impl Has {
    pub(super) fn of(sec_type: &str) -> Self {
        Self {
            // An index is computed, nobody quotes it.
            book: sec_type != "IND",
            last: sec_type != "CASH",
            volume: matches!(sec_type, "STK" | "OPT" | "FOP" | "FUT" | "CRYPTO"),
            open: matches!(sec_type, "STK" | "FUT" | "CRYPTO" | "IND"),
        }
    }

    /// What a snapshot waits for.
    pub(super) fn complete(self, option: bool, delayed: bool) -> Vec<i32> {
        let mut wanted = vec![CLOSE];
        wanted.extend(self.book.then_some([BID, ASK]).into_iter().flatten());
        wanted.extend(self.last.then_some(LAST));
        wanted.extend(self.open.then_some(OPEN));
        wanted.extend((delayed && self.last).then_some(LAST_TIMESTAMP));
        if option {
            wanted.extend([kinds::BID_OPTION, kinds::ASK_OPTION, kinds::LAST_OPTION, kinds::MODEL_OPTION]);
        }
        wanted
    }
}

/// The top of the book and the day, in the order of the captures.
pub(super) fn top(row: &Instrument, view: &View, shown: Shown) -> Vec<Tick> {
    let has = Has::of(&row.contract.sec_type);
    let price = |kind, price, size, attributes| Tick::Price { kind, price, size, attributes };
    let mut ticks = Vec::with_capacity(12);
    if has.book {
        if view.open || shown.frozen {
            let quote = &view.quote;
            ticks.push(price(BID, quote.bid, Some(quote.bid_size), CAN_AUTO_EXECUTE));
            ticks.push(price(ASK, quote.ask, Some(quote.ask_size), CAN_AUTO_EXECUTE));
        } else {
            ticks.push(price(BID, NO_PRICE, Some(0.0), 0));
            ticks.push(price(ASK, NO_PRICE, Some(0.0), 0));
        }
    }
    if has.last {
        let size = has.volume.then_some(view.quote.last_size);
        ticks.push(price(LAST, view.last, size, 0));
        ticks.push(Tick::Text { kind: LAST_TIMESTAMP, value: view.traded_at.to_string() });
    }
    if has.open {
        ticks.extend(view.day.open.map(|open| price(OPEN, row.round(open), None, 0)));
    }
    ticks.extend(view.day.high.map(|high| price(HIGH, row.round(high), None, 0)));
    ticks.extend(view.day.low.map(|low| price(LOW, row.round(low), None, 0)));
    if has.volume {
        ticks.push(Tick::Size { kind: VOLUME, size: decimal(crate::world::bars::weight(view.day.volume) / row.volume_unit, 8) });
    }
    ticks.push(price(CLOSE, view.close, None, 0));
    if has.volume {
        ticks.push(Tick::Number { kind: HALTED, value: f64::from(u8::from(view.halted)) });
    }
    ticks
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
