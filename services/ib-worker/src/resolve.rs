//! From what a caller said of an instrument to the instrument: defaults that yield, one answer or its candidates.
//!
//! Rule (spec 4.1): a default that the caller did not send yields to the instrument, and the answer names it; a value
//! that was sent is never changed.

use std::{sync::Arc, time::Duration};

use ib_link::Details;
use jiff::{Timestamp, tz::TimeZone};
use schemas::{
    Candidate, Fault, FaultCode,
    contracts::{Contract, ContractQuery},
    fault::CANDIDATES_MAX,
};
use tokio::time::Instant;

use crate::worker::Worker;

/// A search that decides about the answer waits this long for IB's one search a second.
const SEARCH_MAX: Duration = Duration::from_secs(5);
/// One that only offers names.
const SUGGESTIONS_MAX: Duration = Duration::from_secs(2);

/// An instrument and what had to be assumed to find it.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) contract: Contract,
    pub(crate) details: schemas::contracts::ContractDetails,
}

/// One way to read a query: the query as it is sent, and what was added to it.
#[derive(Debug, Clone, PartialEq)]
struct Reading {
    query: ContractQuery,
    assumed: Vec<String>,
}

impl Worker {
    /// Every contract that `query` names, by the first reading that names any.
    pub(crate) async fn contracts(self: &Arc<Self>, query: &ContractQuery, deadline: Instant) -> Result<Vec<Resolved>, Fault> {
        query.check()?;
        let mut nothing = None;
        for reading in readings(query) {
            match self.find(&reading.query, deadline).await {
                Ok(found) => {
                    contradiction(query, &found)?;
                    return Ok(resolved(&found, &reading.assumed));
                }
                Err(fault) if fault.code == FaultCode::NotFound => nothing = nothing.or(Some(fault)),
                Err(fault) => return Err(fault),
            }
        }
        if let Some(reading) = self.by_search(query, deadline).await? {
            let found = self.find(&reading.query, deadline).await?;
            return Ok(resolved(&found, &reading.assumed));
        }
        let fault = nothing.unwrap_or_else(|| Fault::new(FaultCode::NotFound, "no such contract"));
        Err(self.with_suggestions(query, fault, deadline).await)
    }

    /// The one contract that `query` names.
    pub(crate) async fn contract(self: &Arc<Self>, query: &ContractQuery, deadline: Instant) -> Result<Resolved, Fault> {
        let found = self.contracts(query, deadline).await?;
        one(query, found, self.now())
    }

    /// IB's answer to exactly this query, from the cache where it is known.
    pub(crate) async fn find(self: &Arc<Self>, query: &ContractQuery, deadline: Instant) -> Result<Arc<Vec<Details>>, Fault> {
        let key = serde_json::to_string(query).unwrap_or_default();
        let (link, query) = (self.link.clone(), query.clone());
        let ask = move || {
            let (link, query) = (link.clone(), query.clone());
            async move { link.contract_details(&query, deadline).await }
        };
        self.details.get(key, ask).await
    }

    /// A symbol that is neither stock nor index may be something else, and the only one of its name: the caller named no
    /// type. A search that could not be made is no answer: only what IB said it does not know is not found.
    async fn by_search(self: &Arc<Self>, query: &ContractQuery, deadline: Instant) -> Result<Option<Reading>, Fault> {
        let (Some(symbol), None) = (query.symbol.as_deref(), &query.sec_type) else { return Ok(None) };
        let matches = match self.search(symbol, deadline.min(Instant::now() + SEARCH_MAX)).await {
            Ok(matches) => matches,
            Err(fault) if fault.code == FaultCode::InvalidParams => return Ok(None),
            // Many searches wait their turn: that is IB's pace, and no sign that the gateway fails.
            Err(fault) if fault.code == FaultCode::Timeout => {
                let message =
                    format!("{symbol} is no stock or index in USD, and IB, which answers one search a second, has not searched for it yet");
                return Err(Fault::new(FaultCode::Pacing, message).hint("ask again shortly, or name sec_type, exchange and currency"));
            }
            Err(fault) => return Err(fault),
        };
        let mut same = matches.iter().filter(|found| found.symbol.eq_ignore_ascii_case(symbol));
        let (Some(only), None) = (same.next(), same.next()) else { return Ok(None) };
        let mut reading =
            Reading { query: query.clone(), assumed: vec![format!("{}, because no stock is called {symbol}", only.sec_type)] };
        reading.query.sec_type = Some(only.sec_type.clone());
        reading.query.conid = Some(only.conid);
        Ok(Some(reading))
    }

