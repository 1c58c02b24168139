//! Where depth exists, and the letters that stand for exchanges in quotes.
//!
//! Invariant: every code that quotes give out can be resolved here.

use crate::wire::pb::depth::{DepthMarketDataDescription, SmartComponent};
use crate::world::instrument::Instrument;

/// As captured for US stocks; the other is the same kind of code for their options.
const STOCKS: &str = "9c0001";
const OPTIONS: &str = "a60001";

/// Bit, exchange and letter, by the participants' letters on the tape.
const STOCK_LETTERS: [(i32, &str, &str); 18] = [
    (0, "AMEX", "A"),
    (1, "BEX", "B"),
    (2, "NYSENAT", "C"),
    (3, "FINRA", "D"),
    (7, "PEARL", "H"),
    (9, "EDGEA", "J"),
    (10, "DRCTEDGE", "K"),
    (11, "LTSE", "L"),
    (12, "CHX", "M"),
    (13, "NYSE", "N"),
    (15, "ARCA", "P"),
    (16, "NASDAQ", "Q"),
    (20, "MEMX", "U"),
    (21, "IEX", "V"),
    (22, "CBOE", "W"),
    (23, "PSX", "X"),
    (24, "BYX", "Y"),
    (25, "BATS", "Z"),
];
const OPTION_LETTERS: [(i32, &str, &str); 17] = [
    (0, "AMEX", "A"),
    (1, "BOX", "B"),
    (2, "CBOE", "C"),
    (3, "EMERALD", "D"),
    (4, "EDGX", "E"),
    (7, "GEMINI", "H"),
    (8, "ISE", "I"),
    (9, "MERCURY", "J"),
    (12, "MIAX", "M"),
    (13, "PSE", "N"),
    (15, "PEARL", "P"),
    (16, "NASDAQOM", "Q"),
    (19, "NASDAQBX", "T"),
    (20, "MEMX", "U"),
    (22, "CBOE2", "W"),
    (23, "PHLX", "X"),
    (25, "BATS", "Z"),
];

/// Exchanges that give their books: name, security type, and whether single market makers show.
const BOOKS: [(&str, &str, bool); 12] = [
    ("ISLAND", "STK", true),
    ("NASDAQ", "STK", true),
    ("ARCA", "STK", true),
    ("NYSE", "STK", false),
    ("BATS", "STK", false),
    ("EDGX", "STK", false),
    ("IEX", "STK", false),
    ("MEMX", "STK", false),
    ("IBIS", "STK", false),
    ("CME", "FUT", false),
    ("IDEALPRO", "CASH", false),
    ("PAXOS", "CRYPTO", false),
];

/// The code under which the exchanges of a contract's quotes are told; empty where there are no such.
pub(in crate::session) fn bbo_exchange(row: &Instrument) -> &'static str {
    let american = row.contract.currency == "USD" && row.valid_exchanges.starts_with("SMART");
    match row.contract.sec_type.as_str() {
        "STK" if american => STOCKS,
        "OPT" if american => OPTIONS,
        _ => "",
    }
}

/// The exchanges behind a code; none if no quote ever gave it.
pub(super) fn components(code: &str) -> Option<Vec<SmartComponent>> {
    let letters: &[(i32, &str, &str)] = match code {
        STOCKS => &STOCK_LETTERS,
        OPTIONS => &OPTION_LETTERS,
        _ => return None,
    };
    let component = |(bit, exchange, letter): &(i32, &str, &str)| SmartComponent {
        bit_number: Some(*bit),
        exchange: Some((*exchange).to_owned()),
        exchange_letter: Some((*letter).to_owned()),
    };
    Some(letters.iter().map(component).collect())
}

pub(super) fn descriptions() -> Vec<DepthMarketDataDescription> {
    let row = |(exchange, sec_type, makers): &(&str, &str, bool)| DepthMarketDataDescription {
        exchange: Some((*exchange).to_owned()),
        sec_type: Some((*sec_type).to_owned()),
        listing_exch: Some(if *exchange == "ISLAND" { "NASDAQ" } else { "" }.to_owned()),
        service_data_type: Some(if *makers { "Deep2" } else { "Deep" }.to_owned()),
        agg_group: None,
    };
    BOOKS.iter().map(row).collect()
}

/// Whether an exchange gives a book for a contract, and if so whether it names market makers.
pub(super) fn book(row: &Instrument, exchange: &str) -> Option<bool> {
    let trades_there = row.valid_exchanges.split(',').any(|valid| valid == exchange);
    let of = BOOKS.iter().find(|(name, sec_type, _)| *name == exchange && row.is(sec_type))?;
    trades_there.then_some(of.2)
}

/// The exchanges whose books make up that of SMART.
pub(super) fn books_of(row: &Instrument) -> Vec<&'static str> {
    BOOKS
        .iter()
        .filter(|(name, sec_type, _)| *name != "ISLAND" && row.is(sec_type) && book(row, name).is_some())
        .map(|(name, ..)| *name)
        .collect()
}
