use std::time::Duration;

use schemas::health::{Heartbeat, IbNoticeKind, IbSession, State as Doing};
use tokio::time::Instant;

use super::*;

fn state(phase: Phase) -> State {
    State {
        phase,
        client_id: Some(ClientId(90)),
        server_version: Some(220),
        accounts: vec!["DU1234910".to_owned(), "F1".to_owned()],
        ..State::starting()
    }
}

fn backing_off(ids_in_use: bool) -> State {
    State { ids_in_use, reason: Some("why".to_owned()), ..state(Phase::BackingOff { until: Instant::now() }) }
}

#[test]
fn a_session_is_told_once_and_its_end_too() {
    let mut follower = Follower::default();
    let open = state(Phase::Connected);
    assert_eq!(follower.hear(&state(Phase::Probing)), []);
    assert_eq!(follower.hear(&open), [Event::Api(Api::Answers { server_version: 220 }), Event::Session(Session::Open)]);
    assert_eq!(follower.hear(&open), []);
    assert_eq!(follower.hear(&state(Phase::Connecting)), [Event::Session(Session::Unknown)], "the old session is over");
}

#[test]
fn an_attempt_under_way_does_not_change_how_the_last_one_ended() {
    let mut follower = Follower::default();
    assert_eq!(follower.hear(&backing_off(true)), [Event::Session(Session::IdInUse)]);
    assert_eq!(follower.hear(&state(Phase::Connecting)), []);
    assert_eq!(follower.hear(&backing_off(false)), [Event::Session(Session::Failed)]);
    assert_eq!(follower.hear(&state(Phase::Held)), [Event::Session(Session::Unknown)]);
}

#[test]
fn the_upstream_is_told_as_it_goes_and_comes_with_what_was_lost() {
    let mut follower = Follower::default();
    let open = state(Phase::Connected);
    let lost = State { upstream_lost: true, ..open.clone() };
    follower.hear(&open);
    assert_eq!(follower.hear(&lost), [Event::UpstreamLost]);
    assert_eq!(follower.hear(&lost), []);
    assert_eq!(follower.hear(&open), [Event::UpstreamRestored { data_lost: false }]);
    follower.hear(&lost);
    let anew = State { data_losses: 1, ..open.clone() };
    assert_eq!(follower.hear(&anew), [Event::UpstreamRestored { data_lost: true }]);
    // Gone and lost again between two looks.
    let again = State { data_losses: 2, ..lost };
    assert_eq!(follower.hear(&again), [Event::UpstreamRestored { data_lost: true }, Event::UpstreamLost]);
    follower.hear(&state(Phase::Probing));
    let fresh = State { data_losses: 2, ..open };
    assert_eq!(follower.hear(&fresh).len(), 2, "a new session inherits no loss");
}

#[test]
fn accounts_are_masked() {
    assert_eq!((masked("DU1234910"), masked("F1"), masked("")), ("DU***910".to_owned(), "F***".to_owned(), "***".to_owned()));
    assert_eq!(
        seen_of(&state(Phase::Connected)),
        SessionSeen::Open { client_id: 90, accounts: vec!["DU***910".to_owned(), "F***".to_owned()] }
    );
    assert_eq!(seen_of(&backing_off(true)), SessionSeen::IdInUse { client_ids: (90..98).collect() });
    assert_eq!(seen_of(&backing_off(false)), SessionSeen::Failed("why".to_owned()));
    assert_eq!(seen_of(&state(Phase::Probing)), SessionSeen::NotAsked);
}

fn seen(service: &str, session: Option<(bool, bool)>, age: Duration) -> Seen {
    let ib = session.map(|(connected, upstream_lost)| IbSession {
        connected,
        host: "h".to_owned(),
        port: 1,
        client_id: None,
        server_version: None,
        mode: None,
        consecutive_failures: 0,
        restart_count: 0,
        upstream_lost,
        reason: None,
        notices: Vec::new(),
    });
    let beat = Heartbeat {
        service: service.to_owned(),
        id: service.to_owned(),
        version: String::new(),
        pid: 1,
        state: Doing::Ready,
        sequence: 1,
        started_at: jiff::Timestamp::UNIX_EPOCH,
        in_flight: 0,
        slots: 1,
        operations: Vec::new(),
        ib,
        gateway: None,
    };
    Seen { beat, age }
}

#[test]
fn the_fleet_is_those_with_a_session_for_others() {
    let (young, old) = (Duration::ZERO, Duration::from_secs(20));
    let up = Some((true, false));
    for (seen, fleet) in [
        (vec![], Fleet::Absent),
        (vec![seen("edge", None, young), seen("gateway-ctl", up, young)], Fleet::Absent),
        (vec![seen("ib-worker", up, old)], Fleet::Absent),
        (vec![seen("ib-worker", Some((false, false)), young)], Fleet::Down),
        (vec![seen("ib-worker", Some((true, true)), young)], Fleet::Down),
        (vec![seen("ib-worker", Some((false, false)), young), seen("options", up, young)], Fleet::Working),
    ] {
        assert_eq!(fleet_of(&seen).0, fleet, "{seen:?}");
    }
}

#[test]
fn what_ib_told_lately_of_the_login_is_gathered_from_who_lives_and_is_connected() {
    let at = |minute: i64| Timestamp::from_second(minute * 60).expect("time");
    let notice = |about, minute| IbNotice { about, code: 1, message: String::new(), at: at(minute) };
    let told = |connected, age, minute| {
        let mut seen = seen("ib-worker", Some((connected, false)), age);
        seen.beat.ib.as_mut().expect("a session").notices = vec![notice(IbNoticeKind::CompetingSession, minute)];
        seen
    };
    let own = || vec![notice(IbNoticeKind::ReadOnly, 20)];
    let (young, old) = (Duration::ZERO, Duration::from_secs(20));
    for (seen, own, found) in [
        (vec![], vec![], 0),
        (vec![told(true, young, 20)], own(), 2),
        (vec![told(true, old, 20), told(false, young, 20)], own(), 1),
        (vec![told(true, young, 15)], vec![], 0),
        (vec![told(true, young, 16)], vec![], 1),
    ] {
        assert_eq!(notices_of(&seen, own, at(30)).len(), found, "{seen:?}");
    }
}
