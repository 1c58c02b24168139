//! Which expirations exist, and from when on each is listed.
//!
//! Invariant: a pure function of the dates, so that a chain rolls with the clock: a series is listed on
//! every day from `listed` to `last_trade`. No series expires on a holiday: its date moves to the trading
//! day before.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use serde::Deserialize;

use crate::world::calendar::{add, is_us_holiday, yesterday};
use crate::world::instrument::third_friday;

/// The pattern of a class's expirations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Schedule {
    /// Every trading day of the next two weeks, eight Fridays, the ends of quarters, the monthlies of a
    /// quarter, and Januaries, Junes and Decembers up to two years out.
    Daily,
    /// The next eight Fridays, the monthlies of the cycle, and Januaries up to two years out.
    Weekly,
    /// The third Fridays of the next two months and of the cycle, and Januaries.
    Monthly,
    /// Third Fridays of a year, and of June and December for three years; index options settled in the morning.
    Index,
    /// Third Fridays of the cycle only, as contracts adjusted for a corporate action are left.
    Adjusted,
    /// Wednesdays thirty days before a third Friday, as the volatility index has them.
    Volatility,
    /// The other Wednesdays of the next six weeks.
    VolatilityWeekly,
    /// A future's own last day, fifteen months ahead.
    #[serde(skip)]
    FutureEnd,
    /// The last trading day of each month, half a year ahead.
    #[serde(skip)]
    MonthEnd,
    /// A month's first, second, third or fourth Friday, eight weeks ahead, where no quarter's future ends.
    #[serde(skip)]
    Friday(i8),
}

/// One expiration of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expiration {
    /// The day on which it settles; the date in the exchange's symbol.
    pub(crate) on: Date,
    /// The last day on which it trades: the one that IB calls its expiry.
    pub(crate) last_trade: Date,
    /// The first day on which it trades.
    pub(crate) listed: Date,
}

impl Expiration {
    pub(crate) fn days_listed(&self) -> i64 {
        crate::world::prices::day_number(self.on) - crate::world::prices::day_number(self.listed)
    }
}

const WEEKLY_DAYS: i64 = 57;
const DAILY_DAYS: i64 = 15;
const VOLATILITY_WEEKLY_DAYS: i64 = 43;
/// Months for which the nearest monthlies, those of a cycle, and January's are listed ahead.
const SERIAL_MONTHS: i64 = 2;
const CYCLE_MONTHS: i64 = 9;
const YEAR_MONTHS: i64 = 12;
const QUARTER_END_MONTHS: i64 = 15;
const MONTH_END_MONTHS: i64 = 6;
const LEAPS_MONTHS: i64 = 28;
const INDEX_LEAPS_MONTHS: i64 = 36;

impl Schedule {
    /// Whether more than one series of a class may expire in one week.
    pub(crate) fn is_daily(self) -> bool {
        self == Self::Daily
    }

    /// All expirations from `first` to `last`, in order. `cycle` is 0 to 2: which months of a quarter an
    /// exchange lists ahead; with `day_before` the last trade is on the day before the settlement.
    pub(crate) fn expirations(self, first: Date, last: Date, cycle: u8, day_before: bool) -> Vec<Expiration> {
        let mut listed: BTreeMap<Date, Date> = BTreeMap::new();
        let mut list = |on: Date, from: Date| {
            let on = trading_day(on);
            if first <= on && on <= last {
                let earliest = listed.entry(on).or_insert(from);
                *earliest = from.min(*earliest);
            }
        };
        let mut month = first.first_of_month();
        while month <= last {
            self.months(month, cycle, &mut list);
            month = add(month, 1.months());
        }
        let mut on = first;
        while on <= last {
            self.days(on, &mut list);
            let next = add(on, 1.days());
            if next == on {
                break;
            }
            on = next;
        }
        let before = |on: Date| if day_before { trading_day(yesterday(on)) } else { on };
        listed.into_iter().map(|(on, listed)| Expiration { on, last_trade: before(on), listed }).collect()
    }

    fn months(self, month: Date, cycle: u8, list: &mut impl FnMut(Date, Date)) {
        let third = third_friday(month.year(), month.month());
        // The day after an expiration the exchange adds the next one of its kind.
        let ahead = |months: i64| {
            let earlier = add(month, (-months).months());
            add(third_friday(earlier.year(), earlier.month()), 3.days())
        };
        let in_cycle = month.month().rem_euclid(3) == i8::try_from(cycle % 3).unwrap_or(0);
        let months = match self {
            Self::Weekly | Self::Monthly if month.month() == 1 => LEAPS_MONTHS,
            Self::Daily if month.month() == 1 || month.month() % 6 == 0 => LEAPS_MONTHS,
            Self::Daily if month.month() % 3 == 0 => YEAR_MONTHS,
            Self::Daily => SERIAL_MONTHS + 1,
            Self::Weekly | Self::Monthly if in_cycle => CYCLE_MONTHS,
            // Always the month after next too, also before this month's expiration.
            Self::Weekly => SERIAL_MONTHS + 1,
            Self::Monthly => SERIAL_MONTHS,
            Self::Index if month.month() % 6 == 0 => INDEX_LEAPS_MONTHS,
            Self::Index => YEAR_MONTHS,
            Self::Adjusted if in_cycle => CYCLE_MONTHS,
            Self::Volatility => {
                let next = add(month, 1.months());
                return list(add(third_friday(next.year(), next.month()), (-30).days()), ahead(CYCLE_MONTHS));
            }
            Self::FutureEnd if month.month() % 3 == 0 => QUARTER_END_MONTHS,
            Self::MonthEnd => return list(month.last_of_month(), add(month, (-MONTH_END_MONTHS).months())),
            Self::Friday(nth) if nth != 3 || month.month() % 3 != 0 => {
                let on = add(third, (i64::from(nth - 3) * 7).days());
                return list(on, add(on, (-WEEKLY_DAYS).days()));
            }
            Self::Adjusted | Self::VolatilityWeekly | Self::FutureEnd | Self::Friday(_) => return,
        };
        list(third, ahead(months));
        if self == Self::Daily && month.month() % 3 == 0 {
            list(month.last_of_month(), add(month, (-QUARTER_END_MONTHS).months()));
        }
    }

