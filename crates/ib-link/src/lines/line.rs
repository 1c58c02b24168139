//! One line from its request to its cancel.
//!
//! Invariants: what was asked of IB is cancelled, also when the asking future is dropped half-way; the cancel waits its
//! turn of the pace in a task of its own, and until it has gone out the line counts as used. Only a session that is
//! over needs no cancel, and a request that IB does not know.

use std::{fmt, sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt};
use ibapi::{
    Error, Notice, SUBSCRIPTION_LAG_CODE,
    market_data::realtime::TickTypes,
    subscriptions::{Subscription, SubscriptionItem},
};
use schemas::{Fault, FaultCode, contracts::Contract};
use tokio::{
    runtime::Handle,
    sync::oneshot,
    task::unconstrained,
    time::{timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{Quote, Slot};
use crate::{
    ask::Ask,
    clock::{Clock, Instant, instant},
    convert, fault,
    link::{Link, Session},
    notices::TOO_FAST,
    pacing::Bucket,
    settings::MarketDataWanted,
};

const WHAT: &str = "a request for market data";

/// Handing a message to the socket; it takes longer only when the gateway reads nothing any more.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait of a cancel for its turn; after that it goes out all the same, and is counted.
const CANCEL_TURN: Duration = Duration::from_secs(60);
/// Ticks that one call takes in: as many as `ibapi` keeps for a request.
const FOLDED_MAX: usize = 1_024;

/// IB has no more lines for this login.
const NO_LINE: i32 = 101;
/// IB does not know the instrument, and has nothing to cancel.
const NO_INSTRUMENT: i32 = 200;
/// Not subscribed, but delayed data could be had. To somebody who asked for live data nothing follows.
const LIVE_REFUSED: i32 = 10089;

/// What a line is of.
#[derive(Debug, Clone, PartialEq)]
pub struct LineRequest {
    /// Resolved: with its contract id and an exchange.
    pub contract: Contract,
    /// IB's generic ticks beside the usual ones, such as 101.
    pub generic_ticks: Vec<u16>,
}

/// One market data subscription. Dropped, it is cancelled.
pub struct Line {
    quote: Quote,
    clock: Clock,
    wanted: MarketDataWanted,
    open: Result<Open, Fault>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("quote", &self.quote).field("ended", &self.open.as_ref().err()).finish_non_exhaustive()
    }
}

impl Link {
    /// Waits for a free line and a turn of the pace, then subscribes. Refuses at `deadline`; nothing is left open.
    pub async fn line(&self, request: &LineRequest, deadline: Instant) -> Result<Line, Fault> {
        let ask = Ask { what: WHAT, deadline, upstream: true, cancels: true };
        self.sendable(ask)?;
        let slot = loop {
            let mut slot = self.shared.lines.slot(deadline).await?;
            self.shared.bucket.take(deadline).await?;
            // Not opened when IB's 101 to another line has told meanwhile that it would be refused.
            if slot.open() {
                break slot;
            }
        };
        let upstream = self.shared.lines.upstream();
        let session = self.sendable(ask)?;
        let bucket = Arc::clone(&self.shared.bucket);
        let (told, opened) = oneshot::channel();
        // In a task: a write that is dropped half-way would cost the session, and one that is just complete its cancel.
        tokio::spawn(subscribe(request.clone(), self.clone(), session, slot, bucket, upstream, told));
        let asked_at = instant();
        match timeout_at(deadline, opened).await {
            Ok(Ok(open)) => Ok(Line {
                quote: Quote::default(),
                clock: self.shared.settings.clock.clone(),
                wanted: self.shared.settings.market_data_type,
                open: Ok(open?),
            }),
            Ok(Err(_)) => Err(session_over()),
            Err(_) => Err(fault::timed_out(WHAT, asked_at.elapsed().as_millis())),
        }
    }

    /// Lines that could be opened now.
    pub fn lines_free(&self) -> usize {
        self.shared.lines.free()
    }
}

/// Tells the open line; where nobody listens any more, it is dropped and so cancelled.
async fn subscribe(
    request: LineRequest,
    link: Link,
    session: Arc<Session>,
    slot: Slot,
    bucket: Arc<Bucket>,
    upstream: CancellationToken,
    told: oneshot::Sender<Result<Open, Fault>>,
) {
    let contract = convert::resolved_contract(&request.contract);
    let generic: Vec<String> = request.generic_ticks.iter().map(u16::to_string).collect();
    let generic: Vec<&str> = generic.iter().map(String::as_str).collect();
    let asked = session.client.market_data(&contract).generic_ticks(&generic).subscribe();
    let outcome = tokio::select! {
        biased;
        () = session.over.cancelled() => Err(session_over()),
        asked = timeout(WRITE_TIMEOUT, asked) => match asked {
            Ok(Ok(rows)) => {
                let over = session.over.clone();
                let parts = Parts { link, rows, slot, bucket, over, known: true };
                Ok(Open { parts: Some(parts), upstream, runtime: Handle::current() })
            }
            Ok(Err(error)) => {
                let fault = fault::of_error(&error);
                link.shared.hear(&fault);
                Err(fault)
            }
            Err(_) => Err(Fault::new(FaultCode::GatewayDown, "the gateway does not take a request for market data")),
        },
    };
    let _ = told.send(outcome);
}

impl Line {
    /// What has come so far.
    pub fn quote(&self) -> &Quote {
        &self.quote
    }

    /// Waits until IB has sent something more, and takes in everything that is there. The fault is `timeout` at
    /// `deadline`, and the line goes on; any other ends it: the session or IB's servers are lost, or IB's own words.
    pub async fn changed(&mut self, deadline: Instant) -> Result<(), Fault> {
        let open = self.open.as_mut().map_err(|fault| fault.clone())?;
        let Some(parts) = open.parts.as_mut() else { return Err(session_over()) };
        let asked_at = instant();
        let first = tokio::select! {
            biased;
            () = parts.over.cancelled() => return Err(self.end(session_over())),
            () = open.upstream.cancelled() => return Err(self.end(fault::upstream_lost())),
            first = timeout_at(deadline, parts.rows.next()) => match first {
                Ok(first) => first,
                Err(_) => return Err(fault::timed_out("with market data", asked_at.elapsed().as_millis())),
            },
        };
        let mut item = first;
        for _ in 0..FOLDED_MAX {
            match item {
                Some(Ok(SubscriptionItem::Data(tick))) => self.quote.fold(&tick, self.clock.now()),
                Some(Ok(SubscriptionItem::Notice(notice))) => match ends(&notice, self.wanted) {
                    Some(fault) => return Err(self.end(fault)),
                    None => self.quote.note(notice.code, &notice.message),
                },
                Some(Err(error)) => return Err(self.refused(&error)),
                None => return Err(self.end(session_over())),
            }
            let Ok(Open { parts: Some(parts), .. }) = &mut self.open else { break };
            // Unconstrained: tokio would call a stream empty that has used up its share of this poll.
            match unconstrained(parts.rows.next()).now_or_never() {
                Some(next) => item = next,
                None => break,
            }
        }
        Ok(())
    }

    fn refused(&mut self, error: &Error) -> Fault {
        let fault = fault::of_error(error);
        if let Ok(Open { parts: Some(parts), .. }) = &mut self.open {
            parts.link.shared.hear(&fault);
            match fault.ib_code {
                Some(NO_LINE) => parts.slot.refused(),
                Some(TOO_FAST) => parts.bucket.too_fast(),
                Some(NO_INSTRUMENT) => parts.known = false,
                _ => parts.known &= !fault::is_lost(error),
            }
        }
        self.end(fault)
    }

    /// It is cancelled at once, not when its owner drops it.
    fn end(&mut self, fault: Fault) -> Fault {
        self.open = Err(fault.clone());
        fault
    }
}

/// A notice after which nothing more comes that could be relied on.
fn ends(notice: &Notice, wanted: MarketDataWanted) -> Option<Fault> {
    match notice.code {
        LIVE_REFUSED if !wanted.delayed() => Some(fault::of_notice(notice)),
        SUBSCRIPTION_LAG_CODE => {
            Some(Fault::new(FaultCode::Busy, "market data came faster than this process read them, and some were lost"))
        }
        _ => None,
    }
}

fn session_over() -> Fault {
    Fault::new(FaultCode::GatewayDown, "the session to the gateway ended, and its market data with it")
}

/// A subscription that IB has, until it is dropped.
struct Open {
    parts: Option<Parts>,
    upstream: CancellationToken,
    /// It may be dropped where no runtime is.
    runtime: Handle,
}

struct Parts {
    link: Link,
    rows: Subscription<TickTypes>,
    slot: Slot,
    bucket: Arc<Bucket>,
    /// Of the session.
    over: CancellationToken,
    /// IB has the request: it can be cancelled.
    known: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take()
            && parts.known
            && !parts.over.is_cancelled()
        {
            // Their number is that of the lines.
            self.runtime.spawn(parts.cancel());
        }
    }
}

impl Parts {
    async fn cancel(self) {
        let out = async {
            if self.bucket.take(instant() + CANCEL_TURN).await.is_err() {
                self.bucket.charge();
            }
            // Whether IB has the cancel is not known then, and a line that nobody counts must not stay: only a new session
            // is sure to have none.
            if timeout(WRITE_TIMEOUT, self.rows.cancel()).await.is_err() {
                tracing::warn!("the gateway takes no cancel of market data; connecting anew");
                self.link.restart();
            }
        };
        tokio::select! {
            () = self.over.cancelled() => {}
            () = out => {}
        }
    }
}
