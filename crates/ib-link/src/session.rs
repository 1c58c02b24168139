//! The shell around [`Policy`]: one task that owns the session, the timer and the attempts.
//!
//! Invariants: at most one attempt and one session exist; what belongs to a session that was dropped is told by its
//! number and ignored; dropping a session waits for nothing, so that a hung one can be replaced.

use std::{sync::Arc, time::Duration};

use ibapi::{Notice, subscriptions::NoticeStream};
use schemas::{ClientId, context::Mode};
use tokio::{
    sync::{Mutex, mpsc},
    time::{sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    SERVER_VERSION_MIN,
    clock::{Instant, instant},
    convert, fault,
    keep::Keep,
    link::{Session, Shared, millis},
    notices::{Changes, FARMS_MAX, Meaning, Quiet, meaning},
    open::{self, DISCONNECT_TIMEOUT, OpenFault, Opened},
    policy::{Action, Event, Policy, Stage},
    probe::{ProbeReply, probe},
    reports::{REPORTS_MAX, Report, Reporter, spawn, spawn_vital},
    state::{Phase, State},
};

pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    policy: Policy,
    state: State,
    born: Instant,
    reports: mpsc::Sender<(u64, Report)>,
    inbox: mpsc::Receiver<(u64, Report)>,
    /// Of the attempt or session that reports are heard from.
    number: u64,
    attempt: Option<AbortOnDropHandle<()>>,
    /// Notices, check and subscriptions of the open session.
    tasks: Vec<AbortOnDropHandle<()>>,
    keep: Option<AbortOnDropHandle<()>>,
    quiet: Quiet,
    changes: Changes,
}

