//! A started session: reads requests, runs them, pushes what was subscribed.
//!
//! Invariant: one task owns a session's state; slow work runs beside it and comes back as [`Work`].
//! Everything that is kept per request is bounded by [`MAX_PENDING`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures::StreamExt;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::{debug, warn};

use super::held::{Held, Ticket};
use super::out::Out;
use super::pushes::Subscriptions;
use super::streams::{Streams, due};
use super::{Frames, error_event};
use crate::broker::News;
use crate::errors::ApiError;
use crate::gateway::{Announcement, Gateway, Lease};
use crate::journal::Count;
use crate::pacing::{OFFENCES_TO_CLOSE, OpenHistory, Rate};
use crate::proto::Dialect;
use crate::proto::event::Event;
use crate::proto::request::{HistoryQuery, Request};
use crate::world::history::Answer;

/// Requests that wait on one connection, delayed or being computed.
pub(super) const MAX_PENDING: usize = 256;
/// P&L is pushed about this often, as IB does.
const TICK: Duration = Duration::from_secs(1);

/// Work that ran beside the session.
pub(super) enum Work {
    /// A request whose time has come.
    Later(Ticket, Request),
    History {
        ticket: Ticket,
        query: Box<HistoryQuery>,
        answer: Result<Answer, ApiError>,
        open: OpenHistory,
    },
}

pub(super) struct Live {
    pub(super) gateway: Arc<Gateway>,
    dialect: Dialect,
    pub(super) lease: Lease,
    pub(super) subs: Subscriptions,
    pub(super) streams: Streams,
    pub(super) work: JoinSet<Work>,
    /// Historical requests being answered, by id.
    pub(super) histories: HashMap<i32, Ticket>,
    /// Requests held back by a fault or a rule.
    pub(super) held: Held,
    /// Requests that wait for IB's servers or a farm to come back.
    pub(super) waiting: Vec<Request>,
    out: Out,
    pub(super) news: broadcast::Receiver<Arc<News>>,
    /// Followed from before the welcome, so that nothing falls between it and what is announced next.
    announcements: broadcast::Receiver<Announcement>,
    /// Set when the connection has to end; frames queued so far are still written.
    closing: bool,
    pub(super) lost: bool,
    offences: u32,
    last_offence: Option<u64>,
    ticks: u64,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("client_id", &self.lease.client_id).finish_non_exhaustive()
    }
}

impl Live {
    pub(super) fn new(gateway: Arc<Gateway>, dialect: Dialect, lease: Lease, out: Out) -> Self {
        Self {
            news: gateway.broker.subscribe(),
            announcements: gateway.announcements(),
            gateway,
            dialect,
            lease,
            subs: Subscriptions::default(),
            streams: Streams::default(),
            work: JoinSet::new(),
            histories: HashMap::new(),
            held: Held::default(),
            waiting: Vec::new(),
            out,
            closing: false,
            lost: false,
            offences: 0,
            last_offence: None,
            ticks: 0,
        }
    }

    pub(super) fn send(&mut self, event: &Event) {
        if self.lost || self.gateway.faults.stalled() {
            return;
        }
        let fate = self.gateway.faults.fate(event.name());
        if fate.copies == 0 {
            return;
        }
        // Some events exist in one dialect only.
        let Some(frame) = self.dialect.encode(event) else { return };
        self.gateway.journal.sent(self.gateway.clock.now_ms(), self.lease.client_id, event, &frame);
        if self.out.send(&frame, fate).is_err() {
            self.drop_slow();
        }
    }

    fn drop_slow(&mut self) {
        warn!(client_id = self.lease.client_id, "dropping a client that does not read");
        self.gateway.counters.add(Count::slow_clients_dropped);
        self.lost = true;
    }

    pub(super) fn error(&mut self, id: i32, error: ApiError) {
        let event = error_event(&self.gateway, id, error);
        self.send(&event);
    }

    pub(super) fn now(&self) -> i64 {
        self.gateway.clock.now_secs()
    }

