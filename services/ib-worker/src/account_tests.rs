use ib_link::{Holding, KeptValue};
use schemas::{Num, contracts::Contract};

use super::{rows::position, *};

fn num(text: &str) -> Num {
    Num::from_ib_text(text).expect(text)
}

fn holding(quantity: &str, avg_cost: &str, value: Option<&str>, unrealized: Option<&str>, multiplier: Option<&str>) -> Holding {
    let contract = Contract {
        conid: 1,
        symbol: "AAPL".to_owned(),
        sec_type: "STK".to_owned(),
        exchange: String::new(),
        currency: "USD".to_owned(),
        primary_exchange: None,
        local_symbol: None,
        trading_class: None,
        expiry: None,
        strike: None,
        right: None,
        multiplier: multiplier.map(num),
        name: None,
        assumed: Vec::new(),
    };
    Holding {
        contract,
        quantity: num(quantity),
        avg_cost: num(avg_cost),
        market_price: None,
        market_value: value.map(num),
        unrealized_pnl: unrealized.map(num),
        realized_pnl: None,
    }
}

fn value(tag: &str, currency: Option<&str>, value: &str) -> KeptValue {
    KeptValue { tag: tag.to_owned(), currency: currency.map(str::to_owned), value: value.to_owned() }
}

#[test]
fn an_options_cost_is_per_contract_and_its_price_per_share() {
    let row = position("DU1", &holding("-3", "2100.6321", Some("-5400"), Some("901.8963"), Some("100")));
    assert_eq!(row.avg_price, num("21.006321"));
    assert_eq!(row.unrealized_pnl_percent, Some(num("14.31")));
    assert_eq!(row.exchange, None);
}

#[test]
fn what_ib_has_not_priced_stays_absent() {
    let row = position("DU1", &holding("10", "256.1", None, None, None));
    assert_eq!((row.market_value, row.unrealized_pnl_percent, row.multiplier), (None, None, num("1")));
    let account = AccountKept { values: Vec::new(), holdings: vec![holding("10", "256.1", None, None, None)], profit: None };
    assert_eq!(positions_value(&account), None, "a sum without one of its parts would be a lie");
}

#[test]
fn a_ledger_value_is_told_once_in_the_base_currency() {
    let values = vec![
        value("NetLiquidation", Some("EUR"), "68000.00"),
        value("UnrealizedPnL", Some("BASE"), "12.5"),
        value("UnrealizedPnL", Some("USD"), "14.0"),
    ];
    let account = AccountKept { values, holdings: Vec::new(), profit: None };
    let told = summary_value(&account, "UnrealizedPnL").expect("told");
    assert_eq!((told.number, told.currency.as_deref()), (Some(num("12.5")), Some("EUR")));
    assert_eq!(summary_value(&account, "BuyingPower"), None);
}

#[test]
fn holdings_in_another_currency_are_converted_at_ibs_rate() {
    let values = vec![value("NetLiquidation", Some("EUR"), "1"), value("ExchangeRate", Some("USD"), "0.9")];
    let account = AccountKept { values, holdings: vec![holding("10", "100", Some("1000"), None, None)], profit: None };
    assert_eq!(positions_value(&account), Some(num("900")));
}

#[test]
fn a_base_currency_that_ib_has_not_told_is_not_guessed() {
    let silent = AccountKept {
        values: vec![value("UnrealizedPnL", Some("BASE"), "12.5"), value("TotalCashBalance", Some("CHF"), "1")],
        holdings: vec![holding("10", "100", Some("1000"), None, None)],
        profit: None,
    };
    assert_eq!((base_currency(&silent), positions_value(&silent)), (None, None));
    let told = summary_value(&silent, "UnrealizedPnL").expect("told");
    assert_eq!((told.number, told.currency), (Some(num("12.5")), None), "the value stays, its currency is absent");
    let mut other = silent.clone();
    other.values.push(value("BuyingPower", Some("EUR"), "4000"));
    assert_eq!(base_currency(&other).as_deref(), Some("EUR"), "another value that IB tells in it says it too");
    let fault = no_base_currency("DU1");
    assert!(fault.message.contains("DU1") && fault.retry_after_ms.is_some(), "{fault:?}");
}
