//! Symbols as people type them: one pure function from a text to IB's own words.
//!
//! What the caller sent beside the symbol wins; a symbol that says something else is a contradiction and refused,
//! because guessing which of the two was meant would answer for another instrument.

mod codes;
mod markets;
mod shapes;

use schemas::{
    Fault,
    contracts::{ContractQuery, QUERY_TEXT_MAX},
};

use crate::text;

/// What the answer is for: a future without a month is the continuous one where bars are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Purpose {
    #[default]
    Contract,
    History,
}

/// What the caller said beside the symbol.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hints {
    /// Only what was sent; its `symbol` is not read.
    pub sent: ContractQuery,
    pub purpose: Purpose,
}

/// A symbol in IB's words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parsed {
    pub query: ContractQuery,
    /// In words, where the symbol was not IB's spelling already: `` `BRK.B` read as the symbol BRK B ``.
    pub understood: Option<String>,
}

/// What one way of writing symbols means.
#[derive(Debug, Default)]
struct Reading {
    says: ContractQuery,
    /// `the symbol BRK B`.
    words: Option<String>,
}

/// IB's query for a symbol in any spelling.
pub fn parse(given: &str, hints: &Hints) -> Result<Parsed, Fault> {
    let name = checked(given)?;
    let reading = shapes::read(&name, hints)?;
    let understood = reading.words.map(|words| format!("`{}` read as {words}", text::shown(given.trim())));
    Ok(Parsed { query: settle(&name, reading.says, &hints.sent)?, understood })
}

/// The symbol alone, for filters: IB's spelling of what is held, an option by its underlying.
pub(crate) fn filter(given: &str) -> Result<(String, Option<String>), Fault> {
    let digits = given.trim();
    if !digits.is_empty() && digits.len() <= QUERY_TEXT_MAX && digits.bytes().all(|b| b.is_ascii_digit()) {
        // A symbol here, as in Tokyo: rows are filtered by symbol, not by conid.
        return Ok((digits.to_owned(), None));
    }
    let parsed = parse(given, &Hints::default())?;
    match parsed.query.symbol {
        Some(symbol) => Ok((symbol, parsed.understood)),
        None => Err(Fault::invalid("symbol", format!("`{}` names no symbol to filter by.", text::shown(given)))
            .hint("Send the symbol, such as AAPL, or leave it out to get every row.")),
    }
}

/// Upper case on one line with single blanks, of characters that symbols have.
fn checked(given: &str) -> Result<String, Fault> {
    let given = given.trim();
    let refuse = |message: String, hint: &str| Err(Fault::invalid("symbol", message).hint(hint));
    if given.is_empty() {
        return refuse("`symbol` is empty.".to_owned(), "Send a symbol such as AAPL, or a conid.");
    }
    if given.chars().nth(QUERY_TEXT_MAX).is_some() {
        let message = format!("`symbol` is longer than {QUERY_TEXT_MAX} characters; it begins with `{}`.", text::shown(given));
        return refuse(message, "Send one symbol; every instrument is a call of its own.");
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || " .-/&'+_=^$:!".contains(c);
    match given.chars().find(|c| !allowed(*c)) {
        None => Ok(given.to_ascii_uppercase().split_ascii_whitespace().collect::<Vec<_>>().join(" ")),
        Some(c @ ('*' | '?' | '>' | '%')) => refuse(
            format!("`symbol` is `{}`; IB knows no wildcards such as `{c}`.", text::shown(given)),
            "search_contracts(pattern=...) finds instruments by part of a symbol or name.",
        ),
        Some(c) if c.is_control() || text::is_invisible(c) => refuse(
            format!("`symbol` holds a control or invisible character; the rest is `{}`.", text::shown(given)),
            "Send the symbol as plain text on one line.",
        ),
        Some(',' | ';') => refuse(format!("`symbol` is `{}`, a list; it takes one.", text::shown(given)), "Send one call for each symbol."),
        Some(c) => refuse(
            format!("`symbol` is `{}`; no symbol of IB's holds `{c}`.", text::shown(given)),
            "search_contracts(pattern=...) finds the symbol of a company name.",
        ),
    }
}

/// The symbol's words beside the caller's: absent yields, equal stays, different is refused.
fn settle(name: &str, says: ContractQuery, sent: &ContractQuery) -> Result<ContractQuery, Fault> {
    let wording = Wording { name };
    Ok(ContractQuery {
        conid: wording.agree("conid", says.conid, sent.conid)?,
        symbol: says.symbol,
        sec_type: match (says.sec_type, &sent.sec_type) {
            (Some(says), Some(sent)) if goes_with(&says, sent) => Some(sent.clone()),
            (says, sent) => wording.agree("sec_type", says, sent.clone())?,
        },
        exchange: wording.agree("exchange", says.exchange, sent.exchange.clone())?,
        primary_exchange: wording.agree("primary_exchange", says.primary_exchange, sent.primary_exchange.clone())?,
        currency: wording.agree("currency", says.currency, sent.currency.clone())?,
        expiry: match (says.expiry, &sent.expiry) {
            // The month of an expiry is less, not something else.
            (Some(says), Some(sent)) if says.starts_with(sent.as_str()) => Some(says),
            (says, sent) => wording.agree("expiry", says, sent.clone())?,
        },
        strike: wording.agree("strike", says.strike, sent.strike)?,
        right: wording.agree("right", says.right, sent.right.clone())?,
        multiplier: wording.agree("multiplier", says.multiplier, sent.multiplier.clone())?,
        local_symbol: wording.agree("local_symbol", says.local_symbol, sent.local_symbol.clone())?,
        // A class that the caller names is more exact than the one that follows from a root.
        trading_class: sent.trading_class.clone().or(says.trading_class),
        isin: wording.agree("isin", says.isin, sent.isin.clone())?,
    })
}

/// Whether a symbol of kind `says` can be meant by a caller who says `sent`: a derivative is named by its underlying.
fn goes_with(says: &str, sent: &str) -> bool {
    matches!(
        (says, sent),
        ("IND", "OPT" | "FUT" | "CONTFUT" | "FOP" | "CFD" | "WAR")
            | ("FUT", "CONTFUT" | "FOP")
            | ("CONTFUT", "FUT" | "FOP")
            | ("CASH", "CFD")
            | ("OPT", "FOP")
    )
}

struct Wording<'a> {
    name: &'a str,
}

impl Wording<'_> {
    fn agree<T: PartialEq + std::fmt::Display>(&self, field: &str, says: Option<T>, sent: Option<T>) -> Result<Option<T>, Fault> {
        match (says, sent) {
            (Some(says), Some(sent)) if says != sent => {
                let message = format!("The symbol `{}` means {field} {says}, but `{field}` is {sent}.", text::shown(self.name));
                Err(Fault::invalid(field, message).hint(format!("Leave `{field}` out, or send the symbol without that part.")))
            }
            (says, sent) => Ok(sent.or(says)),
        }
    }
}
