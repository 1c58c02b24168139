use proptest::prelude::*;

use super::*;
use crate::clock::instant;

const SECOND: Duration = Duration::from_secs(1);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Sends so many that all want to at once; tells when they go.
fn sent(window: &mut Window, start: Instant, count: usize) -> Vec<Duration> {
    let (mut now, mut queued) = (start, false);
    let one = |_| {
        while let Err(due) = window.send(now, queued) {
            // The first who must wait looks again, as one that is queued.
            (now, queued) = if queued { (due, true) } else { (now, true) };
        }
        (now - start).as_millis()
    };
    (0..count).map(one).map(|at| ms(u64::try_from(at).expect("small"))).collect()
}

#[test]
fn a_rate_is_its_ceiling_in_a_span() {
    for (per_s, most, span_ms) in
        [(45.0, 45, 1_050), (12.0, 12, 1_050), (1.0, 1, 1_050), (0.7, 1, 1_500), (2.8, 3, 1_125), (0.1, 1, 10_500)]
    {
        let window = Window::new(per_s);
        assert_eq!((window.most(), window.span().as_millis()), (most, span_ms), "{per_s}");
    }
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!((sane(bad) - PER_S_MIN).abs() < f64::EPSILON);
    }
    assert_eq!(Window::new(1e9).most(), LOG_MAX, "no more than are remembered");
}

#[test]
fn a_burst_goes_at_once_and_who_waits_goes_evenly_from_a_span_later_on() {
    let start = instant();
    let mut window = Window::new(3.0);
    assert_eq!(sent(&mut window, start, 7), [ms(0), ms(0), ms(0), ms(1_050), ms(1_383), ms(1_716), ms(2_100)]);
    let mut slow = Window::new(0.7);
    assert_eq!(sent(&mut slow, start, 3), [ms(0), ms(1_500), ms(3_000)]);
}

#[test]
fn a_new_rate_counts_what_was_sent_at_the_old_one() {
    let start = instant();
    let mut window = Window::new(10.0);
    sent(&mut window, start, 6);
    window.set_per_s(4.0);
    assert_eq!(window.send(start, true), Err(start + ms(1_050)));
    window.set_per_s(0.1);
    assert_eq!(window.send(start, true), Err(start + ms(10_500)));
    window.set_per_s(10.0);
    assert_eq!((window.free(start), window.free(start + ms(1_050))), (4, 10));
}

#[test]
fn what_went_out_unasked_is_counted() {
    let start = instant();
    let mut window = Window::new(2.0);
    (0..3).for_each(|_| window.charge(start + ms(500)));
    assert_eq!(window.send(start + ms(600), true), Err(start + ms(1_550)));
    (0..10 * LOG_MAX).for_each(|_| window.charge(start + ms(700)));
    assert_eq!(window.log.len(), LOG_MAX);
}

#[test]
fn a_pause_holds_everything_back_and_a_shorter_one_changes_nothing() {
    let start = instant();
    let mut window = Window::new(10.0);
    window.borrow(start, 5);
    window.pause(start + ms(300));
    window.pause(start + ms(100));
    assert_eq!((window.send(start, false), window.free(start), window.lend(start, 3)), (Err(start + ms(300)), 0, 0));
    assert_eq!((window.wait(start, 0), window.wait(start, 1)), (ms(300), ms(400)));
    assert_eq!((window.free(start + ms(300)), window.free(start + BORROWED_FOR)), (15, 10));
}

#[test]
fn an_eighth_is_kept_and_what_is_lent_is_gone_until_it_cannot_be_used_any_more() {
    let start = instant();
    for (per_s, sent_before, wanted, lent) in [
        (40.0, 0, 50, 35),
        (12.0, 0, 50, 11),
        (12.0, 0, 4, 4),
        (12.0, 8, 50, 3),
        (12.0, 11, 50, 0),
        (12.0, 12, 1, 0),
        (1.0, 0, 1, 0),
        (2.0, 0, 5, 1),
        (0.7, 0, 1, 0),
    ] {
        let mut window = Window::new(per_s);
        sent(&mut window, start, sent_before);
        assert_eq!(window.lend(start, wanted), lent, "{per_s} {sent_before} {wanted}");
        assert_eq!(window.free(start), window.most() - sent_before - lent);
    }
    let mut window = Window::new(12.0);
    assert_eq!((window.lend(start, 9), window.lend(start, 9), window.free(start)), (9, 2, 1));
    let back = LENT_FOR + ms(1_050);
    assert_eq!((window.free(start + back - ms(1)), window.free(start + back)), (1, 12));
}

