//! `contracts.*`: lookup, details, search.

use std::sync::Arc;

use bus::{Builder, Request};
use schemas::{
    Fault,
    context::DataType,
    contracts::{
        ContractParams, Details, DetailsReply, LOOKUP_MAX, Lookup, LookupReply, QUERY_TEXT_MAX, Search, SearchParams, SearchReply,
        SymbolMatch,
    },
};
use tokio::time::Instant;

use crate::worker::Worker;

pub(crate) fn routes(builder: Builder, worker: &Arc<Worker>) -> Builder {
    let (a, b, c) = (Arc::clone(worker), Arc::clone(worker), Arc::clone(worker));
    builder
        .route::<Lookup, _, _>(move |params, request| lookup(Arc::clone(&a), params, request))
        .route::<Details, _, _>(move |params, request| details(Arc::clone(&b), params, request))
        .route::<Search, _, _>(move |params, request| search(Arc::clone(&c), params, request))
}

async fn lookup(worker: Arc<Worker>, params: ContractParams, request: Request) -> Result<LookupReply, Fault> {
    let found = worker.contracts(&params.contract, request.deadline).await?;
    let total = found.len();
    let context = match found.first() {
        Some(first) if total == 1 => worker.context_of(&first.details, DataType::Reference),
        _ => worker.context(DataType::Reference),
    };
    let contracts = found.into_iter().take(LOOKUP_MAX).map(|resolved| resolved.contract).collect();
    Ok(LookupReply { contracts, total, truncated: total > LOOKUP_MAX, context })
}

async fn details(worker: Arc<Worker>, params: ContractParams, request: Request) -> Result<DetailsReply, Fault> {
    let resolved = worker.contract(&params.contract, request.deadline).await?;
    let context = worker.context_of(&resolved.details, DataType::Reference);
    Ok(DetailsReply { contract: resolved.contract, details: resolved.details, context })
}

async fn search(worker: Arc<Worker>, params: SearchParams, request: Request) -> Result<SearchReply, Fault> {
    let matches = worker.search(&params.pattern, request.deadline).await?;
    Ok(SearchReply { pattern: params.pattern, matches: matches.to_vec(), context: worker.context(DataType::Reference) })
}

impl Worker {
    /// IB's symbol search, once for all who ask the same.
    pub(crate) async fn search(self: &Arc<Self>, pattern: &str, deadline: Instant) -> Result<Arc<Vec<SymbolMatch>>, Fault> {
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
}
