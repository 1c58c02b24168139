//! The arguments that name an instrument, shared by every tool that takes one.

use schemas::{
    Fault, Num,
    contracts::{Contract, ContractQuery, SEC_TYPES},
};

use crate::{
    argument::Argument,
    asked::Asked,
    dates, spelling,
    symbol::{self, Hints, Purpose},
    text,
};

pub(crate) const SYMBOL: Argument = Argument::text("symbol", "Symbol, conid, ISIN or OCC option symbol").required();
/// Spellings of symbols, told where an agent looks first; the instructions have them too.
pub(crate) const SYMBOL_WITH_EXAMPLES: Argument = SYMBOL.examples(&["AAPL", "BRK.B", "EUR.USD", "^SPX", "/ES"]);
pub(crate) const SEC_TYPE: Argument = Argument::text("sec_type", "STK, OPT, FUT, CONTFUT, IND, CASH, CRYPTO, ...");
pub(crate) const EXCHANGE: Argument = Argument::text("exchange", "Routing exchange").or_text("SMART");
pub(crate) const CURRENCY: Argument = Argument::text("currency", "ISO code").or_text("USD");
pub(crate) const CONID: Argument = Argument::integer("conid", "IB's contract id, exact", 1, i32::MAX as i64).limits_untold();
pub(crate) const PRIMARY_EXCHANGE: Argument = Argument::text("primary_exchange", "Listing exchange");
pub(crate) const EXPIRY: Argument = Argument::text("expiry", "YYYYMMDD, or YYYYMM for futures");
pub(crate) const STRIKE: Argument = Argument::number("strike", "Strike price");
pub(crate) const RIGHT: Argument = Argument::text("right", "C or P");
pub(crate) const MULTIPLIER: Argument = Argument::text("multiplier", "Contract multiplier");
pub(crate) const LOCAL_SYMBOL: Argument = Argument::text("local_symbol", "IB's local symbol");
pub(crate) const TRADING_CLASS: Argument = Argument::text("trading_class", "IB's trading class");

impl Asked {
    /// The instrument that the arguments name; remembers how the symbol was read.
    pub(crate) fn instrument(&mut self, purpose: Purpose) -> Result<ContractQuery, Fault> {
        let sent = self.contract_fields()?;
        let Some(symbol) = self.text("symbol") else {
            return Ok(sent);
        };
        let parsed = symbol::parse(symbol, &Hints { sent, purpose })?;
        self.understood = parsed.understood;
        Ok(parsed.query)
    }

    pub(crate) fn contract_fields(&self) -> Result<ContractQuery, Fault> {
        let upper = |name: &str| self.text(name).map(|value| code(name, value)).transpose();
        Ok(ContractQuery {
            conid: self.integer("conid").and_then(|conid| i32::try_from(conid).ok()),
            symbol: None,
            sec_type: self.text("sec_type").map(sec_type).transpose()?,
            exchange: upper("exchange")?,
            primary_exchange: upper("primary_exchange")?,
            currency: self.text("currency").map(currency).transpose()?,
            expiry: self.text("expiry").map(|given| dates::expiry("expiry", given)).transpose()?,
            strike: self.number("strike").map(strike).transpose()?,
            right: self.text("right").map(right).transpose()?,
            multiplier: self.text("multiplier").map(multiplier).transpose()?,
            local_symbol: self.text("local_symbol").map(local_symbol).transpose()?,
            trading_class: upper("trading_class")?,
            isin: None,
        })
    }

    /// How the caller named the instrument, for titles.
    pub(crate) fn named(&self, contract: &Contract) -> String {
        text::inline(self.text("symbol").unwrap_or(&contract.symbol), 64)
    }

    /// `*`ES=F` read as the front future of ES.*` and what the service had to assume.
    pub(crate) fn readings(&self, contract: &Contract) -> Option<String> {
        let mut parts: Vec<String> = self.understood.iter().map(|words| text::line(words, 200)).collect();
        if !contract.assumed.is_empty() {
            let assumed: Vec<String> = contract.assumed.iter().map(|assumed| text::inline(assumed, 120)).collect();
            parts.push(format!("Assumed: {}", assumed.join("; ")));
        }
        (!parts.is_empty()).then(|| format!("*{}.*", parts.join(". ")))
    }
}

