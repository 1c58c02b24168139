//! Arguments as callers send them, and what the operation is asked.

use schemas::{Fault, FaultCode};
use serde_json::{Map, Value, json};
use tools::find;

fn given(arguments: Value) -> Map<String, Value> {
    arguments.as_object().expect("an object").clone()
}

fn asked(tool: &str, arguments: Value) -> Value {
    let call = find(tool).expect(tool).bind(&given(arguments.clone())).unwrap_or_else(|fault| panic!("{tool} {arguments}: {fault}"));
    serde_json::from_slice(&call.params).expect("json")
}

fn refused(tool: &str, arguments: Value) -> Fault {
    let fault = find(tool).expect(tool).bind(&given(arguments.clone())).expect_err(&format!("{tool} {arguments}"));
    assert_eq!(fault.code, FaultCode::InvalidParams);
    fault
}

/// What the operations are asked where the caller says as little as possible.
#[test]
fn what_was_not_sent_is_absent() {
    let bars = json!({"contract": {"symbol": "AAPL"}, "duration": "1 M", "bar_size": "1 day", "use_rth": true, "limit": 20});
    for (tool, arguments, wanted) in [
        ("get_account", json!({}), json!({"account": ""})),
        ("get_account_summary", json!({}), json!({"account": ""})),
        ("get_positions", json!({}), json!({"account": "", "symbol": "", "offset": 0})),
        ("lookup_contract", json!({"symbol": "AAPL"}), json!({"contract": {"symbol": "AAPL"}})),
        ("ticker_to_conid", json!({"symbol": "AAPL"}), json!({"contract": {"symbol": "AAPL"}})),
        ("get_contract_details", json!({"symbol": "AAPL"}), json!({"contract": {"symbol": "AAPL"}})),
        ("get_historical_data", json!({"symbol": "AAPL"}), bars),
        ("search_contracts", json!({"pattern": "Société"}), json!({"pattern": "Société"})),
        (
            "get_historical_news",
            json!({"symbol": "AAPL", "start_date": "2026-11-01", "end_date": "2026-11-20"}),
            json!({"contract": {"symbol": "AAPL"}, "start": "2026-11-01", "end": "2026-11-20", "limit": 10, "providers": []}),
        ),
        ("get_article", json!({"articleId": "BRFG$1", "providerCode": "BRFG"}), json!({"article_id": "BRFG$1", "provider": "BRFG"})),
        ("get_fundamental_data", json!({"symbol": "AAPL"}), json!({"contract": {"symbol": "AAPL"}, "report_type": "ReportsFinSummary"})),
        ("list_accounts", json!({}), json!({})),
        ("get_account_values", json!({}), json!({"account": ""})),
        ("get_portfolio", json!({}), json!({"account": "", "offset": 0})),
        ("get_pnl", json!({}), json!({"account": ""})),
        ("get_position_pnl", json!({"symbol": "AAPL"}), json!({"contract": {"symbol": "AAPL"}, "account": ""})),
        ("get_open_orders", json!({}), json!({"account": "", "offset": 0})),
        ("get_completed_orders", json!({}), json!({"api_only": false, "offset": 0})),
        ("get_executions", json!({}), json!({"symbol": "", "days": 1, "offset": 0})),
        ("get_head_timestamp", json!({"symbol": "AAPL"}), json!({"contract": {"symbol": "AAPL"}, "use_rth": true})),
        ("get_histogram", json!({"symbol": "AAPL"}), json!({"contract": {"symbol": "AAPL"}, "period": "1 week", "use_rth": true})),
        (
            "get_historical_ticks",
            json!({"symbol": "AAPL"}),
            json!({"contract": {"symbol": "AAPL"}, "count": 100, "kind": "trades", "use_rth": false}),
        ),
        ("get_trading_schedule", json!({"symbol": "AAPL"}), json!({"contract": {"symbol": "AAPL"}, "days": 5})),
        ("get_market_rule", json!({"rule_id": "26"}), json!({"rule_id": 26})),
        ("get_news_providers", json!({}), json!({})),
        ("get_server_time", json!({}), json!({})),
        ("get_health", json!({}), json!({})),
        (
            "ibkr_connect",
            json!({"host": "127.0.0.1", "port": "4002", "client_id": 1}),
            json!({"host": "127.0.0.1", "port": 4002, "client_id": 1}),
        ),
        ("ibkr_disconnect", json!({}), json!({})),
        ("get_option_chain", json!({"symbol": "AAPL"}), json!({"contract": {"symbol": "AAPL"}, "limit": 20, "prefer": "index"})),
        (
            "get_option_chain_greeks",
            json!({"symbol": "AAPL", "expiration": "20261218"}),
            json!({"contract": {"symbol": "AAPL"}, "expiration": "2026-12-18", "data_type": "best"}),
        ),
        (
            "get_option_quotes",
            json!({"symbol": "AAPL", "expiry": "20261218", "right": "c", "strikes": [190]}),
            json!({"contract": {"symbol": "AAPL"}, "expiration": "2026-12-18", "right": "C", "strikes": [190], "data_type": "best"}),
        ),
    ] {
        assert_eq!(asked(tool, arguments), wanted, "{tool}");
    }
}

