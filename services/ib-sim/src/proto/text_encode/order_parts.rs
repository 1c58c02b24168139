//! What open and completed orders have in common; the order of the fields differs around it.

use std::collections::BTreeMap;

use crate::proto::types::Contract;
use crate::wire::pb::order::{Order, OrderCondition};
use crate::wire::text::{FieldWriter, put};

/// The kinds of volatility orders' hedges; "None" is spelled out, and clients then read its fields too.
pub(super) fn has_delta_neutral_fields(order: &Order) -> bool {
    order.delta_neutral_order_type.as_deref().is_some_and(|kind| !kind.is_empty())
}

/// Leg count and eight fields each, then the prices of the legs where any has one.
pub(super) fn legs(out: &mut FieldWriter, contract: &Contract) {
    let legs = &contract.combo_legs;
    put!(out; contract.combo_legs_description, legs.len());
    for leg in legs {
        put!(out;
            leg.con_id, leg.ratio, leg.action, leg.exchange, leg.open_close.unwrap_or_default(), leg.short_sales_slot.unwrap_or_default(),
            leg.designated_location, leg.exempt_code.unwrap_or(-1),
        );
    }
    let priced = legs.iter().any(|leg| leg.per_leg_price.is_some());
    put!(out; if priced { legs.len() } else { 0 });
    if priced {
        for leg in legs {
            put!(out; leg.per_leg_price);
        }
    }
}

pub(super) fn tag_values(out: &mut FieldWriter, params: &BTreeMap<String, String>) {
    put!(out; params.len());
    for (tag, value) in params {
        put!(out; tag, value);
    }
}

pub(super) fn scale(out: &mut FieldWriter, order: &Order) {
    put!(out; order.scale_init_level_size, order.scale_subs_level_size, order.scale_price_increment);
    if order.scale_price_increment.is_some_and(|step| step > 0.0 && step != f64::MAX) {
        put!(out;
            order.scale_price_adjust_value, order.scale_price_adjust_interval, order.scale_profit_offset,
            flag(order.scale_auto_reset), order.scale_init_position, order.scale_init_fill_qty, flag(order.scale_random_percent),
        );
    }
}

pub(super) fn hedge(out: &mut FieldWriter, order: &Order) {
    put!(out; order.hedge_type);
    if order.hedge_type.as_deref().is_some_and(|kind| !kind.is_empty()) {
        put!(out; order.hedge_param);
    }
}

pub(super) fn delta_neutral(out: &mut FieldWriter, contract: &Contract) {
    put!(out; contract.delta_neutral.is_some());
    if let Some(hedge) = &contract.delta_neutral {
        put!(out; hedge.con_id, hedge.delta, hedge.price);
    }
}

pub(super) fn algo(out: &mut FieldWriter, order: &Order) {
    put!(out; order.algo_strategy);
    if order.algo_strategy.as_deref().is_some_and(|name| !name.is_empty()) {
        tag_values(out, &order.algo_params);
    }
}

pub(super) fn benchmark(out: &mut FieldWriter, order: &Order) {
    if matches!(order.order_type.as_deref(), Some("PEG BENCH" | "PEGBENCH")) {
        put!(out;
            order.reference_contract_id, flag(order.is_pegged_change_amount_decrease), order.pegged_change_amount,
            order.reference_change_amount, order.reference_exchange_id,
        );
    }
}

pub(super) fn conditions(out: &mut FieldWriter, order: &Order) {
    put!(out; order.conditions.len());
    for condition in &order.conditions {
        one_condition(out, condition);
    }
    if !order.conditions.is_empty() {
        put!(out; flag(order.conditions_ignore_rth), flag(order.conditions_cancel_order));
    }
}

fn one_condition(out: &mut FieldWriter, condition: &OrderCondition) {
    let kind = condition.kind.unwrap_or_default();
    put!(out; kind, if condition.is_conjunction_connection.unwrap_or(true) { "a" } else { "o" });
    if kind == 5 {
        return put!(out; condition.sec_type, condition.exchange, condition.symbol);
    }
    put!(out; flag(condition.is_more));
    match kind {
        1 => put!(out; condition.price.unwrap_or_default()),
        3 => put!(out; condition.time),
        4 => put!(out; or_zero(condition.percent)),
        6 => put!(out; or_zero(condition.volume)),
        _ => put!(out; condition.change_percent.unwrap_or_default()),
    }
    if matches!(kind, 1 | 6 | 7) {
        put!(out; or_zero(condition.con_id), condition.exchange);
    }
    if kind == 1 {
        put!(out; or_zero(condition.trigger_method));
    }
}

pub(super) fn flag(value: Option<bool>) -> bool {
    value.unwrap_or_default()
}

/// A field that clients read as a number, zero when it is not given.
pub(super) fn or_zero(value: Option<i32>) -> i32 {
    value.unwrap_or_default()
}

/// The unset double, spelled out where a real gateway does so.
pub(super) fn or_unset(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::MAX)
}
