//! The ways in which symbols are written, each recognised by its shape. First match wins.

use schemas::{Fault, contracts::ContractQuery};

use super::{
    Hints, Purpose, Reading,
    codes::{isin, option},
    markets::{self, Market},
};
use crate::{spelling, text};

/// `name` is checked: upper case ASCII, single blanks.
pub(super) fn read(name: &str, hints: &Hints) -> Result<Reading, Fault> {
    if let Some((prefix, rest)) = name.split_once(':') {
        return prefixed(name, prefix.trim(), rest.trim(), hints);
    }
    if let Some(index) = name.strip_prefix(['^', '$']) {
        return index_of(name, index);
    }
    if let Some(root) = name.strip_prefix('/').or_else(|| name.strip_suffix("=F")).or_else(|| name.strip_suffix("1!")) {
        return future(name, root, hints);
    }
    if let Some(reading) = option(name)? {
        return Ok(reading);
    }
    if let Some(reading) = isin(name)? {
        return Ok(reading);
    }
    if let Some(reading) = pair(name, hints.sent.sec_type.as_deref()) {
        return Ok(reading);
    }
    if name.bytes().all(|b| b.is_ascii_digit()) {
        return digits(name, hints);
    }
    if let Some(reading) = month(name, hints) {
        return Ok(reading);
    }
    stock(name, hints)
}

fn only_symbol(symbol: impl Into<String>) -> ContractQuery {
    ContractQuery { symbol: Some(symbol.into()), ..ContractQuery::default() }
}

pub(super) fn of_kind(symbol: impl Into<String>, kind: &str) -> ContractQuery {
    ContractQuery { sec_type: Some(kind.to_owned()), ..only_symbol(symbol) }
}

pub(super) fn says(says: ContractQuery, words: impl Into<String>) -> Reading {
    Reading { says, words: Some(words.into()) }
}

pub(super) fn refuse(name: &str, why: &str, hint: &str) -> Fault {
    Fault::invalid("symbol", format!("`{}` {why}", text::shown(name))).hint(hint)
}

/// `NASDAQ:AAPL`, `CME:ES`, `O:AAPL261218C00150000`, `ISIN:US0378331005`.
fn prefixed(name: &str, prefix: &str, rest: &str, hints: &Hints) -> Result<Reading, Fault> {
    if rest.is_empty() || rest.contains(':') {
        return Err(refuse(name, "has an exchange but no symbol behind it.", "Write EXCHANGE:SYMBOL, such as NASDAQ:AAPL."));
    }
    match prefix {
        "O" | "OPRA" => {
            let hint = "Write the OCC symbol: root, YYMMDD, C or P, strike times 1000 in eight digits, such as AAPL261218C00150000.";
            return option(rest)?.ok_or_else(|| refuse(rest, "is no OCC option symbol.", hint));
        }
        "ISIN" => return isin(rest)?.ok_or_else(|| refuse(rest, "is no ISIN.", "An ISIN is two letters and ten more characters.")),
        "CONID" if rest.bytes().all(|b| b.is_ascii_digit()) => return digits(rest, &Hints::default()),
        "CONID" => return Err(refuse(rest, "is no contract id.", "A contract id is a whole number.")),
        // Tokyo to charting programs, Toronto to IB: the symbols tell them apart.
        "TSE" if rest.starts_with(|c: char| c.is_ascii_digit()) => return listed(rest, &markets::TOKYO, hints),
        _ => {}
    }
    if let Some(market) = markets::market_of_prefix(prefix) {
        return listed(rest, market, hints);
    }
    if let Some((exchange, kind)) = markets::venue(prefix) {
        return at_venue(rest, exchange, kind, hints);
    }
    let nearest = spelling::nearest(prefix, markets::prefixes().map(|prefix| (prefix, prefix)));
    let hint = format!("Send symbol=\"{}\" and primary_exchange (or exchange) as arguments of their own.", text::shown(rest));
    Err(refuse(name, &format!("begins with `{}`, which is no exchange known here.", text::shown(prefix)), &hint).nearest(nearest))
}

/// A stock with its listing. Where the caller already sent a currency, that one holds: many markets have several.
fn listed(symbol: &str, market: &Market, hints: &Hints) -> Result<Reading, Fault> {
    let mut there = hints.clone();
    there.sent.primary_exchange = Some(market.code.to_owned());
    let mut reading = stock(symbol, &there)?;
    reading.says.primary_exchange = Some(market.code.to_owned());
    if hints.sent.currency.is_none() {
        reading.says.currency = market.currency.map(str::to_owned);
    }
    let currency = reading.says.currency.as_deref().map(|currency| format!(" in {currency}")).unwrap_or_default();
    let symbol = reading.says.symbol.as_deref().unwrap_or(symbol);
    reading.words = Some(format!("the symbol {symbol} with primary exchange {}{currency}", market.code));
    Ok(reading)
}

