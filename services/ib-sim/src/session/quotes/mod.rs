//! Market data lines: requests, cancels and what is pushed.
//!
//! Invariant: a line is open exactly while it is in [`Quotes::lines`], and holds its place of the login's
//! lines that long.

pub(super) mod bars;
mod combo;
mod generic;
mod greeks;
mod kinds;
mod line;
mod news;
mod permit;
mod values;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::live::Live;
use crate::errors::ApiError;
use crate::feed::View;
use crate::lines::Budget;
use crate::proto::event::Event;
use crate::proto::request::Request;
use crate::proto::types::Contract;
use crate::wire::pb::quote::TickReqParams;
use crate::world::instrument::{Instrument, plain};
use crate::world::prices::{mix, unit};
use crate::world::scenario_market::Entitlement;
use generic::Generics;
pub(crate) use greeks::Computations;
pub(super) use greeks::computation;
use line::{Line, Shown, Subject, Times};
use permit::{Asked, Verdict};

/// Open requests for quotes on one connection, those without data included.
const MAX_LINES: usize = 1_000;
/// A snapshot that is not complete by then ends all the same.
const SNAPSHOT_DEADLINE: Duration = Duration::from_secs(11);
/// As captured: how finely last prices and sizes are told.
const PRECISION: &str = "0.000001";
/// What the login may do with snapshots, as captured for subscribed and for other contracts.
const MAY_SNAPSHOT: i32 = 3;
const MAY_NOT_SNAPSHOT: i32 = 4;

/// The lines of one connection.
#[derive(Debug)]
pub(super) struct Quotes {
    lines: BTreeMap<i32, Line>,
    asked: Asked,
    /// Contracts that were refused with the offer of delayed data.
    offered: HashSet<i32>,
}

impl Default for Quotes {
    fn default() -> Self {
        Self { lines: BTreeMap::new(), asked: Asked { delayed: false, frozen: false }, offered: HashSet::new() }
    }
}

impl Quotes {
    pub(super) fn without_lines(&self) -> Self {
        Self { asked: self.asked, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) fn tell_anew(&mut self) {
        self.lines.values_mut().for_each(Line::tell_anew);
    }

    /// The earliest moment after `uptime` at which a line has something new to begin with.
    pub(super) fn next_due(&self, uptime: Duration) -> Option<Duration> {
        let moments = self.lines.values().flat_map(|line| [line.times.first, line.times.greeks]);
        moments.filter(|at| *at > uptime).min()
    }
}

/// A checked request.
struct Wanted {
    req_id: i32,
    generics: Generics,
    snapshot: bool,
    regulatory: bool,
}

impl Live {
    pub(super) fn serve_quotes(&mut self, request: Request) {
        match request {
            // Silent by nature.
            Request::MarketDataType { kind } => self.streams.quotes.asked = Asked::parse(kind).unwrap_or(self.streams.quotes.asked),
            Request::MarketData { req_id, contract, generic_ticks, snapshot, regulatory } => {
                match self.open_line(req_id, &contract, &generic_ticks, snapshot, regulatory) {
                    Ok(()) => self.on_streams(),
                    Err(error) => self.error(req_id, error),
                }
            }
            Request::CancelMarketData { req_id } => {
                if self.streams.quotes.lines.remove(&req_id).is_none() {
                    self.error(req_id, ApiError::unknown_id(req_id));
                }
            }
            Request::RealTimeBars { req_id, contract, what_to_show, use_rth, .. } => {
                match self.open_real_time_bars(req_id, &contract, &what_to_show, use_rth) {
                    Ok(()) => self.plan_wake(),
                    Err(error) => self.error(req_id, error),
                }
            }
            Request::CancelRealTimeBars { req_id } => {
                if self.streams.bars.remove(&req_id).is_none() {
                    self.error(req_id, ApiError::unknown_id(req_id));
                }
            }
            other => unreachable!("{} belongs to another family", other.name()),
        }
    }

