use proptest::prelude::*;

use super::*;

fn params() -> ChainParams {
    ChainParams::default()
}

fn num(value: f64) -> Option<Num> {
    Num::from_ib(value)
}

fn nums(values: impl IntoIterator<Item = i64>) -> Vec<Num> {
    values.into_iter().map(Num::from).collect()
}

fn window(change: impl FnOnce(&mut ChainParams)) -> Window {
    let mut params = params();
    change(&mut params);
    Window::of(&params).expect("a window")
}

/// `100C` and so on.
fn names(contracts: &[Wanted]) -> Vec<String> {
    contracts.iter().map(|wanted| format!("{}{}", wanted.strike, wanted.right.as_str())).collect()
}

fn strikes_of(contracts: &[Wanted]) -> Vec<Num> {
    let mut strikes: Vec<Num> = contracts.iter().map(|wanted| wanted.strike).collect();
    strikes.sort_unstable();
    strikes.dedup();
    strikes
}

#[test]
fn nothing_sent_is_the_default_window() {
    let default = window(|_| ());
    let expected =
        Window { by: By::Moneyness(0.10), right: None, min_strike: None, max_strike: None, limit: 40, offset: 0, max_age_ms: 2_000 };
    assert_eq!(default, expected);
}

#[test]
fn one_name_of_a_window_and_bounds_beside_it() {
    assert_eq!(window(|p| p.min_strike = num(90.0)).by, By::Bounds);
    assert_eq!(window(|p| p.max_strike = num(90.0)).by, By::Bounds);
    let both = window(|p| (p.moneyness, p.min_strike, p.max_strike) = (Some(10.0), num(90.0), num(90.0)));
    assert_eq!((both.by, both.min_strike, both.max_strike), (By::Moneyness(10.0), num(90.0), num(90.0)));
    assert_eq!(window(|p| (p.strikes, p.min_strike) = (Some(100), num(0.5))).by, By::EachSide(100));
    assert_eq!(window(|p| p.strikes = Some(1)).by, By::EachSide(1));
    assert_eq!(window(|p| p.delta_min = Some(0.2)).by, By::Deltas(DeltaRange { min: 0.2, max: 1.0 }));
    assert_eq!(window(|p| p.delta_max = Some(0.2)).by, By::Deltas(DeltaRange { min: 0.0, max: 0.2 }));
    assert_eq!(window(|p| (p.delta_min, p.delta_max) = (Some(0.3), Some(0.3))).by, By::Deltas(DeltaRange { min: 0.3, max: 0.3 }));
    let page = window(|p| (p.limit, p.offset, p.max_age_ms, p.right) = (Some(200), Some(7), Some(60_000), Some("put".to_owned())));
    assert_eq!((page.limit, page.offset, page.max_age_ms, page.right), (200, 7, 60_000, Some(Right::Put)));
    assert_eq!(window(|p| (p.limit, p.max_age_ms) = (Some(1), Some(0))).max_age_ms, 0);
}

