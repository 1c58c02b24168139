use serde_json::{Value, json};

use super::*;
use crate::transcript::catalogue::shape_of;
use crate::transcript::protobuf;

const SECRETS: [&str; 9] =
    ["U1234567", "DU7654321", "jdoe", "Smith Family", "69dd7411", "389211034", "my-strategy", "jane.doe@example.org", "Growth Model"];

fn gateway(number: u32, value: &Value) -> Frame {
    let payload = protobuf::encode(shape_of(Direction::Gateway, number).unwrap(), value).unwrap();
    Frame { number, payload: Payload::Protobuf(payload.into()) }
}

fn text(fields: &[&str]) -> Frame {
    Frame { number: fields[0].parse().unwrap(), payload: Payload::Text(fields.iter().map(|&field| field.to_owned()).collect()) }
}

fn read_back(frame: &Frame) -> Value {
    let Payload::Protobuf(payload) = &frame.payload else { panic!("protobuf") };
    protobuf::decode(shape_of(Direction::Gateway, frame.number).unwrap(), payload).expect("still decodable")
}

/// The same order in messages of both dialects: ids agree across them and nothing secret is left.
#[test]
fn accounts_names_and_ids_are_replaced_consistently() {
    let mut names = Pseudonyms::default();
    let order = json!({
        "permId": 389_211_034, "account": "U1234567", "orderRef": "my-strategy", "submitter": "jdoe",
        "faGroup": "Smith Family", "modelCode": "Growth Model", "lmtPrice": 150.25, "ocaGroup": "389211034",
    });
    let open = gateway(5, &json!({"orderId": 7, "contract": {"symbol": "AAPL"}, "order": order, "orderState": {"status": "Filled"}}));
    let status = gateway(3, &json!({"orderId": 7, "status": "Filled", "permId": 389_211_034}));
    let execution = json!({"execId": "0000e0d5.69dd7411.01.02", "acctNumber": "U1234567", "permId": 389_211_034});
    let execution = gateway(11, &json!({"reqId": -1, "execution": execution}));
    let refused = "Cancel attempted.  Order permId =389211034 of jdoe for Smith Family (jane.doe@example.org) in U1234567/DU7654321.";
    let error = gateway(4, &json!({"id": 7, "errorCode": 161, "errorMsg": refused}));
    let mut redacted = Vec::new();
    for frame in [&open, &status, &execution, &error] {
        redacted.push(read_back(&super::frame(&mut names, Direction::Gateway, 226, frame)));
    }
    assert_eq!(redacted[0]["order"]["account"], "DU0000001");
    assert_eq!(redacted[0]["order"]["lmtPrice"], 150.25);
    assert_eq!(redacted[0]["orderId"], 7);
    assert_eq!(redacted[0]["order"]["permId"], redacted[1]["permId"]);
    assert_eq!(redacted[2]["execution"]["permId"], redacted[1]["permId"]);
    assert_eq!(redacted[2]["execution"]["execId"], "00000000.00000001.01.02");
    let permanent = redacted[1]["permId"].to_string();
    // The group, the model and the user are named in the order of the order's fields.
    let expected = format!("Cancel attempted.  Order permId ={permanent} of NAME3 for NAME1 (someone@example.com) in DU0000001/DU0000002.");
    assert_eq!(redacted[3]["errorMsg"], expected);

    let accounts = super::frame(&mut names, Direction::Gateway, 178, &text(&["15", "1", "DU7654321,U1234567"]));
    assert_eq!(accounts, text(&["15", "1", "DU0000002,DU0000001"]));
    let status = ["3", "7", "Filled", "1", "0", "150", "389211034", "0", "150", "1", "", "0"];
    let status = super::frame(&mut names, Direction::Gateway, 178, &text(&status));
    let Payload::Text(fields) = status.payload else { panic!("text") };
    assert_eq!(fields[6], permanent);

    let all = format!("{redacted:?}{accounts:?}{fields:?}");
    for secret in SECRETS {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

/// A message that IB adds after this table was made still hides what looks like an account.
#[test]
fn unknown_messages_are_scrubbed() {
    let mut names = Pseudonyms::default();
    names.name("jdoe");
    let unknown = Frame { number: 180, payload: Payload::Protobuf(Bytes::from_static(b"\x0a\x08U1234567\x12\x06\x1a\x04jdoe")) };
    let Payload::Protobuf(payload) = super::frame(&mut names, Direction::Gateway, 226, &unknown).payload else { panic!("protobuf") };
    assert_eq!(&payload[..], b"\x0a\x09DU0000001\x12\x07\x1a\x05NAME1");
    let torn = Frame { number: 180, payload: Payload::Protobuf(Bytes::from_static(b"\x0a\x60U1234567")) };
    assert_eq!(super::frame(&mut names, Direction::Gateway, 226, &torn).payload, Payload::Protobuf(Bytes::new()));
}

#[test]
fn ordinary_words_stay() {
    let mut names = Pseudonyms::default();
    for text in [
        "Market data farm connection is OK:usfarm",
        "AAPL  261218C00150000",
        "Order Canceled - reason:",
        "20261121 10:00:00 US/Eastern",
        "@",
    ] {
        assert_eq!(scrub(&mut names, text), text);
    }
    assert_eq!(scrub(&mut names, "{\"account\":\"DU123456\"}"), "{\"account\":\"DU0000001\"}");
}

proptest::proptest! {
    /// Wherever an account stands in a text, it is gone afterwards and the rest is as it was.
    #[test]
    fn an_account_in_any_text_is_replaced(before in "[a-z ,;:/(\\[\"']{0,12}[ ,;:/(\\[\"']", after in "([ ,;:/)\\]\"'][a-z ]{0,12})?") {
        let mut names = Pseudonyms::default();
        let scrubbed = scrub(&mut names, &format!("{before}U1234567{after}"));
        proptest::prop_assert_eq!(scrubbed, format!("{before}DU0000001{after}"));
    }

    #[test]
    fn no_frame_makes_it_panic(number in 1_u32..120, payload: Vec<u8>, fields in proptest::collection::vec(".{0,12}", 1..70)) {
        let mut names = Pseudonyms::default();
        for direction in [Direction::Client, Direction::Gateway] {
            for payload in [Payload::Protobuf(payload.clone().into()), Payload::Text(fields.clone())] {
                super::frame(&mut names, direction, 200, &Frame { number, payload });
            }
        }
    }
}
