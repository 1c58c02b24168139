//! The order that a client places: one long row of fields whose parts depend on each other.

use std::collections::BTreeMap;

use super::Decoded;
use super::condition::condition;
use super::contract::{contract, delta_neutral, leg};
use super::reference::options;
use crate::proto::request::Request;
use crate::proto::types::Contract;
use crate::wire::pb::order::{Order, SoftDollarTier};
use crate::wire::text::{FieldReader, TextError};

type Read = Result<(), TextError>;

pub(super) fn place_order(fields: &mut FieldReader<'_>) -> Decoded {
    let order_id = fields.int()?;
    let mut contract = contract(fields)?;
    contract.sec_id_type = fields.text()?;
    contract.sec_id = fields.text()?;
    let mut order = Order::default();
    main_part(fields, &mut order)?;
    if contract.sec_type == "BAG" {
        combination(fields, &mut contract, &mut order)?;
    }
    extended_part(fields, &mut order)?;
    volatility(fields, &mut order)?;
    trail_and_scale(fields, &mut order)?;
    order.opt_out_smart_routing = fields.set()?;
    order.clearing_account = fields.given()?;
    order.clearing_intent = fields.given()?;
    order.not_held = fields.set()?;
    contract.delta_neutral = delta_neutral(fields)?;
    algo(fields, &mut order)?;
    benchmark_and_conditions(fields, &mut order)?;
    adjusted(fields, &mut order)?;
    tail(fields, &contract, &mut order)?;
    Ok(Request::PlaceOrder { order_id, contract: Box::new(contract), order: Box::new(order), attached: None })
}

fn main_part(fields: &mut FieldReader<'_>, order: &mut Order) -> Read {
    order.action = fields.given()?;
    order.total_quantity = fields.quantity()?;
    order.order_type = fields.given()?;
    order.lmt_price = fields.decimal()?;
    order.aux_price = fields.decimal()?;
    order.tif = fields.given()?;
    order.oca_group = fields.given()?;
    order.account = fields.given()?;
    order.open_close = fields.given()?;
    order.origin = fields.whole()?;
    order.order_ref = fields.given()?;
    order.transmit = fields.set()?;
    order.parent_id = fields.whole()?;
    order.block_order = fields.set()?;
    order.sweep_to_fill = fields.set()?;
    order.display_size = fields.whole()?;
    order.trigger_method = fields.whole()?;
    order.outside_rth = fields.set()?;
    order.hidden = fields.set()?;
    Ok(())
}

fn combination(fields: &mut FieldReader<'_>, contract: &mut Contract, order: &mut Order) -> Read {
    for _ in 0..fields.count()? {
        let mut leg = leg(fields)?;
        leg.open_close = fields.whole()?;
        leg.short_sales_slot = fields.whole()?;
        leg.designated_location = fields.given()?;
        leg.exempt_code = fields.whole()?;
        contract.combo_legs.push(leg);
    }
    for number in 0..fields.count()? {
        let price = fields.decimal()?;
        if let Some(leg) = contract.combo_legs.get_mut(number) {
            leg.per_leg_price = price;
        }
    }
    order.smart_combo_routing_params = tag_values(fields)?;
    Ok(())
}

fn tag_values(fields: &mut FieldReader<'_>) -> Result<BTreeMap<String, String>, TextError> {
    let mut params = BTreeMap::new();
    for _ in 0..fields.count()? {
        let tag = fields.text()?;
        params.insert(tag, fields.text()?);
    }
    Ok(params)
}

fn extended_part(fields: &mut FieldReader<'_>, order: &mut Order) -> Read {
    // Share allocations, long gone.
    fields.skip()?;
    order.discretionary_amt = fields.decimal()?;
    order.good_after_time = fields.given()?;
    order.good_till_date = fields.given()?;
    order.fa_group = fields.given()?;
    order.fa_method = fields.given()?;
    order.fa_percentage = fields.given()?;
    order.model_code = fields.given()?;
    order.short_sale_slot = fields.whole()?;
    order.designated_location = fields.given()?;
    order.exempt_code = fields.whole()?;
    order.oca_type = fields.whole()?;
    order.rule80_a = fields.given()?;
    order.settling_firm = fields.given()?;
    order.all_or_none = fields.set()?;
    order.min_qty = fields.whole()?;
    order.percent_offset = fields.decimal()?;
    // Flags of routes that no longer exist (eTrade only, firm quote only, NBBO cap) and the auction
    // strategy, which protobuf has no field for.
    for _ in 0..4 {
        fields.skip()?;
    }
    order.starting_price = fields.decimal()?;
    order.stock_ref_price = fields.decimal()?;
    order.delta = fields.decimal()?;
    order.stock_range_lower = fields.decimal()?;
    order.stock_range_upper = fields.decimal()?;
    order.override_percentage_constraints = fields.set()?;
    Ok(())
}

