//! When an order may trade: sessions of its instrument, the next opening, the end of its day.

use crate::world::World;
use crate::world::calendar::{TradingDay, tomorrow};
use crate::world::instrument::Instrument;

/// Longer than any closing of a market.
const DAYS_AHEAD: usize = 15;

/// Trading days from the one of `now` on; an evening session belongs to the next date.
fn days(world: &World, instrument: &Instrument, now: i64) -> impl Iterator<Item = TradingDay> {
    let first = instrument.hours.local_date(now);
    let (calendar, hours) = (world.calendar, instrument.hours);
    std::iter::successors(Some(first), |on| Some(tomorrow(*on))).take(DAYS_AHEAD).filter_map(move |on| calendar.day(hours, on))
}

pub(crate) fn open(world: &World, instrument: &Instrument, now: i64, outside_rth: bool) -> bool {
    days(world, instrument, now).take(2).any(|day| day.sessions(!outside_rth).iter().any(|span| span.start <= now && now < span.end))
}

pub(crate) fn next_open(world: &World, instrument: &Instrument, now: i64, outside_rth: bool) -> Option<i64> {
    days(world, instrument, now).find_map(|day| day.sessions(!outside_rth).iter().map(|span| span.start).find(|start| *start > now))
}

/// When a day order given now ends: with its session, or with the next one.
pub(crate) fn end_of_day(world: &World, instrument: &Instrument, now: i64, outside_rth: bool) -> Option<i64> {
    days(world, instrument, now).find_map(|day| day.sessions(!outside_rth).last().map(|span| span.end).filter(|end| *end > now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn at(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_second()
    }

    #[test]
    fn a_day_in_new_york() {
        let world = World::new(&Settings::default(), false, at("2026-11-20T15:00:00Z")).unwrap();
        let apple = world.contracts.get(265_598).unwrap();
        let before = at("2026-11-20T13:00:00Z");
        assert!(!open(&world, apple, before, false) && open(&world, apple, before, true));
        assert_eq!(next_open(&world, apple, before, false), Some(at("2026-11-20T14:30:00Z")));
        assert_eq!(end_of_day(&world, apple, before, false), Some(at("2026-11-20T21:00:00Z")));
        assert_eq!(end_of_day(&world, apple, before, true), Some(at("2026-11-21T01:00:00Z")));
        let friday_evening = at("2026-11-20T22:00:00Z");
        assert_eq!(next_open(&world, apple, friday_evening, false), Some(at("2026-11-23T14:30:00Z")));
        assert_eq!(end_of_day(&world, apple, friday_evening, false), Some(at("2026-11-23T21:00:00Z")));
    }
}
