use super::*;

const REAL: Calendar = Calendar { always_open: false };
const OPEN: Calendar = Calendar { always_open: true };

/// The exchange's published closings; a table, so that the rules are checked against facts.
#[test]
fn new_york_holidays() {
    let closed = [
        date(2020, 4, 10),
        date(2020, 7, 3),
        date(2020, 12, 25),
        date(2021, 1, 1),
        date(2021, 7, 5),
        date(2021, 12, 24),
        date(2022, 6, 20),
        date(2022, 12, 26),
        date(2023, 1, 2),
        date(2023, 4, 7),
        date(2023, 6, 19),
        date(2024, 1, 15),
        date(2024, 3, 29),
        date(2024, 11, 28),
        date(2025, 1, 9),
        date(2025, 4, 18),
        date(2025, 6, 19),
        date(2026, 1, 1),
        date(2026, 1, 19),
        date(2026, 2, 16),
        date(2026, 4, 3),
        date(2026, 5, 25),
        date(2026, 6, 19),
        date(2026, 7, 3),
        date(2026, 9, 7),
        date(2026, 11, 26),
        date(2026, 12, 25),
        date(2027, 3, 26),
        date(2027, 6, 18),
        date(2027, 7, 5),
        date(2027, 12, 24),
        date(2028, 4, 14),
        date(2035, 3, 23),
    ];
    for on in closed {
        assert!(is_us_holiday(on), "{on} is a holiday");
        assert!(REAL.day(Hours::UsStock, on).is_none(), "{on}");
    }
    // Not observed: New Year on a Saturday; Juneteenth before it was one.
    for on in [date(2021, 12, 31), date(2020, 6, 19), date(2021, 6, 18), date(2026, 4, 6), date(2026, 11, 20)] {
        assert!(!is_us_holiday(on), "{on} is open");
    }
}

#[test]
fn new_york_half_days() {
    for on in [date(2020, 11, 27), date(2023, 7, 3), date(2024, 12, 24), date(2025, 7, 3), date(2026, 11, 27), date(2026, 12, 24)] {
        let day = REAL.day(Hours::UsStock, on).expect("a half day is open");
        assert_eq!(wall(Hours::UsStock, day.regular[0].end, "%H:%M"), "13:00", "{on}");
    }
    for on in [date(2026, 7, 2), date(2022, 7, 5), date(2023, 12, 22)] {
        assert!(!is_us_half_day(on), "{on}");
    }
}

#[test]
fn sessions_lie_on_quarters_and_in_order() {
    let every =
        [Hours::UsStock, Hours::UsIndex, Hours::UsOption, Hours::CmeFuture, Hours::Forex, Hours::Crypto, Hours::Xetra, Hours::Tokyo];
    for calendar in [REAL, OPEN] {
        for hours in every {
            let mut on = date(2026, 1, 1);
            let mut last_end = i64::MIN;
            while on < date(2027, 1, 1) {
                if let Some(day) = calendar.day(hours, on) {
                    for span in day.full.iter() {
                        assert!(span.start >= last_end && span.end > span.start, "{hours:?} {on}");
                        assert_eq!((span.start % 900, span.end % 900), (0, 0), "{hours:?} {on}");
                        last_end = span.end;
                    }
                    for span in &day.regular {
                        assert!(day.full.iter().any(|full| full.start <= span.start && span.end <= full.end));
                    }
                }
                on = tomorrow(on);
            }
        }
    }
}

#[test]
fn hours_texts_have_ibs_form() {
    let text = REAL.hours_text(Hours::UsStock, date(2026, 11, 25), 3, true);
    assert_eq!(text, "20261125:0930-20261125:1600;20261126:CLOSED;20261127:0930-20261127:1300");
    let text = OPEN.hours_text(Hours::UsStock, date(2026, 11, 21), 2, true);
    assert_eq!(text, "20261121:0000-20261122:0000;20261122:0000-20261123:0000");
    let text = REAL.hours_text(Hours::CmeFuture, date(2026, 11, 20), 1, false);
    assert_eq!(text, "20261119:1700-20261120:1600");
    let text = REAL.hours_text(Hours::Tokyo, date(2026, 11, 20), 1, true);
    assert_eq!(text, "20261120:0900-20261120:1130;20261120:1230-20261120:1530");
}

#[test]
fn the_latest_day_has_begun() {
    // Saturday noon in New York: Friday's session is the latest.
    let noon: jiff::Timestamp = "2026-11-21T12:00:00-05:00".parse().unwrap();
    assert_eq!(REAL.latest(Hours::UsStock, noon.as_second()).unwrap().date, date(2026, 11, 20));
    assert_eq!(OPEN.latest(Hours::UsStock, noon.as_second()).unwrap().date, date(2026, 11, 21));
    // Sunday evening already belongs to Monday's futures.
    let sunday: jiff::Timestamp = "2026-11-22T18:00:00-06:00".parse().unwrap();
    assert_eq!(REAL.latest(Hours::CmeFuture, sunday.as_second()).unwrap().date, date(2026, 11, 23));
}

/// What is kept of an earlier question is never the answer to another.
#[test]
fn hours_are_told_for_what_was_asked() {
    let (real, open) = (Calendar { always_open: false }, Calendar { always_open: true });
    let from = date(2026, 11, 20);
    for _ in 0..2 {
        assert!(real.hours_text(Hours::UsStock, from, 2, true).starts_with("20261120:0930-"));
        assert!(real.hours_text(Hours::UsStock, from, 2, false).starts_with("20261120:0400-"));
        assert!(open.hours_text(Hours::UsStock, from, 2, true).starts_with("20261120:0000-"));
        for offset in 0..40 {
            let on = add(from, offset.days());
            assert!(real.hours_text(Hours::UsOption, on, 1, true).starts_with(&on.strftime("%Y%m%d").to_string()));
        }
    }
}
