//! `$SRV.PING`, `INFO` and `STATS` (NATS ADR-32), so that `nats micro ls` and `stats` show the system.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::StreamExt;
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    connection::{BusError, within},
    serve::Shared,
};

const SUBSCRIBE_MAX: Duration = Duration::from_secs(2);

/// The three questions.
#[derive(Debug, Clone, Copy)]
enum Verb {
    Ping,
    Info,
    Stats,
}

/// Subscribes to the nine subjects and answers for as long as the handles live.
pub(crate) async fn answer(shared: &Arc<Shared>) -> Result<Vec<AbortOnDropHandle<()>>, BusError> {
    let (service, id) = (shared.settings.service, shared.settings.id.clone());
    let started = jiff_now();
    let mut tasks = Vec::new();
    for (verb, name) in [(Verb::Ping, "PING"), (Verb::Info, "INFO"), (Verb::Stats, "STATS")] {
        for subject in [format!("$SRV.{name}"), format!("$SRV.{name}.{service}"), format!("$SRV.{name}.{service}.{id}")] {
            let mut questions = within(SUBSCRIBE_MAX, shared.bus.client.subscribe(subject)).await?;
            let (weak, started) = (Arc::downgrade(shared), started.clone());
            tasks.push(AbortOnDropHandle::new(tokio::spawn(async move {
                while let Some(question) = questions.next().await {
                    let Some(shared) = weak.upgrade() else { break };
                    if let Some(reply) = question.reply {
                        let body = Bytes::from(body(&shared, verb, &started).to_string());
                        drop(shared.bus.publish(reply.to_string(), body).await);
                    }
                }
            })));
        }
    }
    Ok(tasks)
}

fn body(shared: &Shared, verb: Verb, started: &str) -> Value {
    let settings = &shared.settings;
    let mut body = json!({
        "name": settings.service,
        "id": settings.id,
        "version": schemas::VERSION,
        "metadata": { "gateway": shared.gateway.as_str() },
    });
    let (kind, endpoints) = match verb {
        Verb::Ping => ("io.nats.micro.v1.ping_response", None),
        Verb::Info => ("io.nats.micro.v1.info_response", Some(endpoints(shared, false))),
        Verb::Stats => ("io.nats.micro.v1.stats_response", Some(endpoints(shared, true))),
    };
    body["type"] = kind.into();
    if matches!(verb, Verb::Info) {
        body["description"] = "ib-mesh: Interactive Brokers over NATS".into();
    }
    if matches!(verb, Verb::Stats) {
        body["started"] = started.into();
    }
    if let Some(endpoints) = endpoints {
        body["endpoints"] = endpoints;
    }
    body
}

fn endpoints(shared: &Shared, with_stats: bool) -> Value {
    let rows = shared.routes.values().map(|route| {
        let mut endpoint = json!({
            "name": route.row.name().replace('.', "-"),
            "subject": shared.gateway.rpc(route.row.family, route.row.op),
            "queue_group": shared.settings.queue,
        });
        if with_stats {
            let stats = route.stats();
            let nanos = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
            endpoint["num_requests"] = stats.requests.into();
            endpoint["num_errors"] = stats.errors.into();
            endpoint["last_error"] = stats.last_error.into();
            endpoint["processing_time"] = nanos(stats.processing).into();
            endpoint["average_processing_time"] = nanos(stats.processing).checked_div(stats.requests).unwrap_or(0).into();
        } else {
            endpoint["metadata"] = json!({ "about": route.row.about });
        }
        endpoint
    });
    rows.collect()
}

#[expect(clippy::disallowed_methods, reason = "the start of a service, told to people")]
fn jiff_now() -> String {
    jiff::Timestamp::now().to_string()
}
