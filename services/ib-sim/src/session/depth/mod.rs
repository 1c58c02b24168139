//! Market depth: books of single exchanges, and of SMART over several.
//!
//! Invariant: positions of a side are told without gaps, prices fall away from the best one, and a row is
//! told again only when its price or size changed.

pub(super) mod venues;

use std::sync::Arc;

use super::live::Live;
use crate::errors::ApiError;
use crate::feed::View;
use crate::lines::{Budget, DEPTH_REQUESTS, Place};
use crate::proto::event::Event;
use crate::proto::request::Request;
use crate::proto::types::Contract;
use crate::wire::pb::depth::{MarketDepth, MarketDepthData, MarketDepthL2, SmartComponents};
use crate::world::World;
use crate::world::instrument::{Instrument, on_grid, plain};
use crate::world::scenario_market::Entitlement;

/// Rows of a side that IB gives at most.
const MAX_ROWS: usize = 20;
const INSERT: i32 = 0;
const UPDATE: i32 = 1;
const DELETE: i32 = 2;
const ASKS: i32 = 0;
const BIDS: i32 = 1;
/// Market makers of the books that name them.
const MAKERS: [&str; 6] = ["NSDQ", "ARCX", "CDRG", "JNST", "VIRT", "SUSQ"];
/// How many exchanges of SMART's book share a price.
const PER_PRICE: usize = 2;
/// A row keeps its size for about this long.
const ROW_S: i64 = 3;

/// One row: price, size, and who stands behind it.
type Row = (f64, f64, &'static str);

/// One subscribed book.
#[derive(Debug)]
pub(super) struct Book {
    con_id: i32,
    rows: usize,
    /// Who stands behind the rows, in turns; nobody is named if empty.
    names: Vec<&'static str>,
    smart: bool,
    /// Sizes of different books differ.
    salt: u64,
    sent: [Vec<Row>; 2],
    second: Option<i64>,
    /// Held for as long as the book is open.
    _place: Place,
}

impl Book {
    /// Forgets what was sent, so that the whole book is sent again.
    pub(super) fn tell_anew(&mut self) {
        self.sent = Default::default();
        self.second = None;
    }
}

impl Live {
    pub(super) fn serve_depth(&mut self, request: Request) {
        match request {
            Request::MarketDepth { req_id, contract, rows, smart } => match self.open_book(req_id, &contract, rows, smart) {
                Ok(()) => self.on_streams(),
                Err(error) => self.error(req_id, error),
            },
            Request::CancelMarketDepth { req_id, .. } => {
                if self.streams.books.remove(&req_id).is_none() {
                    self.error(req_id, ApiError::unknown_depth(req_id));
                }
            }
            Request::MarketDepthExchanges => self.send(&Event::MarketDepthExchanges(venues::descriptions())),
            Request::SmartComponents { req_id, bbo_exchange } => match venues::components(&bbo_exchange) {
                Some(smart_components) => {
                    self.send(&Event::SmartComponents(SmartComponents { req_id: Some(req_id), smart_components }));
                }
                // The wording is not attested; the code is.
                None => self.error(req_id, ApiError::invalid(format_args!("BBO exchange '{bbo_exchange}' is unknown"))),
            },
            other => unreachable!("{} belongs to another family", other.name()),
        }
    }

    fn open_book(&mut self, req_id: i32, contract: &Contract, rows: i32, smart: bool) -> Result<(), ApiError> {
        if self.streams.books.contains_key(&req_id) {
            return Err(ApiError::duplicate_ticker());
        }
        if contract.sec_type == "BAG" {
            return Err(ApiError::no_depth());
        }
        let gateway = Arc::clone(&self.gateway);
        let world = &gateway.world;
        let row = world.contracts.only(contract, world.today(self.now()))?;
        let exchange = if contract.exchange.is_empty() { row.home_exchange() } else { contract.exchange.as_str() };
        let names = names(row, exchange, smart).ok_or_else(ApiError::no_depth)?;
        if world.entitlement(row) != Entitlement::Live {
            let line = format!("{} {exchange}/DEEP/ALL", row.contract.symbol);
            return Err(ApiError::not_subscribed(false, &line));
        }
        let rows =
            usize::try_from(rows).ok().filter(|rows| *rows > 0).ok_or_else(|| ApiError::invalid("Number of rows must be above zero"))?;
        let key = i64::from(row.contract.con_id);
        let place = gateway.lines.take(Budget::Depth, key).ok_or_else(|| ApiError::max_depth(DEPTH_REQUESTS))?;
        let book = Book {
            con_id: row.contract.con_id,
            rows: rows.min(MAX_ROWS),
            names,
            smart: exchange == "SMART",
            salt: exchange.bytes().map(u64::from).sum(),
            sent: Default::default(),
            second: None,
            _place: place,
        };
        self.streams.books.insert(req_id, book);
        Ok(())
    }

    /// What changed in all books; a halt ends a book.
    pub(super) fn push_books(&mut self) {
        let gateway = Arc::clone(&self.gateway);
        let mut books = std::mem::take(&mut self.streams.books);
        books.retain(|req_id, book| {
            let Some(row) = gateway.world.contracts.get(book.con_id) else { return false };
            let view = gateway.feed.view(&gateway.world, &gateway.clock, row, false);
            if view.halted {
                self.error(*req_id, ApiError::depth_halted());
                return false;
            }
            // Books follow whole seconds: more often would only repeat sizes.
            if view.open && book.second.replace(view.second) != Some(view.second) {
                book.news(*req_id, &gateway.world, row, &view).iter().for_each(|event| self.send(event));
            }
            true
        });
        self.streams.books = books;
    }
}

/// Who stands behind the rows of a contract's book on an exchange; none if there is no such book.
fn names(row: &Instrument, exchange: &str, smart: bool) -> Option<Vec<&'static str>> {
    if exchange == "SMART" {
        let books = venues::books_of(row);
        return (smart && !books.is_empty()).then_some(books);
    }
    venues::book(row, exchange).map(|makers| if makers { MAKERS.to_vec() } else { Vec::new() })
}

