//! What IB tells without being asked: connectivity, farms, and whatever else has no request.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ibapi::Notice;
use jiff::Timestamp;
use schemas::health::{IbNotice, IbNoticeKind};

use crate::{
    clock::Instant,
    policy::Event,
    state::{Farm, FarmState},
};

/// IB has a dozen farms; more names than this come from texts that we misread.
pub(crate) const FARMS_MAX: usize = 32;

/// More messages per second than IB takes.
pub(crate) const TOO_FAST: i32 = 100;

/// A notice whose code nobody knows is logged once in this time.
const QUIET: Duration = Duration::from_secs(60);
/// Codes that are remembered for it; beyond it every line is kept back, because a flood is no news.
const QUIET_CODES_MAX: usize = 128;

/// What a notice means for the session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Event(Event),
    Farm(String, Farm),
    /// Too many messages: IB closes the socket of who goes on.
    TooFast,
    /// Nothing for the session: worth a line in the log at most.
    Other,
}

pub(crate) fn meaning(notice: &Notice) -> Meaning {
    let farm = |state| {
        let name = farm_name(&notice.message);
        Meaning::Farm(name, Farm { state, told: notice.message.clone() })
    };
    match notice.code {
        TOO_FAST => Meaning::TooFast,
        1100 | 2110 => Meaning::Event(Event::UpstreamLost),
        1101 => Meaning::Event(Event::UpstreamRestored { data_lost: true }),
        1102 => Meaning::Event(Event::UpstreamRestored { data_lost: false }),
        1300 => Meaning::Event(Event::SocketLost("the gateway has reset its API port (IB notice 1300)".to_owned())),
        2104 | 2106 | 2158 => farm(FarmState::Ok),
        2103 | 2105 | 2157 => farm(FarmState::Broken),
        2107 | 2108 => farm(FarmState::Inactive),
        2119 => farm(FarmState::Connecting),
        _ => Meaning::Other,
    }
}

/// `Market data farm connection is OK:usfarm` and `... available upon demand.ushmds`.
fn farm_name(text: &str) -> String {
    let tail = text.rsplit([':', '.']).map(str::trim).find(|tail| !tail.is_empty());
    tail.unwrap_or("unnamed").chars().take(40).collect()
}

/// Keeps a repeated notice from filling the log.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    last: HashMap<i32, Instant>,
}

impl Quiet {
    pub(crate) fn may_speak(&mut self, code: i32, now: Instant) -> bool {
        self.last.retain(|_, at| now.saturating_duration_since(*at) < QUIET);
        if self.last.contains_key(&code) || self.last.len() >= QUIET_CODES_MAX {
            return false;
        }
        self.last.insert(code, now);
        true
    }
}

/// Lines about connectivity in a minute: one that comes and goes faster than that has told so.
const CHANGES_MAX: usize = 10;

/// Which notices about connectivity are worth a line: those that change something, and of these not every one of a storm.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    spoken: VecDeque<Instant>,
}

impl Changes {
    /// `was_lost`: before this event.
    pub(crate) fn may_speak(&mut self, event: &Event, was_lost: bool, now: Instant) -> bool {
        let changes = match event {
            Event::UpstreamLost => !was_lost,
            // Subscriptions begin anew, whatever was known before.
            Event::UpstreamRestored { data_lost } => was_lost || *data_lost,
            _ => true,
        };
        while self.spoken.front().is_some_and(|at| now.saturating_duration_since(*at) >= QUIET) {
            self.spoken.pop_front();
        }
        let speaks = changes && self.spoken.len() < CHANGES_MAX;
        if speaks {
            self.spoken.push_back(now);
        }
        speaks
    }
}

/// Of IB's words, as far as they are passed on.
const WORDS_CHARS_MAX: usize = 200;

/// Whether this is about the login itself, whoever asked what.
fn about(code: i32, message: &str) -> Option<IbNoticeKind> {
    let says = |words: &str| message.to_lowercase().contains(words);
    match code {
        320..=323 if says("read-only") => Some(IbNoticeKind::ReadOnly),
        10197 => Some(IbNoticeKind::CompetingSession),
        // What historical data say of the same.
        162 if says("different ip address") => Some(IbNoticeKind::CompetingSession),
        _ => None,
    }
}

/// What IB told of the login itself in this session, the newest of each kind: a person has to hear of it, and who asked
/// may not be one.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<Vec<IbNotice>>);

