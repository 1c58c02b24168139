//! What holds whatever comes: any order of facts, commands, failures and times.

use proptest::prelude::*;

use super::super::*;
use super::run::{ALL, MINUTE, Run, SATURDAY, SECOND, TUESDAY, log};
use crate::logs::{Conflict, LogState, Marker};

#[derive(Debug, Clone)]
enum Step {
    Tell(Event),
    Runs,
    Exits(u8),
    Logout(Option<u32>),
    Login,
    Reconnect(bool),
    EnsureReady(u64),
    Pass(u64),
    /// The process ends and a new one loads what was saved.
    Crash,
    SetClock(i64),
}

fn logs() -> impl Strategy<Value = Option<LogState>> {
    let markers = prop::sample::select(vec![
        Marker::Silent,
        Marker::Launched,
        Marker::LogIn { attempt: 1 },
        Marker::SecondFactor,
        Marker::LoggedIn,
        Marker::Closing,
        Marker::Exited { code: 0 },
        Marker::Restarting,
        Marker::Paused,
        Marker::Finished,
    ]);
    let conflicts = prop_oneof![4 => Just(None), 1 => Just(Some(Conflict::Open)), 1 => Just(Some(Conflict::Yielded))];
    let failures = prop_oneof![12 => Just(0_u32), 1 => Just(1)];
    let some = (markers, 0_u32..3, conflicts, failures.clone(), failures, any::<bool>()).prop_map(
        |(marker, launches, conflict, failed_log_ins, lockouts, two_factor_asked)| {
            Some(LogState { launches, conflict, failed_log_ins, lockouts, two_factor_asked, ..log(marker) })
        },
    );
    prop_oneof![1 => Just(None), 9 => some]
}

fn facts() -> impl Strategy<Value = Event> {
    prop_oneof![
        prop::sample::select(vec![Engine::Reachable, Engine::Reachable, Engine::Lost, Engine::Unknown]).prop_map(Event::Engine),
        prop::sample::select(vec![Container::Unknown, Container::Missing, Container::Paused]).prop_map(Event::Container),
        logs().prop_map(Event::Log),
        logs().prop_map(Event::Log),
        prop::sample::select(vec![
            Api::Unknown,
            Api::Closed,
            Api::Silent,
            Api::TooOld { server_version: 178 },
            Api::Answers { server_version: 226 }
        ])
        .prop_map(Event::Api),
        prop::sample::select(vec![Session::Unknown, Session::Open, Session::IdInUse, Session::Failed]).prop_map(Event::Session),
        Just(Event::UpstreamLost),
        any::<bool>().prop_map(|data_lost| Event::UpstreamRestored { data_lost }),
        prop::sample::select(vec![Fleet::Unknown, Fleet::Absent, Fleet::Working, Fleet::Down, Fleet::Down]).prop_map(Event::Fleet),
        prop::sample::select(vec![Deed::Start, Deed::CloseGateway, Deed::StopContainer, Deed::SoftRestart, Deed::ReconnectAccount])
            .prop_map(|deed| Event::Failed(deed, "refused".to_owned())),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => facts().prop_map(Step::Tell),
        6 => Just(Step::Runs),
        6 => prop::sample::select(vec![0, 1, 77, 87, 137, 143]).prop_map(Step::Exits),
        2 => prop::option::of(1_u32..120).prop_map(Step::Logout),
        2 => Just(Step::Login),
        2 => any::<bool>().prop_map(Step::Reconnect),
        2 => (1_u64..300).prop_map(|s| Step::EnsureReady(s * SECOND)),
        8 => prop::sample::select(vec![1, 20, 61, 301, 1_801]).prop_map(|s| Step::Pass(s * SECOND)),
        1 => Just(Step::Crash),
        1 => prop::sample::select(vec![-3_600, 3_600]).prop_map(Step::SetClock),
    ];
    prop::collection::vec(step, 1..80)
}

/// Takes a step; a policy that was started as often as it says is returned with what it did.
fn take(run: &mut Run, step: &Step, means: Means) {
    match step {
        Step::Tell(event) => drop_ref(run.step(event.clone())),
        Step::Runs => drop_ref(run.runs()),
        Step::Exits(code) => drop_ref(run.exits(*code)),
        Step::Logout(minutes) => drop_ref(run.logout(*minutes)),
        Step::Login => drop_ref(run.login()),
        Step::Reconnect(hard) => drop_ref(run.reconnect(*hard)),
        Step::EnsureReady(timeout_ms) => drop_ref(run.ensure_ready(*timeout_ms)),
        Step::Pass(ms) => drop_ref(run.pass(*ms)),
        Step::Crash => {
            let text = run.policy.saved().save();
            let saved = Saved::load(&text).expect("what was saved is loaded");
            run.crash(means, saved);
        }
        Step::SetClock(seconds) => {
            run.now.at = run.now.at.checked_add(jiff::SignedDuration::from_secs(*seconds)).expect("time");
            run.step(Event::Tick);
        }
    }
}

fn drop_ref(_: &mut Run) {}

