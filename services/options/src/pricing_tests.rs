use proptest::prelude::*;

use super::*;

const NO_DIVIDEND: Model = Model { rate: 0.1, dividend_yield: 0.0 };

fn inputs(spot: f64, strike: f64, years: f64, right: Right) -> Inputs {
    Inputs { spot, strike, years, right }
}

fn both(model: Model, spot: f64, strike: f64, years: f64, iv: f64) -> [Greeks; 2] {
    [Right::Call, Right::Put].map(|right| model.greeks(&inputs(spot, strike, years, right), iv).expect("market inputs"))
}

#[track_caller]
fn near(left: f64, right: f64, tolerance: f64) {
    assert!((left - right).abs() <= tolerance, "{left} is not {right} within {tolerance}");
}

#[test]
fn the_normal_distribution_as_tabulated() {
    for (x, expected) in [
        (0.0, 0.5),
        (1.0, 0.841_344_746_068_542_9),
        (1.96, 0.975_002_104_851_779_5),
        (-3.0, 0.001_349_898_031_630_094_5),
        (-8.0, 6.220_960_574_271_785e-16),
        (40.0, 1.0),
    ] {
        near(normal(x), expected, 1e-15);
    }
}

/// J. C. Hull, Options, Futures, and Other Derivatives: the examples of the chapters on Black-Scholes-Merton, on stock
/// indices, and on the Greek letters.
#[test]
fn the_textbook_examples() {
    let [call, put] = both(NO_DIVIDEND, 42.0, 40.0, 0.5, 0.2);
    near(call.price, 4.76, 0.005);
    near(put.price, 0.81, 0.005);

    let [call, _] = both(Model { rate: 0.08, dividend_yield: 0.03 }, 930.0, 900.0, 2.0 / 12.0, 0.2);
    near(call.price, 51.83, 0.005);

    let [call, _] = both(Model { rate: 0.05, dividend_yield: 0.0 }, 49.0, 50.0, 0.3846, 0.2);
    near(call.price, 2.40, 0.005);
    near(call.delta, 0.522, 0.0005);
    near(call.gamma, 0.066, 0.0005);
    near(call.vega * 100.0, 12.1, 0.05);
    near(call.theta * 365.0, -4.31, 0.005);
}

#[test]
fn signs_and_limits() {
    for spot in [60.0, 100.0, 150.0] {
        let [call, put] = both(Model { rate: 0.04, dividend_yield: 0.0 }, spot, 100.0, 0.25, 0.3);
        assert!(call.delta > 0.0 && call.delta < 1.0 && put.delta < 0.0 && put.delta > -1.0, "{call:?} {put:?}");
        assert!(call.gamma > 0.0 && call.vega > 0.0 && call.theta < 0.0, "{call:?}");
        near(call.gamma, put.gamma, 1e-15);
        near(call.vega, put.vega, 1e-12);
        near(call.delta - put.delta, 1.0, 1e-12);
    }
    let [deep, worthless] = both(NO_DIVIDEND, 1_000.0, 1.0, 0.1, 0.2);
    near(deep.delta, 1.0, 1e-12);
    assert!(worthless.price >= 0.0 && worthless.price < 1e-12, "{worthless:?}");
}

#[test]
fn at_expiration_the_intrinsic_value_is_left() {
    for years in [0.0, -0.01] {
        let [call, put] = both(NO_DIVIDEND, 110.0, 100.0, years, 0.3);
        assert_eq!(call, Greeks { price: 10.0, delta: 1.0, gamma: 0.0, theta: 0.0, vega: 0.0 });
        assert_eq!(put, Greeks { price: 0.0, delta: 0.0, gamma: 0.0, theta: 0.0, vega: 0.0 });
        let [call, put] = both(NO_DIVIDEND, 100.0, 100.0, years, 0.3);
        assert_eq!((call.price, call.delta, put.delta), (0.0, 0.5, -0.5));
    }
    assert_eq!(NO_DIVIDEND.implied_volatility(&inputs(110.0, 100.0, 0.0, Right::Call), 10.5), None);
}

#[test]
fn without_volatility_only_the_rates_work() {
    let [call, put] = both(NO_DIVIDEND, 100.0, 100.0, 1.0, 0.0);
    near(call.price, 100.0 - 100.0 * (-0.1_f64).exp(), 1e-12);
    near(call.theta, -10.0 * (-0.1_f64).exp() / 365.0, 1e-12);
    assert_eq!((call.delta, call.gamma, call.vega, put.price, put.delta), (1.0, 0.0, 0.0, 0.0, 0.0));
}

#[test]
fn a_price_beyond_the_bounds_of_arbitrage_has_no_volatility() {
    let model = Model { rate: 0.05, dividend_yield: 0.02 };
    let (spot, strike, years) = (120.0, 100.0, 0.5_f64);
    let (spot_now, strike_now) = (spot * (-0.02 * years).exp(), strike * (-0.05 * years).exp());
    let implied = |right, price| model.implied_volatility(&inputs(spot, strike, years, right), price);
    let intrinsic = spot_now - strike_now;
    assert!(implied(Right::Call, intrinsic + 1.0).is_some() && implied(Right::Put, 1.0).is_some());
    for price in [intrinsic - 0.01, intrinsic, 0.0, -1.0, spot_now, spot_now + 1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(implied(Right::Call, price), None, "call at {price}");
    }
    for price in [0.0, -1.0, strike_now, strike_now + 1.0, f64::NAN] {
        assert_eq!(implied(Right::Put, price), None, "put at {price}");
    }
}

