//! From what a caller said of an instrument to the instrument: defaults that yield, one answer or its candidates.
//!
//! Rule (spec 4.1): a default that the caller did not send yields to the instrument, and the answer names it; a value
//! that was sent is never changed.

mod choice;

use std::time::Duration;

use ib_link::Details;
use schemas::{
    Candidate, Fault, FaultCode,
    contracts::{Contract, ContractQuery},
    fault::CANDIDATES_MAX,
};
use tokio::time::Instant;

use super::Reference;
use choice::one;

/// A search that decides about the answer waits this long for IB's one search a second.
const SEARCH_MAX: Duration = Duration::from_secs(5);
/// One that only offers names.
const SUGGESTIONS_MAX: Duration = Duration::from_secs(2);

/// An instrument and what had to be assumed to find it.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub contract: Contract,
    pub details: schemas::contracts::ContractDetails,
}

/// One way to read a query: the query as it is sent, and what was added to it.
#[derive(Debug, Clone, PartialEq)]
struct Reading {
    query: ContractQuery,
    assumed: Vec<String>,
}

impl Reference {
    /// Every contract that `query` names, by the first reading that names any.
    pub async fn contracts(&self, query: &ContractQuery, deadline: Instant) -> Result<Vec<Resolved>, Fault> {
        self.by_readings(query, readings(query), deadline).await
    }

    async fn by_readings(&self, query: &ContractQuery, readings: Vec<Reading>, deadline: Instant) -> Result<Vec<Resolved>, Fault> {
        query.check()?;
        let mut nothing = None;
        for reading in readings {
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
    pub async fn contract(&self, query: &ContractQuery, deadline: Instant) -> Result<Resolved, Fault> {
        let found = self.contracts(query, deadline).await?;
        one(query, found, self.now())
    }

    /// As [`Self::contract`], for a caller whose own default is an index: that is what a symbol without a type means, and the
    /// default yields to a stock where no index is called so.
    pub async fn index_or_contract(&self, query: &ContractQuery, deadline: Instant) -> Result<Resolved, Fault> {
        let found = self.by_readings(query, index_first(query), deadline).await?;
        one(query, found, self.now())
    }

    /// A symbol that is neither stock nor index may be something else, and the only one of its name: the caller named no
    /// type. A search that could not be made is no answer: only what IB said it does not know is not found.
    async fn by_search(&self, query: &ContractQuery, deadline: Instant) -> Result<Option<Reading>, Fault> {
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

    async fn with_suggestions(&self, query: &ContractQuery, mut fault: Fault, deadline: Instant) -> Fault {
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

/// The readings of a query, an index before a stock. Nothing changes for who named a type or an id.
fn index_first(query: &ContractQuery) -> Vec<Reading> {
    let mut readings = readings(query);
    let index = readings.iter().position(|reading| query.sec_type.is_none() && reading.query.sec_type.as_deref() == Some("IND"));
    let (Some(index), Some(symbol)) = (index, &query.symbol) else { return readings };
    let mut first = readings.remove(index);
    first.assumed.clear();
    let place = if query.exchange.is_none() { " on SMART" } else { "" };
    for reading in &mut readings {
        reading.assumed.insert(0, format!("STK{place}, because no index is called {symbol}"));
    }
    readings.insert(0, first);
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

fn candidate(resolved: &Resolved) -> Candidate {
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
#[path = "resolve_tests.rs"]
mod tests;
