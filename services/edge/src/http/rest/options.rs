//! `/options/...`: path and query to the parameters of the family `options`.

use schemas::{
    Fault, FaultCode,
    contracts::ContractQuery,
    options::{
        CHAIN_LIMIT_MAX, Chain, ChainParams, DataWanted, Expirations, ExpirationsParams, MAX_AGE_MS_MAX, MONEYNESS_MAX, Quote, QuoteParams,
        STRIKES_EACH_SIDE_MAX, STRIKES_PAGE_MAX,
    },
};
use serde_json::{Map, Value};

use super::{
    given::Given,
    table::{Endpoint, Kind, Param},
};

const SYMBOL: Param = Param::path("symbol", "the underlying, as in a tool: AAPL, BRK.B, ^SPX, or a conid").such_as("AAPL");
const EXPIRATION: &str = "YYYY-MM-DD or YYYYMMDD";
/// Listed for years to come, where options are.
const EXPIRATION_EXAMPLE: &str = "2028-01-21";
const SEC_TYPE: Param = Param::query("sec_type", Kind::Text, "security type of the underlying: STK, IND, FUT, ...").such_as("STK");
const EXCHANGE: Param = Param::query("exchange", Kind::Text, "exchange of the underlying").such_as("SMART");
const CURRENCY: Param = Param::query("currency", Kind::Text, "currency of the underlying, such as USD").such_as("USD");
const CONID: Param =
    Param::query("conid", Kind::Whole { min: 1, max: i32::MAX as u32 }, "IB's contract id of the underlying").such_as("265598");
const TRADING_CLASS: Param = Param::query("trading_class", Kind::Text, "IB's trading class, such as SPXW").such_as("AAPL");
const RIGHT: Param =
    Param::query("right", Kind::Choice(&["C", "P", "CALL", "PUT"]), "calls or puts; both where it is left out").such_as("C");
const MIN_STRIKE: Param = Param::query("min_strike", Kind::Price, "lowest strike").such_as("50");
const MAX_STRIKE: Param = Param::query("max_strike", Kind::Price, "highest strike").such_as("2000");
#[expect(clippy::cast_possible_truncation, reason = "a constant of a minute")]
const MAX_AGE_S_MAX: u32 = (MAX_AGE_MS_MAX / 1_000) as u32;
const MAX_AGE: Param =
    Param::query("max_age", Kind::Seconds { max: MAX_AGE_S_MAX }, "oldest quotes that will do, in seconds").such_as("2.5");
const DATA_TYPE: Param =
    Param::query("data_type", Kind::Choice(&["best", "live"]), "live values alone, or the best there are").such_as("best");
const OFFSET: Kind = Kind::Whole { min: 0, max: u32::MAX };
const DELTA: Kind = Kind::Number { min: 0.0, max: 1.0 };
/// How an answer is written; see [`super::shape`].
pub(super) const FORMAT: &str = "format";
pub(super) const FORMATS: &[&str] = &["json", "optopsy", "optopsy-csv"];

pub(super) const QUOTE: Endpoint = Endpoint::of::<Quote>(
    "/options/quote/{symbol}",
    &[
        SYMBOL,
        Param::query("expiration", Kind::Text, EXPIRATION).such_as(EXPIRATION_EXAMPLE),
        Param::query("strike", Kind::Price, "the strike; the one nearest the money where it is left out"),
        RIGHT,
        TRADING_CLASS,
        MAX_AGE,
        DATA_TYPE,
        SEC_TYPE,
        EXCHANGE,
        CURRENCY,
        CONID,
    ],
    quote,
);

pub(super) const EXPIRATIONS: Endpoint = Endpoint::of::<Expirations>(
    "/options/expirations/{symbol}",
    &[
        SYMBOL,
        TRADING_CLASS,
        MIN_STRIKE,
        MAX_STRIKE,
        Param::query("limit", Kind::Whole { min: 1, max: STRIKES_PAGE_MAX }, "strikes of each chain; all where it is left out")
            .such_as("50"),
        Param::query("offset", OFFSET, "strikes of each chain to leave out at the beginning").such_as("0"),
        SEC_TYPE,
        EXCHANGE,
        CURRENCY,
        CONID,
    ],
    expirations,
);

