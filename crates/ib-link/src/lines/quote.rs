//! What the ticks of one line add up to, pure.
//!
//! Invariant: what IB has not told, or has told not to be there, is absent, never zero.
//!
//! IB writes "no price" as -1, with or without a size of 0, and `ibapi` turns a price that was left out into 0. Both
//! are absent. A price of 0 counts only with a size: an option of no worth has no bid, a combination can have one at
//! 0. A spread at exactly -1 is lost to IB's way of writing.

use ibapi::{
    contracts::{OptionComputation, tick_types::TickType},
    market_data::{MarketDataType, realtime::TickTypes},
};
use jiff::Timestamp;
use schemas::{Num, context::DataType};

/// Different codes that are kept of one line; IB sends one or two.
const NOTICES_MAX: usize = 8;

/// IB's "no price".
const NO_PRICE: f64 = -1.0;

/// Only of ticks of one request. Live and delayed ticks fill the same fields; `data_type` tells which they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    pub bid: Option<Num>,
    pub bid_size: Option<Num>,
    pub ask: Option<Num>,
    pub ask_size: Option<Num>,
    pub last: Option<Num>,
    pub last_size: Option<Num>,
    /// Of the day before.
    pub close: Option<Num>,
    pub open: Option<Num>,
    pub high: Option<Num>,
    pub low: Option<Num>,
    pub volume: Option<Num>,
    pub halted: Option<bool>,
    pub greeks: GreeksOf,
    /// Generic tick 101.
    pub call_open_interest: Option<Num>,
    pub put_open_interest: Option<Num>,
    /// Generic tick 100.
    pub call_volume: Option<Num>,
    pub put_volume: Option<Num>,
    /// Generic tick 104; of a year, as a fraction.
    pub historical_volatility: Option<f64>,
    /// Generic tick 106; of a year, as a fraction.
    pub implied_volatility: Option<f64>,
    /// As IB announces it; live until then.
    pub data_type: DataType,
    /// What IB said beside the ticks, such as 10167 (delayed data are shown) and 10090 (a part is not subscribed).
    pub notices: Vec<(i32, String)>,
    /// When the last tick came.
    pub at: Option<Timestamp>,
}

/// Greeks by the price that they are computed from.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct GreeksOf {
    pub model: Option<Greeks>,
    pub bid: Option<Greeks>,
    pub ask: Option<Greeks>,
    pub last: Option<Greeks>,
}

/// Vega of one point (0.01) of volatility, theta of one calendar day.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Greeks {
    /// Implied volatility of a year, as a fraction.
    pub iv: Option<f64>,
    pub delta: Option<f64>,
    pub gamma: Option<f64>,
    pub theta: Option<f64>,
    pub vega: Option<f64>,
    /// Of the option.
    pub price: Option<f64>,
    pub underlying_price: Option<f64>,
}

impl Default for Quote {
    fn default() -> Self {
        Self {
            bid: None,
            bid_size: None,
            ask: None,
            ask_size: None,
            last: None,
            last_size: None,
            close: None,
            open: None,
            high: None,
            low: None,
            volume: None,
            halted: None,
            greeks: GreeksOf::default(),
            call_open_interest: None,
            put_open_interest: None,
            call_volume: None,
            put_volume: None,
            historical_volatility: None,
            implied_volatility: None,
            data_type: DataType::Live,
            notices: Vec::new(),
            at: None,
        }
    }
}

impl Quote {
    /// Takes in a tick that came at `at`.
    pub(super) fn fold(&mut self, tick: &TickTypes, at: Timestamp) {
        match tick {
            TickTypes::Price(tick) => self.price(tick.tick_type, tick.price, None),
            TickTypes::PriceSize(tick) => {
                self.price(tick.price_tick_type, tick.price, Some(tick.size));
                let known = told_price(tick.price, Some(tick.size)).is_some();
                self.size(tick.size_tick_type, if known { tick.size } else { 0.0 });
            }
            TickTypes::Size(tick) => self.size(tick.tick_type, tick.size),
            TickTypes::Generic(tick) => self.generic(tick.tick_type, tick.value),
            TickTypes::OptionComputation(tick) => self.computed(tick),
            TickTypes::MarketDataType(told) => match told {
                MarketDataType::Realtime => self.data_type = DataType::Live,
                MarketDataType::Frozen => self.data_type = DataType::Frozen,
                MarketDataType::Delayed => self.data_type = DataType::Delayed,
                MarketDataType::DelayedFrozen => self.data_type = DataType::DelayedFrozen,
                MarketDataType::Unknown => return,
            },
            // Exchanges, times and parameters: nobody asks for them here.
            TickTypes::String(_) | TickTypes::RequestParameters(_) | TickTypes::SnapshotEnd => return,
        }
        self.at = Some(at);
    }

