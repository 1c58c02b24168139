//! The operations about the gateway, as they are asked over NATS: each becomes one question to the task that owns the
//! policy.
//!
//! Invariants: what can be refused without it is refused before; who stops waiting is told to it, so that it waits for
//! nobody.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bus::{Builder, Request};
use schemas::{
    Fault, FaultCode,
    gateway::{Diagnose, EnsureReady, Login, Logout, Reconnect, RestartWorkers, Status},
};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::{Instant, timeout},
};

use crate::{
    input::{Ask, Input, Reply, Wish},
    policy::WaiterId,
    probes::Probes,
    status::{check_logout, ready_timeout_ms},
};

/// How many may wait for the gateway at once, and ask beside that: those who wait are the policy's business.
pub(crate) const SLOTS: usize = 320;
pub(crate) const WAITING_MAX: usize = 64;
/// Each looks at everything anew; further ones wait for their turn, within their deadlines.
const LOOKS_MAX: usize = 2;
/// Getting a question through: the task waits for a save at most.
const ASK_MAX: Duration = Duration::from_secs(8);
/// Who asks over NATS without saying who he is.
const UNNAMED: &str = "a caller over NATS";

#[derive(Debug)]
struct Desk {
    inputs: mpsc::Sender<Input>,
    last_id: AtomicU64,
    probes: Probes,
    /// Diagnoses at once.
    looks: Semaphore,
}

/// Tells the policy when a caller goes away before he was answered.
struct Waiting<'a> {
    desk: &'a Desk,
    id: WaiterId,
    answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Should the queue be full, the wait ends at its deadline.
        if !self.answered {
            let _ = self.desk.inputs.try_send(Input::Gone(self.id));
        }
    }
}

impl Desk {
    async fn put<T>(&self, ask: impl FnOnce(Reply<T>) -> Ask) -> Result<oneshot::Receiver<Result<T, Fault>>, Fault> {
        let (reply, answer) = oneshot::channel();
        match timeout(ASK_MAX, self.inputs.send(Input::Ask(ask(reply)))).await {
            Ok(Ok(())) => Ok(answer),
            Ok(Err(_)) => Err(ends()),
            Err(_) => Err(Fault::new(FaultCode::Busy, "gateway-ctl has too much to do").retry_after_ms(1_000)),
        }
    }

    async fn ask<T>(&self, ask: impl FnOnce(Reply<T>) -> Ask) -> Result<T, Fault> {
        self.put(ask).await?.await.unwrap_or_else(|_| Err(ends()))
    }

    /// One that may wait long, and go away.
    async fn wait<T>(&self, ask: impl FnOnce(WaiterId, Reply<T>) -> Ask) -> Result<T, Fault> {
        let id = WaiterId(self.last_id.fetch_add(1, Ordering::Relaxed));
        let mut waiting = Waiting { desk: self, id, answered: false };
        let answer = self.put(|reply| ask(id, reply)).await?.await;
        waiting.answered = true;
        answer.unwrap_or_else(|_| Err(ends()))
    }
}

fn ends() -> Fault {
    Fault::new(FaultCode::NoWorker, "this gateway-ctl ends, or another one has taken over").hint("Ask again.").retry_after_ms(1_000)
}

fn by(request: &Request) -> String {
    request.caller.clone().filter(|caller| !caller.is_empty()).unwrap_or_else(|| UNNAMED.to_owned())
}

/// Adds every operation about the gateway.
pub(crate) fn routes(builder: Builder, inputs: mpsc::Sender<Input>, probes: Probes) -> Builder {
    let desk = Arc::new(Desk { inputs, last_id: AtomicU64::new(0), probes, looks: Semaphore::new(LOOKS_MAX) });
    let of = || Arc::clone(&desk);
    let (status, logout, login, reconnect, ready, diagnose, workers) = (of(), of(), of(), of(), of(), of(), of());
    builder
        .route::<Status, _, _>(move |_, _| {
            let desk = Arc::clone(&status);
            async move { desk.ask(Ask::Status).await }
        })
        .route::<Logout, _, _>(move |params, request| {
            let desk = Arc::clone(&logout);
            async move {
                check_logout(&params)?;
                let wish = Wish::Logout { by: by(&request), params };
                desk.wait(|id, reply| Ask::Command(id, wish, reply)).await
            }
        })
        .route::<Login, _, _>(move |_, request| {
            let desk = Arc::clone(&login);
            async move { desk.wait(|id, reply| Ask::Command(id, Wish::Login { by: by(&request) }, reply)).await }
        })
        .route::<Reconnect, _, _>(move |params, request| {
            let desk = Arc::clone(&reconnect);
            async move {
                let wish = Wish::Reconnect { by: by(&request), hard: params.hard };
                desk.wait(|id, reply| Ask::Command(id, wish, reply)).await
            }
        })
        .route::<EnsureReady, _, _>(move |params, request| {
            let desk = Arc::clone(&ready);
            async move {
                let left_ms = u64::try_from(request.deadline.saturating_duration_since(Instant::now()).as_millis()).unwrap_or(u64::MAX);
                let timeout_ms = ready_timeout_ms(&params)?.min(left_ms);
                desk.wait(|id, reply| Ask::EnsureReady { id, timeout_ms, reply }).await
            }
        })
        .route::<Diagnose, _, _>(move |params, _| {
            let desk = Arc::clone(&diagnose);
            async move {
                let look = desk.looks.acquire().await;
                desk.probes.look_at_all(params.deep).await;
                drop(look);
                desk.ask(Ask::Diagnose).await
            }
        })
        .route::<RestartWorkers, _, _>(move |_, _| {
            let desk = Arc::clone(&workers);
            async move { desk.ask(Ask::RestartWorkers).await }
        })
}
