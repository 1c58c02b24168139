//! Moments as callers write them: a text without a zone is exchange time.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use schemas::Fault;

/// What a bare date means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    /// Its first moment.
    Start,
    /// Its last: the midnight that ends it.
    End,
}

/// Reads `YYYY-MM-DD`, `YYYY-MM-DD HH:MM[:SS]` (also with `T`) or RFC 3339.
pub(crate) fn parse(field: &str, text: &str, zone: &TimeZone, bound: Bound) -> Result<Timestamp, Fault> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let civil = if let Ok(date) = Date::strptime("%Y-%m-%d", text) {
        let date = if bound == Bound::End { date.checked_add(1.day()).unwrap_or(date) } else { date };
        Some(date.to_datetime(jiff::civil::Time::midnight()))
    } else {
        ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"]
            .iter()
            .find_map(|form| DateTime::strptime(form, text).ok())
    };
    let shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    let refuse = || {
        Fault::invalid(field, format!("{field} `{shown}` is no moment"))
            .hint("write 2026-11-20, 2026-11-20 16:00:00 (exchange time) or 2026-11-20T16:00:00-05:00")
    };
    civil.and_then(|civil| zone.to_timestamp(civil).ok()).ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_and_nothing_else() {
        let zone = TimeZone::get("America/New_York").expect("zone");
        let at = |text, bound| parse("end", text, &zone, bound).map(|t| t.to_string());
        assert_eq!(at("2026-11-20", Bound::Start).expect("date"), "2026-11-20T05:00:00Z");
        assert_eq!(at("2026-11-20", Bound::End).expect("date"), "2026-11-21T05:00:00Z");
        assert_eq!(at("2026-11-20 16:00", Bound::End).expect("minute"), "2026-11-20T21:00:00Z");
        assert_eq!(at("2026-11-20T16:00:00-05:00", Bound::End).expect("rfc"), "2026-11-20T21:00:00Z");
        for bad in ["", "yesterday", "2026-13-01", "2026-02-30", "20261120", "2026-11-20 25:00"] {
            assert!(at(bad, Bound::End).is_err(), "{bad}");
        }
    }
}
