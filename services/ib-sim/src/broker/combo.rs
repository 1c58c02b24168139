//! What an order trades: one instrument, or the legs of a combination.
//!
//! A combination's price is that of one unit, as [`joined`] makes it of its legs.
//!
//! Invariant: the fills of the legs add up to the fill of the combination.

use jiff::civil::Date;

use super::terms::Side;
use crate::errors::ApiError;
use crate::proto::types::Contract;
use crate::world::World;
use crate::world::instrument::Instrument;
use crate::world::quote::Quote;
use crate::world::quote::combo::{Part, joined};

/// IB accepts no more legs than this in one combination.
const MAX_LEGS: usize = 6;
/// The contract id that a gateway shows for every combination.
const COMBO_CON_ID: i32 = 28_812_380;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Leg {
    pub(crate) con_id: i32,
    /// Units of the leg in one unit of the order, negative for a sold one.
    pub(crate) ratio: f64,
}

/// The legs, with the contract as a gateway echoes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Traded {
    pub(crate) contract: Contract,
    pub(crate) legs: Vec<Leg>,
    pub(crate) combo: bool,
}

impl Traded {
    pub(crate) fn resolve(world: &World, query: &Contract, today: Date) -> Result<Self, ApiError> {
        if query.sec_type == "BAG" {
            return Self::combo(world, query, today);
        }
        let row = world.contracts.only(query, today)?;
        let exchange = if query.exchange.is_empty() { row.home_exchange() } else { &query.exchange };
        // As captured: the exchange of the order, no primary exchange.
        let contract = Contract { exchange: exchange.to_owned(), primary_exchange: String::new(), ..row.contract.clone() };
        Ok(Self { legs: vec![Leg { con_id: row.contract.con_id, ratio: 1.0 }], contract, combo: false })
    }

    fn combo(world: &World, query: &Contract, today: Date) -> Result<Self, ApiError> {
        // The wordings here are not attested.
        if query.symbol.is_empty() {
            return Err(ApiError::invalid_order("Please enter a local symbol or a symbol"));
        }
        if query.combo_legs.len() < 2 || query.combo_legs.len() > MAX_LEGS {
            return Err(ApiError::invalid_order("Invalid number of combination legs"));
        }
        let mut legs = Vec::new();
        for leg in &query.combo_legs {
            let con_id = leg.con_id.unwrap_or_default();
            let row = world.contracts.get(con_id).ok_or_else(ApiError::no_definition)?;
            if row.expiry.is_some_and(|expiry| expiry < today) {
                return Err(ApiError::no_definition());
            }
            let sign = match leg.action.as_deref().map(str::to_ascii_uppercase).as_deref() {
                Some("BUY") => 1.0,
                Some("SELL" | "SSHORT") => -1.0,
                _ => return Err(ApiError::invalid_order("Invalid action of a combination leg")),
            };
            let ratio =
                leg.ratio.filter(|ratio| *ratio > 0).ok_or_else(|| ApiError::invalid_order("Invalid ratio of a combination leg"))?;
            legs.push(Leg { con_id, ratio: sign * f64::from(ratio) });
        }
        let description: Vec<String> = legs.iter().map(|leg| format!("{}|{}", leg.con_id, leg.ratio)).collect();
        let contract = Contract {
            con_id: COMBO_CON_ID,
            symbol: query.symbol.clone(),
            sec_type: "BAG".into(),
            exchange: if query.exchange.is_empty() { "SMART".into() } else { query.exchange.clone() },
            currency: if query.currency.is_empty() { "USD".into() } else { query.currency.clone() },
            local_symbol: query.symbol.clone(),
            trading_class: "COMB".into(),
            combo_legs_description: description.join(","),
            combo_legs: query.combo_legs.clone(),
            ..Contract::default()
        };
        Ok(Self { contract, legs, combo: true })
    }

    /// The instruments of the legs, in their order.
    pub(crate) fn instruments<'a>(&self, world: &'a World) -> Vec<(&'a Instrument, f64)> {
        self.legs.iter().filter_map(|leg| Some((world.contracts.get(leg.con_id)?, leg.ratio))).collect()
    }

    /// The one that tells the hours, the currency and the grid.
    pub(crate) fn lead<'a>(&self, world: &'a World) -> Option<&'a Instrument> {
        world.contracts.get(self.legs.first()?.con_id)
    }

    pub(crate) fn multiplier(&self, world: &World) -> f64 {
        self.instruments(world).iter().map(|(instrument, _)| instrument.multiplier()).fold(1.0, f64::max)
    }

    /// Both sides of one unit, and how many units the shown sizes allow.
    pub(crate) fn quote(&self, world: &World, now: i64) -> Option<Quote> {
        let quotes: Vec<Part> =
            self.instruments(world).into_iter().map(|(row, ratio)| (world.quote(row, now), ratio, row.multiplier())).collect();
        match quotes.as_slice() {
            [] => None,
            [(quote, _, _)] => Some(*quote),
            _ => Some(joined(&quotes)),
        }
    }

    /// What each leg is filled at when a unit is traded on this side.
    pub(crate) fn leg_prices(&self, world: &World, side: Side, now: i64) -> Vec<f64> {
        let price = |(row, ratio): (&Instrument, f64)| {
            let quote = world.quote(row, now);
            if ratio * side.sign() > 0.0 { quote.ask } else { quote.bid }
        };
        self.instruments(world).into_iter().map(price).collect()
    }
}
