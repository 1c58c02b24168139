//! Asking an operation: one deadline, at most [`ATTEMPTS_MAX`] workers at it, an honest fault.
//!
//! A worker that works longer than a moment says so (`accepted`). So a request that nobody took, or whose worker died,
//! is asked again of another worker long before its deadline, and a slow one is not asked twice. The queue group may
//! choose a worker that hangs time and again; after the first silence one worker is asked by name, the one heard of last.

mod faults;

pub use faults::logged_out;

use std::time::Duration;

use async_nats::{HeaderMap, Message, client::PublishErrorKind};
use bytes::Bytes;
use schemas::{Fault, FaultCode, GatewayName, Operation, Progress, RequestId, Retry, Row, fault::FaultBody, health::HEARTBEAT_STALE_MS};
use tokio::{sync::watch, time::Instant};

use crate::{
    connection::{Bus, BusError},
    fleet::Fleet,
    mux::{Incoming, Mux, ProgressSink, Slot},
    names,
    text::header_text,
};

/// Times one call is sent at most where somebody may be at it, the first included.
const ATTEMPTS_MAX: u32 = 2;
/// Times it is sent at most, workers that stayed silent included.
const SENDS_MAX: u32 = 4;
/// A short call is given up as not taken after half of its time, but never before an acceptance can have come.
const ACCEPT_WAIT_MIN: Duration = Duration::from_millis(500);

/// How long a call waits for what, before it asks another worker.
#[derive(Debug, Clone)]
pub struct Patience {
    /// A worker that took a request says so 250 ms into its work; without a word for this long nobody has it.
    pub accept_wait: Duration,
    /// Pause before a second attempt after `busy`, or when nobody listens although workers are ready.
    pub again_after: Duration,
    /// A worker that took the request counts as lost when nothing is heard of it for this long.
    pub lost_after: Duration,
    /// How often the heartbeats of a worker at work are looked at.
    pub look_period: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            accept_wait: Duration::from_millis(1_500),
            again_after: Duration::from_millis(100),
            lost_after: Duration::from_millis(HEARTBEAT_STALE_MS),
            look_period: Duration::from_millis(500),
        }
    }
}

/// Details of one call.
#[derive(Debug, Clone)]
pub struct CallOptions {
    /// Less than the operation's deadline, or absent for all of it.
    pub timeout: Option<Duration>,
    pub request_id: RequestId,
    pub caller: Option<String>,
    pub traceparent: Option<String>,
    /// Told how far the call is, the newest word only; not after the call has ended. `None` until something was told.
    pub progress: Option<watch::Sender<Option<Progress>>>,
}

impl Default for CallOptions {
    fn default() -> Self {
        Self { timeout: None, request_id: RequestId::mint(), caller: None, traceparent: None, progress: None }
    }
}

/// An answer and what its headers say.
#[derive(Debug, Clone)]
pub struct Reply {
    pub body: Bytes,
    pub served_by: Option<String>,
    pub client_id: Option<i32>,
    pub queue_ms: Option<u64>,
    pub work_ms: Option<u64>,
    pub attempts: u32,
}

/// Calls the operations of one gateway; clones share the connection and the table of heartbeats.
#[derive(Debug, Clone)]
pub struct Caller {
    bus: Bus,
    gateway: GatewayName,
    mux: Mux,
    fleet: Fleet,
    patience: Patience,
}

/// How one attempt ended without an answer of the operation.
enum Attempt {
    Answered(Message),
    /// Nobody is in the queue group.
    NoResponders,
    /// Nobody said that he has it.
    NotTaken,
    /// Who said so is gone.
    Gone,
    /// The whole deadline has passed.
    TimedOut,
}

/// What the attempt's progress is read from, where its caller wants to be told.
type Told = Option<watch::Receiver<Option<Progress>>>;

/// Whom an attempt asks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Group,
    /// Service and heartbeat id of one process.
    One(String, String),
}

/// Tells the workers that nobody waits any more, unless the call came to an end that leaves nobody at work.
struct CancelOnDrop<'a> {
    caller: &'a Caller,
    request: RequestId,
    armed: bool,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and its connection with it.
        if self.armed
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (bus, subject) = (self.caller.bus.clone(), self.caller.gateway.cancel(&self.request));
            runtime.spawn(async move {
                if let Err(error) = bus.publish(subject, Bytes::new()).await {
                    tracing::debug!(%error, "a cancel was not told");
                }
            });
        }
    }
}

impl Caller {
    /// Subscribes to replies and heartbeats.
    pub async fn start(bus: &Bus, gateway: GatewayName) -> Result<Self, BusError> {
        let fleet = Fleet::follow(bus, &gateway).await?;
        Ok(Self { bus: bus.clone(), gateway, mux: Mux::start(bus).await?, fleet, patience: Patience::default() })
    }

