//! The machine's way into a session, and what another session with the same login does to it.
//!
//! Invariant: the API opens in one place, when the log-in is complete.

use super::Machine;
use crate::face::lines;
use crate::face::phase::{Effect, Now, Phase};
use crate::face::plan::{ExistingSession, Login, TwoFactorTimeout};
use crate::faults::kinds::Connectivity;

/// After so many wrong passwords IB asks for a pause.
const WRONG_PASSWORDS: u32 = 3;
/// IBC's 1111 comes out of a shell, modulo 256.
const EXIT_TWO_FACTOR: u8 = 87;

impl Machine {
    pub(super) fn log_in(&mut self, now: Now) {
        self.attempt += 1;
        self.log_all(lines::login_attempt(self.attempt));
        self.enter(now, Phase::Login, Some(self.plan.login_ms - self.plan.login_ms / 4));
    }

    pub(super) fn logged_in_or_not(&mut self, now: Now) {
        match self.login {
            Login::Ok => self.logged_in(now),
            Login::TwoFactor => {
                self.log(lines::TWO_FACTOR);
                self.enter(now, Phase::TwoFactor, Some(self.plan.two_factor_timeout_ms));
            }
            Login::WrongPassword if self.wrong_passwords + 1 < WRONG_PASSWORDS => {
                self.wrong_passwords += 1;
                self.log_all(lines::login_failed());
                self.attempt = 0;
                self.launch(now);
            }
            Login::WrongPassword | Login::TooManyAttempts => {
                self.log(lines::too_many_attempts(self.plan.lockout_ms));
                let relogin = self.plan.two_factor_timeout == TwoFactorTimeout::Relogin;
                self.enter(now, Phase::LockedOut, relogin.then_some(self.plan.lockout_ms));
            }
            Login::ExistingSession => match self.plan.existing_session {
                ExistingSession::Primary | ExistingSession::PrimaryOverride => {
                    self.log(lines::SCENARIO_3);
                    self.logged_in(now);
                }
                ExistingSession::Secondary | ExistingSession::Manual => self.other_session(now),
            },
        }
    }

    pub(super) fn logged_in(&mut self, now: Now) {
        self.log(lines::LOGGED_IN);
        self.log(lines::CONFIGURED);
        (self.login, self.attempt, self.wrong_passwords) = (Login::Ok, 0, 0);
        self.effects.push(Effect::Api(true));
        self.enter(now, Phase::Ready, None);
    }

    pub(super) fn log_two_factor(&mut self, now: Now) {
        let seconds = now.uptime_ms.saturating_sub(self.since_ms) / 1000;
        self.log(lines::two_factor_closed(seconds));
    }

    /// The dialog closed and nobody had answered it, or had said no.
    pub(super) fn two_factor_missed(&mut self, now: Now) {
        self.log_two_factor(now);
        if self.plan.two_factor_timeout == TwoFactorTimeout::Relogin {
            self.log(lines::RELOGIN_AFTER_TWO_FACTOR);
            return self.log_in(now);
        }
        // IBC gives a log-in that may yet complete a third of the dialog's time.
        let rest_ms = self.plan.two_factor_timeout_ms / 3;
        self.log(lines::exit_after_two_factor(rest_ms / 1000));
        self.enter(now, Phase::TwoFactorMissed, Some(rest_ms));
    }

    pub(super) fn two_factor_ended(&mut self, now: Now) {
        self.log_all(lines::two_factor_exit());
        if self.plan.two_factor_timeout == TwoFactorTimeout::Restart {
            self.log_all(lines::returned(EXIT_TWO_FACTOR));
            self.log_all(lines::will_restart());
            self.attempt = 0;
            return self.launch(now);
        }
        self.exit(now, EXIT_TWO_FACTOR);
    }

    pub(super) fn taken_over(&mut self, now: Now) {
        self.effects.push(Effect::Connectivity(Connectivity::Lost));
        self.log(lines::RELOGIN);
        self.taken = true;
        self.enter(now, Phase::SessionTaken, Some(self.plan.login_ms));
    }

    pub(super) fn taken_back(&mut self, now: Now) {
        self.log(lines::SCENARIO_5);
        self.effects.push(Effect::Connectivity(Connectivity::DataLost));
        self.enter(now, Phase::Ready, None);
    }

    /// The dialog about another session, while this one is logged in or wants to be.
    pub(super) fn other_session(&mut self, now: Now) {
        match self.plan.existing_session {
            ExistingSession::Primary => self.taken_back(now),
            ExistingSession::PrimaryOverride => {
                self.log(lines::SCENARIO_6);
                self.exit(now, 0);
            }
            ExistingSession::Secondary => {
                self.log(lines::SCENARIO_2);
                self.exit(now, 0);
            }
            ExistingSession::Manual => {
                self.log(lines::SCENARIO_1);
                self.enter(now, Phase::ExistingSession, None);
            }
        }
    }
}
