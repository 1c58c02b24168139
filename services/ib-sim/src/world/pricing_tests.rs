use proptest::prelude::*;

use super::*;

#[test]
fn the_normal_distribution_is_precise() {
    for (x, expected) in [
        (0.0, 0.5),
        (1.0, 0.841_344_746_068_542_9),
        (-1.0, 0.158_655_253_931_457_07),
        (-2.0, 0.022_750_131_948_179_19),
        (1.959_963_984_540_054, 0.975),
        (-5.0, 2.866_515_718_791_939e-7),
        (-8.0, 6.220_960_574_271_786e-16),
    ] {
        let got = normal(x);
        assert!((got - expected).abs() <= expected * 1e-7, "{x}: {got}");
    }
    assert_eq!((normal(-40.0), normal(40.0)), (0.0, 1.0));
}

/// S=100, K=100, T=1, sigma=0.2, r=0.04: computed by the formula with an independent library.
#[test]
fn a_known_call_has_its_known_greeks() {
    let call = Vanilla { call: true, strike: 100.0, years: 1.0, american: true, on_future: false };
    let found = call.greeks(100.0, 0.2);
    let put = Vanilla { call: false, american: false, ..call }.greeks(100.0, 0.2);
    for (name, got, expected) in [
        ("call", found.price, 9.925_053_717_274_437),
        ("put", put.price, 6.003_997_632_506_753),
        ("delta", found.delta, 0.617_911_422_188_952_7),
        ("put's delta", put.delta, -0.382_088_577_811_047_3),
        ("gamma", found.gamma, 0.019_069_390_773_026),
        ("vega", found.vega, 0.381_387_815_460_524),
        ("theta", found.theta, -0.016_132_936),
        ("put's theta", put.theta, -0.005_603_737),
    ] {
        assert!((got - expected).abs() < 1e-6, "{name}: {got} is not {expected}");
    }
}

#[test]
fn what_has_ended_is_worth_its_intrinsic_value() {
    for (call, spot, price, delta) in
        [(true, 110.0, 10.0, 1.0), (true, 90.0, 0.0, 0.0), (false, 90.0, 10.0, -1.0), (false, 110.0, 0.0, 0.0)]
    {
        for years in [0.0, -1.0] {
            let ended = Vanilla { call, strike: 100.0, years, american: false, on_future: false }.greeks(spot, 0.3);
            assert_eq!((ended.price, ended.delta, ended.gamma, ended.vega, ended.theta), (price, delta, 0.0, 0.0, 0.0));
        }
    }
}

#[test]
fn no_volatility_explains_an_impossible_price() {
    let call = Vanilla { call: true, strike: 100.0, years: 0.5, american: true, on_future: false };
    for price in [-1.0, 0.0, 10.0, 131.0, f64::NAN, f64::INFINITY] {
        assert_eq!(call.implied_volatility(130.0, price), None, "{price}");
    }
    let ended = Vanilla { years: 0.0, ..call };
    assert_eq!(ended.implied_volatility(110.0, 12.0), None);
}

fn any_option() -> impl Strategy<Value = (Vanilla, f64, f64)> {
    let terms = (any::<bool>(), any::<bool>(), any::<bool>(), 0.05_f64..3.0, prop_oneof![Just(0.0), 0.00001_f64..0.01, 0.01_f64..4.0]);
    (terms, 0.5_f64..9000.0, 0.01_f64..3.0).prop_map(|((call, american, on_future, moneyness, years), spot, volatility)| {
        (Vanilla { call, strike: spot * moneyness, years, american, on_future }, spot, volatility)
    })
}

proptest! {
    #[test]
    fn signs_and_bounds_hold_everywhere((option, spot, volatility) in any_option()) {
        let found = option.greeks(spot, volatility);
        for value in [found.iv, found.delta, found.gamma, found.vega, found.theta, found.price] {
            prop_assert!(value.is_finite(), "{found:?}");
        }
        prop_assert!(found.gamma >= 0.0 && found.vega >= 0.0 && found.price >= 0.0);
        let (least, most, dearest) = if option.call { (0.0, 1.0, spot) } else { (-1.0, 0.0, option.strike) };
        prop_assert!((least..=most).contains(&found.delta));
        prop_assert!(!option.american && (!option.call || option.on_future) || found.theta <= 0.0, "{found:?}");
        prop_assert!(!option.american || found.price >= option.intrinsic(spot) - 1e-9);
        prop_assert!(found.price <= dearest + 1e-9);
    }

    #[test]
    fn parity_holds((option, spot, volatility) in any_option()) {
        let call = Vanilla { call: true, american: false, ..option }.price(spot, volatility);
        let put = Vanilla { call: false, american: false, ..option }.price(spot, volatility);
        let discount = (-RATE * option.years).exp();
        let forward = if option.on_future { spot * discount } else { spot } - option.strike * discount;
        prop_assert!((call - put - forward).abs() < spot * 1e-9, "{call} {put} {forward}");
        // The American pair on a stock lies between the two forwards.
        prop_assume!(!option.on_future);
        let put = Vanilla { call: false, american: true, ..option }.price(spot, volatility);
        prop_assert!(call - put <= forward + spot * 1e-9 && call - put >= spot - option.strike - spot * 1e-9);
    }

    #[test]
    fn values_follow_the_underlying((option, spot, volatility) in any_option(), up in 0.0_f64..0.3) {
        let (here, there) = (option.price(spot, volatility), option.price(spot * (1.0 + up), volatility));
        let moved = if option.call { there - here } else { here - there };
        prop_assert!(moved >= -spot * 1e-9, "{here} {there}");
    }

    #[test]
    fn greeks_are_the_slopes_of_the_value(call: bool, on_future: bool, moneyness in 0.8_f64..1.2, years in 0.02_f64..2.0, volatility in 0.1_f64..0.8) {
        let option = Vanilla { call, strike: 100.0 * moneyness, years, american: false, on_future };
        let found = option.greeks(100.0, volatility);
        let slope = (option.price(100.01, volatility) - option.price(99.99, volatility)) / 0.02;
        prop_assert!((slope - found.delta).abs() < 1e-5);
        let bend = (option.greeks(100.01, volatility).delta - option.greeks(99.99, volatility).delta) / 0.02;
        prop_assert!((bend - found.gamma).abs() < 1e-4);
        let vega = option.price(100.0, volatility + 0.005) - option.price(100.0, volatility - 0.005);
        prop_assert!((vega - found.vega).abs() < 1e-3);
        let day = Vanilla { years: years - 0.01 / 365.0, ..option }.price(100.0, volatility) - found.price;
        prop_assert!((day * 100.0 - found.theta).abs() < 2e-3);
    }

    /// Wherever the volatility matters to the price, it is found again from the price.
    #[test]
    fn the_implied_volatility_is_the_one_that_was_put_in((option, spot, volatility) in any_option()) {
        let found = option.greeks(spot, volatility);
        if found.vega > spot * 1e-6 {
            let implied = option.implied_volatility(spot, found.price);
            prop_assert!(implied.is_some_and(|implied| (implied - volatility).abs() < 1e-4), "{implied:?} {volatility}");
        }
    }
}
