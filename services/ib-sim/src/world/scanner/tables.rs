//! What can be scanned: instruments, places and orders of ranking, under IB's codes.
//!
//! Invariant: the parameters document and the scans themselves read these tables, so a code that is
//! offered is a code that works.

/// One kind of thing to scan.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) sec_type: &'static str,
}

/// Where to look: a node of the tree of locations.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    /// The location above, if any.
    pub(super) parent: &'static str,
    /// Primary exchanges that belong to it; none means all.
    pub(super) exchanges: &'static [&'static str],
}

/// What a ranking is by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// Last price against the previous close.
    Change,
    /// The size of that change, whichever way it went.
    Move,
    /// Today's open against the previous close.
    Gap,
    /// Last price against today's open.
    SinceOpen,
    Volume,
    /// Volume times price.
    Turnover,
    /// Volume against that of an average day.
    Heat,
    Trades,
    ImpliedVolatility,
    OptionVolume,
    /// Nothing to rank by: only what is halted.
    Halted,
}

/// One scan code.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) measure: Measure,
    pub(super) highest_first: bool,
    pub(super) kinds: &'static [&'static str],
}

const ALL: &[&str] = &["STK", "FUT.US", "IND.US"];
const TRADED: &[&str] = &["STK", "FUT.US"];
const STOCKS: &[&str] = &["STK"];

pub(super) const KINDS: &[Kind] = &[
    Kind { code: "STK", name: "US Stocks", sec_type: "STK" },
    Kind { code: "FUT.US", name: "US Futures", sec_type: "FUT" },
    Kind { code: "IND.US", name: "US Indexes", sec_type: "IND" },
];

const fn place(
    code: &'static str,
    name: &'static str,
    kind: &'static str,
    parent: &'static str,
    exchanges: &'static [&'static str],
) -> Place {
    Place { code, name, kind, parent, exchanges }
}

pub(super) const PLACES: &[Place] = &[
    place("STK.US", "US Stocks", "STK", "", &[]),
    place("STK.US.MAJOR", "Listed/NASDAQ", "STK", "STK.US", &["NYSE", "NASDAQ", "AMEX", "ARCA", "BATS", "IEX"]),
    place("STK.NYSE", "NYSE", "STK", "STK.US.MAJOR", &["NYSE"]),
    place("STK.NASDAQ", "NASDAQ", "STK", "STK.US.MAJOR", &["NASDAQ"]),
    place("STK.AMEX", "AMEX", "STK", "STK.US.MAJOR", &["AMEX"]),
    place("STK.ARCA", "ARCA", "STK", "STK.US.MAJOR", &["ARCA"]),
    place("STK.BATS", "BATS", "STK", "STK.US.MAJOR", &["BATS"]),
    place("STK.US.MINOR", "OTC Markets", "STK", "STK.US", &["PINK", "OTCBB"]),
    place("FUT.US", "US Futures", "FUT.US", "", &[]),
    place("FUT.CME", "CME", "FUT.US", "FUT.US", &["CME"]),
    place("FUT.COMEX", "COMEX", "FUT.US", "FUT.US", &["COMEX"]),
    place("FUT.NYMEX", "NYMEX", "FUT.US", "FUT.US", &["NYMEX"]),
    place("IND.US", "US Indexes", "IND.US", "", &[]),
];

const fn scan(code: &'static str, name: &'static str, measure: Measure, highest_first: bool, kinds: &'static [&'static str]) -> Scan {
    Scan { code, name, measure, highest_first, kinds }
}

pub(super) const SCANS: &[Scan] = &[
    scan("TOP_PERC_GAIN", "Top % Gainers", Measure::Change, true, ALL),
    scan("TOP_PERC_LOSE", "Top % Losers", Measure::Change, false, ALL),
    scan("MOST_ACTIVE", "Most Active", Measure::Volume, true, TRADED),
    scan("MOST_ACTIVE_USD", "Most Active ($)", Measure::Turnover, true, STOCKS),
    scan("HOT_BY_VOLUME", "Hot Contracts by Volume", Measure::Heat, true, TRADED),
    scan("TOP_VOLUME_RATE", "Top Volume Rate", Measure::Heat, true, TRADED),
    scan("HOT_BY_PRICE", "Hot Contracts by Price", Measure::Move, true, ALL),
    scan("TOP_TRADE_COUNT", "Top Trade Count", Measure::Trades, true, TRADED),
    scan("TOP_OPEN_PERC_GAIN", "Top % Gainers Since Open", Measure::SinceOpen, true, ALL),
    scan("TOP_OPEN_PERC_LOSE", "Top % Losers Since Open", Measure::SinceOpen, false, ALL),
    scan("HIGH_OPEN_GAP", "Top Close-to-Open % Gainers", Measure::Gap, true, TRADED),
    scan("LOW_OPEN_GAP", "Top Close-to-Open % Losers", Measure::Gap, false, TRADED),
    scan("HIGH_OPT_IMP_VOLAT", "Highest Option Imp Vol", Measure::ImpliedVolatility, true, STOCKS),
    scan("LOW_OPT_IMP_VOLAT", "Lowest Option Imp Vol", Measure::ImpliedVolatility, false, STOCKS),
    scan("OPT_VOLUME_MOST_ACTIVE", "Most Active by Opt Volume", Measure::OptionVolume, true, STOCKS),
    scan("HALTED", "Halted", Measure::Halted, true, STOCKS),
];
