//! What IB's historical service has beside bars and headlines: volume by price, single ticks.
//!
//! Invariant: each is asked in a history turn, whose rules whoever asks has kept.

use futures::StreamExt;
use ibapi::{
    Error,
    market_data::{IgnoreSize, TradingHours, historical as ib},
    subscriptions::SubscriptionItem,
};
use jiff::{Timestamp, tz::TimeZone};
use schemas::{
    Fault, FaultCode, Num,
    contracts::Contract,
    history::{BarSize, HistogramBar, Tick, TickKind},
};

use crate::{
    ask::{Ask, HistoryTurn},
    clock::Instant,
    convert,
    link::Link,
};

/// Volume by price of one instrument.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramRequest {
    pub contract: Contract,
    /// One of the sizes that are a period of [`schemas::history::HISTOGRAM_PERIODS`].
    pub period: BarSize,
    pub use_rth: bool,
}

/// Ticks of one instrument, from a moment on or up to one.
#[derive(Debug, Clone, PartialEq)]
pub struct TicksRequest {
    pub contract: Contract,
    pub kind: TickKind,
    /// Exactly one of this and `end`.
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub count: u32,
    pub use_rth: bool,
}

impl Link {
    /// By price, ascending; empty where nothing was traded.
    pub async fn histogram_in(
        &self,
        _turn: HistoryTurn<'_>,
        request: &HistogramRequest,
        deadline: Instant,
    ) -> Result<Vec<HistogramBar>, Fault> {
        let ask = Ask::history("a request for a histogram", deadline);
        let contract = convert::resolved_contract(&request.contract);
        let (hours, period) = (TradingHours::from_use_rth(request.use_rth), convert::asked_size(request.period));
        let found = self.send(ask, None, |session| async move { session.client.histogram_data(&contract, hours, period).await }).await?;
        let row = |row: &ib::HistogramEntry| {
            let size = row.size.and_then(Num::from_ib)?;
            Some(HistogramBar { price: Num::from_ib(row.price)?, size })
        };
        let mut rows: Vec<HistogramBar> = found.iter().filter_map(row).collect();
        rows.sort_by_key(|row| row.price);
        Ok(rows)
    }

    /// Oldest first, times in `zone`.
    pub async fn ticks_in(
        &self,
        _turn: HistoryTurn<'_>,
        request: &TicksRequest,
        zone: &TimeZone,
        deadline: Instant,
    ) -> Result<Vec<Tick>, Fault> {
        let count = i32::try_from(request.count).map_err(|_| Fault::new(FaultCode::Internal, "more ticks than can be asked for"))?;
        let ask = Ask::history("a request for ticks", deadline);
        let contract = convert::resolved_contract(&request.contract);
        let (asked, zone) = (request.clone(), zone.clone());
        self.send(ask, None, |session| async move {
            let builder = session.client.historical_ticks(&contract, count).trading_hours(TradingHours::from_use_rth(asked.use_rth));
            let builder = match (asked.start, asked.end) {
                (Some(start), _) => builder.starting(convert::offset_date_time(start)),
                (None, Some(end)) => builder.ending(convert::offset_date_time(end)),
                (None, None) => builder,
            };
            let at = |moment| convert::told_local(convert::timestamp(moment), &zone);
            match asked.kind {
                TickKind::Trades => all(builder.trade().await?, |tick: ib::TickLast| trade(&tick, at(tick.timestamp))).await,
                TickKind::BidAsk => {
                    all(builder.bid_ask(IgnoreSize::No).await?, |tick: ib::TickBidAsk| quote(&tick, at(tick.timestamp))).await
                }
                TickKind::Midpoint => all(builder.mid_point().await?, |tick: ib::TickMidpoint| midpoint(&tick, at(tick.timestamp))).await,
            }
        })
        .await
    }
}

fn trade(tick: &ib::TickLast, time: String) -> Tick {
    Tick {
        time,
        price: Num::from_ib(tick.price),
        size: tick.size.and_then(Num::from_ib),
        exchange: convert::text(&tick.exchange),
        conditions: convert::text(&tick.special_conditions),
        ..Tick::default()
    }
}

fn quote(tick: &ib::TickBidAsk, time: String) -> Tick {
    Tick {
        time,
        bid: Num::from_ib(tick.price_bid),
        bid_size: tick.size_bid.and_then(Num::from_ib),
        ask: Num::from_ib(tick.price_ask),
        ask_size: tick.size_ask.and_then(Num::from_ib),
        ..Tick::default()
    }
}

fn midpoint(tick: &ib::TickMidpoint, time: String) -> Tick {
    Tick { time, price: Num::from_ib(tick.price), ..Tick::default() }
}

async fn all<T, S>(mut ticks: S, told: impl Fn(T) -> Tick) -> Result<Vec<Tick>, Error>
where
    S: futures::Stream<Item = Result<SubscriptionItem<T>, Error>> + Unpin,
{
    let mut all = Vec::new();
    while let Some(row) = ticks.next().await {
        match row? {
            SubscriptionItem::Data(tick) => all.push(told(tick)),
            SubscriptionItem::Notice(notice) if notice.code == ibapi::SUBSCRIPTION_LAG_CODE => return Err(Error::Notice(notice)),
            SubscriptionItem::Notice(_) => {}
        }
    }
    Ok(all)
}
