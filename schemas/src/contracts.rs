//! Instruments: naming one, finding its contract ids, its details, when and in which steps it trades.

mod rules;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use rules::{
    MarketRule, MarketRuleParams, MarketRuleReply, PriceStep, SCHEDULE_DAYS_MAX, Schedule, ScheduleParams, ScheduleReply, TradingDay,
    TradingSession,
};

use crate::{Context, Fault, Freshness, Num, Operation, Retry};

/// Names an instrument, completely or in part. What is absent was not said, and yields to the instrument: a stock
/// trades on SMART in USD, an index, future, currency pair or crypto on its own exchange. What is present is never changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContractQuery {
    /// IB's contract id: names exactly one instrument, and then nothing else is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conid: Option<i32>,
    /// IB's symbol: `AAPL`, `BRK B`, `EUR` (of EUR.USD), `ES`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// STK, OPT, FUT, CONTFUT, IND, CASH, CRYPTO, FOP, BOND, FUND, CFD, CMDTY, WAR, BAG.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sec_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_exchange: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// YYYYMMDD, or YYYYMM for a future's month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strike: Option<Num>,
    /// C or P.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiplier: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_symbol: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trading_class: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isin: Option<String>,
}

/// Security types that a query may name.
pub const SEC_TYPES: &[&str] =
    &["STK", "OPT", "FUT", "CONTFUT", "IND", "CASH", "CRYPTO", "FOP", "BOND", "FUND", "CFD", "CMDTY", "WAR", "BAG"];

/// Longest text of any field of a query. IB's own symbols have at most 21 characters (an OCC option symbol).
pub const QUERY_TEXT_MAX: usize = 64;

impl ContractQuery {
    /// Whether this can name an instrument at all: refuses what no field of IB's can hold, before anything is asked.
    pub fn check(&self) -> Result<(), Fault> {
        let texts = [
            ("symbol", &self.symbol),
            ("sec_type", &self.sec_type),
            ("exchange", &self.exchange),
            ("primary_exchange", &self.primary_exchange),
            ("currency", &self.currency),
            ("expiry", &self.expiry),
            ("right", &self.right),
            ("multiplier", &self.multiplier),
            ("local_symbol", &self.local_symbol),
            ("trading_class", &self.trading_class),
            ("isin", &self.isin),
        ];
        for (field, text) in texts.iter().filter_map(|(field, text)| text.as_deref().map(|text| (field, text))) {
            check_text(field, text)?;
        }
        if let Some(conid) = self.conid
            && conid <= 0
        {
            return Err(Fault::invalid("conid", format!("conid {conid} is none of IB's: contract ids are positive")));
        }
        if let Some(sec_type) = &self.sec_type
            && !SEC_TYPES.contains(&sec_type.to_ascii_uppercase().as_str())
        {
            let message = format!("`{sec_type}` is no security type of IB's");
            return Err(Fault::invalid("sec_type", message).allowed(SEC_TYPES.iter().copied()));
        }
        let named = self.conid.is_some() || self.symbol.is_some() || self.local_symbol.is_some() || self.isin.is_some();
        if named { Ok(()) } else { Err(Fault::invalid("symbol", "nothing names an instrument: give symbol, conid, local_symbol or isin")) }
    }
}

/// IB's own fields hold short lines of printable ASCII.
fn check_text(field: &str, text: &str) -> Result<(), Fault> {
    let shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    if text.trim().is_empty() {
        return Err(Fault::invalid(field, format!("{field} is empty; leave it out or give a value")));
    }
    if text.chars().count() > QUERY_TEXT_MAX {
        let message = format!("{field} `{shown}...` has {} characters, at most {QUERY_TEXT_MAX} are possible", text.chars().count());
        return Err(Fault::invalid(field, message));
    }
    let wrong = text.chars().find(|c| !(c.is_ascii_alphanumeric() || " .-/_+&'!:".contains(*c)));
    match wrong {
        Some(wrong) => {
            let message =
                format!("{field} `{shown}` holds {wrong:?}; IB's {field} is made of letters, digits, blank and . - / _ + & ' ! :");
            Err(Fault::invalid(field, message))
        }
        None => Ok(()),
    }
}

/// Which instrument was found, and what the answer had to assume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contract {
    pub conid: i32,
    pub symbol: String,
    pub sec_type: String,
    pub exchange: String,
    pub currency: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_exchange: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_symbol: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trading_class: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strike: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiplier: Option<Num>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Defaults that were not sent and yielded to the instrument, each as a sentence: `exchange IDEALPRO, because CASH`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumed: Vec<String>,
}

/// All instruments that a query names.
#[derive(Debug)]
pub struct Lookup;

