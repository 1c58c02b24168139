//! Every tool: answered, with nothing to answer, and refused; every typed value against the tool's own schema.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::harness::{Stack, StackOptions, http::Answer};

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
        let edge_flags = vec![("--edge-toolsets", "core,account,market,options,news".to_owned())];
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
    let mut called: Vec<&str> = Vec::new();
    for (tool, arguments, part) in [
        ("get_account", json!({}), "Net Liquidation"),
        ("get_account_summary", json!({}), "NetLiquidation"),
        ("get_positions", json!({}), "AAPL"),
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
    for (tool, arguments, code) in [
        ("get_account", json!({"account": "DU0000000"}), "not_found"),
        ("get_account_summary", json!({"account": "DU0000000"}), "not_found"),
        ("get_positions", json!({"account": "DU0000000"}), "not_found"),
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
    }
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
