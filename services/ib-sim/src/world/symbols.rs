//! Symbol search: by the beginning of a symbol and by the company's name, as IB's
//! `reqMatchingSymbols` describes itself.
//!
//! Invariant: exact symbols come first, then symbols that begin with the pattern, then names; never
//! more than [`MAX_ROWS`].

use super::contracts::Contracts;
use super::instrument::Instrument;
use crate::proto::types::{Contract, SymbolRow};

/// IB answers with at most this many rows.
pub(crate) const MAX_ROWS: usize = 16;

pub(crate) fn search(contracts: &Contracts, pattern: &str) -> Vec<SymbolRow> {
    let pattern = pattern.trim().to_uppercase();
    if pattern.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(u8, &Instrument)> = contracts
        .iter()
        // Underlyings only: options and futures are reached through them.
        .filter(|row| row.under.is_none())
        .filter_map(|row| rank(row, &pattern).map(|rank| (rank, row)))
        .collect();
    found.sort_by_key(|(rank, row)| (*rank, row.contract.symbol.len(), row.contract.con_id));
    found.into_iter().take(MAX_ROWS).map(|(_, row)| shown(row)).collect()
}

fn rank(row: &Instrument, pattern: &str) -> Option<u8> {
    let symbol = &row.contract.symbol;
    let name = row.name.to_uppercase();
    if symbol == pattern {
        Some(0)
    } else if symbol.starts_with(pattern) {
        Some(1)
    } else if name.starts_with(pattern) {
        Some(2)
    } else if name.split([' ', '.', '-', '/', '&']).any(|word| word.starts_with(pattern)) {
        Some(3)
    } else {
        None
    }
}

/// The fields that IB fills in a symbol sample.
fn shown(row: &Instrument) -> SymbolRow {
    let own = &row.contract;
    let primary = if own.primary_exchange.is_empty() { row.home_exchange() } else { &own.primary_exchange };
    // IB marks the listing's currency variants of NASDAQ this way.
    let primary = if primary == "NASDAQ" { "NASDAQ.NMS" } else { primary };
    SymbolRow {
        contract: Contract {
            con_id: own.con_id,
            symbol: own.symbol.clone(),
            sec_type: own.sec_type.clone(),
            primary_exchange: primary.to_owned(),
            currency: own.currency.clone(),
            description: row.name.clone(),
            ..Contract::default()
        },
        derivatives: row.derivatives.iter().map(|kind| (*kind).to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use crate::world::World;

    fn symbols(pattern: &str) -> Vec<String> {
        let world = World::new(&Settings::default(), true, 1_795_186_800).unwrap();
        search(&world.contracts, pattern).into_iter().map(|row| row.contract.symbol).collect()
    }

    #[test]
    fn exact_then_prefix_then_name() {
        assert_eq!(symbols("aapl")[0], "AAPL");
        let rows = symbols("A");
        assert_eq!(rows.len(), MAX_ROWS);
        assert!(rows[0].starts_with('A'));
        assert_eq!(symbols("apple"), ["AAPL"]);
        assert_eq!(symbols("SAP"), ["SAP", "SAP"]);
        assert!(symbols("motor").contains(&"7203".to_owned()));
        assert!(symbols("zzzz").is_empty() && symbols(" ").is_empty());
    }
}
