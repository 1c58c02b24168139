//! What is known of each layer, and what it means for a gateway that runs.
//!
//! Invariant: facts of an earlier life of the gateway are forgotten when a new one begins.

use super::{
    Policy, Stage,
    event::{Api, Container, Engine, Event, Fleet, Now, Session},
    rules,
};
use crate::logs::{LogState, Marker};

#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub engine: Engine,
    pub container: Container,
    pub log: Option<LogState>,
    pub api: Api,
    pub session: Session,
    /// 1100 was told and neither 1101 nor 1102 since.
    pub upstream_lost: bool,
    pub fleet: Fleet,
    /// Checks in a row in which nobody had a session.
    pub(super) fleet_down: u32,
}

impl Facts {
    fn new_process(&mut self) {
        (self.api, self.session, self.upstream_lost) = (Api::Unknown, Session::Unknown, false);
    }

    pub(super) fn launches(&self) -> u32 {
        self.log.as_ref().map_or(0, |log| log.launches)
    }

    fn marker(&self) -> Option<Marker> {
        self.log.as_ref().map(|log| log.marker)
    }

    /// The stage that the facts of a running gateway speak for. `None`: they say nothing new.
    pub(super) fn seen(&self) -> Option<Stage> {
        if self.session == Session::Open && !self.upstream_lost {
            // A session that reaches IB is proof, whatever a log line says.
            return Some(Stage::Connected);
        }
        if self.log.as_ref().is_some_and(|log| log.conflict.is_some()) {
            return Some(Stage::Conflict);
        }
        if self.session == Session::Open {
            return Some(Stage::UpstreamLost);
        }
        if matches!(self.api, Api::Answers { .. } | Api::TooOld { .. }) {
            return Some(Stage::ApiReady);
        }
        let restart = Stage::SoftRestart { asked: false, by_person: false, launches: self.launches() };
        Some(match self.marker()? {
            Marker::Silent => Stage::Starting,
            Marker::Launched if self.launches() <= 1 => Stage::Starting,
            Marker::Launched | Marker::Closing | Marker::Exited { .. } | Marker::Restarting => restart,
            Marker::LogIn { .. } | Marker::LogInFailed | Marker::LockedOut => Stage::Login,
            Marker::SecondFactor => Stage::WaitTwoFactor,
            Marker::LoggedIn => Stage::ApiWait,
            Marker::Conflict => Stage::Conflict,
            // The container is about to end.
            Marker::Paused | Marker::Finished => return None,
        })
    }
}

impl Policy {
    pub(super) fn is_running(&self) -> bool {
        matches!(self.facts.container, Container::Running { .. })
    }

    pub(super) fn take_in(&mut self, event: Event, now: Now) {
        match event {
            Event::Engine(engine) => self.facts.engine = engine,
            Event::Container(container) => self.take_container(container, now),
            Event::Log(log) => self.take_log(log, now),
            Event::Api(api) => self.facts.api = api,
            Event::Session(session) => {
                if session != Session::Open {
                    self.facts.upstream_lost = false;
                }
                self.facts.session = session;
            }
            Event::UpstreamLost => {
                self.facts.upstream_lost = true;
                self.upstream_lost_ms = Some(now.uptime_ms);
            }
            Event::UpstreamRestored { data_lost } => {
                self.facts.upstream_lost = false;
                if data_lost {
                    self.out.push(super::Action::Resubscribe);
                }
            }
            Event::Fleet(fleet) => {
                self.facts.fleet = fleet;
                let nobody = matches!(fleet, Fleet::Down | Fleet::Absent);
                self.facts.fleet_down = if nobody { self.facts.fleet_down.saturating_add(1) } else { 0 };
            }
            Event::Leader(leader) => self.leader = leader,
            Event::Failed(deed, reason) => self.failed(deed, &reason, now),
            Event::Logout { id, by, reason, minutes } => self.log_out(id, (by, reason, minutes), now),
            Event::Login { id, by } => self.log_in(id, by, now),
            Event::Reconnect { id, by, hard } => self.reconnect(id, &by, hard, now),
            Event::EnsureReady { id, timeout_ms } => self.ensure_ready(id, timeout_ms, now),
            Event::Gone(id) => self.waiters.remove(id),
            Event::Tick => {}
        }
    }

    fn take_container(&mut self, container: Container, now: Now) {
        let same_life = match (self.facts.container, container) {
            (Container::Running { started_at: before }, Container::Running { started_at: after }) => before == after,
            // A pause ends nothing.
            (Container::Running { .. }, Container::Paused) | (Container::Paused, Container::Running { .. }) => true,
            _ => false,
        };
        let runs = matches!(container, Container::Running { .. });
        if runs && !same_life {
            // Ended and started between two looks: the end was ours or was not seen.
            self.facts.new_process();
            self.facts.log = None;
            self.lockouts_seen = 0;
            self.two_factor_since_ms = None;
            self.conflict_noted = false;
            self.start_at_ms = now.uptime_ms;
            // An end that was missed was still an end of what we asked for.
            if !matches!(self.stage, Stage::Stopping(_)) {
                self.stop_asked = false;
            }
        }
        if !runs && container != Container::Paused && container != Container::Unknown {
            self.facts.new_process();
        }
        if runs {
            (self.ran, self.start_pending) = (true, false);
        }
        self.facts.container = container;
    }

    fn take_log(&mut self, log: Option<LogState>, now: Now) {
        if let Some(log) = &log {
            let ended = matches!(log.marker, Marker::Exited { .. } | Marker::Restarting);
            let was_ended = matches!(self.facts.marker(), Some(Marker::Exited { .. } | Marker::Restarting));
            if (ended && !was_ended) || (self.facts.log.is_some() && log.launches != self.facts.launches()) {
                self.facts.new_process();
            }
            self.saved.two_factor.asked |= log.two_factor_asked;
            match log.marker {
                Marker::SecondFactor => {
                    self.two_factor_since_ms.get_or_insert(now.uptime_ms);
                }
                Marker::LoggedIn => {
                    self.two_factor_since_ms = None;
                    self.note_full_log_in(log, now);
                }
                _ => {}
            }
        }
        self.facts.log = log;
    }

    /// One that was not watched happened after the container's start, or was noted by an earlier process.
    fn note_full_log_in(&mut self, log: &LogState, now: Now) {
        let noted = self.saved.last_full_log_in;
        let at = match (&self.facts.log, self.facts.container) {
            _ if !log.full_log_in => return,
            (Some(before), _) if before.full_log_in && before.logged_in() => return,
            (Some(_), _) => now.at,
            (None, Container::Running { started_at: Some(at) }) if noted.is_none_or(|noted| noted < at) => at,
            (None, _) => return,
        };
        self.saved.last_full_log_in = Some(at);
    }

    /// Nobody has had a session for two checks; who cannot be seen is not judged.
    pub(super) fn fleet_is_down(&self) -> bool {
        self.facts.fleet_down >= rules::FLEET_CHECKS
    }
}
