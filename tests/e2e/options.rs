//! Option chains through the edge: over REST and MCP, with the service's own connection lost and the workers unaffected.

use serde_json::{Value, json};

use crate::harness::{SOON, Stack, StackOptions, wait::eventually};

/// A connection that is lost is told to whoever waits for a chain long before the chain's own deadline of a minute.
const TOLD_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);

async fn stack() -> Stack {
    Stack::with(StackOptions { options: true, ..StackOptions::default() }).await
}

async fn get(stack: &Stack, path: &str) -> (u16, Value) {
    let (status, body) = stack.edge.get(path).await;
    (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("{path}: {status} and no JSON: {body}")))
}

async fn expiration(stack: &Stack) -> String {
    let (status, told) = get(stack, "/options/expirations/AAPL").await;
    assert_eq!(status, 200, "{told}");
    told["expirations"][6].as_str().expect("an expiration").to_owned()
}

#[tokio::test]
async fn rest_answers_the_predecessors_three_paths() {
    let stack = stack().await;
    let (_, told) = get(&stack, "/options/expirations/AAPL").await;
    for field in ["symbol", "underlying_conid", "expirations", "chains", "as_of"] {
        assert!(!told[field].is_null(), "{field} in {told}");
    }
    for field in ["trading_class", "multiplier", "exchange", "expirations", "strikes"] {
        assert!(!told["chains"][0][field].is_null(), "{field} in {told}");
    }
    let date = told["expirations"][6].as_str().expect("a date");
    let (status, chain) = get(&stack, &format!("/options/chain/AAPL/{date}?strikes=3&right=C")).await;
    assert_eq!(status, 200, "{chain}");
    for field in ["symbol", "expiration", "underlying_price", "as_of", "age_ms", "data_type", "complete", "missing", "rows"] {
        assert!(!chain[field].is_null(), "{field} in {chain}");
    }
    assert_eq!((&chain["complete"], &chain["rows"][0]["right"]), (&json!(true), &json!("C")));
    let compact = date.replace('-', "");
    let (status, again) = get(&stack, &format!("/api/v1/options/chain/AAPL/{compact}?strikes=3&right=C")).await;
    assert_eq!((status, again["rows"].as_array().map(Vec::len)), (200, chain["rows"].as_array().map(Vec::len)));
    let (status, quote) = get(&stack, "/options/quote/AAPL").await;
    assert_eq!((status, quote["rows"].as_array().map(Vec::len)), (200, Some(2)), "{quote}");
    let (status, fault) = get(&stack, &format!("/options/chain/AAPL/{date}?strike=3")).await;
    assert_eq!((status, &fault["error"]["code"]), (400, &json!("invalid_params")), "{fault}");
    let (status, fault) = get(&stack, "/options/chain/AAPL/2020-01-17").await;
    assert_eq!((status, &fault["error"]["field"]), (400, &json!("expiration")), "{fault}");
    let (status, fault) = get(&stack, "/options/expirations/ZZZZQ").await;
    assert_eq!((status, &fault["error"]["code"]), (404, &json!("not_found")), "{fault}");
}

#[tokio::test]
async fn a_long_chain_tells_how_far_it_is_and_is_written_as_others_read_it() {
    let stack = stack().await;
    let date = expiration(&stack).await;
    let path = format!("/options/chain/SPY/{date}?limit=70&moneyness=0.5");
    let (media, body) = stack.edge.get_as(&path, "text/event-stream").await;
    assert_eq!(media, "text/event-stream", "{body}");
    let events: Vec<(&str, Value)> = body.split("\n\n").filter_map(event).collect();
    let told: Vec<u64> = events.iter().filter(|(name, _)| *name == "progress").filter_map(|(_, data)| data["done"].as_u64()).collect();
    assert!(told.len() > 1 && told.is_sorted() && told.iter().all(|done| *done <= 70), "{told:?}");
    let (name, chain) = events.last().expect("a last event");
    assert_eq!((*name, chain["rows"].as_array().map(Vec::len), &chain["complete"]), ("result", Some(70), &json!(true)), "{chain}");
    let (media, body) = stack.edge.get_as(&format!("{path}&format=optopsy"), "text/csv").await;
    let mut lines = body.lines();
    assert!(media.starts_with("text/csv"), "{media}");
    assert!(lines.next().is_some_and(|header| header.starts_with("underlying_symbol,underlying_price,option_type,expiration,quote_date,strike,bid,ask")));
    assert_eq!(lines.count(), 70);
    stack.sim.until_no_lines().await;
}

