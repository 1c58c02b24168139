//! An order as it is placed and as it is told, with its conditions; both dialects use this record.
//!
//! Field numbers and types are those of IB's protobuf messages; every field is optional, since a
//! field that a gateway leaves out must stay absent instead of being sent as zero.

use std::collections::BTreeMap;

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct Order {
    #[prost(int32, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) order_id: Option<i32>,
    #[prost(int64, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) perm_id: Option<i64>,
    #[prost(int32, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent_id: Option<i32>,
    #[prost(string, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) action: Option<String>,
    #[prost(string, optional, tag = "6")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total_quantity: Option<String>,
    #[prost(int32, optional, tag = "7")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) display_size: Option<i32>,
    #[prost(string, optional, tag = "8")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) order_type: Option<String>,
    #[prost(double, optional, tag = "9")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lmt_price: Option<f64>,
    #[prost(double, optional, tag = "10")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aux_price: Option<f64>,
    #[prost(string, optional, tag = "11")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tif: Option<String>,
    #[prost(string, optional, tag = "12")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    #[prost(string, optional, tag = "13")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) settling_firm: Option<String>,
    #[prost(string, optional, tag = "14")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clearing_account: Option<String>,
    #[prost(string, optional, tag = "15")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clearing_intent: Option<String>,
    #[prost(bool, optional, tag = "16")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) all_or_none: Option<bool>,
    #[prost(bool, optional, tag = "17")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) block_order: Option<bool>,
    #[prost(bool, optional, tag = "18")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hidden: Option<bool>,
    #[prost(bool, optional, tag = "19")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outside_rth: Option<bool>,
    #[prost(bool, optional, tag = "20")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sweep_to_fill: Option<bool>,
    #[prost(double, optional, tag = "21")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) percent_offset: Option<f64>,
    #[prost(double, optional, tag = "22")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trailing_percent: Option<f64>,
    #[prost(double, optional, tag = "23")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trail_stop_price: Option<f64>,
    #[prost(int32, optional, tag = "24")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_qty: Option<i32>,
    #[prost(string, optional, tag = "25")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) good_after_time: Option<String>,
    #[prost(string, optional, tag = "26")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) good_till_date: Option<String>,
    #[prost(string, optional, tag = "27")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) oca_group: Option<String>,
    #[prost(string, optional, tag = "28")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) order_ref: Option<String>,
    #[prost(string, optional, tag = "29")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule80_a: Option<String>,
    #[prost(int32, optional, tag = "30")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) oca_type: Option<i32>,
    #[prost(int32, optional, tag = "31")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trigger_method: Option<i32>,
    #[prost(string, optional, tag = "32")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) active_start_time: Option<String>,
    #[prost(string, optional, tag = "33")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) active_stop_time: Option<String>,
    #[prost(string, optional, tag = "34")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fa_group: Option<String>,
    #[prost(string, optional, tag = "35")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fa_method: Option<String>,
    #[prost(string, optional, tag = "36")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fa_percentage: Option<String>,
    #[prost(double, optional, tag = "37")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) volatility: Option<f64>,
    #[prost(int32, optional, tag = "38")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) volatility_type: Option<i32>,
    #[prost(bool, optional, tag = "39")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) continuous_update: Option<bool>,
    #[prost(int32, optional, tag = "40")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference_price_type: Option<i32>,
    #[prost(string, optional, tag = "41")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delta_neutral_order_type: Option<String>,
    #[prost(double, optional, tag = "42")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delta_neutral_aux_price: Option<f64>,
    #[prost(int32, optional, tag = "43")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delta_neutral_con_id: Option<i32>,
    #[prost(string, optional, tag = "44")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delta_neutral_open_close: Option<String>,
    #[prost(bool, optional, tag = "45")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delta_neutral_short_sale: Option<bool>,
    #[prost(int32, optional, tag = "46")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delta_neutral_short_sale_slot: Option<i32>,
    #[prost(string, optional, tag = "47")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delta_neutral_designated_location: Option<String>,
    #[prost(int32, optional, tag = "48")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scale_init_level_size: Option<i32>,
    #[prost(int32, optional, tag = "49")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scale_subs_level_size: Option<i32>,
    #[prost(double, optional, tag = "50")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scale_price_increment: Option<f64>,
    #[prost(double, optional, tag = "51")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scale_price_adjust_value: Option<f64>,
    #[prost(int32, optional, tag = "52")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scale_price_adjust_interval: Option<i32>,
    #[prost(double, optional, tag = "53")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scale_profit_offset: Option<f64>,
    #[prost(bool, optional, tag = "54")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scale_auto_reset: Option<bool>,
    #[prost(int32, optional, tag = "55")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scale_init_position: Option<i32>,
    #[prost(int32, optional, tag = "56")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scale_init_fill_qty: Option<i32>,
    #[prost(bool, optional, tag = "57")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scale_random_percent: Option<bool>,
    #[prost(string, optional, tag = "58")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scale_table: Option<String>,
    #[prost(string, optional, tag = "59")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hedge_type: Option<String>,
    #[prost(string, optional, tag = "60")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hedge_param: Option<String>,
    #[prost(string, optional, tag = "61")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) algo_strategy: Option<String>,
    #[prost(btree_map = "string, string", tag = "62")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) algo_params: BTreeMap<String, String>,
    #[prost(string, optional, tag = "63")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) algo_id: Option<String>,
    #[prost(btree_map = "string, string", tag = "64")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) smart_combo_routing_params: BTreeMap<String, String>,
    #[prost(bool, optional, tag = "65")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) what_if: Option<bool>,
    #[prost(bool, optional, tag = "66")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transmit: Option<bool>,
    #[prost(bool, optional, tag = "67")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) override_percentage_constraints: Option<bool>,
    #[prost(string, optional, tag = "68")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) open_close: Option<String>,
    #[prost(int32, optional, tag = "69")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<i32>,
    #[prost(int32, optional, tag = "70")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) short_sale_slot: Option<i32>,
    #[prost(string, optional, tag = "71")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) designated_location: Option<String>,
    #[prost(int32, optional, tag = "72")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exempt_code: Option<i32>,
    #[prost(string, optional, tag = "73")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delta_neutral_settling_firm: Option<String>,
    #[prost(string, optional, tag = "74")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delta_neutral_clearing_account: Option<String>,
    #[prost(string, optional, tag = "75")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delta_neutral_clearing_intent: Option<String>,
    #[prost(double, optional, tag = "76")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) discretionary_amt: Option<f64>,
    #[prost(bool, optional, tag = "77")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) opt_out_smart_routing: Option<bool>,
    #[prost(double, optional, tag = "78")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) starting_price: Option<f64>,
    #[prost(double, optional, tag = "79")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stock_ref_price: Option<f64>,
    #[prost(double, optional, tag = "80")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delta: Option<f64>,
    #[prost(double, optional, tag = "81")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stock_range_lower: Option<f64>,
    #[prost(double, optional, tag = "82")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stock_range_upper: Option<f64>,
    #[prost(bool, optional, tag = "83")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_held: Option<bool>,
    #[prost(btree_map = "string, string", tag = "84")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) order_misc_options: BTreeMap<String, String>,
    #[prost(bool, optional, tag = "85")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) solicited: Option<bool>,
    #[prost(bool, optional, tag = "86")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) randomize_size: Option<bool>,
    #[prost(bool, optional, tag = "87")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) randomize_price: Option<bool>,
    #[prost(int32, optional, tag = "88")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference_contract_id: Option<i32>,
    #[prost(double, optional, tag = "89")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pegged_change_amount: Option<f64>,
    #[prost(bool, optional, tag = "90")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is_pegged_change_amount_decrease: Option<bool>,
    #[prost(double, optional, tag = "91")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference_change_amount: Option<f64>,
    #[prost(string, optional, tag = "92")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference_exchange_id: Option<String>,
    #[prost(string, optional, tag = "93")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) adjusted_order_type: Option<String>,
    #[prost(double, optional, tag = "94")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trigger_price: Option<f64>,
    #[prost(double, optional, tag = "95")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) adjusted_stop_price: Option<f64>,
    #[prost(double, optional, tag = "96")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) adjusted_stop_limit_price: Option<f64>,
    #[prost(double, optional, tag = "97")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) adjusted_trailing_amount: Option<f64>,
    #[prost(int32, optional, tag = "98")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) adjustable_trailing_unit: Option<i32>,
    #[prost(double, optional, tag = "99")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lmt_price_offset: Option<f64>,
    #[prost(message, repeated, tag = "100")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) conditions: Vec<OrderCondition>,
    #[prost(bool, optional, tag = "101")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) conditions_cancel_order: Option<bool>,
    #[prost(bool, optional, tag = "102")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) conditions_ignore_rth: Option<bool>,
    #[prost(string, optional, tag = "103")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model_code: Option<String>,
    #[prost(string, optional, tag = "104")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ext_operator: Option<String>,
    #[prost(message, optional, tag = "105")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) soft_dollar_tier: Option<SoftDollarTier>,
    #[prost(double, optional, tag = "106")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cash_qty: Option<f64>,
    #[prost(string, optional, tag = "107")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mifid2_decision_maker: Option<String>,
    #[prost(string, optional, tag = "108")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mifid2_decision_algo: Option<String>,
    #[prost(string, optional, tag = "109")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mifid2_execution_trader: Option<String>,
    #[prost(string, optional, tag = "110")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mifid2_execution_algo: Option<String>,
    #[prost(bool, optional, tag = "111")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dont_use_auto_price_for_hedge: Option<bool>,
    #[prost(bool, optional, tag = "112")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is_oms_container: Option<bool>,
    #[prost(bool, optional, tag = "113")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) discretionary_up_to_limit_price: Option<bool>,
    #[prost(string, optional, tag = "114")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auto_cancel_date: Option<String>,
    #[prost(string, optional, tag = "115")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filled_quantity: Option<String>,
    #[prost(int32, optional, tag = "116")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ref_futures_con_id: Option<i32>,
    #[prost(bool, optional, tag = "117")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auto_cancel_parent: Option<bool>,
    #[prost(string, optional, tag = "118")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shareholder: Option<String>,
    #[prost(bool, optional, tag = "119")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) imbalance_only: Option<bool>,
    #[prost(int32, optional, tag = "120")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) route_marketable_to_bbo: Option<i32>,
    #[prost(int64, optional, tag = "121")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent_perm_id: Option<i64>,
    #[prost(int32, optional, tag = "122")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) use_price_mgmt_algo: Option<i32>,
    #[prost(int32, optional, tag = "123")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duration: Option<i32>,
    #[prost(int32, optional, tag = "124")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) post_to_ats: Option<i32>,
    #[prost(string, optional, tag = "125")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) advanced_error_override: Option<String>,
    #[prost(string, optional, tag = "126")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) manual_order_time: Option<String>,
    #[prost(int32, optional, tag = "127")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_trade_qty: Option<i32>,
    #[prost(int32, optional, tag = "128")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_compete_size: Option<i32>,
    #[prost(double, optional, tag = "129")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compete_against_best_offset: Option<f64>,
    #[prost(double, optional, tag = "130")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mid_offset_at_whole: Option<f64>,
    #[prost(double, optional, tag = "131")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mid_offset_at_half: Option<f64>,
    #[prost(string, optional, tag = "132")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer_account: Option<String>,
    #[prost(bool, optional, tag = "133")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) professional_customer: Option<bool>,
    #[prost(string, optional, tag = "134")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bond_accrued_interest: Option<String>,
    #[prost(bool, optional, tag = "135")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) include_overnight: Option<bool>,
    #[prost(int32, optional, tag = "136")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) manual_order_indicator: Option<i32>,
    #[prost(string, optional, tag = "137")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) submitter: Option<String>,
    #[prost(bool, optional, tag = "138")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deactivate: Option<bool>,
    #[prost(bool, optional, tag = "139")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) post_only: Option<bool>,
    #[prost(bool, optional, tag = "140")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_pre_open: Option<bool>,
    #[prost(bool, optional, tag = "141")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ignore_open_auction: Option<bool>,
    #[prost(int32, optional, tag = "142")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seek_price_improvement: Option<i32>,
    #[prost(int32, optional, tag = "143")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) what_if_type: Option<i32>,
    #[prost(int32, optional, tag = "144")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hedge_max_size: Option<i32>,
    #[prost(bool, optional, tag = "145")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) conditions_include_overnight: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct OrderCondition {
    #[prost(int32, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<i32>,
    #[prost(bool, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is_conjunction_connection: Option<bool>,
    #[prost(bool, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is_more: Option<bool>,
    #[prost(int32, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) con_id: Option<i32>,
    #[prost(string, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exchange: Option<String>,
    #[prost(string, optional, tag = "6")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) symbol: Option<String>,
    #[prost(string, optional, tag = "7")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sec_type: Option<String>,
    #[prost(int32, optional, tag = "8")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) percent: Option<i32>,
    #[prost(double, optional, tag = "9")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change_percent: Option<f64>,
    #[prost(double, optional, tag = "10")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) price: Option<f64>,
    #[prost(int32, optional, tag = "11")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trigger_method: Option<i32>,
    #[prost(string, optional, tag = "12")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<String>,
    #[prost(int32, optional, tag = "13")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) volume: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct SoftDollarTier {
    #[prost(string, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[prost(string, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
    #[prost(string, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) display_name: Option<String>,
}
