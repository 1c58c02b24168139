//! Dates and moments as callers write them: ours, RFC 3339 and IB's own.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use schemas::Fault;

use crate::text;

/// A moment that a caller named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A whole day, exchange time.
    Day(Date),
    /// Exchange time.
    Local(DateTime),
    Exact(Timestamp),
}

const FORMS: &str = "`YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS` (exchange time) or RFC 3339 such as `2026-11-20T16:00:00-05:00`";

impl Moment {
    pub(crate) fn parse(field: &str, given: &str) -> Result<Self, Fault> {
        Self::read(given).ok_or_else(|| {
            let message = format!("`{field}` is `{}`, which is no date or moment that exists.", text::shown(given));
            Fault::invalid(field, message).hint(format!("Write {FORMS}."))
        })
    }

    fn read(given: &str) -> Option<Self> {
        let digits = |count: usize| given.len() >= count && given.as_bytes()[..count].iter().all(u8::is_ascii_digit);
        if digits(8) {
            return Self::of_ib(given);
        }
        if !given.is_ascii() || given.len() < 10 {
            return None;
        }
        if let Ok(exact) = given.parse::<Timestamp>() {
            return Some(Self::Exact(exact));
        }
        let day: Date = strict(&given[..10])?;
        match given[10..].trim_start_matches(['T', ' ']) {
            "" => Some(Self::Day(day)),
            time => Some(Self::Local(day.to_datetime(time_of_day(time)?))),
        }
    }

    /// `20261120`, `20261120 16:00:00`, `20261120 16:00:00 US/Eastern`, and `20261120-16:00:00`, which is UTC.
    fn of_ib(given: &str) -> Option<Self> {
        let day = compact_day(given.get(..8)?)?;
        let rest = given.get(8..)?;
        let utc = rest.starts_with('-');
        let mut words = rest.trim_start_matches('-').split_ascii_whitespace();
        let Some(time) = words.next() else {
            return rest.is_empty().then_some(Self::Day(day));
        };
        let local = day.to_datetime(time_of_day(time)?);
        let zone = match (words.next(), utc) {
            (None, false) => return Some(Self::Local(local)),
            (None, true) => TimeZone::UTC,
            (Some(name), false) => TimeZone::get(name).ok()?,
            (Some(_), true) => return None,
        };
        if words.next().is_some() {
            return None;
        }
        local.to_zoned(zone).ok().map(|zoned| Self::Exact(zoned.timestamp()))
    }

    /// As the operations take it.
    pub(crate) fn wire(self) -> String {
        match self {
            Self::Day(day) => day.to_string(),
            Self::Local(local) => local.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            Self::Exact(exact) => exact.to_string(),
        }
    }

    /// Whether `end` is surely before it; exchange time and exact time are not compared, because the zone is unknown here.
    pub(crate) fn surely_after(self, end: Self) -> bool {
        match (self, end) {
            (Self::Exact(start), Self::Exact(end)) => start > end,
            (Self::Exact(_), _) | (_, Self::Exact(_)) => false,
            (Self::Local(start), Self::Local(end)) => start > end,
            (start, end) => start.day() > end.day(),
        }
    }

    fn day(self) -> Date {
        match self {
            Self::Day(day) => day,
            Self::Local(local) => local.date(),
            Self::Exact(exact) => exact.to_zoned(TimeZone::UTC).date(),
        }
    }
}

/// `YYYY-MM-DD`, and not jiff's wider forms (weeks, signed years).
fn strict(given: &str) -> Option<Date> {
    let shape = given.bytes().enumerate().all(|(i, b)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
    (shape && given.len() == 10).then(|| given.parse().ok()).flatten()
}

/// `YYYYMMDD`.
pub(crate) fn compact_day(given: &str) -> Option<Date> {
    let shape = given.len() == 8 && given.bytes().all(|b| b.is_ascii_digit());
    let part = |from: usize, to: usize| given.get(from..to).and_then(|digits| digits.parse::<i16>().ok());
    let small = |number: i16| i8::try_from(number).ok();
    shape.then(|| Date::new(part(0, 4)?, small(part(4, 6)?)?, small(part(6, 8)?)?).ok()).flatten()
}

fn time_of_day(given: &str) -> Option<jiff::civil::Time> {
    let shape = given.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'.')) && given.contains(':');
    shape.then(|| given.parse().ok()).flatten()
}

