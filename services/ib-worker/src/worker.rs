//! What every operation of this worker shares: the link, reference data, and what is cached beside it.

use std::{sync::Arc, time::Duration};

use ib_link::Link;
use ib_service::{Base, Coalesced, Reference};
use schemas::{
    account::{Execution, Order},
    history::{BarsReply, HeadReply, HistogramReply, TicksReply},
    news::{ArticleReply, Provider},
};

use crate::{account::Rows, answers::Answers, gate::Gate, memory::Memory};

/// An article does not change, and the providers of a login hardly.
const NEWS_TTL: Duration = Duration::from_secs(3_600);
/// Where data begin, and the steps of a price, change hardly ever.
const STATIC_TTL: Duration = Duration::from_secs(86_400);

#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) link: Link,
    pub(crate) reference: Arc<Reference>,
    pub(crate) gate: Gate,
    pub(crate) answers: Answers,
    pub(crate) bars: Coalesced<BarsReply>,
    pub(crate) articles: Coalesced<ArticleReply>,
    pub(crate) providers: Coalesced<Vec<Provider>>,
    pub(crate) rows: Rows,
    pub(crate) heads: Coalesced<HeadReply>,
    pub(crate) histograms: Coalesced<HistogramReply>,
    pub(crate) ticks: Coalesced<TicksReply>,
    pub(crate) rules: Coalesced<Vec<(schemas::Num, schemas::Num)>>,
    pub(crate) open: Memory<Vec<Order>>,
    pub(crate) today: Memory<Vec<Execution>>,
    pub(crate) week: Memory<Vec<Execution>>,
    pub(crate) completed: Coalesced<Vec<Order>>,
}

impl Worker {
    pub(crate) fn new(base: &Base) -> Self {
        Self {
            link: base.link.clone(),
            reference: Arc::clone(&base.reference),
            gate: Gate::new(&base.bus, &base.gateway),
            answers: Answers::new(&base.bus, &base.gateway),
            bars: Coalesced::in_flight(),
            articles: Coalesced::kept_for(NEWS_TTL),
            providers: Coalesced::kept_for(NEWS_TTL),
            rows: Rows::default(),
            heads: Coalesced::kept_for(STATIC_TTL),
            histograms: Coalesced::in_flight(),
            ticks: Coalesced::in_flight(),
            rules: Coalesced::kept_for(STATIC_TTL),
            open: Memory::default(),
            today: Memory::default(),
            week: Memory::default(),
            completed: Coalesced::in_flight(),
        }
    }
}