    /// Keeps what IB said beside the ticks; the same code once.
    pub(super) fn note(&mut self, code: i32, text: &str) {
        if self.notices.len() < NOTICES_MAX && self.notices.iter().all(|(known, _)| *known != code) {
            self.notices.push((code, text.to_owned()));
        }
    }

    fn price(&mut self, kind: TickType, price: f64, size: Option<f64>) {
        let field = match kind {
            TickType::Bid | TickType::DelayedBid => &mut self.bid,
            TickType::Ask | TickType::DelayedAsk => &mut self.ask,
            TickType::Last | TickType::DelayedLast => &mut self.last,
            TickType::High | TickType::DelayedHigh => &mut self.high,
            TickType::Low | TickType::DelayedLow => &mut self.low,
            TickType::Close | TickType::DelayedClose => &mut self.close,
            TickType::Open | TickType::DelayedOpen => &mut self.open,
            _ => return,
        };
        *field = told_price(price, size);
    }

    fn size(&mut self, kind: TickType, size: f64) {
        let count = Num::from_ib(size).filter(|size| *size >= Num::ZERO);
        // Nobody bids for nothing, and no trade has been of nothing.
        let quoted = count.filter(|size| *size > Num::ZERO);
        match kind {
            TickType::BidSize | TickType::DelayedBidSize => self.bid_size = quoted,
            TickType::AskSize | TickType::DelayedAskSize => self.ask_size = quoted,
            TickType::LastSize | TickType::DelayedLastSize => self.last_size = quoted,
            TickType::Volume | TickType::DelayedVolume => self.volume = count,
            TickType::OptionCallOpenInterest => self.call_open_interest = count,
            TickType::OptionPutOpenInterest => self.put_open_interest = count,
            TickType::OptionCallVolume => self.call_volume = count,
            TickType::OptionPutVolume => self.put_volume = count,
            _ => {}
        }
    }

    fn generic(&mut self, kind: TickType, value: f64) {
        let fraction = Some(value).filter(|value| value.is_finite() && *value > 0.0 && *value < f64::MAX);
        match kind {
            // -1: nobody knows. 1 and 2 are IB's two kinds of halt.
            TickType::Halted | TickType::DelayedHalted => self.halted = (value >= 0.0).then_some(value > 0.0),
            TickType::OptionHistoricalVol => self.historical_volatility = fraction,
            TickType::OptionImpliedVol => self.implied_volatility = fraction,
            _ => {}
        }
    }

    fn computed(&mut self, tick: &OptionComputation) {
        let field = match tick.field {
            TickType::ModelOption | TickType::DelayedModelOption => &mut self.greeks.model,
            TickType::BidOption | TickType::DelayedBidOption => &mut self.greeks.bid,
            TickType::AskOption | TickType::DelayedAskOption => &mut self.greeks.ask,
            TickType::LastOption | TickType::DelayedLastOption => &mut self.greeks.last,
            _ => return,
        };
        // `ibapi` has taken IB's -1, -2 and 1.79e308 out.
        let told = |value: Option<f64>| value.filter(|value| value.is_finite());
        let greeks = Greeks {
            iv: told(tick.implied_volatility),
            delta: told(tick.delta),
            gamma: told(tick.gamma),
            theta: told(tick.theta),
            vega: told(tick.vega),
            price: told(tick.option_price),
            underlying_price: told(tick.underlying_price),
        };
        let nothing = Greeks { underlying_price: greeks.underlying_price, ..Greeks::default() };
        *field = (greeks != nothing).then_some(greeks);
    }
}

fn told_price(price: f64, size: Option<f64>) -> Option<Num> {
    let sized = size.is_some_and(|size| size > 0.0);
    let none = price == NO_PRICE || (price == 0.0 && !sized);
    if none { None } else { Num::from_ib(price) }
}

#[cfg(test)]
#[path = "quote_tests.rs"]
mod tests;