impl Supervisor {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let (reports, inbox) = mpsc::channel(REPORTS_MAX);
        Self {
            policy: Policy::new(shared.settings.client_ids, shared.settings.rhythm()),
            state: State::starting(),
            born: instant(),
            reports,
            inbox,
            number: 0,
            attempt: None,
            tasks: Vec::new(),
            keep: None,
            quiet: Quiet::default(),
            changes: Changes::default(),
            shared,
        }
    }

    pub(crate) async fn run(mut self) {
        let shared = self.shared.clone();
        let mut held = shared.held.subscribe();
        if held.borrow().is_some() {
            // Held before this task began.
            held.mark_changed();
        }
        self.step(Event::Start);
        while self.policy.stage() != Stage::Closed {
            let wake_at = self.policy.wake_at().map(|at| self.born + Duration::from_millis(at));
            tokio::select! {
                biased;
                () = shared.close.cancelled() => self.close().await,
                // The sender is shared with this task: it is never gone.
                Ok(()) = held.changed() => {
                    let fault = held.borrow_and_update().clone();
                    self.step(fault.map_or(Event::Release, |fault| Event::Hold(fault.message)));
                }
                () = shared.restart.notified() => self.step(Event::Restart),
                Some((number, report)) = self.inbox.recv() => self.hear(number, report),
                // The policy names a moment: time itself is meant.
                () = sleep_until(wake_at.unwrap_or(self.born)), if wake_at.is_some() => self.step(Event::Wake),
            }
        }
    }

    async fn close(&mut self) {
        let session = self.drop_session();
        let actions = self.policy.step(Event::Close, self.now());
        self.act(actions);
        if let Some(session) = session {
            give_back(&session).await;
        }
        // Not published before the session is given back: `Link::close` waits for it.
        self.publish();
    }

    fn now(&self) -> u64 {
        millis(self.born.elapsed())
    }

    fn step(&mut self, event: Event) {
        let before = self.policy.stage();
        let actions = self.policy.step(event, self.now());
        self.act(actions);
        let ended = matches!(before, Stage::Open { .. }) && !matches!(self.policy.stage(), Stage::Open { .. });
        if ended {
            tracing::warn!(reason = self.policy.reason(), "the IB session ended");
        } else if self.policy.reason().is_some() && self.policy.reason() != self.state.reason.as_deref() {
            // Once per reason: the probes of an outage repeat theirs every second.
            tracing::warn!(reason = self.policy.reason(), failures = self.policy.consecutive_failures(), "no good IB session");
        }
        self.publish();
    }

    fn hear(&mut self, number: u64, report: Report) {
        match report {
            _ if number != self.number => ignore(report),
            Report::Event(event) => {
                if event == Event::CheckPassed {
                    self.shared.keeper.alive();
                }
                self.step(event);
            }
            Report::Probed(reply) => self.probed(&reply),
            Report::Opened(opened) => self.opened(*opened),
            Report::Notice(notice) => self.notice(&notice),
        }
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Probe => self.probe(),
                Action::Open(id) => self.open(id),
                Action::Check => self.check(),
                Action::Drop => {
                    if let Some(session) = self.drop_session() {
                        // Not awaited: a session that hangs must not hold up the next one.
                        tokio::spawn(async move { give_back(&session).await });
                    }
                }
                Action::Resubscribe if self.shared.settings.keep_account => self.keep(),
                Action::Resubscribe => {}
            }
        }
    }

    fn reporter(&self) -> Reporter {
        Reporter { reports: self.reports.clone(), number: self.number }
    }

    fn probe(&mut self) {
        let (shared, reporter) = (self.shared.clone(), self.reporter());
        self.attempt = Some(spawn(async move {
            let settings = &shared.settings;
            let found = probe(&settings.host, settings.port, Duration::from_millis(settings.probe_timeout_ms)).await;
            let report = match found {
                Ok(reply) => Report::Probed(reply),
                Err(fault) => Report::Event(Event::ProbeFailed(fault.to_string())),
            };
            reporter.tell(report).await;
        }));
    }

    fn probed(&mut self, reply: &ProbeReply) {
        self.state.server_version = Some(reply.server_version);
        self.state.gateway_time_zone = reply.time_zone().map(|zone| convert::iana_zone(zone).unwrap_or_else(|| zone.to_owned()));
        self.step(Event::ProbeAnswered);
    }

    fn open(&mut self, id: ClientId) {
        let (shared, reporter) = (self.shared.clone(), self.reporter());
        let version = self.state.server_version.unwrap_or(SERVER_VERSION_MIN);
        self.attempt = Some(spawn(async move {
            let outcome = if version < SERVER_VERSION_MIN {
                Err(OpenFault::Other(fault::too_old_reason(version, SERVER_VERSION_MIN)))
            } else {
                open::open(&shared.settings, &shared.bucket, id).await
            };
            let report = match outcome {
                Ok(opened) => Report::Opened(Box::new(opened)),
                Err(OpenFault::ClientIdInUse) => Report::Event(Event::ClientIdInUse),
                Err(OpenFault::Other(reason)) => Report::Event(Event::OpenFailed(reason)),
            };
            reporter.tell(report).await;
        }));
    }

    fn opened(&mut self, opened: Opened) {
        let Opened { client, notices, accounts } = opened;
        self.state.server_version = Some(client.server_version());
        self.state.mode = Mode::of_accounts(accounts.iter().map(String::as_str));
        self.state.accounts = accounts;
        self.state.farms.clear();
        self.shared.heard.forget();
        let session = Arc::new(Session {
            client,
            over: CancellationToken::new(),
            server_time: Mutex::default(),
            news_providers: Mutex::default(),
            orders: Mutex::default(),
            market_rule: Mutex::default(),
        });
        *self.shared.session_slot() = Some(session);
        self.shared.keeper.upstream(true);
        self.tasks.push(self.listen(notices));
        if self.shared.settings.keep_account {
            self.keep();
        }
        self.step(Event::Opened);
        tracing::info!(client_id = %self.policy.client_id(), server_version = self.state.server_version, "the IB session is open");
    }

    /// Hears notices until the socket is gone: then `ibapi` ends their stream, because it may not reconnect.
    fn listen(&self, mut notices: NoticeStream) -> AbortOnDropHandle<()> {
        let reporter = self.reporter();
        spawn_vital(self.reporter(), "hearing notices", async move {
            while let Some(notice) = notices.next().await {
                if !reporter.tell(Report::Notice(notice)).await {
                    return;
                }
            }
            let lost = Event::SocketLost("the connection to the gateway was lost".to_owned());
            reporter.tell(Report::Event(lost)).await;
        })
    }

    fn notice(&mut self, notice: &Notice) {
        self.shared.heard.note(notice.code, &notice.message, self.shared.settings.clock.now());
        match meaning(notice) {
            Meaning::Event(event) => {
                if self.changes.may_speak(&event, self.policy.upstream_lost(), instant()) {
                    tracing::warn!(code = notice.code, text = notice.message, "IB tells about connectivity");
                }
                match &event {
                    Event::UpstreamLost => self.shared.keeper.upstream(false),
                    Event::UpstreamRestored { data_lost } => {
                        // With data lost the subscriptions begin anew, and only when they are complete is the state fresh.
                        if *data_lost {
                            self.shared.keeper.lost();
                        }
                        self.shared.keeper.upstream(true);
                    }
                    _ => {}
                }
                let lines_over = matches!(event, Event::UpstreamLost | Event::UpstreamRestored { data_lost: true });
                self.step(event);
                // After the state is told, or a line could begin in between and never hear of it.
                if lines_over {
                    self.shared.lines.end_all();
                }
            }
            Meaning::Farm(name, farm) => {
                if self.state.farms.len() < FARMS_MAX || self.state.farms.contains_key(&name) {
                    self.state.farms.insert(name, farm);
                }
                self.publish();
            }
            Meaning::TooFast => {
                self.shared.bucket.too_fast();
                tracing::warn!(text = notice.message, "IB took too many messages; pausing");
            }
            Meaning::Other => {
                if self.quiet.may_speak(notice.code, instant()) {
                    tracing::info!(code = notice.code, text = notice.message, "IB tells");
                }
            }
        }
    }

    fn check(&mut self) {
        let Some(session) = self.shared.session_slot().clone() else { return };
        let (shared, reporter) = (self.shared.clone(), self.reporter());
        self.tasks.retain(|task| !task.is_finished());
        self.tasks.push(spawn(async move {
            let within = Duration::from_millis(shared.settings.check_timeout_ms);
            let outcome = open::check(&session, &shared.bucket, within).await;
            let event = outcome.map_or_else(Event::CheckFailed, |()| Event::CheckPassed);
            reporter.tell(Report::Event(event)).await;
        }));
    }

    /// Subscribes to the account state; a subscription that is there is dropped, which cancels it.
    fn keep(&mut self) {
        let Some(session) = self.shared.session_slot().clone() else { return };
        self.keep = None;
        let keep = Keep {
            keeper: self.shared.keeper.clone(),
            session,
            bucket: self.shared.bucket.clone(),
            accounts: self.state.accounts.clone().into(),
            again: Duration::from_millis(self.shared.settings.keep_again_ms),
        };
        self.keep = Some(spawn_vital(self.reporter(), "keeping the account state", keep.run()));
    }

    /// Ends what there is, attempt or session; the connection itself is left to the caller.
    fn drop_session(&mut self) -> Option<Arc<Session>> {
        self.number += 1;
        let session = self.shared.session_slot().take();
        if let Some(session) = &session {
            // First of all: its subscriptions must know that no cancel can go out.
            session.over.cancel();
        }
        self.attempt = None;
        self.tasks.clear();
        self.keep = None;
        let session = session?;
        self.shared.keeper.lost();
        Some(session)
    }

    fn publish(&mut self) {
        let policy = &self.policy;
        self.state.phase = match policy.stage() {
            Stage::Probing { down: true, .. } => Phase::Probing,
            Stage::Probing { down: false, .. } if !policy.connected_once() => Phase::Starting,
            Stage::Probing { .. } | Stage::Opening { .. } => Phase::Connecting,
            Stage::Open { .. } => Phase::Connected,
            Stage::BackingOff { until } => Phase::BackingOff { until: self.born + Duration::from_millis(until) },
            Stage::Held => Phase::Held,
            Stage::Closed => Phase::Closed,
        };
        let has_id = matches!(policy.stage(), Stage::Open { .. } | Stage::Opening { .. });
        self.state.client_id = has_id.then(|| policy.client_id());
        self.state.consecutive_failures = policy.consecutive_failures();
        self.state.restart_count = policy.restart_count();
        self.state.upstream_lost = policy.upstream_lost();
        self.state.data_losses = policy.data_losses();
        self.state.ids_in_use = policy.ids_in_use();
        self.state.reason = policy.reason().map(str::to_owned);
        self.shared.state.send_if_modified(|told| {
            let changed = *told != self.state;
            if changed {
                told.clone_from(&self.state);
            }
            changed
        });
    }
}

async fn give_back(session: &Session) {
    let _ = timeout(DISCONNECT_TIMEOUT, session.client.disconnect()).await;
}

/// What comes after its attempt or session was given up. Only a session must be given back.
fn ignore(report: Report) {
    if let Report::Opened(opened) = report {
        tokio::spawn(async move {
            let _ = timeout(DISCONNECT_TIMEOUT, opened.client.disconnect()).await;
        });
    }
}
