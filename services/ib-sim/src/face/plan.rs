//! How a log-in goes, as the settings choose it.
//!
//! Invariant: the default plan logs in at once, so that who only wants the API waits for nothing.

use std::str::FromStr;

use jiff::civil::Time;
use serde::{Deserialize, Serialize};

/// How the next log-in goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Login {
    /// Name and password are enough.
    #[default]
    Ok,
    /// Waits for a second factor.
    TwoFactor,
    /// Fails again and again, until IB asks for a pause.
    WrongPassword,
    /// IB asks for a pause at once.
    TooManyAttempts,
    /// Somebody is logged in with this name already.
    ExistingSession,
}

/// What happens when another session with the same login shows up: IBC's `ExistingSessionDetectedAction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExistingSession {
    /// This session goes on and the other one ends.
    #[default]
    Primary,
    /// This session ends for another one that insists.
    PrimaryOverride,
    /// This session ends.
    Secondary,
    /// A person decides.
    Manual,
}

/// What happens when the second factor does not come in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TwoFactorTimeout {
    /// The container ends with exit code 87.
    #[default]
    Exit,
    /// The gateway is started anew.
    Restart,
    /// The same gateway logs in again.
    Relogin,
}

/// A time of day, such as 23:45.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyTime(pub(crate) Time);

impl FromStr for DailyTime {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |_| PlanError { given: text.to_owned(), allowed: "hours and minutes such as 23:45" };
        Time::strptime("%H:%M", text.trim()).map(Self).map_err(wrong)
    }
}

/// The life of the gateway around its API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginPlan {
    /// From the start to the open API port, waiting for people not counted.
    pub login_ms: u64,
    /// How the first log-in goes.
    pub login: Login,
    /// How long a second factor is waited for; IB's own dialog closes after 180 seconds.
    pub two_factor_timeout_ms: u64,
    /// What follows when it did not come.
    pub two_factor_timeout: TwoFactorTimeout,
    /// How long IB asks to wait after too many attempts.
    pub lockout_ms: u64,
    /// What happens when another session shows up.
    pub existing_session: ExistingSession,
    /// When the gateway restarts every day, in the scenario's time zone; on Sundays with a full log-in.
    pub restart_at: Option<DailyTime>,
}

impl Default for LoginPlan {
    fn default() -> Self {
        Self {
            login_ms: 0,
            login: Login::Ok,
            two_factor_timeout_ms: 180_000,
            two_factor_timeout: TwoFactorTimeout::Exit,
            lockout_ms: 287_000,
            existing_session: ExistingSession::Primary,
            restart_at: None,
        }
    }
}

/// The text given is none of the allowed ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?}: expected {allowed}")]
pub struct PlanError {
    given: String,
    allowed: &'static str,
}

macro_rules! from_text {
    ($type:ident, $allowed:literal, $($text:literal => $variant:ident),*) => {
        impl FromStr for $type {
            type Err = PlanError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text.trim().to_ascii_lowercase().as_str() {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(PlanError { given: text.to_owned(), allowed: $allowed }),
                }
            }
        }
    };
}

from_text!(Login, "ok, 2fa, wrong-password, too-many-attempts or existing-session",
    "ok" => Ok, "2fa" => TwoFactor, "wrong-password" => WrongPassword, "too-many-attempts" => TooManyAttempts,
    "existing-session" => ExistingSession);
from_text!(ExistingSession, "primary, primaryoverride, secondary or manual",
    "primary" => Primary, "primaryoverride" => PrimaryOverride, "secondary" => Secondary, "manual" => Manual);
from_text!(TwoFactorTimeout, "exit, restart or relogin", "exit" => Exit, "restart" => Restart, "relogin" => Relogin);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_that_an_error_names_is_read() {
        let read = |allowed: &str, ok: &dyn Fn(&str) -> bool| {
            assert!(allowed.replace(" or ", ", ").split(", ").all(ok), "{allowed}");
        };
        read("x".parse::<Login>().unwrap_err().allowed, &|text| text.parse::<Login>().is_ok());
        read("x".parse::<ExistingSession>().unwrap_err().allowed, &|text| text.parse::<ExistingSession>().is_ok());
        assert_eq!("07:05".parse(), Ok(DailyTime(Time::constant(7, 5, 0, 0))));
        assert!("25:00".parse::<DailyTime>().unwrap_err().to_string().contains("23:45"));
        read("x".parse::<TwoFactorTimeout>().unwrap_err().allowed, &|text| text.parse::<TwoFactorTimeout>().is_ok());
    }
}
