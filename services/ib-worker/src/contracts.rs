//! `contracts.*`: lookup, details, search.

use std::sync::Arc;

use bus::{Builder, Request};
use schemas::{
    Fault,
    context::DataType,
    contracts::{ContractParams, Details, DetailsReply, LOOKUP_MAX, Lookup, LookupReply, Search, SearchParams, SearchReply},
};

use crate::worker::Worker;

pub(crate) fn routes(builder: Builder, worker: &Arc<Worker>) -> Builder {
    let (a, b, c) = (Arc::clone(worker), Arc::clone(worker), Arc::clone(worker));
    builder
        .route::<Lookup, _, _>(move |params, request| lookup(Arc::clone(&a), params, request))
        .route::<Details, _, _>(move |params, request| details(Arc::clone(&b), params, request))
        .route::<Search, _, _>(move |params, request| search(Arc::clone(&c), params, request))
}

async fn lookup(worker: Arc<Worker>, params: ContractParams, request: Request) -> Result<LookupReply, Fault> {
    let found = worker.reference.contracts(&params.contract, request.deadline).await?;
    let total = found.len();
    let context = match found.first() {
        Some(first) if total == 1 => worker.reference.context_of(&first.details, DataType::Reference),
        _ => worker.reference.context(DataType::Reference),
    };
    let contracts = found.into_iter().take(LOOKUP_MAX).map(|resolved| resolved.contract).collect();
    Ok(LookupReply { contracts, total, truncated: total > LOOKUP_MAX, context })
}

async fn details(worker: Arc<Worker>, params: ContractParams, request: Request) -> Result<DetailsReply, Fault> {
    let resolved = worker.reference.contract(&params.contract, request.deadline).await?;
    let context = worker.reference.context_of(&resolved.details, DataType::Reference);
    Ok(DetailsReply { contract: resolved.contract, details: resolved.details, context })
}

async fn search(worker: Arc<Worker>, params: SearchParams, request: Request) -> Result<SearchReply, Fault> {
    let matches = worker.reference.search(&params.pattern, request.deadline).await?;
    Ok(SearchReply { pattern: params.pattern, matches: matches.to_vec(), context: worker.reference.context(DataType::Reference) })
}
