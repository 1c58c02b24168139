use serde_json::json;

use super::*;
use crate::transcript::catalogue::{Direction, shape_of};

fn shape(number: u32) -> &'static Shape {
    shape_of(Direction::Gateway, number).unwrap()
}

#[test]
fn named_fields_survive_the_way_there_and_back() {
    let open_order = json!({
        "orderId": 7,
        "contract": {"conId": 265_598, "symbol": "AAPL", "strike": 0.0},
        "order": {"permId": 9_000_000_600_i64, "parentId": 0, "exemptCode": -1, "algoParams": [{"key": "a", "value": "b"}], "hidden": true},
        "orderState": {"status": "Submitted", "initMarginAfter": f64::MAX},
    });
    let payload = encode(shape(5), &open_order).unwrap();
    assert_eq!(decode(shape(5), &payload).unwrap(), open_order);
    let strikes = json!({"reqId": 1, "expirations": ["20261218", "20270115"], "strikes": [100.0, 102.5]});
    assert_eq!(decode(shape(75), &encode(shape(75), &strikes).unwrap()).unwrap(), strikes);
}

/// The bytes research saw on a socket.
#[test]
fn decodes_an_observed_frame() {
    assert_eq!(decode(shape(15), b"\x0a\x05DU111").unwrap(), json!({"accountsList": "DU111"}));
}

#[test]
fn what_does_not_fit_is_named() {
    for (value, words) in [
        (json!({"reqid": 1}), "no field reqid"),
        (json!({"reqId": "x"}), "does not fit"),
        (json!({"contract": 5}), "Contract is an object"),
        (json!({"contract": {"comboLegs": {}}}), "comboLegs"),
    ] {
        let error = encode(shape(10), &value).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn an_edit_sees_names_and_leaves_the_rest() {
    let payload = encode(shape(61), &json!({"account": "U1", "contract": {"conId": 5}, "position": "1", "avgCost": 2.5})).unwrap();
    let mut seen = Vec::new();
    let edited = rewrite(Some(shape(61)), &payload, &mut |place, leaf| {
        seen.push(format!("{}.{}", place.message, place.field));
        match (place.field, leaf) {
            ("account", _) => Some(Leaf::Text("DU0000001".into())),
            ("position", _) => None,
            (_, leaf) => Some(leaf),
        }
    });
    assert_eq!(seen, ["Position.account", "Contract.conId", "Position.position"]);
    let expected = json!({"account": "DU0000001", "contract": {"conId": 5}, "avgCost": 2.5});
    assert_eq!(decode(shape(61), &edited.unwrap()).unwrap(), expected);
}

#[test]
fn unknown_messages_are_searched_for_text() {
    // 1: "abc", 2: { 3: "U1234567" }.
    let payload = b"\x0a\x03abc\x12\x0a\x1a\x08U1234567";
    let mut texts = Vec::new();
    rewrite(None, payload, &mut |_, leaf| {
        texts.push(leaf.clone());
        Some(leaf)
    });
    assert!(texts.iter().any(|leaf| matches!(leaf, Leaf::Text(text) if text.contains("U1234567"))), "{texts:?}");
}

#[test]
fn forged_lengths_and_endless_nesting_end() {
    assert_eq!(fields(b"\x0a\xff\xff\xff\xff\x0f"), None);
    assert_eq!(fields(b"\x0b"), None);
    assert_eq!(fields(&[0xff; 11]), None);
    let mut nested = Vec::new();
    for _ in 0..200 {
        let mut outer = Vec::new();
        put(&mut outer, 1, Raw::Bytes(&nested));
        nested = outer;
    }
    let _ = rewrite(None, &nested, &mut |_, leaf| Some(leaf));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(number in 1_u32..112, payload: Vec<u8>) {
        let shape = shape_of(Direction::Gateway, number);
        let _ = rewrite(shape, &payload, &mut |_, leaf| Some(leaf));
        if let Some(decoded) = shape.and_then(|shape| decode(shape, &payload)) {
            proptest::prop_assert!(encode(shape.unwrap(), &decoded).is_ok());
        }
    }
}
