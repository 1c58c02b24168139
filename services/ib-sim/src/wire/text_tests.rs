//! Fields there and back, and what no client may do with a count.

use super::*;

fn written(field: impl Field) -> String {
    let mut out = BytesMut::new();
    field.write(&mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn values_are_written_as_ib_prints_them() {
    assert_eq!((written(0.0), written(150.25), written(f64::MAX)), ("0.0".into(), "150.25".into(), UNSET_DOUBLE.into()));
    assert_eq!((written(f64::INFINITY), written(1e-7)), ("Infinity".into(), "1E-7".into()));
    assert_eq!((written(true), written(false), written(-1), written(None::<i32>)), ("1".into(), "0".into(), "-1".into(), String::new()));
    assert_eq!((written("a\0b"), written(Escaped("Zürich \\ €\0"))), ("ab".into(), "Z\\u00fcrich \\u005c \\u20ac".into()));
    assert_eq!(written(Escaped("😀")), "\\ud83d\\ude00");
}

#[test]
fn a_frame_is_length_number_and_fields() {
    let mut writer = FieldWriter::new(15);
    put!(writer; 1, "DU111");
    assert_eq!(&writer.finish()[..], b"\0\0\0\x0b15\x001\0DU111\0");
}

#[test]
fn empty_fields_and_sentinels_are_absent() {
    let body = b"\0\x002147483647\x001.7976931348623157e+308\x001.7976931348623157E308\x00Infinite\0Infinity\x00100.0\x000.50\x000\x001\0";
    let mut fields = FieldReader::new(body);
    assert_eq!(fields.left(), 11);
    assert_eq!((fields.given().unwrap(), fields.whole().unwrap(), fields.whole().unwrap()), (None, None, None));
    assert_eq!((fields.decimal().unwrap(), fields.decimal().unwrap()), (None, None));
    assert_eq!((fields.decimal().unwrap(), fields.decimal().unwrap()), (Some(f64::INFINITY), Some(f64::INFINITY)));
    assert_eq!((fields.quantity().unwrap().as_deref(), fields.quantity().unwrap().as_deref()), (Some("100"), Some("0.5")));
    assert_eq!((fields.set().unwrap(), fields.set().unwrap()), (None, Some(true)));
    assert_eq!(fields.text(), Err(TextError::Missing(11)));
}

#[test]
fn what_is_no_number_names_its_field() {
    let mut fields = FieldReader::new(b"1\0x\0nan\0");
    assert_eq!(fields.int(), Ok(1));
    assert_eq!(fields.int().unwrap_err().to_string(), "field 1 should be a whole number, not \"x\"");
    assert!(fields.decimal().is_err());
}

#[test]
fn a_count_beyond_the_message_is_refused() {
    for forged in ["2000000000", "-1", "9223372036854775807", "3"] {
        let body = format!("{forged}\0a\0b\0");
        assert!(matches!(FieldReader::new(body.as_bytes()).count(), Err(TextError::Count { at: 0, .. })), "{forged}");
    }
    assert_eq!(FieldReader::new(b"2\0a\0b\0").count(), Ok(2));
    assert_eq!(FieldReader::new(b"\0a\0").count(), Ok(0));
}

proptest::proptest! {
    #[test]
    fn doubles_come_back(value: f64) {
        proptest::prop_assume!(value.is_finite() && value != f64::MAX);
        let body = format!("{}\0", written(value));
        proptest::prop_assert_eq!(FieldReader::new(body.as_bytes()).decimal().unwrap(), Some(value));
    }

    #[test]
    fn written_text_is_one_field(text: String) {
        let mut writer = FieldWriter::new(1);
        put!(writer; text, Escaped(&text));
        let frame = writer.finish();
        let mut fields = FieldReader::new(&frame[4..]);
        proptest::prop_assert_eq!(fields.left(), 3);
        fields.skip().unwrap();
        proptest::prop_assert_eq!(fields.text().unwrap(), text.replace('\0', ""));
        proptest::prop_assert!(fields.text().unwrap().is_ascii());
    }
}
