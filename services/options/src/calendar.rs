//! Exchange days of options. Pure: the moment is a parameter.

use ib_service::Hours;
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

/// The zone of US options; others tell theirs with their contracts.
pub(crate) const NEW_YORK: &str = "America/New_York";
/// IB lists new expirations and strikes, and drops old ones, before the exchanges open.
const ROLL_AT: SignedDuration = SignedDuration::from_hours(9);
/// Where an underlying's hours are not known: a quarter of an hour after the stock market's close, when the last options
/// stop.
const USUAL_CLOSE: SignedDuration = SignedDuration::from_mins(16 * 60 + 15);

pub(crate) fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// The day whose lists of expirations and strikes are in force: it begins at 9:00 in New York.
pub(crate) fn roll_day(now: Timestamp) -> Date {
    now.checked_sub(ROLL_AT).unwrap_or(now).to_zoned(zone(NEW_YORK)).date()
}

/// Today at an exchange.
pub(crate) fn today(now: Timestamp, zone_name: &str) -> Date {
    now.to_zoned(zone(zone_name)).date()
}

/// `20261218`, as IB writes a date.
pub(crate) fn compact(date: Date) -> String {
    date.strftime("%Y%m%d").to_string()
}

pub(crate) fn midnight(date: Date, zone_name: &str) -> Timestamp {
    date.to_zoned(zone(zone_name)).map_or(Timestamp::UNIX_EPOCH, |midnight| midnight.timestamp())
}

/// Where nothing else is known of a day's end.
pub(crate) fn usual_close(date: Date) -> Timestamp {
    let midnight = midnight(date, NEW_YORK);
    midnight.checked_add(USUAL_CLOSE).unwrap_or(midnight)
}

/// When the contracts of a date stop trading, by the hours of their underlying.
pub(crate) fn close(date: Date, underlying: Option<&Hours>) -> Timestamp {
    underlying.and_then(|hours| hours.close_on(date)).unwrap_or_else(|| usual_close(date))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn day(text: &str) -> Date {
        text.parse().expect("a date")
    }

    #[test]
    fn lists_roll_at_nine_in_new_york_in_both_halves_of_the_year() {
        for (now, in_force) in [
            ("2026-11-20T13:59:59Z", "2026-11-19"),
            ("2026-11-20T14:00:00Z", "2026-11-20"),
            ("2026-07-20T12:59:59Z", "2026-07-19"),
            ("2026-07-20T13:00:00Z", "2026-07-20"),
            ("2026-11-21T04:00:00Z", "2026-11-20"),
        ] {
            assert_eq!(roll_day(at(now)), day(in_force), "{now}");
        }
    }

    #[test]
    fn a_date_in_ibs_form_and_its_end_after_the_market() {
        assert_eq!(compact(day("2026-01-02")), "20260102");
        assert_eq!(usual_close(day("2026-11-20")), at("2026-11-20T21:15:00Z"));
        assert_eq!(today(at("2026-11-21T03:00:00Z"), NEW_YORK), day("2026-11-20"));
    }
}
