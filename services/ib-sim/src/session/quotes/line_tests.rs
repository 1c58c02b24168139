use super::*;

fn line() -> Line {
    Line::new(7, Subject::One(1), Times::default())
}

fn price(kind: i32, price: f64, size: f64) -> Tick {
    Tick::Price { kind, price, size: Some(size), attributes: 0 }
}

fn sent(line: &mut Line, tick: Tick) -> Vec<Event> {
    let mut out = Vec::new();
    line.send(&[tick], &mut out);
    out
}

#[test]
fn only_changes_are_sent() {
    let mut line = line();
    assert!(matches!(sent(&mut line, price(BID, 10.0, 100.0))[..], [Event::TickPrice { kind: 1, .. }]));
    assert!(sent(&mut line, price(BID, 10.0, 100.0)).is_empty());
    let size = sent(&mut line, price(BID, 10.0, 200.0));
    assert!(matches!(&size[..], [Event::TickSize { kind: 0, size, .. }] if size == "200"), "{size:?}");
    assert!(matches!(sent(&mut line, price(BID, 10.01, 200.0))[..], [Event::TickPrice { .. }]));
    let text = |value: &str| Tick::Text { kind: LAST_TIMESTAMP, value: value.into() };
    assert_eq!((sent(&mut line, text("1")).len(), sent(&mut line, text("1")).len(), sent(&mut line, text("2")).len()), (1, 0, 1));
}

#[test]
fn a_snapshot_sends_each_kind_once() {
    let mut line = Line { snapshot: true, ..line() };
    assert_eq!(sent(&mut line, price(LAST, 10.0, 1.0)).len(), 1);
    assert!(sent(&mut line, price(LAST, 11.0, 1.0)).is_empty());
    assert!(!line.has_all(&[LAST, CLOSE]));
    assert_eq!(sent(&mut line, Tick::Price { kind: CLOSE, price: 9.0, size: None, attributes: 0 }).len(), 1);
    assert!(line.has_all(&[LAST, CLOSE]));
}

#[test]
fn delayed_data_has_its_own_kinds() {
    let mut line = Line { shown: Shown { delayed: true, frozen: false }, ..line() };
    let kinds = [(BID, 66), (ASK, 67), (LAST, 68), (HIGH, 72), (LOW, 73), (CLOSE, 75), (OPEN, 76)];
    for (live, delayed) in kinds {
        assert!(matches!(sent(&mut line, price(live, 1.0, 1.0))[..], [Event::TickPrice { kind, .. }] if kind == delayed));
    }
    assert!(matches!(sent(&mut line, Tick::Size { kind: VOLUME, size: 5.0 })[..], [Event::TickSize { kind: 74, .. }]));
    assert!(matches!(sent(&mut line, Tick::Text { kind: LAST_TIMESTAMP, value: "1".into() })[..], [Event::TickString { kind: 88, .. }]));
    assert!(matches!(sent(&mut line, Tick::Number { kind: HALTED, value: 0.0 })[..], [Event::TickGeneric { kind: 90, .. }]));
}

#[test]
fn the_data_type_follows_the_market() {
    let shown = |delayed, frozen| Shown { delayed, frozen };
    let table = [(shown(false, false), 1, 1), (shown(false, true), 1, 2), (shown(true, false), 3, 3), (shown(true, true), 3, 4)];
    for (shown, open, closed) in table {
        assert_eq!((shown.number(true), shown.number(false)), (open, closed));
    }
}

#[test]
fn a_snapshot_waits_for_what_its_kind_has() {
    let wanted = |kind: &str| Has::of(kind).complete(kind == "OPT", false);
    assert_eq!(wanted("STK"), [CLOSE, BID, ASK, LAST, OPEN]);
    assert_eq!(wanted("CASH"), [CLOSE, BID, ASK]);
    assert_eq!(wanted("IND"), [CLOSE, LAST, OPEN]);
    assert_eq!(wanted("OPT"), [CLOSE, BID, ASK, LAST, 10, 11, 12, 13]);
    assert!(Has::of("STK").complete(false, true).contains(&LAST_TIMESTAMP));
}