    pub(super) async fn run(mut self, mut frames: Frames) {
        let mut jumps = self.gateway.clock.jumps();
        let mut ticker = interval(TICK);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while !self.closing && !self.lost {
            let wake = self.wake();
            tokio::select! {
                frame = frames.next() => match frame {
                    Some(Ok(body)) => self.on_frame(body),
                    Some(Err(error)) => {
                        warn!(client_id = self.lease.client_id, %error, "closing: unreadable frame");
                        break;
                    }
                    None => break,
                },
                Some(done) = self.work.join_next(), if !self.work.is_empty() => match done {
                    Ok(work) => self.on_work(work),
                    Err(error) => warn!(%error, "a request's work failed"),
                },
                announcement = self.announcements.recv() => match announcement {
                    Ok(announcement) => self.on_announcement(&announcement),
                    // Behind by too much: everything that changes is compared anew, and what waits asks again.
                    Err(RecvError::Lagged(_)) => {
                        self.push_accounts();
                        self.push_pnl();
                        self.resume();
                    }
                    Err(RecvError::Closed) => break,
                },
                news = self.news.recv() => match news {
                    Ok(news) => self.on_order_news(&news),
                    Err(RecvError::Lagged(missed)) => self.lose_news(missed),
                    Err(RecvError::Closed) => break,
                },
                _ = ticker.tick() => {
                    self.ticks += 1;
                    let ticks = self.ticks;
                    self.on_tick(ticks);
                }
                () = due(wake) => self.on_streams(),
                _ = jumps.changed() => {
                    self.push_accounts();
                    self.push_pnl();
                    self.on_streams();
                }
                () = self.out.broken() => {
                    if self.out.stuck() {
                        self.drop_slow();
                    }
                    break;
                }
            }
        }
        self.work.abort_all();
        if !self.lost {
            self.out.finish().await;
        }
    }

    fn on_announcement(&mut self, announcement: &Announcement) {
        match announcement {
            Announcement::Notice(notice) => {
                self.error(-1, notice.clone());
                // IB: the socket port was reset, this connection ends.
                self.closing |= notice.code == 1300;
                self.after_notice(notice.code);
            }
            Announcement::AccountChanged(account) => {
                debug!(client_id = self.lease.client_id, account, "account changed");
                self.push_accounts();
                self.push_pnl();
            }
        }
    }

    fn on_frame(&mut self, body: BytesMut) {
        let request = match self.dialect.decode(body) {
            Ok(request) => request,
            Err(error) => {
                self.gateway.counters.add(Count::unreadable);
                warn!(client_id = self.lease.client_id, %error, "unreadable request");
                return self.error(-1, ApiError::unreadable(error.message(), &error.to_string()));
            }
        };
        self.gateway.counters.add(Count::requests);
        let time = self.gateway.clock.now().to_string();
        self.gateway.journal.record(time, self.lease.client_id, request.name(), request.fields());
        if !self.within_rate(&request) || self.gateway.faults.stalled() {
            return;
        }
        if let Some(error) = self.gateway.faults.failure(request.name()) {
            return self.error(request.req_id().unwrap_or(-1), error);
        }
        let Some(request) = self.past_barrier(request) else { return };
        match self.gateway.faults.delay(request.name()) {
            Some(delay) => self.hold(request, delay),
            None => self.dispatch(request),
        }
    }

    /// IB rejects what comes too fast and closes after the third offence.
    fn within_rate(&mut self, request: &Request) -> bool {
        let Rate::Exceeded { second } = self.gateway.pacing.message(self.gateway.clock.uptime()) else {
            return true;
        };
        self.gateway.counters.add(Count::rate_violations);
        self.error(request.req_id().unwrap_or(-1), ApiError::fixed(100));
        if self.last_offence != Some(second) {
            self.last_offence = Some(second);
            self.offences += 1;
        }
        if self.offences >= OFFENCES_TO_CLOSE {
            warn!(client_id = self.lease.client_id, "closing: the message rate was exceeded too often");
            self.closing = true;
        }
        false
    }

    /// Answers a request later.
    #[expect(clippy::disallowed_methods, reason = "the delay itself is what was asked for")]
    pub(super) fn hold(&mut self, request: Request, delay: Duration) {
        if self.work.len() >= MAX_PENDING {
            return self.error(request.req_id().unwrap_or(-1), ApiError::too_many_pending());
        }
        let ticket = self.held.put(&request);
        self.work.spawn(async move {
            sleep(delay).await;
            Work::Later(ticket, request)
        });
    }

    fn on_work(&mut self, work: Work) {
        match work {
            // A held request that is gone was cancelled meanwhile.
            Work::Later(ticket, request) => {
                if self.held.take(ticket) {
                    self.serve(request);
                }
            }
            Work::History { ticket, query, answer, open } => {
                drop(open);
                // The id may stand for a later request by now.
                if self.histories.get(&query.req_id) == Some(&ticket) {
                    self.histories.remove(&query.req_id);
                    self.finish_history(*query, answer);
                }
            }
        }
    }

    pub(super) fn dispatch(&mut self, request: Request) {
        if let Request::MatchingSymbols { .. } = request {
            let wait = self.gateway.pacing.symbol_search(self.gateway.clock.uptime());
            match wait {
                None => return self.error(request.req_id().unwrap_or(-1), ApiError::too_many_pending()),
                Some(wait) if !wait.is_zero() => return self.hold(request, wait),
                Some(_) => {}
            }
        }
        self.serve(request);
    }
}
