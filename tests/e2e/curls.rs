//! The predecessors' command lines, as their documents have them, byte for byte. Only host and port are the stack's.

use serde_json::Value;

use crate::harness::{Stack, StackOptions, http::curl};

/// Shared with the interop ring, which runs them with the real curl.
const SEED_CURLS: &str = include_str!("../data/seed-curls.txt");

/// The command line below this name.
fn documented(name: &str) -> &'static str {
    let title = format!("# {name}\n");
    let below = SEED_CURLS.split("\n\n").find_map(|block| block.strip_prefix(title.as_str()));
    below.unwrap_or_else(|| panic!("no {name} in seed-curls.txt"))
}

/// With the fields that the predecessors' `jq` filters read.
const HEALTHS: [(&str, &[&str]); 2] =
    [("health", &["/status"]), ("health_silent", &["/status", "/ib_connected", "/pool/workers/0", "/pool/workers/0/client_id"])];

/// The ten of the oldest predecessors.
const TEN: [&str; 10] = [
    "get_account_summary",
    "get_article",
    "get_contract_details",
    "get_fundamental_data",
    "get_historical_data",
    "get_historical_news",
    "get_positions",
    "lookup_contract",
    "search_contracts",
    "ticker_to_conid",
];

fn text(answer: &Value) -> &str {
    answer.pointer("/result/content/0/text").and_then(Value::as_str).unwrap_or_else(|| panic!("no text: {answer}"))
}

#[tokio::test]
async fn the_documented_calls_answer_as_documented() {
    let stack = Stack::start().await;
    for name in ["account_summary", "account_summary_spread"] {
        let curled = curl(documented(name), &stack.edge).await;
        let answer = curled.json();
        assert_eq!((curled.status, &answer["id"], &answer["jsonrpc"]), (200, &Value::from("1"), &Value::from("2.0")), "{answer}");
        assert_ne!(answer["result"]["isError"], true, "{answer}");
        assert!(text(&answer).contains("NetLiquidation"), "{answer}");
    }
    let curled = curl(documented("history"), &stack.edge).await;
    let answer = curled.json();
    assert_eq!((curled.status, &answer["id"]), (200, &Value::from("2")), "{answer}");
    assert!(text(&answer).contains("AAPL"), "{answer}");
    let bars = answer.pointer("/result/structuredContent/bars").and_then(Value::as_array).expect("bars");
    assert!((15..=24).contains(&bars.len()), "a month of days, at most the 20 that are the default: {}", bars.len());
}

#[tokio::test]
async fn the_proxys_tools_list_has_the_ten_tools_and_seed_003s_account() {
    let stack = Stack::with(StackOptions { workers: 0, ..StackOptions::default() }).await;
    let curled = curl(documented("tools_list_of_the_proxy"), &stack.edge).await;
    let answer = curled.json();
    let tools = answer.pointer("/result/tools").and_then(Value::as_array).unwrap_or_else(|| panic!("{answer}"));
    let names: Vec<&str> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
    for name in TEN.iter().chain(&["get_account"]) {
        assert!(names.contains(name), "{name} missing in {names:?}");
    }
    assert!(curled.body.len() < 30_000, "the default list is {} bytes", curled.body.len());
}

#[tokio::test]
async fn health_has_the_fields_that_the_documents_read() {
    let stack = Stack::start().await;
    for (name, fields) in HEALTHS {
        let curled = curl(documented(name), &stack.edge).await;
        assert_eq!(curled.status, 200, "{}", curled.body);
        let health = curled.json();
        for field in fields {
            assert!(health.pointer(field).is_some(), "{field} missing in {health}");
        }
    }
}
