//! The handle that owners hold, and what it shares with its supervisor.

use std::{
    sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError},
    time::Duration,
};

use ibapi::Client;
use schemas::{
    Fault, FaultCode,
    health::{IbNotice, IbSession},
};
use tokio::{
    sync::{Mutex, Notify, Semaphore, watch},
    time::timeout_at,
};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::{Instant, instant},
    convert, fault,
    keep::Keeper,
    kept::{Freshness, Kept},
    lines::Lines,
    notices::Heard,
    pacing::{Bucket, SEARCHES_PER_S, Shares},
    session::Supervisor,
    settings::Settings,
    state::{Phase, State},
};

/// An open connection. Requests hold it while they run and let go when it is over.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) over: CancellationToken,
    /// Answers without a request id go to everyone who asked: one question of a kind at a time.
    pub(crate) server_time: Mutex<()>,
    pub(crate) news_providers: Mutex<()>,
    /// Open and completed orders: both answers are made of the same messages.
    pub(crate) orders: Mutex<()>,
    pub(crate) market_rule: Mutex<()>,
}

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) searches: Bucket,
    pub(crate) history_open: Semaphore,
    pub(crate) lines: Arc<Lines>,
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) heard: Heard,
    pub(crate) state: watch::Sender<State>,
    session: StdMutex<Option<Arc<Session>>>,
    pub(crate) restart: Notify,
    /// What everybody is answered while the gateway is meant to be down.
    pub(crate) held: watch::Sender<Option<Fault>>,
    pub(crate) close: CancellationToken,
}

impl Shared {
    /// A fault of IB's, whoever gets it.
    pub(crate) fn hear(&self, fault: &Fault) {
        if let (Some(code), Some(message)) = (fault.ib_code, &fault.ib_message) {
            self.heard.note(code, message, self.settings.clock.now());
        }
    }

    pub(crate) fn session_slot(&self) -> MutexGuard<'_, Option<Arc<Session>>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A supervised session to one gateway. Clones share it.
#[derive(Clone)]
pub struct Link {
    pub(crate) shared: Arc<Shared>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("host", &self.shared.settings.host).field("port", &self.shared.settings.port).finish_non_exhaustive()
    }
}

impl Link {
    /// Spawns the supervisor and returns at once. `shutdown` closes the link as [`Link::close`] does.
    pub fn start(settings: Settings, shutdown: CancellationToken) -> Self {
        convert::register_aliases();
        let shared = Arc::new(Shared {
            bucket: Arc::new(Bucket::new(settings.messages_per_s)),
            searches: Bucket::new(searches_per_s(settings.messages_per_s)),
            history_open: Semaphore::new(settings.history_open_max.max(1)),
            lines: Arc::new(Lines::new(settings.lines_max)),
            keeper: Arc::new(Keeper::new(settings.clock.clone())),
            heard: Heard::default(),
            state: watch::Sender::new(State::starting()),
            session: StdMutex::new(None),
            restart: Notify::new(),
            held: watch::Sender::new(None),
            close: shutdown.child_token(),
            settings,
        });
        tokio::spawn(Supervisor::new(shared.clone()).run());
        Self { shared }
    }

