//! What every operation of this worker shares: the link, what is cached, and the market's hours.

use std::{sync::Arc, time::Duration};

use ib_link::{Details, Link};
use jiff::{SignedDuration, Timestamp};
use schemas::{
    contracts::{ContractQuery, SymbolMatch},
    history::BarsReply,
    news::ArticleReply,
};
use tokio::{sync::watch, time::Instant};

use crate::{account::Rows, answers::Answers, coalesce::Coalesced, gate::Gate, market::Hours};

/// Contract facts change at most with a trading day.
const DETAILS_TTL: Duration = Duration::from_secs(86_400);
/// IB says at most what a symbol search found an hour ago.
const SEARCH_TTL: Duration = Duration::from_secs(3_600);
/// SPY on SMART: its hours stand for the market where an answer belongs to no instrument.
const REFERENCE_CONID: i32 = 756_733;
/// Asking for the market's hours and the gateway's clock.
const REFERENCE_MAX: Duration = Duration::from_secs(10);
/// IB tells hours some days ahead; they are asked for again after this long.
const REFERENCE_AGAIN: Duration = Duration::from_secs(12 * 3_600);
/// After a question that failed.
const REFERENCE_RETRY: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) link: Link,
    pub(crate) gate: Gate,
    pub(crate) answers: Answers,
    pub(crate) details: Coalesced<Vec<Details>>,
    pub(crate) searches: Coalesced<Vec<SymbolMatch>>,
    pub(crate) bars: Coalesced<BarsReply>,
    pub(crate) articles: Coalesced<ArticleReply>,
    pub(crate) providers: Coalesced<Vec<String>>,
    pub(crate) rows: Rows,
    market: watch::Sender<Market>,
}

/// The market's hours and how far the gateway's clock is from ours.
#[derive(Debug, Clone, Default)]
pub(crate) struct Market {
    pub(crate) hours: Option<Arc<Hours>>,
    /// Zero for a gateway of today; a simulated one may live on another day.
    pub(crate) clock_ahead: SignedDuration,
}

impl Worker {
    pub(crate) fn new(link: Link, gate: Gate, answers: Answers) -> Self {
        Self {
            link,
            gate,
            answers,
            details: Coalesced::kept_for(DETAILS_TTL),
            searches: Coalesced::kept_for(SEARCH_TTL),
            bars: Coalesced::in_flight(),
            articles: Coalesced::kept_for(SEARCH_TTL),
            providers: Coalesced::kept_for(SEARCH_TTL),
            rows: Rows::default(),
            market: watch::Sender::new(Market::default()),
        }
    }

    pub(crate) fn market(&self) -> Market {
        self.market.borrow().clone()
    }

    /// Now, by the gateway's clock: trading days are the exchange's, not the host's.
    pub(crate) fn now(&self) -> Timestamp {
        let now = service::clock::now();
        now.checked_add(self.market.borrow().clock_ahead).unwrap_or(now)
    }

    /// After each connection, and twice a day, asks for the gateway's clock and the market's hours. Never ends.
    pub(crate) async fn know_the_market(self: &Arc<Self>) {
        let mut states = self.link.state();
        loop {
            if states.wait_for(ib_link::State::ready).await.is_err() {
                return std::future::pending().await;
            }
            let known = self.look_at_the_market().await;
            let again = Instant::now() + if known { REFERENCE_AGAIN } else { REFERENCE_RETRY };
            tokio::select! {
                lost = states.wait_for(|state| !state.ready()) => if lost.is_err() { return std::future::pending().await },
                () = tokio::time::sleep_until(again) => if known { self.details.forget() },
            }
        }
    }

    /// Whether everything could be asked.
    async fn look_at_the_market(self: &Arc<Self>) -> bool {
        let deadline = Instant::now() + REFERENCE_MAX;
        let mut known = true;
        match self.link.server_time(deadline).await {
            Ok(theirs) => {
                let ahead = theirs.duration_since(service::clock::now());
                // Below this it is the way through the network, not another day.
                let ahead = if ahead.abs() < SignedDuration::from_secs(5) { SignedDuration::ZERO } else { ahead };
                let before = self.market.borrow().clock_ahead;
                // Another clock, another world: what was true there need not be here.
                if (ahead - before).abs() > SignedDuration::from_secs(60) {
                    self.details.forget();
                }
                self.market.send_modify(|market| market.clock_ahead = ahead);
            }
            Err(fault) => {
                known = false;
                tracing::warn!(%fault, "the gateway's clock is not known");
            }
        }
        let query = ContractQuery { conid: Some(REFERENCE_CONID), exchange: Some("SMART".to_owned()), ..ContractQuery::default() };
        match self.find(&query, deadline).await {
            Ok(found) => {
                if let Some(first) = found.first() {
                    self.market.send_modify(|market| market.hours = Hours::of(&first.details).map(Arc::new));
                }
            }
            Err(fault) => {
                known = false;
                tracing::warn!(%fault, "the market's hours are not known");
            }
        }
        known
    }
}
