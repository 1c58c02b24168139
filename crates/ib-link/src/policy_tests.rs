use proptest::prelude::*;

use super::*;

const RHYTHM: Rhythm = Rhythm {
    check_period_ms: 30_000,
    check_stagger_ms: 2_000,
    probe_period_ms: 1_000,
    backoff_ms: [5_000, 10_000, 20_000, 40_000, 60_000],
    probe_timeout_ms: 5_000,
    open_timeout_ms: 22_000,
    check_timeout_ms: 5_000,
};

fn policy() -> Policy {
    Policy::new(ClientIds { from: ClientId(10), count: 3, start: 1 }, RHYTHM)
}

/// A policy with an open session since `now`.
fn open(now: u64) -> Policy {
    let mut policy = policy();
    policy.step(Event::Start, now);
    policy.step(Event::ProbeAnswered, now);
    policy.step(Event::Opened, now);
    policy
}

fn why(text: &str) -> String {
    text.to_owned()
}

#[test]
fn an_attempt_is_a_probe_and_then_a_session_with_the_hashed_id() {
    let mut policy = policy();
    assert_eq!(policy.step(Event::Start, 0), [Action::Probe]);
    assert_eq!(policy.step(Event::ProbeAnswered, 5), [Action::Open(ClientId(11))]);
    assert_eq!(policy.step(Event::Opened, 10), []);
    assert_eq!((policy.stage(), policy.wake_at()), (Stage::Open { since: 10, failed_checks: 0 }, Some(32_010)));
}

#[test]
fn a_gateway_that_is_down_is_probed_once_a_second_and_joined_at_the_first_answer() {
    let mut policy = policy();
    policy.step(Event::Start, 0);
    for round in 0..5 {
        let now = round * 1_000;
        assert_eq!(policy.step(Event::ProbeFailed(why("refused")), now), []);
        assert_eq!((policy.stage(), policy.wake_at()), (Stage::Probing { down: true, in_flight: false }, Some(now + 1_000)));
        assert_eq!(policy.step(Event::Wake, now + 1_000), [Action::Probe]);
    }
    assert_eq!((policy.consecutive_failures(), policy.reason()), (1, Some("refused")), "probes are no attempts");
    assert_eq!(policy.step(Event::ProbeAnswered, 6_000), [Action::Open(ClientId(11))]);
}

#[test]
fn a_held_link_does_nothing_and_counts_nothing_until_it_is_released() {
    let mut policy = open(0);
    assert_eq!(policy.step(Event::Hold(why("logged out by dora")), 100), [Action::Drop]);
    assert_eq!((policy.stage(), policy.wake_at()), (Stage::Held, None));
    for event in [Event::Wake, Event::Restart, Event::SocketLost(why("late")), Event::ProbeFailed(why("late")), Event::Opened] {
        assert_eq!(policy.step(event.clone(), 200), [], "{event:?}");
    }
    assert_eq!(policy.step(Event::Hold(why("logged out by otto")), 300), [], "another reason ends no session again");
    assert_eq!((policy.consecutive_failures(), policy.restart_count(), policy.reason()), (0, 0, Some("logged out by otto")));
    assert_eq!(policy.step(Event::Release, 400), [Action::Probe]);
    assert_eq!(policy.step(Event::ProbeAnswered, 500), [Action::Open(ClientId(11))]);
    assert_eq!(policy.step(Event::Release, 600), [], "what is not held is not released");
}

#[test]
fn a_hold_ends_an_attempt_as_well_as_a_wait() {
    let mut policy = policy();
    policy.step(Event::Start, 0);
    policy.step(Event::ProbeFailed(why("refused")), 0);
    assert_eq!((policy.consecutive_failures(), policy.step(Event::Hold(why("logged out")), 10)), (1, vec![Action::Drop]));
    assert_eq!(policy.consecutive_failures(), 0, "what failed before is over with it");
    assert_eq!(policy.step(Event::Close, 20), [Action::Drop]);
}

#[test]
fn that_all_ids_are_held_by_others_is_told_until_the_next_attempt() {
    let mut policy = policy();
    policy.step(Event::Start, 0);
    policy.step(Event::ProbeAnswered, 0);
    for held in [false, false, true] {
        policy.step(Event::ClientIdInUse, 0);
        assert_eq!(policy.ids_in_use(), held);
    }
    policy.step(Event::Wake, 5_000);
    policy.step(Event::ProbeAnswered, 5_000);
    assert!(!policy.ids_in_use());
}

#[test]
fn ids_that_ib_refuses_are_skipped_without_a_wait() {
    let mut policy = policy();
    policy.step(Event::Start, 0);
    assert_eq!(policy.step(Event::ProbeAnswered, 0), [Action::Open(ClientId(11))]);
    assert_eq!(policy.step(Event::ClientIdInUse, 0), [Action::Open(ClientId(12))]);
    assert_eq!(policy.step(Event::ClientIdInUse, 0), [Action::Open(ClientId(10))]);
    policy.step(Event::Opened, 0);
    assert_eq!((policy.client_id(), policy.consecutive_failures()), (ClientId(10), 0));
}