fn at_venue(symbol: &str, exchange: &str, kind: &str, hints: &Hints) -> Result<Reading, Fault> {
    let mut reading = match kind {
        "FUT" => future(symbol, symbol.trim_start_matches('/').trim_end_matches("1!"), hints)?,
        "IND" => index_of(symbol, symbol.trim_start_matches(['^', '$']))?,
        _ => pair(symbol, Some(kind)).unwrap_or_else(|| says(of_kind(symbol, kind), format!("{symbol} ({kind})"))),
    };
    if reading.says.sec_type.as_deref().is_some_and(|read| read != kind && read != "CONTFUT") {
        return Err(refuse(symbol, &format!("is not traded on {exchange}."), "Leave the exchange out."));
    }
    reading.says.exchange = Some(exchange.to_owned());
    reading.words = reading.words.map(|words| format!("{words} on {exchange}"));
    Ok(reading)
}

fn index_of(name: &str, index: &str) -> Result<Reading, Fault> {
    if index.is_empty() || !index.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-') {
        return Err(refuse(name, "names no index.", "Write ^SPX, or send symbol=\"SPX\" and sec_type=\"IND\"."));
    }
    let symbol = markets::index(index);
    Ok(says(of_kind(symbol, "IND"), format!("the index {symbol}")))
}

/// `/ES`, `ES=F`, `ES1!`; with a month `/ESZ26` or `/ESZ6`.
fn future(name: &str, root: &str, hints: &Hints) -> Result<Reading, Fault> {
    if root.is_empty() || root.len() > 12 || !root.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(refuse(name, "names no future.", "Write /ES, or send symbol=\"ES\" and sec_type=\"FUT\"."));
    }
    if let Some((base, letter, year)) = month_code(root) {
        return Ok(monthly(root, base, letter, year));
    }
    let (symbol, class) = markets::future(root);
    let dated = hints.sent.expiry.is_some() || hints.sent.local_symbol.is_some();
    let sent = hints.sent.sec_type.as_deref();
    let continuous = match sent {
        Some("CONTFUT") => true,
        Some(_) => false,
        None => hints.purpose == Purpose::History && !dated,
    };
    let mut query = of_kind(symbol, if continuous { "CONTFUT" } else { "FUT" });
    query.trading_class = class.map(str::to_owned);
    let which = match (continuous, dated) {
        (true, _) => "the continuous future of",
        (false, true) => "the future of",
        (false, false) => "the front future of",
    };
    Ok(says(query, format!("{which} {symbol}")))
}

/// IB's local symbol of a dated future, `ESZ6`, where the caller says that it is a future.
fn month(name: &str, hints: &Hints) -> Option<Reading> {
    let (base, letter, year) = (hints.sent.sec_type.as_deref() == Some("FUT")).then(|| month_code(name)).flatten()?;
    Some(monthly(name, base, letter, year))
}

/// `ESZ6` and `ESZ26` to root, month letter and year digits.
fn month_code(name: &str) -> Option<(&str, u8, &str)> {
    let letter_at = name.rfind(|c: char| !c.is_ascii_digit())?;
    let (base, letter, year) = (&name[..letter_at], name.as_bytes()[letter_at], &name[letter_at + 1..]);
    // Years that futures have: `ESTX50` is an index, not the EST of November 2050.
    let soon = year.len() == 1 || (year.len() == 2 && ("20".."40").contains(&year));
    (base.len() >= 2 && MONTHS.contains(&letter) && soon).then_some((base, letter, year))
}

/// January to December.
const MONTHS: &[u8] = b"FGHJKMNQUVXZ";

fn monthly(name: &str, base: &str, letter: u8, year: &str) -> Reading {
    let (symbol, class) = markets::future(base);
    let number = MONTHS.iter().position(|month| *month == letter).map_or(1, |at| at + 1);
    let mut query = of_kind(symbol, "FUT");
    query.trading_class = class.map(str::to_owned);
    if year.len() == 2 {
        query.expiry = Some(format!("20{year}{number:02}"));
        return says(query, format!("the future {symbol} of 20{year}-{number:02}"));
    }
    // One digit leaves the decade open; IB's local symbol has exactly this form and says which.
    query.local_symbol = Some(name.to_owned());
    says(query, format!("the future with local symbol {name}"))
}