    fn open_line(&mut self, req_id: i32, contract: &Contract, list: &str, snapshot: bool, regulatory: bool) -> Result<(), ApiError> {
        let quotes = &self.streams.quotes;
        if quotes.lines.contains_key(&req_id) {
            return Err(ApiError::duplicate_quote());
        }
        if quotes.lines.len() >= MAX_LINES {
            return Err(ApiError::too_many_pending());
        }
        let snapshot = snapshot || regulatory;
        let read = generic::parse(list, &contract.sec_type);
        let generics = match (read, snapshot) {
            (Some(read), true) if !read.is_empty() => {
                return Err(ApiError::invalid("Snapshot market data subscription is not applicable to generic ticks"));
            }
            (Some(read), _) => read,
            // A list that does not read is none, and a snapshot needs none.
            (None, true) => Generics::default(),
            (None, false) => return Err(generic::refusal(list, &contract.sec_type)),
        };
        let wanted = Wanted { req_id, generics, snapshot, regulatory };
        match contract.sec_type.as_str() {
            "BAG" => self.open_combo(wanted, contract),
            "NEWS" => self.open_tape(&wanted, contract),
            _ => self.open_single(wanted, contract),
        }
    }

    fn open_single(&mut self, wanted: Wanted, contract: &Contract) -> Result<(), ApiError> {
        let gateway = Arc::clone(&self.gateway);
        let world = &gateway.world;
        let row = world.contracts.only(contract, world.today(self.now()))?;
        let con_id = row.contract.con_id;
        let quotes = &self.streams.quotes;
        let mut entitlement = world.entitlement(row);
        if wanted.regulatory && row.is("STK") {
            // It is paid for one by one, so it needs no subscription.
            entitlement = Entitlement::Live;
        }
        let verdict = permit::decide(row, entitlement, quotes.asked, quotes.offered.contains(&con_id));
        let (shown, silent, notice) = match verdict {
            Verdict::Show(shown) => (shown, false, None),
            Verdict::ShowDelayed(shown) => (shown, false, Some(ApiError::showing_delayed())),
            Verdict::Silent(error) => (Shown::default(), true, Some(error)),
            Verdict::Refuse(error) => {
                if entitlement == Entitlement::Delayed && quotes.offered.len() < MAX_LINES {
                    self.streams.quotes.offered.insert(con_id);
                }
                return Err(error);
            }
        };
        let place = gateway.lines.take(Budget::Quotes, i64::from(con_id)).ok_or_else(ApiError::max_tickers)?;
        let req_id = wanted.req_id;
        let mut line = Line::new(req_id, Subject::One(con_id), self.times(con_id));
        line.place = Some(place);
        line.generics = wanted.generics;
        line.snapshot = wanted.snapshot;
        (line.shown, line.silent) = (shown, silent);
        let mut notices: Vec<ApiError> = notice.into_iter().collect();
        if let Some((under, ..)) = row.under.as_ref().filter(|_| row.option.is_some() && !line.silent) {
            let under = world.contracts.get(*under);
            if let Some(under) = under.filter(|under| !line.shown.delayed && world.entitlement(under) != Entitlement::Live) {
                line.modelled = false;
                notices.push(ApiError::partly_subscribed(world.entitlement(under) == Entitlement::Delayed, &permit::farm_line(under)));
            }
        }
        self.announce(&mut line, row, entitlement == Entitlement::Live);
        notices.into_iter().for_each(|notice| self.error(req_id, notice));
        self.streams.quotes.lines.insert(req_id, line);
        Ok(())
    }

    /// The first ticks come after a moment, the model's values later; how much follows from the contract.
    fn times(&self, con_id: i32) -> Times {
        let asked = self.gateway.clock.uptime();
        let settings = &self.gateway.settings;
        let after = |ms: u64, salt: u64| {
            let factor = 0.5 + unit(mix(u64::from(con_id.unsigned_abs()), salt));
            Duration::from_millis(ms).mul_f64(factor)
        };
        let first = asked + after(settings.tick_delay_ms, 1);
        Times { asked, first, greeks: first + after(settings.greeks_delay_ms, 2) }
    }