/// What turns one side of a book into its next state; rows that are gone leave from the end.
fn changes<'a>(before: &'a [Row], now: &'a [Row]) -> Vec<(usize, i32, &'a Row)> {
    let told = now.iter().enumerate().filter_map(|(position, row)| match before.get(position) {
        None => Some((position, INSERT, row)),
        Some(same) if same == row => None,
        Some(_) => Some((position, UPDATE, row)),
    });
    let gone = before.iter().enumerate().skip(now.len()).rev().map(|(position, row)| (position, DELETE, row));
    told.chain(gone).collect()
}

impl Book {
    fn side(&self, world: &World, row: &Instrument, view: &View, side: i32) -> Vec<Row> {
        let (best, step) = if side == BIDS { (view.quote.bid, -row.min_tick) } else { (view.quote.ask, row.min_tick) };
        let best_size = if side == BIDS { view.quote.bid_size } else { view.quote.ask_size };
        let together = if self.smart { PER_PRICE } else { 1 };
        let lot = if row.is("STK") { 100.0 } else { 1.0 };
        let mut price = best;
        let mut rows = Vec::with_capacity(self.rows);
        for n in 0..self.rows {
            if n > 0 && n % together == 0 {
                price = on_grid(price + step, row.min_tick);
            }
            if price <= 0.0 {
                break;
            }
            let salt = self.salt + u64::try_from(n * 2).unwrap_or(0) + u64::from(side == BIDS);
            let draw = world.chance(row, view.second.div_euclid(ROW_S), 1_000 + salt);
            let size = if n == 0 { best_size } else { ((draw * 30.0).floor() + 1.0) * lot };
            let name = if self.names.is_empty() { "" } else { self.names[n % self.names.len()] };
            rows.push((price, size, name));
        }
        rows
    }

    fn news(&mut self, req_id: i32, world: &World, row: &Instrument, view: &View) -> Vec<Event> {
        let mut events = Vec::new();
        for side in [BIDS, ASKS] {
            let rows = self.side(world, row, view, side);
            let before = std::mem::take(&mut self.sent[usize::from(side == BIDS)]);
            for (position, operation, row) in changes(&before, &rows) {
                events.push(self.row(req_id, i32::try_from(position).unwrap_or(0), operation, side, row));
            }
            self.sent[usize::from(side == BIDS)] = rows;
        }
        events
    }

    fn row(&self, req_id: i32, position: i32, operation: i32, side: i32, (price, size, name): &Row) -> Event {
        let named = !self.names.is_empty();
        let data = MarketDepthData {
            position: Some(position),
            operation: Some(operation),
            side: Some(side),
            price: Some(*price),
            size: Some(plain(*size)),
            market_maker: named.then(|| (*name).to_owned()),
            is_smart_depth: named.then_some(self.smart),
        };
        if named {
            Event::MarketDepthL2(Box::new(MarketDepthL2 { req_id: Some(req_id), market_depth_data: Some(data) }))
        } else {
            Event::MarketDepth(Box::new(MarketDepth { req_id: Some(req_id), market_depth_data: Some(data) }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_change_and_leave() {
        let (a, b, c) = ((10.0, 1.0, ""), (9.0, 1.0, ""), (8.0, 1.0, ""));
        let told = |before: &[Row], now: &[Row]| -> Vec<(usize, i32)> {
            changes(before, now).into_iter().map(|(position, operation, _)| (position, operation)).collect()
        };
        assert_eq!(told(&[], &[a, b]), [(0, INSERT), (1, INSERT)]);
        assert_eq!(told(&[a, b], &[a, c]), [(1, UPDATE)]);
        assert_eq!(told(&[a, b, c], &[b]), [(0, UPDATE), (2, DELETE), (1, DELETE)]);
    }
}