    /// Every change of what the link is doing.
    pub fn state(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    /// The part of a heartbeat that tells about this session.
    pub fn ib_session(&self) -> IbSession {
        let session = self.shared.state.borrow().ib_session(&self.shared.settings);
        IbSession { notices: self.shared.heard.list(), ..session }
    }

    /// What IB told of the login itself in this session.
    pub fn notices(&self) -> Vec<IbNotice> {
        self.shared.heard.list()
    }

    /// Drops the session or the attempt, hung or not, and connects anew. Several calls at once are one.
    pub fn restart(&self) {
        self.shared.restart.notify_one();
    }

    /// Ends the session and opens none, and does not even probe, for as long as a fault is held: the gateway is meant to be
    /// down, so that it is no failure that there is no session. Requests are answered with that fault. `None` ends it.
    pub fn hold(&self, fault: Option<Fault>) {
        self.shared.held.send_if_modified(|held| {
            let changed = *held != fault;
            *held = fault;
            changed
        });
    }

    /// A new share of the login's messages per second; symbol searches get the same part of theirs.
    pub fn set_messages_per_s(&self, per_s: f64) {
        self.shared.bucket.set_per_s(per_s);
        self.shared.searches.set_per_s(searches_per_s(per_s));
    }

    /// Messages that could go out now: none while a question waits for its turn.
    pub fn free_messages(&self) -> u32 {
        self.shared.bucket.free()
    }

    /// Takes up to so many unused messages out of this link's share, for another link of the same login, which must
    /// [borrow](Self::borrow) them within 400 ms. An eighth stays here, one at least; while a question waits,
    /// nothing is lent.
    pub fn lend(&self, messages: u32) -> u32 {
        self.shared.bucket.lend(messages)
    }

    /// Messages that another link has [lent](Self::lend), to be used once each within 400 ms, when the own ones of
    /// the moment are used up. Those who wait for their turn get them first.
    pub fn borrow(&self, messages: u32) {
        self.shared.bucket.borrow(messages);
    }

    /// What IB has pushed about the accounts, with every change.
    pub fn kept(&self) -> watch::Receiver<Arc<Kept>> {
        self.shared.keeper.snapshot()
    }

    /// The kept state once it can be answered from: fresh, or stale for a quarter of an hour while IB is away.
    pub async fn kept_ready(&self, deadline: Instant) -> Result<Arc<Kept>, Fault> {
        let mut kept = self.kept();
        let mut state = self.state();
        loop {
            let snapshot = kept.borrow_and_update().clone();
            match snapshot.freshness(self.shared.settings.clock.now()) {
                Freshness::Fresh | Freshness::Stale => return Ok(snapshot),
                // With a session, the new content is on its way.
                Freshness::Expired | Freshness::Missing if state.borrow_and_update().connected() => {}
                Freshness::Expired => return Err(self.not_connected(FaultCode::StaleData)),
                Freshness::Missing => return Err(self.not_connected(FaultCode::GatewayDown)),
            }
            let changed = async {
                tokio::select! { _ = kept.changed() => {}, _ = state.changed() => {} }
            };
            if timeout_at(deadline, changed).await.is_err() {
                return Err(self.nothing_kept());
            }
        }
    }

    fn nothing_kept(&self) -> Fault {
        let message = "IB has not sent the account state yet; it does so right after a connect";
        Fault::new(
            FaultCode::Timeout,
            match self.shared.keeper.trouble() {
                Some(trouble) => format!("{message}. The last subscription to it ended: {trouble}"),
                None => message.to_owned(),
            },
        )
    }

    /// Gives the session back and ends the supervisor; returns at `deadline` even if the gateway hangs.
    pub async fn close(&self, deadline: Instant) {
        self.shared.close.cancel();
        let mut state = self.state();
        let _ = timeout_at(deadline, state.wait_for(|state| state.phase == Phase::Closed)).await;
    }

    pub(crate) fn session(&self, upstream: bool) -> Result<Arc<Session>, Fault> {
        let session = self.shared.session_slot().clone().ok_or_else(|| self.not_connected(FaultCode::GatewayDown))?;
        if upstream && self.shared.state.borrow().upstream_lost {
            return Err(fault::upstream_lost());
        }
        Ok(session)
    }

    pub(crate) fn not_connected(&self, code: FaultCode) -> Fault {
        if let Some(fault) = self.shared.held.borrow().clone() {
            return fault;
        }
        let state = self.shared.state.borrow();
        let settings = &self.shared.settings;
        let reason = state.reason.as_deref().unwrap_or("the session is being opened");
        let again = match state.phase {
            Phase::BackingOff { until } => millis(until.saturating_duration_since(instant())),
            Phase::Probing => settings.probe_period_ms.max(1_000),
            _ => 1_000,
        };
        let subject = if code == FaultCode::StaleData { "the account state is too old: no IB session" } else { "no IB session" };
        Fault::new(code, format!("{subject} at {}:{}: {reason}", settings.host, settings.port)).retry_after_ms(again)
    }
}

fn searches_per_s(messages_per_s: f64) -> f64 {
    SEARCHES_PER_S * (messages_per_s / Shares::OF_LOGIN.workers).min(1.0)
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
