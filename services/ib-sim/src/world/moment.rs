//! Dates and times in IB's spellings, and durations.
//!
//! Invariant: what cannot be read is refused with the text a gateway uses; nothing is guessed.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

use crate::errors::ApiError;

/// How far back a query reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Seconds of trading time.
    Seconds(i64),
    /// Trading days.
    Days(i64),
    Weeks(i64),
    Months(i64),
    Years(i64),
}

/// A century: more than any history holds, small enough for dates not to overflow.
const MAX_YEARS: i64 = 100;

impl Reach {
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        let bad = || ApiError::duration(text);
        let (number, unit) = text.trim().split_once(' ').ok_or_else(bad)?;
        let number: i64 = number.parse().map_err(|_| bad())?;
        if number <= 0 {
            return Err(bad());
        }
        // The limits and texts are IB's: longer stretches must be asked for in the next unit.
        match unit.trim() {
            "S" if number > 86_400 => Err(ApiError::duration_in("86400 seconds", "days")),
            "S" => Ok(Self::Seconds(number)),
            "D" if number > 365 => Err(ApiError::duration_in("365 days", "years")),
            "D" => Ok(Self::Days(number)),
            "W" if number > 52 => Err(ApiError::duration_in("52 weeks", "years")),
            "W" => Ok(Self::Weeks(number)),
            "M" if number > 12 => Err(ApiError::duration_in("12 months", "years")),
            "M" => Ok(Self::Months(number)),
            "Y" if number > MAX_YEARS => Err(bad()),
            "Y" => Ok(Self::Years(number)),
            _ => Err(bad()),
        }
    }

    /// The calendar stretch, for the units that are one.
    pub(crate) fn calendar(self) -> Option<Span> {
        match self {
            Self::Seconds(_) | Self::Days(_) => None,
            Self::Weeks(number) => Some((number * 7).days()),
            Self::Months(number) => Some(number.months()),
            Self::Years(number) => Some(number.years()),
        }
    }
}

/// The end of a query: empty is now; `YYYYMMDD HH:MM:SS zone`, `YYYYMMDD-HH:MM:SS` (UTC), or without a
/// zone in the exchange's time; a bare date is its end.
pub(crate) fn end_of_query(text: &str, now: i64, exchange: &TimeZone) -> Result<i64, ApiError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(now + 1);
    }
    parse(text, exchange).ok_or_else(|| ApiError::fixed(10314))
}

fn parse(text: &str, exchange: &TimeZone) -> Option<i64> {
    if let Some((day, time)) = text.split_once('-')
        && day.len() == 8
    {
        return instant(day, time, &TimeZone::UTC);
    }
    let mut parts = text.split_whitespace();
    let (day, time, zone) = (parts.next()?, parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let zone = match zone {
        Some(name) => TimeZone::get(name).ok()?,
        None => exchange.clone(),
    };
    instant(day, time.unwrap_or("23:59:59"), &zone)
}

fn instant(day: &str, time: &str, zone: &TimeZone) -> Option<i64> {
    let date = Date::strptime("%Y%m%d", day).ok().filter(|_| day.len() == 8)?;
    let mut numbers = time.split(':').map(|part| part.parse::<i8>());
    let (hour, minute) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let second = numbers.next().transpose().ok()?.unwrap_or(0);
    if numbers.next().is_some() {
        return None;
    }
    let local = DateTime::new(date.year(), date.month(), date.day(), hour, minute, second, 0).ok()?;
    zone.to_ambiguous_zoned(local).compatible().ok().map(|zoned| zoned.timestamp().as_second())
}

/// News queries use `YYYY-MM-DD HH:MM:SS.0` (UTC), a bare `YYYY-MM-DD`, or the spellings above.
pub(crate) fn news_bound(text: &str) -> Result<Option<i64>, ApiError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let bare = text.split('.').next().unwrap_or(text);
    if let Ok(local) = DateTime::strptime("%Y-%m-%d %H:%M:%S", bare) {
        return Ok(TimeZone::UTC.to_timestamp(local).ok().map(Timestamp::as_second));
    }
    if let Ok(day) = Date::strptime("%Y-%m-%d", text) {
        return Ok(day.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp().as_second()));
    }
    parse(text, &TimeZone::UTC).map(Some).ok_or_else(|| ApiError::fixed(10314))
}

/// An instant in any zone and form.
pub(crate) fn show(instant: i64, zone: &TimeZone, format: &str) -> String {
    let timestamp = Timestamp::from_second(instant).unwrap_or(Timestamp::UNIX_EPOCH);
    timestamp.to_zoned(zone.clone()).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, reach) in [
            ("60 S", Reach::Seconds(60)),
            ("1 D", Reach::Days(1)),
            ("2 W", Reach::Weeks(2)),
            ("12 M", Reach::Months(12)),
            ("10 Y", Reach::Years(10)),
        ] {
            assert_eq!(Reach::parse(text), Ok(reach));
        }
        for wrong in ["", "1", "D", "1D", "-1 D", "0 D", "1 d", "x D", "1 H", "101 Y", "9999999999999999999 D"] {
            assert_eq!(Reach::parse(wrong).unwrap_err().code, 321, "{wrong}");
        }
        let error = Reach::parse("366 D").unwrap_err().text;
        assert!(error.ends_with("Historical data requests for durations longer than 365 days must be made in years."), "{error}");
    }

    #[test]
    fn ends_in_every_spelling() {
        let eastern = TimeZone::get("US/Eastern").unwrap();
        let end = |text: &str| end_of_query(text, 5, &eastern).map_err(|error| error.code);
        let expected = "2026-11-20T15:00:00Z".parse::<Timestamp>().unwrap().as_second();
        assert_eq!(end(""), Ok(6));
        for text in [
            "20261120 15:00:00 UTC",
            "20261120-15:00:00",
            "20261120 10:00:00",
            "20261120 10:00:00 US/Eastern",
            "20261120 16:00:00 MET",
            "20261120  10:00:00",
        ] {
            assert_eq!(end(text), Ok(expected), "{text}");
        }
        for wrong in ["yesterday", "20261345 10:00:00", "20261120 25:00:00", "20261120 10:00:00 Mars/Base", "2026-11-20"] {
            assert_eq!(end(wrong), Err(10314), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[0-9A-Za-z :/+.-]{0,30}", day in "[0-9]{8}") {
            let _ = Reach::parse(&text);
            let _ = news_bound(&text);
            for text in [text.clone(), format!("{day}-{text}"), format!("{day} {text}")] {
                if let Err(error) = end_of_query(&text, 0, &TimeZone::UTC) {
                    proptest::prop_assert_eq!(error.code, 10314);
                }
            }
        }
    }

    #[test]
    fn news_bounds() {
        let expected = "2026-11-20T15:00:00Z".parse::<Timestamp>().unwrap().as_second();
        assert_eq!(news_bound("2026-11-20 15:00:00.0"), Ok(Some(expected)));
        assert_eq!(news_bound("20261120 15:00:00 UTC"), Ok(Some(expected)));
        assert_eq!(news_bound(""), Ok(None));
        let midnight = "2026-11-20T00:00:00Z".parse::<Timestamp>().unwrap().as_second();
        assert_eq!(news_bound("2026-11-20"), Ok(Some(midnight)));
        assert!(news_bound("soon").is_err());
    }
}