    /// Waits otherwise than [`Patience::default`].
    #[must_use]
    pub fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Attempts that wait for an answer now.
    pub fn waiting(&self) -> usize {
        self.mux.waiting()
    }

    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Asks with types.
    pub async fn ask<O: Operation>(&self, params: &O::Params, options: CallOptions) -> Result<O::Reply, Fault> {
        let row = schemas::find(&format!("{}.{}", O::FAMILY, O::OP)).expect("every operation is in the table");
        let body = serde_json::to_vec(params).map_err(|e| Fault::new(FaultCode::Internal, format!("cannot write the parameters: {e}")))?;
        let reply = self.call(row, body.into(), options).await?;
        serde_json::from_slice(&reply.body)
            .map_err(|e| Fault::new(FaultCode::Internal, format!("cannot read the reply of {}: {e}", row.name())))
    }

    /// Asks with the JSON bytes of the operation's parameters and answers with the JSON bytes of its reply.
    pub async fn call(&self, row: &Row, body: Bytes, options: CallOptions) -> Result<Reply, Fault> {
        let whole = Duration::from_millis(row.deadline_ms);
        let budget = options.timeout.map_or(whole, |asked| asked.min(whole));
        let deadline = Instant::now() + budget;
        // A write goes on when its caller is gone.
        let safe = row.retry == Retry::Safe;
        let mut cancel = CancelOnDrop { caller: self, request: options.request_id, armed: safe };
        let (mut sent, mut left_at_work) = (0, false);
        let mut targets = vec![Target::Group];
        let ended = loop {
            sent += 1;
            let again_at = |caller: &Self| Instant::now() + caller.patience.again_after;
            let may_ask_again = || safe && sent < ATTEMPTS_MAX && again_at(self) < deadline;
            let target = targets.last().cloned().unwrap_or(Target::Group);
            match self.attempt(row, body.clone(), &options, deadline, &target).await {
                Ok(Attempt::Answered(message)) => match read(&message, sent) {
                    Err(fault) if fault.code == FaultCode::Busy && fault.ib_code.is_none() && may_ask_again() => {}
                    read => break read,
                },
                Ok(Attempt::NoResponders) if target == Target::Group => {
                    if !(may_ask_again() && self.somebody_should_answer(row)) {
                        break Err(faults::nobody(row, &self.fleet.seen()));
                    }
                }
                Ok(Attempt::NotTaken | Attempt::NoResponders) => {
                    left_at_work = true;
                    let known = if safe && sent < SENDS_MAX { self.heard_of_last(row, &targets) } else { None };
                    if known.is_none() && !may_ask_again() {
                        break Err(faults::lost(row, faults::Lost::NotTaken, sent));
                    }
                    tracing::warn!(operation = row.name(), request_id = %options.request_id, asking = ?known, "nobody took the request");
                    targets.push(known.unwrap_or(Target::Group));
                    continue;
                }
                Ok(Attempt::Gone) => {
                    left_at_work = true;
                    if !may_ask_again() {
                        break Err(faults::lost(row, faults::Lost::Gone, sent));
                    }
                    tracing::warn!(operation = row.name(), request_id = %options.request_id, "who took the request is gone; asking again");
                    targets.push(Target::Group);
                    continue;
                }
                Ok(Attempt::TimedOut) => {
                    left_at_work = true;
                    break Err(faults::timed_out(row, budget));
                }
                Err(fault) => break Err(fault),
            }
            tokio::time::sleep_until(again_at(self)).await;
        };
        // Also when a second attempt was answered: who had the first may still be at it.
        cancel.armed = safe && left_at_work;
        // A worker knows that its session is gone, gateway-ctl knows why.
        ended.map_err(|fault| match fault.code {
            FaultCode::GatewayDown => faults::logged_out(&self.fleet.seen()).unwrap_or(fault),
            _ => fault,
        })
    }

