//! How messages show a contract, and everything about one.

use crate::proto::types::{Contract, ContractDetails};
use crate::wire::text::{Escaped, FieldWriter, put};

/// A strike that a contract does not have is zero in text.
pub(super) fn strike(contract: &Contract) -> f64 {
    contract.strike.unwrap_or_default()
}

/// `100`, not `100.0`: clients take a multiplier as text.
pub(super) fn multiplier(contract: &Contract) -> Option<String> {
    contract.multiplier.map(|value| value.to_string())
}

/// The eleven fields of positions, orders and executions.
pub(super) fn contract(out: &mut FieldWriter, contract: &Contract) {
    put!(out;
        contract.con_id, contract.symbol, contract.sec_type, contract.expiry, strike(contract), contract.right, multiplier(contract),
        contract.exchange, contract.currency, contract.local_symbol, contract.trading_class,
    );
}

pub(super) fn contract_data(out: &mut FieldWriter, req_id: i32, contract: &Contract, details: &ContractDetails) {
    put!(out;
        req_id, contract.symbol, contract.sec_type, contract.expiry, strike(contract), contract.right, contract.exchange,
        contract.currency, contract.local_symbol, details.market_name, contract.trading_class, contract.con_id, details.min_tick,
        multiplier(contract), details.order_types, details.valid_exchanges, details.price_magnifier, details.under_con_id,
        Escaped(&details.long_name), contract.primary_exchange, details.contract_month, details.industry, details.category,
        details.subcategory, details.time_zone_id, details.trading_hours, details.liquid_hours,
        // Rule and multiplier of the economic value, which only some advisors' contracts have.
        "", 0,
    );
    super::pairs(out, &details.sec_ids);
    put!(out;
        details.agg_group, details.under_symbol, details.under_sec_type, details.market_rule_ids, details.real_expiration_date,
        details.stock_type, details.min_size, details.size_increment, details.suggested_size_increment,
    );
}
