//! The gateway's own settings, read and changed through the API.
//!
//! Field numbers and types are those of IB's protobuf messages; every field is optional, since a
//! field that a gateway leaves out must stay absent instead of being sent as zero.

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ConfigResponse {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) lock_and_exit: Option<LockAndExitConfig>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) messages: Vec<MessageConfig>,
    #[prost(message, optional, tag = "4")]
    pub(crate) api: Option<ApiConfig>,
    #[prost(message, optional, tag = "5")]
    pub(crate) orders: Option<OrdersConfig>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct UpdateConfigRequest {
    #[prost(int32, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lock_and_exit: Option<LockAndExitConfig>,
    #[prost(message, repeated, tag = "3")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) messages: Vec<MessageConfig>,
    #[prost(message, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api: Option<ApiConfig>,
    #[prost(message, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) orders: Option<OrdersConfig>,
    #[prost(message, repeated, tag = "6")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) accepted_warnings: Vec<UpdateConfigWarning>,
    #[prost(bool, optional, tag = "7")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reset_api_order_sequence: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct UpdateConfigResponse {
    #[prost(int32, optional, tag = "1")]
    pub(crate) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) status: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) message: Option<String>,
    #[prost(string, repeated, tag = "4")]
    pub(crate) changed_fields: Vec<String>,
    #[prost(string, repeated, tag = "5")]
    pub(crate) errors: Vec<String>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) warnings: Vec<UpdateConfigWarning>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct UpdateConfigWarning {
    #[prost(int32, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    #[prost(string, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct LockAndExitConfig {
    #[prost(string, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auto_logoff_time: Option<String>,
    #[prost(string, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auto_logoff_period: Option<String>,
    #[prost(string, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auto_logoff_type: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct MessageConfig {
    #[prost(int32, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    #[prost(string, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[prost(string, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default_action: Option<String>,
    #[prost(bool, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enabled: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct ApiConfig {
    #[prost(message, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) precautions: Option<ApiPrecautionsConfig>,
    #[prost(message, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) settings: Option<ApiSettingsConfig>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct ApiPrecautionsConfig {
    #[prost(bool, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bypass_order_precautions: Option<bool>,
    #[prost(bool, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bypass_bond_warning: Option<bool>,
    #[prost(bool, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bypass_negative_yield_confirmation: Option<bool>,
    #[prost(bool, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bypass_called_bond_warning: Option<bool>,
    #[prost(bool, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bypass_same_action_pair_trade_warning: Option<bool>,
    #[prost(bool, optional, tag = "6")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bypass_flagged_accounts_warning: Option<bool>,
    #[prost(bool, optional, tag = "7")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bypass_price_based_volatility_warning: Option<bool>,
    #[prost(bool, optional, tag = "8")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bypass_redirect_order_warning: Option<bool>,
    #[prost(bool, optional, tag = "9")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bypass_no_overfill_protection: Option<bool>,
    #[prost(bool, optional, tag = "10")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bypass_route_marketable_to_bbo: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct ApiSettingsConfig {
    #[prost(bool, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) read_only_api: Option<bool>,
    #[prost(bool, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total_quantity_for_mutual_funds: Option<bool>,
    #[prost(bool, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) download_open_orders_on_connection: Option<bool>,
    #[prost(bool, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) include_virtual_fx_positions: Option<bool>,
    #[prost(bool, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prepare_daily_pnl: Option<bool>,
    #[prost(bool, optional, tag = "6")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) send_status_updates_for_volatility_orders: Option<bool>,
    #[prost(string, optional, tag = "7")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encode_api_messages: Option<String>,
    #[prost(int32, optional, tag = "8")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) socket_port: Option<i32>,
    #[prost(bool, optional, tag = "9")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) use_negative_auto_range: Option<bool>,
    #[prost(bool, optional, tag = "10")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) create_api_message_log_file: Option<bool>,
    #[prost(bool, optional, tag = "11")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) include_market_data_in_log_file: Option<bool>,
    #[prost(bool, optional, tag = "12")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expose_trading_schedule_to_api: Option<bool>,
    #[prost(bool, optional, tag = "13")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) split_insured_deposit_from_cash_balance: Option<bool>,
    #[prost(bool, optional, tag = "14")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) send_zero_positions_for_today_only: Option<bool>,
    #[prost(bool, optional, tag = "15")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) let_api_account_requests_switch_subscription: Option<bool>,
    #[prost(bool, optional, tag = "16")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) use_account_groups_with_allocation_methods: Option<bool>,
    #[prost(string, optional, tag = "17")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logging_level: Option<String>,
    #[prost(int32, optional, tag = "18")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) master_client_id: Option<i32>,
    #[prost(int32, optional, tag = "19")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bulk_data_timeout: Option<i32>,
    #[prost(string, optional, tag = "20")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) component_exch_separator: Option<String>,
    #[prost(bool, optional, tag = "21")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) show_forex_data_in1_10_pips: Option<bool>,
    #[prost(bool, optional, tag = "22")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_forex_trading_in1_10_pips: Option<bool>,
    #[prost(bool, optional, tag = "23")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) round_account_values_to_nearest_whole_number: Option<bool>,
    #[prost(bool, optional, tag = "24")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) send_market_data_in_lots_for_us_stocks: Option<bool>,
    #[prost(bool, optional, tag = "25")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) show_advanced_order_reject_in_ui: Option<bool>,
    #[prost(bool, optional, tag = "26")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reject_messages_above_max_rate: Option<bool>,
    #[prost(bool, optional, tag = "27")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) maintain_connection_on_incorrect_fields: Option<bool>,
    #[prost(bool, optional, tag = "28")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compatibility_mode_nasdaq_stocks: Option<bool>,
    #[prost(string, optional, tag = "29")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) send_instrument_timezone: Option<String>,
    #[prost(bool, optional, tag = "30")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) send_forex_data_in_compatibility_mode: Option<bool>,
    #[prost(bool, optional, tag = "31")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) maintain_and_resubmit_orders_on_reconnect: Option<bool>,
    #[prost(int32, optional, tag = "32")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) historical_data_max_size: Option<i32>,
    #[prost(bool, optional, tag = "33")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auto_report_netting_event_contract_trades: Option<bool>,
    #[prost(string, optional, tag = "34")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) option_exercise_request_type: Option<String>,
    #[prost(bool, optional, tag = "35")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_localhost_only: Option<bool>,
    #[prost(string, repeated, tag = "36")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) trusted_i_ps: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct OrdersConfig {
    #[prost(message, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smart_routing: Option<OrdersSmartRoutingConfig>,
}

#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
pub(crate) struct OrdersSmartRoutingConfig {
    #[prost(bool, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seek_price_improvement: Option<bool>,
    #[prost(bool, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pre_open_reroute: Option<bool>,
    #[prost(bool, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) do_not_route_to_dark_pools: Option<bool>,
    #[prost(string, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default_algorithm: Option<String>,
}
