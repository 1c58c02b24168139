use super::*;

fn read(order: Order) -> Result<Terms, i32> {
    Terms::read(&order, 1_795_186_800, &TimeZone::UTC).map_err(|error| error.code)
}

fn order(kind: &str) -> Order {
    Order { action: Some("buy".into()), total_quantity: Some("3".into()), order_type: Some(kind.into()), ..Order::default() }
}

#[test]
fn every_kind_is_read() {
    let priced = |kind: &str| Order { lmt_price: Some(5.0), aux_price: Some(4.0), trail_stop_price: Some(6.0), ..order(kind) };
    for (kind, expected) in [
        ("MKT", Kind::Market),
        ("LMT", Kind::Limit(5.0)),
        ("STP", Kind::Stop { stop: 4.0, limit: None }),
        ("STP LMT", Kind::Stop { stop: 4.0, limit: Some(5.0) }),
        ("TRAIL", Kind::Trail { distance: Distance::Amount(4.0), from: Some(6.0), offset: None }),
        ("TRAIL LIMIT", Kind::Trail { distance: Distance::Amount(4.0), from: Some(6.0), offset: Some(1.0) }),
        ("MIT", Kind::Touch { touch: 4.0, limit: None }),
        ("LIT", Kind::Touch { touch: 4.0, limit: Some(5.0) }),
        ("MOC", Kind::Close { limit: None }),
        ("LOC", Kind::Close { limit: Some(5.0) }),
    ] {
        assert_eq!(read(priced(kind)).map(|terms| terms.kind), Ok(expected), "{kind}");
    }
    let percent = Order { trailing_percent: Some(2.0), aux_price: None, ..order("TRAIL") };
    assert_eq!(read(percent).map(|terms| terms.kind), Ok(Kind::Trail { distance: Distance::Percent(2.0), from: None, offset: None }));
}

/// Clients write "not set" as the largest double.
#[test]
fn unset_numbers_are_absent() {
    let unset = |kind: &str| Order { lmt_price: Some(f64::MAX), aux_price: Some(f64::MAX), ..order(kind) };
    assert_eq!(read(unset("LMT")), Err(321));
    assert_eq!(read(unset("STP")), Err(321));
    assert_eq!(read(unset("MKT")).map(|terms| terms.kind), Ok(Kind::Market));
    assert_eq!(read(Order { lmt_price: Some(f64::INFINITY), ..order("LMT") }), Err(321));
}

/// What cannot be summed up any more is no order.
#[test]
fn absurd_amounts_are_refused() {
    let large = Order { total_quantity: Some("1e200".into()), lmt_price: Some(5.0), ..order("LMT") };
    assert_eq!(read(large), Err(321));
    let dear = |kind: &str| Order { lmt_price: Some(1e200), aux_price: Some(1e200), ..order(kind) };
    assert_eq!([read(dear("LMT")), read(dear("STP"))], [Err(321), Err(321)]);
    assert_eq!(read(Order { cash_qty: Some(1e200), total_quantity: None, ..order("MKT") }), Err(321));
}

#[test]
fn conditions_have_a_limit() {
    let with = |count: usize| Order { conditions: vec![crate::wire::pb::order::OrderCondition::default(); count], ..order("MKT") };
    assert_eq!((read(with(64)).is_ok(), read(with(65))), (true, Err(321)));
}

#[test]
fn times_in_force() {
    let tif = |tif: &str, order: Order| read(Order { tif: Some(tif.into()), ..order }).map(|terms| terms.tif);
    assert_eq!(tif("", order("MKT")), Ok(Tif::Day));
    assert_eq!(tif("GTC", order("MKT")), Ok(Tif::GoodTillCancelled));
    assert_eq!(tif("OPG", order("MKT")), Ok(Tif::Opening));
    let dated = Order { good_till_date: Some("20261120 16:00:00 UTC".into()), ..order("MKT") };
    assert_eq!(tif("GTD", dated), Ok(Tif::GoodTillDate(1_795_190_400)));
    let broken = Order { good_till_date: Some("tomorrow".into()), ..order("MKT") };
    assert_eq!(tif("GTD", broken), Err(10_314));
    assert_eq!(tif("GTX", order("MKT")), Err(321));
}

proptest::proptest! {
    #[test]
    fn any_order_is_read_or_refused(kind in "[A-Z ]{0,9}", tif in "[A-Z]{0,3}", quantity in ".{0,8}", price: f64, aux: f64) {
        let order = Order {
            order_type: Some(kind), tif: Some(tif), total_quantity: Some(quantity), lmt_price: Some(price), aux_price: Some(aux), ..order("")
        };
        if let Ok(terms) = read(order) {
            proptest::prop_assert!(terms.quantity > 0.0 && terms.quantity.is_finite());
            proptest::prop_assert!(terms.kind.prices().iter().all(|price| price.is_finite()));
        }
    }
}