fn volatility(fields: &mut FieldReader<'_>, order: &mut Order) -> Read {
    order.volatility = fields.decimal()?;
    order.volatility_type = fields.whole()?;
    order.delta_neutral_order_type = fields.given()?;
    order.delta_neutral_aux_price = fields.decimal()?;
    if order.delta_neutral_order_type.is_some() {
        order.delta_neutral_con_id = fields.whole()?;
        order.delta_neutral_settling_firm = fields.given()?;
        order.delta_neutral_clearing_account = fields.given()?;
        order.delta_neutral_clearing_intent = fields.given()?;
        order.delta_neutral_open_close = fields.given()?;
        order.delta_neutral_short_sale = fields.set()?;
        order.delta_neutral_short_sale_slot = fields.whole()?;
        order.delta_neutral_designated_location = fields.given()?;
    }
    order.continuous_update = fields.set()?;
    order.reference_price_type = fields.whole()?;
    Ok(())
}

fn trail_and_scale(fields: &mut FieldReader<'_>, order: &mut Order) -> Read {
    order.trail_stop_price = fields.decimal()?;
    order.trailing_percent = fields.decimal()?;
    order.scale_init_level_size = fields.whole()?;
    order.scale_subs_level_size = fields.whole()?;
    order.scale_price_increment = fields.decimal()?;
    if order.scale_price_increment.is_some_and(|step| step > 0.0) {
        order.scale_price_adjust_value = fields.decimal()?;
        order.scale_price_adjust_interval = fields.whole()?;
        order.scale_profit_offset = fields.decimal()?;
        order.scale_auto_reset = fields.set()?;
        order.scale_init_position = fields.whole()?;
        order.scale_init_fill_qty = fields.whole()?;
        order.scale_random_percent = fields.set()?;
    }
    order.scale_table = fields.given()?;
    order.active_start_time = fields.given()?;
    order.active_stop_time = fields.given()?;
    order.hedge_type = fields.given()?;
    if order.hedge_type.is_some() {
        order.hedge_param = fields.given()?;
    }
    Ok(())
}

fn algo(fields: &mut FieldReader<'_>, order: &mut Order) -> Read {
    order.algo_strategy = fields.given()?;
    if order.algo_strategy.is_some() {
        order.algo_params = tag_values(fields)?;
    }
    order.algo_id = fields.given()?;
    order.what_if = fields.set()?;
    order.order_misc_options = options(&fields.text()?);
    order.solicited = fields.set()?;
    order.randomize_size = fields.set()?;
    order.randomize_price = fields.set()?;
    Ok(())
}

fn benchmark_and_conditions(fields: &mut FieldReader<'_>, order: &mut Order) -> Read {
    if matches!(order.order_type.as_deref(), Some("PEG BENCH" | "PEGBENCH")) {
        order.reference_contract_id = fields.whole()?;
        order.is_pegged_change_amount_decrease = fields.set()?;
        order.pegged_change_amount = fields.decimal()?;
        order.reference_change_amount = fields.decimal()?;
        order.reference_exchange_id = fields.given()?;
    }
    let conditions = fields.count()?;
    for _ in 0..conditions {
        order.conditions.push(condition(fields)?);
    }
    if conditions > 0 {
        order.conditions_ignore_rth = fields.set()?;
        order.conditions_cancel_order = fields.set()?;
    }
    Ok(())
}

fn adjusted(fields: &mut FieldReader<'_>, order: &mut Order) -> Read {
    order.adjusted_order_type = fields.given()?;
    order.trigger_price = fields.decimal()?;
    order.lmt_price_offset = fields.decimal()?;
    order.adjusted_stop_price = fields.decimal()?;
    order.adjusted_stop_limit_price = fields.decimal()?;
    order.adjusted_trailing_amount = fields.decimal()?;
    order.adjustable_trailing_unit = fields.whole()?;
    order.ext_operator = fields.given()?;
    let (name, value) = (fields.given()?, fields.given()?);
    if name.is_some() || value.is_some() {
        order.soft_dollar_tier = Some(SoftDollarTier { name, value, display_name: None });
    }
    order.cash_qty = fields.decimal()?;
    order.mifid2_decision_maker = fields.given()?;
    order.mifid2_decision_algo = fields.given()?;
    order.mifid2_execution_trader = fields.given()?;
    order.mifid2_execution_algo = fields.given()?;
    Ok(())
}

fn tail(fields: &mut FieldReader<'_>, contract: &Contract, order: &mut Order) -> Read {
    order.dont_use_auto_price_for_hedge = fields.set()?;
    order.is_oms_container = fields.set()?;
    order.discretionary_up_to_limit_price = fields.set()?;
    order.use_price_mgmt_algo = fields.whole()?;
    order.duration = fields.whole()?;
    order.post_to_ats = fields.whole()?;
    order.auto_cancel_parent = fields.set()?;
    order.advanced_error_override = fields.given()?;
    order.manual_order_time = fields.given()?;
    if contract.exchange == "IBKRATS" {
        order.min_trade_qty = fields.whole()?;
    }
    let mid_offsets = match order.order_type.as_deref() {
        Some("PEG BEST" | "PEGBEST") => {
            order.min_compete_size = fields.whole()?;
            order.compete_against_best_offset = fields.decimal()?;
            // An offset without end means "up to the midpoint", so the midpoint's offsets follow.
            order.compete_against_best_offset.is_some_and(f64::is_infinite)
        }
        Some("PEG MID" | "PEGMID") => true,
        _ => false,
    };
    if mid_offsets {
        order.mid_offset_at_whole = fields.decimal()?;
        order.mid_offset_at_half = fields.decimal()?;
    }
    Ok(())
}