/// States in which nothing has to happen by itself: all is well, or somebody else has to do something.
fn may_rest(run: &Run) -> bool {
    let facts = run.policy.facts();
    match run.state() {
        State::Connected | State::LoggedOut | State::Halted | State::SessionConflict | State::Stopped | State::Paused => true,
        State::DockerUnreachable => true,
        // Facts that are not known yet: the probes bring them.
        State::ApiWait => !matches!(facts.api, Api::Closed | Api::Silent),
        State::ApiReady => facts.session != Session::Failed || matches!(facts.api, Api::TooOld { .. }),
        _ => facts.container == Container::Unknown || facts.engine == Engine::Unknown,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_starts_while_wanted_down_and_logged_out_stays_so(steps in steps(), yielding in any::<bool>()) {
        let means = Means { yielding, ..ALL };
        let mut run = Run::with(means, None, TUESDAY);
        run.step(Event::Engine(Engine::Reachable));
        // Whether a login, or the end of the minutes, has come since the last logout.
        let mut down_for_good = false;
        for step in &steps {
            run.take();
            take(&mut run, step, means);
            match step {
                Step::Logout(minutes) => down_for_good = minutes.is_none() || !yielding,
                Step::Login => down_for_good = false,
                _ => {}
            }
            if down_for_good {
                prop_assert!(!run.policy.saved().wanted.is_up());
                prop_assert_eq!(run.starts(), 0);
                prop_assert_eq!(run.count(|action| matches!(action, Action::SoftRestart | Action::ReconnectAccount)), 0);
            }
            if run.starts() > 0 {
                prop_assert!(run.policy.saved().wanted.is_up());
            }
        }
    }

    #[test]
    fn starts_stay_within_the_budget(steps in steps(), saturday in any::<bool>()) {
        let mut run = Run::with(ALL, None, if saturday { SATURDAY } else { TUESDAY });
        run.step(Event::Engine(Engine::Reachable));
        let mut by_itself = 0;
        for step in &steps {
            if matches!(step, Step::Login | Step::Reconnect(_)) {
                // What a person says begins the count anew.
                by_itself = run.started.len();
            }
            take(&mut run, step, ALL);
            for (index, (end_ms, _)) in run.started.iter().enumerate() {
                let before = |from: usize, ms: u64, automatic: bool| {
                    let span = run.started.iter().take(index + 1).skip(from);
                    span.filter(|(at_ms, by_itself)| end_ms - at_ms < ms && (*by_itself || !automatic)).count()
                };
                prop_assert!(before(by_itself, 30 * MINUTE, true) <= AUTOMATIC_SHORT_MAX);
                prop_assert!(before(by_itself, 24 * 60 * MINUTE, true) <= AUTOMATIC_LONG_MAX);
                prop_assert!(before(0, 30 * MINUTE, false) <= ALL_SHORT_MAX);
                prop_assert!(before(0, 24 * 60 * MINUTE, false) <= ALL_LONG_MAX);
            }
        }
    }

    #[test]
    fn every_wait_ends(steps in steps()) {
        let mut run = Run::with(ALL, None, TUESDAY);
        run.step(Event::Engine(Engine::Reachable));
        let mut waiting = 0_i64;
        for step in &steps {
            run.take();
            take(&mut run, step, ALL);
            if matches!(step, Step::Crash) {
                // Its callers lost their connection with it.
                waiting = 0;
            }
            if matches!(step, Step::Logout(_) | Step::Login | Step::Reconnect(_) | Step::EnsureReady(_)) {
                waiting += 1;
            }
            waiting -= i64::try_from(run.answers().len()).expect("answers");
            prop_assert!(waiting >= 0, "an answer that nobody waits for");
            prop_assert!(run.policy.wake_at().is_some() || may_rest(&run), "{:?} waits for nothing: {:?}", run.state(), run.policy);
            prop_assert!(run.policy.wake_at().is_none_or(|wake_ms| wake_ms > run.now.uptime_ms), "woken for nothing: {:?}", run.policy);
        }
        // Nothing comes any more: each caller has its answer in time.
        run.take();
        run.pass(10 * MINUTE);
        waiting -= i64::try_from(run.answers().len()).expect("answers");
        prop_assert_eq!(waiting, 0);
    }

    #[test]
    fn a_fact_told_again_does_nothing(steps in steps()) {
        let mut run = Run::with(ALL, None, TUESDAY);
        run.step(Event::Engine(Engine::Reachable));
        for step in &steps {
            take(&mut run, step, ALL);
            let facts = run.policy.facts().clone();
            run.take();
            let state = run.state();
            run.step(Event::Container(facts.container)).step(Event::Log(facts.log)).step(Event::Api(facts.api)).step(Event::Session(facts.session));
            prop_assert_eq!(run.state(), state);
            prop_assert!(run.out.is_empty(), "{:?}", run.out);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_gateway_that_never_reacts_is_left_alone_in_the_end(steps in steps(), fleet_down in any::<bool>()) {
        let mut run = Run::with(ALL, None, TUESDAY);
        run.step(Event::Engine(Engine::Reachable));
        for step in &steps {
            take(&mut run, step, ALL);
        }
        if fleet_down {
            run.fleet_down();
        }
        // The longest way there: all rungs, all holds, the budget of a day.
        run.pass(40 * 60 * MINUTE).take();
        run.pass(24 * 60 * MINUTE);
        let acts = |action: &Action| !matches!(action, Action::Notify(_) | Action::Save(_) | Action::Changed { .. });
        prop_assert_eq!(run.count(acts), 0, "{:?} {:?}", run.state(), run.out);
    }
}
