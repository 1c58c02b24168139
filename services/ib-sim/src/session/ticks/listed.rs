//! One tick of any kind, and the ticks of a second.

use crate::wire::pb::tick::{HistoricalTick, HistoricalTickBidAsk, HistoricalTickLast, TickAttribBidAsk, TickAttribLast};
use crate::world::World;
use crate::world::bars::Bar;
use crate::world::instrument::{Instrument, decimal, plain};
use crate::world::quote::Quote;
use crate::world::quote::minute::route;
use crate::world::quote::trades::Trade;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Kind {
    Trades,
    BidAsk,
    MidPoint,
}

/// A trade, or a quote with its second.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::session) enum Listed {
    Trade(Trade),
    Quote(i64, Quote),
}

/// The ticks of a second, oldest first.
pub(super) fn of_second(world: &World, row: &Instrument, bar: &Bar, kind: Kind) -> Vec<Listed> {
    match kind {
        Kind::Trades => world.trades(row, bar).into_iter().map(Listed::Trade).collect(),
        Kind::BidAsk | Kind::MidPoint => {
            let quotes = route(bar).into_iter().map(|price| world.quote_around(row, row.round(price), bar.start));
            let mut listed: Vec<Listed> = quotes.map(|quote| Listed::Quote(bar.start, quote)).collect();
            listed.dedup_by(|next, last| !last.differs(next, kind == Kind::MidPoint));
            listed
        }
    }
}

impl Listed {
    pub(super) fn second(&self) -> i64 {
        match self {
            Self::Trade(trade) => trade.second,
            Self::Quote(second, _) => *second,
        }
    }

    /// Whether a later quote brings news; sizes alone may not count.
    #[expect(clippy::float_cmp, reason = "prices on one grid")]
    pub(super) fn differs(&self, next: &Self, ignore_size: bool) -> bool {
        match (self, next) {
            (Self::Quote(_, last), Self::Quote(_, next)) => {
                let prices = last.bid != next.bid || last.ask != next.ask;
                prices || !ignore_size && (last.bid_size != next.bid_size || last.ask_size != next.ask_size)
            }
            _ => true,
        }
    }

    pub(super) fn last(&self) -> HistoricalTickLast {
        let (second, price, size, exchange) = match self {
            Self::Trade(trade) => (trade.second, trade.price, trade.size, trade.exchange.clone()),
            Self::Quote(second, quote) => (*second, quote.last, quote.last_size, String::new()),
        };
        HistoricalTickLast {
            time: Some(second),
            tick_attrib_last: Some(TickAttribLast { past_limit: Some(false), unreported: Some(false) }),
            price: Some(price),
            size: Some(plain(size)),
            exchange: Some(exchange),
            special_conditions: Some(String::new()),
        }
    }

    pub(super) fn bid_ask(&self, ignore_size: bool) -> HistoricalTickBidAsk {
        let (bid, ask, bid_size, ask_size) = match self {
            Self::Trade(trade) => (trade.price, trade.price, trade.size, trade.size),
            Self::Quote(_, quote) => (quote.bid, quote.ask, quote.bid_size, quote.ask_size),
        };
        let size = |size: f64| Some(plain(if ignore_size { 0.0 } else { size }));
        HistoricalTickBidAsk {
            time: Some(self.second()),
            tick_attrib_bid_ask: Some(TickAttribBidAsk { bid_past_low: Some(false), ask_past_high: Some(false) }),
            price_bid: Some(bid),
            price_ask: Some(ask),
            size_bid: size(bid_size),
            size_ask: size(ask_size),
        }
    }

    pub(super) fn mid_point(&self) -> HistoricalTick {
        let price = match self {
            Self::Trade(trade) => trade.price,
            Self::Quote(_, quote) => decimal(f64::midpoint(quote.bid, quote.ask), 8),
        };
        HistoricalTick { time: Some(self.second()), price: Some(price), size: Some("0".to_owned()) }
    }
}