/// What is sent, the field of the fault, a part of its message, a part of its hint.
type Refusal = (fn(&mut ChainParams), &'static str, &'static str, &'static str);

#[test]
fn every_refusal_names_field_rule_and_next_step() {
    let refusals: &[Refusal] = &[
        (|p| (p.moneyness, p.strikes) = (Some(0.1), Some(5)), "moneyness", "moneyness, strikes are sent together", "Keep one"),
        (|p| (p.strikes, p.delta_max) = (Some(5), Some(0.5)), "strikes", "strikes, delta_max are sent together", "Keep one"),
        (|p| (p.moneyness, p.delta_min) = (Some(0.1), Some(0.5)), "moneyness", "one of moneyness, strikes and the deltas", "Keep one"),
        (
            |p| (p.moneyness, p.strikes, p.delta_min, p.delta_max) = (Some(0.1), Some(5), Some(0.1), Some(0.5)),
            "moneyness",
            "moneyness, strikes, delta_min, delta_max are sent together",
            "they narrow the window",
        ),
        (|p| p.moneyness = Some(0.0), "moneyness", "`moneyness` is 0.0; it is a fraction above 0 and up to 10", "0.10"),
        (|p| p.moneyness = Some(-0.1), "moneyness", "above 0", "within 10 %"),
        (|p| p.moneyness = Some(10.01), "moneyness", "up to 10", "0.10"),
        (|p| p.moneyness = Some(f64::NAN), "moneyness", "is NaN", "0.10"),
        (|p| p.moneyness = Some(f64::INFINITY), "moneyness", "is inf", "0.10"),
        (|p| p.strikes = Some(0), "strikes", "1 to 100 on each side", "Send 10"),
        (|p| p.strikes = Some(101), "strikes", "`strikes` is 101", "`min_strike` and `max_strike`"),
        (|p| p.min_strike = num(0.0), "min_strike", "greater than 0", "leave `min_strike` out"),
        (|p| p.max_strike = num(-5.0), "max_strike", "`max_strike` is -5", "leave `max_strike` out"),
        (|p| (p.min_strike, p.max_strike) = (num(110.0), num(90.0)), "min_strike", "no strike lies between", "Swap"),
        (|p| p.delta_min = Some(-0.3), "delta_min", "an absolute delta, 0 to 1", "`right`=P and `delta_min`=0.3"),
        (|p| p.delta_max = Some(-1.0), "delta_max", "`delta_max` is -1.0", "`right`=P and `delta_max`=1.0"),
        (|p| p.delta_max = Some(30.0), "delta_max", "0 to 1", "`delta_max`=0.3."),
        (|p| p.delta_max = Some(1e300), "delta_max", "1e300", "such as 0.3"),
        (|p| p.delta_min = Some(f64::NAN), "delta_min", "is NaN", "such as 0.3"),
        (|p| p.delta_min = Some(f64::NEG_INFINITY), "delta_min", "is -inf", "such as 0.3"),
        (|p| (p.delta_min, p.delta_max) = (Some(0.6), Some(0.4)), "delta_min", "no delta lies between", "Swap"),
        (|p| p.right = Some("X".to_owned()), "right", "C (call) or P (put)", "Send C or P"),
        (|p| p.right = Some(String::new()), "right", "C (call) or P (put)", "Send C or P"),
        (|p| p.limit = Some(0), "limit", "1 to 200 contracts", "`offset` = `next`"),
        (|p| p.limit = Some(201), "limit", "`limit` is 201", "200 or less"),
        (|p| p.max_age_ms = Some(60_001), "max_age_ms", "0 to 60000", "send 0"),
    ];
    for (change, field, rule, hint) in refusals {
        let mut params = params();
        change(&mut params);
        let fault = Window::of(&params).expect_err(rule);
        assert_eq!((fault.code, fault.field.as_deref()), (schemas::FaultCode::InvalidParams, Some(*field)), "{rule}");
        assert!(fault.message.contains(rule), "{rule}: {}", fault.message);
        assert!(fault.hint.as_deref().is_some_and(|told| told.contains(hint)), "{hint}: {:?}", fault.hint);
    }
}

#[test]
fn outward_from_the_money_and_out_of_the_money_first() {
    let contracts = select(&nums([90, 95, 100, 105, 110, 115]), 101.0, &window(|p| p.moneyness = Some(0.10)));
    assert_eq!(names(&contracts), ["100P", "100C", "105C", "105P", "95P", "95C", "110C", "110P"]);
    let at_the_money = select(&nums([95, 100, 105]), 100.0, &window(|_| ()));
    assert_eq!(names(&at_the_money), ["100C", "100P", "95P", "95C", "105C", "105P"]);
    let calls = select(&nums([95, 100, 105]), 100.0, &window(|p| p.right = Some("C".to_owned())));
    assert_eq!(names(&calls), ["100C", "95C", "105C"]);
}

#[test]
fn a_strike_at_the_edge_of_the_moneyness_is_in() {
    let contracts = select(&nums([89, 90, 110, 111]), 100.0, &window(|_| ()));
    assert_eq!(strikes_of(&contracts), nums([90, 110]));
}

#[test]
fn so_many_on_each_side() {
    let strikes = nums([80, 90, 100, 110, 120]);
    let each = |count, spot| strikes_of(&select(&strikes, spot, &window(|p| p.strikes = Some(count))));
    assert_eq!(each(1, 100.0), nums([90, 100, 110]));
    assert_eq!(each(1, 101.0), nums([100, 110]));
    assert_eq!(each(2, 119.0), nums([100, 110, 120]));
    assert_eq!(each(1, 500.0), nums([120]));
    assert_eq!(each(100, 101.0), strikes);
}

#[test]
fn bounds_narrow_a_window_or_are_it() {
    let strikes = nums([80, 90, 100, 110, 120]);
    let of = |change: fn(&mut ChainParams)| strikes_of(&select(&strikes, 101.0, &window(change)));
    assert_eq!(of(|p| p.min_strike = num(100.0)), nums([100, 110, 120]));
    assert_eq!(of(|p| (p.min_strike, p.max_strike) = (num(85.0), num(110.0))), nums([90, 100, 110]));
    // The sides are counted before the bounds.
    assert_eq!(of(|p| (p.strikes, p.max_strike) = (Some(1), num(105.0))), nums([100]));
    assert_eq!(of(|p| (p.moneyness, p.min_strike) = (Some(0.12), num(95.0))), nums([100, 110]));
    assert_eq!(of(|p| (p.delta_min, p.max_strike) = (Some(0.5), num(90.0))), nums([80, 90]));
}

#[test]
fn without_a_price_there_is_no_money() {
    let strikes = nums([90, 100, 110]);
    for spot in [0.0, -1.0, f64::NAN] {
        assert_eq!(select(&strikes, spot, &window(|_| ())), []);
        assert_eq!(select(&strikes, spot, &window(|p| p.strikes = Some(5))), []);
        let bounds = window(|p| (p.min_strike, p.right) = (num(95.0), Some("P".to_owned())));
        assert_eq!(names(&select(&strikes, spot, &bounds)), ["100P", "110P"]);
    }
}

#[test]
fn a_page_beyond_the_end_is_empty_and_tells_the_total() {
    let contracts = select(&nums([95, 100, 105]), 100.0, &window(|_| ()));
    let page = |offset, limit| window(|p| (p.offset, p.limit) = (Some(offset), Some(limit))).page(&contracts);
    assert_eq!(page(6, 5), Page { contracts: vec![], total: 6, next: None });
    assert_eq!(page(u32::MAX, 200), Page { contracts: vec![], total: 6, next: None });
    assert_eq!(page(4, 2), Page { contracts: contracts[4..].to_vec(), total: 6, next: None });
    assert_eq!(page(3, 2), Page { contracts: contracts[3..5].to_vec(), total: 6, next: Some(5) });
}

proptest! {
    #[test]
    fn pages_are_the_window_in_order(
        strikes in prop::collection::btree_set(1_i64..400, 0..120), spot in 1.0_f64..400.0, moneyness in 0.01_f64..2.0, limit in 1_u32..=200,
    ) {
        let strikes = nums(strikes);
        let all = select(&strikes, spot, &window(|p| p.moneyness = Some(moneyness)));
        let away: Vec<f64> = all.iter().map(|wanted| (wanted.strike.to_f64() / spot - 1.0).abs()).collect();
        prop_assert!(away.is_sorted() && away.iter().all(|away| *away <= moneyness + 1e-6));
        let fit = strikes.iter().filter(|strike| (strike.to_f64() / spot - 1.0).abs() <= moneyness - 1e-6).count();
        prop_assert!(all.len() >= 2 * fit);
        let mut told = Vec::new();
        let mut offset = Some(0);
        while let Some(at) = offset {
            let page = window(|p| (p.offset, p.limit) = (Some(at), Some(limit))).page(&all);
            prop_assert_eq!(page.total as usize, all.len());
            prop_assert!(page.contracts.len() <= limit as usize && page.next.is_none_or(|next| next > at));
            told.extend(page.contracts);
            offset = page.next;
        }
        prop_assert_eq!(told, all);
    }
}
