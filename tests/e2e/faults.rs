//! What breaks while somebody waits for an answer: a worker, the gateway, the connection between them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    SOON, Stack, StackOptions,
    beats::{Beats, kill},
    wait::{eventually, timed},
};

/// Kills the worker that asked IB while the answer is held back; another one must answer.
async fn outlives_its_worker(request: &str, tool: &str, deadline: Duration) {
    let stack = Stack::with_workers(2).await;
    let beats = Beats::of(&stack).await;
    // Both are known by their heartbeats before one is to be found among them.
    eventually("both workers have been heard", SOON, async || match beats.workers().len() {
        2 => Ok(()),
        heard => Err(heard),
    })
    .await;
    stack.sim.delay(request, 60_000).await;
    let edge = stack.edge.clone();
    let tool = tool.to_owned();
    let call = tokio::spawn(async move { timed(edge.call(&tool, json!({"symbol": "AAPL"}))).await });
    let asked = eventually("the simulator was asked", SOON, async || match about_apple(&stack, request).await.first() {
        Some(entry) => Ok(entry.clone()),
        None => Err("not yet"),
    })
    .await;
    let holder = beats.holder(asked["client_id"].as_i64().expect("a client id")).expect("one of the workers asked");
    kill(&holder);
    stack.sim.delay(request, 0).await;
    let (answer, took) = call.await.expect("the call ends");
    answer.typed();
    assert!(took < deadline, "{took:?}");
    let requests = about_apple(&stack, request).await;
    assert!(requests.len() <= 2, "{} requests for one call: {requests:?}", requests.len());
}

/// Workers also ask on their own account, about the market's hours.
pub(crate) async fn about_apple(stack: &Stack, request: &str) -> Vec<Value> {
    let apple = |entry: &Value| entry["fields"]["contract"]["symbol"] == "AAPL" || entry["fields"]["contract"]["con_id"] == 265_598;
    stack.sim.requests(request).await.into_iter().filter(apple).collect()
}

#[tokio::test]
async fn history_outlives_the_worker_that_asked_for_it() {
    outlives_its_worker("HistoricalData", "get_historical_data", Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_contract_outlives_the_worker_that_asked_for_it() {
    outlives_its_worker("ContractData", "get_contract_details", Duration::from_secs(10)).await;
}

#[tokio::test]
async fn a_gateway_that_goes_and_comes_back_needs_nobodys_help() {
    let stack = Stack::start().await;
    let beats = Beats::of(&stack).await;
    let fresh = stack.edge.call("get_account_summary", json!({})).await;
    assert_eq!(fresh.typed()["context"]["stale"], false, "{}", fresh.text);
    let served =
        |beats: &Beats, operation: &str| beats.workers().iter().any(|beat| beat.operations.iter().any(|served| served == operation));
    eventually("history is served", SOON, async || if served(&beats, "history.bars") { Ok(()) } else { Err("it is not") }).await;

    stack.gateway.refuse();
    stack.until_status("degraded").await;
    eventually("history has left", SOON, async || if served(&beats, "history.bars") { Err("it is served") } else { Ok(()) }).await;
    assert!(served(&beats, "account.summary"), "what is kept in memory stays");
    let (away, took) = timed(stack.edge.call("get_historical_data", json!({"symbol": "AAPL"}))).await;
    assert!(away.is_error && (away.text.contains("gateway_down") || away.text.contains("no_worker")), "{}", away.text);
    assert!(took < Duration::from_secs(10), "{took:?}");

    // A number that may be old says so, to programs and to readers.
    let kept = stack.edge.call("get_account_summary", json!({})).await;
    assert_eq!(kept.typed()["context"]["stale"], true, "{}", kept.text);
    assert!(kept.text.contains("STALE"), "{}", kept.text);
    assert_eq!(kept.typed()["accounts"], fresh.typed()["accounts"], "and it is the last one that was known");

    stack.gateway.pass();
    stack.until_connected(1).await;
    eventually("history is served again", SOON, async || if served(&beats, "history.bars") { Ok(()) } else { Err("it is not") }).await;
    stack.edge.call("get_historical_data", json!({"symbol": "AAPL"})).await.typed();
    let fresh = stack.edge.call("get_account_summary", json!({})).await;
    assert_eq!(fresh.typed()["context"]["stale"], false, "{}", fresh.text);
}

#[tokio::test]
async fn a_gateway_that_hangs_is_noticed_and_found_again() {
    let stack = Stack::start().await;
    stack.gateway.stall();
    stack.until_status("degraded").await;
    stack.gateway.pass();
    stack.until_connected(1).await;
    stack.edge.call("get_contract_details", json!({"symbol": "MSFT"})).await.typed();
}

#[tokio::test]
async fn connections_that_break_are_made_again_with_ids_of_their_own() {
    let stack = Stack::with_workers(3).await;
    // The ids alone would also be there before anybody has noticed anything.
    let before = stack.sim.requests("StartApi").await.len();
    stack.gateway.drop_connections();
    eventually("three new sessions hold three ids", SOON, async || {
        let (ids, new) = (stack.sim.client_ids().await, stack.sim.requests("StartApi").await.split_off(before));
        let of_new = |id: &i64| new.iter().any(|entry| entry["client_id"] == *id);
        if ids.len() == 3 && ids.iter().all(of_new) { Ok(()) } else { Err(format!("{ids:?} after {} handshakes", new.len())) }
    })
    .await;
    stack.until_connected(3).await;
    stack.edge.call("get_historical_data", json!({"symbol": "AAPL"})).await.typed();
}

#[tokio::test]
async fn a_slow_gateway_is_waited_for() {
    let stack = Stack::start().await;
    stack.gateway.slow(Duration::from_millis(300));
    stack.edge.call("get_historical_data", json!({"symbol": "AAPL"})).await.typed();
}

#[tokio::test]
async fn identical_reads_in_flight_are_one_request() {
    // The silence of this gateway is no reason to give it up.
    let worker_flags = vec![("--worker-check-ms", "60000".to_owned())];
    let stack = Stack::with(StackOptions { worker_flags, ..StackOptions::default() }).await;
    let beats = Beats::of(&stack).await;
    stack.gateway.stall();
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let edge = stack.edge.clone();
            tokio::spawn(async move { edge.call("get_historical_data", json!({"symbol": "AAPL"})).await })
        })
        .collect();
    eventually("the worker has all five", SOON, async || match beats.workers().first().map(|beat| beat.in_flight) {
        Some(5) => Ok(()),
        flying => Err(format!("{flying:?}")),
    })
    .await;
    stack.gateway.pass();
    for call in calls {
        call.await.unwrap().typed();
    }
    assert_eq!(stack.sim.requests("HistoricalData").await.len(), 1);
}

