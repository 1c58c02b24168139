//! What every operation of this worker shares: the link, reference data, and what is cached beside it.

use std::{sync::Arc, time::Duration};

use ib_link::Link;
use ib_service::{Base, Coalesced, Reference};
use schemas::{history::BarsReply, news::ArticleReply};

use crate::{account::Rows, answers::Answers, gate::Gate};

/// An article does not change, and the providers of a login hardly.
const NEWS_TTL: Duration = Duration::from_secs(3_600);

#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) link: Link,
    pub(crate) reference: Arc<Reference>,
    pub(crate) gate: Gate,
    pub(crate) answers: Answers,
    pub(crate) bars: Coalesced<BarsReply>,
    pub(crate) articles: Coalesced<ArticleReply>,
    pub(crate) providers: Coalesced<Vec<String>>,
    pub(crate) rows: Rows,
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
        }
    }
}
