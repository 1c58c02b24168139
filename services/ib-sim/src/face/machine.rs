//! The life of a gateway in its container: start, log-in, restart, take-over, end.
//!
//! Invariant: pure. Time comes in, effects go out, and every phase that can end by itself says when.
//! The order of the lines follows IBC 3.24 and the container image's scripts.

mod login;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Unit, Zoned};

use super::lines::{self, Line};
use super::phase::{Action, Effect, Now, Phase};
use super::plan::{DailyTime, Login, LoginPlan};
use crate::faults::kinds::Connectivity;

/// Too close to the minute's end to set a restart for the next minute.
const LATE_SECOND: i8 = 58;
/// What a container that was asked to end by a signal exits with.
const EXIT_SIGTERM: u8 = 143;

/// A restart that was asked for by a command, for a minute.
#[derive(Debug, Clone, Copy)]
struct Planned {
    wall_ms: i64,
    pause: bool,
}

#[derive(Debug)]
pub(crate) struct Machine {
    plan: LoginPlan,
    zone: TimeZone,
    phase: Phase,
    since_ms: u64,
    /// At which uptime the phase ends by itself.
    due_ms: Option<u64>,
    /// How the next log-in goes.
    login: Login,
    attempt: u32,
    wrong_passwords: u32,
    /// The gateway comes back from a restart and needs no log-in.
    resuming: bool,
    /// Another session has the login, and the API is open all the same.
    taken: bool,
    planned: Option<Planned>,
    nightly_ms: Option<i64>,
    effects: Vec<Effect>,
}

