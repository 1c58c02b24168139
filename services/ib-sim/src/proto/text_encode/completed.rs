//! An order that is done: like an open one, with fewer fields and its own end.

use super::contract::contract;
use super::order_parts::{
    algo, benchmark, conditions, delta_neutral, flag, has_delta_neutral_fields, hedge, legs, or_unset, or_zero, scale, tag_values,
};
use crate::proto::types::Contract;
use crate::wire::pb::order::Order;
use crate::wire::pb::order_report::OrderState;
use crate::wire::text::{FieldWriter, put};

pub(super) fn write(out: &mut FieldWriter, traded: &Contract, order: &Order, state: &OrderState) {
    contract(out, traded);
    put!(out;
        order.action, order.total_quantity, order.order_type, order.lmt_price, order.aux_price, order.tif, order.oca_group, order.account,
        order.open_close, or_zero(order.origin), order.order_ref, order.perm_id.unwrap_or_default(), flag(order.outside_rth),
        flag(order.hidden), order.discretionary_amt.unwrap_or_default(), order.good_after_time, order.fa_group, order.fa_method,
        order.fa_percentage, order.model_code, order.good_till_date, order.rule80_a, order.percent_offset, order.settling_firm,
        or_zero(order.short_sale_slot), order.designated_location, order.exempt_code.unwrap_or(-1), order.starting_price,
        order.stock_ref_price, order.delta, order.stock_range_lower, order.stock_range_upper, order.display_size,
        flag(order.sweep_to_fill), flag(order.all_or_none), order.min_qty, or_zero(order.oca_type), or_zero(order.trigger_method),
        order.volatility, or_zero(order.volatility_type), order.delta_neutral_order_type, order.delta_neutral_aux_price,
    );
    if has_delta_neutral_fields(order) {
        put!(out;
            or_zero(order.delta_neutral_con_id), flag(order.delta_neutral_short_sale), or_zero(order.delta_neutral_short_sale_slot),
            order.delta_neutral_designated_location,
        );
    }
    put!(out; flag(order.continuous_update), or_zero(order.reference_price_type), order.trail_stop_price, order.trailing_percent);
    legs(out, traded);
    tag_values(out, &order.smart_combo_routing_params);
    scale(out, order);
    hedge(out, order);
    put!(out; order.clearing_account, order.clearing_intent, flag(order.not_held));
    delta_neutral(out, traded);
    algo(out, order);
    put!(out; flag(order.solicited), state.status, flag(order.randomize_size), flag(order.randomize_price));
    benchmark(out, order);
    conditions(out, order);
    tail(out, order, state);
}

fn tail(out: &mut FieldWriter, order: &Order, state: &OrderState) {
    put!(out;
        or_unset(order.trail_stop_price), or_unset(order.lmt_price_offset), order.cash_qty, flag(order.dont_use_auto_price_for_hedge),
        flag(order.is_oms_container), order.auto_cancel_date, order.filled_quantity, or_zero(order.ref_futures_con_id),
        flag(order.auto_cancel_parent), order.shareholder, flag(order.imbalance_only), or_zero(order.route_marketable_to_bbo),
        order.parent_perm_id.unwrap_or_default(), state.completed_time, state.completed_status, order.min_trade_qty,
        order.min_compete_size, order.compete_against_best_offset, order.mid_offset_at_whole, order.mid_offset_at_half,
    );
}
