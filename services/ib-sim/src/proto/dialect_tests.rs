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
