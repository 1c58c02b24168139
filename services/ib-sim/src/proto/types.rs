//! Values that requests and events share.

use serde::Serialize;

use crate::wire::pb::contract::{ComboLeg, DeltaNeutralContract};

/// A contract as a client names it or a gateway shows it; empty text and zero mean "not given".
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Contract {
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) con_id: i32,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) symbol: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) sec_type: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) expiry: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) strike: Option<f64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) right: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) multiplier: Option<f64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) exchange: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) primary_exchange: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) currency: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) local_symbol: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) trading_class: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) sec_id_type: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) sec_id: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) include_expired: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) issuer_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) combo_legs_description: String,
    /// The legs of a `BAG`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) combo_legs: Vec<ComboLeg>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delta_neutral: Option<DeltaNeutralContract>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(value: &i32) -> bool {
    *value == 0
}

/// What a gateway tells about a contract besides the contract itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ContractDetails {
    pub(crate) market_name: String,
    pub(crate) min_tick: String,
    pub(crate) order_types: String,
    pub(crate) valid_exchanges: String,
    pub(crate) price_magnifier: i32,
    pub(crate) under_con_id: i32,
    pub(crate) long_name: String,
    pub(crate) contract_month: String,
    pub(crate) industry: String,
    pub(crate) category: String,
    pub(crate) subcategory: String,
    pub(crate) time_zone_id: String,
    pub(crate) trading_hours: String,
    pub(crate) liquid_hours: String,
    pub(crate) sec_ids: Vec<(String, String)>,
    pub(crate) agg_group: i32,
    pub(crate) under_symbol: String,
    pub(crate) under_sec_type: String,
    pub(crate) market_rule_ids: String,
    pub(crate) real_expiration_date: String,
    pub(crate) last_trade_date: String,
    pub(crate) stock_type: String,
    pub(crate) min_size: String,
    pub(crate) size_increment: String,
    pub(crate) suggested_size_increment: String,
}

/// One historical bar as it goes to a client: the date already in the form that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BarRow {
    pub(crate) date: String,
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    pub(crate) volume: String,
    pub(crate) wap: String,
    pub(crate) count: i32,
}

/// One trading session of a schedule, in the exchange's own time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionRow {
    pub(crate) start: String,
    pub(crate) end: String,
    pub(crate) reference: String,
}

/// One row of the answer to a symbol search.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SymbolRow {
    pub(crate) contract: Contract,
    pub(crate) derivatives: Vec<String>,
}

/// One row of a scanner's answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScannerRow {
    pub(crate) rank: i32,
    pub(crate) contract: Contract,
    pub(crate) market_name: String,
    pub(crate) distance: String,
    pub(crate) benchmark: String,
    pub(crate) projection: String,
    pub(crate) combo_key: String,
}