/// An expiry in IB's spelling, `YYYYMMDD` or `YYYYMM`, from that or from `YYYY-MM-DD` or `YYYY-MM`.
pub(crate) fn expiry(field: &str, given: &str) -> Result<String, Fault> {
    let digits = match given.len() {
        7 | 10 => given.replace('-', ""),
        _ => given.to_owned(),
    };
    let real = match digits.len() {
        6 => compact_day(&format!("{digits}01")).is_some(),
        8 => compact_day(&digits).is_some(),
        _ => false,
    };
    if real {
        return Ok(digits);
    }
    let message = format!("`{field}` is `{}`, which is no date that exists.", text::shown(given));
    Err(Fault::invalid(field, message).hint("Write YYYYMMDD or YYYY-MM-DD, or YYYYMM for a future's month, such as `20261218`."))
}

/// The day on which an option expires, from `YYYY-MM-DD` or `YYYYMMDD`. Whether it has passed is not known here.
pub(crate) fn expiration(field: &str, given: &str) -> Result<Date, Fault> {
    strict(given).or_else(|| compact_day(given)).ok_or_else(|| {
        let message = format!("`{field}` is `{}`, which is no date that exists; an option expires on a day.", text::shown(given));
        Fault::invalid(field, message).hint("Write YYYY-MM-DD or YYYYMMDD: get_option_chain(symbol=...) lists the expirations.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_in_every_form() {
        for (given, wire) in [
            ("2026-11-20", "2026-11-20"),
            ("20261120", "2026-11-20"),
            ("2026-11-20 16:00", "2026-11-20 16:00:00"),
            ("2026-11-20T16:00:05", "2026-11-20 16:00:05"),
            ("2026-11-20 16:00:00.0", "2026-11-20 16:00:00"),
            ("20261120 16:00:00", "2026-11-20 16:00:00"),
            ("20261120-16:00:00", "2026-11-20T16:00:00Z"),
            ("20261120 16:00:00 US/Eastern", "2026-11-20T21:00:00Z"),
            ("2026-11-20T16:00:00-05:00", "2026-11-20T21:00:00Z"),
            ("2026-11-20T16:00:00Z", "2026-11-20T16:00:00Z"),
            ("2024-02-29", "2024-02-29"),
        ] {
            assert_eq!(Moment::parse("end", given).expect(given).wire(), wire, "{given}");
        }
    }

    #[test]
    fn moments_that_do_not_exist() {
        for given in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-11-20 25:00",
            "20261131",
            "now",
            "2026-11",
            "11/20/2026",
            "2026-W47-5",
            "2026-11-20 noon",
            "20261120 16:00:00 Mars/Olympus",
            "20261120-16:00:00 UTC",
            "20261120 ",
            "٢٠٢٦-١١-٢٠",
            "2026-11-2é",
            "",
        ] {
            assert!(Moment::parse("end", given).is_err(), "{given:?}");
        }
    }

    #[test]
    fn order_is_judged_only_where_it_is_known() {
        let moment = |given| Moment::parse("x", given).expect(given);
        assert!(moment("2026-11-21").surely_after(moment("2026-11-20")));
        assert!(!moment("2026-11-20").surely_after(moment("2026-11-20")));
        assert!(!moment("2026-11-20 15:00").surely_after(moment("2026-11-20")), "a date means its whole day");
        assert!(moment("2026-11-20 15:00").surely_after(moment("2026-11-20 14:59")));
        assert!(!moment("2026-11-21").surely_after(moment("2026-11-20T23:00:00Z")));
    }

    #[test]
    fn expiries() {
        for (given, wanted) in [("20261218", "20261218"), ("2026-12-18", "20261218"), ("202612", "202612"), ("2026-12", "202612")] {
            assert_eq!(expiry("expiry", given).expect(given), wanted);
        }
        for bad in ["20261301", "2026", "Dec 26", "20260230", "2026-1-18", "2026121"] {
            assert!(expiry("expiry", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn expirations_are_days() {
        for given in ["20261218", "2026-12-18"] {
            assert_eq!(expiration("expiry", given).expect(given).to_string(), "2026-12-18");
        }
        for bad in ["202612", "2026-12", "2026-02-30", "20261301", "2026-1-018", "18.12.2026", "nearest", "٢٠٢٦١٢١٨", ""] {
            assert!(expiration("expiry", bad).is_err(), "{bad}");
        }
    }
}
