//! A policy, a clock and what came out.

use super::super::*;
use crate::logs::{Conflict, LogState, Marker, Reader};
use crate::windows::{Region, Resets};

/// Tuesday 2026-11-17, 10:00 in New York: no window.
pub(crate) const TUESDAY: &str = "2026-11-17T15:00:00Z";
/// Saturday 2026-11-21, 00:10 in New York: the weekend's window.
pub(crate) const SATURDAY: &str = "2026-11-21T05:10:00Z";

pub(crate) const SECOND: u64 = 1_000;
pub(crate) const MINUTE: u64 = 60_000;
pub(crate) const ALL: Means = Means { control: true, commands: true, yielding: true, kick: true };

pub(crate) struct Run {
    pub(crate) policy: Policy,
    pub(crate) now: Now,
    /// Since they were last taken.
    pub(crate) out: Vec<Action>,
    /// Every start: when, and whether nobody had asked for it.
    pub(crate) started: Vec<(u64, bool)>,
    lives: i64,
    waiters: u64,
}

pub(crate) fn log(marker: Marker) -> LogState {
    let launched = marker != Marker::Silent;
    LogState { marker, launches: u32::from(launched), full_log_in: marker == Marker::LoggedIn, ..LogState::default() }
}

/// The state after these lines.
pub(crate) fn log_of(text: &str) -> LogState {
    let mut reader = Reader::plain();
    reader.feed(text.as_bytes());
    reader.state().clone()
}

pub(crate) fn exited(code: u8) -> Container {
    Container::Exited { code: Some(code), oom_killed: false, finished_at: None }
}

impl Run {
    pub(crate) fn with(means: Means, saved: Option<Saved>, at: &str) -> Self {
        let now = Now { uptime_ms: 1_000_000, at: at.parse().expect("time") };
        let resets = Resets::new(Region::America).expect("zones");
        let setup = Setup { means, rules: Rules::default(), resets, saved: saved.unwrap_or_else(|| Saved::new(now.at)) };
        Self { policy: Policy::new(setup, now), now, out: Vec::new(), started: Vec::new(), lives: 0, waiters: 0 }
    }

    /// A new process with what the old one saved; time goes on.
    pub(crate) fn crash(&mut self, means: Means, saved: Saved) {
        let resets = Resets::new(Region::America).expect("zones");
        self.policy = Policy::new(Setup { means, rules: Rules::default(), resets, saved }, self.now);
        self.step(Event::Engine(Engine::Reachable));
    }

    pub(crate) fn new() -> Self {
        Self::with(ALL, None, TUESDAY)
    }

    pub(crate) fn step(&mut self, event: Event) -> &mut Self {
        let actions = self.policy.step(event, self.now);
        for _ in actions.iter().filter(|action| matches!(action, Action::Start { .. })) {
            let automatic = self.policy.saved().starts.last().is_some_and(|start| start.automatic);
            self.started.push((self.now.uptime_ms, automatic));
        }
        self.out.extend(actions);
        self
    }

    /// Time passes; the policy is woken when it wants to be.
    pub(crate) fn pass(&mut self, ms: u64) -> &mut Self {
        let end = self.now.uptime_ms + ms;
        while let Some(wake_ms) = self.policy.wake_at().filter(|wake_ms| *wake_ms <= end) {
            self.jump_to(wake_ms.max(self.now.uptime_ms));
            self.step(Event::Tick);
        }
        self.jump_to(end);
        self.step(Event::Tick)
    }

    fn jump_to(&mut self, uptime_ms: u64) {
        let ms = i64::try_from(uptime_ms - self.now.uptime_ms).expect("ms");
        self.now.at = jiff::Timestamp::from_millisecond(self.now.at.as_millisecond() + ms).expect("time");
        self.now.uptime_ms = uptime_ms;
    }

    pub(crate) fn state(&self) -> State {
        self.policy.state()
    }

