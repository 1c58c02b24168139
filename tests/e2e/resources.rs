//! Resources, prompts and completion against running services: everything that is listed can be read.

use serde_json::{Value, json};

use crate::harness::{SOON, Stack, StackOptions, wait::eventually};

/// The operation whose reply a resource is; none is the edge's own report.
fn operation(uri: &str) -> Option<&'static str> {
    let kinds = [
        ("ibkr://accounts", Some("account.summary")),
        ("ibkr://health", None),
        ("ibkr://positions/", Some("account.positions")),
        ("ibkr://portfolio/", Some("account.portfolio")),
        ("ibkr://orders/", Some("account.open_orders")),
    ];
    let kind = kinds.into_iter().find(|(head, _)| uri.starts_with(head));
    kind.unwrap_or_else(|| panic!("{uri} is new: say here which operation answers it")).1
}

async fn read(stack: &Stack, uri: &str) -> Value {
    let said = stack.edge.rpc("resources/read", json!({ "uri": uri })).await;
    let content = said.pointer("/result/contents/0").unwrap_or_else(|| panic!("{uri}: {said}"));
    assert_eq!((&content["uri"], &content["mimeType"]), (&json!(uri), &json!("application/json")));
    serde_json::from_str(content["text"].as_str().expect("a text")).expect("JSON")
}

async fn uris(stack: &Stack) -> Vec<String> {
    let said = stack.edge.rpc("resources/list", json!({})).await;
    let listed = said.pointer("/result/resources").and_then(Value::as_array).expect("resources").iter();
    listed.map(|resource| resource["uri"].as_str().expect("a uri").to_owned()).collect()
}

#[tokio::test]
async fn every_resource_is_answered_by_a_running_service() {
    let stack = Stack::with(StackOptions { accounts: 2, ..StackOptions::default() }).await;
    let summary = stack.edge.call("get_account_summary", json!({})).await;
    let accounts = summary.typed()["accounts"].as_array().expect("accounts").iter();
    let accounts: Vec<&str> = accounts.map(|account| account["account"].as_str().expect("an id")).collect();
    assert_eq!(accounts.len(), 2);
    let mut all = uris(&stack).await;
    let templates = stack.edge.rpc("resources/templates/list", json!({})).await;
    for template in templates.pointer("/result/resourceTemplates").and_then(Value::as_array).expect("templates") {
        let template = template["uriTemplate"].as_str().expect("a template");
        for account in &accounts {
            let uri = template.replace("{account}", account);
            assert!(all.contains(&uri), "{uri} is not listed: {all:?}");
        }
        let foreign = stack.edge.rpc("resources/read", json!({ "uri": template.replace("{account}", "U7654321") })).await;
        let message = foreign.pointer("/error/message").and_then(Value::as_str).unwrap_or_default();
        assert!(accounts.iter().all(|account| message.contains(account)), "{foreign}");
    }
    all.dedup();
    for uri in &all {
        let document = read(&stack, uri).await;
        let Some(operation) = operation(uri) else { continue };
        let path = format!("{}/../schemas/json/{operation}.reply.json", env!("CARGO_MANIFEST_DIR"));
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let wrong: Vec<String> = validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{uri}: {wrong:?}");
        assert_eq!(document["context"]["mode"], "simulated", "{uri}");
    }
    // An account without holdings is an answer, and one that is down says so.
    for (kind, rows) in [("positions", "positions"), ("portfolio", "holdings"), ("orders", "orders")] {
        assert_eq!(all.iter().filter(|uri| uri.starts_with(&format!("ibkr://{kind}/"))).count(), 2, "{kind}: {all:?}");
        assert_eq!(read(&stack, &format!("ibkr://{kind}/{}", accounts[1])).await[rows], json!([]), "{kind}");
    }
    stack.gateway.refuse();
    stack.gateway.drop_connections();
    for kind in ["positions", "portfolio", "orders"] {
        eventually("memory is told as stale", SOON, async || {
            let document = read(&stack, &format!("ibkr://{kind}/{}", accounts[0])).await;
            if document["context"]["stale"] == json!(true) { Ok(()) } else { Err(document["context"].to_string()) }
        })
        .await;
    }
}

#[tokio::test]
async fn what_is_typed_is_completed_by_ib() {
    let stack = Stack::start().await;
    let complete = async |name: &str, argument: &str, typed: &str| {
        let params = json!({ "ref": { "type": "ref/prompt", "name": name }, "argument": { "name": argument, "value": typed } });
        let said = stack.edge.rpc("completion/complete", params).await;
        said.pointer("/result/completion/values").cloned().unwrap_or_else(|| panic!("{said}"))
    };
    // The first search may take longer than somebody who types waits; the answer is then kept.
    eventually("a symbol", SOON, async || {
        let found = complete("options_analysis", "symbol", "app").await;
        if found.as_array().is_some_and(|found| found.contains(&json!("AAPL"))) { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
    assert_eq!(complete("options_analysis", "symbol", "zzzzqqqq").await, json!([]));
    let accounts = complete("portfolio_review", "account", "").await;
    assert_eq!(
        uris(&stack).await.iter().filter(|uri| uri.starts_with("ibkr://positions/")).count(),
        accounts.as_array().map_or(0, Vec::len)
    );
}
