//! Instruments.

use ibapi::contracts as ib;
use schemas::contracts::{Contract, ContractDetails, ContractQuery, SecId, SymbolMatch};
use schemas::{Fault, Num};

use super::{iana_zone, text};

/// One instrument that IB found, and what IB says about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Details {
    pub contract: Contract,
    pub details: ContractDetails,
}

/// Everything empty: `ibapi`'s own default is a stock on SMART in USD, which nobody has said.
fn nothing_said() -> ib::Contract {
    ib::Contract {
        security_type: ib::SecurityType::Other(String::new()),
        exchange: ib::Exchange::from(""),
        currency: ib::Currency::from(""),
        ..ib::Contract::default()
    }
}

fn said(value: Option<&String>) -> String {
    value.map(|value| value.trim().to_owned()).unwrap_or_default()
}

pub(crate) fn security_type(name: &str) -> ib::SecurityType {
    let name = name.trim().to_ascii_uppercase();
    // `ibapi`'s parser never fails: it keeps a name that it does not know.
    name.parse().unwrap_or(ib::SecurityType::Other(name))
}

fn right(value: &str) -> Result<ib::OptionRight, Fault> {
    match value.trim().to_ascii_uppercase().as_str() {
        "C" | "CALL" => Ok(ib::OptionRight::Call),
        "P" | "PUT" => Ok(ib::OptionRight::Put),
        _ => Err(Fault::invalid("right", format!("`{value}` is no right of an option: C (call) or P (put)")).allowed(["C", "P"])),
    }
}

/// A query as it was asked. Expired futures are found only when their month is named: IB would otherwise add every
/// month of the last two years to the answer.
pub(crate) fn asked_contract(query: &ContractQuery) -> Result<ib::Contract, Fault> {
    if query.conid.is_none() && query.symbol.is_none() && query.local_symbol.is_none() && query.isin.is_none() {
        return Err(Fault::invalid("symbol", "nothing names an instrument: one of conid, symbol, local_symbol, isin is needed"));
    }
    let sec_type = security_type(&said(query.sec_type.as_ref()));
    let isin = said(query.isin.as_ref());
    Ok(ib::Contract {
        contract_id: query.conid.unwrap_or_default(),
        symbol: ib::Symbol::from(said(query.symbol.as_ref())),
        include_expired: sec_type == ib::SecurityType::Future && query.expiry.is_some(),
        security_type: sec_type,
        last_trade_date_or_contract_month: said(query.expiry.as_ref()),
        strike: query.strike.map(Num::to_f64).unwrap_or_default(),
        right: query.right.as_deref().map(right).transpose()?,
        multiplier: said(query.multiplier.as_ref()),
        exchange: ib::Exchange::from(said(query.exchange.as_ref())),
        currency: ib::Currency::from(said(query.currency.as_ref())),
        local_symbol: said(query.local_symbol.as_ref()),
        primary_exchange: ib::Exchange::from(said(query.primary_exchange.as_ref())),
        trading_class: said(query.trading_class.as_ref()),
        security_id_type: (!isin.is_empty()).then_some(ib::SecurityIdType::Isin),
        security_id: isin,
        ..nothing_said()
    })
}

/// A contract that was found before, for requests about it. The id names it; IB needs an exchange beside, and the rest
/// makes its error texts readable.
pub(crate) fn resolved_contract(contract: &Contract) -> ib::Contract {
    let sec_type = security_type(&contract.sec_type);
    ib::Contract {
        contract_id: contract.conid,
        symbol: ib::Symbol::from(contract.symbol.as_str()),
        include_expired: sec_type == ib::SecurityType::Future,
        security_type: sec_type,
        exchange: ib::Exchange::from(contract.exchange.as_str()),
        currency: ib::Currency::from(contract.currency.as_str()),
        ..nothing_said()
    }
}

