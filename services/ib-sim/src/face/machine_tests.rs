use super::*;
use crate::face::plan::{ExistingSession, TwoFactorTimeout};

/// 2026-11-20, a Friday, 10:15:30 in New York.
const WALL_MS: i64 = 1_795_187_730_000;

struct Run {
    machine: Machine,
    now: Now,
    lines: Vec<String>,
    others: Vec<Effect>,
}

impl Run {
    fn new(plan: LoginPlan) -> Self {
        let zone = TimeZone::get("America/New_York").unwrap();
        let now = Now { uptime_ms: 0, wall_ms: WALL_MS };
        let mut run = Self { machine: Machine::new(plan, zone), now, lines: Vec::new(), others: Vec::new() };
        let effects = run.machine.begin(now, None);
        run.note(effects);
        run
    }

    fn note(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Log(Line::Ibc(text) | Line::Script(text)) => self.lines.push(text),
                other => self.others.push(other),
            }
        }
    }

    fn pass(&mut self, ms: u64) {
        self.now.uptime_ms += ms;
        self.now.wall_ms += i64::try_from(ms).unwrap();
        let effects = self.machine.elapsed(self.now);
        self.note(effects);
    }

    /// Lets happen what happens by itself next.
    fn step(&mut self) -> Phase {
        let wait = self.machine.wait_ms(self.now).expect("something is due");
        self.pass(wait);
        self.machine.phase()
    }

    fn act(&mut self, action: Action) {
        let effects = self.machine.act(self.now, action).unwrap();
        self.note(effects);
    }

    fn ready(plan: LoginPlan) -> Self {
        let mut run = Self::new(plan);
        while run.machine.phase() != Phase::Ready {
            run.step();
        }
        run.lines.clear();
        run.others.clear();
        run
    }

    fn said(&self, text: &str) -> usize {
        self.lines.iter().filter(|line| line.contains(text)).count()
    }
}

fn plan() -> LoginPlan {
    LoginPlan { login_ms: 4_000, ..LoginPlan::default() }
}

#[test]
fn a_log_in_takes_its_time_and_opens_the_api_last() {
    let mut run = Run::new(plan());
    assert_eq!((run.machine.phase(), run.machine.wait_ms(run.now)), (Phase::Starting, Some(1_000)));
    assert_eq!(run.step(), Phase::Login);
    assert_eq!((run.said("Login attempt: 1"), run.others.len()), (1, 0));
    assert_eq!(run.step(), Phase::Ready);
    assert_eq!((run.now.uptime_ms, run.others.clone()), (4_000, vec![Effect::Api(true)]));
    assert_eq!(run.lines[run.lines.len() - 2..], ["Login has completed", "Configuration tasks completed"]);
    assert_eq!(run.machine.wait_ms(run.now), None);
}

#[test]
fn a_second_factor_is_waited_for_and_its_lack_ends_the_container() {
    let two_factor = LoginPlan { login: Login::TwoFactor, ..plan() };
    let mut run = Run::new(two_factor.clone());
    run.step();
    assert_eq!((run.step(), run.said("Second Factor Authentication initiated")), (Phase::TwoFactor, 1));
    run.now.uptime_ms += 12_000;
    run.act(Action::Approve);
    assert_eq!((run.machine.phase(), run.said("Duration since login: 12 seconds")), (Phase::Ready, 1));

    let mut run = Run::new(two_factor.clone());
    run.step();
    run.step();
    assert_eq!((run.step(), run.said("Duration since login: 180 seconds")), (Phase::TwoFactorMissed, 1));
    assert_eq!((run.step(), run.said("IBC returned exit status 87"), run.said("Gateway finished")), (Phase::Stopped, 1, 1));
    assert_eq!(run.others, [Effect::Api(false), Effect::DropClients, Effect::Exit(87)]);
    assert!(run.machine.act(run.now, Action::Approve).is_err());

    let mut run = Run::new(LoginPlan { two_factor_timeout: TwoFactorTimeout::Restart, ..two_factor.clone() });
    run.step();
    run.step();
    run.act(Action::Deny);
    assert_eq!((run.step(), run.said("IBC returned exit status 87"), run.others.len()), (Phase::Starting, 1, 0));

    let mut run = Run::new(LoginPlan { two_factor_timeout: TwoFactorTimeout::Relogin, ..two_factor });
    run.step();
    run.step();
    assert_eq!((run.step(), run.said("Login attempt: 2")), (Phase::Login, 1));
}

#[test]
fn wrong_passwords_go_round_until_ib_asks_for_a_pause() {
    let mut run = Run::new(LoginPlan { login: Login::WrongPassword, ..plan() });
    while run.machine.wait_ms(run.now).is_some() {
        run.step();
    }
    assert_eq!((run.machine.phase(), run.said("Login failed"), run.said("IBC will cold-restart shortly")), (Phase::LockedOut, 2, 2));
    assert_eq!(run.said("Too many failed login attempts. Please wait 4 minutes & 47 seconds"), 1);
    assert!(run.others.is_empty(), "the API never opened");
    run.act(Action::Stop);
    assert_eq!((run.said("Login has not completed: exiting immediately"), run.others.last()), (3, Some(&Effect::Exit(0))));
}

