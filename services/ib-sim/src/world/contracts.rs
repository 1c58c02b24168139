//! The book of contracts: built from the scenario, found by whatever a client names.
//!
//! Invariant: a contract id belongs to one instrument; a query matches all instruments that contradict
//! none of its fields, so that an incomplete one is ambiguous and a wrong one finds nothing.

use std::collections::HashMap;

use jiff::civil::Date;

use super::chain::Chains;
use super::instrument::Instrument;
use crate::errors::ApiError;
use crate::proto::types::Contract;

/// All instruments of a world.
#[derive(Debug)]
pub(crate) struct Contracts {
    all: Vec<Instrument>,
    by_id: HashMap<i32, usize>,
    chains: Chains,
}

impl Contracts {
    pub(crate) fn new(all: Vec<Instrument>, chains: Chains) -> Self {
        let by_id = all.iter().enumerate().map(|(index, row)| (row.contract.con_id, index)).collect();
        Self { all, by_id, chains }
    }

    pub(crate) fn get(&self, con_id: i32) -> Option<&Instrument> {
        self.by_id.get(&con_id).map(|index| &self.all[*index]).or_else(|| self.chains.get(con_id))
    }

    pub(crate) fn chains(&self) -> &Chains {
        &self.chains
    }

    /// Everything but option chains.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Instrument> {
        self.all.iter()
    }

    /// Everything that fits, nearest expiration first for chains.
    pub(crate) fn find(&self, query: &Contract, today: Date) -> Result<Vec<&Instrument>, ApiError> {
        if query.con_id != 0 {
            let found = self.get(query.con_id).filter(|row| type_fits(row, query) && exchange_fits(row, &query.exchange));
            let found = found.filter(|row| is_told(row, query, today));
            return found.map(|row| vec![row]).ok_or_else(ApiError::no_definition);
        }
        let by_isin = query.sec_id_type == "ISIN" && !query.sec_id.is_empty();
        if query.sec_type.is_empty() && !by_isin {
            return Err(ApiError::invalid("Please enter a valid security type"));
        }
        if query.symbol.is_empty() && query.local_symbol.is_empty() && query.trading_class.is_empty() && !by_isin {
            return Err(ApiError::invalid("Please enter a local symbol or a symbol"));
        }
        let mut found: Vec<&Instrument> = self.all.iter().filter(|row| fits(row, query, today)).collect();
        found.extend(self.chains.find(query, today));
        found.sort_by_key(|row| row.expiry);
        if query.sec_type == "CONTFUT" {
            found.truncate(1);
        }
        if found.is_empty() { Err(ApiError::no_definition()) } else { Ok(found) }
    }

    /// The one that fits; bars and the like need exactly one.
    pub(crate) fn only(&self, query: &Contract, today: Date) -> Result<&Instrument, ApiError> {
        let found = self.find(query, today)?;
        match found.as_slice() {
            [one] => Ok(one),
            _ => Err(ApiError::ambiguous(&query.symbol)),
        }
    }
}

/// Whether the contract exists today for whoever asks: not expired, and of an option also not yet to come.
fn is_told(row: &Instrument, query: &Contract, today: Date) -> bool {
    let expired = row.expiry.is_some_and(|on| on < today) && !query.include_expired;
    let listed = row.option.is_none() || row.first_day <= today;
    !expired && listed
}

pub(super) fn type_fits(row: &Instrument, query: &Contract) -> bool {
    let wanted = query.sec_type.as_str();
    wanted.is_empty() || row.is(wanted) || (wanted == "CONTFUT" && row.is("FUT"))
}

pub(super) fn exchange_fits(row: &Instrument, exchange: &str) -> bool {
    exchange.is_empty() || row.valid_exchanges.split(',').any(|valid| valid == exchange)
}

pub(super) fn fits(row: &Instrument, query: &Contract, today: Date) -> bool {
    let own = &row.contract;
    let same = |wanted: &str, value: &str| wanted.is_empty() || wanted == value;
    let isin = query.sec_id_type != "ISIN" || query.sec_id.is_empty() || query.sec_id == row.isin;
    // Only what a query names can contradict: a given strike matters for options alone.
    isin && is_told(row, query, today)
        && type_fits(row, query)
        && exchange_fits(row, &query.exchange)
        && same(&query.symbol, &own.symbol)
        && same(&query.currency, &own.currency)
        && same(&query.local_symbol, &own.local_symbol)
        && same(&query.trading_class, &own.trading_class)
        && primary_fits(row, &query.primary_exchange)
        && own.expiry.starts_with(&query.expiry)
        && query.strike.is_none_or(|strike| own.strike == Some(strike))
        && (query.right.is_empty() || query.right.starts_with(own.right.as_str()) && !own.right.is_empty())
        && query.multiplier.is_none_or(|wanted| own.multiplier.is_none_or(|value| (wanted - value).abs() < 1e-9))
}

/// Clients name a stock's primary exchange in more ways than one; IB takes NASDAQ's old name too.
fn primary_fits(row: &Instrument, wanted: &str) -> bool {
    let wanted = if wanted == "ISLAND" { "NASDAQ" } else { wanted };
    wanted.is_empty() || row.contract.primary_exchange.is_empty() || row.contract.primary_exchange == wanted
}

#[cfg(test)]
#[path = "contracts_tests.rs"]
mod tests;
