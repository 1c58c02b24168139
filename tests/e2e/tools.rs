//! Every tool: answered, with nothing to answer, and refused; every typed value against the tool's own schema.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::harness::{SOON, Stack, StackOptions, http::Answer, kept::Kept, wait::eventually};

/// A trading day, so that nothing depends on the day on which the tests run.
const FRIDAY: &str = "2026-11-20T10:00:00-05:00";
/// A month's third Friday after it.
const DECEMBER: &str = "2026-12-18";

struct Listed {
    stack: Stack,
    validators: BTreeMap<String, Validator>,
    /// The wire's own, which say what a listing has no room for, such as which fields are always there.
    replies: BTreeMap<String, Validator>,
}

/// `schemas/json/<operation>.reply.json`, as programs in other languages read it.
fn reply_schema(tool: &str) -> Validator {
    let operation = tools::find(tool).expect(tool).operation().name();
    let path = format!("{}/../schemas/json/{operation}.reply.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    jsonschema::validator_for(&serde_json::from_str(&text).expect("JSON")).unwrap_or_else(|error| panic!("{path}: {error}"))
}

impl Listed {
    async fn start() -> Self {
        let edge_flags = vec![("--edge-toolsets", "core,account,market,options,news,orders".to_owned())];
        let stack = Stack::with(StackOptions { edge_flags, clock: FRIDAY, options: true, ..StackOptions::default() }).await;
        let list = stack.edge.rpc("tools/list", json!({})).await;
        let tools = list.pointer("/result/tools").and_then(Value::as_array).expect("tools");
        let validator = |tool: &Value| {
            let validator = jsonschema::validator_for(&tool["outputSchema"]).unwrap_or_else(|error| panic!("{}: {error}", tool["name"]));
            (tool["name"].as_str().expect("a name").to_owned(), validator)
        };
        let validators: BTreeMap<String, Validator> = tools.iter().map(validator).collect();
        let replies = validators.keys().map(|tool| (tool.clone(), reply_schema(tool))).collect();
        Self { validators, replies, stack }
    }

    /// An answer whose typed value is what the tool's schema says, and whose text ends with whose truth it is.
    async fn good(&self, tool: &str, arguments: Value) -> Answer {
        let answer = self.stack.edge.call(tool, arguments.clone()).await;
        assert!(!answer.is_error, "{tool} {arguments}: {}", answer.text);
        let wrong: Vec<String> = [&self.validators[tool], &self.replies[tool]]
            .into_iter()
            .flat_map(|schema| schema.iter_errors(answer.typed()).map(|error| format!("{}: {error}", error.instance_path())))
            .collect();
        assert!(wrong.is_empty(), "{tool} {arguments}: {wrong:?}\n{}", answer.typed());
        assert!(answer.text.lines().last().is_some_and(|line| line.contains("SIMULATED · ")), "{tool}: {}", answer.text);
        assert!(answer.message.pointer("/result/_meta").is_some_and(Value::is_object), "{tool}: {}", answer.message);
        assert!(answer.text.len() <= 20_000, "{tool}: {} bytes", answer.text.len());
        answer
    }
}

#[tokio::test]
async fn every_tool_answers() {
    let listed = Listed::start().await;
    let symbol = json!({"symbol": "AAPL"});
    let near = listed.good("get_option_chain_greeks", json!({"symbol": "AAPL", "expiration": DECEMBER, "strikes": "1"})).await;
    let strike = near.typed()["rows"][0]["strike"].clone();
    let details = listed.good("get_contract_details", symbol.clone()).await;
    let rule = details.typed()["details"]["market_rule_ids"][0].clone();
    // A person's orders, so that there is something to tell.
    for limit in [None, Some(1.0)] {
        listed.stack.sim.orders(&json!({"kind": "by_hand", "con_id": 265_598, "action": "BUY", "quantity": 3, "limit": limit})).await;
    }
    eventually("one order works and one is filled", SOON, async || {
        let (open, done) = (listed.good("get_open_orders", json!({})).await, listed.good("get_executions", json!({})).await);
        if (&open.typed()["total"], &done.typed()["total"]) == (&json!(1), &json!(1)) { Ok(()) } else { Err(open.text) }
    })
    .await;
    let mut called: Vec<&str> = Vec::new();
    for (tool, arguments, part) in [
        ("get_account", json!({}), "Net Liquidation"),
        ("get_account_summary", json!({}), "NetLiquidation"),
        ("get_account_values", json!({}), "BuyingPower"),
        ("get_positions", json!({}), "AAPL"),
        ("get_portfolio", json!({}), "% of Account"),
        ("get_pnl", json!({}), "DUSIM"),
        ("get_position_pnl", symbol.clone(), "Unrealized"),
        ("list_accounts", json!({}), "SIMULATED"),
        ("get_open_orders", json!({}), "Open Orders"),
        ("get_executions", json!({}), "Executions"),
        ("get_completed_orders", json!({}), "Completed Orders"),
        ("get_health", json!({}), "All calls should work."),
        ("get_server_time", json!({}), "IB's gateway says"),
        ("get_news_providers", json!({}), "BRFG"),
        ("get_head_timestamp", symbol.clone(), "begin at"),
        ("get_histogram", symbol.clone(), "Size"),
        ("get_historical_ticks", json!({"symbol": "AAPL", "count": 5}), "Price"),
        ("get_trading_schedule", symbol.clone(), "2026-11-20"),
        ("get_market_rule", json!({"rule_id": rule}), "Step"),
        ("lookup_contract", symbol.clone(), "265598"),
        ("ticker_to_conid", symbol.clone(), "265598"),
        ("search_contracts", json!({"pattern": "apple"}), "AAPL"),
        ("get_contract_details", symbol.clone(), "APPLE INC"),
        ("get_historical_data", symbol.clone(), "Close"),
        ("get_fundamental_data", symbol.clone(), "APPLE INC"),
        ("get_option_chain", symbol, "AAPL"),
        ("get_option_chain_greeks", json!({"symbol": "AAPL", "expiration": DECEMBER, "strikes": 3}), "Delta"),
        ("get_option_quotes", json!({"symbol": "AAPL", "expiry": "20261218", "right": "C", "strikes": [strike, 1.23]}), "1.23"),
    ] {
        let answer = listed.good(tool, arguments).await;
        assert!(answer.text.contains(part), "{tool}: {part} missing in\n{}", answer.text);
        called.push(tool);
    }
    let news = listed.good("get_historical_news", json!({"symbol": "AAPL", "start_date": "2026-01-01", "end_date": "2026-12-31"})).await;
    let headline = &news.typed()["headlines"][0];
    let article = json!({"articleId": headline["article_id"], "providerCode": headline["provider"]});
    listed.good("get_article", article).await;
    called.extend(["get_historical_news", "get_article"]);
    called.sort_unstable();
    assert_eq!(called, listed.validators.keys().map(String::as_str).collect::<Vec<_>>(), "every listed tool was called");
}

#[tokio::test]
async fn nothing_found_is_an_answer_where_nothing_is_possible() {
    let listed = Listed::start().await;
    let none = |answer: &Answer, list: &str| assert_eq!(answer.typed()[list], json!([]), "{}", answer.text);
    none(&listed.good("get_positions", json!({"symbol": "XOM"})).await, "positions");
    none(&listed.good("search_contracts", json!({"pattern": "zzzzqqqq"})).await, "matches");
    none(&listed.good("get_open_orders", json!({})).await, "orders");
    none(&listed.good("get_completed_orders", json!({"api_only": true})).await, "orders");
    none(&listed.good("get_executions", json!({"days": 7})).await, "executions");
    none(&listed.good("get_portfolio", json!({"offset": 1_000})).await, "holdings");
    let long_ago = json!({"symbol": "AAPL", "start_date": "1971-01-01", "end_date": "1971-01-02"});
    none(&listed.good("get_historical_news", long_ago).await, "headlines");
}

#[tokio::test]
async fn an_account_without_positions_is_an_answer() {
    let stack = Stack::with(StackOptions { accounts: 2, ..StackOptions::default() }).await;
    let summary = stack.edge.call("get_account_summary", json!({})).await;
    let cash_only = &summary.typed()["accounts"][1]["account"];
    let answer = stack.edge.call("get_positions", json!({"account": cash_only})).await;
    assert_eq!(answer.typed()["positions"], json!([]), "{}", answer.text);
}

#[tokio::test]
async fn a_contract_that_is_several_is_told_with_those_that_it_may_be() {
    let listed = Listed::start().await;
    for tool in ["get_contract_details", "get_historical_data"] {
        let answer = listed.stack.edge.call(tool, json!({"symbol": "AAPL", "sec_type": "OPT"})).await;
        answer.fault("ambiguous");
        let fault = &answer.message["result"]["_meta"]["ib-mesh/fault"];
        assert_eq!(fault["code"], "ambiguous", "{}", answer.message);
        let candidates = fault["candidates"].as_array().unwrap_or_else(|| panic!("{tool}: no candidates: {}", answer.message));
        assert!(candidates.len() > 1, "{tool}: {fault}");
        for candidate in candidates {
            let conid = candidate["conid"].as_i64().unwrap_or_else(|| panic!("{tool}: no conid: {candidate}"));
            assert!(answer.text.contains(&conid.to_string()), "{tool}: {conid} missing in\n{}", answer.text);
        }
    }
}

#[tokio::test]
async fn every_tool_refuses_with_a_code_and_a_way_on() {
    let listed = Listed::start().await;
    let nobody = json!({"symbol": "ZZZZQ"});
    let mut refused = std::collections::BTreeSet::new();
    for (tool, arguments, code) in [
        ("get_account", json!({"account": "DU0000000"}), "not_found"),
        ("get_account_summary", json!({"account": "DU0000000"}), "not_found"),
        ("get_positions", json!({"account": "DU0000000"}), "not_found"),
        ("get_account_values", json!({"account": "DU0000000"}), "not_found"),
        ("get_portfolio", json!({"account": "DU0000000"}), "not_found"),
        ("get_pnl", json!({"account": "DU0000000"}), "not_found"),
        ("get_position_pnl", json!({"symbol": "XOM"}), "not_found"),
        ("get_open_orders", json!({"account": "DU0000000"}), "not_found"),
        ("get_executions", json!({"days": 8}), "invalid_params"),
        ("get_completed_orders", json!({"api_only": "perhaps"}), "invalid_params"),
        ("get_head_timestamp", nobody.clone(), "not_found"),
        ("get_histogram", json!({"symbol": "AAPL", "period": "2 years"}), "invalid_params"),
        ("get_historical_ticks", nobody.clone(), "not_found"),
        ("get_trading_schedule", nobody.clone(), "not_found"),
        ("get_market_rule", json!({"rule_id": 987_654}), "invalid_params"),
        ("list_accounts", json!({"account": "DU0000000"}), "invalid_params"),
        ("get_news_providers", json!({"code": "BRFG"}), "invalid_params"),
        ("get_server_time", json!({"zone": "UTC"}), "invalid_params"),
        ("get_health", json!({"deep": true}), "invalid_params"),
        ("ibkr_connect", json!({"host": "10.1.2.3", "port": 7497}), "invalid_params"),
        ("lookup_contract", nobody.clone(), "not_found"),
        ("ticker_to_conid", nobody.clone(), "not_found"),
        ("search_contracts", json!({"pattern": ""}), "invalid_params"),
        ("get_contract_details", nobody.clone(), "not_found"),
        ("get_historical_data", nobody.clone(), "not_found"),
        ("get_historical_data", json!({"symbol": "AAPL", "bar_size": "7 min"}), "invalid_params"),
        // IB has no empty answer here: a period without bars is its error 162.
        ("get_historical_data", json!({"symbol": "AAPL", "duration": "1 W", "end": "1950-01-10"}), "not_found"),
        ("get_historical_news", json!({"symbol": "AAPL", "start_date": "2026-02-01", "end_date": "2026-01-01"}), "invalid_params"),
        ("get_article", json!({"articleId": "NOPE$1", "providerCode": "BRFG"}), "not_found"),
        ("get_fundamental_data", json!({"symbol": "AAPL", "report_type": "RESC"}), "unsupported"),
        ("get_option_chain", json!({"symbol": "ZZZZQ"}), "not_found"),
        ("get_option_chain_greeks", json!({"symbol": "AAPL", "expiration": "2026-12-25"}), "not_found"),
        ("get_option_chain_greeks", json!({"symbol": "AAPL", "expiration": DECEMBER, "moneyness": 0.1, "strikes": 3}), "invalid_params"),
        ("get_option_quotes", json!({"symbol": "AAPL", "expiry": "20261218", "right": "C", "strikes": [1.23]}), "not_found"),
        ("get_option_quotes", json!({"symbol": "AAPL", "expiry": "20261232", "right": "C", "strikes": [200]}), "invalid_params"),
    ] {
        let answer = listed.stack.edge.call(tool, arguments.clone()).await;
        assert!(answer.is_error, "{tool} {arguments}: {}", answer.text);
        answer.fault(code);
        refused.insert(tool);
    }
    for tool in listed.validators.keys() {
        assert!(refused.contains(tool.as_str()), "{tool} has no case here");
    }
}

#[tokio::test]
async fn every_tool_has_a_service_that_serves_its_operation() {
    // Every service that there is, gateway-ctl among them.
    let kept = Kept::start().await;
    let asked = tools::TOOLS.iter().map(tools::Tool::operation).filter(|row| row.over_nats());
    let asked: Vec<String> = asked.map(schemas::Row::name).collect();
    eventually("every operation is served", SOON, async || {
        let served = kept.beats.operations();
        let missing: Vec<&String> = asked.iter().filter(|name| !served.contains(*name)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}")) }
    })
    .await;
}

#[tokio::test]
async fn the_names_of_tws_mcp_work_and_connect_goes_nowhere() {
    let stack = Stack::start().await;
    let connected = stack.edge.call("ibkr_connect", json!({"host": "127.0.0.1", "clientId": 7})).await;
    assert_eq!(
        (&connected.typed()["connected"], &connected.typed()["client_ids"][0].is_i64()),
        (&json!(true), &true),
        "{}",
        connected.text
    );
    assert_eq!(stack.edge.call("ibkr_get_status", json!({})).await.typed()["status"], "healthy");
    assert_eq!(stack.edge.call("ibkr_disconnect", json!({})).await.typed()["success"], true);
    assert!(!stack.edge.call("ibkr_get_managed_accounts", json!({})).await.is_error, "nothing was disconnected");
}

#[tokio::test]
async fn one_account_of_several_must_be_named_where_one_is_meant() {
    let stack = Stack::with(StackOptions { accounts: 2, ..StackOptions::default() }).await;
    let answer = stack.edge.call("get_account", json!({})).await;
    assert!(answer.fault("ambiguous").contains("DUSIM"), "{}", answer.text);
    let summary = stack.edge.call("get_account_summary", json!({})).await;
    let accounts = summary.typed()["accounts"].as_array().unwrap().clone();
    assert_eq!(accounts.len(), 2);
    let one = stack.edge.call("get_account", json!({"account": accounts[1]["account"]})).await;
    assert_eq!(one.typed()["account_id"], accounts[1]["account"]);
}

#[tokio::test]
async fn every_kind_of_instrument_has_history() {
    let listed = Listed::start().await;
    for (symbol, kind) in
        [("AAPL", "STK"), ("EUR.USD", "CASH"), ("^SPX", "IND"), ("BTC-USD", "CRYPTO"), ("/ES", "CONTFUT"), ("BRK.B", "STK")]
    {
        let answer = listed.good("get_historical_data", json!({"symbol": symbol, "duration": "5 D", "bar_size": "1 day"})).await;
        assert_eq!(answer.typed()["contract"]["sec_type"], kind, "{symbol}: {}", answer.text);
        assert!(answer.typed()["bars"].as_array().is_some_and(|bars| !bars.is_empty()), "{symbol}: {}", answer.text);
    }
}
