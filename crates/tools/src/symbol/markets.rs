//! Names of exchanges, currencies, coins, indices and futures as other programs write them, and IB's.

/// A stock market: how it is written before or after a symbol, IB's code, and the currency that stocks there have.
pub(super) struct Market {
    prefixes: &'static [&'static str],
    /// As Yahoo and Reuters write it behind a dot.
    suffixes: &'static [&'static str],
    pub(super) code: &'static str,
    /// None where stocks are in US dollars, which is what a stock is in unless more is said.
    pub(super) currency: Option<&'static str>,
}

const fn us(code: &'static str, prefixes: &'static [&'static str]) -> Market {
    Market { prefixes, suffixes: &[], code, currency: None }
}

const fn at(code: &'static str, currency: &'static str, prefixes: &'static [&'static str], suffixes: &'static [&'static str]) -> Market {
    Market { prefixes, suffixes, code, currency: Some(currency) }
}

pub(super) const TOKYO: Market = at("TSEJ", "JPY", &["TSEJ", "TYO", "JPX", "TKS"], &["T"]);

const MARKETS: &[Market] = &[
    us("NASDAQ", &["NASDAQ", "ISLAND", "XNAS"]),
    us("NYSE", &["NYSE", "XNYS"]),
    us("ARCA", &["ARCA", "NYSEARCA", "ARCX"]),
    us("AMEX", &["AMEX", "NYSEAMERICAN", "NYSEMKT", "XASE"]),
    us("BATS", &["BATS", "CBOEBZX"]),
    us("IEX", &["IEX"]),
    us("PINK", &["PINK", "OTC", "OTCMKTS", "OTCPINK"]),
    at("TSE", "CAD", &["TSE", "TSX", "XTSE"], &["TO"]),
    at("VENTURE", "CAD", &["VENTURE", "TSXV", "CVE"], &[]),
    at("IBIS", "EUR", &["IBIS", "XETRA", "XETR", "ETR"], &["DE"]),
    at("FWB", "EUR", &["FWB", "FRA"], &[]),
    at("SWB", "EUR", &["SWB"], &["SG"]),
    at("GETTEX", "EUR", &["GETTEX"], &[]),
    at("LSE", "GBP", &["LSE", "LON", "XLON"], &["L"]),
    at("SBF", "EUR", &["SBF", "EPA", "XPAR"], &["PA"]),
    at("AEB", "EUR", &["AEB", "AMS", "XAMS"], &["AS"]),
    at("ENEXT.BE", "EUR", &["ENEXT.BE", "EBR", "XBRU"], &["BR"]),
    at("BVL", "EUR", &["BVL", "ELI", "XLIS"], &["LS"]),
    at("BM", "EUR", &["BM", "BME", "XMAD"], &["MC"]),
    at("BVME", "EUR", &["BVME", "BIT", "MIL", "XMIL"], &["MI"]),
    at("EBS", "CHF", &["EBS", "SIX", "SWX", "VTX", "XSWX"], &["SW"]),
    at("VSE", "EUR", &["VSE", "VIE", "XWBO"], &["VI"]),
    at("SFB", "SEK", &["SFB", "OMXSTO", "STO", "XSTO"], &["ST"]),
    at("OSE", "NOK", &["OSE", "OSL", "XOSL"], &["OL"]),
    at("CPH", "DKK", &["CPH", "OMXCOP", "XCSE"], &["CO"]),
    at("HEX", "EUR", &["HEX", "OMXHEX", "HEL", "XHEL"], &["HE"]),
    at("WSE", "PLN", &["WSE", "GPW", "XWAR"], &["WA"]),
    at("TASE", "ILS", &["TASE", "TLV"], &["TA"]),
    at("SEHK", "HKD", &["SEHK", "HKEX", "HKG", "XHKG"], &["HK"]),
    TOKYO,
    at("ASX", "AUD", &["ASX", "XASX"], &["AX"]),
    at("SGX", "SGD", &["SGX", "SES", "XSES"], &["SI"]),
    at("NSE", "INR", &["NSE", "XNSE"], &["NS"]),
    at("KSE", "KRW", &["KSE", "KRX", "XKRX"], &["KS"]),
    at("MEXI", "MXN", &["MEXI", "BMV", "XMEX"], &["MX"]),
];

pub(super) fn market_of_prefix(prefix: &str) -> Option<&'static Market> {
    MARKETS.iter().find(|market| market.prefixes.contains(&prefix))
}

pub(super) fn market_of_suffix(suffix: &str) -> Option<&'static Market> {
    MARKETS.iter().find(|market| market.suffixes.contains(&suffix))
}

