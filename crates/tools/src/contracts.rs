//! Tools that find instruments and tell about them.

use schemas::{
    Context, Fault,
    contracts::{Contract, ContractDetails, ContractParams, Details, DetailsReply, Lookup, LookupReply, Search, SearchParams, SearchReply},
};

use crate::{
    argument::Argument,
    asked::Asked,
    instrument::{CONID, CURRENCY, EXCHANGE, EXPIRY, PRIMARY_EXCHANGE, RIGHT, SEC_TYPE, STRIKE, SYMBOL, TRADING_CLASS},
    page::{Body, Keep},
    symbol::Purpose,
    text,
    tool::Definition,
};

/// ib-mcp's four, then what tells derivatives and listings apart.
const CONTRACT_ARGUMENTS: &[Argument] =
    &[SYMBOL, SEC_TYPE.or_text("STK"), EXCHANGE, CURRENCY, CONID, PRIMARY_EXCHANGE, EXPIRY, STRIKE, RIGHT, TRADING_CLASS];

pub(crate) struct LookupContract;

impl Definition for LookupContract {
    type Op = Lookup;
    const NAME: &'static str = "lookup_contract";
    const TITLE: &'static str = "Look Up Contract";
    const ABOUT: &'static str = "Every contract that a symbol names, with conid, exchanges and trading class. Defaults that are not sent yield to the instrument (FUT, IND, CASH and CRYPTO have their own exchange).";
    const ARGUMENTS: &'static [Argument] = CONTRACT_ARGUMENTS;

    fn params(asked: &mut Asked) -> Result<ContractParams, Fault> {
        Ok(ContractParams { contract: asked.instrument(Purpose::Contract)? })
    }

    fn context(reply: &LookupReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &LookupReply) -> Body {
        match reply.contracts.as_slice() {
            [] => nothing(asked),
            [contract] => one(asked, contract),
            several => many(asked, several, reply),
        }
    }
}

fn nothing(asked: &Asked) -> Body {
    Body::titled(format!("No contract found for {}", text::inline(asked.text("symbol").unwrap_or("this query"), 64)))
}

/// ib-mcp's eight bullets, then what the contract has beyond them.
fn one(asked: &Asked, contract: &Contract) -> Body {
    let mut body = Body::titled(format!("# Contract Details for {}", asked.named(contract)));
    body.note(asked.readings(contract));
    body.gap();
    bullet(&mut body, "ConID", &contract.conid.to_string());
    bullet(&mut body, "Symbol", &contract.symbol);
    bullet(&mut body, "Security Type", &contract.sec_type);
    bullet(&mut body, "Exchange", &contract.exchange);
    bullet(&mut body, "Primary Exchange", contract.primary_exchange.as_deref().unwrap_or_default());
    bullet(&mut body, "Currency", &contract.currency);
    bullet(&mut body, "Trading Class", contract.trading_class.as_deref().unwrap_or_default());
    bullet(&mut body, "Local Symbol", contract.local_symbol.as_deref().unwrap_or_default());
    let more = [
        ("Name", contract.name.clone()),
        ("Expiry", contract.expiry.clone()),
        ("Strike", contract.strike.map(text::plain)),
        ("Right", contract.right.clone()),
        ("Multiplier", contract.multiplier.map(text::plain)),
    ];
    for (name, value) in more {
        value.iter().for_each(|value| bullet(&mut body, name, value));
    }
    body
}

fn many(asked: &Asked, contracts: &[Contract], reply: &LookupReply) -> Body {
    let total = reply.total;
    let mut body = Body::titled(format!("# Found {total} contract(s) for {}", asked.named(&contracts[0])));
    body.note(asked.readings(&contracts[0]));
    body.gap();
    let dated = contracts.iter().any(|contract| contract.expiry.is_some());
    let mut columns = vec!["ConID", "Symbol", "SecType", "Exchange", "Primary Exch", "Currency", "Trading Class"];
    if dated {
        columns.extend(["Expiry", "Strike", "Right", "Local Symbol"]);
    }
    body.columns(&columns);
    for contract in contracts {
        let optional = |value: &Option<String>| value.clone().unwrap_or_default();
        let mut cells = vec![
            contract.conid.to_string(),
            contract.symbol.clone(),
            contract.sec_type.clone(),
            contract.exchange.clone(),
            optional(&contract.primary_exchange),
            contract.currency.clone(),
            optional(&contract.trading_class),
        ];
        if dated {
            let strike = contract.strike.map(text::plain).unwrap_or_default();
            cells.extend([optional(&contract.expiry), strike, optional(&contract.right), optional(&contract.local_symbol)]);
        }
        body.cells(&cells);
    }
    let rest =
        move |shown: usize| format!("*Showing {shown} of {total} contracts. expiry, strike, right, exchange or currency narrow them.*");
    if reply.truncated {
        body.after(format!(
            "*{} of {total} contracts were answered. expiry, strike, right, exchange or currency narrow them.*",
            contracts.len()
        ));
    }
    body.when_cut(Keep::First, move |shown, _| rest(shown));
    body
}

