//! Text requests beside the same in protobuf, and what no bytes may do.

use proptest::prelude::*;

use super::*;
use crate::proto::{Dialect, numbers};
use request_layout::{REQUESTS, Values, orders, request};

#[path = "request_layout_tests.rs"]
mod request_layout;

fn values() -> impl Strategy<Value = Values> {
    use proptest::collection::vec;
    let numbers = vec(-1_000_000..1_000_000_i32, 7);
    let doubles = vec(0.001..1e9_f64, 5);
    (numbers, doubles, vec("[a-zA-Z0-9 é€:/]{1,8}", 11), vec(any::<bool>(), 13)).prop_map(|(numbers, doubles, texts, present)| Values {
        numbers,
        doubles,
        texts,
        present,
    })
}

/// Both dialects read the same request, and text leaves no field unread that protobuf has.
fn check(number: u32, layout: &str, values: &Values) -> Result<(), TestCaseError> {
    let (text, protobuf) = request(layout, values);
    let mut frame = (number + 200).to_be_bytes().to_vec();
    frame.extend(&protobuf);
    let from_protobuf = Dialect::Protobuf.decode(frame[..].into()).map_err(|error| TestCaseError::fail(format!("{layout}: {error}")))?;
    let from_text = Dialect::Text.decode(format!("{number}\0{text}").as_bytes().into());
    let from_text = from_text.map_err(|error| TestCaseError::fail(format!("{layout}: {error} {text:?}")))?;
    prop_assert_eq!(&from_text, &from_protobuf, "{}", layout);
    prop_assert_eq!(from_text.name(), numbers::request_name(number).unwrap());
    Ok(())
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(48))]
    #[test]
    fn both_dialects_read_the_same_request(values in values()) {
        for (number, layout) in REQUESTS {
            check(*number, layout, &values)?;
        }
        for layout in orders() {
            check(3, &layout, &values)?;
        }
    }
}

/// What follows `whatIf` in an order with nothing special: 29 fields, as the clients in use send.
#[test]
fn a_plain_order_ends_where_clients_end_it() {
    let after_what_if = 29;
    let plain = orders().remove(0);
    let values = Values { numbers: vec![1], doubles: vec![1.0], texts: vec!["x".into()], present: vec![false] };
    let (text, _) = request(&plain, &values);
    let fields = text.matches('\0').count();
    let (before, _) = request(plain.split(" 3.84o").next().unwrap(), &values);
    assert_eq!(fields - before.matches('\0').count(), after_what_if);
}

#[test]
fn every_text_request_has_a_layout() {
    let written: std::collections::BTreeSet<u32> = REQUESTS.iter().map(|(number, _)| *number).chain([3, 52, 53]).collect();
    let known: Vec<u32> = numbers::REQUESTS.iter().map(|(number, _)| *number).filter(|number| *number <= LAST_TEXT_REQUEST).collect();
    assert_eq!(written.into_iter().collect::<Vec<u32>>(), known);
}

/// Withdrawn before protobuf, still asked by text clients.
#[test]
fn fundamentals_are_read() {
    let body = b"52\x002\x0017\x00265598\0AAPL\0STK\0SMART\0NASDAQ\0USD\0AAPL\0ReportSnapshot\x000\0\0";
    let Request::Fundamentals { req_id: 17, contract, report } = decode(body).unwrap() else { panic!("not fundamentals") };
    assert_eq!((contract.con_id, contract.primary_exchange.as_str(), report.as_str()), (265_598, "NASDAQ", "ReportSnapshot"));
    assert_eq!(decode(b"53\x001\x0017\0").unwrap(), Request::CancelFundamentals { req_id: 17 });
}

#[test]
fn forged_counts_are_refused() {
    let legs = |count: &str| format!("1\x0011\x007\x000\0SPY\0BAG\0\x000.0\0\0\0SMART\0\0USD\0\0\0{count}\x00265598\x001\0BUY\0SMART\0");
    for forged in ["2000000000", "-1", "99999999999999999999", "many"] {
        assert!(decode(legs(forged).as_bytes()).is_err(), "{forged}");
    }
    let whole = format!("{}0\0\x000\x000\0\0", legs("1"));
    assert!(matches!(decode(whole.as_bytes()), Ok(Request::MarketData { contract, .. }) if contract.combo_legs.len() == 1));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(message in 0_u32..120, body: Vec<u8>) {
        let _ = decode(&body);
        let mut frame = format!("{message}\0").into_bytes();
        frame.extend(body);
        let _ = decode(&frame);
    }

    #[test]
    fn no_fields_make_it_panic(message in 0_u32..120, fields in proptest::collection::vec("|0|1|3|5|2000000000|-1|BAG|PEG BEST|Infinite|x=y;", 0..160)) {
        let _ = decode(format!("{message}\0{}\0", fields.join("\0")).as_bytes());
    }
}