    async fn attempt(&self, row: &Row, body: Bytes, options: &CallOptions, deadline: Instant, target: &Target) -> Result<Attempt, Fault> {
        self.bus.require_connected().map_err(|error| faults::not_sent(&error))?;
        let mut slot = self.mux.slot(options.progress.clone());
        let left = deadline.saturating_duration_since(Instant::now());
        let (headers, bytes) = (request_headers(options, left), body.len());
        let subject = match target {
            Target::Group => self.gateway.rpc(row.family, row.op),
            Target::One(service, id) => self.gateway.rpc_of(service, id, row.family, row.op),
        };
        let publish = self.bus.client.publish_with_reply_and_headers(subject, self.mux.reply_to(&slot), headers, body);
        match tokio::time::timeout_at(deadline, publish).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                return Err(faults::too_large(row, bytes, self.bus.client.max_payload()));
            }
            Ok(Err(error)) => return Err(faults::not_sent(&BusError::Client(error.to_string()))),
            Err(_) => return Ok(Attempt::TimedOut),
        }
        let told = options.progress.as_ref().map(ProgressSink::subscribe);
        Ok(self.wait(row, &mut slot, told, deadline).await)
    }

    async fn wait(&self, row: &Row, slot: &mut Slot, mut told: Told, deadline: Instant) -> Attempt {
        let mut taken: Option<(String, Instant)> = None;
        let half = deadline.saturating_duration_since(Instant::now()) / 2;
        let mut look_at = match row.retry {
            Retry::Safe => deadline.min(Instant::now() + self.patience.accept_wait.min(half.max(ACCEPT_WAIT_MIN))),
            // It will not be asked again, so there is nothing to be won by giving up on it.
            Retry::Never => deadline,
        };
        loop {
            tokio::select! {
                biased;
                ended = &mut slot.ended => return match ended {
                    Ok(Incoming::Reply(message)) => Attempt::Answered(message),
                    Ok(Incoming::NoResponders) => Attempt::NoResponders,
                    // The table is gone with its connection.
                    Err(_) => Attempt::NotTaken,
                },
                Ok(id) = &mut slot.accepted, if taken.is_none() => {
                    taken = Some((id, Instant::now()));
                    look_at = deadline.min(Instant::now() + self.patience.look_period);
                }
                // As good as a heartbeat.
                () = next_told(&mut told) => if let Some((_, at)) = &mut taken { *at = Instant::now() },
                () = tokio::time::sleep_until(look_at) => {
                    if Instant::now() >= deadline {
                        return Attempt::TimedOut;
                    }
                    match &taken {
                        None => return Attempt::NotTaken,
                        Some((id, at)) if !self.is_alive(id, *at) => return Attempt::Gone,
                        Some(_) => look_at = deadline.min(Instant::now() + self.patience.look_period),
                    }
                }
            }
        }
    }

    /// Its acceptance is a sign of life as good as a heartbeat: the heartbeats may have been missed while disconnected, or
    /// the first may still be under way.
    fn is_alive(&self, id: &str, accepted_at: Instant) -> bool {
        let last = self.fleet.last_heard(id).map_or(accepted_at, |heard| heard.max(accepted_at));
        last.elapsed() < self.patience.lost_after
    }

    /// The worker heard of last that serves the operation and was not asked by name yet: the least likely to hang.
    fn heard_of_last(&self, row: &Row, asked: &[Target]) -> Option<Target> {
        let name = row.name();
        let mut seen = self.fleet.seen();
        seen.retain(|seen| seen.is_alive() && seen.beat.operations.contains(&name));
        seen.sort_by_key(|seen| seen.age);
        let targets = seen.into_iter().map(|seen| Target::One(seen.beat.service, seen.beat.id));
        targets.into_iter().find(|target| !asked.contains(target))
    }

    /// Whether heartbeats say that somebody serves this operation: then an empty queue group is a moment's gap.
    fn somebody_should_answer(&self, row: &Row) -> bool {
        let name = row.name();
        self.fleet.seen().iter().any(|seen| seen.is_alive() && seen.beat.operations.contains(&name))
    }
}

/// Ends with the next word about progress.
async fn next_told(told: &mut Told) {
    // The sender is part of the call's options, which outlive this.
    if let Some(told) = told
        && told.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

fn request_headers(options: &CallOptions, left: Duration) -> HeaderMap {
    let mut map = HeaderMap::new();
    map.insert(names::TIMEOUT_MS.clone(), left.as_millis().to_string());
    map.insert(names::REQUEST_ID.clone(), options.request_id.to_string());
    map.insert(names::ACCEPT.clone(), "1");
    if options.progress.is_some() {
        map.insert(names::ACCEPT_PROGRESS.clone(), "1");
    }
    if let Some(caller) = &options.caller {
        map.insert(names::CALLER.clone(), header_text(caller));
    }
    if let Some(traceparent) = &options.traceparent {
        map.insert(names::TRACEPARENT.clone(), header_text(traceparent));
    }
    map
}

/// The body is the reply, unless the headers say that it is a fault.
pub(crate) fn read(message: &Message, attempts: u32) -> Result<Reply, Fault> {
    let get = |name| names::value(message.headers.as_ref(), name);
    if get(&names::SERVICE_ERROR_CODE).is_some() || get(&names::SERVICE_ERROR).is_some() {
        let said = get(&names::SERVICE_ERROR).unwrap_or_default();
        return Err(serde_json::from_slice::<FaultBody>(&message.payload)
            .map_or_else(|_| Fault::new(FaultCode::Internal, format!("a service failed: {said}")), |body| body.error));
    }
    Ok(Reply {
        body: message.payload.clone(),
        served_by: get(&names::SERVED_BY).map(str::to_owned),
        client_id: get(&names::CLIENT_ID).and_then(|text| text.parse().ok()),
        queue_ms: get(&names::QUEUE_MS).and_then(|text| text.parse().ok()),
        work_ms: get(&names::WORK_MS).and_then(|text| text.parse().ok()),
        attempts,
    })
}
