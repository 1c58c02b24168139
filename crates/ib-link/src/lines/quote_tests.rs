use ibapi::market_data::realtime::{TickGeneric, TickPrice, TickPriceSize, TickSize, TickString};

use super::*;

const AT: Timestamp = Timestamp::UNIX_EPOCH;

fn num(value: f64) -> Option<Num> {
    Num::from_ib(value)
}

fn folded(ticks: impl IntoIterator<Item = TickTypes>) -> Quote {
    let mut quote = Quote::default();
    ticks.into_iter().for_each(|tick| quote.fold(&tick, AT));
    quote
}

fn both(kind: i32, price: f64, size_kind: i32, size: f64) -> TickTypes {
    TickTypes::PriceSize(TickPriceSize {
        price_tick_type: kind.into(),
        price,
        size_tick_type: size_kind.into(),
        size,
        ..TickPriceSize::default()
    })
}

fn price(kind: i32, price: f64) -> TickTypes {
    TickTypes::Price(TickPrice { tick_type: kind.into(), price, ..TickPrice::default() })
}

fn size(kind: i32, size: f64) -> TickTypes {
    TickTypes::Size(TickSize { tick_type: kind.into(), size })
}

fn generic(kind: i32, value: f64) -> TickTypes {
    TickTypes::Generic(TickGeneric { tick_type: kind.into(), value })
}

/// By IB's own numbers: a live kind and its delayed twin.
#[test]
fn live_and_delayed_ticks_fill_the_same_fields() {
    type Read = fn(&Quote) -> Option<Num>;
    let prices: [(i32, i32, Read); 7] = [
        (1, 66, |quote| quote.bid),
        (2, 67, |quote| quote.ask),
        (4, 68, |quote| quote.last),
        (6, 72, |quote| quote.high),
        (7, 73, |quote| quote.low),
        (9, 75, |quote| quote.close),
        (14, 76, |quote| quote.open),
    ];
    for (live, delayed, read) in prices {
        for kind in [live, delayed] {
            assert_eq!(read(&folded([price(kind, 12.5)])), num(12.5), "{kind}");
        }
    }
    let sizes: [(i32, i32, Read); 4] =
        [(0, 69, |quote| quote.bid_size), (3, 70, |quote| quote.ask_size), (5, 71, |quote| quote.last_size), (8, 74, |quote| quote.volume)];
    for (live, delayed, read) in sizes {
        for kind in [live, delayed] {
            assert_eq!(read(&folded([size(kind, 300.0)])), num(300.0), "{kind}");
        }
    }
    type ReadGreeks = fn(&GreeksOf) -> Option<Greeks>;
    let computations: [(i32, i32, ReadGreeks); 4] =
        [(10, 80, |greeks| greeks.bid), (11, 81, |greeks| greeks.ask), (12, 82, |greeks| greeks.last), (13, 83, |greeks| greeks.model)];
    for (live, delayed, read) in computations {
        for kind in [live, delayed] {
            let tick = OptionComputation { field: kind.into(), delta: Some(0.5), ..OptionComputation::default() };
            let quote = folded([TickTypes::OptionComputation(tick)]);
            assert_eq!(read(&quote.greeks).and_then(|greeks| greeks.delta), Some(0.5), "{kind}");
        }
    }
    for kind in [49, 90] {
        assert_eq!(folded([generic(kind, 1.0)]).halted, Some(true));
    }
}