#[test]
fn a_value_that_was_sent_reaches_the_operation() {
    let wanted = json!({
        "contract": {"symbol": "SAP", "sec_type": "STK", "exchange": "SMART", "primary_exchange": "IBIS", "currency": "EUR"},
        "duration": "6 M", "bar_size": "5 mins", "what_to_show": "ADJUSTED_LAST", "use_rth": false, "end": "2026-11-20 16:00:00", "limit": 500
    });
    let arguments = json!({
        "symbol": "SAP", "sec_type": "stk", "exchange": "SMART", "primary_exchange": "IBIS", "currency": "eur", "duration": "6 months",
        "bar_size": "5min", "data_type": "adjusted_last", "use_rth": false, "end": "2026-11-20 16:00", "max_bars": 500
    });
    assert_eq!(asked("get_historical_data", arguments), wanted);
    let option =
        json!({"symbol": "AAPL", "sec_type": "OPT", "expiry": "2026-12-18", "strike": 152.5, "right": "call", "trading_class": "aapl"});
    let wanted = json!({"contract": {"symbol": "AAPL", "sec_type": "OPT", "expiry": "20261218", "strike": 152.5, "right": "C", "trading_class": "AAPL"}});
    assert_eq!(asked("lookup_contract", option), wanted);
    assert_eq!(
        asked("get_positions", json!({"account": "DU123", "symbol": "brk.b", "offset": 5})),
        json!({"account": "DU123", "symbol": "BRK B", "offset": 5})
    );
    assert_eq!(asked("get_positions", json!({"symbol": 7203}))["symbol"], json!("7203"));
    assert_eq!(asked("get_contract_details", json!({"conid": 265598})), json!({"contract": {"conid": 265598}}), "a conid needs no symbol");
    assert_eq!(asked("get_fundamental_data", json!({"symbol": "AAPL", "report_type": "resc"}))["report_type"], json!("RESC"));
}