/// Markets of something else than stocks: how they are written, IB's code, the security type.
const VENUES: &[(&str, &str, &str)] = &[
    ("CME", "CME", "FUT"),
    ("CME_MINI", "CME", "FUT"),
    ("GLOBEX", "CME", "FUT"),
    ("CBOT", "CBOT", "FUT"),
    ("ECBOT", "CBOT", "FUT"),
    ("NYMEX", "NYMEX", "FUT"),
    ("COMEX", "COMEX", "FUT"),
    ("CFE", "CFE", "FUT"),
    ("NYBOT", "NYBOT", "FUT"),
    ("ICEUS", "NYBOT", "FUT"),
    ("EUREX", "EUREX", "FUT"),
    ("CBOE", "CBOE", "IND"),
    ("IDEALPRO", "IDEALPRO", "CASH"),
    ("PAXOS", "PAXOS", "CRYPTO"),
    ("ZEROHASH", "ZEROHASH", "CRYPTO"),
];

pub(super) fn venue(prefix: &str) -> Option<(&'static str, &'static str)> {
    VENUES.iter().find(|(name, ..)| *name == prefix).map(|(_, code, kind)| (*code, *kind))
}

/// Every prefix, for "did you mean".
pub(super) fn prefixes() -> impl Iterator<Item = &'static str> {
    MARKETS.iter().flat_map(|market| market.prefixes.iter().copied()).chain(VENUES.iter().map(|(name, ..)| *name))
}

/// Currencies (ISO 4217) that IB quotes pairs of.
#[rustfmt::skip]
const CURRENCIES: &[&str] = &[
    "AED", "AUD", "BGN", "BRL", "CAD", "CHF", "CLP", "CNH", "CNY", "COP", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "IDR", "ILS",
    "INR", "ISK", "JPY", "KRW", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "RON", "RUB", "SAR", "SEK", "SGD", "THB", "TRY", "TWD",
    "USD", "ZAR",
];

pub(super) fn is_currency(name: &str) -> bool {
    CURRENCIES.contains(&name)
}

#[rustfmt::skip]
const COINS: &[&str] =
    &["AAVE", "ADA", "AVAX", "BCH", "BTC", "DOGE", "DOT", "ETH", "HBAR", "LINK", "LTC", "MATIC", "SHIB", "SOL", "SUI", "UNI", "XLM", "XRP"];

pub(super) fn is_coin(name: &str) -> bool {
    COINS.contains(&name)
}

/// Metals that IB has as CMDTY under both names at once.
pub(super) fn is_metal(name: &str) -> bool {
    matches!(name, "XAU" | "XAG" | "XPT" | "XPD")
}

/// Indices whose name elsewhere is not IB's symbol.
const INDICES: &[(&str, &str)] =
    &[("GSPC", "SPX"), ("DJI", "INDU"), ("IXIC", "COMP"), ("GDAXI", "DAX"), ("STOXX50E", "ESTX50"), ("FTSE", "Z"), ("FCHI", "CAC40")];

pub(super) fn index(name: &str) -> &str {
    INDICES.iter().find(|(other, _)| *other == name).map_or(name, |(_, symbol)| symbol)
}

/// Futures whose root is IB's trading class, and the symbol that IB has them under.
#[rustfmt::skip]
const FUTURES: &[(&str, &str)] = &[
    ("6A", "AUD"), ("6B", "GBP"), ("6C", "CAD"), ("6E", "EUR"), ("6J", "JPY"), ("6M", "MXP"), ("6N", "NZD"), ("6S", "CHF"),
    ("VX", "VIX"), ("BTC", "BRR"), ("ETH", "ETHUSDRR"), ("FDAX", "DAX"), ("FESX", "ESTX50"), ("FGBL", "GBL"),
];

/// IB's symbol, and the trading class where it is not the symbol.
pub(super) fn future(root: &str) -> (&str, Option<&str>) {
    FUTURES.iter().find(|(class, _)| *class == root).map_or((root, None), |(class, symbol)| (*symbol, Some(*class)))
}

/// Options whose root is not the symbol of what they are on.
#[rustfmt::skip]
const OPTION_ROOTS: &[(&str, &str)] = &[
    ("SPXW", "SPX"), ("NDXP", "NDX"), ("RUTW", "RUT"), ("VIXW", "VIX"), ("OEXW", "OEX"), ("BRKB", "BRK B"), ("BFB", "BF B"),
];

pub(super) fn underlying(root: &str) -> &str {
    OPTION_ROOTS.iter().find(|(name, _)| *name == root).map_or(root, |(_, symbol)| symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_one_market() {
        let mut seen = std::collections::BTreeSet::new();
        for prefix in prefixes() {
            assert!(seen.insert(prefix), "prefix {prefix} twice");
        }
        let mut seen = std::collections::BTreeSet::new();
        for suffix in MARKETS.iter().flat_map(|market| market.suffixes) {
            assert!(seen.insert(suffix), "suffix {suffix} twice");
        }
        for (from, to) in INDICES.iter().chain(FUTURES).chain(OPTION_ROOTS) {
            assert_ne!(from, to);
        }
    }
}
