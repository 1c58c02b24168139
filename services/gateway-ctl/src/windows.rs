//! When IB restarts its servers, by region, and when it wants the weekly full log-in.
//!
//! Invariant: pure; every time of day is one of a zone's wall clock, so that daylight saving moves the windows as it moves
//! IB's. The windows have the margins of 15 minutes that are usual around the published times.

use std::str::FromStr;

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time, Weekday},
    tz::{Disambiguation, TimeZone},
};
use schemas::gateway::{ResetKind, ResetWindow};

const NEW_YORK: &str = "America/New_York";
/// Where IB's European servers are; the published times are Central European.
const CENTRAL_EUROPE: &str = "Europe/Zurich";
const HONG_KONG: &str = "Asia/Hong_Kong";

/// Days that a window may have begun before the day on which it is on: the weekend's begins on Friday, ends on Sunday.
const DAYS_BACK_MAX: i64 = 2;

/// `IB_RESET_REGION`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Region {
    #[default]
    America,
    Europe,
    Asia,
    /// No windows and no weekly log-in: the simulator.
    None,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no reset region: expected america, europe, asia or none")]
pub struct NotARegion(String);

impl FromStr for Region {
    type Err = NotARegion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_ascii_lowercase().as_str() {
            "america" => Ok(Self::America),
            "europe" => Ok(Self::Europe),
            "asia" => Ok(Self::Asia),
            "none" => Ok(Self::None),
            _ => Err(NotARegion(text.chars().take(40).collect())),
        }
    }
}

/// A window of wall clock time.
#[derive(Debug, Clone)]
struct Rule {
    kind: ResetKind,
    zone: TimeZone,
    /// Absent: it begins every day.
    weekday: Option<Weekday>,
    begins: Time,
    /// Midnights between begin and end.
    days: i64,
    ends: Time,
}

impl Rule {
    fn new(kind: ResetKind, zone: &TimeZone, begins: (i8, i8), ends: (i8, i8)) -> Self {
        let (begins, ends) = (Time::constant(begins.0, begins.1, 0, 0), Time::constant(ends.0, ends.1, 0, 0));
        Self { kind, zone: zone.clone(), weekday: None, begins, days: i64::from(ends < begins), ends }
    }

    /// From Friday evening on, in New York.
    fn weekend(new_york: &TimeZone, days: i64, ends: (i8, i8)) -> Self {
        Self { weekday: Some(Weekday::Friday), days, ..Self::new(ResetKind::Weekend, new_york, (22, 45), ends) }
    }

    /// The one that is on at `at`.
    fn window(&self, at: Timestamp) -> Option<ResetWindow> {
        let today = at.to_zoned(self.zone.clone()).date();
        (0..=DAYS_BACK_MAX).find_map(|back| {
            let first = today.checked_sub(back.days()).ok()?;
            if self.weekday.is_some_and(|weekday| weekday != first.weekday()) {
                return None;
            }
            let last = first.checked_add(self.days.days()).ok()?;
            // An hour that comes twice in autumn belongs to the window both times.
            let from = instant(&self.zone, first, self.begins, Disambiguation::Earlier)?;
            let until = instant(&self.zone, last, self.ends, Disambiguation::Later)?;
            (from <= at && at < until).then_some(ResetWindow { kind: self.kind, from, until })
        })
    }
}

fn instant(zone: &TimeZone, date: Date, time: Time, disambiguation: Disambiguation) -> Option<Timestamp> {
    zone.to_ambiguous_zoned(date.to_datetime(time)).disambiguate(disambiguation).ok().map(|zoned| zoned.timestamp())
}

/// The zone database lacks a zone that a window is told in.
#[derive(Debug, thiserror::Error)]
#[error("the time zone {zone} is not in the zone database")]
pub struct NoZone {
    zone: &'static str,
    #[source]
    source: jiff::Error,
}

fn zone(name: &'static str) -> Result<TimeZone, NoZone> {
    TimeZone::get(name).map_err(|source| NoZone { zone: name, source })
}

/// The windows of one region.
#[derive(Debug, Clone)]
pub struct Resets {
    region: Region,
    new_york: TimeZone,
    rules: Vec<Rule>,
    /// Windows in which IB drops log-ins. The weekend's servers are back long before its window ends.
    held: Vec<Rule>,
}

impl Resets {
    pub fn new(region: Region) -> Result<Self, NoZone> {
        let new_york = zone(NEW_YORK)?;
        let nightly = match region {
            Region::None => return Ok(Self { region, new_york, rules: Vec::new(), held: Vec::new() }),
            Region::America => vec![Rule::new(ResetKind::Nightly, &new_york, (23, 30), (1, 0))],
            Region::Europe => vec![Rule::new(ResetKind::Nightly, &zone(CENTRAL_EUROPE)?, (5, 30), (7, 0))],
            Region::Asia => vec![
                Rule::new(ResetKind::Nightly, &new_york, (16, 15), (17, 15)),
                Rule::new(ResetKind::Nightly, &zone(HONG_KONG)?, (20, 0), (21, 15)),
            ],
        };
        let mut rules = vec![Rule::weekend(&new_york, 2, (2, 0))];
        let mut held = vec![Rule::weekend(&new_york, 1, (3, 15))];
        rules.extend(nightly.iter().cloned());
        held.extend(nightly);
        Ok(Self { region, new_york, rules, held })
    }

    /// The window that is on: of several the one that ends last.
    pub fn at(&self, at: Timestamp) -> Option<ResetWindow> {
        self.rules.iter().filter_map(|rule| rule.window(at)).max_by_key(|window| window.until)
    }

    /// Until when nothing should log in by itself.
    pub fn logins_held_until(&self, at: Timestamp) -> Option<Timestamp> {
        self.held.iter().filter_map(|rule| rule.window(at)).map(|window| window.until).max()
    }

    /// The gateway that ends by itself around IB's midnight must not log in at once: the log-in is dropped silently.
    pub fn around_midnight(&self, at: Timestamp) -> bool {
        let midnight = Rule::new(ResetKind::Nightly, &self.new_york, (23, 30), (0, 30));
        self.region != Region::None && midnight.window(at).is_some()
    }

    /// The first Sunday 01:00 in New York after `after`: from then on a start needs a full log-in.
    pub fn next_auth_due(&self, after: Timestamp) -> Option<Timestamp> {
        if self.region == Region::None {
            return None;
        }
        let today = after.to_zoned(self.new_york.clone()).date();
        (0..=7).find_map(|days: i64| {
            let day = today.checked_add(days.days()).ok().filter(|day| day.weekday() == Weekday::Sunday)?;
            // Where that hour comes twice, the first one counts: a reminder may be early.
            instant(&self.new_york, day, Time::constant(1, 0, 0, 0), Disambiguation::Earlier).filter(|due| *due > after)
        })
    }
}

#[cfg(test)]
#[path = "windows_tests.rs"]
mod tests;