    /// The data type where it is not live, and the parameters, which come before every tick.
    fn announce(&mut self, line: &mut Line, row: &Instrument, subscribed: bool) {
        let view = self.view(row, line.shown);
        self.announce_type(line, view.open);
        let permissions = if subscribed { MAY_SNAPSHOT } else { MAY_NOT_SNAPSHOT };
        self.send(&Event::TickReqParams(TickReqParams {
            req_id: Some(line.req_id),
            min_tick: Some(plain(row.min_tick)),
            bbo_exchange: Some(super::depth::venues::bbo_exchange(row).to_owned()),
            snapshot_permissions: Some(permissions),
            last_price_precision: Some(PRECISION.to_owned()),
            last_size_precision: Some(PRECISION.to_owned()),
        }));
    }

    fn announce_type(&mut self, line: &mut Line, open: bool) {
        let kind = line.shown.number(open);
        if kind != line.announced && !line.silent {
            line.announced = kind;
            self.send(&Event::MarketDataType { req_id: line.req_id, kind });
        }
    }

    fn view(&self, row: &Instrument, shown: Shown) -> Arc<View> {
        self.gateway.feed.view(&self.gateway.world, &self.gateway.clock, row, shown.delayed)
    }

    /// Everything that changed on all lines, and the ends of snapshots.
    pub(super) fn push_quotes(&mut self) {
        if self.streams.quotes.lines.is_empty() {
            return;
        }
        let uptime = self.gateway.clock.uptime();
        let mut lines = std::mem::take(&mut self.streams.quotes.lines);
        let gateway = Arc::clone(&self.gateway);
        let mut out = Vec::new();
        for line in lines.values_mut().filter(|line| !line.silent && line.times.first <= uptime) {
            match line.subject.clone() {
                Subject::One(con_id) => {
                    if let Some(row) = gateway.world.contracts.get(con_id) {
                        self.push_line(line, row, uptime, &mut out);
                    }
                }
                Subject::Combo(legs) => self.push_combo(line, &legs, &mut out),
                Subject::Tape(provider) => self.push_tape(line, &provider, &mut out),
            }
        }
        out.iter().for_each(|event| self.send(event));
        lines.retain(|req_id, line| {
            let done = line.snapshot && !line.silent && self.is_complete(line, uptime);
            if done {
                self.send(&Event::TickSnapshotEnd { req_id: *req_id });
            }
            !done
        });
        self.streams.quotes.lines = lines;
    }

    fn push_line(&mut self, line: &mut Line, row: &Instrument, uptime: Duration, out: &mut Vec<Event>) {
        let view = self.view(row, line.shown);
        self.announce_type(line, view.open);
        if !line.generics.top_off {
            line.send(&line::top(row, &view, line.shown), out);
            line.send(&values::exchanges(&self.gateway.world, row, &view, line.shown), out);
        }
        if row.option.is_some() && line.modelled && line.times.greeks <= uptime && line.computed != Some(view.second) {
            line.computed = Some(view.second);
            self.push_computations(line, row, &view, out);
        }
        if !line.generics.is_empty() {
            self.push_generics(line, row, &view, out);
        }
    }

    fn is_complete(&self, line: &Line, uptime: Duration) -> bool {
        if uptime >= line.times.asked + SNAPSHOT_DEADLINE {
            return true;
        }
        let wanted = match &line.subject {
            Subject::One(con_id) => {
                let Some(row) = self.gateway.world.contracts.get(*con_id) else { return true };
                let modelled = row.option.is_some() && line.modelled;
                let mut wanted = line::Has::of(&row.contract.sec_type).complete(modelled, line.shown.delayed);
                if self.view(row, line.shown).day.open.is_none() {
                    // Before the regular hours nobody has told an opening price.
                    wanted.retain(|kind| *kind != kinds::OPEN);
                }
                wanted
            }
            Subject::Combo(_) => combo::COMPLETE.to_vec(),
            Subject::Tape(_) => Vec::new(),
        };
        line.has_all(&wanted)
    }
}