#[test]
fn a_price_that_does_not_depend_on_the_volatility_has_none() {
    // A week of a call that is 60 % in the money: its price is the same at 5 % and at 50 %.
    let deep = inputs(100.0, 40.0, 7.0 / 365.0, Right::Call);
    let [at_5, at_50] = [0.05, 0.5].map(|iv| NO_DIVIDEND.greeks(&deep, iv).expect("greeks").price);
    near(at_5, at_50, 1e-9);
    assert_eq!(NO_DIVIDEND.implied_volatility(&deep, at_50), None);
    assert_eq!(NO_DIVIDEND.implied_volatility(&deep, at_50 + 1e-9), None);
}

fn any_right() -> impl Strategy<Value = Right> {
    prop_oneof![Just(Right::Call), Just(Right::Put)]
}

fn any_model() -> impl Strategy<Value = Model> {
    (-0.02_f64..0.15, 0.0_f64..0.08).prop_map(|(rate, dividend_yield)| Model { rate, dividend_yield })
}

/// Minutes to five years, strikes from a third to three times the underlying's price.
fn any_inputs() -> impl Strategy<Value = Inputs> {
    (0.01_f64..10_000.0, 0.33_f64..3.0, 1e-5_f64..5.0, any_right())
        .prop_map(|(spot, ratio, years, right)| inputs(spot, spot * ratio, years, right))
}

/// Anything that fits into a double.
fn any_double() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        prop::sample::select(vec![
            0.0,
            -0.0,
            f64::MIN_POSITIVE,
            f64::MAX,
            f64::MIN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            1e-300,
            1e300
        ]),
        -10.0_f64..10.0,
    ]
}

proptest! {
    #[test]
    fn put_call_parity(model in any_model(), given in any_inputs(), iv in 0.0_f64..5.0) {
        let Inputs { spot, strike, years, .. } = given;
        let [call, put] = both(model, spot, strike, years, iv);
        let forward = spot * (-model.dividend_yield * years).exp() - strike * (-model.rate * years).exp();
        prop_assert!((call.price - put.price - forward).abs() <= 1e-11 * (spot + strike));
    }

    #[test]
    fn the_volatility_of_a_price_gives_that_price(model in any_model(), given in any_inputs(), iv in 0.01_f64..4.9) {
        let greeks = model.greeks(&given, iv).expect("market inputs");
        let found = model.implied_volatility(&given, greeks.price);
        if greeks.vega > 1.01 * VEGA_MIN_OF_SPOT * given.spot {
            let found = found.expect("a volatility");
            prop_assert!((found - iv).abs() < 1e-8, "{found} for {iv}");
        } else if greeks.vega < 0.99 * VEGA_MIN_OF_SPOT * given.spot {
            prop_assert_eq!(found, None);
        }
    }

    /// Each Greek is the slope of what it is the slope of.
    #[test]
    fn greeks_are_slopes(
        model in any_model(), ratio in 0.7_f64..1.4, years in 0.05_f64..3.0, iv in 0.1_f64..1.0, right in any_right(),
    ) {
        let at = |spot: f64, years: f64, iv: f64| model.greeks(&inputs(spot, 100.0 * ratio, years, right), iv).expect("market inputs");
        let greeks = at(100.0, years, iv);
        let slope = |up: f64, down: f64, width: f64| (up - down) / width;
        let delta = slope(at(100.01, years, iv).price, at(99.99, years, iv).price, 0.02);
        let gamma = slope(at(100.01, years, iv).delta, at(99.99, years, iv).delta, 0.02);
        let vega = slope(at(100.0, years, iv + 1e-4).price, at(100.0, years, iv - 1e-4).price, 2e-4) * 0.01;
        let theta = slope(at(100.0, years - 1e-5, iv).price, at(100.0, years + 1e-5, iv).price, 2e-5) / 365.0;
        for (name, told, slope) in [("delta", greeks.delta, delta), ("gamma", greeks.gamma, gamma), ("vega", greeks.vega, vega), ("theta", greeks.theta, theta)] {
            prop_assert!((told - slope).abs() < 1e-5, "{name} {told} {slope}");
        }
    }

    #[test]
    fn no_input_makes_a_number_that_is_none(
        rate in any_double(), dividend_yield in any_double(), spot in any_double(), strike in any_double(), years in any_double(),
        iv in any_double(), price in any_double(), right in any_right(),
    ) {
        let model = Model { rate, dividend_yield };
        let given = inputs(spot, strike, years, right);
        if let Some(Greeks { price, delta, gamma, theta, vega }) = model.greeks(&given, iv) {
            prop_assert!([price, delta, gamma, theta, vega].iter().all(|value| value.is_finite()), "{given:?} {iv}");
            prop_assert!(price >= 0.0 && gamma >= 0.0 && vega >= 0.0, "{given:?} {iv}");
        }
        if let Some(iv) = model.implied_volatility(&given, price) {
            prop_assert!((IV_MIN..=IV_MAX).contains(&iv));
        }
    }
}
