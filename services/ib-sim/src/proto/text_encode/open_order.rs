//! A working order with its state.

use super::contract::contract;
use super::order_parts::{
    algo, benchmark, conditions, delta_neutral, flag, has_delta_neutral_fields, hedge, legs, or_unset, or_zero, scale, tag_values,
};
use crate::proto::types::Contract;
use crate::wire::pb::order::Order;
use crate::wire::pb::order_report::OrderState;
use crate::wire::text::{Escaped, FieldWriter, put};

pub(super) fn write(out: &mut FieldWriter, order_id: i32, traded: &Contract, order: &Order, state: &OrderState) {
    put!(out; order_id);
    contract(out, traded);
    put!(out;
        order.action, order.total_quantity, order.order_type, order.lmt_price, order.aux_price, order.tif, order.oca_group, order.account,
        order.open_close, or_zero(order.origin), order.order_ref, or_zero(order.client_id), order.perm_id.unwrap_or_default(),
        flag(order.outside_rth), flag(order.hidden), order.discretionary_amt.unwrap_or_default(), order.good_after_time,
        // Share allocations, long gone.
        "",
        order.fa_group, order.fa_method, order.fa_percentage, order.model_code, order.good_till_date, order.rule80_a,
        order.percent_offset, order.settling_firm, or_zero(order.short_sale_slot), order.designated_location,
        order.exempt_code.unwrap_or(-1),
        // The auction strategy, which protobuf has no field for.
        0,
        order.starting_price, order.stock_ref_price, order.delta, order.stock_range_lower, order.stock_range_upper, order.display_size,
        flag(order.block_order), flag(order.sweep_to_fill), flag(order.all_or_none), order.min_qty, or_zero(order.oca_type),
        // Flags of routes that no longer exist: eTrade only, firm quote only, NBBO cap.
        false, false, "",
        or_zero(order.parent_id), or_zero(order.trigger_method),
    );
    volatility(out, order);
    // Basis points and their type belong to a kind of order that is gone.
    put!(out; order.trail_stop_price, order.trailing_percent, "", "");
    legs(out, traded);
    tag_values(out, &order.smart_combo_routing_params);
    scale(out, order);
    hedge(out, order);
    put!(out; flag(order.opt_out_smart_routing), order.clearing_account, order.clearing_intent, flag(order.not_held));
    delta_neutral(out, traded);
    algo(out, order);
    put!(out; flag(order.solicited), flag(order.what_if));
    preview(out, state);
    put!(out; flag(order.randomize_size), flag(order.randomize_price));
    benchmark(out, order);
    conditions(out, order);
    adjusted(out, order);
    tail(out, order);
}

fn volatility(out: &mut FieldWriter, order: &Order) {
    put!(out; order.volatility, or_zero(order.volatility_type), order.delta_neutral_order_type, order.delta_neutral_aux_price);
    if has_delta_neutral_fields(order) {
        put!(out;
            or_zero(order.delta_neutral_con_id), order.delta_neutral_settling_firm, order.delta_neutral_clearing_account,
            order.delta_neutral_clearing_intent, order.delta_neutral_open_close, flag(order.delta_neutral_short_sale),
            or_zero(order.delta_neutral_short_sale_slot), order.delta_neutral_designated_location,
        );
    }
    put!(out; flag(order.continuous_update), or_zero(order.reference_price_type));
}

/// Margins are unset doubles unless the order only asks "what if"; clients tell the answer by that.
fn preview(out: &mut FieldWriter, state: &OrderState) {
    put!(out; state.status);
    for margin in [
        state.init_margin_before,
        state.maint_margin_before,
        state.equity_with_loan_before,
        state.init_margin_change,
        state.maint_margin_change,
        state.equity_with_loan_change,
        state.init_margin_after,
        state.maint_margin_after,
        state.equity_with_loan_after,
    ] {
        put!(out; or_unset(margin));
    }
    put!(out;
        state.commission_and_fees, state.min_commission_and_fees, state.max_commission_and_fees, state.commission_and_fees_currency,
        Escaped(state.warning_text.as_deref().unwrap_or_default()),
    );
}

fn adjusted(out: &mut FieldWriter, order: &Order) {
    let tier = order.soft_dollar_tier.clone().unwrap_or_default();
    put!(out;
        order.adjusted_order_type, or_unset(order.trigger_price), or_unset(order.trail_stop_price), or_unset(order.lmt_price_offset),
        or_unset(order.adjusted_stop_price), or_unset(order.adjusted_stop_limit_price), or_unset(order.adjusted_trailing_amount),
        or_zero(order.adjustable_trailing_unit), tier.name, tier.value, tier.display_name, order.cash_qty,
    );
}

fn tail(out: &mut FieldWriter, order: &Order) {
    put!(out;
        flag(order.dont_use_auto_price_for_hedge), flag(order.is_oms_container), flag(order.discretionary_up_to_limit_price),
        or_zero(order.use_price_mgmt_algo), order.duration, order.post_to_ats, flag(order.auto_cancel_parent), order.min_trade_qty,
        order.min_compete_size, order.compete_against_best_offset, order.mid_offset_at_whole, order.mid_offset_at_half,
    );
}
