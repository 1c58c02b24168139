//! Many workers: each its own client id, and an honest answer when there are none.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;

use crate::{
    faults::about_apple,
    harness::{
        SOON, Stack,
        beats::Beats,
        wait::{eventually, timed},
    },
};

/// The range that workers take their client ids from.
const WORKER_IDS: std::ops::RangeInclusive<i64> = 10..=29;

#[tokio::test]
async fn three_workers_hold_three_client_ids_and_a_fourth_finds_a_fourth() {
    let mut stack = Stack::with_workers(3).await;
    let held = stack.sim.client_ids().await;
    assert_eq!(held.iter().collect::<BTreeSet<_>>().len(), 3, "{held:?}");
    assert!(held.iter().all(|id| WORKER_IDS.contains(id)), "{held:?}");
    stack.add_worker().await;
    let health = stack.until_connected(4).await;
    let now = stack.sim.client_ids().await;
    assert_eq!(now.len(), 4, "{now:?}");
    assert!(held.iter().all(|id| now.contains(id)), "nobody lost an id to the newcomer: {held:?} {now:?}");
    let told: BTreeSet<i64> =
        health["pool"]["workers"].as_array().unwrap().iter().filter_map(|worker| worker["client_id"].as_i64()).collect();
    assert_eq!(told.into_iter().collect::<Vec<_>>(), now, "/health tells who holds what");
}

#[tokio::test]
async fn a_client_id_that_a_stranger_holds_is_left_to_him() {
    // Two stacks on one gateway know nothing of each other but what the gateway says.
    let one = Stack::with_workers(2).await;
    let other = Stack::with_workers(1).await;
    other.gateway.retarget(one.sim.api);
    other.gateway.drop_connections();
    eventually("the other stack's worker has found an id of its own", SOON, async || {
        let ids = one.sim.client_ids().await;
        if ids.iter().collect::<BTreeSet<_>>().len() == 3 { Ok(()) } else { Err(format!("{ids:?}")) }
    })
    .await;
    one.until_connected(2).await;
    other.until_connected(1).await;
}

#[tokio::test]
async fn nobody_left_is_told_long_before_the_deadline() {
    let mut stack = Stack::with_workers(2).await;
    for worker in &mut stack.workers {
        worker.kill().await;
    }
    // History has a deadline of 60 s.
    let (answer, took) = timed(stack.edge.call("get_historical_data", json!({"symbol": "AAPL"}))).await;
    answer.fault("no_worker");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn workers_that_do_not_move_are_told_long_before_the_deadline() {
    let stack = Stack::with_workers(2).await;
    for worker in &stack.workers {
        worker.pause();
    }
    let (answer, took) = timed(stack.edge.call("get_historical_data", json!({"symbol": "AAPL"}))).await;
    answer.fault("no_worker");
    assert!(took < Duration::from_secs(10), "{took:?}");
    for worker in &stack.workers {
        worker.resume();
    }
    stack.until_connected(2).await;
    stack.edge.call("get_historical_data", json!({"symbol": "AAPL"})).await.typed();
}

#[tokio::test]
async fn one_worker_that_does_not_move_costs_a_moment_and_no_answer() {
    let stack = Stack::with_workers(2).await;
    stack.workers[0].pause();
    for symbol in ["AAPL", "MSFT", "NVDA", "AMZN", "META", "TSLA"] {
        let (answer, took) = timed(stack.edge.call("get_contract_details", json!({"symbol": symbol}))).await;
        answer.typed();
        assert!(took < Duration::from_secs(10), "{symbol}: {took:?}");
    }
}

#[tokio::test]
async fn a_worker_that_is_told_to_end_answers_what_it_holds() {
    let mut stack = Stack::with_workers(2).await;
    let beats = Beats::of(&stack).await;
    eventually("both workers have been heard", SOON, async || match beats.workers().len() {
        2 => Ok(()),
        heard => Err(heard),
    })
    .await;
    // Longer than it takes to see the request and to signal, and below the deadline of the call.
    stack.sim.delay("ContractData", 2_000).await;
    let edge = stack.edge.clone();
    let call = tokio::spawn(async move { edge.call("get_contract_details", json!({"symbol": "AAPL"})).await });
    let asked = eventually("the simulator was asked", SOON, async || match about_apple(&stack, "ContractData").await.first() {
        Some(entry) => Ok(entry.clone()),
        None => Err("not yet"),
    })
    .await;
    let holder = beats.holder(asked["client_id"].as_i64().expect("a client id")).expect("one of the workers asked");
    let index = stack.workers.iter().position(|worker| worker.raw_pid() == i32::try_from(holder.pid).ok()).expect("one of ours");
    let mut leaving = stack.workers.remove(index);
    assert!(!call.is_finished(), "the answer is held back");
    leaving.signal(rustix::process::Signal::TERM);
    call.await.expect("the call ends").typed();
    assert!(leaving.ended().await.success(), "{}", leaving.tail());
    assert_eq!(about_apple(&stack, "ContractData").await.len(), 1, "the one that was told to end has answered");
    stack.sim.delay("ContractData", 0).await;
    stack.until_connected(1).await;
    stack.edge.call("get_contract_details", json!({"symbol": "MSFT"})).await.typed();
}