impl Machine {
    pub(crate) fn new(plan: LoginPlan, zone: TimeZone) -> Self {
        let login = plan.login;
        Self {
            plan,
            zone,
            phase: Phase::Starting,
            since_ms: 0,
            due_ms: None,
            login,
            attempt: 0,
            wrong_passwords: 0,
            resuming: false,
            taken: false,
            planned: None,
            nightly_ms: None,
            effects: Vec::new(),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn since_ms(&self) -> u64 {
        self.since_ms
    }

    pub(crate) fn attempt(&self) -> u32 {
        self.attempt
    }

    /// How the next log-in goes.
    pub(crate) fn set_login(&mut self, login: Login) {
        self.login = login;
    }

    /// In how many milliseconds something happens by itself.
    pub(crate) fn wait_ms(&self, now: Now) -> Option<u64> {
        let wall = [self.planned.map(|planned| planned.wall_ms), self.nightly_ms].into_iter().flatten().min();
        let wall = wall.map(|at| u64::try_from(at - now.wall_ms).unwrap_or(0));
        let due = self.due_ms.map(|at| at.saturating_sub(now.uptime_ms));
        [wall, due].into_iter().flatten().min()
    }

    pub(crate) fn begin(&mut self, now: Now, command_port: Option<u16>) -> Vec<Effect> {
        self.nightly_ms = self.plan.restart_at.and_then(|at| self.next(at.0, now.wall_ms));
        self.log_all(lines::container(command_port));
        self.launch(now);
        self.take()
    }

    /// What is due now, once; ask again until there is nothing.
    pub(crate) fn elapsed(&mut self, now: Now) -> Vec<Effect> {
        if self.due_ms.is_some_and(|at| at <= now.uptime_ms) {
            self.due_ms = None;
            self.next_phase(now);
        } else if let Some(planned) = self.planned.take_if(|planned| planned.wall_ms <= now.wall_ms) {
            if self.phase == Phase::Ready {
                if planned.pause { self.pause(now) } else { self.restart(now, false) }
            }
        } else if self.nightly_ms.take_if(|at| *at <= now.wall_ms).is_some() {
            self.nightly_ms = self.plan.restart_at.and_then(|at| self.next(at.0, now.wall_ms));
            if self.phase == Phase::Ready {
                let sunday = self.zoned(now.wall_ms).weekday() == Weekday::Sunday;
                self.restart(now, sunday);
            }
        }
        self.take()
    }

    /// What somebody wants; the reason if this is not the time for it.
    pub(crate) fn act(&mut self, now: Now, action: Action) -> Result<Vec<Effect>, String> {
        match (action, self.phase) {
            (_, Phase::Stopped) => return Err("the gateway has ended".to_owned()),
            (Action::Approve, Phase::TwoFactor) => {
                self.log_two_factor(now);
                self.logged_in(now);
            }
            (Action::Deny, Phase::TwoFactor) => self.two_factor_missed(now),
            (Action::Continue, Phase::ExistingSession) if self.taken => self.taken_back(now),
            (Action::Continue, Phase::ExistingSession) => self.logged_in(now),
            (Action::GiveUp, Phase::ExistingSession) => self.exit(now, 0),
            (Action::TakeOver, Phase::Ready) => self.taken_over(now),
            (Action::Restart, Phase::Ready) => self.restart(now, false),
            (Action::WeeklyRestart, Phase::Ready) => self.restart(now, true),
            (Action::ReconnectAccount, Phase::Ready | Phase::SessionTaken | Phase::Reconnecting) => {
                self.effects.push(Effect::Connectivity(Connectivity::Lost));
                self.enter(now, Phase::Reconnecting, Some(self.plan.login_ms / 4));
            }
            (Action::ReconnectData, Phase::Ready) => self.effects.push(Effect::ReconnectFarms),
            (Action::Stop, phase) => {
                self.log(if self.taken || matches!(phase, Phase::Ready | Phase::Reconnecting) { lines::CLOSED } else { lines::HALTED });
                self.exit(now, 0);
            }
            (Action::Terminate, _) => {
                self.log_all(lines::terminated());
                self.ended(now, EXIT_SIGTERM);
            }
            (action, phase) => return Err(format!("{action:?} does nothing while the gateway is {phase:?}")),
        }
        Ok(self.take())
    }

    /// IBC's way to restart: the daily time is set to the next minute. Says which, or that one is set already.
    pub(crate) fn plan_restart(&mut self, now: Now, pause: bool) -> Result<(Time, Vec<Effect>), &'static str> {
        if self.planned.is_some() {
            return Err("already in progress");
        }
        let wall = self.zoned(now.wall_ms);
        let minutes = if wall.second() >= LATE_SECOND { 2 } else { 1 };
        let at = wall
            .round(jiff::ZonedRound::new().smallest(Unit::Minute).mode(jiff::RoundMode::Floor))
            .and_then(|minute| minute.checked_add(minutes.minutes()))
            .map_err(|_| "the clock is at its end")?;
        self.planned = Some(Planned { wall_ms: at.timestamp().as_millisecond(), pause });
        // The minute stays the daily time, unless one was configured.
        self.plan.restart_at.get_or_insert(DailyTime(at.time()));
        self.log_all(lines::restart_planned(at.time(), pause));
        Ok((at.time(), self.take()))
    }

    /// The clock was moved by hand: the next restart is counted from there.
    pub(crate) fn clock_moved(&mut self, now: Now, from_wall_ms: i64) {
        // A restart that was jumped over happens; one that moved away is planned anew.
        if now.wall_ms < from_wall_ms {
            self.nightly_ms = self.plan.restart_at.and_then(|at| self.next(at.0, now.wall_ms));
        }
    }

    fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    fn log(&mut self, line: impl Into<Line>) {
        self.effects.push(Effect::Log(line.into()));
    }

    fn log_all(&mut self, lines: Vec<Line>) {
        self.effects.extend(lines.into_iter().map(Effect::Log));
    }

    fn enter(&mut self, now: Now, phase: Phase, for_ms: Option<u64>) {
        self.phase = phase;
        self.since_ms = now.uptime_ms;
        self.due_ms = for_ms.map(|ms| now.uptime_ms.saturating_add(ms));
        self.taken &= phase != Phase::Ready;
    }

    fn zoned(&self, wall_ms: i64) -> Zoned {
        Timestamp::from_millisecond(wall_ms).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(self.zone.clone())
    }

    /// When it is that time of day next.
    fn next(&self, at: Time, wall_ms: i64) -> Option<i64> {
        let now = self.zoned(wall_ms);
        [0, 1].into_iter().find_map(|days| {
            let day = now.date().checked_add(days.days()).ok()?;
            let moment = day.to_datetime(at).to_zoned(self.zone.clone()).ok()?.timestamp().as_millisecond();
            (moment > wall_ms).then_some(moment)
        })
    }

    /// The script starts the gateway.
    fn launch(&mut self, now: Now) {
        self.log_all(lines::launched(self.resuming));
        self.enter(now, Phase::Starting, Some(self.plan.login_ms / 4));
    }

    fn next_phase(&mut self, now: Now) {
        match self.phase {
            Phase::Starting if self.resuming => {
                self.resuming = false;
                self.logged_in(now);
            }
            Phase::Starting | Phase::LockedOut => self.log_in(now),
            Phase::Login => self.logged_in_or_not(now),
            Phase::TwoFactor => self.two_factor_missed(now),
            Phase::TwoFactorMissed => self.two_factor_ended(now),
            Phase::SessionTaken => self.other_session(now),
            Phase::Reconnecting => {
                self.effects.push(Effect::Connectivity(Connectivity::Maintained));
                self.enter(now, Phase::Ready, None);
            }
            Phase::ExistingSession | Phase::Ready | Phase::Stopped => {}
        }
    }

    /// The gateway ends and the script starts it again.
    fn restart(&mut self, now: Now, full_login: bool) {
        self.effects.extend([Effect::Api(false), Effect::DropClients]);
        if full_login {
            self.log_all(lines::cold_restart());
        } else {
            self.log_all(lines::returned(0));
            self.log_all(lines::autorestart_found());
            self.log_all(lines::will_restart());
        }
        (self.resuming, self.attempt) = (!full_login, 0);
        self.launch(now);
    }

    fn pause(&mut self, now: Now) {
        self.effects.extend([Effect::Api(false), Effect::DropClients]);
        self.log_all(lines::returned(0));
        self.log_all(lines::autorestart_found());
        self.log_all(lines::paused());
        self.ended(now, 0);
    }

    fn exit(&mut self, now: Now, code: u8) {
        self.log_all(lines::returned(code));
        self.log_all(lines::finished());
        self.ended(now, code);
    }

    fn ended(&mut self, now: Now, code: u8) {
        self.effects.extend([Effect::Api(false), Effect::DropClients, Effect::Exit(code)]);
        (self.planned, self.nightly_ms) = (None, None);
        self.enter(now, Phase::Stopped, None);
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
