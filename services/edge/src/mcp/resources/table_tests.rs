use std::collections::BTreeSet;

use schemas::Freshness;

use super::*;

#[test]
fn every_row_is_complete_and_read_from_memory() {
    let mut seen = BTreeSet::new();
    for resource in RESOURCES {
        assert!(seen.insert(resource.uri) && seen.insert(resource.name), "{} stands there twice", resource.uri);
        assert!(resource.uri.starts_with("ibkr://") && !resource.title.is_empty() && resource.about.len() <= 300, "{resource:?}");
        assert!((0.0..=1.0).contains(&resource.priority), "{resource:?}");
        assert_eq!(resource.uri.contains('{'), resource.is_template(), "the one hole is an account at the end: {resource:?}");
        let Source::Kept { row, params, pace } = &resource.source else { continue };
        // Whoever listens has it asked each second: only memory may be asked that often.
        assert_eq!(row.freshness, Freshness::Kept, "{resource:?}");
        assert!(schemas::find(&row.name()).is_some(), "{} is an operation of this release", row.name());
        let account = if resource.is_template() { "DU1" } else { "" };
        let params: Value = serde_json::from_slice(&params(account)).expect("JSON");
        assert_eq!(params["account"], account, "{resource:?}");
        // Of those only the orders are IB's to say: its worker asks it anew each second that somebody asks.
        assert_eq!(*pace == Pace::Seldom, row.op == "open_orders", "{resource:?}");
    }
}

#[test]
fn a_uri_is_taken_apart() {
    for (uri, row, account) in [
        ("ibkr://accounts", "ibkr://accounts", ""),
        ("ibkr://health", "ibkr://health", ""),
        ("ibkr://positions/DUSIM00001", "ibkr://positions/{account}", "DUSIM00001"),
        ("ibkr://positions/u-1_x.y", "ibkr://positions/{account}", "u-1_x.y"),
        ("ibkr://portfolio/DU1", "ibkr://portfolio/{account}", "DU1"),
        ("ibkr://orders/DU1", "ibkr://orders/{account}", "DU1"),
    ] {
        let target = find(uri).unwrap_or_else(|fault| panic!("{uri}: {fault}"));
        assert_eq!((target.resource.uri, target.account), (row, account));
    }
}

#[test]
fn what_is_no_uri_of_ours_is_refused_with_a_way_on() {
    let long = format!("ibkr://positions/{}", "A".repeat(10_000));
    for (uri, code, word) in [
        ("ibkr://account", FaultCode::NotFound, "did you mean ibkr://accounts"),
        ("http://127.0.0.1/", FaultCode::NotFound, "ibkr://positions/{account}"),
        ("", FaultCode::NotFound, "ibkr://health"),
        ("ibkr://health/", FaultCode::NotFound, "ibkr://health"),
        ("ibkr://orders", FaultCode::NotFound, "did you mean ibkr://orders/{account}"),
        ("ibkr://orders/", FaultCode::InvalidParams, "ibkr://orders/{account}"),
        ("ibkr://positions/", FaultCode::InvalidParams, "ibkr://accounts"),
        ("ibkr://positions/{account}", FaultCode::InvalidParams, "ibkr://accounts"),
        ("ibkr://positions/a/b", FaultCode::InvalidParams, "ibkr://accounts"),
        ("ibkr://positions/a%2Eb", FaultCode::InvalidParams, "ibkr://accounts"),
        ("ibkr://positions/>", FaultCode::InvalidParams, "ibkr://accounts"),
        ("ibkr://positions/\u{1b}[31m", FaultCode::InvalidParams, "ibkr://accounts"),
        (&long, FaultCode::InvalidParams, "ibkr://accounts"),
    ] {
        let fault = find(uri).expect_err(uri);
        assert_eq!(fault.code, code, "{uri}");
        assert!(fault.hint.as_deref().is_some_and(|hint| hint.contains(word)), "{uri}: {:?}", fault.hint);
        assert!(fault.message.len() < 200 && !fault.message.contains('\u{1b}'), "{}", fault.message);
    }
}

#[test]
fn the_entry_of_an_account_can_be_read_back() {
    let positions = RESOURCES.iter().find(|resource| resource.is_template()).expect("a template");
    let listed = positions.listed(Some("DU1"));
    assert_eq!((&listed["uri"], &listed["title"]), (&json!("ibkr://positions/DU1"), &json!("Positions of DU1")));
    assert_eq!(find(listed["uri"].as_str().expect("a text")).expect("ours").account, "DU1");
    assert_eq!(positions.template()["uriTemplate"], json!("ibkr://positions/{account}"));
}