#[test]
fn every_spelling_of_an_argument() {
    let base = json!({"symbol": "AAPL"});
    for (tool, spelling, value, pointer, wanted) in [
        ("get_historical_data", "barSize", json!("1 hour"), "/bar_size", json!("1 hour")),
        ("get_historical_data", "barSizeSetting", json!("1 hour"), "/bar_size", json!("1 hour")),
        ("get_historical_data", "durationStr", json!("1 Y"), "/duration", json!("1 Y")),
        ("get_historical_data", "whatToShow", json!("MIDPOINT"), "/what_to_show", json!("MIDPOINT")),
        ("get_historical_data", "what_to_show", json!("BID"), "/what_to_show", json!("BID")),
        ("get_historical_data", "useRTH", json!(false), "/use_rth", json!(false)),
        ("get_historical_data", "use_RTH", json!("false"), "/use_rth", json!(false)),
        ("get_historical_data", "endDateTime", json!("20261120 16:00:00"), "/end", json!("2026-11-20 16:00:00")),
        ("get_historical_data", "endDate", json!("2026-11-20"), "/end", json!("2026-11-20")),
        ("get_historical_data", "conId", json!(1), "/contract/conid", json!(1)),
        ("get_historical_data", "con_id", json!("1"), "/contract/conid", json!(1)),
        ("get_historical_data", "secType", json!("IND"), "/contract/sec_type", json!("IND")),
        ("get_historical_data", "primaryExch", json!("NYSE"), "/contract/primary_exchange", json!("NYSE")),
        ("get_historical_data", "primaryExchange", json!("NYSE"), "/contract/primary_exchange", json!("NYSE")),
        ("get_historical_data", "lastTradeDateOrContractMonth", json!("202612"), "/contract/expiry", json!("202612")),
        ("get_historical_data", "expiration", json!("2026-12-18"), "/contract/expiry", json!("20261218")),
        ("get_historical_data", "localSymbol", json!("AAPL"), "/contract/local_symbol", json!("AAPL")),
        ("get_historical_data", "tradingClass", json!("NMS"), "/contract/trading_class", json!("NMS")),
        ("get_positions", "acctCode", json!("DU1"), "/account", json!("DU1")),
        ("get_positions", "accountId", json!("DU1"), "/account", json!("DU1")),
        ("get_fundamental_data", "reportType", json!("ReportSnapshot"), "/report_type", json!("ReportSnapshot")),
    ] {
        let mut arguments = base.clone();
        arguments[spelling] = value;
        assert_eq!(asked(tool, arguments).pointer(pointer), Some(&wanted), "{spelling}");
    }
    let news = json!({"ticker": "AAPL", "startDate": "2026-11-01", "endDateTime": "2026-11-20", "totalResults": "5", "providerCodes": "BRFG+DJ-N"});
    let wanted =
        json!({"contract": {"symbol": "AAPL"}, "start": "2026-11-01", "end": "2026-11-20", "limit": 5, "providers": ["BRFG", "DJ-N"]});
    assert_eq!(asked("ibkr_get_news_articles", news), wanted);
    assert_eq!(asked("get_article", json!({"article_id": "a", "provider_code": "b"})), json!({"article_id": "a", "provider": "b"}));
    assert_eq!(asked("ibkr_search_symbols", json!({"symbol": "IBM"})), json!({"pattern": "IBM"}));
}

#[test]
fn coercion_only_where_the_schema_says_so() {
    let news = |name: &str, value: Value| {
        let mut arguments = json!({"symbol": "AAPL", "start_date": "2026-11-01", "end_date": "2026-11-20"});
        arguments[name] = value;
        arguments
    };
    for (value, wanted) in [(json!("5"), 5), (json!(5), 5), (json!(5.0), 5), (json!(" 7 "), 7), (Value::Null, 10), (json!(""), 10)] {
        assert_eq!(asked("get_historical_news", news("max_count", value.clone()))["limit"], json!(wanted), "{value}");
    }
    for value in
        [json!("1,2"), json!("five"), json!(5.5), json!(true), json!([5]), json!({}), json!(0), json!(256), json!(-1), json!(1e300)]
    {
        let fault = refused("get_historical_news", news("max_count", value.clone()));
        assert_eq!(fault.field.as_deref(), Some("max_count"), "{value}");
        assert!(fault.message.contains("a whole number from 1 to 255"), "{value}: {}", fault.message);
    }
    for (value, wanted) in [(json!(["A", "B"]), json!(["A", "B"])), (json!("[\"A\",\"B\"]"), json!(["A", "B"])), (json!("A"), json!(["A"]))]
    {
        assert_eq!(asked("get_historical_news", news("providers", value))["providers"], wanted);
    }
    for value in [json!("[A"), json!([["A"]]), json!({"A": 1}), json!(["A B"]), json!(vec!["A"; 101])] {
        refused("get_historical_news", news("providers", value));
    }
    for value in [json!("true"), json!("True"), json!(true), json!(1), json!("1")] {
        assert_eq!(asked("get_historical_data", json!({"symbol": "A", "use_rth": value}))["use_rth"], json!(true));
    }
    for value in [json!("yes"), json!(2), json!("-1"), json!([])] {
        assert_eq!(refused("get_historical_data", json!({"symbol": "A", "use_rth": value})).allowed, ["true", "false"]);
    }
    assert_eq!(asked("lookup_contract", json!({"symbol": 7203, "currency": "JPY"}))["contract"]["symbol"], json!("7203"));
    assert_eq!(asked("lookup_contract", json!({"symbol": "A", "strike": "152.5"}))["contract"]["strike"], json!(152.5));
    for value in [json!("1,5"), json!(true), json!("NaN"), json!(0), json!(-5), json!("0.12345678901234567"), json!("[1]")] {
        assert_eq!(refused("lookup_contract", json!({"symbol": "A", "strike": value})).field.as_deref(), Some("strike"));
    }
    for value in [json!(true), json!(["AAPL"]), json!({"symbol": "AAPL"})] {
        assert_eq!(refused("lookup_contract", json!({ "symbol": value })).field.as_deref(), Some("symbol"));
    }
}