/// A contract as IB tells it, wherever it appears.
pub(crate) fn contract(found: &ib::Contract) -> Contract {
    // `20261218 08:30 US/Central` for some futures: the date is what names the contract.
    let expiry = found.last_trade_date_or_contract_month.split_whitespace().next().map(str::to_owned);
    Contract {
        conid: found.contract_id,
        symbol: found.symbol.0.clone(),
        sec_type: found.security_type.as_str().to_owned(),
        exchange: found.exchange.0.clone(),
        currency: found.currency.0.clone(),
        primary_exchange: text(&found.primary_exchange.0),
        local_symbol: text(&found.local_symbol),
        trading_class: text(&found.trading_class),
        expiry,
        strike: Num::from_ib(found.strike).filter(|strike| *strike != Num::ZERO),
        right: found.right.map(|right| right.as_str().to_owned()),
        multiplier: Num::from_ib_text(&found.multiplier).filter(|multiplier| *multiplier != Num::ZERO),
        name: text(&found.description),
        assumed: Vec::new(),
    }
}

pub(crate) fn details(found: &ib::ContractDetails) -> Details {
    let mut instrument = contract(&found.contract);
    let long_name = text(&found.long_name);
    instrument.name = long_name.clone().or(instrument.name);
    Details {
        details: ContractDetails {
            long_name,
            industry: text(&found.industry),
            category: text(&found.category),
            subcategory: text(&found.subcategory),
            stock_type: text(&found.stock_type),
            market_name: text(&found.market_name),
            min_tick: positive(Some(found.min_tick)),
            price_magnifier: count(found.price_magnifier),
            order_types: names(&found.order_types),
            valid_exchanges: names(&found.valid_exchanges),
            market_rule_ids: found.market_rule_ids.iter().filter_map(|id| id.trim().parse().ok()).collect(),
            underlying_conid: count(found.under_contract_id),
            contract_month: text(&found.contract_month),
            real_expiration_date: text(&found.real_expiration_date),
            time_zone: text(&found.time_zone_id).map(|zone| iana_zone(&zone).unwrap_or(zone)),
            trading_hours: hours(&found.trading_hours),
            liquid_hours: hours(&found.liquid_hours),
            min_size: positive(found.min_size),
            size_increment: positive(found.size_increment),
            suggested_size_increment: positive(found.suggested_size_increment),
            sec_ids: found.sec_id_list.iter().map(|id| SecId { kind: id.tag.clone(), value: id.value.clone() }).collect(),
        },
        contract: instrument,
    }
}

pub(crate) fn symbol_match(found: &ib::ContractDescription) -> SymbolMatch {
    let contract = contract(&found.contract);
    SymbolMatch {
        conid: contract.conid,
        symbol: contract.symbol,
        sec_type: contract.sec_type,
        primary_exchange: contract.primary_exchange.unwrap_or(contract.exchange),
        currency: contract.currency,
        name: contract.name,
        derivatives: names(&found.derivative_security_types),
    }
}

fn positive(value: Option<f64>) -> Option<Num> {
    value.and_then(Num::from_ib).filter(|value| *value > Num::ZERO)
}

fn count(value: i32) -> Option<i32> {
    (value > 0 && value != i32::MAX).then_some(value)
}

fn names(values: &[String]) -> Vec<String> {
    values.iter().filter_map(|value| text(value)).collect()
}