#[test]
fn what_is_borrowed_is_used_after_our_own_in_its_time_and_once() {
    let start = instant();
    let mut window = Window::new(2.0);
    window.borrow(start, 2);
    assert_eq!(window.free(start), 4);
    assert_eq!(sent(&mut window, start, 5), [ms(0), ms(0), ms(0), ms(0), ms(1_050)]);
    window.borrow(start + ms(1_100), 2);
    assert_eq!(window.free(start + ms(1_499)), 2 + 1);
    assert_eq!(window.free(start + ms(1_500)), 2 - 1);
    let mut full = Window::new(2.0);
    full.borrow(start, 30);
    full.borrow(start, 30);
    assert_eq!(full.free(start), 2 + BORROWED_MAX);
}

#[test]
fn a_wait_is_told_for_each_place_in_the_queue() {
    let start = instant();
    for per_s in [0.7, 1.0, 2.8, 12.0, 45.0] {
        for borrowed in [0, 3] {
            let mut window = Window::new(per_s);
            window.charge(start);
            let now = start + ms(300);
            while window.send(now, false).is_ok() {}
            window.borrow(now, borrowed);
            let told = (0..100).map(|ahead| window.wait(now, ahead).as_millis());
            let told: Vec<Duration> = told.map(|wait| ms(u64::try_from(wait).expect("small"))).collect();
            assert_eq!(sent(&mut window, now, 100), told, "{per_s} {borrowed}");
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Send,
    Lend(usize),
    Borrow(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Send),
        1 => (0_usize..60).prop_map(Step::Lend),
        1 => (0_usize..10).prop_map(Step::Borrow),
        2 => (0_u64..1_500).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn no_second_holds_more_than_the_rate_and_what_was_borrowed(per_s in 0.1_f64..50.0, steps in prop::collection::vec(step(), 1..300)) {
        let mut window = Window::new(per_s);
        let most = window.most();
        let mut now = instant();
        // When each went out; a lent one at each end of the time in which it can.
        let (mut own, mut lent, mut extra, mut loans) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Pass(time) => now += ms(time),
                Step::Borrow(count) => {
                    window.borrow(now, count);
                    loans.push((now, count));
                }
                Step::Lend(count) => lent.extend(std::iter::repeat_n(now, window.lend(now, count))),
                Step::Send => {
                    window.forget(now);
                    let borrowed = window.borrowed.len();
                    match window.send(now, false) {
                        Ok(()) if window.borrowed.len() < borrowed => extra.push(now),
                        Ok(()) => own.push(now),
                        Err(due) => {
                            prop_assert!(due > now);
                            now = window.send(now, true).expect_err("no sooner in the queue");
                            prop_assert!(now >= due && window.send(now, true).is_ok(), "the moment that was told is right");
                            own.push(now);
                        }
                    }
                }
            }
        }
        let within = |from: Instant, at: Instant| (from..from + SECOND).contains(&at);
        for shift in [Duration::ZERO, LENT_FOR] {
            let all: Vec<Instant> = own.iter().copied().chain(lent.iter().map(|at| *at + shift)).collect();
            for from in &all {
                prop_assert!(all.iter().filter(|at| within(*from, **at)).count() <= most);
            }
        }
        for from in &extra {
            let used = extra.iter().filter(|at| within(*from, **at)).count();
            let had: usize = loans.iter().filter(|(at, _)| *at <= *from + SECOND && *at + BORROWED_FOR > *from).map(|(_, count)| count).sum();
            prop_assert!(used <= had);
        }
    }
}