#[test]
fn one_argument_in_two_spellings() {
    assert_eq!(
        asked("get_historical_data", json!({"symbol": "A", "barSize": "1 hour", "bar_size": "1 hour"}))["bar_size"],
        json!("1 hour")
    );
    let fault = refused("get_historical_data", json!({"symbol": "A", "barSize": "1 hour", "bar_size": "1 day"}));
    assert_eq!(fault.message, "`barSize` and `bar_size` are the same argument of get_historical_data, with different values.");
    refused("lookup_contract", json!({"ticker": "A", "symbol": "B"}));
}

#[test]
fn an_unknown_argument_names_the_valid_ones_and_the_nearest() {
    let fault = refused("get_positions", json!({"acount": "DU1"}));
    assert_eq!(fault.message, "get_positions has no argument `acount`. It takes account, symbol, offset.");
    assert_eq!((fault.field.as_deref(), fault.nearest.as_deref()), (Some("acount"), Some("account")));
    assert_eq!(fault.allowed, ["account", "symbol", "offset"]);
    assert_eq!(refused("get_historical_data", json!({"symbol": "A", "barsize": "1 day"})).nearest.as_deref(), Some("bar_size"));
    assert_eq!(refused("search_contracts", json!({"pattern": "A", "zzzz": 1})).nearest, None);
    let long = refused("get_positions", json!({"x".repeat(10_000): 1}));
    assert!(long.message.len() < 200 && long.field.expect("field").chars().count() <= 41);
}

#[test]
fn what_is_missing_or_out_of_range() {
    for (tool, arguments, field, why) in [
        ("lookup_contract", json!({}), "symbol", "needs `symbol`"),
        ("lookup_contract", json!({"symbol": ""}), "symbol", "needs `symbol`"),
        ("lookup_contract", json!({"symbol": null}), "symbol", "needs `symbol`"),
        ("lookup_contract", json!({"symbol": "A".repeat(65)}), "symbol", "longer than 64"),
        ("lookup_contract", json!({"symbol": "A", "sec_type": "STOK"}), "sec_type", "no security type"),
        ("lookup_contract", json!({"symbol": "A", "exchange": "SM*RT"}), "exchange", "only letters, digits"),
        ("lookup_contract", json!({"symbol": "A", "currency": "DOLLAR"}), "currency", "three letters"),
        ("lookup_contract", json!({"symbol": "A", "expiry": "20261301"}), "expiry", "no date that exists"),
        ("lookup_contract", json!({"symbol": "A", "right": "X"}), "right", "C (call) or P (put)"),
        ("lookup_contract", json!({"conid": 0}), "conid", "from 1 to"),
        ("lookup_contract", json!({"conid": 2147483648_u64}), "conid", "from 1 to 2147483647"),
        ("get_historical_data", json!({"symbol": "A", "max_bars": 501}), "max_bars", "from 1 to 500"),
        ("get_historical_data", json!({"symbol": "A", "max_bars": 0}), "max_bars", "from 1 to 500"),
        ("get_historical_data", json!({"symbol": "A", "bar_size": "7 min"}), "bar_size", "none of IB's"),
        ("get_historical_data", json!({"symbol": "A", "duration": "1m"}), "duration", "no duration"),
        ("get_historical_data", json!({"symbol": "A", "data_type": "PRICES"}), "data_type", "none of IB's"),
        ("get_historical_data", json!({"symbol": "A", "end": "2026-02-30"}), "end", "no date or moment"),
        ("get_historical_data", json!({"symbol": "A", "multiplier": "-1"}), "multiplier", "greater than 0"),
        ("get_historical_data", json!({"symbol": "A", "local_symbol": "ES*"}), "local_symbol", "no wildcards"),
        ("get_historical_news", json!({"symbol": "A", "start_date": "2026-11-01"}), "end_date", "needs `end_date`"),
        ("get_historical_news", json!({"conid": 1, "start_date": "2026-11-01"}), "end_date", "needs `end_date`"),
        (
            "get_historical_news",
            json!({"symbol": "A", "start_date": "2026-02-29", "end_date": "2026-03-01"}),
            "start_date",
            "no date or moment",
        ),
        (
            "get_historical_news",
            json!({"symbol": "A", "start_date": "2026-11-21", "end_date": "2026-11-20"}),
            "start_date",
            "is after end_date",
        ),
        ("get_article", json!({"articleId": "x"}), "providerCode", "needs `providerCode`"),
        ("get_article", json!({"articleId": "x", "providerCode": "a b"}), "providerCode", "provider code"),
        ("get_article", json!({"articleId": "x", "providerCode": "y", "truncate": -1}), "truncate", "from 0 to"),
        ("get_fundamental_data", json!({"symbol": "A", "report_type": "ReportSnapshots"}), "report_type", "no report"),
        ("get_positions", json!({"offset": -1}), "offset", "from 0 to"),
        ("get_positions", json!({"symbol": "US0378331005"}), "symbol", "no symbol to filter by"),
        ("get_account", json!({"account": "DU1; drop"}), "account", "only letters and digits"),
        ("search_contracts", json!({}), "pattern", "needs `pattern`"),
        ("search_contracts", json!({"pattern": "A*"}), "pattern", "no wildcards"),
        ("search_contracts", json!({"pattern": "A\u{0}B"}), "pattern", "control"),
    ] {
        let fault = refused(tool, arguments.clone());
        assert_eq!(fault.field.as_deref(), Some(field), "{tool} {arguments}");
        assert!(fault.message.contains(why), "{tool} {arguments}: {}", fault.message);
        assert!(fault.hint.is_some(), "{tool} {arguments}: what to do next");
    }
}

