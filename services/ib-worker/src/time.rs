//! `session.time`.

use std::sync::Arc;

use bus::{Builder, Request};
use schemas::{
    Fault,
    context::DataType,
    session::{Time, TimeParams, TimeReply},
};

use crate::worker::Worker;

pub(crate) fn routes(builder: Builder, worker: &Arc<Worker>) -> Builder {
    let worker = Arc::clone(worker);
    builder.route::<Time, _, _>(move |params, request| time(Arc::clone(&worker), params, request))
}

async fn time(worker: Arc<Worker>, _: TimeParams, request: Request) -> Result<TimeReply, Fault> {
    let server_time = worker.link.server_time(request.deadline).await?;
    let host_time = service::clock::now();
    let gateway_time_zone = worker.link.state().borrow().gateway_time_zone.clone();
    Ok(TimeReply {
        server_time,
        host_time,
        ahead_ms: server_time.as_millisecond().saturating_sub(host_time.as_millisecond()),
        gateway_time_zone,
        context: worker.reference.context(DataType::Reference),
    })
}
