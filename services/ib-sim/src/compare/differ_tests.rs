use serde_json::json;

use super::*;

fn client(number: u32, fields: &Value) -> (Direction, Frame) {
    (Direction::Client, frame(Direction::Client, number, fields))
}

fn gateway(number: u32, fields: &Value) -> (Direction, Frame) {
    (Direction::Gateway, frame(Direction::Gateway, number, fields))
}

fn frame(direction: Direction, number: u32, fields: &Value) -> Frame {
    let payload = protobuf::encode(catalogue::shape_of(direction, number).unwrap(), fields).unwrap();
    Frame { number, payload: Payload::Protobuf(payload.into()) }
}

fn position(con_id: i32, quantity: &str) -> (Direction, Frame) {
    gateway(61, &json!({"account": "DU1", "contract": {"conId": con_id}, "position": quantity}))
}

fn differences(recorded: &[(Direction, Frame)], live: &[(Direction, Frame)], partial: bool) -> Vec<String> {
    let side = |steps: &[(Direction, Frame)]| Side::read(226, steps.iter().map(|(from, frame)| (*from, frame)));
    let mut found = Differences::new();
    compare(&side(recorded), &side(live), partial, &mut found);
    found
        .iter()
        .map(|(spot, one)| format!("{} {} {}: {} | {} x{}", spot.answer, spot.kind, spot.field, one.recorded, one.live, one.times))
        .collect()
}

#[test]
fn the_same_is_no_difference() {
    let steps = [client(61, &json!({})), position(1, "5"), position(2, "6"), gateway(62, &json!({}))];
    assert_eq!(differences(&steps, &steps, false), Vec::<String>::new());
}

#[test]
fn rows_are_paired_by_what_they_are_about() {
    let recorded = [client(61, &json!({})), position(1, "5"), position(2, "6"), gateway(62, &json!({}))];
    let live = [client(61, &json!({})), position(3, "1"), position(2, "7"), gateway(62, &json!({}))];
    assert_eq!(
        differences(&recorded, &live, false),
        [
            "Position answer_missing 1: account=DU1 contract.conId=1 position=5 |  x1",
            "Position answer_added 3:  | account=DU1 contract.conId=3 position=1 x1",
            "Position value position: 6 | 7 x1",
        ]
    );
}

#[test]
fn order_is_a_difference_of_its_own() {
    let recorded = [client(61, &json!({})), position(1, "5"), position(2, "6"), gateway(62, &json!({}))];
    let live = [client(61, &json!({})), gateway(62, &json!({})), position(2, "6"), position(1, "5")];
    assert_eq!(
        differences(&recorded, &live, false),
        [" order : Position(1), Position(2), PositionEnd | PositionEnd, Position(2), Position(1) x1"]
    );
}

#[test]
fn presence_counts_and_lists_are_told_once() {
    let bars = |closes: &[f64]| {
        let bars: Vec<Value> = closes.iter().map(|close| json!({"close": close})).collect();
        [client(20, &json!({"reqId": 1})), gateway(17, &json!({"reqId": 1, "historicalDataBars": bars}))]
    };
    assert_eq!(
        differences(&bars(&[1.0, 2.0, 3.0]), &bars(&[1.0, 5.0, 6.0]), false),
        ["HistoricalData value historicalDataBars[].close: 2.0 | 5.0 x2"]
    );
    let status = |fields: Value| [client(5, &json!({})), gateway(3, &fields)];
    let recorded = status(json!({"orderId": 1, "status": "Filled", "filled": "1", "parentId": 0}));
    let live = status(json!({"orderId": 1, "status": "Filled", "filled": "1.0", "whyHeld": "locate"}));
    assert_eq!(
        differences(&recorded, &live, false),
        [
            "OrderStatus field_missing parentId: 0 |  x1",
            "OrderStatus field_added whyHeld:  | locate x1",
            "OrderStatus value filled: 1 | 1.0 x1"
        ]
    );
    // Notes of a recording that names only some fields: absent is as good as empty, and 1 is 1.0.
    assert_eq!(differences(&recorded, &live, true), Vec::<String>::new());
}