#[test]
fn a_name_that_is_none_of_a_few_shows_all_and_the_nearest() {
    let fault = refused("get_historical_data", json!({"symbol": "A", "data_type": "TRADE"}));
    assert_eq!((fault.nearest.as_deref(), fault.allowed.len()), (Some("TRADES"), 10));
    assert_eq!(refused("get_historical_data", json!({"symbol": "A", "bar_size": "7 mins"})).allowed.len(), 21);
    let fault = refused("lookup_contract", json!({"symbol": "A", "sec_type": "FUTR"}));
    assert_eq!((fault.nearest.as_deref(), fault.allowed.len()), (Some("FUT"), 14));
}

#[test]
fn how_a_symbol_was_read_is_kept_for_the_text() {
    let call = find("get_historical_data").expect("tool").bind(&given(json!({"symbol": "ES=F"}))).expect("bound");
    assert_eq!(call.understood(), Some("`ES=F` read as the continuous future of ES"));
}

#[test]
fn a_choice_is_one_of_its_names_in_any_spelling() {
    assert_eq!(asked("get_historical_ticks", json!({"symbol": "AAPL", "whatToShow": "BID-ASK"}))["kind"], json!("bid_ask"));
    assert_eq!(asked("get_histogram", json!({"symbol": "AAPL", "timePeriod": "1_DAY"}))["period"], json!("1 day"));
    let fault = refused("get_historical_ticks", json!({"symbol": "AAPL", "kind": "trade"}));
    assert_eq!((fault.field.as_deref(), fault.nearest.as_deref()), (Some("kind"), Some("trades")));
    assert_eq!(refused("get_histogram", json!({"symbol": "AAPL", "period": "fortnight"})).allowed.len(), 5);
    for (tool, arguments, field) in [
        ("get_historical_ticks", json!({"symbol": "AAPL", "start": "2026-01-02", "end": "2026-01-03"}), "end"),
        ("get_executions", json!({"days": 8}), "days"),
        ("get_market_rule", json!({"rule_id": 0}), "rule_id"),
        ("get_trading_schedule", json!({"symbol": "AAPL", "days": 31}), "days"),
        ("ibkr_connect", json!({"host": "a b"}), "host"),
        ("ibkr_connect", json!({"port": 70_000}), "port"),
    ] {
        assert_eq!(refused(tool, arguments).field.as_deref(), Some(field), "{tool}");
    }
}