    async fn with_suggestions(self: &Arc<Self>, query: &ContractQuery, mut fault: Fault, deadline: Instant) -> Fault {
        let Some(symbol) = query.symbol.as_deref() else { return fault };
        fault.message = format!("IB knows no contract for {}", said(query));
        fault.hint = Some(format!("search for it: search_contracts pattern={symbol}; or name sec_type, exchange and currency"));
        // Names to choose from are worth a moment, not the answer.
        if let Ok(matches) = self.search(symbol, deadline.min(Instant::now() + SUGGESTIONS_MAX)).await {
            let candidates = matches.iter().take(CANDIDATES_MAX).map(|found| Candidate {
                conid: found.conid,
                symbol: found.symbol.clone(),
                name: found.name.clone(),
                sec_type: found.sec_type.clone(),
                exchange: Some(found.primary_exchange.clone()).filter(|text| !text.is_empty()),
                currency: Some(found.currency.clone()).filter(|text| !text.is_empty()),
                expiry: None,
                strike: None,
                right: None,
            });
            fault.candidates = candidates.collect();
        }
        fault
    }
}

/// A conid says all; a symbol beside it that is another's would be answered for one and read as the other.
fn contradiction(query: &ContractQuery, found: &[Details]) -> Result<(), Fault> {
    let (Some(conid), Some(symbol), Some(first)) = (query.conid, &query.symbol, found.first()) else { return Ok(()) };
    let contract = &first.contract;
    let names = [Some(&contract.symbol), contract.local_symbol.as_ref(), contract.trading_class.as_ref()];
    if names.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(symbol)) {
        return Ok(());
    }
    let message = format!("conid {conid} is {}, not {symbol}", contract.symbol);
    Err(Fault::invalid("conid", message).hint(format!("send one of them: conid={conid}, or symbol={symbol}")))
}

/// The readings of a query, the likeliest first.
fn readings(query: &ContractQuery) -> Vec<Reading> {
    let mut first = Reading { query: query.clone(), assumed: Vec::new() };
    if query.conid.is_some() {
        // The id says all. What was sent beside it goes with it: IB refuses an exchange where the id is not traded.
        return vec![first];
    }
    let sec_type = query.sec_type.as_deref().unwrap_or("STK").to_ascii_uppercase();
    fill(&mut first.query.sec_type, &sec_type);
    match sec_type.as_str() {
        "CASH" => first.assume_exchange("IDEALPRO", "because CASH"),
        "CRYPTO" => first.assume_exchange("PAXOS", "because CRYPTO"),
        // Futures and indices have one exchange of their own, which IB finds when none is said.
        "IND" | "FUT" | "CONTFUT" | "FOP" | "BOND" | "CMDTY" => {}
        _ => fill(&mut first.query.exchange, "SMART"),
    }
    let sent_currency = query.currency.is_some();
    if !matches!(sec_type.as_str(), "FUT" | "CONTFUT" | "FOP" | "IND" | "BOND" | "CMDTY") {
        fill(&mut first.query.currency, "USD");
    }
    let mut readings = vec![first.clone()];
    // An index of exactly that name is meant rather than a share of the same letters somewhere else: SPX is not Spirax.
    if let (Some(symbol), None, None) = (&query.symbol, &query.sec_type, &query.isin) {
        let why = format!("IND, because no stock called {symbol} trades in USD");
        readings.push(Reading { query: ContractQuery { sec_type: Some("IND".to_owned()), ..query.clone() }, assumed: vec![why] });
    }
    // A share that is not traded in dollars: the currency was a default, so it yields.
    if !sent_currency && first.query.currency.is_some() && !matches!(sec_type.as_str(), "CASH" | "CRYPTO") {
        let mut any = first;
        any.query.currency = None;
        any.assumed.push("the currency of the exchange, because nothing is traded in USD".to_owned());
        readings.push(any);
    }
    readings
}

impl Reading {
    fn assume_exchange(&mut self, exchange: &str, why: &str) {
        if self.query.exchange.is_none() {
            self.assumed.push(format!("exchange {exchange}, {why}"));
            self.query.exchange = Some(exchange.to_owned());
        }
    }
}

fn fill(field: &mut Option<String>, default: &str) {
    field.get_or_insert_with(|| default.to_owned());
}

fn resolved(found: &[Details], assumed: &[String]) -> Vec<Resolved> {
    let one = |details: &Details| Resolved {
        contract: Contract { assumed: assumed.to_vec(), ..details.contract.clone() },
        details: details.details.clone(),
    };
    found.iter().map(one).collect()
}

