use serde_json::json;

use super::*;
use crate::transcript::catalogue::shape_of;

fn text(fields: &[&str]) -> Frame {
    Frame { number: fields[0].parse().unwrap(), payload: Payload::Text(fields.iter().map(|&field| field.to_owned()).collect()) }
}

fn protobuf(direction: Direction, number: u32, value: &serde_json::Value) -> Frame {
    let payload = protobuf::encode(shape_of(direction, number).unwrap(), value).unwrap();
    Frame { number, payload: Payload::Protobuf(payload.into()) }
}

#[test]
fn finds_the_id_in_both_dialects() {
    let cases = [
        (Direction::Client, 178, text(&["9", "8", "77", "0", "AAPL"]), Some(77)),
        (Direction::Client, 178, text(&["4", "1", "12", ""]), Some(12)),
        (Direction::Client, 200, text(&["4", "12", "", "", ""]), Some(12)),
        (Direction::Gateway, 178, text(&["4", "2", "77", "200", "No security", ""]), Some(77)),
        (Direction::Gateway, 200, text(&["4", "77", "200", "No security", "", "0"]), Some(77)),
        (Direction::Gateway, 178, text(&["4", "2", "-1", "2104", "ok", ""]), None),
        (Direction::Gateway, 178, text(&["9", "1", "1000"]), None),
        (Direction::Client, 226, protobuf(Direction::Client, 9, &json!({"reqId": 5, "contract": {"symbol": "A"}})), Some(5)),
        (Direction::Gateway, 226, protobuf(Direction::Gateway, 5, &json!({"orderId": 6, "order": {"parentId": 2}})), Some(6)),
        (Direction::Gateway, 226, protobuf(Direction::Gateway, 11, &json!({"reqId": -1, "execution": {"orderId": 3}})), None),
    ];
    for (direction, version, frame, expected) in cases {
        assert_eq!(id(direction, version, &frame), expected, "{frame:?}");
    }
}

/// Two legs with prices and one routing parameter stand between the order and its good-till date.
#[test]
fn a_combination_pushes_the_later_fields_back() {
    let mut fields = vec![""; 60];
    (fields[0], fields[1], fields[4]) = ("3", "7", "BAG");
    (fields[35], fields[52], fields[55]) = ("2", "2", "1");
    let owned: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
    let marks = of_text(Direction::Client, 3, 178, &owned);
    // 35: count, 36-51: legs, 52: count, 53-54: prices, 55: count, 56-57: parameter, 58: allocation.
    assert!(marks.contains(&(60, Mark::Moment)) && marks.contains(&(62, Mark::Name)), "{marks:?}");
    fields[4] = "STK";
    let owned: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
    assert!(of_text(Direction::Client, 3, 178, &owned).contains(&(39, Mark::Name)));
}

#[test]
fn marks_lie_within_the_messages_they_are_for() {
    for number in 1..112 {
        for direction in [Direction::Client, Direction::Gateway] {
            let marks = of_text(direction, number, 178, &[]);
            assert!(marks.iter().all(|(at, _)| *at >= 1), "{direction:?} {number}");
            let mut places: Vec<usize> = marks.iter().map(|(at, _)| *at).collect();
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), marks.len(), "{direction:?} {number} marks a field twice");
        }
    }
}
