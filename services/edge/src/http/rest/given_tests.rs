use super::{super::table::ENDPOINTS, *};

fn chain() -> &'static Endpoint {
    ENDPOINTS.iter().find(|endpoint| endpoint.path.starts_with("/options/chain/")).expect("in the table")
}

fn read(query: &[(&str, &str)]) -> Result<Given, Fault> {
    let query: Vec<(String, String)> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Given::read(chain(), &[("symbol", "AAPL"), ("expiration", "2026-12-18")], &query)
}

#[test]
fn good_values_of_every_kind() {
    let given = read(&[
        ("right", "call"),
        ("min_strike", " 150.50 "),
        ("moneyness", "0.2"),
        ("strikes", "100"),
        ("limit", "200"),
        ("max_age", "1.5"),
        ("data_type", "LIVE"),
        ("delta_max", "1"),
    ])
    .expect("good");
    assert_eq!((given.text("symbol"), given.text("expiration")), (Some("AAPL"), Some("2026-12-18")));
    assert_eq!((given.text("right"), given.text("data_type")), (Some("CALL"), Some("live")));
    assert_eq!(given.price("min_strike").map(|price| price.to_string()).as_deref(), Some("150.5"));
    assert_eq!((given.number("moneyness"), given.number("delta_max"), given.number("delta_min")), (Some(0.2), Some(1.0), None));
    assert_eq!((given.whole("strikes"), given.whole("limit"), given.millis("max_age")), (Some(100), Some(200), Some(1_500)));
}

#[test]
fn a_price_is_a_decimal_as_people_write_it() {
    for (text, price) in [
        (".5", "0.5"),
        ("190.", "190"),
        ("0190", "190"),
        ("00.50", "0.5"),
        ("0", "0"),
        ("0.0", "0"),
        ("1e2", "100"),
        ("5002.500000000000000000", "5002.5"),
    ] {
        let given = read(&[("min_strike", text)]).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(given.price("min_strike").map(|price| price.to_string()).as_deref(), Some(price), "{text}");
    }
    for text in [".", "1.2.3", "1,5", "+5", "0x10", "-.5", "٣", "1_000", "\"1\"", "null"] {
        assert!(read(&[("min_strike", text)]).is_err(), "{text}");
    }
}

#[test]
fn bad_values_name_the_field_and_the_rule() {
    // name, value, what the message says
    for (name, value, says) in [
        ("limit", "201", "1 to 200"),
        ("limit", "0", "1 to 200"),
        ("limit", "ten", "`ten`"),
        ("limit", "1.0", "whole number"),
        ("limit", "-1", "1 to 200"),
        ("offset", "99999999999", "whole number"),
        ("moneyness", "nan", "from 0 to 10"),
        ("moneyness", "inf", "from 0 to 10"),
        ("moneyness", "-0.1", "from 0 to 10"),
        ("delta_max", "1.01", "from 0 to 1"),
        ("min_strike", "-1", "not negative"),
        ("min_strike", "1234567890.1234567", "15 significant digits"),
        ("min_strike", "[1]", "number"),
        ("max_age", "61", "from 0 to 60"),
        ("max_age", "-1", "from 0 to 60"),
        ("max_age", "1e400", "from 0 to 60"),
        ("right", "X", "C, P"),
        ("data_type", "delayed", "best, live"),
        ("format", "cvs", "optopsy-csv"),
        ("strikes", "", "empty"),
        ("trading_class", " ", "empty"),
    ] {
        let fault = read(&[(name, value)]).expect_err(name);
        assert_eq!((fault.code, fault.field.as_deref()), (schemas::FaultCode::InvalidParams, Some(name)), "{value}: {fault}");
        let told = format!("{} {}", fault.message, fault.allowed.join(", "));
        assert!(told.contains(says) && fault.hint.is_some(), "{name}={value}: `{says}` in {told}");
    }
    let long = "x".repeat(100_000);
    let fault = read(&[("trading_class", &long)]).expect_err("too long");
    assert!(fault.message.len() < 200, "{}", fault.message.len());
}

#[test]
fn a_name_that_is_not_known_gets_the_names_and_the_nearest() {
    for (name, nearest) in [("moneynes", Some("moneyness")), ("maxAge", Some("max_age")), ("colour", None), ("", None)] {
        let fault = read(&[(name, "1")]).expect_err("unknown");
        assert_eq!((fault.field.as_deref(), fault.nearest.as_deref()), (Some(name), nearest));
        assert!(fault.allowed.contains(&"delta_min".to_owned()) && !fault.allowed.contains(&"symbol".to_owned()), "{:?}", fault.allowed);
    }
    let fault = read(&[("symbol", "MSFT")]).expect_err("in the path");
    assert!(fault.message.contains("part of the path"), "{fault}");
    let fault = read(&[("strike\r\nx", "1")]).expect_err("unknown");
    assert!(!fault.message.contains('\n'), "{fault}");
}

#[test]
fn a_name_that_stands_there_twice_is_refused_even_with_the_same_value() {
    let fault = read(&[("limit", "10"), ("right", "C"), ("limit", "10")]).expect_err("twice");
    assert_eq!(fault.field.as_deref(), Some("limit"));
    assert!(fault.message.contains("twice"), "{fault}");
}

#[test]
fn every_row_of_the_table_can_be_read_by_a_person() {
    for endpoint in ENDPOINTS {
        assert!(endpoint.path.starts_with('/') && !endpoint.about.is_empty());
        let mut names = std::collections::BTreeSet::new();
        for param in endpoint.params {
            assert!(names.insert(param.name), "{} has {} twice", endpoint.path, param.name);
            assert!(!param.about.is_empty() && param.about.len() <= 100, "{} of {}", param.name, endpoint.path);
            let in_path = endpoint.path.contains(&format!("{{{}}}", param.name));
            assert_eq!(in_path, param.place == Place::Path, "{} of {}", param.name, endpoint.path);
        }
        assert_eq!(endpoint.path.matches('{').count(), endpoint.params.iter().filter(|param| param.place == Place::Path).count());
    }
}
