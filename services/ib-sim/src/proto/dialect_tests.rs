//! Both dialects beside each other: every number known, every event carried alike.

use bytes::BytesMut;

use super::numbers::{LAST_TEXT_REQUEST, REQUESTS};
use super::*;

/// A request of zeroes, as each dialect frames it.
fn zeroes(dialect: Dialect, message: u32) -> BytesMut {
    match dialect {
        Dialect::Protobuf => BytesMut::from(&(message + 200).to_be_bytes()[..]),
        Dialect::Text => BytesMut::from(format!("{message}\0{}", "0\0".repeat(150)).as_bytes()),
    }
}

#[test]
fn every_number_is_decoded_to_its_name_and_none_is_unhandled() {
    for (number, name) in REQUESTS {
        let text_only = matches!(number, 52 | 53);
        if !text_only {
            assert_eq!(Dialect::Protobuf.decode(zeroes(Dialect::Protobuf, *number)).unwrap().name(), *name, "protobuf {number}");
        }
        if *number <= LAST_TEXT_REQUEST {
            assert_eq!(Dialect::Text.decode(zeroes(Dialect::Text, *number)).unwrap().name(), *name, "text {number}");
        }
    }
    for number in (1..200).filter(|number| numbers::request_name(*number).is_none()) {
        assert_eq!(Dialect::Protobuf.decode(zeroes(Dialect::Protobuf, number)).unwrap().name(), "Unhandled", "protobuf {number}");
        assert_eq!(Dialect::Text.decode(zeroes(Dialect::Text, number)).unwrap().name(), "Unhandled", "text {number}");
    }
    let named: std::collections::BTreeSet<&str> = REQUESTS.iter().map(|(_, name)| *name).collect();
    let unnamed: Vec<&&str> = Request::NAMES.iter().filter(|name| !named.contains(**name)).collect();
    assert_eq!(unnamed, [&"Unhandled"]);
}

#[test]
fn what_cannot_be_read_names_its_request() {
    let error = Dialect::Text.decode(BytesMut::from(&b"9\x008\x00x\0"[..])).unwrap_err();
    assert_eq!((error.message(), error.to_string().as_str()), (9, "ContractData (9): field 2 should be a whole number, not \"x\""));
    let error = Dialect::Text.decode(BytesMut::from(&b"9\x008\x001\0"[..])).unwrap_err();
    assert_eq!(error.to_string(), "ContractData (9): field 3 is missing");
    // A text message in a protobuf session: its number stands, and what is wrong with it.
    let error = Dialect::Protobuf.decode(BytesMut::from(&b"\0\0\0\x311\0"[..])).unwrap_err();
    assert!(error.message() == 49 && error.to_string().contains("not protobuf-encoded"), "{error}");
}

#[path = "layout_tests.rs"]
pub(super) mod layout;
#[path = "samples_tests.rs"]
mod samples;

/// Came with protobuf, or stands in another message of the text dialect.
const NOT_IN_TEXT: [u32; 4] = [108, 109, 110, 111];

fn seeds() -> impl proptest::strategy::Strategy<Value = samples::Seed> {
    use proptest::prelude::*;
    let present = proptest::collection::vec(any::<bool>(), 160);
    (1..1_000_000_i32, 0.001..1e9_f64, "[a-zA-Z \\\\/:é€😀]{0,8}", present, 0..3_usize)
        .prop_map(|(number, double, text, present, rows)| samples::Seed { number, double, text, present, rows })
}

proptest::proptest! {
    // One case is a hundred events of all their fields.
    #![proptest_config(proptest::test_runner::Config::with_cases(48))]
    #[test]
    fn both_dialects_carry_the_same(seed in seeds()) {
        let mut seen = std::collections::BTreeSet::new();
        for event in seed.events() {
            let number = numbers::event_number(&event);
            seen.insert(number);
            let protobuf = Dialect::Protobuf.encode(&event).unwrap();
            proptest::prop_assert_eq!(u32::from_be_bytes(protobuf[4..8].try_into().unwrap()), number + 200, "{:?}", &event);
            let Some(text) = Dialect::Text.encode(&event) else {
                proptest::prop_assert!(NOT_IN_TEXT.contains(&number), "{:?}", event);
                continue;
            };
            let body = std::str::from_utf8(&text[4..]).unwrap();
            proptest::prop_assert!(body.starts_with(&format!("{number}\0")), "{:?}", body);
            let layout = layout::LAYOUTS.iter().find(|(known, _)| *known == number).map(|(_, layout)| *layout).unwrap();
            let compared = layout::compare(layout, &protobuf[8..], body);
            proptest::prop_assert!(compared.is_ok(), "{}: {} {body:?}", number, compared.unwrap_err());
        }
        let all: std::collections::BTreeSet<u32> = layout::LAYOUTS.iter().map(|(number, _)| *number).chain(NOT_IN_TEXT).collect();
        proptest::prop_assert_eq!(seen, all);
    }
}

/// Every event in both dialects, for readers that are not ours: `tests/interop/sim/dialects.py`.
#[test]
#[ignore = "writes a file for another program, named by IB_SIM_FRAMES"]
fn frames_for_other_readers() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut lines = String::new();
    // Everything there, nothing there, and every other field there. Texts are digits, so that they
    // pass for sizes, dates and codes alike.
    for present in [vec![true], vec![false], vec![true, false]] {
        let seed = samples::Seed { number: 41, double: 0.5, text: String::new(), present, rows: 2 };
        for event in seed.events() {
            let (text, protobuf) = (Dialect::Text.encode(&event).unwrap_or_default(), Dialect::Protobuf.encode(&event).unwrap());
            let bodies = [text.get(4..).unwrap_or_default(), &protobuf[4..]].map(hex);
            lines.push_str(&format!("{}\t{}\t{}\n", numbers::event_number(&event), bodies[0], bodies[1]));
        }
    }
    std::fs::write(std::env::var("IB_SIM_FRAMES").expect("IB_SIM_FRAMES names the file"), lines).unwrap();
}
