//! Membership of one queue group.

use std::{sync::Arc, time::Duration};

use async_nats::Subscriber;
use futures::{FutureExt, StreamExt};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Shared, route::Route, run};
use crate::connection::{BusError, within};

const SUBSCRIBE_MAX: Duration = Duration::from_secs(2);

/// Dropped, it leaves all the same; only nobody waits for it then, except [`super::Server::drain`].
#[derive(Debug)]
pub(super) struct Member {
    leave: DropGuard,
    task: JoinHandle<()>,
}

impl Member {
    pub(super) async fn join(shared: &Arc<Shared>, route: Arc<Route>) -> Result<Self, BusError> {
        shared.bus.require_connected()?;
        let subject = shared.gateway.rpc(route.row.family, route.row.op);
        let subscribe = shared.bus.client.queue_subscribe(subject, shared.settings.queue.to_owned());
        let messages = within(SUBSCRIBE_MAX, subscribe).await?;
        let leave = CancellationToken::new();
        let task = shared.tracker.spawn(receive(Arc::clone(shared), route, messages, leave.clone()));
        Ok(Self { leave: leave.drop_guard(), task })
    }

    pub(super) async fn leave(self) {
        drop(self.leave);
        // It ends within the bounds of two round trips.
        drop(self.task.await);
    }
}

async fn receive(shared: Arc<Shared>, route: Arc<Route>, mut messages: Subscriber, leave: CancellationToken) {
    loop {
        tokio::select! {
            () = leave.cancelled() => break,
            message = messages.next() => match message {
                Some(message) => run::take(&shared, &route, message),
                None => return,
            },
        }
    }
    // Leaving without loss. The client forgets a plainly unsubscribed id at once and would drop what is on the wire; with
    // a maximum that the server cannot parse (more than nine digits, nats-server parseSize) the server unsubscribes at
    // once while the client keeps listening. After the barrier everything routed here has arrived.
    // Where either fails the connection is lost, the server has forgotten the subscription, and dropping it below keeps the
    // client from renewing it.
    if within(SUBSCRIBE_MAX, messages.unsubscribe_after(u64::MAX)).await.is_ok() {
        let barrier = shared.bus.barrier();
        tokio::pin!(barrier);
        loop {
            tokio::select! {
                _ = &mut barrier => break,
                // What still arrives is not left to wait, nor to overflow the subscription.
                Some(message) = messages.next() => run::take(&shared, &route, message),
            }
        }
    }
    while let Some(Some(message)) = messages.next().now_or_never() {
        run::take(&shared, &route, message);
    }
}