impl Heard {
    pub(crate) fn note(&self, code: i32, message: &str, at: Timestamp) {
        let Some(about) = about(code, message) else { return };
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|known| known.about != about);
        list.push(IbNotice { about, code, message: message.chars().take(WORDS_CHARS_MAX).collect(), at });
    }

    pub(crate) fn list(&self) -> Vec<IbNotice> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another session may be one to another gateway.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::instant;

    #[test]
    fn what_is_about_the_login_is_kept_the_newest_of_each_kind() {
        let heard = Heard::default();
        let at = |second| Timestamp::from_second(second).expect("time");
        let read_only = "Error validating request.-'v' : cause - The API interface is currently in Read-Only mode.";
        let elsewhere = "Historical Market Data Service error message:Trading TWS session is connected from a different IP address";
        heard.note(200, "No security definition has been found for the request", at(1));
        heard.note(321, "Error validating request.-'bP' : cause - Invalid end time", at(1));
        heard.note(162, "Historical Market Data Service error message:HMDS query returned no data", at(1));
        assert_eq!(heard.list(), []);
        heard.note(321, read_only, at(2));
        heard.note(10197, "No market data during competing live session", at(3));
        heard.note(162, elsewhere, at(4));
        let list: Vec<_> = heard.list().into_iter().map(|notice| (notice.about, notice.code, notice.at)).collect();
        assert_eq!(list, [(IbNoticeKind::ReadOnly, 321, at(2)), (IbNoticeKind::CompetingSession, 162, at(4))]);
        heard.note(10197, &"x".repeat(5_000), at(5));
        assert_eq!(heard.list()[1].message.len(), WORDS_CHARS_MAX);
        heard.forget();
        assert_eq!(heard.list(), []);
    }

    fn notice(code: i32, message: &str) -> Notice {
        Notice { request_id: None, code, message: message.to_owned(), error_time: None, advanced_order_reject_json: String::new() }
    }

    #[test]
    fn connectivity_notices_become_events() {
        for (code, wanted) in [
            (1100, Event::UpstreamLost),
            (2110, Event::UpstreamLost),
            (1101, Event::UpstreamRestored { data_lost: true }),
            (1102, Event::UpstreamRestored { data_lost: false }),
        ] {
            assert_eq!(meaning(&notice(code, "text")), Meaning::Event(wanted), "{code}");
        }
        assert_eq!(meaning(&notice(100, "Max rate of messages per second has been exceeded")), Meaning::TooFast);
        assert!(matches!(meaning(&notice(1300, "text")), Meaning::Event(Event::SocketLost(_))));
    }

    #[test]
    fn farms_are_named_by_their_notices() {
        for (code, text, name, state) in [
            (2104, "Market data farm connection is OK:usfarm", "usfarm", FarmState::Ok),
            (2105, "HMDS data farm connection is broken:ushmds", "ushmds", FarmState::Broken),
            (2107, "HMDS data farm connection is inactive but should be available upon demand.ushmds", "ushmds", FarmState::Inactive),
            (2119, "Market data farm is connecting:usfarm", "usfarm", FarmState::Connecting),
            (2158, "Sec-def data farm connection is OK:secdefnj", "secdefnj", FarmState::Ok),
        ] {
            let Meaning::Farm(found, farm) = meaning(&notice(code, text)) else { panic!("{code} is a farm's") };
            assert_eq!((found.as_str(), farm.state), (name, state));
        }
        assert_eq!(meaning(&notice(2100, "API client has been unsubscribed from account data.")), Meaning::Other);
    }

    #[tokio::test(start_paused = true)]
    async fn a_repeated_code_is_quiet_for_a_minute() {
        let mut quiet = Quiet::default();
        let start = instant();
        assert!(quiet.may_speak(9_999, start));
        assert!(!quiet.may_speak(9_999, start + Duration::from_secs(59)));
        assert!(quiet.may_speak(9_998, start));
        assert!(quiet.may_speak(9_999, start + Duration::from_secs(60)));
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_storm_of_1100_only_the_change_is_logged() {
        let mut changes = Changes::default();
        let start = instant();
        let restored = |data_lost| Event::UpstreamRestored { data_lost };
        assert!(changes.may_speak(&Event::UpstreamLost, false, start));
        assert!((0..100).all(|_| !changes.may_speak(&Event::UpstreamLost, true, start)), "it was lost before");
        assert!(changes.may_speak(&restored(false), true, start));
        assert!(!changes.may_speak(&restored(false), false, start), "nothing was lost");
        assert!(changes.may_speak(&restored(true), false, start), "subscriptions begin anew");
        let flapping = (0..100).filter(|n| {
            let (event, was_lost) = if n % 2 == 0 { (Event::UpstreamLost, false) } else { (restored(false), true) };
            changes.may_speak(&event, was_lost, start + Duration::from_secs(1))
        });
        assert_eq!(flapping.count(), CHANGES_MAX - 3);
        assert!(changes.may_speak(&Event::UpstreamLost, false, start + QUIET), "the next minute is told of again");
    }
}
