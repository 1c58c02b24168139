//! Counts and durations of requests, for `/metrics`.

use std::sync::Arc;

use bus::Observer;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
};
use service::Admin;

/// Bounded label sets: names come from the tables of operations and faults.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    operation: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Operation {
    operation: String,
}

/// Registers the metrics and answers what [`bus::Server`] tells after each request.
pub(crate) fn register(admin: &Admin) -> Observer {
    let requests = Family::<Labels, Counter>::default();
    let worked =
        Family::<Operation, Histogram>::new_with_constructor(|| Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 30.0, 60.0]));
    let queued = Family::<Operation, Histogram>::new_with_constructor(|| Histogram::new([0.001, 0.01, 0.1, 1.0, 10.0]));
    admin.register(|registry| {
        registry.register("requests", "Requests by operation and outcome", requests.clone());
        registry.register("work_seconds", "Time at work, IB's time included", worked.clone());
        registry.register("queue_seconds", "Time waiting for a slot", queued.clone());
    });
    Arc::new(move |seen| {
        let operation = seen.operation.name();
        let outcome = seen.fault.map_or("ok", schemas::FaultCode::as_str);
        requests.get_or_create(&Labels { operation: operation.clone(), outcome }).inc();
        worked.get_or_create(&Operation { operation: operation.clone() }).observe(seen.worked.as_secs_f64());
        queued.get_or_create(&Operation { operation }).observe(seen.queued.as_secs_f64());
    })
}
