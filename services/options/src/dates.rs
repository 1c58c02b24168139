//! Expirations as callers and IB write them.
//!
//! Invariant: a date that is returned exists in the calendar; nothing here reads a clock.

use jiff::{ToSpan, civil::Date};
use schemas::Fault;

use crate::shown;

/// Listed options end within about ten years; a date beyond this is a slip of the keyboard.
const YEARS_AHEAD_MAX: i16 = 15;
const FIELD: &str = "expiration";
const HINT: &str =
    "Ask which expirations there are: the tool get_option_chain, GET /options/expirations/{symbol}, or options.expirations over NATS.";

/// Reads `YYYY-MM-DD` or `YYYYMMDD`. `today` is the date at the exchange: what expires today can still be asked for.
pub(crate) fn expiration(text: &str, today: Date) -> Result<Date, Fault> {
    let refuse = |why: String| Err(Fault::invalid(FIELD, format!("`expiration` is `{}`; {why}.", shown(text))).hint(HINT));
    let Some(digits) = digits(text.trim()) else {
        return refuse("it is a date, written YYYY-MM-DD or YYYYMMDD".to_owned());
    };
    let Some(date) = calendar(digits) else {
        return refuse("the calendar has no such day".to_owned());
    };
    if date < today {
        return refuse(format!("that day has passed: at the exchange it is {today}"));
    }
    if today.checked_add(YEARS_AHEAD_MAX.years()).is_ok_and(|last| date > last) {
        return refuse(format!("no option is listed more than {YEARS_AHEAD_MAX} years ahead"));
    }
    Ok(date)
}

/// A date of IB's: `YYYYMMDD`, where IB likes with a time after it. A contract month without a day is none.
pub(crate) fn from_ib(text: &str) -> Option<Date> {
    let day = text.trim().split([' ', '-']).next()?;
    digits(day).and_then(calendar)
}

/// The eight digits of a date, without its hyphens.
fn digits(text: &str) -> Option<[u8; 8]> {
    match *text.as_bytes() {
        [a, b, c, d, b'-', e, f, b'-', g, h] | [a, b, c, d, e, f, g, h] => Some([a, b, c, d, e, f, g, h]),
        _ => None,
    }
    .filter(|digits| digits.iter().all(u8::is_ascii_digit))
}

fn calendar(digits: [u8; 8]) -> Option<Date> {
    let [y1, y2, y3, y4, m1, m2, d1, d2] = digits.map(|digit| digit - b'0');
    let pair = |tens: u8, ones: u8| tens * 10 + ones;
    let year = i16::from(pair(y1, y2)) * 100 + i16::from(pair(y3, y4));
    Date::new(year, i8::try_from(pair(m1, m2)).ok()?, i8::try_from(pair(d1, d2)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use schemas::FaultCode;

    use super::*;

    #[test]
    fn both_forms_of_a_date_that_has_not_passed() {
        let today = date(2026, 11, 21);
        for text in ["2026-12-18", "20261218", " 2026-12-18 "] {
            assert_eq!(expiration(text, today).expect(text), date(2026, 12, 18));
        }
        assert_eq!(expiration("20261121", today).expect("today"), today);
        assert_eq!(expiration("2028-02-29", today).expect("leap day"), date(2028, 2, 29));
        assert_eq!(expiration("2041-11-21", today).expect("the last"), date(2041, 11, 21));
    }

    #[test]
    fn every_refusal_says_the_rule_and_where_dates_are_listed() {
        let form = "written YYYY-MM-DD or YYYYMMDD";
        let calendar = "the calendar has no such day";
        for (text, rule) in [
            ("", form),
            ("tomorrow", form),
            ("2026-12-1", form),
            ("26-12-18", form),
            ("2026/12/18", form),
            ("18-12-2026", form),
            ("202612", form),
            ("2026121", form),
            ("+2026121", form),
            ("2026-1218", form),
            ("２０２６1218", form),
            ("2026-12-18T00:00", form),
            ("2026-02-29", calendar),
            ("20261131", calendar),
            ("2026-13-01", calendar),
            ("2026-00-10", calendar),
            ("2026-12-00", calendar),
            ("20260299", calendar),
            ("2026-11-20", "at the exchange it is 2026-11-21"),
            ("0000-01-01", "that day has passed"),
            ("2041-11-22", "more than 15 years ahead"),
            ("99991231", "more than 15 years ahead"),
        ] {
            let fault = expiration(text, date(2026, 11, 21)).expect_err(text);
            assert_eq!((fault.code, fault.field.as_deref()), (FaultCode::InvalidParams, Some("expiration")), "{text}");
            assert!(fault.message.contains(rule), "{text}: {}", fault.message);
            let hint = fault.hint.expect("hint");
            assert!(hint.contains("get_option_chain") && hint.contains("options.expirations"), "{hint}");
        }
    }

    #[test]
    fn what_a_message_repeats_is_short_and_printable() {
        let fault = expiration(&format!("\u{1b}[31m{}", "9".repeat(5_000)), date(2026, 11, 21)).expect_err("no date");
        assert!(fault.message.len() < 200 && !fault.message.contains('\u{1b}'), "{}", fault.message);
    }

    #[test]
    fn dates_of_ib() {
        assert_eq!(from_ib("20261218"), Some(date(2026, 12, 18)));
        assert_eq!(from_ib("20261218 15:00:00 US/Central"), Some(date(2026, 12, 18)));
        assert_eq!(from_ib("20261218-21:00:00"), Some(date(2026, 12, 18)));
        for bad in ["", "202612", "20261301", "DEC26", "2026121x"] {
            assert_eq!(from_ib(bad), None, "{bad}");
        }
    }
}