#[tokio::test]
async fn calls_without_a_gateway_say_why_and_do_not_open_the_breaker() {
    let stack = Stack::start().await;
    stack.gateway.refuse();
    stack.until_status("degraded").await;
    let (answers, took) = timed(async {
        let mut answers = Vec::new();
        for _ in 0..5 {
            answers.push(stack.edge.call("get_contract_details", json!({"symbol": "AAPL"})).await);
        }
        answers
    })
    .await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    for answer in answers {
        let text = answer.fault("gateway_down");
        assert!(text.contains(&stack.gateway.addr.to_string()) || text.contains("refused"), "the reason is missing: {text}");
    }
    let (code, health) = stack.edge.health().await;
    assert_eq!((code, &health["status"], &health["circuit_breaker"]["state"]), (200, &json!("degraded"), &json!("closed")), "{health}");
}

#[tokio::test]
async fn what_ib_refuses_is_told_in_its_own_words() {
    let stack = Stack::start().await;
    stack.sim.fail("HistoricalData", 162).await;
    let answer = stack.edge.call("get_historical_data", json!({"symbol": "AAPL"})).await;
    assert!(answer.is_error && answer.text.contains("IB says** (162)"), "{}", answer.text);
    let answer = stack.edge.call("get_historical_data", json!({"symbol": "AAPL"})).await;
    answer.typed();
}

#[tokio::test]
async fn a_message_server_that_restarts_is_found_again() {
    let mut stack = Stack::start().await;
    stack.nats.restart().await.expect("it restarts");
    eventually("calls are answered again", SOON, async || {
        let answer = stack.edge.call("get_positions", json!({})).await;
        if answer.is_error { Err(answer.text) } else { Ok(()) }
    })
    .await;
    stack.until_connected(1).await;
}

#[tokio::test]
async fn a_gateway_that_speaks_too_old_a_protocol_is_named() {
    let stack = Stack::with(StackOptions { workers: 0, ..StackOptions::default() }).await;
    let old = {
        let flags = [("--bind", "127.0.0.1:0".to_owned()), ("--max-server-version", "178".to_owned())];
        let folder = stack.sim.proc.log.parent().expect("a folder");
        crate::harness::proc::ibmesh(folder, "old-sim", "sim", &flags).await
    };
    stack.gateway.retarget(old.address("api"));
    let mut stack = stack;
    stack.add_worker().await;
    let reason = eventually("the heartbeat says why", SOON, async || {
        let beats = Beats::of(&stack).await;
        let reason =
            eventually("a heartbeat", SOON, async || beats.workers().first().cloned().ok_or("none")).await.ib.and_then(|ib| ib.reason);
        reason.filter(|reason| reason.contains("178")).ok_or_else(|| "no reason with the version".to_owned())
    })
    .await;
    assert!(reason.contains("213"), "{reason}");
    let (_, health) = stack.edge.health().await;
    assert_eq!(health["ib_connected"], Value::Bool(false));
}
