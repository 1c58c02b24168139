//! News bulletins: what IB tells all its customers, and which exchanges come and go.
//!
//! Invariant: a day's bulletins are a pure function of seed and day; their ids grow with time and never
//! repeat, and an exchange that goes away comes back on the same day.

use jiff::ToSpan;
use jiff::civil::Date;

use super::World;
use super::calendar::{Hours, add};
use super::prices::{day_number, mix, unit};

const SALT: u64 = 0xB0_11E7;
/// An exchange is away on about every third trading day.
const OUTAGE_CHANCE: f64 = 0.35;
/// No day has more.
const MAX_PER_DAY: i32 = 4;
/// 2020-01-01, from which ids count.
const FIRST_DAY: i64 = 18_262;
const GENERAL: &[&str] = &[
    "System maintenance is scheduled for this weekend. Some services may be unavailable.",
    "Margin requirements of selected contracts change at the close of business.",
    "Extended trading hours apply to selected index options this week.",
];
const EXCHANGES: &[&str] = &["BATS", "BYX", "EDGX", "IEX", "MEMX", "PSX"];

/// IB's types of bulletins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    General = 1,
    ExchangeAway = 2,
    ExchangeBack = 3,
}

/// One bulletin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bulletin {
    pub(crate) id: i32,
    /// Unix seconds.
    pub(crate) time: i64,
    pub(crate) kind: Kind,
    pub(crate) text: String,
    pub(crate) exchange: String,
}

impl World {
    /// Bulletins after one instant and up to another, oldest first. Reaches over two days at most.
    pub(crate) fn bulletins(&self, after: i64, until: i64) -> Vec<Bulletin> {
        let today = self.today(until);
        let days = [add(today, (-1).days()), today];
        let all = days.into_iter().flat_map(|day| self.bulletins_of(day));
        all.filter(|one| after < one.time && one.time <= until).collect()
    }

    /// The first second of the day of `now`: from here a client that wants all of them is served.
    pub(crate) fn start_of_day(&self, now: i64) -> i64 {
        Hours::UsStock.instant((self.today(now), 0, 0))
    }

    fn bulletins_of(&self, day: Date) -> Vec<Bulletin> {
        let Some(trading) = self.calendar.day(Hours::UsStock, day) else { return Vec::new() };
        let number = day_number(day);
        let key = mix(self.seed ^ SALT, number.cast_unsigned());
        let open = trading.regular.first().map_or(trading.start(), |span| span.start);
        let first = i32::try_from((number - FIRST_DAY).max(0)).unwrap_or(0) * MAX_PER_DAY;
        let pick = |salt: u64, len: usize| usize::try_from(mix(key, salt) % u64::try_from(len.max(1)).unwrap_or(1)).unwrap_or(0);
        let mut all = vec![Bulletin {
            id: first + 1,
            time: open - 3_600,
            kind: Kind::General,
            text: GENERAL[pick(1, GENERAL.len())].to_owned(),
            exchange: "IB".to_owned(),
        }];
        if unit(mix(key, 2)) < OUTAGE_CHANCE {
            let exchange = EXCHANGES[pick(3, EXCHANGES.len())];
            let away = open + i64::try_from(pick(4, 14_400)).unwrap_or(0);
            let back = away + 600 + i64::try_from(pick(5, 1_800)).unwrap_or(0);
            let told = |id, time, kind, word: &str| Bulletin {
                id,
                time,
                kind,
                text: format!("{exchange} is {word} available for trading."),
                exchange: exchange.to_owned(),
            };
            all.push(told(first + 2, away, Kind::ExchangeAway, "no longer"));
            all.push(told(first + 3, back, Kind::ExchangeBack, "again"));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    /// 2026-11-20 17:00 in New York.
    const FRIDAY: i64 = 1_795_212_000;
    const DAY: i64 = 86_400;

    #[test]
    fn bulletins_come_in_order_and_exchanges_come_back() {
        let world = World::new(&Settings::default(), false, FRIDAY).unwrap();
        let all: Vec<Bulletin> = (0..60).rev().flat_map(|ago| world.bulletins(FRIDAY - (ago + 1) * DAY, FRIDAY - ago * DAY)).collect();
        assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id && pair[0].time <= pair[1].time));
        let of = |kind| all.iter().filter(|one| one.kind == kind).map(|one| one.exchange.as_str()).collect::<Vec<_>>();
        assert!(of(Kind::ExchangeAway).len() > 5);
        assert_eq!(of(Kind::ExchangeAway), of(Kind::ExchangeBack));
        assert!(of(Kind::General).len() > 30);
    }

    #[test]
    fn the_day_begins_at_midnight_in_new_york() {
        let world = World::new(&Settings::default(), false, FRIDAY).unwrap();
        assert_eq!(FRIDAY - world.start_of_day(FRIDAY), 17 * 3_600);
        // A Sunday has none of its own.
        assert_eq!(world.bulletins(world.start_of_day(FRIDAY + 2 * DAY), FRIDAY + 2 * DAY), Vec::new());
    }
}
