//! IB's names of time zones to IANA's.

use std::sync::Once;

/// Names that IB or its gateway's host writes and IANA does not know, or knows only as a link to another name.
/// Several of a gateway's abbreviations name a zone with summer time: IB sends the one in force on the day.
const NAMES: &[(&str, &str)] = &[
    ("US/Eastern", "America/New_York"),
    ("EST5EDT", "America/New_York"),
    ("EST", "America/New_York"),
    ("EDT", "America/New_York"),
    ("Eastern Standard Time", "America/New_York"),
    ("US/Central", "America/Chicago"),
    ("CST6CDT", "America/Chicago"),
    ("CST", "America/Chicago"),
    ("CDT", "America/Chicago"),
    ("Central Standard Time", "America/Chicago"),
    ("US/Mountain", "America/Denver"),
    ("MST", "America/Denver"),
    ("MDT", "America/Denver"),
    ("Mountain Standard Time", "America/Denver"),
    ("US/Pacific", "America/Los_Angeles"),
    ("PST", "America/Los_Angeles"),
    ("PDT", "America/Los_Angeles"),
    ("Pacific Standard Time", "America/Los_Angeles"),
    ("US/Hawaii", "Pacific/Honolulu"),
    ("Canada/Eastern", "America/Toronto"),
    ("MET", "Europe/Berlin"),
    ("MEST", "Europe/Berlin"),
    ("CET", "Europe/Berlin"),
    ("CEST", "Europe/Berlin"),
    ("W. Europe Standard Time", "Europe/Berlin"),
    ("Central Europe Standard Time", "Europe/Budapest"),
    ("Central European Standard Time", "Europe/Warsaw"),
    ("Central European Summer Time", "Europe/Warsaw"),
    ("Romance Standard Time", "Europe/Paris"),
    ("EET", "Europe/Athens"),
    ("EEST", "Europe/Athens"),
    ("E. Europe Standard Time", "Europe/Bucharest"),
    ("Eastern European Standard Time", "Europe/Athens"),
    ("Eastern European Summer Time", "Europe/Athens"),
    ("FLE Standard Time", "Europe/Helsinki"),
    ("GTB Standard Time", "Europe/Athens"),
    ("WET", "Europe/Lisbon"),
    ("GB", "Europe/London"),
    ("GB-Eire", "Europe/London"),
    ("BST", "Europe/London"),
    ("British Summer Time", "Europe/London"),
    ("GMT Standard Time", "Europe/London"),
    ("Greenwich Mean Time", "Europe/London"),
    ("MSK", "Europe/Moscow"),
    ("Russian Standard Time", "Europe/Moscow"),
    ("Turkey", "Europe/Istanbul"),
    ("Israel", "Asia/Jerusalem"),
    ("Israel Standard Time", "Asia/Jerusalem"),
    ("IST", "Asia/Kolkata"),
    ("Asia/Calcutta", "Asia/Kolkata"),
    ("India Standard Time", "Asia/Kolkata"),
    ("SGT", "Asia/Singapore"),
    ("Singapore", "Asia/Singapore"),
    ("Singapore Standard Time", "Asia/Singapore"),
    ("HKT", "Asia/Hong_Kong"),
    ("Hongkong", "Asia/Hong_Kong"),
    ("PRC", "Asia/Shanghai"),
    ("China Standard Time", "Asia/Shanghai"),
    ("中国标准时间", "Asia/Shanghai"),
    ("北京时间", "Asia/Shanghai"),
    ("JST", "Asia/Tokyo"),
    ("Japan", "Asia/Tokyo"),
    ("Tokyo Standard Time", "Asia/Tokyo"),
    ("Japan Standard Time", "Asia/Tokyo"),
    ("KST", "Asia/Seoul"),
    ("ROK", "Asia/Seoul"),
    ("Korea Standard Time", "Asia/Seoul"),
    ("AEST", "Australia/Sydney"),
    ("AEDT", "Australia/Sydney"),
    ("Australia/NSW", "Australia/Sydney"),
    ("Australia/ACT", "Australia/Sydney"),
    ("AUS Eastern Standard Time", "Australia/Sydney"),
    ("NZ", "Pacific/Auckland"),
    ("New Zealand Standard Time", "Pacific/Auckland"),
    ("BRT", "America/Sao_Paulo"),
    ("Brasilia Standard Time", "America/Sao_Paulo"),
    ("E. South America Standard Time", "America/Sao_Paulo"),
    ("GMT", "Etc/UTC"),
    ("UTC", "Etc/UTC"),
    ("Coordinated Universal Time", "Etc/UTC"),
    ("Etc/GMT", "Etc/UTC"),
];

/// The IANA name of one of IB's zone names; `None` when nobody knows it.
pub fn iana_zone(name: &str) -> Option<String> {
    let name = name.trim();
    if let Some((_, iana)) = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Some((*iana).to_owned());
    }
    let zone = jiff::tz::TimeZone::get(name).ok()?;
    zone.iana_name().map(str::to_owned)
}

/// Teaches `ibapi` the same names: a zone that it does not know makes it drop a whole answer of bars, whose end frame
/// names one.
pub(crate) fn register_aliases() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (name, iana) in NAMES {
            ibapi::register_timezone_alias(*name, *iana);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_of_the_table_exists() {
        for (name, iana) in NAMES {
            assert!(jiff::tz::TimeZone::get(iana).is_ok(), "{name} -> {iana}");
        }
    }

    #[test]
    fn the_names_of_real_gateways_and_instruments_are_known() {
        for (name, iana) in [
            ("US/Eastern", "America/New_York"),
            ("US/Central", "America/Chicago"),
            ("MET", "Europe/Berlin"),
            ("Central European Standard Time", "Europe/Warsaw"),
            ("Japan", "Asia/Tokyo"),
            ("GB-Eire", "Europe/London"),
            ("Asia/Hong_Kong", "Asia/Hong_Kong"),
            (" Europe/Zurich ", "Europe/Zurich"),
        ] {
            assert_eq!(iana_zone(name).as_deref(), Some(iana), "{name}");
        }
        assert_eq!(iana_zone("Mars/Olympus"), None);
        assert_eq!(iana_zone(""), None);
    }
}
