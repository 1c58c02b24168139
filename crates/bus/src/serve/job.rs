//! What a request says, and its entry among those at work.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{Message, Subject};
use bytes::Bytes;
use futures::StreamExt;
use schemas::{Progress, RequestId, Retry};
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{Request, Shared, progress::Teller, route::Route};
use crate::{
    connection::{BusError, within},
    names,
};

/// The reply leaves this long before the caller stops waiting, or a quarter of a budget that is smaller than four of it.
const REPLY_MARGIN: Duration = Duration::from_millis(50);
const SUBSCRIBE_MAX: Duration = Duration::from_secs(2);

/// One request with what its headers say.
pub(super) struct Job {
    pub(super) body: Bytes,
    pub(super) reply_to: Subject,
    pub(super) request: Request,
    /// When it must be answered, so that the answer is there at the caller's deadline.
    pub(super) answer_by: Instant,
    pub(super) wants_accepted: bool,
    /// What the handler tells, where the caller wants to know.
    pub(super) progress: Option<watch::Receiver<Option<Progress>>>,
    pub(super) arrived: Instant,
}

impl Job {
    /// A message without a reply subject asks for nothing.
    pub(super) fn of(route: &Route, message: Message) -> Option<Self> {
        let arrived = Instant::now();
        let reply_to = message.reply?;
        let get = |name| names::value(message.headers.as_ref(), name);
        let asked_ms = get(&names::TIMEOUT_MS).and_then(|text| text.parse::<u64>().ok());
        let budget = Duration::from_millis(asked_ms.unwrap_or(route.row.deadline_ms).min(route.row.deadline_ms));
        // Read, not taken over as text: it goes into logs.
        let id = get(&names::REQUEST_ID).and_then(|text| text.parse::<RequestId>().ok()).unwrap_or_else(RequestId::mint);
        let (teller, progress) = get(&names::ACCEPT_PROGRESS).map(|_| Teller::heard()).unzip();
        let caller = get(&names::CALLER).map(str::to_owned);
        let request = Request { id, deadline: arrived + budget, caller, progress: teller.unwrap_or_default() };
        let answer_by = arrived + (budget - REPLY_MARGIN.min(budget / 4));
        let wants_accepted = get(&names::ACCEPT).is_some();
        Some(Self { body: message.payload, reply_to, request, answer_by, wants_accepted, progress, arrived })
    }
}

/// Requests at work or waiting. An id may be there twice: a second attempt has that of the first.
#[derive(Debug, Default)]
pub(super) struct Running {
    entries: Mutex<HashMap<u64, Entry>>,
    last: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    /// `None` cannot be cancelled: a write goes on when its caller is gone.
    id: Option<RequestId>,
    cancelled: CancellationToken,
}

impl Running {
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.lock().len()).unwrap_or(u32::MAX)
    }

    fn cancel(&self, id: RequestId) {
        self.lock().values().filter(|entry| entry.id == Some(id)).for_each(|entry| entry.cancelled.cancel());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's entry; taken out when dropped, however its work ended.
pub(super) struct AtWork {
    pub(super) cancelled: CancellationToken,
    shared: Arc<Shared>,
    number: u64,
}

impl AtWork {
    pub(super) fn enter(shared: &Arc<Shared>, route: &Route, job: &Job) -> Self {
        let cancelled = CancellationToken::new();
        let number = shared.running.last.fetch_add(1, Ordering::Relaxed);
        let id = (route.row.retry == Retry::Safe).then_some(job.request.id);
        shared.running.lock().insert(number, Entry { id, cancelled: cancelled.clone() });
        Self { cancelled, shared: Arc::clone(shared), number }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.shared.running.lock().remove(&self.number);
    }
}

/// Follows `cancel.*`: whoever has the request stops working on it.
pub(super) async fn listen_for_cancels(shared: &Arc<Shared>) -> Result<AbortOnDropHandle<()>, BusError> {
    let mut cancels = within(SUBSCRIBE_MAX, shared.bus.client.subscribe(shared.gateway.cancels())).await?;
    let shared = Arc::downgrade(shared);
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        while let Some(message) = cancels.next().await {
            let Some(shared) = shared.upgrade() else { break };
            let id = message.subject.rsplit('.').next().unwrap_or_default();
            if let Ok(id) = id.parse::<RequestId>() {
                shared.running.cancel(id);
            }
        }
    })))
}

/// Follows what is asked of this process by name, because a caller found nobody through the queue group.
pub(super) async fn listen_for_named(shared: &Arc<Shared>) -> Result<AbortOnDropHandle<()>, BusError> {
    let subject = shared.gateway.rpcs_of(shared.settings.service, &shared.settings.id);
    let mut requests = within(SUBSCRIBE_MAX, shared.bus.client.subscribe(subject)).await?;
    let shared = Arc::downgrade(shared);
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        while let Some(message) = requests.next().await {
            let Some(shared) = shared.upgrade() else { break };
            let mut tokens = message.subject.rsplit('.');
            let (op, family) = (tokens.next().unwrap_or_default(), tokens.next().unwrap_or_default());
            let route = shared.routes.get(&format!("{family}.{op}")).cloned();
            // While draining it says nothing; the caller goes on to the next.
            if let Some(route) = route.filter(|_| !shared.tracker.is_closed()) {
                super::run::take(&shared, &route, message);
            }
        }
    })))
}