#[test]
fn a_nightly_restart_needs_no_log_in_and_a_weekly_one_does() {
    let mut run = Run::ready(plan());
    run.act(Action::Restart);
    assert_eq!(run.others, [Effect::Api(false), Effect::DropClients]);
    assert_eq!(run.step(), Phase::Ready);
    assert_eq!((run.said("Re-starting session"), run.said("Login attempt"), run.said("Login has completed")), (1, 0, 1));
    run.machine.set_login(Login::TwoFactor);
    run.act(Action::WeeklyRestart);
    run.step();
    run.step();
    assert_eq!((run.machine.phase(), run.said("IBC will cold-restart shortly")), (Phase::TwoFactor, 1));
}

#[test]
fn the_daily_time_comes_every_day_and_on_sunday_with_a_full_log_in() {
    let mut run = Run::ready(LoginPlan { restart_at: Some("23:45".parse().unwrap()), ..LoginPlan::default() });
    let mut days = Vec::new();
    for _ in 0..3 {
        run.step();
        days.push((run.machine.zoned(run.now.wall_ms).to_string()[..16].to_owned(), run.said("cold-restart")));
        while run.machine.phase() != Phase::Ready {
            run.step();
        }
    }
    let expected = [("2026-11-20T23:45", 0), ("2026-11-21T23:45", 0), ("2026-11-22T23:45", 1)];
    assert_eq!(days, expected.map(|(day, cold)| (day.to_owned(), cold)));
}

#[test]
fn a_restart_by_command_happens_at_the_next_minute_and_a_pause_ends_there() {
    let mut run = Run::ready(LoginPlan::default());
    let (at, effects) = run.machine.plan_restart(run.now, false).unwrap();
    run.note(effects);
    assert_eq!((at, run.said("Setting auto-restart time to 10:16 AM")), (Time::constant(10, 16, 0, 0), 1));
    assert_eq!(run.machine.plan_restart(run.now, false).unwrap_err(), "already in progress");
    run.pass(29_000);
    assert_eq!(run.machine.phase(), Phase::Ready);
    assert_eq!((run.step(), run.said("autorestart file found")), (Phase::Starting, 1));
    run.step();
    run.now.wall_ms = WALL_MS + 28_500;
    assert_eq!(run.machine.plan_restart(run.now, true).unwrap().0, Time::constant(10, 17, 0, 0), "too late for the next minute");
    run.step();
    assert_eq!((run.machine.phase(), run.said("IBC is paused"), run.others.last()), (Phase::Stopped, 1, Some(&Effect::Exit(0))));
}

#[test]
fn another_session_is_met_as_the_setting_says() {
    for (setting, words, phase) in [
        (ExistingSession::Primary, "scenario 5", Phase::Ready),
        (ExistingSession::PrimaryOverride, "scenario 6", Phase::Stopped),
        (ExistingSession::Secondary, "scenario 2", Phase::Stopped),
        (ExistingSession::Manual, "scenario 1", Phase::ExistingSession),
    ] {
        let mut run = Run::ready(LoginPlan { existing_session: setting, ..plan() });
        run.act(Action::TakeOver);
        assert_eq!((run.machine.phase(), run.others.first()), (Phase::SessionTaken, Some(&Effect::Connectivity(Connectivity::Lost))));
        assert_eq!((run.step(), run.said(words)), (phase, 1), "{setting:?}");
    }
    let manual = LoginPlan { existing_session: ExistingSession::Manual, ..plan() };
    let mut run = Run::ready(manual.clone());
    run.act(Action::TakeOver);
    run.step();
    run.act(Action::Continue);
    assert_eq!((run.machine.phase(), run.said("scenario 5"), run.said("Login has completed")), (Phase::Ready, 1, 0));
    assert_eq!(run.others, [Effect::Connectivity(Connectivity::Lost), Effect::Connectivity(Connectivity::DataLost)]);
    run.act(Action::TakeOver);
    run.step();
    run.act(Action::Stop);
    assert_eq!(run.said("Login has completed: exiting via [File, Close] menu"), 1, "it was logged in");
    let mut run = Run::new(LoginPlan { login: Login::ExistingSession, ..manual });
    run.step();
    run.step();
    assert_eq!((run.machine.phase(), run.machine.wait_ms(run.now)), (Phase::ExistingSession, None));
    run.act(Action::Continue);
    assert_eq!(run.machine.phase(), Phase::Ready);
}

#[test]
fn reconnecting_keeps_the_api_and_heals_the_way_to_ib() {
    let mut run = Run::ready(plan());
    run.act(Action::ReconnectAccount);
    assert_eq!(run.step(), Phase::Ready);
    assert_eq!(run.others, [Effect::Connectivity(Connectivity::Lost), Effect::Connectivity(Connectivity::Maintained)]);
    assert!(run.machine.act(run.now, Action::Approve).unwrap_err().contains("Approve"));
}

#[test]
fn a_signal_ends_it_from_any_phase() {
    let mut run = Run::new(plan());
    run.act(Action::Terminate);
    assert_eq!((run.others.last(), run.said("Received SIGINT or SIGTERM")), (Some(&Effect::Exit(143)), 1));
}