/// The only contract; of futures without a month the front one; else the fault `ambiguous`.
fn one(query: &ContractQuery, mut found: Vec<Resolved>, now: Timestamp) -> Result<Resolved, Fault> {
    let future = found.iter().all(|resolved| resolved.contract.sec_type == "FUT");
    if found.len() > 1 && future && query.expiry.is_none() {
        found = front_month(found, now)?;
    }
    if found.len() == 1 {
        return Ok(found.remove(0));
    }
    let count = found.len();
    let first = found.first().map_or(0, |resolved| resolved.contract.conid);
    let candidates: Vec<Candidate> = found.iter().take(CANDIDATES_MAX).map(candidate).collect();
    let names = differences(&found);
    Err(Fault::new(FaultCode::Ambiguous, format!("{} names {count} contracts", said(query)))
        .hint(format!("name one: conid={first} (see candidates), or add {names}"))
        .candidates(candidates))
}

/// Every contract of the front month: IB lists futures of several sizes and exchanges under one symbol, and which of
/// them is meant is the caller's to say.
fn front_month(found: Vec<Resolved>, now: Timestamp) -> Result<Vec<Resolved>, Fault> {
    // Expired or not is decided by the date where it trades.
    let lives = |resolved: &Resolved| {
        let zone = resolved.details.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
        let today = now.to_zoned(zone).strftime("%Y%m%d").to_string();
        resolved.contract.expiry.as_deref().is_some_and(|expiry| expiry >= today.as_str())
    };
    let living: Vec<Resolved> = found.into_iter().filter(lives).collect();
    let Some(front) = living.iter().filter_map(|resolved| resolved.contract.expiry.clone()).min() else {
        return Err(Fault::new(FaultCode::NotFound, "every month of this future has expired").hint("name an expiry"));
    };
    let mut months: Vec<Resolved> = living.into_iter().filter(|resolved| resolved.contract.expiry.as_deref() == Some(&front)).collect();
    for month in &mut months {
        month.contract.assumed.push(format!("expiry {front}, the front month"));
    }
    Ok(months)
}

/// A field's name as an argument, and its value.
type Field = (&'static str, fn(&Contract) -> Option<String>);

/// Which fields tell the candidates apart.
fn differences(found: &[Resolved]) -> String {
    let differs = |field: fn(&Contract) -> Option<String>| {
        let mut values = found.iter().map(|resolved| field(&resolved.contract));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    let fields: [Field; 8] = [
        ("exchange", |c| Some(c.exchange.clone())),
        ("primary_exchange", |c| c.primary_exchange.clone()),
        ("currency", |c| Some(c.currency.clone())),
        ("expiry", |c| c.expiry.clone()),
        ("strike", |c| c.strike.map(|strike| strike.to_string())),
        ("right", |c| c.right.clone()),
        ("trading_class", |c| c.trading_class.clone()),
        ("multiplier", |c| c.multiplier.map(|multiplier| multiplier.to_string())),
    ];
    let names: Vec<&str> = fields.into_iter().filter(|(_, field)| differs(*field)).map(|(name, _)| name).collect();
    if names.is_empty() { "what tells them apart".to_owned() } else { names.join(", ") }
}

pub(crate) fn candidate(resolved: &Resolved) -> Candidate {
    let contract = &resolved.contract;
    Candidate {
        conid: contract.conid,
        symbol: contract.symbol.clone(),
        name: contract.name.clone().or_else(|| resolved.details.long_name.clone()),
        sec_type: contract.sec_type.clone(),
        exchange: Some(contract.primary_exchange.clone().unwrap_or_else(|| contract.exchange.clone())),
        currency: Some(contract.currency.clone()),
        expiry: contract.expiry.clone(),
        strike: contract.strike,
        right: contract.right.clone(),
    }
}

/// What the caller said, for a message.
fn said(query: &ContractQuery) -> String {
    let conid = query.conid.map(|conid| format!("conid {conid}"));
    let texts =
        [&query.symbol, &query.local_symbol, &query.isin, &query.sec_type, &query.expiry, &query.right, &query.exchange, &query.currency];
    let strike = query.strike.map(|strike| strike.to_string());
    conid.into_iter().chain(texts.into_iter().flatten().cloned()).chain(strike).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
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
        let months = vec![
            found(3, "FUT", Some("20270319"), "USD"),
            found(1, "FUT", Some("20260918"), "USD"),
            found(2, "FUT", Some("20261218"), "USD"),
        ];
        let front = one(&query("ES", Some("FUT")), months, NOW.parse().expect("time")).expect("front");
        assert_eq!(front.contract.conid, 2);
        assert_eq!(front.contract.assumed, ["expiry 20261218, the front month"]);
    }
}
