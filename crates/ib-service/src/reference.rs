//! Reference data of a session: contracts, symbol searches, the market's hours, the gateway's clock.
//!
//! Invariant: what is kept is forgotten with the trading day, and when the gateway turns out to live on another one.

mod context;
mod hours;
mod resolve;

use std::{sync::Arc, time::Duration};

use ib_link::{Details, Link};
use jiff::{SignedDuration, Timestamp};
use schemas::{
    Fault,
    contracts::{ContractQuery, QUERY_TEXT_MAX, SymbolMatch},
};
use tokio::{sync::watch, time::Instant};

pub use hours::Hours;
pub use resolve::Resolved;

use crate::Coalesced;

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

/// What IB says about instruments and its market, once for all who ask the same.
#[derive(Debug)]
pub struct Reference {
    link: Link,
    details: Coalesced<Vec<Details>>,
    searches: Coalesced<Vec<SymbolMatch>>,
    market: watch::Sender<Market>,
}

/// The market's hours and how far the gateway's clock is from ours.
#[derive(Debug, Clone, Default)]
pub struct Market {
    pub hours: Option<Arc<Hours>>,
    /// Zero for a gateway of today; a simulated one may live on another day.
    pub clock_ahead: SignedDuration,
}

impl Reference {
    pub fn new(link: Link) -> Arc<Self> {
        Arc::new(Self {
            link,
            details: Coalesced::kept_for(DETAILS_TTL),
            searches: Coalesced::kept_for(SEARCH_TTL),
            market: watch::Sender::new(Market::default()),
        })
    }

    pub fn market(&self) -> Market {
        self.market.borrow().clone()
    }

    /// Now, by the gateway's clock: trading days are the exchange's, not the host's.
    pub fn now(&self) -> Timestamp {
        let now = service::clock::now();
        now.checked_add(self.market.borrow().clock_ahead).unwrap_or(now)
    }

    /// IB's answer to exactly this query, from the cache where it is known.
    pub async fn find(&self, query: &ContractQuery, deadline: Instant) -> Result<Arc<Vec<Details>>, Fault> {
        let key = serde_json::to_string(query).unwrap_or_default();
        let (link, query) = (self.link.clone(), query.clone());
        let ask = move || {
            let (link, query) = (link.clone(), query.clone());
            async move { link.contract_details(&query, deadline).await }
        };
        self.details.get(key, ask).await
    }

    /// IB's symbol search.
    pub async fn search(&self, pattern: &str, deadline: Instant) -> Result<Arc<Vec<SymbolMatch>>, Fault> {
        let pattern = pattern.trim().to_owned();
        let length = pattern.chars().count();
        if length == 0 || length > QUERY_TEXT_MAX || pattern.chars().any(char::is_control) {
            let shown: String = pattern.chars().filter(|c| !c.is_control()).take(40).collect();
            let message = format!(
                "pattern `{shown}` has {length} characters; give part of a symbol or name, 1 to {QUERY_TEXT_MAX} printable characters"
            );
            return Err(Fault::invalid("pattern", message));
        }
        let link = self.link.clone();
        let key = pattern.to_uppercase();
        let ask = move || {
            let (link, pattern) = (link.clone(), pattern.clone());
            async move { link.matching_symbols(&pattern, deadline).await }
        };
        self.searches.get(key, ask).await
    }

    /// After each connection, and twice a day, asks for the gateway's clock and the market's hours. Never ends.
    pub(crate) async fn know_the_market(&self) {
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
    async fn look_at_the_market(&self) -> bool {
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
