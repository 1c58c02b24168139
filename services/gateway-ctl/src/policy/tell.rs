//! What people are told: once per event, in the answers that callers wait for, and in one sentence.
//!
//! Invariant: who was told what to do is not told again until the gateway was connected; IB's own restarts wake nobody.

use schemas::gateway::State;

use super::{
    Policy, Stage,
    event::{Action, Answer, Api, Container, Need, Notice, Now, Refusal, Session},
    rules,
    waiters::For,
};

impl Policy {
    /// Who does not lead tells nobody, and so has told nobody when it leads.
    fn notify(&mut self, notice: Notice) {
        if self.leader && self.told.insert(notice) {
            self.out.push(Action::Notify(notice));
        }
    }

    /// What only a person can do now.
    pub fn need(&self) -> Option<Need> {
        let wanted_up = self.saved.wanted.is_up();
        match self.stage {
            Stage::WaitTwoFactor => Some(Need::SecondFactor),
            Stage::Halted => self.saved.halted.as_ref().map(|halted| halted.kind.need()),
            Stage::Conflict => Some(Need::Conflict),
            Stage::Paused => Some(Need::Paused),
            Stage::Stopped if wanted_up && self.facts.container == Container::Missing => Some(Need::Missing),
            Stage::ApiReady => match (self.facts.api, self.facts.session) {
                (Api::TooOld { .. }, _) => Some(Need::TooOld),
                (_, Session::IdInUse) => Some(Need::ClientIds),
                _ => None,
            },
            Stage::LoggedOut if self.logout_is_over() => Some(Need::LogoutOver),
            _ => None,
        }
    }

    /// The minutes have passed and nothing may start without knowing whether somebody has the session.
    fn logout_is_over(&self) -> bool {
        !self.means.yielding && self.saved.wanted.until.is_some_and(|until| until <= self.last.at)
    }

    /// What people are told, once per event.
    pub(super) fn tell(&mut self, now: Now) {
        let wanted_up = self.saved.wanted.is_up();
        match self.need() {
            Some(Need::Conflict) => self.notify(Notice::SessionConflict),
            Some(need) if self.stage == Stage::Halted => self.notify(Notice::Halted(need)),
            Some(need) => self.notify(Notice::NeedsHuman(need)),
            None => {}
        }
        if wanted_up && self.stage != Stage::Connected {
            // Who was told what to do is not told that it is down.
            // IB's own restarts wake nobody; when their window ends, the 5 minutes begin.
            let since_ms = match self.resets.at(now.at) {
                Some(window) => *self.down_since_ms.insert(now.uptime_of(window.until)),
                None => *self.down_since_ms.get_or_insert(now.uptime_ms),
            };
            // An attempt while another session has the login is no news either.
            let in_conflict = self.saved.yield_next && self.told.contains(&Notice::SessionConflict);
            let open = self.need().is_none() && !in_conflict && !self.told.contains(&Notice::Down);
            if open && self.due(since_ms.saturating_add(self.rules.down_notice_ms), now) {
                self.notify(Notice::Down);
            }
        } else {
            self.down_since_ms = None;
        }
        if self.stage == Stage::Connected || (!wanted_up && self.stage == Stage::LoggedOut && self.need().is_none()) {
            self.told.clear();
        }
        self.remind(now);
    }

    /// A day before the weekly log-in.
    fn remind(&mut self, now: Now) {
        let Some(due) = self.next_auth_due(now.at) else { return };
        if !self.leader || !self.saved.wanted.is_up() || self.saved.reminded_of == Some(due) || due <= now.at {
            return;
        }
        let day_before = due.checked_sub(rules::LONG).unwrap_or(due);
        if self.due(now.uptime_of(day_before), now) {
            self.saved.reminded_of = Some(due);
            self.out.push(Action::Notify(Notice::WeeklyLogIn { due }));
        }
    }

    /// Answers who can be answered, and whose time is up.
    pub(super) fn serve_waiters(&mut self, now: Now) {
        let now_ms = now.uptime_ms;
        let mut told = Vec::new();
        if !self.saved.wanted.is_up() {
            told.extend(self.waiters.answer(For::Ready, now_ms, |waited_ms| Answer::NotReadyLoggedOut { waited_ms }));
            let over = Refusal::Failed { reason: "the gateway was logged out meanwhile".to_owned() };
            told.extend(self.waiters.answer(For::Started, now_ms, |_| Answer::Refused(over.clone())));
        } else {
            let over = Refusal::Failed { reason: "somebody logged the gateway in meanwhile".to_owned() };
            told.extend(self.waiters.answer(For::Stopped, now_ms, |_| Answer::Refused(over.clone())));
        }
        match self.stage {
            Stage::Connected => told.extend(self.waiters.answer(For::Ready, now_ms, |waited_ms| Answer::Ready { waited_ms })),
            Stage::LoggedOut => told.extend(self.waiters.answer(For::Stopped, now_ms, |_| Answer::LoggedOut { changed: true })),
            Stage::Halted => {
                // Waiting brings nothing back.
                let reason = self.why();
                told.extend(self.waiters.answer(For::Ready, now_ms, |waited_ms| Answer::NotReady { waited_ms, reason: reason.clone() }));
                for what in [For::Started, For::Stopped] {
                    told.extend(self.waiters.answer(what, now_ms, |_| Answer::Refused(Refusal::Failed { reason: reason.clone() })));
                }
            }
            _ => {}
        }
        if self.is_running() && !self.start_pending && !matches!(self.stage, Stage::Stopping(_)) {
            told.extend(self.waiters.answer(For::Started, now_ms, |_| Answer::LoggedIn { changed: true }));
        }
        let reason = self.why();
        told.extend(self.waiters.expire(now_ms, |what, waited_ms| match what {
            For::Ready => Answer::NotReady { waited_ms, reason: reason.clone() },
            For::Started | For::Stopped => Answer::Refused(Refusal::Failed { reason: reason.clone() }),
        }));
        if let Some(next_ms) = self.waiters.next_ms() {
            let _ = self.due(next_ms, now);
        }
        self.out.extend(told);
    }

    /// One sentence for whoever waits in vain.
    pub fn why(&self) -> String {
        let text = match (self.need(), &self.reason) {
            (Some(need), _) => need.text().to_owned(),
            (None, Some(reason)) => reason.clone(),
            (None, None) => String::new(),
        };
        if text.is_empty() { format!("the gateway is {}", state_words(self.state())) } else { text }
    }
}

/// The state as a sentence has it.
pub(crate) const fn state_words(state: State) -> &'static str {
    match state {
        State::DockerUnreachable => "not known, because Docker cannot be reached",
        State::LoggedOut => "logged out",
        State::Stopping => "stopping",
        State::Stopped => "stopped",
        State::Paused => "paused",
        State::Starting => "starting",
        State::Login => "logging in",
        State::WaitTwoFactor => "waiting for the second factor of its log-in",
        State::ApiWait => "logged in, and its API does not answer yet",
        State::ApiReady => "answering, and no API session is open yet",
        State::Connected => "connected",
        State::UpstreamLost => "cut off from IB's servers",
        State::SoftRestart => "restarting",
        State::SessionConflict => "in conflict with another session",
        State::Backoff => "waiting before its next start",
        State::Halted => "not started any more without a person",
        State::Unknown => "in a state of a later release",
    }
}
