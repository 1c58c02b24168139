//! When a stop is reached: IB's trigger methods, and stops that follow the market.
//!
//! Invariant: a trailing stop only ever moves towards the market.

use super::terms::{Distance, Side};
use crate::world::quote::Quote;

/// Which prices wake a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Last price; for options two quotes in a row, as IB does.
    Default,
    DoubleBidAsk,
    Last,
    DoubleLast,
    BidAsk,
    LastOrBidAsk,
    Mid,
}

impl Method {
    pub(crate) fn from_code(code: i32) -> Self {
        match code {
            1 => Self::DoubleBidAsk,
            2 => Self::Last,
            3 => Self::DoubleLast,
            4 => Self::BidAsk,
            7 => Self::LastOrBidAsk,
            8 => Self::Mid,
            _ => Self::Default,
        }
    }

    /// IB's default depends on what is traded.
    pub(crate) fn or_default(self, quoted: bool) -> Self {
        match self {
            Self::Default if quoted => Self::DoubleBidAsk,
            Self::Default => Self::Last,
            other => other,
        }
    }

    /// How often in a row the price has to be there.
    pub(crate) fn times(self) -> u8 {
        if matches!(self, Self::DoubleBidAsk | Self::DoubleLast) { 2 } else { 1 }
    }

    /// The price that counts for an order of this side: a sell stop looks at the ask, a buy stop at
    /// the bid, so that one wide quote wakes neither.
    pub(crate) fn price(self, side: Side, quote: &Quote) -> f64 {
        let far = match side {
            Side::Buy => quote.bid,
            Side::Sell => quote.ask,
        };
        match self {
            Self::Default | Self::Last | Self::DoubleLast => quote.last,
            Self::DoubleBidAsk | Self::BidAsk => far,
            Self::LastOrBidAsk => match side {
                Side::Buy => quote.last.max(far),
                Side::Sell => quote.last.min(far),
            },
            Self::Mid => f64::midpoint(quote.bid, quote.ask),
        }
    }
}

/// A buy stop lies above the market, a sell stop below.
pub(crate) fn stop_reached(side: Side, stop: f64, price: f64) -> bool {
    match side {
        Side::Buy => price >= stop,
        Side::Sell => price <= stop,
    }
}

/// An order that waits to be touched lies the other way round.
pub(crate) fn touched(side: Side, touch: f64, price: f64) -> bool {
    stop_reached(side.opposite(), touch, price)
}

/// Where a trailing stop stands after this price.
pub(crate) fn trail(side: Side, distance: Distance, before: Option<f64>, price: f64) -> f64 {
    let behind = match distance {
        Distance::Amount(amount) => amount,
        Distance::Percent(percent) => price * percent / 100.0,
    };
    match (side, before) {
        (Side::Sell, before) => before.unwrap_or(f64::NEG_INFINITY).max(price - behind),
        (Side::Buy, before) => before.unwrap_or(f64::INFINITY).min(price + behind),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sides_and_methods() {
        let quote = Quote { bid: 9.9, ask: 10.1, last: 10.0, bid_size: 1.0, ask_size: 1.0, last_size: 1.0 };
        for (method, buy, sell) in
            [(Method::Last, 10.0, 10.0), (Method::BidAsk, 9.9, 10.1), (Method::LastOrBidAsk, 10.0, 10.0), (Method::Mid, 10.0, 10.0)]
        {
            assert_eq!((method.price(Side::Buy, &quote), method.price(Side::Sell, &quote)), (buy, sell), "{method:?}");
        }
        assert!(stop_reached(Side::Buy, 10.0, 10.0) && !stop_reached(Side::Buy, 10.01, 10.0));
        assert!(stop_reached(Side::Sell, 10.0, 9.99) && !stop_reached(Side::Sell, 9.98, 9.99));
        assert!(touched(Side::Buy, 10.0, 9.99) && !touched(Side::Sell, 10.0, 9.99));
        assert_eq!(Method::Default.or_default(true).times(), 2);
    }

    proptest! {
        #[test]
        fn a_trailing_stop_never_retreats(prices in prop::collection::vec(1.0_f64..500.0, 1..40), amount in 0.01_f64..20.0, sell: bool) {
            let side = if sell { Side::Sell } else { Side::Buy };
            let mut stop: Option<f64> = None;
            for price in prices {
                let next = trail(side, Distance::Amount(amount), stop, price);
                if let Some(before) = stop {
                    let towards = if sell { next >= before } else { next <= before };
                    prop_assert!(towards);
                }
                let near = if sell { next >= price - amount } else { next <= price + amount };
                prop_assert!(near);
                stop = Some(next);
            }
        }
    }
}
