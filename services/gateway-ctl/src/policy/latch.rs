//! What must survive a restart of this process: who wants the gateway up or down, and what was learnt the hard way.
//!
//! Invariant: a text that cannot be read is an error and never "up": nothing may start over somebody's logout.

use jiff::Timestamp;
use schemas::gateway::Desired;
use serde::{Deserialize, Serialize};

use super::event::Need;

const VERSION: u32 = 1;
/// Longer texts are no saved state.
pub const SAVED_BYTES_MAX: usize = 64 * 1_024;

/// Who wants it up or down, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    pub desired: Desired,
    pub by: String,
    pub since: Timestamp,
    pub reason: Option<String>,
    /// When a logout ends by itself.
    pub until: Option<Timestamp>,
}

impl Wanted {
    pub fn is_up(&self) -> bool {
        self.desired == Desired::Up
    }
}

/// Why nothing is started any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HaltKind {
    Credentials,
    SecondFactor,
    /// Logged in, and the API stayed silent after a restart.
    ApiSilent,
    Budget,
    StoppedOutside,
    CannotStop,
}

impl HaltKind {
    /// A gateway that goes on trying would have the account locked. One with a silent API has to run, so that a person can
    /// change its settings.
    pub(super) const fn stops(self) -> bool {
        matches!(self, Self::Credentials)
    }

    pub const fn need(self) -> Need {
        match self {
            Self::Credentials => Need::Credentials,
            Self::SecondFactor => Need::SecondFactor,
            Self::ApiSilent => Need::ApiSilent,
            Self::Budget => Need::Budget,
            Self::StoppedOutside => Need::StoppedOutside,
            Self::CannotStop => Need::CannotStop,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Halted {
    pub kind: HaltKind,
    pub since: Timestamp,
    pub reason: String,
}

/// No start before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    pub until: Timestamp,
    pub kind: HoldKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldKind {
    /// IB asked to wait: holds for people too.
    Lockout,
    Conflict,
}

/// One start of the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    pub at: Timestamp,
    pub automatic: bool,
}

/// What this login's second factor has cost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwoFactor {
    /// This login has asked for one.
    pub asked: bool,
    /// Automatic starts since a person last answered one or said login.
    pub automatic_starts: u32,
}

/// Everything that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    version: u32,
    pub wanted: Wanted,
    pub halted: Option<Halted>,
    pub hold: Option<Hold>,
    /// Another session was met, or a logout ended by itself: the next automatic start has to yield.
    pub yield_next: bool,
    /// Session conflicts in a row, for growing holds.
    pub conflicts: u32,
    pub two_factor: TwoFactor,
    /// Of the last 24 hours, oldest first; automatic ones before the last command of a person do not count as such.
    pub starts: Vec<Start>,
    pub last_full_log_in: Option<Timestamp>,
    /// The weekly log-in that people were reminded of.
    pub reminded_of: Option<Timestamp>,
}

/// Why a text is no saved state.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotSaved {
    #[error("the saved state of the gateway cannot be read")]
    Unreadable(#[source] serde_json::Error),
    #[error("the saved state of the gateway is of version {0}, this release reads {VERSION}")]
    Version(u32),
    #[error("the saved state of the gateway has {0} bytes, at most {SAVED_BYTES_MAX} are read")]
    TooLong(usize),
}

impl Saved {
    /// Wanted up, nothing learnt yet.
    pub fn new(at: Timestamp) -> Self {
        Self {
            version: VERSION,
            wanted: Wanted { desired: Desired::Up, by: "default".to_owned(), since: at, reason: None, until: None },
            halted: None,
            hold: None,
            yield_next: false,
            conflicts: 0,
            two_factor: TwoFactor::default(),
            starts: Vec::new(),
            last_full_log_in: None,
            reminded_of: None,
        }
    }

    pub fn load(text: &str) -> Result<Self, NotSaved> {
        if text.len() > SAVED_BYTES_MAX {
            return Err(NotSaved::TooLong(text.len()));
        }
        let saved: Self = serde_json::from_str(text).map_err(NotSaved::Unreadable)?;
        if saved.version == VERSION { Ok(saved) } else { Err(NotSaved::Version(saved.version)) }
    }

    pub fn save(&self) -> String {
        serde_json::to_string(self).expect("texts, numbers and times are JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> Saved {
        let at: Timestamp = "2026-11-20T15:00:00Z".parse().expect("time");
        let mut saved = Saved::new(at);
        saved.wanted =
            Wanted { desired: Desired::Down, by: "dora".to_owned(), since: at, reason: Some("TWS \"now\"".to_owned()), until: Some(at) };
        saved.halted = Some(Halted { kind: HaltKind::Credentials, since: at, reason: "refused".to_owned() });
        saved.hold = Some(Hold { until: at, kind: HoldKind::Lockout });
        saved.starts = vec![Start { at, automatic: true }];
        saved
    }

    #[test]
    fn what_was_saved_is_loaded() {
        assert_eq!(Saved::load(&saved().save()).expect("loaded"), saved());
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_never_up() {
        assert!(matches!(Saved::load(""), Err(NotSaved::Unreadable(_))));
        assert!(matches!(Saved::load("{}"), Err(NotSaved::Unreadable(_))));
        assert!(matches!(Saved::load(&saved().save().replace("\"version\":1", "\"version\":2")), Err(NotSaved::Version(2))));
        assert!(matches!(Saved::load(&" ".repeat(SAVED_BYTES_MAX + 1)), Err(NotSaved::TooLong(_))));
    }
}