fn hours(days: &[String]) -> Option<String> {
    text(&names(days).join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(symbol: &str) -> ContractQuery {
        ContractQuery { symbol: Some(symbol.to_owned()), ..ContractQuery::default() }
    }

    #[test]
    fn what_was_not_said_is_not_sent() {
        let asked = asked_contract(&query("AAPL")).expect("contract");
        assert_eq!(asked.symbol.0, "AAPL");
        let texts = [
            asked.security_type.as_str(),
            &asked.exchange.0,
            &asked.currency.0,
            &asked.primary_exchange.0,
            &asked.multiplier,
            &asked.local_symbol,
        ];
        assert!(texts.iter().all(|text| text.is_empty()), "{asked:?}");
        assert!(!asked.include_expired && asked.right.is_none() && asked.security_id_type.is_none());
    }

    #[test]
    fn a_contract_id_is_enough_and_keeps_an_exchange() {
        let query = ContractQuery { conid: Some(265_598), exchange: Some("NYSE".into()), ..ContractQuery::default() };
        let asked = asked_contract(&query).expect("contract");
        assert_eq!((asked.contract_id, asked.exchange.0.as_str(), asked.symbol.0.as_str()), (265_598, "NYSE", ""));
    }

    #[test]
    fn an_option_is_sent_in_full() {
        let query = ContractQuery {
            sec_type: Some("opt".into()),
            expiry: Some("20261218".into()),
            strike: Num::from_ib(190.5),
            right: Some("call".into()),
            multiplier: Some("100".into()),
            ..query("AAPL")
        };
        let asked = asked_contract(&query).expect("contract");
        assert_eq!(
            (asked.security_type, asked.right, asked.multiplier.as_str()),
            (ib::SecurityType::Option, Some(ib::OptionRight::Call), "100")
        );
        assert!((asked.strike - 190.5).abs() < f64::EPSILON);
    }

    #[test]
    fn an_expired_future_is_found_when_its_month_is_named() {
        let future = ContractQuery { sec_type: Some("FUT".into()), ..query("ES") };
        assert!(!asked_contract(&future).expect("contract").include_expired);
        let month = ContractQuery { expiry: Some("202509".into()), ..future };
        assert!(asked_contract(&month).expect("contract").include_expired);
    }

    #[test]
    fn nothing_said_and_a_strange_right_are_refused_by_field() {
        assert_eq!(asked_contract(&ContractQuery::default()).expect_err("nothing").field.as_deref(), Some("symbol"));
        let strange = ContractQuery { right: Some("X".into()), ..query("AAPL") };
        let fault = asked_contract(&strange).expect_err("right");
        assert_eq!((fault.field.as_deref(), fault.allowed.len()), (Some("right"), 2));
    }

    #[test]
    fn an_isin_goes_as_a_security_id() {
        let query = ContractQuery { isin: Some("DE0007164600".into()), ..ContractQuery::default() };
        let asked = asked_contract(&query).expect("contract");
        assert_eq!((asked.security_id_type, asked.security_id.as_str()), (Some(ib::SecurityIdType::Isin), "DE0007164600"));
    }

    #[test]
    fn unset_values_of_ib_are_absent() {
        let found = ib::ContractDetails {
            contract: ib::Contract { strike: f64::MAX, ..ib::Contract::default() },
            under_contract_id: i32::MAX,
            size_increment: Some(f64::MAX),
            trading_hours: vec![String::new()],
            order_types: vec![String::new()],
            ..ib::ContractDetails::default()
        };
        let converted = details(&found);
        assert_eq!(converted.details, ContractDetails::default());
        let instrument = converted.contract;
        assert_eq!((instrument.strike, instrument.multiplier, instrument.expiry, instrument.name), (None, None, None, None));
    }

    #[test]
    fn facts_of_a_stock_survive() {
        let found = ib::ContractDetails {
            contract: ib::Contract { contract_id: 265_598, symbol: "AAPL".into(), multiplier: "100".into(), ..ib::Contract::default() },
            long_name: "APPLE INC".into(),
            time_zone_id: "US/Eastern".into(),
            min_tick: 0.01,
            trading_hours: vec!["20261123:0400-20261123:2000".into(), "20261124:CLOSED".into()],
            market_rule_ids: vec!["26".into(), "26".into()],
            ..ib::ContractDetails::default()
        };
        let converted = details(&found);
        assert_eq!(converted.contract.name.as_deref(), Some("APPLE INC"));
        assert_eq!(converted.contract.multiplier, Some(Num::from(100)));
        assert_eq!(converted.details.time_zone.as_deref(), Some("America/New_York"));
        assert_eq!(converted.details.trading_hours.as_deref(), Some("20261123:0400-20261123:2000;20261124:CLOSED"));
        assert_eq!((converted.details.min_tick, converted.details.market_rule_ids), (Num::from_ib(0.01), vec![26, 26]));
    }

    #[test]
    fn a_date_with_a_time_is_a_date() {
        let found = ib::Contract { last_trade_date_or_contract_month: "20261218 08:30 US/Central".into(), ..ib::Contract::default() };
        assert_eq!(contract(&found).expiry.as_deref(), Some("20261218"));
    }
}