// One of moneyness, strikes and the deltas is sent, so one of them has an example.
pub(super) const CHAIN: Endpoint = Endpoint::of::<Chain>(
    "/options/chain/{symbol}/{expiration}",
    &[
        SYMBOL,
        Param::path("expiration", EXPIRATION).such_as(EXPIRATION_EXAMPLE),
        RIGHT,
        MIN_STRIKE,
        MAX_STRIKE,
        Param::query("moneyness", Kind::Number { min: 0.0, max: MONEYNESS_MAX }, "strikes with |strike / underlying price - 1| up to this")
            .such_as("0.05"),
        Param::query("strikes", Kind::Whole { min: 1, max: STRIKES_EACH_SIDE_MAX }, "so many strikes on each side of the money"),
        Param::query("delta_min", DELTA, "lowest absolute delta"),
        Param::query("delta_max", DELTA, "highest absolute delta"),
        Param::query("limit", Kind::Whole { min: 1, max: CHAIN_LIMIT_MAX }, "contracts, those nearest the money; 40 where it is left out")
            .such_as("10"),
        Param::query("offset", OFFSET, "contracts nearest the money to leave out, for the next page").such_as("0"),
        MAX_AGE,
        DATA_TYPE,
        TRADING_CLASS,
        Param::query(FORMAT, Kind::Choice(FORMATS), "json, or the columns of optopsy as JSON or CSV").such_as("json"),
        SEC_TYPE,
        EXCHANGE,
        CURRENCY,
        CONID,
    ],
    chain,
);

fn quote(given: &Given) -> Result<Vec<u8>, Fault> {
    written(&QuoteParams {
        contract: underlying(given, |option| {
            let strike = option.strike.unwrap_or_default();
            next(
                "quote",
                option,
                "",
                &format!("expiration={}&strike={strike}&right={}", expiry(option), option.right.as_deref().unwrap_or_default()),
            )
        })?,
        expiration: owned(given, "expiration"),
        strike: given.price("strike"),
        right: right(given),
        trading_class: owned(given, "trading_class"),
        max_age_ms: given.millis("max_age"),
        data_type: data_type(given),
    })
}

fn expirations(given: &Given) -> Result<Vec<u8>, Fault> {
    written(&ExpirationsParams {
        contract: underlying(given, |option| next("expirations", option, "", ""))?,
        trading_class: owned(given, "trading_class"),
        min_strike: given.price("min_strike"),
        max_strike: given.price("max_strike"),
        limit: given.whole("limit"),
        offset: given.whole("offset"),
        prefer: None,
    })
}

fn chain(given: &Given) -> Result<Vec<u8>, Fault> {
    written(&ChainParams {
        contract: underlying(given, |option| next("chain", option, &format!("/{}", expiry(option)), ""))?,
        expiration: owned(given, "expiration").unwrap_or_default(),
        trading_class: owned(given, "trading_class"),
        right: right(given),
        min_strike: given.price("min_strike"),
        max_strike: given.price("max_strike"),
        moneyness: given.number("moneyness"),
        strikes: given.whole("strikes"),
        delta_min: given.number("delta_min"),
        delta_max: given.number("delta_max"),
        limit: given.whole("limit"),
        offset: given.whole("offset"),
        max_age_ms: given.millis("max_age"),
        data_type: data_type(given),
    })
}

fn written(params: &impl serde::Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(params).map_err(|error| Fault::new(FaultCode::Internal, format!("the parameters cannot be written: {error}")))
}

fn owned(given: &Given, name: &str) -> Option<String> {
    given.text(name).map(str::to_owned)
}

/// C or P.
fn right(given: &Given) -> Option<String> {
    given.text("right").and_then(|right| right.get(..1)).map(str::to_owned)
}

fn data_type(given: &Given) -> DataWanted {
    match given.text("data_type") {
        Some("live") => DataWanted::Live,
        _ => DataWanted::Best,
    }
}

/// Through the parser of the tools, so that a symbol means the same at every door.
/// `next` is the path for a caller who named an option instead.
fn underlying(given: &Given, next: impl Fn(&ContractQuery) -> String) -> Result<ContractQuery, Fault> {
    let texts = ["symbol", "sec_type", "exchange", "currency"];
    let mut named: Map<String, Value> =
        texts.iter().filter_map(|name| given.text(name).map(|text| ((*name).to_owned(), Value::from(text)))).collect();
    named.extend(given.whole("conid").map(|conid| ("conid".to_owned(), Value::from(conid))));
    tools::underlying_of(&named, next)
}

/// The path that answers about an option: with its underlying in the place of the symbol.
fn next(path: &str, option: &ContractQuery, tail: &str, query: &str) -> String {
    let symbol = option.symbol.as_deref().unwrap_or_default();
    let class = option.trading_class.as_deref().filter(|class| *class != symbol).map(|class| format!("trading_class={class}"));
    let query: Vec<&str> = [query, class.as_deref().unwrap_or_default()].into_iter().filter(|part| !part.is_empty()).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("GET /options/{path}/{}{tail}{mark}{}", symbol.replace(' ', "%20"), query.join("&"))
}

fn expiry(option: &ContractQuery) -> &str {
    option.expiry.as_deref().unwrap_or_default()
}
