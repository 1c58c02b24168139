use super::*;

const NOW: &str = "2026-11-21T15:00:00Z";

fn query(symbol: &str, sec_type: Option<&str>) -> ContractQuery {
    ContractQuery { symbol: Some(symbol.to_owned()), sec_type: sec_type.map(str::to_owned), ..ContractQuery::default() }
}

fn found(conid: i32, sec_type: &str, expiry: Option<&str>, currency: &str) -> Resolved {
    let contract = Contract {
        conid,
        symbol: "X".to_owned(),
        sec_type: sec_type.to_owned(),
        exchange: "SMART".to_owned(),
        currency: currency.to_owned(),
        primary_exchange: None,
        local_symbol: None,
        trading_class: None,
        expiry: expiry.map(str::to_owned),
        strike: None,
        right: None,
        multiplier: None,
        name: None,
        assumed: Vec::new(),
    };
    Resolved { contract, details: schemas::contracts::ContractDetails::default() }
}

#[test]
fn defaults_yield_to_the_kind_of_instrument() {
    let stock = &readings(&query("AAPL", None))[0];
    assert_eq!((stock.query.exchange.as_deref(), stock.query.currency.as_deref()), (Some("SMART"), Some("USD")));
    let pair = &readings(&query("EUR", Some("CASH")))[0];
    assert_eq!(pair.query.exchange.as_deref(), Some("IDEALPRO"));
    assert_eq!(pair.assumed, ["exchange IDEALPRO, because CASH"]);
    assert_eq!(readings(&query("SPX", Some("IND")))[0].query.exchange, None);
    let sent = ContractQuery { exchange: Some("CBOE".to_owned()), ..query("EUR", Some("CASH")) };
    assert_eq!(readings(&sent)[0].query.exchange.as_deref(), Some("CBOE"), "what was sent is never changed");
}

#[test]
fn an_index_comes_first_for_whose_default_it_is_and_yields_by_name() {
    let told = |readings: Vec<Reading>| -> Vec<(String, Vec<String>)> {
        readings.into_iter().map(|reading| (reading.query.sec_type.unwrap_or_default(), reading.assumed)).collect()
    };
    let both = told(index_first(&query("AAPL", None)));
    let kinds: Vec<&str> = both.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["IND", "STK", "STK"]);
    assert!(both[0].1.is_empty(), "{both:?}");
    assert!(both[1..].iter().all(|(_, assumed)| assumed[0] == "STK on SMART, because no index is called AAPL"), "{both:?}");
    let sent = ContractQuery { exchange: Some("NYSE".to_owned()), ..query("KO", None) };
    assert_eq!(index_first(&sent)[1].assumed[0], "STK, because no index is called KO", "what was sent is no default");
    for same in [query("SPX", Some("STK")), query("SPX", Some("IND")), ContractQuery { conid: Some(1), ..query("SPX", None) }] {
        assert_eq!(index_first(&same), readings(&same));
    }
}

#[test]
fn a_default_currency_yields_and_a_sent_one_stays() {
    let currencies: Vec<_> = readings(&query("SAP", Some("STK"))).into_iter().map(|reading| reading.query.currency).collect();
    assert_eq!(currencies, [Some("USD".to_owned()), None]);
    let sent = ContractQuery { currency: Some("EUR".to_owned()), ..query("SAP", Some("STK")) };
    assert_eq!(readings(&sent).len(), 1);
}

#[test]
fn a_symbol_beside_another_instruments_conid_is_refused() {
    let both = ContractQuery { conid: Some(1), ..query("MSFT", None) };
    let details = |resolved: Resolved| Details { contract: resolved.contract, details: resolved.details };
    let fault = contradiction(&both, &[details(found(1, "STK", None, "USD"))]).expect_err("X is not MSFT");
    assert_eq!(fault.message, "conid 1 is X, not MSFT");
    contradiction(&ContractQuery { conid: Some(1), ..query("x", None) }, &[details(found(1, "STK", None, "USD"))]).expect("the same");
}

#[test]
fn several_are_ambiguous_with_what_tells_them_apart() {
    let fault = one(&query("X", None), vec![found(1, "STK", None, "USD"), found(2, "STK", None, "EUR")], NOW.parse().expect("time"));
    let fault = fault.expect_err("two");
    assert_eq!((fault.code, fault.candidates.len()), (FaultCode::Ambiguous, 2));
    assert!(fault.hint.expect("hint").contains("currency"));
}

#[test]
fn an_index_comes_before_a_share_of_the_same_letters_abroad() {
    let kinds: Vec<_> =
        readings(&query("SPX", None)).into_iter().map(|r| (r.query.sec_type.unwrap_or_default(), r.query.currency)).collect();
    assert_eq!(kinds, [("STK".to_owned(), Some("USD".to_owned())), ("IND".to_owned(), None), ("STK".to_owned(), None)]);
}

#[test]
fn futures_of_two_sizes_are_ambiguous_in_their_front_month() {
    let sized = |conid, multiplier| {
        let mut resolved = found(conid, "FUT", Some("20261218"), "EUR");
        resolved.contract.multiplier = Some(schemas::Num::from(multiplier));
        resolved
    };
    let fault = one(
        &query("DAX", Some("FUT")),
        vec![sized(1, 25), sized(2, 5), found(3, "FUT", Some("20270319"), "EUR")],
        NOW.parse().expect("time"),
    );
    let fault = fault.expect_err("two sizes");
    assert_eq!((fault.code, fault.candidates.len()), (FaultCode::Ambiguous, 2));
    assert!(fault.hint.expect("hint").contains("multiplier"));
}

#[test]
fn a_future_without_a_month_is_the_front_one() {
    let months =
        vec![found(3, "FUT", Some("20270319"), "USD"), found(1, "FUT", Some("20260918"), "USD"), found(2, "FUT", Some("20261218"), "USD")];
    let front = one(&query("ES", Some("FUT")), months, NOW.parse().expect("time")).expect("front");
    assert_eq!(front.contract.conid, 2);
    assert_eq!(front.contract.assumed, ["expiry 20261218, the front month"]);
}