#[test]
fn all_ids_taken_is_said_with_the_range_and_tried_again() {
    let mut policy = policy();
    policy.step(Event::Start, 0);
    policy.step(Event::ProbeAnswered, 0);
    policy.step(Event::ClientIdInUse, 0);
    policy.step(Event::ClientIdInUse, 0);
    assert_eq!(policy.step(Event::ClientIdInUse, 100), [Action::Drop]);
    assert_eq!((policy.stage(), policy.wake_at()), (Stage::BackingOff { until: 5_100 }, Some(5_100)));
    assert!(policy.reason().is_some_and(|reason| reason.contains("from 10 to 12")), "{:?}", policy.reason());
    assert_eq!(policy.step(Event::Wake, 5_100), [Action::Probe]);
}

#[test]
fn failed_attempts_back_off_5_10_20_40_60_60() {
    let mut policy = policy();
    policy.step(Event::Start, 0);
    let mut now = 0;
    for (count, wait) in [5_000, 10_000, 20_000, 40_000, 60_000, 60_000].into_iter().enumerate() {
        policy.step(Event::ProbeAnswered, now);
        assert_eq!(policy.step(Event::OpenFailed(why("no accounts")), now), [Action::Drop]);
        assert_eq!(policy.wake_at(), Some(now + wait));
        assert_eq!(usize::try_from(policy.restart_count()).unwrap(), count + 1);
        now += wait;
        assert_eq!(policy.step(Event::Wake, now), [Action::Probe]);
    }
    policy.step(Event::ProbeAnswered, now);
    policy.step(Event::Opened, now);
    assert_eq!((policy.restart_count(), policy.consecutive_failures(), policy.reason()), (0, 0, None), "only a success resets");
}

#[test]
fn one_failed_check_is_forgiven_and_two_in_a_row_reconnect() {
    let mut policy = open(0);
    assert_eq!(policy.step(Event::Wake, 32_000), [Action::Check]);
    assert_eq!(policy.wake_at(), Some(42_000), "the watchdog");
    assert_eq!(policy.step(Event::CheckFailed(why("slow")), 37_000), []);
    assert_eq!((policy.consecutive_failures(), policy.wake_at()), (1, Some(67_000)));
    policy.step(Event::Wake, 67_000);
    assert_eq!(policy.step(Event::CheckPassed, 67_010), []);
    assert_eq!((policy.consecutive_failures(), policy.reason()), (0, None));
    policy.step(Event::Wake, 97_010);
    policy.step(Event::CheckFailed(why("slow")), 102_010);
    policy.step(Event::Wake, 132_010);
    assert_eq!(policy.step(Event::CheckFailed(why("slow")), 137_010), [Action::Drop, Action::Probe]);
    assert_eq!(policy.restart_count(), 1);
}

#[test]
fn a_lost_socket_reconnects_at_once_with_the_same_id() {
    let mut policy = open(0);
    assert_eq!(policy.step(Event::SocketLost(why("reset")), 60_000), [Action::Drop, Action::Probe]);
    assert_eq!(policy.step(Event::ProbeAnswered, 60_001), [Action::Open(ClientId(11))]);
}

#[test]
fn sessions_that_die_at_birth_are_not_tried_in_a_hot_loop() {
    let mut policy = open(0);
    assert_eq!(policy.step(Event::SocketLost(why("reset")), 10), [Action::Drop, Action::Probe], "once can happen");
    for wait in [5_000, 10_000, 20_000] {
        policy.step(Event::ProbeAnswered, 20);
        policy.step(Event::Opened, 20);
        assert_eq!(policy.step(Event::SocketLost(why("reset")), 30), [Action::Drop]);
        assert_eq!(policy.wake_at(), Some(30 + wait));
        assert_eq!(policy.step(Event::Wake, 30 + wait), [Action::Probe]);
    }
}

#[test]
fn a_restart_is_obeyed_in_every_stage() {
    let stages: [fn() -> Policy; 5] = [
        policy,
        || open(0),
        || {
            let mut policy = policy();
            policy.step(Event::Start, 0);
            policy.step(Event::ProbeAnswered, 0);
            policy
        },
        || {
            let mut policy = policy();
            policy.step(Event::Start, 0);
            policy.step(Event::ProbeFailed(why("refused")), 0);
            policy
        },
        || {
            let mut policy = policy();
            policy.step(Event::Start, 0);
            policy.step(Event::ProbeAnswered, 0);
            policy.step(Event::OpenFailed(why("no accounts")), 0);
            policy
        },
    ];
    for make in stages {
        let mut policy = make();
        assert_eq!(policy.step(Event::Restart, 1), [Action::Drop, Action::Probe], "{:?}", policy.stage());
    }
}