impl Operation for Lookup {
    const FAMILY: &'static str = "contracts";
    const OP: &'static str = "lookup";
    const ABOUT: &'static str = "Every contract that a symbol and what else is known of it name.";
    const DEADLINE_MS: u64 = 10_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Cached { for_s: 86_400 };
    type Params = ContractParams;
    type Reply = LookupReply;
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContractParams {
    pub contract: ContractQuery,
}

/// Most contracts of one reply.
pub const LOOKUP_MAX: usize = 200;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LookupReply {
    /// At least one; nothing found is the fault `not_found`.
    pub contracts: Vec<Contract>,
    pub total: usize,
    #[serde(default)]
    pub truncated: bool,
    pub context: Context,
}

/// Everything IB says about one instrument.
#[derive(Debug)]
pub struct Details;

impl Operation for Details {
    const FAMILY: &'static str = "contracts";
    const OP: &'static str = "details";
    const ABOUT: &'static str = "Name, industry, trading hours, price increments and ids of one contract.";
    const DEADLINE_MS: u64 = 10_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Cached { for_s: 86_400 };
    type Params = ContractParams;
    type Reply = DetailsReply;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DetailsReply {
    pub contract: Contract,
    pub details: ContractDetails,
    pub context: Context,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContractDetails {
    pub long_name: Option<String>,
    pub industry: Option<String>,
    pub category: Option<String>,
    pub subcategory: Option<String>,
    /// COMMON, ETF, ADR, REIT, ...
    pub stock_type: Option<String>,
    pub market_name: Option<String>,
    pub min_tick: Option<Num>,
    pub price_magnifier: Option<i32>,
    #[serde(default)]
    pub order_types: Vec<String>,
    #[serde(default)]
    pub valid_exchanges: Vec<String>,
    #[serde(default)]
    pub market_rule_ids: Vec<i32>,
    pub underlying_conid: Option<i32>,
    pub contract_month: Option<String>,
    pub real_expiration_date: Option<String>,
    /// IANA name where IB's can be mapped, else IB's own.
    pub time_zone: Option<String>,
    /// IB's text: `20261123:0400-20261123:2000;...`.
    pub trading_hours: Option<String>,
    /// The regular session, in the same form.
    pub liquid_hours: Option<String>,
    pub min_size: Option<Num>,
    pub size_increment: Option<Num>,
    pub suggested_size_increment: Option<Num>,
    /// ISIN, CUSIP and others, as far as IB tells them.
    #[serde(default)]
    pub sec_ids: Vec<SecId>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecId {
    pub kind: String,
    pub value: String,
}

/// Instruments whose symbol or company name resembles a text.
#[derive(Debug)]
pub struct Search;

impl Operation for Search {
    const FAMILY: &'static str = "contracts";
    const OP: &'static str = "search";
    const ABOUT: &'static str = "Contracts whose symbol or company name resembles a text.";
    const DEADLINE_MS: u64 = 10_000;
    const RETRY: Retry = Retry::Safe;
    const FRESHNESS: Freshness = Freshness::Cached { for_s: 3_600 };
    type Params = SearchParams;
    type Reply = SearchReply;
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchParams {
    /// Part of a symbol or of a company name, 1 to 64 characters.
    pub pattern: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchReply {
    pub pattern: String,
    /// IB answers 16 at most; none is an answer, not a fault.
    pub matches: Vec<SymbolMatch>,
    pub context: Context,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SymbolMatch {
    pub conid: i32,
    pub symbol: String,
    pub sec_type: String,
    pub primary_exchange: String,
    pub currency: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Derivatives that exist on it: OPT, FUT, WAR, ...
    #[serde(default)]
    pub derivatives: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(text: &str) -> ContractQuery {
        ContractQuery { symbol: Some(text.to_owned()), ..ContractQuery::default() }
    }

    #[test]
    fn what_no_field_of_ibs_can_hold_is_refused_by_name() {
        for bad in ["", "  ", "AAPL*", ">", "A\nB", "A\u{0}", "ÄPFEL", &"A".repeat(10_000)] {
            let fault = symbol(bad).check().expect_err(bad);
            assert_eq!(fault.field.as_deref(), Some("symbol"), "{bad:?}");
            assert!(fault.message.len() < 300, "{}", fault.message);
        }
        assert!(ContractQuery::default().check().is_err());
        assert!(ContractQuery { conid: Some(-1), ..ContractQuery::default() }.check().is_err());
        let fault = ContractQuery { sec_type: Some("STOCK".to_owned()), ..symbol("AAPL") }.check().expect_err("no type");
        assert!(fault.allowed.contains(&"STK".to_owned()));
    }

    #[test]
    fn real_symbols_pass() {
        for good in ["AAPL", "BRK B", "BRK.B", "EUR.USD", "ES", "AAPL  261218C00150000", "7203", "M&M", "D/V"] {
            symbol(good).check().expect(good);
        }
    }
}