#[test]
fn what_is_not_there_is_absent_and_takes_back_what_was() {
    let quoted = || both(1, 12.5, 0, 4.0);
    for gone in [both(1, -1.0, 0, 0.0), price(1, -1.0), both(1, 0.0, 0, 0.0), price(1, 0.0), price(1, f64::MAX), price(1, f64::NAN)] {
        assert_eq!(folded([quoted(), gone]).bid, None);
    }
    let gone = folded([quoted(), both(1, -1.0, 0, 0.0)]);
    assert_eq!((gone.bid, gone.bid_size), (None, None));
    assert_eq!(folded([both(1, -1.0, 0, 100.0)]).bid_size, None, "a size of no price");
    let zero = folded([both(2, 0.0, 3, 5.0)]);
    assert_eq!((zero.ask, zero.ask_size), (num(0.0), num(5.0)), "a price of 0 that somebody stands for");
    assert_eq!(folded([both(4, 4_500.25, 5, 0.0)]).last, num(4_500.25), "an index trades without sizes");
    assert_eq!(folded([price(4, -37.63)]).last, num(-37.63), "oil once did");
    let counted = folded([size(8, 0.0), size(27, 0.0), size(0, 0.0)]);
    assert_eq!((counted.volume, counted.call_open_interest, counted.bid_size), (num(0.0), num(0.0), None));
    assert_eq!(folded([size(8, -1.0)]).volume, None);
}

#[test]
fn greeks_keep_what_was_computed_and_nothing_is_none() {
    let computed = |delta, underlying| {
        TickTypes::OptionComputation(OptionComputation {
            field: TickType::ModelOption,
            delta,
            underlying_price: underlying,
            ..OptionComputation::default()
        })
    };
    let some = folded([computed(Some(-1.0), Some(272.0))]).greeks.model.expect("a deep put");
    assert_eq!((some.delta, some.underlying_price, some.gamma), (Some(-1.0), Some(272.0), None));
    assert_eq!(folded([computed(Some(0.5), None), computed(None, Some(272.0))]).greeks.model, None);
    assert_eq!(folded([computed(Some(f64::NAN), None)]).greeks.model, None);
}

#[test]
fn figures_of_an_underlyings_options() {
    let quote = folded([size(27, 10.0), size(28, 20.0), size(29, 30.0), size(30, 40.0), generic(23, 0.2), generic(24, 0.3)]);
    assert_eq!((quote.call_open_interest, quote.put_open_interest), (num(10.0), num(20.0)));
    assert_eq!((quote.call_volume, quote.put_volume), (num(30.0), num(40.0)));
    assert_eq!((quote.historical_volatility, quote.implied_volatility), (Some(0.2), Some(0.3)));
    let unknown = folded([generic(23, f64::MAX), generic(24, 0.0), generic(49, -1.0)]);
    assert_eq!((unknown.historical_volatility, unknown.implied_volatility, unknown.halted), (None, None, None));
    assert_eq!((folded([generic(49, 0.0)]).halted, folded([generic(49, 2.0)]).halted), (Some(false), Some(true)));
}

#[test]
fn the_kind_of_data_is_the_announced_one() {
    assert_eq!(folded([price(1, 1.0)]).data_type, DataType::Live);
    for (told, wanted) in [(1, DataType::Live), (2, DataType::Frozen), (3, DataType::Delayed), (4, DataType::DelayedFrozen)] {
        assert_eq!(folded([TickTypes::MarketDataType(told.into())]).data_type, wanted);
    }
    assert_eq!(folded([TickTypes::MarketDataType(3.into()), TickTypes::MarketDataType(9.into())]).data_type, DataType::Delayed);
}

#[test]
fn a_tick_that_nobody_reads_changes_nothing() {
    let quote = folded([TickTypes::String(TickString { tick_type: TickType::LastTimestamp, value: "1".into() }), TickTypes::SnapshotEnd]);
    assert_eq!(quote, Quote::default());
    assert_eq!(folded([price(1, 1.0)]).at, Some(AT));
}

#[test]
fn notices_are_kept_once_and_not_without_end() {
    let mut quote = Quote::default();
    for code in 0..100 {
        quote.note(10_000 + code, "words");
        quote.note(10_000 + code, "again");
    }
    assert_eq!(quote.notices.len(), NOTICES_MAX);
    assert!(quote.notices.iter().all(|(_, text)| text == "words"));
}