fn bullet(body: &mut Body, name: &str, value: &str) {
    body.row(format!("- **{name}**: {}", text::inline(value, 400)).trim_end());
}

pub(crate) struct TickerToConid;

impl Definition for TickerToConid {
    type Op = Lookup;
    const NAME: &'static str = "ticker_to_conid";
    const TITLE: &'static str = "Ticker To Conid";
    const ABOUT: &'static str = "The contract id (conid) of a symbol; all of them where it names several contracts.";
    const ARGUMENTS: &'static [Argument] = &[SYMBOL, SEC_TYPE.or_text("STK"), EXCHANGE, CURRENCY];

    fn params(asked: &mut Asked) -> Result<ContractParams, Fault> {
        Ok(ContractParams { contract: asked.instrument(Purpose::Contract)? })
    }

    fn context(reply: &LookupReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &LookupReply) -> Body {
        let (first, symbol) = match reply.contracts.as_slice() {
            [] => return nothing(asked),
            [first, ..] => (first, asked.named(first)),
        };
        if reply.contracts.len() == 1 {
            let mut body = Body::titled(format!("**ConID for {symbol}**: {}", first.conid));
            body.note(asked.readings(first));
            return body;
        }
        let mut body = Body::titled(format!("# ConID for {symbol}"));
        body.line(format!("**Primary ConID**: {}", first.conid));
        body.note(asked.readings(first));
        body.gap();
        let total = reply.total;
        body.line(format!("**Note**: Found {total} contracts. The first one is primary; check that it is the one you mean."));
        body.gap();
        body.line("## All ConIDs found:");
        for (at, contract) in reply.contracts.iter().enumerate() {
            let expiry = contract.expiry.as_deref().map(|expiry| format!(", {expiry}")).unwrap_or_default();
            let place = text::inline(&format!("{}, {}{expiry}", contract.exchange, contract.currency), 80);
            body.row(format!("{}. {} ({place})", at + 1, contract.conid));
        }
        if reply.truncated {
            body.after(format!(
                "*{} of {total} contracts were answered. exchange, currency or sec_type narrow them.*",
                reply.contracts.len()
            ));
        }
        body.when_cut(Keep::First, move |shown, _| format!("*Showing {shown} of {total}. exchange, currency or sec_type narrow them.*"));
        body
    }
}

pub(crate) struct GetContractDetails;

impl Definition for GetContractDetails {
    type Op = Details;
    const NAME: &'static str = "get_contract_details";
    const TITLE: &'static str = "Get Contract Details";
    const ABOUT: &'static str =
        "Name, industry, trading hours, price increments, order types and ids of one contract of any security type.";
    const ARGUMENTS: &'static [Argument] = CONTRACT_ARGUMENTS;

    fn params(asked: &mut Asked) -> Result<ContractParams, Fault> {
        Ok(ContractParams { contract: asked.instrument(Purpose::Contract)? })
    }