    pub(crate) fn take(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.out)
    }

    pub(crate) fn count(&self, wanted: impl Fn(&Action) -> bool) -> usize {
        self.out.iter().filter(|action| wanted(action)).count()
    }

    pub(crate) fn starts(&self) -> usize {
        self.count(|action| matches!(action, Action::Start { .. }))
    }

    pub(crate) fn answers(&self) -> Vec<Answer> {
        self.out.iter().filter_map(|action| if let Action::Answer { answer, .. } = action { Some(answer.clone()) } else { None }).collect()
    }

    pub(crate) fn notices(&self) -> Vec<Notice> {
        self.out.iter().filter_map(|action| if let Action::Notify(notice) = action { Some(*notice) } else { None }).collect()
    }

    pub(crate) fn id(&mut self) -> WaiterId {
        self.waiters += 1;
        WaiterId(self.waiters)
    }

    pub(crate) fn runs(&mut self) -> &mut Self {
        self.lives += 1;
        // No two lives begin at the same time.
        let started_at = self.now.at.checked_add(jiff::SignedDuration::from_micros(self.lives)).ok();
        self.step(Event::Container(Container::Running { started_at }))
    }

    pub(crate) fn exits(&mut self, code: u8) -> &mut Self {
        self.step(Event::Container(exited(code)))
    }

    pub(crate) fn says(&mut self, marker: Marker) -> &mut Self {
        self.step(Event::Log(Some(log(marker))))
    }

    pub(crate) fn session(&mut self) -> &mut Self {
        self.step(Event::Api(Api::Answers { server_version: 226 })).step(Event::Session(Session::Open))
    }

    /// Two checks of the fleet, 30 s apart.
    pub(crate) fn fleet_down(&mut self) -> &mut Self {
        self.step(Event::Fleet(Fleet::Down)).pass(30 * SECOND).step(Event::Fleet(Fleet::Down))
    }

    pub(crate) fn logout(&mut self, minutes: Option<u32>) -> &mut Self {
        let id = self.id();
        self.step(Event::Logout { id, by: "dora".to_owned(), reason: Some("TWS".to_owned()), minutes })
    }

    pub(crate) fn login(&mut self) -> &mut Self {
        let id = self.id();
        self.step(Event::Login { id, by: "dora".to_owned() })
    }

    pub(crate) fn reconnect(&mut self, hard: bool) -> &mut Self {
        let id = self.id();
        self.step(Event::Reconnect { id, by: "dora".to_owned(), hard })
    }

    pub(crate) fn ensure_ready(&mut self, timeout_ms: u64) -> &mut Self {
        let id = self.id();
        self.step(Event::EnsureReady { id, timeout_ms })
    }

    /// A gateway in that state, and nothing taken out yet.
    pub(crate) fn reach(state: State) -> Self {
        let mut run = Self::new();
        run.step(Event::Engine(Engine::Reachable));
        let _ = match state {
            State::DockerUnreachable => run.step(Event::Engine(Engine::Lost)),
            State::Stopped => run.step(Event::Container(Container::Missing)),
            State::Paused => run.runs().step(Event::Container(Container::Paused)),
            State::Starting => run.runs().says(Marker::Launched),
            State::Login => run.runs().says(Marker::LogIn { attempt: 1 }),
            State::WaitTwoFactor => run.runs().says(Marker::SecondFactor),
            State::ApiWait => run.runs().says(Marker::LoggedIn),
            State::ApiReady => run.runs().says(Marker::LoggedIn).step(Event::Api(Api::Answers { server_version: 226 })),
            State::Connected => run.runs().says(Marker::LoggedIn).session(),
            State::UpstreamLost => run.runs().says(Marker::LoggedIn).session().step(Event::UpstreamLost),
            State::SoftRestart => run.runs().says(Marker::LoggedIn).session().says(Marker::Exited { code: 0 }),
            State::SessionConflict => {
                let taken = LogState { conflict: Some(Conflict::Yielded), ..log(Marker::Conflict) };
                run.runs().says(Marker::LoggedIn).session().step(Event::UpstreamLost).step(Event::Log(Some(taken))).exits(0)
            }
            State::Backoff => run.runs().says(Marker::LoggedIn).exits(137),
            State::Halted => {
                let failed = LogState { failed_log_ins: 1, ..log(Marker::LogInFailed) };
                run.runs().step(Event::Log(Some(failed))).exits(0)
            }
            State::Stopping => run.runs().says(Marker::LoggedIn).session().logout(None),
            State::LoggedOut => run.runs().says(Marker::LoggedIn).session().logout(None).exits(0),
            State::Unknown => &mut run,
        };
        assert_eq!(run.state(), state, "{:?}", run.out);
        run.take();
        run
    }
}
