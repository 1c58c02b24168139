use super::*;
use crate::fault;

fn request() -> BarsRequest {
    let contract = schemas::contracts::Contract {
        conid: 265_598,
        symbol: "AAPL".into(),
        sec_type: "STK".into(),
        exchange: "SMART".into(),
        currency: "USD".into(),
        primary_exchange: None,
        local_symbol: None,
        trading_class: None,
        expiry: None,
        strike: None,
        right: None,
        multiplier: None,
        name: None,
        assumed: Vec::new(),
    };
    BarsRequest { contract, duration: Span::default(), bar_size: BarSize::Day, what_to_show: WhatToShow::Trades, use_rth: true, end: None }
}

#[test]
fn no_data_names_what_was_asked() {
    let told = fault::of_code(162, "Historical Market Data Service error message:HMDS query returned no data: AAPL@SMART Trades");
    let hint = no_bars(told, &request()).hint.expect("hint");
    for part in ["TRADES", "1 day", "1 M", "AAPL", "SMART", "265598"] {
        assert!(hint.contains(part), "{part} in {hint}");
    }
    let unknown = fault::of_code(200, "No security definition has been found for the request");
    assert!(!no_bars(unknown, &request()).hint.expect("hint").contains("TRADES"));
}

#[test]
fn a_headline_without_a_readable_time_is_dropped() {
    let row = |second: i64, id: &str| NewsArticle {
        time: time::OffsetDateTime::from_unix_timestamp(second).expect("time"),
        provider_code: "BRFG".into(),
        article_id: id.into(),
        headline: "Apple rose".into(),
        extra_data: String::new(),
    };
    let told = readable(vec![row(0, "a"), row(1_700_000_000, "b"), row(1_800_000_000, "c")], 5);
    assert_eq!(told.iter().map(|headline| headline.article_id.as_str()).collect::<Vec<_>>(), ["c", "b"]);
}

#[test]
fn only_queries_for_chains_get_room_for_chains() {
    let query = |sec_type: Option<&str>| ContractQuery { sec_type: sec_type.map(str::to_owned), ..ContractQuery::default() };
    assert!(names_many(&query(Some("OPT"))) && names_many(&query(Some("FUT"))) && names_many(&query(None)));
    assert!(!names_many(&query(Some("STK"))));
    assert!(!names_many(&ContractQuery { conid: Some(1), ..query(Some("OPT")) }));
}

#[test]
fn html_is_told_from_text() {
    assert!(looks_like_html("  <HTML><body>"));
    assert!(looks_like_html("<p>Apple rose</p>"));
    assert!(!looks_like_html("Apple rose by <3%"));
}
