//! Quotes of a combination, from those of its legs.
//!
//! Invariant: what one would pay for the whole is the sum of what each leg costs on the side that would be
//! taken, so the bid never exceeds the ask.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::kinds::{ASK, BID, CLOSE, LAST};
use super::line::{Line, Subject, Tick};
use super::{Live, Wanted};
use crate::errors::ApiError;
use crate::lines::Budget;
use crate::proto::event::Event;
use crate::proto::types::Contract;
use crate::wire::pb::quote::TickReqParams;
use crate::world::instrument::decimal;
use crate::world::quote::Quote;
use crate::world::quote::combo::joined;
use crate::world::scenario_market::Entitlement;

/// What a combination's snapshot waits for.
pub(super) const COMPLETE: [i32; 3] = [BID, ASK, CLOSE];
/// More than IB takes; no combination of clients has so many.
const MAX_LEGS: usize = 8;
/// Prices of combinations are told to the cent.
const PLACES: i32 = 2;

impl Live {
    pub(super) fn open_combo(&mut self, wanted: Wanted, contract: &Contract) -> Result<(), ApiError> {
        if contract.combo_legs.is_empty() {
            return Err(ApiError::no_combo_legs());
        }
        let legs = self.legs(contract)?;
        let gateway = Arc::clone(&self.gateway);
        for row in legs.iter().filter_map(|(con_id, _)| gateway.world.contracts.get(*con_id)) {
            match gateway.world.entitlement(row) {
                Entitlement::Live => {}
                other => return Err(ApiError::not_subscribed(other == Entitlement::Delayed, &super::permit::farm_line(row))),
            }
        }
        let first = legs.first().map_or(0, |(con_id, _)| *con_id);
        let place = gateway.lines.take(Budget::Quotes, key(&legs)).ok_or_else(ApiError::max_tickers)?;
        let mut line = Line::new(wanted.req_id, Subject::Combo(legs), self.times(first));
        line.place = Some(place);
        line.snapshot = wanted.snapshot;
        line.shown.frozen = self.streams.quotes.asked.frozen;
        self.send(&Event::TickReqParams(TickReqParams {
            req_id: Some(wanted.req_id),
            min_tick: Some("0.01".to_owned()),
            bbo_exchange: Some(String::new()),
            snapshot_permissions: Some(super::MAY_SNAPSHOT),
            last_price_precision: Some(super::PRECISION.to_owned()),
            last_size_precision: Some(super::PRECISION.to_owned()),
        }));
        self.streams.quotes.lines.insert(wanted.req_id, line);
        Ok(())
    }

    fn legs(&self, contract: &Contract) -> Result<Vec<(i32, f64)>, ApiError> {
        let read = contract.combo_legs.iter().enumerate().map(|(index, leg)| {
            let wrong = || ApiError::combo_leg(index + 1);
            let ratio = leg.ratio.filter(|ratio| *ratio > 0).ok_or_else(wrong)?;
            let sign = match leg.action.as_deref() {
                Some("BUY") => 1.0,
                Some("SELL" | "SSHORT") => -1.0,
                _ => return Err(wrong()),
            };
            let con_id = leg.con_id.unwrap_or_default();
            self.gateway.world.contracts.get(con_id).ok_or_else(ApiError::no_definition)?;
            Ok((con_id, sign * f64::from(ratio)))
        });
        if contract.combo_legs.len() > MAX_LEGS {
            return Err(ApiError::combo_leg(MAX_LEGS + 1));
        }
        read.collect()
    }

    pub(super) fn push_combo(&self, line: &mut Line, legs: &[(i32, f64)], out: &mut Vec<Event>) {
        let (mut now, mut yesterday) = (Vec::new(), Vec::new());
        let mut open = true;
        for (con_id, ratio) in legs {
            let Some(row) = self.gateway.world.contracts.get(*con_id) else { return };
            let view = self.view(row, line.shown);
            now.push((Quote { last: view.last, ..view.quote }, *ratio, row.multiplier()));
            yesterday.push((Quote { last: view.close, ..view.quote }, *ratio, row.multiplier()));
            open &= view.open;
        }
        let (quote, close) = (joined(&now), joined(&yesterday).last);
        let price = |kind, price: f64, size| Tick::Price { kind, price: decimal(price, PLACES), size, attributes: 0 };
        let sides = if open || line.shown.frozen {
            [price(BID, quote.bid, Some(quote.bid_size)), price(ASK, quote.ask, Some(quote.ask_size))]
        } else {
            // A combination may cost less than nothing, so no price can stand for none.
            [price(BID, 0.0, Some(0.0)), price(ASK, 0.0, Some(0.0))]
        };
        line.send(&sides, out);
        line.send(&[price(LAST, quote.last, None), price(CLOSE, close, None)], out);
    }
}

/// The same legs share a line; the sign keeps combinations apart from contracts.
fn key(legs: &[(i32, f64)]) -> i64 {
    let mut hasher = DefaultHasher::new();
    for (con_id, ratio) in legs {
        (con_id, ratio.to_bits()).hash(&mut hasher);
    }
    -i64::try_from(hasher.finish() >> 2).unwrap_or(1) - 1
}