#[test]
fn losing_ibs_servers_keeps_the_session_and_lost_data_subscribe_anew_once() {
    let mut policy = open(0);
    assert_eq!(policy.step(Event::UpstreamLost, 1), []);
    assert!(policy.upstream_lost() && matches!(policy.stage(), Stage::Open { .. }));
    assert_eq!(policy.step(Event::UpstreamRestored { data_lost: false }, 2), []);
    assert!(!policy.upstream_lost());
    policy.step(Event::UpstreamLost, 3);
    assert_eq!(policy.data_losses(), 0);
    assert_eq!(policy.step(Event::UpstreamRestored { data_lost: true }, 4), [Action::Resubscribe]);
    assert_eq!(policy.data_losses(), 1);
}

#[test]
fn a_new_session_does_not_inherit_the_loss_of_the_old_one() {
    let mut policy = open(0);
    policy.step(Event::UpstreamLost, 1);
    policy.step(Event::SocketLost(why("reset")), 60_000);
    assert!(!policy.upstream_lost());
}

#[test]
fn a_closed_link_does_nothing_any_more() {
    let mut policy = open(0);
    assert_eq!(policy.step(Event::Close, 1), [Action::Drop]);
    for event in [Event::Start, Event::Wake, Event::Restart, Event::ProbeAnswered, Event::Close] {
        assert_eq!(policy.step(event, 2), []);
    }
    assert_eq!(policy.stage(), Stage::Closed);
}

#[test]
fn what_never_tells_its_outcome_counts_as_failed() {
    let probing = || {
        let mut policy = policy();
        policy.step(Event::Start, 0);
        policy
    };
    let opening = || {
        let mut policy = policy();
        policy.step(Event::Start, 0);
        policy.step(Event::ProbeAnswered, 0);
        policy
    };
    let checking = || {
        let mut policy = open(0);
        policy.step(Event::Wake, 32_000);
        policy
    };
    let twice = || {
        let mut policy = checking();
        policy.step(Event::CheckFailed(why("slow")), 37_000);
        policy.step(Event::Wake, 67_000);
        policy
    };
    let cases: [(Policy, u64, &[Action], u64); 4] = [
        (probing(), 10_000, &[Action::Drop], 11_000),
        (opening(), 27_000, &[Action::Drop], 32_000),
        (checking(), 42_000, &[], 72_000),
        (twice(), 77_000, &[Action::Drop, Action::Probe], 87_000),
    ];
    for (mut policy, watchdog, actions, next) in cases {
        let stage = policy.stage();
        assert_eq!(policy.wake_at(), Some(watchdog), "{stage:?}");
        let before = policy.consecutive_failures();
        assert_eq!(policy.step(Event::Wake, watchdog), actions, "{stage:?}");
        assert_eq!((policy.consecutive_failures(), policy.wake_at()), (before + 1, Some(next)), "{stage:?}");
        assert!(policy.reason().is_some_and(|reason| reason.contains("without an outcome")), "{:?}", policy.reason());
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Wake),
        Just(Event::ProbeAnswered),
        Just(Event::ProbeFailed(why("p"))),
        Just(Event::Opened),
        Just(Event::ClientIdInUse),
        Just(Event::OpenFailed(why("o"))),
        Just(Event::CheckPassed),
        Just(Event::CheckFailed(why("c"))),
        Just(Event::SocketLost(why("s"))),
        Just(Event::UpstreamLost),
        Just(Event::UpstreamRestored { data_lost: true }),
        Just(Event::Restart),
        Just(Event::Hold(why("h"))),
        Just(Event::Release),
    ]
}

proptest! {
    /// Whatever happens, a timer is always set: what is under way may never tell its outcome.
    #[test]
    fn the_machine_never_stops(events in prop::collection::vec((any_event(), 0_u64..40_000), 1..60)) {
        let mut policy = policy();
        let mut now = 0;
        policy.step(Event::Start, now);
        for (event, pause) in events {
            now += pause;
            policy.step(event.clone(), now);
            prop_assert!(policy.wake_at().is_some() || policy.stage() == Stage::Held, "{:?} after {:?}", policy.stage(), event);
            if event == Event::Wake {
                prop_assert!(policy.wake_at().is_none_or(|at| at > now), "a timer that is due again at once is a hot loop");
            }
        }
    }

    /// At most one attempt in any 5 seconds once sessions keep failing or dying.
    #[test]
    fn attempts_are_never_hot(lives in prop::collection::vec(any::<bool>(), 5..40)) {
        let mut policy = policy();
        let mut now = 0;
        policy.step(Event::Start, now);
        for (round, opens) in lives.into_iter().enumerate() {
            policy.step(Event::ProbeAnswered, now);
            if opens {
                policy.step(Event::Opened, now);
                policy.step(Event::SocketLost(why("s")), now + 1);
            } else {
                policy.step(Event::OpenFailed(why("o")), now + 1);
            }
            if let Stage::BackingOff { until } = policy.stage() {
                prop_assert!(until >= now + 5_000);
                now = until;
                policy.step(Event::Wake, now);
            } else {
                prop_assert!(round == 0 || policy.short_lives <= 1);
            }
        }
    }
}