/// `EUR/USD`, `EUR.USD`, `EURUSD`, `EURUSD=X`, `BTC-USD`, `XAUUSD`.
fn pair(name: &str, kind: Option<&str>) -> Option<Reading> {
    let bare = name.strip_suffix("=X").unwrap_or(name);
    // Yahoo's `JPY=X` is the dollar in yen.
    if bare.len() == 3 && bare.len() < name.len() && bare != "USD" && markets::is_currency(bare) {
        return Some(cash("USD", bare));
    }
    let (base, quote) = match bare.split_once(['/', '.', '-']) {
        Some(halves) => halves,
        None if bare.len() > 3 && bare.is_ascii() => bare.split_at(bare.len() - 3),
        None => return None,
    };
    if base == quote || !markets::is_currency(quote) {
        return None;
    }
    if markets::is_currency(base) {
        return Some(cash(base, quote));
    }
    if markets::is_metal(base) {
        let symbol = format!("{base}{quote}");
        let words = format!("the metal {symbol}");
        return Some(says(of_kind(symbol, "CMDTY"), words));
    }
    let separated = bare.len() > base.len() + quote.len() && base.bytes().all(|b| b.is_ascii_alphanumeric()) && !base.is_empty();
    if markets::is_coin(base) || (separated && kind == Some("CRYPTO")) {
        let query = ContractQuery { currency: Some(quote.to_owned()), ..of_kind(base, "CRYPTO") };
        return Some(says(query, format!("the crypto currency {base} in {quote}")));
    }
    None
}

fn cash(base: &str, quote: &str) -> Reading {
    let query = ContractQuery { currency: Some(quote.to_owned()), ..of_kind(base, "CASH") };
    says(query, format!("the currency pair {base} in {quote}"))
}

/// A contract id, unless the caller says where or in what it trades: then a symbol, as in Tokyo or Hong Kong.
fn digits(name: &str, hints: &Hints) -> Result<Reading, Fault> {
    let sent = &hints.sent;
    // ib-mcp's defaults, sent in full by many clients, say nothing: no stock in US dollars has a symbol of digits.
    let elsewhere = |value: &Option<String>, usual: &str| value.as_deref().is_some_and(|value| value != usual);
    if elsewhere(&sent.exchange, "SMART") || elsewhere(&sent.currency, "USD") || sent.primary_exchange.is_some() {
        return stock(name, hints);
    }
    let hint = "For a symbol made of digits send exchange or currency too, such as symbol=\"7203\" and currency=\"JPY\".";
    if name.starts_with('0') {
        return Err(refuse(name, "begins with 0, so it is no contract id.", hint));
    }
    let conid: i32 = name.parse().map_err(|_| refuse(name, "is too large for a contract id.", hint))?;
    let query = ContractQuery { conid: Some(conid), ..ContractQuery::default() };
    Ok(says(query, format!("the contract id {conid}")))
}

/// A stock's symbol, also with the class of its shares or the market behind it.
fn stock(name: &str, hints: &Hints) -> Result<Reading, Fault> {
    if !name.bytes().any(|b| b.is_ascii_alphanumeric()) || name.contains(['^', '$', '=', '!', ':']) {
        let hint = "Send a symbol such as AAPL, BRK.B, EUR.USD, ^SPX or /ES, or a conid.";
        return Err(refuse(name, "is written like no symbol known here.", hint));
    }
    let sent = &hints.sent;
    let anywhere =
        |codes: &[&str]| [&sent.exchange, &sent.primary_exchange].iter().any(|at| at.as_deref().is_some_and(|at| codes.contains(&at)));
    if name.bytes().all(|b| b.is_ascii_digit()) && (anywhere(&["SEHK"]) || sent.currency.as_deref() == Some("HKD")) {
        // Hong Kong writes five digits, IB none in front.
        let symbol = name.trim_start_matches('0');
        if !symbol.is_empty() && symbol != name {
            return Ok(says(only_symbol(symbol), format!("the symbol {symbol}")));
        }
    }
    let Some(at) = name.rfind(['.', '-', '/']).filter(|at| *at > 0 && at + 1 < name.len()) else {
        return Ok(Reading { says: only_symbol(name), words: None });
    };
    let (base, suffix) = (&name[..at], &name[at + 1..]);
    let unplaced = sent.primary_exchange.is_none() && name.as_bytes()[at] == b'.' && !base.ends_with(".PR");
    if let Some(market) = markets::market_of_suffix(suffix).filter(|_| unplaced) {
        return listed(base, market, hints);
    }
    // Toronto's classes keep their dot at IB: BBD.B, REI.UN.
    let between = if anywhere(&["TSE", "VENTURE"]) || sent.currency.as_deref() == Some("CAD") { '.' } else { ' ' };
    let base = base.trim_end_matches(['.', '-', '/']);
    let preferred = suffix.strip_prefix("PR").or_else(|| suffix.strip_prefix('P')).filter(|series| series.len() == 1 && between == ' ');
    let symbol = match (preferred, base.strip_suffix(".PR").or_else(|| base.strip_suffix("-PR"))) {
        (Some(series), _) => format!("{base} PR{series}"),
        (None, Some(base)) if suffix.len() == 1 && between == ' ' => format!("{base} PR{suffix}"),
        (None, _) => format!("{base}{between}{suffix}"),
    };
    let words = (symbol != name).then(|| format!("the symbol {symbol}"));
    Ok(Reading { says: only_symbol(symbol), words })
}
