//! Counts and durations of requests, for `/metrics`.

use std::{
    fmt::{self, Write},
    sync::Arc,
};

use bus::Observer;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
};
use service::Admin;

/// Bounded label sets: names come from the tables of operations and faults.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    operation: Name,
    outcome: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Operation {
    operation: Name,
}

/// `family.op` of the table of operations, put together when it is read.
#[derive(Debug, Clone, Copy, Hash, PartialEq, Eq)]
struct Name {
    family: &'static str,
    op: &'static str,
}

impl EncodeLabelValue for Name {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        write!(encoder, "{}.{}", self.family, self.op)
    }
}

/// Registers the metrics and answers what [`bus::Server`] tells after each request.
pub fn register(admin: &Admin) -> Observer {
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
        let operation = Name { family: seen.operation.family, op: seen.operation.op };
        let outcome = seen.fault.map_or("ok", schemas::FaultCode::as_str);
        requests.get_or_create(&Labels { operation, outcome }).inc();
        worked.get_or_create(&Operation { operation }).observe(seen.worked.as_secs_f64());
        queued.get_or_create(&Operation { operation }).observe(seen.queued.as_secs_f64());
    })
}