/// An instrument in a few words: `AAPL · Apple Inc · STK on SMART (NASDAQ) in USD`.
pub(crate) fn described(contract: &Contract) -> String {
    let mut parts = vec![text::inline(&contract.symbol, 64)];
    parts.extend(contract.name.as_deref().map(|name| text::inline(name, 80)));
    let primary = contract.primary_exchange.as_deref().filter(|primary| *primary != contract.exchange);
    let primary = primary.map(|primary| format!(" ({primary})")).unwrap_or_default();
    parts.push(text::inline(&format!("{} on {}{primary} in {}", contract.sec_type, contract.exchange, contract.currency), 120));
    let right = |right: &str| if right.starts_with('C') { "call" } else { "put" };
    let option = [
        contract.expiry.clone(),
        contract.strike.map(|strike| strike.to_string()),
        contract.right.as_deref().map(|side| right(side).to_owned()),
    ];
    let option: Vec<String> = option.into_iter().flatten().collect();
    if !option.is_empty() {
        parts.push(text::inline(&option.join(" "), 60));
    }
    parts.join(" · ")
}

/// IB's codes of exchanges and classes: upper case, no blanks.
pub(crate) fn code(field: &str, given: &str) -> Result<String, Fault> {
    if given.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'/' | b'@')) {
        return Ok(given.to_ascii_uppercase());
    }
    let message = format!("`{field}` is `{}`; a code of IB's has only letters, digits and . - _ / @.", text::shown(given));
    Err(Fault::invalid(field, message).hint("search_contracts(pattern=...) and lookup_contract(symbol=...) show the codes."))
}

fn currency(given: &str) -> Result<String, Fault> {
    if given.len() == 3 && given.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Ok(given.to_ascii_uppercase());
    }
    let message = format!("`currency` is `{}`; a currency is a code of three letters.", text::shown(given));
    Err(Fault::invalid("currency", message).hint("Send a code such as USD, EUR or JPY, or leave it out."))
}

/// Names of security types other than IB's that people send.
#[rustfmt::skip]
const SEC_TYPE_NAMES: &[(&str, &str)] = &[
    ("STOCK", "STK"), ("EQUITY", "STK"), ("ETF", "STK"), ("OPTION", "OPT"), ("FUTURE", "FUT"), ("FUTURES", "FUT"), ("INDEX", "IND"),
    ("FOREX", "CASH"), ("FX", "CASH"), ("COMMODITY", "CMDTY"), ("WARRANT", "WAR"), ("MUTUALFUND", "FUND"),
];

fn sec_type(given: &str) -> Result<String, Fault> {
    let upper = given.to_ascii_uppercase();
    let meant = SEC_TYPE_NAMES.iter().find(|(name, _)| *name == upper).map_or(upper.as_str(), |(_, meant)| meant);
    if SEC_TYPES.contains(&meant) {
        return Ok(meant.to_owned());
    }
    let own = SEC_TYPES.iter().map(|name| (*name, *name));
    let nearest = spelling::nearest(&upper, own.chain(SEC_TYPE_NAMES.iter().copied()));
    let message = format!("`sec_type` is `{}`, which is no security type of IB's.", text::shown(given));
    let hint = format!("Send one of {}, or leave it out.", SEC_TYPES.join(", "));
    Err(Fault::invalid("sec_type", message).allowed(SEC_TYPES.iter().copied()).nearest(nearest).hint(hint))
}

fn strike(given: Num) -> Result<Num, Fault> {
    if given > Num::ZERO {
        return Ok(given);
    }
    Err(Fault::invalid("strike", format!("`strike` is {given}; a strike is greater than 0.")).hint("Leave it out to mean every strike."))
}

pub(crate) fn right(given: &str) -> Result<String, Fault> {
    match given.to_ascii_uppercase().as_str() {
        "C" | "CALL" => Ok("C".to_owned()),
        "P" | "PUT" => Ok("P".to_owned()),
        _ => {
            let message = format!("`right` is `{}`; it is C (call) or P (put).", text::shown(given));
            Err(Fault::invalid("right", message).allowed(["C", "P"]).hint("Send C or P, or leave it out to mean both."))
        }
    }
}

fn multiplier(given: &str) -> Result<String, Fault> {
    if given.bytes().all(|b| b.is_ascii_digit() || b == b'.') && given.parse::<f64>().is_ok_and(|number| number > 0.0) {
        return Ok(given.to_owned());
    }
    let message = format!("`multiplier` is `{}`; it is a number greater than 0.", text::shown(given));
    Err(Fault::invalid("multiplier", message).hint("Send a number such as 100, or leave it out."))
}

fn local_symbol(given: &str) -> Result<String, Fault> {
    match given.chars().find(|c| matches!(c, '*' | '>')) {
        None => Ok(given.to_owned()),
        Some(bad) => {
            let message = format!("`local_symbol` holds `{bad}`: IB knows no wildcards.");
            Err(Fault::invalid("local_symbol", message).hint("search_contracts(pattern=...) finds instruments by part of a name."))
        }
    }
}
