//! How a question goes to IB: when it may be sent, whose turn it is, and how it ends.
//!
//! Invariants: a question whose deadline is past is not sent; each ends by its deadline or with its session; waiting
//! for ourselves is never told as IB's time-out; one that is dropped is counted with the cancel that `ibapi` sends.

use std::{future::Future, sync::Arc};

use ibapi::Error;
use schemas::{Fault, FaultCode};
use tokio::{
    sync::{Mutex, MutexGuard, SemaphorePermit},
    time::timeout_at,
};

use crate::{
    clock::{Instant, instant},
    fault,
    link::{Link, Session},
    notices::TOO_FAST,
    pacing::{Bucket, patience},
};

/// Nobody knows when one of the open historical requests ends; most take a second or two.
const HISTORY_RETRY_MS: u64 = 2_000;

/// How a question is asked.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// For messages: `IB did not answer {what}`.
    pub(crate) what: &'a str,
    pub(crate) deadline: Instant,
    /// IB's servers answer it, not the gateway itself.
    pub(crate) upstream: bool,
    /// IB has a cancel for it, which goes out when the question is dropped.
    pub(crate) cancels: bool,
}

impl<'a> Ask<'a> {
    pub(crate) fn history(what: &'a str, deadline: Instant) -> Self {
        Self { what, deadline, upstream: true, cancels: true }
    }
}

/// Leave to send one historical request, for as long as it is open. Rules that count from the moment when IB gets a
/// request can be checked between having it and sending.
#[derive(Debug)]
pub struct HistoryTurn<'a> {
    _open: SemaphorePermit<'a>,
}

/// Counts the cancel of a question that is dropped before its answer.
struct Cancel<'a>(Option<&'a Bucket>);

impl Drop for Cancel<'_> {
    fn drop(&mut self) {
        if let Some(bucket) = self.0 {
            bucket.charge();
        }
    }
}

/// Where the questions of one kind take turns.
pub(crate) type Turns = fn(&Session) -> &Mutex<()>;

impl Link {
    /// Refuses what cannot be sent, before it waits for anything.
    pub(crate) fn sendable(&self, ask: Ask<'_>) -> Result<Arc<Session>, Fault> {
        if instant() >= ask.deadline {
            return Err(fault::past_deadline(ask.what));
        }
        self.session(ask.upstream)
    }

    /// Waits until a historical request may go out at once: one of those that may be open, and a turn of the messages.
    pub async fn history_turn(&self, deadline: Instant) -> Result<HistoryTurn<'_>, Fault> {
        let ask = Ask::history("a historical request", deadline);
        self.sendable(ask)?;
        let now = instant();
        let pace = || {
            let most = self.shared.settings.history_open_max;
            Fault::new(
                FaultCode::Pacing,
                format!("{most} historical requests are open, as many as this process may have; none ended in time"),
            )
            .retry_after_ms(HISTORY_RETRY_MS)
        };
        let turn = timeout_at(now + patience(now, ask.deadline), self.shared.history_open.acquire());
        let open = turn.await.ok().and_then(Result::ok).ok_or_else(pace)?;
        self.shared.bucket.take(deadline).await?;
        Ok(HistoryTurn { _open: open })
    }

    /// Until the gateway loses IB's servers.
    async fn upstream_gone(&self) {
        let mut state = self.state();
        // The sender lives as long as the link.
        let _ = state.wait_for(|state| state.upstream_lost).await;
    }

    pub(crate) async fn ask<T, F>(&self, ask: Ask<'_>, send: impl FnOnce(Arc<Session>) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.take_message(ask).await?;
        self.send(ask, None, send).await
    }

    /// The same for a kind of question whose answer has no request id: one at a time, or each would get the others'.
    pub(crate) async fn ask_alone<T, F>(&self, ask: Ask<'_>, turns: Turns, send: impl FnOnce(Arc<Session>) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.take_message(ask).await?;
        self.send(ask, Some(turns), send).await
    }

    async fn take_message(&self, ask: Ask<'_>) -> Result<(), Fault> {
        self.sendable(ask)?;
        self.shared.bucket.take(ask.deadline).await
    }

    /// Sends at once: whoever calls it has a turn of the messages.
    pub(crate) async fn send<T, F>(&self, ask: Ask<'_>, turns: Option<Turns>, send: impl FnOnce(Arc<Session>) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Error>>,
    {
        // Taken after the wait: it may be another session by now.
        let session = self.sendable(ask)?;
        let over = session.over.clone();
        let ended = || Fault::new(FaultCode::GatewayDown, format!("the session to the gateway ended while IB worked on {}", ask.what));
        let _turn = match turns {
            Some(turns) => tokio::select! {
                turn = turn(turns(&session), ask) => Some(turn?),
                () = over.cancelled() => return Err(ended()),
            },
            None => None,
        };
        let asked_at = instant();
        let mut cancel = Cancel(ask.cancels.then_some(&*self.shared.bucket));
        tokio::select! {
            answer = timeout_at(ask.deadline, send(Arc::clone(&session))) => match answer {
                Err(_) | Ok(Err(Error::Timeout)) => Err(fault::timed_out(ask.what, asked_at.elapsed().as_millis())),
                Ok(answer) => {
                    cancel.0 = None;
                    answer.map_err(|error| {
                        let fault = fault::of_error(&error);
                        self.shared.hear(&fault);
                        // Told to this question, it is meant for all of them.
                        if fault.ib_code == Some(TOO_FAST) {
                            self.shared.bucket.too_fast();
                        }
                        fault
                    })
                }
            },
            // Its cancel goes out: the gateway still has the question.
            () = self.upstream_gone(), if ask.upstream => Err(fault::upstream_lost()),
            () = over.cancelled() => {
                cancel.0 = None;
                Err(ended())
            }
        }
    }
}

/// The turn of one question among those of its kind; IB has not been asked while it waits, and so is not late.
async fn turn<'a>(turns: &'a Mutex<()>, ask: Ask<'_>) -> Result<MutexGuard<'a, ()>, Fault> {
    let now = instant();
    let waited = timeout_at(now + patience(now, ask.deadline), turns.lock()).await;
    waited.map_err(|_| {
        let waited_ms = now.elapsed().as_millis();
        Fault::new(
            FaultCode::Busy,
            format!(
                "{} has waited {waited_ms} ms for another of its kind, which IB has not answered; nothing was sent for this one",
                ask.what
            ),
        )
    })
}