    fn days(self, on: Date, list: &mut impl FnMut(Date, Date)) {
        match (self, on.weekday()) {
            (Self::Daily | Self::Weekly, Weekday::Friday) => list(on, add(on, (-WEEKLY_DAYS).days())),
            (Self::Daily, Weekday::Saturday | Weekday::Sunday) => {}
            (Self::Daily, _) if !is_us_holiday(on) => list(on, add(on, (-DAILY_DAYS).days())),
            (Self::VolatilityWeekly, Weekday::Wednesday) => {
                let later = add(on, 30.days());
                if later != third_friday(later.year(), later.month()) {
                    list(on, add(on, (-VOLATILITY_WEEKLY_DAYS).days()));
                }
            }
            _ => {}
        }
    }
}

/// The day itself, or the last trading day before a holiday or weekend.
pub(crate) fn trading_day(on: Date) -> Date {
    let mut on = on;
    // No New York closing lasts longer than four days.
    for _ in 0..4 {
        if !matches!(on.weekday(), Weekday::Saturday | Weekday::Sunday) && !is_us_holiday(on) {
            break;
        }
        on = yesterday(on);
    }
    on
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn alive(schedule: Schedule, today: Date, morning: bool) -> Vec<Expiration> {
        let all = schedule.expirations(add(today, (-60).days()), add(today, 5.years()), 0, morning);
        all.into_iter().filter(|one| one.listed <= today && today <= one.last_trade).collect()
    }

    fn dates(schedule: Schedule, today: Date) -> Vec<Date> {
        alive(schedule, today, false).iter().map(|one| one.on).collect()
    }

    #[test]
    fn a_weekly_chain_has_eight_fridays_monthlies_and_leaps() {
        let found = dates(Schedule::Weekly, date(2026, 11, 21));
        // Christmas and New Year's Day are Fridays: those weeks' series end on the Thursday.
        let weeks = [(11, 27), (12, 4), (12, 11), (12, 18), (12, 24), (12, 31)].map(|(month, day)| date(2026, month, day));
        assert_eq!(found[..6], weeks);
        assert_eq!(found[6..8], [date(2027, 1, 8), date(2027, 1, 15)]);
        for monthly in [date(2026, 12, 18), date(2027, 1, 15), date(2027, 3, 19), date(2027, 6, 17), date(2028, 1, 21), date(2029, 1, 19)] {
            assert!(found.contains(&monthly), "{monthly} in {found:?}");
        }
        // Juneteenth 2027 is observed on the third Friday of June.
        assert!(is_us_holiday(date(2027, 6, 18)) && !found.contains(&date(2027, 6, 18)));
        assert!(!found.contains(&date(2027, 2, 19)) && !found.contains(&date(2030, 1, 18)), "{found:?}");
    }

    #[test]
    fn a_daily_chain_has_every_trading_day_and_quarter_ends() {
        let found = dates(Schedule::Daily, date(2026, 11, 21));
        for on in [(2026, 11, 23), (2026, 11, 24), (2026, 11, 25), (2026, 11, 27), (2026, 11, 30), (2026, 12, 31), (2027, 3, 31)] {
            assert!(found.contains(&date(on.0, on.1, on.2)), "{on:?} in {found:?}");
        }
        assert!(!found.contains(&date(2026, 11, 26)), "Thanksgiving");
    }

    #[test]
    fn morning_settlement_trades_until_the_day_before() {
        let december = alive(Schedule::Index, date(2026, 11, 21), true).into_iter().find(|one| one.on == date(2026, 12, 18)).unwrap();
        assert_eq!(december.last_trade, date(2026, 12, 17));
        assert!(alive(Schedule::Index, date(2026, 12, 18), true).iter().all(|one| one.on != date(2026, 12, 18)));
    }

    #[test]
    fn the_volatility_index_has_its_wednesdays() {
        let monthly = dates(Schedule::Volatility, date(2026, 11, 21));
        assert_eq!(monthly[..3], [date(2026, 12, 16), date(2027, 1, 20), date(2027, 2, 17)]);
        let weekly = dates(Schedule::VolatilityWeekly, date(2026, 11, 21));
        assert_eq!(weekly[..3], [date(2026, 11, 25), date(2026, 12, 2), date(2026, 12, 9)]);
        assert!(weekly.iter().all(|on| !monthly.contains(on)));
    }

    #[test]
    fn tomorrow_has_another_chain() {
        let (before, after) = (dates(Schedule::Weekly, date(2026, 11, 20)), dates(Schedule::Weekly, date(2026, 11, 21)));
        assert_eq!(before[0], date(2026, 11, 20));
        assert_eq!(after[0], date(2026, 11, 27));
        assert_eq!(before[1..], after);
        let thursday = dates(Schedule::Weekly, date(2026, 11, 26));
        assert_eq!(thursday.len(), before.len() + 1, "February's is listed on Monday, a new week's on Thursday");
    }
}
