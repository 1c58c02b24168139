//! One question to a service, whichever door it came through: a slot, the breaker's leave, NATS, and what the end of
//! the call says about the gateway.
//!
//! Invariants: which subject is asked comes from the operation's row, never from a request; every call that the breaker
//! let pass is told how it ended, also when nobody waits for it any more.

use std::time::Duration;

use bus::{CallOptions, Reply};
use bytes::Bytes;
use schemas::{Fault, FaultCode, Freshness, Progress, RequestId, Row, fault::Blame};
use tokio::{
    sync::{SemaphorePermit, watch},
    time::Instant,
};

use crate::{
    breaker::{Decision, Event, Evidence, Pass},
    caller,
    edge::{CALLS_MAX, Edge},
    fault_map,
};

/// Where a caller is told how far its call is.
pub(crate) type ProgressSink = watch::Sender<Option<Progress>>;

/// What to ask, and on whose behalf.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) row: &'static Row,
    /// JSON of the operation's parameters.
    pub(crate) params: Bytes,
    pub(crate) request: RequestId,
    /// What the caller grants, where that is less than the operation's deadline.
    pub(crate) granted: Option<Duration>,
    /// For `Ib-Caller`.
    pub(crate) caller: String,
    /// Not checked yet; the first good one is passed on.
    pub(crate) traces: [Option<&'a str>; 2],
    pub(crate) progress: Option<ProgressSink>,
}

/// A reply. Whoever reads it says in the end what it proves.
#[derive(Debug)]
pub(crate) struct Answered<'a> {
    pub(crate) reply: Reply,
    pub(crate) passage: Passage<'a>,
    _slot: SemaphorePermit<'a>,
}

pub(crate) async fn ask<'a>(edge: &'a Edge, question: Question<'_>) -> Result<Answered<'a>, Fault> {
    let row = question.row;
    let Ok(slot) = edge.calls.try_acquire() else {
        return Err(Fault::new(FaultCode::Busy, format!("the edge works on {CALLS_MAX} calls already"))
            .hint("ask again shortly, with fewer calls at the same time"));
    };
    let Some(caller) = edge.caller() else {
        return Err(Fault::new(FaultCode::NoWorker, "the edge has not reached NATS yet").hint("start nats-server, or set NATS_URL"));
    };
    let passage = Passage::ask(edge, row)?;
    let options = CallOptions {
        timeout: question.granted,
        request_id: question.request,
        caller: Some(question.caller),
        traceparent: question.traces.into_iter().flatten().find(|text| caller::is_traceparent(text)).map(str::to_owned),
        progress: question.progress,
    };
    match caller.call(row, question.params, options).await {
        Ok(reply) => Ok(Answered { reply, passage, _slot: slot }),
        Err(fault) => {
            let whole_budget = question.granted.is_none_or(|granted| granted >= Duration::from_millis(row.deadline_ms));
            passage.ended(fault_map::evidence(&fault, whole_budget, !edge.workers_have_ib()));
            Err(fault)
        }
    }
}

/// One call that the breaker let pass. Dropped without a word, it says nothing about the gateway: but a probe that
/// nobody waits for any more must make room for the next.
#[derive(Debug)]
pub(crate) struct Passage<'a> {
    edge: &'a Edge,
    /// None where the breaker has no say, or has been told.
    pass: Option<Pass>,
}

impl<'a> Passage<'a> {
    fn ask(edge: &'a Edge, row: &Row) -> Result<Self, Fault> {
        if !fault_map::guarded(row) {
            return Ok(Self { edge, pass: None });
        }
        match edge.breaker(Event::Asked { kept: row.freshness == Freshness::Kept }) {
            Decision::Passed(pass) => Ok(Self { edge, pass: Some(pass) }),
            Decision::Refused { retry_after } => {
                if let Some(fault) = bus::logged_out(&edge.seen()) {
                    return Err(fault);
                }
                let wait_ms = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX).max(1);
                Err(Fault::new(FaultCode::GatewayDown, "IB Gateway failed several calls in a row, so this one was not tried")
                    .hint("account values and positions that were known within the last 15 minutes are still answered; GET /health tells when the next call is tried")
                    .retry_after_ms(wait_ms))
            }
            // Only events that ask nothing are merely noted.
            Decision::Noted => Ok(Self { edge, pass: None }),
        }
    }

    pub(crate) fn ended(mut self, evidence: Evidence) {
        if let Some(pass) = self.pass.take() {
            self.edge.breaker(Event::Ended(pass, evidence));
        }
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            self.edge.breaker(Event::Ended(pass, Evidence::None));
        }
    }
}

/// One line for a failed call of `asked`, a tool or a path. The message of a fault that the caller is to blame for quotes
/// the arguments, so it stays out of the log.
pub(crate) fn log(request_id: RequestId, asked: &'static str, fault: &Fault, started: Instant) {
    let (code, ib_code) = (fault.code, fault.ib_code);
    // A name that the caller made up may be of any length.
    let field = fault.field.as_deref().map(|field| field.chars().take(40).collect::<String>());
    let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match fault.blame {
        Blame::Caller | Blame::Ib => {
            tracing::info!(%request_id, asked, %code, ib_code, field, elapsed_ms, "call failed");
        }
        Blame::Gateway | Blame::Mesh => {
            tracing::warn!(%request_id, asked, %code, ib_code, elapsed_ms, said = fault.message, "call failed");
        }
    }
}