/// Name and data of one server-sent event.
fn event(text: &str) -> Option<(&str, Value)> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    Some((field("event:")?, serde_json::from_str(field("data:")?).ok()?))
}

/// F58, and the predecessors' rule that either side alone is healthy.
#[tokio::test]
async fn without_its_connection_chains_are_503_and_the_workers_are_unaffected() {
    let stack = stack().await;
    let date = expiration(&stack).await;
    stack.options_gateway.refuse();
    stack.until_options(false).await;
    for path in [format!("/options/chain/AAPL/{date}"), "/options/expirations/AAPL".to_owned(), "/options/quote/AAPL".to_owned()] {
        for _ in 0..3 {
            let (status, fault) = get(&stack, &path).await;
            assert_eq!(status, 503, "{path}: {fault}");
            assert!(fault["error"]["retry_after_ms"].is_u64(), "{fault}");
        }
    }
    let (_, health) = stack.edge.health().await;
    assert_eq!((&health["status"], &health["circuit_breaker"]["state"]), (&json!("healthy"), &json!("closed")), "{health}");
    let positions = stack.edge.call("get_positions", json!({})).await;
    assert!(!positions.is_error, "{}", positions.text);
    stack.options_gateway.pass();
    stack.until_options(true).await;
    let (status, chain) = get(&stack, &format!("/options/chain/AAPL/{date}?strikes=2")).await;
    assert_eq!((status, &chain["complete"]), (200, &json!(true)), "{chain}");
}

#[tokio::test]
async fn a_connection_lost_in_the_middle_of_a_chain_is_told_at_once_and_no_line_stays() {
    let stack = stack().await;
    let date = expiration(&stack).await;
    // Every answer takes so long that the chain is still being read when the connection goes.
    stack.options_gateway.slow(std::time::Duration::from_millis(400));
    let path = format!("/options/chain/AAPL/{date}");
    let asked = async {
        let told = get(&stack, &path).await;
        (told, tokio::time::Instant::now())
    };
    let ((told, answered), dropped) = tokio::join!(asked, async {
        eventually("the chain is being read", SOON, async || {
            let lines = stack.sim.requests("MarketData").await.len();
            if lines > 3 { Ok(()) } else { Err(format!("{lines} lines")) }
        })
        .await;
        stack.options_gateway.refuse();
        stack.options_gateway.drop_connections();
        let dropped = tokio::time::Instant::now();
        let positions = stack.edge.call("get_positions", json!({})).await;
        assert!(!positions.is_error, "{}", positions.text);
        dropped
    });
    let waited = answered.saturating_duration_since(dropped);
    assert!(waited < TOLD_WITHIN, "{waited:?}");
    let (status, fault) = told;
    assert_eq!(status, 503, "{fault}");
    assert!(fault["error"]["retry_after_ms"].is_u64(), "{fault}");
    stack.sim.until_no_lines().await;
    stack.options_gateway.pass();
    stack.until_options(true).await;
}

#[tokio::test]
async fn either_side_alone_is_healthy() {
    let mut stack = stack().await;
    stack.gateway.refuse();
    stack.until_connected(0).await;
    let (code, health) = stack.edge.health().await;
    assert_eq!((code, &health["status"], &health["ib_connected"]), (200, &json!("healthy"), &json!(true)), "{health}");
    let date = expiration(&stack).await;
    let (status, chain) = get(&stack, &format!("/options/chain/AAPL/{date}?strikes=2")).await;
    assert_eq!(status, 200, "{chain}");
    stack.options_service.as_mut().expect("it runs").kill().await;
    stack.until_options(false).await;
    let (_, health) = stack.until_status("degraded").await;
    assert_eq!(health["ib_connected"], json!(false), "{health}");
    stack.gateway.pass();
    stack.start_options().await;
    stack.until_options(true).await;
}