    fn context(reply: &DetailsReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(asked: &Asked, reply: &DetailsReply) -> Body {
        let contract = &reply.contract;
        let mut body = Body::titled(format!("# Contract Details for {} ({})", asked.named(contract), contract.conid));
        body.note(asked.readings(contract));
        body.row("");
        section(&mut body, "Basic Information", &basic_facts(contract, &reply.details));
        body.row("");
        section(&mut body, "Trading Information", &trading_facts(&reply.details));
        body.when_cut(Keep::First, |shown, of| format!("*Text cut: {shown} of {of} lines shown; structuredContent has them all.*"));
        body
    }
}

type Facts = Vec<(&'static str, Option<String>)>;

/// A heading and what is known; what is not told is left out.
pub(crate) fn section(body: &mut Body, heading: &str, facts: &[(&'static str, Option<String>)]) {
    body.row(format!("## {heading}"));
    for (name, value) in facts {
        value.iter().filter(|value| !value.is_empty()).for_each(|value| bullet(body, name, value));
    }
}

fn basic_facts(contract: &Contract, details: &ContractDetails) -> Facts {
    vec![
        ("Long Name", details.long_name.clone().or_else(|| contract.name.clone())),
        ("Contract", Some(crate::instrument::described(contract))),
        ("Industry", details.industry.clone()),
        ("Category", details.category.clone()),
        ("Subcategory", details.subcategory.clone()),
        ("Stock Type", details.stock_type.clone()),
        ("Market Name", details.market_name.clone()),
        ("Contract Month", details.contract_month.clone()),
        ("Last Trade Date", details.real_expiration_date.clone()),
        ("Underlying ConID", details.underlying_conid.map(|conid| conid.to_string())),
        ("Time Zone", details.time_zone.clone()),
        ("Trading Hours", details.trading_hours.clone()),
        ("Liquid Hours", details.liquid_hours.clone()),
        ("Ids", Some(ids(&details.sec_ids))),
    ]
}

/// `ISIN US0378331005, CUSIP 037833100`.
pub(crate) fn ids(ids: &[schemas::contracts::SecId]) -> String {
    ids.iter().map(|id| format!("{} {}", id.kind, id.value)).collect::<Vec<_>>().join(", ")
}

fn trading_facts(details: &ContractDetails) -> Facts {
    let rules: Vec<String> = details.market_rule_ids.iter().map(i32::to_string).collect();
    vec![
        ("Min Tick", details.min_tick.map(text::plain)),
        ("Price Magnifier", details.price_magnifier.map(|magnifier| magnifier.to_string())),
        ("Min Size", details.min_size.map(text::plain)),
        ("Size Increment", details.size_increment.map(text::plain)),
        ("Suggested Size Increment", details.suggested_size_increment.map(text::plain)),
        ("Market Rules", Some(rules.join(", "))),
        ("Valid Exchanges", Some(details.valid_exchanges.join(", "))),
        ("Order Types", Some(details.order_types.join(", "))),
    ]
}

pub(crate) struct SearchContracts;

/// ib-mcp's; the structured answer has every match.
const MATCHES_SHOWN: usize = 10;

impl Definition for SearchContracts {
    type Op = Search;
    const NAME: &'static str = "search_contracts";
    const TITLE: &'static str = "Search Contracts";
    const ABOUT: &'static str = "Contracts whose symbol or company name resembles a text; IB answers 16 at most.";
    const ARGUMENTS: &'static [Argument] =
        &[Argument::text("pattern", "Part of a symbol or company name").required().examples(&["Micros", "AAPL"])];

    fn params(asked: &mut Asked) -> Result<SearchParams, Fault> {
        let pattern = asked.text("pattern").unwrap_or_default();
        if let Some(bad) = pattern.chars().find(|c| matches!(c, '*' | '>' | '%')) {
            let message = format!("`pattern` holds `{bad}`: IB knows no wildcards, and matches parts of names anyway.");
            return Err(Fault::invalid("pattern", message).hint("Send the part of the name that you know."));
        }
        Ok(SearchParams { pattern: pattern.to_owned() })
    }

    fn context(reply: &SearchReply) -> Option<&Context> {
        Some(&reply.context)
    }

    fn body(_: &Asked, reply: &SearchReply) -> Body {
        let pattern = text::inline(&reply.pattern, 64);
        if reply.matches.is_empty() {
            return Body::titled(format!("No contracts found matching '{pattern}'. A shorter part of the name finds more."));
        }
        let mut body = Body::titled(format!("# Contracts matching '{pattern}'"));
        body.gap();
        for (at, found) in reply.matches.iter().take(MATCHES_SHOWN).enumerate() {
            let place = text::inline(&format!("{} on {} ({})", found.sec_type, found.primary_exchange, found.currency), 100);
            let name = found.name.as_deref().map(|name| format!(": {}", text::inline(name, 100))).unwrap_or_default();
            body.row(format!("{}. **{}** ({}) - {place}{name}", at + 1, text::inline(&found.symbol, 64), found.conid));
        }
        let more = reply.matches.len().saturating_sub(MATCHES_SHOWN);
        if more > 0 {
            body.after(format!("*... and {more} more results: structuredContent has them, and a longer `pattern` narrows them.*"));
        }
        body
    }
}
