use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

fn resets(region: Region) -> Resets {
    Resets::new(region).expect("zones")
}

/// The window's kind and its end.
fn on(region: Region, moment: &str) -> Option<(ResetKind, String)> {
    resets(region).at(at(moment)).map(|window| (window.kind, window.until.to_string()))
}

fn nightly(until: &str) -> Option<(ResetKind, String)> {
    Some((ResetKind::Nightly, until.to_owned()))
}

fn weekend(until: &str) -> Option<(ResetKind, String)> {
    Some((ResetKind::Weekend, until.to_owned()))
}

#[test]
fn each_region_has_its_nights() {
    // A Wednesday in January: New York is UTC-5, Zurich UTC+1, Hong Kong UTC+8.
    for (region, before, first, last, after, until) in [
        (
            Region::America,
            "2026-01-15T04:29:59Z",
            "2026-01-15T04:30:00Z",
            "2026-01-15T05:59:59Z",
            "2026-01-15T06:00:00Z",
            "2026-01-15T06:00:00Z",
        ),
        (
            Region::Europe,
            "2026-01-15T04:29:59Z",
            "2026-01-15T04:30:00Z",
            "2026-01-15T05:59:59Z",
            "2026-01-15T06:00:00Z",
            "2026-01-15T06:00:00Z",
        ),
        (
            Region::Asia,
            "2026-01-15T21:14:59Z",
            "2026-01-15T21:15:00Z",
            "2026-01-15T22:14:59Z",
            "2026-01-15T22:15:00Z",
            "2026-01-15T22:15:00Z",
        ),
        (
            Region::Asia,
            "2026-01-15T11:59:59Z",
            "2026-01-15T12:00:00Z",
            "2026-01-15T13:14:59Z",
            "2026-01-15T13:15:00Z",
            "2026-01-15T13:15:00Z",
        ),
    ] {
        assert_eq!((on(region, before), on(region, after)), (None, None), "{region:?}");
        assert_eq!((on(region, first), on(region, last)), (nightly(until), nightly(until)), "{region:?}");
        assert_eq!((on(Region::None, first), resets(Region::None).logins_held_until(at(first))), (None, None));
    }
}

#[test]
fn summer_time_moves_each_regions_window_on_its_own_day() {
    // New York changed on 2026-03-08, Zurich on 2026-03-29: in between they are five hours apart instead of six.
    assert_eq!(on(Region::America, "2026-03-11T03:30:00Z"), nightly("2026-03-11T05:00:00Z"));
    assert_eq!(on(Region::America, "2026-03-05T03:30:00Z"), None);
    assert_eq!(on(Region::Europe, "2026-03-11T04:30:00Z"), nightly("2026-03-11T06:00:00Z"));
    assert_eq!(on(Region::Europe, "2026-03-31T03:30:00Z"), nightly("2026-03-31T05:00:00Z"));
    assert_eq!(on(Region::Europe, "2026-03-31T05:00:00Z"), None);
    // Hong Kong has no summer time, New York's half of Asia's windows has.
    assert_eq!(on(Region::Asia, "2026-07-15T12:00:00Z"), nightly("2026-07-15T13:15:00Z"));
    assert_eq!(on(Region::Asia, "2026-07-15T20:15:00Z"), nightly("2026-07-15T21:15:00Z"));
}

#[test]
fn the_weekend_goes_from_friday_evening_to_sunday_night_in_every_region() {
    for region in [Region::America, Region::Europe, Region::Asia] {
        assert_eq!(on(region, "2026-11-21T03:44:59Z"), None, "Friday 22:44:59 in New York");
        assert_eq!(on(region, "2026-11-21T03:45:00Z"), weekend("2026-11-22T07:00:00Z"));
        assert_eq!(on(region, "2026-11-21T19:00:00Z"), weekend("2026-11-22T07:00:00Z"), "Saturday afternoon");
        assert_eq!(on(region, "2026-11-22T04:40:00Z"), weekend("2026-11-22T07:00:00Z"), "a nightly window inside it");
        assert_eq!(on(region, "2026-11-22T06:59:59Z"), weekend("2026-11-22T07:00:00Z"));
        assert_eq!(on(region, "2026-11-22T07:00:00Z"), None);
    }
}

#[test]
fn the_weekends_of_the_two_clock_changes_have_their_true_length() {
    // 2026-03-08: 02:00 does not exist, the clock goes to 03:00 EDT.
    let spring = resets(Region::America).at(at("2026-03-08T06:59:59Z")).expect("on");
    assert_eq!((spring.from, spring.until), (at("2026-03-07T03:45:00Z"), at("2026-03-08T07:00:00Z")));
    // 2026-11-01: 01:00 to 02:00 comes twice; 02:00 comes after both.
    let autumn = resets(Region::America).at(at("2026-11-01T06:30:00Z")).expect("on");
    assert_eq!((autumn.from, autumn.until), (at("2026-10-31T02:45:00Z"), at("2026-11-01T07:00:00Z")));
}

#[test]
fn log_ins_are_held_on_saturday_only_until_ibs_servers_are_back() {
    let america = resets(Region::America);
    assert_eq!(america.logins_held_until(at("2026-11-21T04:00:00Z")), Some(at("2026-11-21T08:15:00Z")));
    assert_eq!(america.logins_held_until(at("2026-11-21T19:00:00Z")), None, "Saturday afternoon");
    assert_eq!(america.logins_held_until(at("2026-11-22T04:40:00Z")), Some(at("2026-11-22T06:00:00Z")), "Saturday night");
    // The hour from 01:00 comes twice: the later end counts.
    assert_eq!(america.logins_held_until(at("2026-11-01T05:30:00Z")), Some(at("2026-11-01T06:00:00Z")));
}

#[test]
fn the_weekly_log_in_is_due_on_sunday_at_one() {
    let america = resets(Region::America);
    assert_eq!(america.next_auth_due(at("2026-11-20T15:00:00Z")), Some(at("2026-11-22T06:00:00Z")));
    assert_eq!(america.next_auth_due(at("2026-11-22T05:59:59Z")), Some(at("2026-11-22T06:00:00Z")));
    assert_eq!(america.next_auth_due(at("2026-11-22T06:00:00Z")), Some(at("2026-11-29T06:00:00Z")));
    assert_eq!(america.next_auth_due(at("2026-10-30T12:00:00Z")), Some(at("2026-11-01T05:00:00Z")), "the first of two");
    assert_eq!(america.next_auth_due(at("2026-03-04T12:00:00Z")), Some(at("2026-03-08T06:00:00Z")));
    assert_eq!(resets(Region::None).next_auth_due(at("2026-11-20T15:00:00Z")), None);
}

#[test]
fn midnight_is_new_yorks() {
    let europe = resets(Region::Europe);
    assert!(europe.around_midnight(at("2026-11-19T04:45:00Z")));
    assert!(!europe.around_midnight(at("2026-11-19T05:30:00Z")));
    assert!(!resets(Region::None).around_midnight(at("2026-11-19T04:45:00Z")));
}

#[test]
fn regions_are_read_and_others_are_named() {
    assert_eq!(
        ["america", " Europe", "ASIA", "none"].map(str::parse),
        [Ok(Region::America), Ok(Region::Europe), Ok(Region::Asia), Ok(Region::None)]
    );
    assert!("usa".parse::<Region>().unwrap_err().to_string().contains("america, europe, asia or none"));
}
