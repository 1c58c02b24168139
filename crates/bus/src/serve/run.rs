//! One request from arrival to reply.

use std::{
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, atomic::Ordering},
};

use async_nats::Message;
use futures::FutureExt;
use schemas::{Fault, FaultCode, Retry, Row};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::{
    Observation, Shared,
    answer::{fitting, reply, tell_accepted},
    job::{AtWork, Job},
    progress,
    route::Route,
};
use crate::kind::Kind;

/// Takes a message on, or answers `busy`. Never waits: the receive loop must stay free.
pub(super) fn take(shared: &Arc<Shared>, route: &Arc<Route>, message: Message) {
    let Some(job) = Job::of(route, message) else { return };
    let place = Place::find(shared);
    let at_work = place.is_some().then(|| AtWork::enter(shared, route, &job));
    let (shared, route) = (Arc::clone(shared), Arc::clone(route));
    // Tracked, so that a drain waits for the reply, also for one that says `busy`.
    shared.tracker.clone().spawn(async move {
        let (outcome, started) = match (place, &at_work) {
            (Some(place), Some(at_work)) => handle(&shared, &route, &job, place, at_work).await,
            _ => (Some(Err(busy(&shared, route.row))), None),
        };
        finish(&shared, &route, &job, outcome, started).await;
    });
}

/// Where a request is until it is at work.
enum Place {
    Slot(OwnedSemaphorePermit),
    Waiting(Waiting),
}

impl Place {
    fn find(shared: &Arc<Shared>) -> Option<Self> {
        match Arc::clone(&shared.slots).try_acquire_owned() {
            Ok(permit) => Some(Self::Slot(permit)),
            Err(_) => Waiting::join(shared).map(Self::Waiting),
        }
    }
}

/// One of the waiting; leaves the count when dropped, also when its caller gives up first.
struct Waiting(Arc<Shared>);

impl Waiting {
    fn join(shared: &Arc<Shared>) -> Option<Self> {
        let most = shared.settings.waiting_max;
        let one_more = |waiting: usize| (waiting < most).then_some(waiting + 1);
        shared.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Self(Arc::clone(shared)))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What came of a request: `None` when nobody waits for it any more.
type Outcome = Option<Result<Vec<u8>, Fault>>;

/// Works on a request until it is done or must end; also tells when the work began.
async fn handle(shared: &Arc<Shared>, route: &Route, job: &Job, place: Place, at_work: &AtWork) -> (Outcome, Option<Instant>) {
    let mut started = None;
    let work = async {
        let _permit = match place {
            Place::Slot(permit) => permit,
            Place::Waiting(waiting) => {
                let permit = Arc::clone(&shared.slots).acquire_owned().await;
                drop(waiting);
                permit.map_err(|_| stopped(route.row))?
            }
        };
        // A timer that is due already fires only at the runtime's next tick.
        if Instant::now() >= job.answer_by {
            return Err(late(route.row, job));
        }
        started = Some(Instant::now());
        guarded(|| route.row.name(), async { route.call(job.body.clone(), job.request.clone()).await }).await
    };
    let outcome = {
        let mut work = pin!(work);
        // What is answered from memory needs no timers. What ends the work is looked at first, here as below.
        if at_work.cancelled.is_cancelled() {
            None
        } else if shared.ending.is_cancelled() {
            Some(Err(stopped(route.row)))
        } else if let Some(outcome) = work.as_mut().now_or_never() {
            Some(outcome)
        } else {
            tokio::select! {
                // Work that is past its deadline must not go on, and a handler that uses up the runtime's budget in every poll
                // would starve what comes after it.
                biased;
                () = at_work.cancelled.cancelled() => None,
                () = shared.ending.cancelled() => Some(Err(stopped(route.row))),
                () = tokio::time::sleep_until(job.answer_by) => Some(Err(late(route.row, job))),
                () = tell_accepted(shared, job) => None,
                () = progress::pass_on(shared, job) => None,
                outcome = work => Some(outcome),
            }
        }
    };
    let outcome = outcome.map(|outcome| outcome.and_then(|body| fitting(shared, route.row, body)));
    (outcome, started)
}

/// A handler that panics must not take the process, with every other request, down. It may panic before there is a
/// future, too, so `work` is what calls it.
pub(super) async fn guarded<T>(name: impl FnOnce() -> String, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        let message = format!("{} failed inside; the log has the cause", name());
        Err(Fault::new(FaultCode::Internal, message).hint("the request's id finds it; other requests are not touched"))
    })
}

/// Counts, tells the observer, replies.
async fn finish(shared: &Shared, route: &Route, job: &Job, outcome: Outcome, started: Option<Instant>) {
    let now = Instant::now();
    let began = started.unwrap_or(now);
    let fault = match &outcome {
        Some(Ok(_)) => None,
        Some(Err(fault)) => Some(fault.code),
        None => Some(FaultCode::Cancelled),
    };
    let worked = now.saturating_duration_since(began);
    route.count(outcome.as_ref().and_then(|outcome| outcome.as_ref().err()), worked);
    if let Some(observer) = &shared.settings.observer {
        observer(&Observation { operation: route.row, fault, queued: began.saturating_duration_since(job.arrived), worked });
    }
    if let Some(outcome) = outcome {
        reply(shared, job, outcome, started).await;
    }
}

fn busy(shared: &Shared, row: &Row) -> Fault {
    let (slots, waiting) = (shared.settings.slots, shared.settings.waiting_max);
    Fault::new(FaultCode::Busy, format!("{}: {slots} requests are at work and {waiting} wait", row.name())).hint(Kind::of(row).when_busy)
}

fn late(row: &Row, job: &Job) -> Fault {
    let message = format!("{} was not done after {} ms", row.name(), job.arrived.elapsed().as_millis());
    match row.retry {
        Retry::Safe => {
            Fault::new(FaultCode::Timeout, message).hint("IB was slow or the request waits for IB's pacing; ask for less, or again later")
        }
        Retry::Never => Fault::new(FaultCode::UnknownOutcome, message),
    }
}

/// The process ends before the work does. `busy` makes the caller ask another worker at once.
fn stopped(row: &Row) -> Fault {
    let kind = Kind::of(row);
    let message = format!("{} was stopped: its {} is ending", row.name(), kind.one);
    match row.retry {
        Retry::Safe => Fault::new(FaultCode::Busy, message).hint(kind.when_ending),
        Retry::Never => Fault::new(FaultCode::UnknownOutcome, message),
    }
}
