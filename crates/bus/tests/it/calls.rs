//! When to ask again, and what to say when nobody answers.

use std::time::Duration;

use async_nats::Client;
use bus::{CallOptions, Caller};
use bytes::Bytes;
use futures::StreamExt;
use schemas::{
    FaultCode, Retry, Row,
    account::Summary,
    fault::RetryAdvice,
    health::{Heartbeat, State},
    options::Chain,
};
use tokio::time::{Instant, timeout};

use crate::support::{
    LIMIT, SUMMARY, SUMMARY_SUBJECT, TestResult, account, ask, asking, beat, connect, eventually, foreign, gateway, headers, nats, pass,
    quick, rig, row, settle, summary, tell, within_ms,
};

/// Sends of one call, seen from outside the queue group.
async fn watch_sends(client: &Client) -> async_nats::Subscriber {
    let sends = client.subscribe(SUMMARY_SUBJECT).await.expect("subscribed");
    settle(client).await;
    sends
}

async fn count(sends: &mut async_nats::Subscriber) -> usize {
    let mut sent = 0;
    while let Ok(Some(_)) = timeout(Duration::from_millis(200), sends.next()).await {
        sent += 1;
    }
    sent
}

#[tokio::test]
async fn a_half_open_member_costs_one_attempt_and_not_the_call() -> TestResult {
    let rig = rig(2, 2).await;
    let foreign = foreign(&rig.nats).await;
    let mut swallowed = foreign.queue_subscribe(SUMMARY_SUBJECT, "ib-worker".to_owned()).await?;
    settle(&foreign).await;
    let row = row::<Summary>();
    let (mut asked_again, mut calls) = (0, 0);
    // Whom the server chooses is chance: of a dozen calls, one run in twenty sees none that went first to the one and then
    // to another.
    while asked_again == 0 && calls < 80 {
        calls += 1;
        match rig.caller.call(row, Bytes::from_static(b"{}"), CallOptions::default()).await {
            Ok(reply) => asked_again += usize::from(reply.attempts == 2),
            // Both attempts of one call went to the member that swallows: at most two are made.
            Err(fault) => assert_eq!(fault.code, FaultCode::NoWorker, "{fault}"),
        }
    }
    let swallows = count(&mut swallowed).await;
    let told = format!("asked again {asked_again}, swallowed {swallows}, of {calls}");
    assert!(asked_again > 0 && swallows >= asked_again && swallows <= 2 * calls, "{told}");
    Ok(())
}

#[tokio::test]
async fn with_heartbeats_a_member_that_hangs_costs_no_answer() -> TestResult {
    let rig = rig(2, 2).await;
    let foreign = foreign(&rig.nats).await;
    // One of two hangs: chance alone would lose a quarter of the calls.
    let mut hung = foreign.queue_subscribe(SUMMARY_SUBJECT, "ib-worker".to_owned()).await?;
    let mut named = foreign.subscribe("ib.v1.paper.ctl.ib-worker.hung.rpc.*.*").await?;
    settle(&foreign).await;
    let row = row::<Summary>();
    let mut asked_again = 0;
    for _ in 0..8 {
        for id in ["worker-1", "hung"] {
            tell(&foreign, &beat(id, State::Ready, &[SUMMARY])).await;
        }
        let reply = rig.caller.call(row, Bytes::from_static(b"{}"), CallOptions::default()).await.expect("one of them answers");
        assert!(reply.attempts <= 3, "the group, perhaps the one that hangs by name, then the other: {}", reply.attempts);
        asked_again += usize::from(reply.attempts > 1);
    }
    assert!(asked_again > 0 && count(&mut hung).await >= asked_again, "the member that hangs was met {asked_again} times");
    assert!(count(&mut named).await <= asked_again, "nobody is asked by name twice for one call");
    Ok(())
}

#[tokio::test]
async fn nobody_takes_it_so_two_attempts_are_made_and_no_third() -> TestResult {
    let nats = nats().await;
    let (foreign, bus) = (foreign(&nats).await, connect(&nats).await);
    let mut swallowed = watch_sends(&foreign).await;
    let caller = Caller::start(&bus, gateway()).await?.patience(quick());
    let fault = ask(&caller, "DU1").await.expect_err("nobody answers");
    assert_eq!(fault.code, FaultCode::NoWorker);
    assert!(fault.message.contains("2 attempts"), "{fault}");
    assert_eq!(count(&mut swallowed).await, 2);
    Ok(())
}

#[tokio::test]
async fn what_must_not_run_twice_is_sent_once_and_its_outcome_called_unknown() -> TestResult {
    let nats = nats().await;
    let (foreign, bus) = (foreign(&nats).await, connect(&nats).await);
    let mut swallowed = watch_sends(&foreign).await;
    let mut cancels = foreign.subscribe("ib.v1.paper.cancel.*").await?;
    settle(&foreign).await;
    let caller = Caller::start(&bus, gateway()).await?.patience(quick());
    let write = Row { retry: Retry::Never, ..*row::<Summary>() };
    let fault = caller.call(&write, Bytes::from_static(b"{}"), within_ms(1_500)).await.expect_err("nobody answers");
    assert_eq!((fault.code, fault.retry), (FaultCode::UnknownOutcome, RetryAdvice::SameKey), "{fault}");
    assert_eq!(count(&mut swallowed).await, 1);
    // Its author may be gone, the write goes on.
    let dropped = timeout(Duration::from_millis(200), caller.call(&write, Bytes::from_static(b"{}"), CallOptions::default())).await;
    assert!(dropped.is_err());
    assert_eq!(count(&mut cancels).await, 0);
    Ok(())
}

/// A worker that says "accepted" to the first request and never answers.
async fn accepts_and_dies(client: &Client, id: &'static str) -> tokio::task::JoinHandle<usize> {
    let mut requests = client.queue_subscribe(SUMMARY_SUBJECT, "ib-worker".to_owned()).await.expect("subscribed");
    settle(client).await;
    let client = client.clone();
    tokio::spawn(async move {
        let request = requests.next().await.expect("a request");
        assert!(request.headers.is_some_and(|map| map.get("Ib-Accept").is_some()));
        let reply_to = request.reply.expect("a reply subject");
        client.publish_with_headers(reply_to, headers(&[("Ib-Accepted-By", id)]), Bytes::new()).await.expect("published");
        drop(requests);
        settle(&client).await;
        1
    })
}

#[tokio::test]
async fn a_worker_that_dies_at_work_is_noticed_by_its_heartbeats() -> TestResult {
    for told_before in [true, false] {
        let nats = nats().await;
        let (foreign, bus) = (foreign(&nats).await, connect(&nats).await);
        let caller = Caller::start(&bus, gateway()).await?.patience(quick());
        if told_before {
            tell(&foreign, &beat("dying", State::Ready, &[SUMMARY])).await;
            eventually("it is seen", async || !caller.fleet().seen().is_empty()).await;
        }
        let dying = accepts_and_dies(&foreign, "dying").await;
        let call = asking(&caller, "DU1", within_ms(9_000));
        dying.await?;
        let serving = connect(&nats).await;
        let script = crate::support::Script::new();
        let _server = script.serve(&serving, crate::support::serve_settings("second", 2, 2)).await;
        let begun = Instant::now();
        assert_eq!(timeout(LIMIT, call).await???, summary("DU1"), "heartbeat before: {told_before}");
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        assert_eq!(script.count("DU1"), 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_slow_worker_that_beats_is_not_asked_twice() -> TestResult {
    let rig = rig(2, 2).await;
    let foreign = foreign(&rig.nats).await;
    let mut sends = watch_sends(&foreign).await;
    let call = asking(&rig.caller, "hold", within_ms(9_000));
    // Longer than the wait for the acceptance, and than what makes a silent worker a lost one.
    for _ in 0..10 {
        tell(&foreign, &beat("worker-1", State::Ready, &[SUMMARY])).await;
        pass(200).await;
    }
    rig.script.go.add_permits(1);
    assert_eq!(timeout(LIMIT, call).await???, summary("hold"));
    assert_eq!(count(&mut sends).await, 1);
    Ok(())
}

#[tokio::test]
async fn an_acceptance_outweighs_an_old_heartbeat() -> TestResult {
    let rig = rig(2, 2).await;
    let foreign = foreign(&rig.nats).await;
    let mut sends = watch_sends(&foreign).await;
    tell(&foreign, &beat("worker-1", State::Ready, &[SUMMARY])).await;
    // The caller missed the heartbeats since, as after a reconnect.
    pass(1_100).await;
    let call = asking(&rig.caller, "hold", within_ms(9_000));
    pass(700).await;
    rig.script.go.add_permits(1);
    assert_eq!(timeout(LIMIT, call).await???, summary("hold"));
    assert_eq!(count(&mut sends).await, 1);
    Ok(())
}

#[tokio::test]
async fn the_attempt_that_lost_is_cancelled_when_the_other_answers() -> TestResult {
    let nats = nats().await;
    let (foreign, bus) = (foreign(&nats).await, connect(&nats).await);
    let mut cancels = foreign.subscribe("ib.v1.paper.cancel.*").await?;
    let mut requests = foreign.subscribe(SUMMARY_SUBJECT).await?;
    settle(&foreign).await;
    let caller = Caller::start(&bus, gateway()).await?.patience(quick());
    let call = asking(&caller, "DU1", within_ms(9_000));
    let _first = requests.next().await.expect("the first attempt");
    let second = requests.next().await.expect("the second attempt");
    let body = serde_json::to_vec(&summary("DU1"))?;
    foreign.publish(second.reply.expect("a reply subject"), body.into()).await?;
    assert_eq!(timeout(LIMIT, call).await???, summary("DU1"));
    assert!(timeout(LIMIT, cancels.next()).await?.is_some(), "the first may still be at work");
    Ok(())
}

#[tokio::test]
async fn two_calls_may_carry_one_request_id() -> TestResult {
    let rig = rig(4, 0).await;
    let options = within_ms(9_000);
    let first = asking(&rig.caller, "hold", options.clone());
    eventually("it is at work", async || rig.script.alive() == 1).await;
    assert_eq!(timeout(LIMIT, asking(&rig.caller, "DU2", options)).await???, summary("DU2"));
    rig.script.go.add_permits(1);
    assert_eq!(timeout(LIMIT, first).await???, summary("hold"));
    assert_eq!(rig.script.count("hold"), 1);
    Ok(())
}

#[tokio::test]
async fn busy_is_asked_again_once() -> TestResult {
    let rig = rig(1, 0).await;
    let first = asking(&rig.caller, "hold", within_ms(9_000));
    eventually("the slot is taken", async || rig.script.alive() == 1).await;
    let foreign = foreign(&rig.nats).await;
    let mut sends = watch_sends(&foreign).await;
    let fault = ask(&rig.caller, "DU2").await.expect_err("full");
    assert_eq!((fault.code, fault.retry_after_ms), (FaultCode::Busy, Some(250)));
    assert_eq!(count(&mut sends).await, 2);
    rig.script.go.add_permits(1);
    assert_eq!(first.await??, summary("hold"));
    Ok(())
}

#[tokio::test]
async fn nobody_at_all_is_told_in_an_instant() -> TestResult {
    let nats = nats().await;
    let again_after = Duration::from_secs(2);
    let caller = Caller::start(&connect(&nats).await, gateway()).await?.patience(bus::Patience { again_after, ..quick() });
    let asked = Instant::now();
    let fault = ask(&caller, "DU1").await.expect_err("nobody runs");
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    assert_eq!(fault.code, FaultCode::NoWorker);
    assert!(fault.message.contains("account.summary") && fault.hint.is_some_and(|hint| hint.contains("ibmesh up")));
    Ok(())
}

#[tokio::test]
async fn an_empty_queue_group_is_a_moments_gap_while_heartbeats_name_the_operation() -> TestResult {
    let rig = rig(2, 2).await;
    let foreign = foreign(&rig.nats).await;
    tell(&foreign, &beat("worker-1", State::Ready, &[SUMMARY])).await;
    eventually("it is seen", async || !rig.caller.fleet().seen().is_empty()).await;
    rig.server.leave([SUMMARY]).await;
    let caller = rig.caller.patience(bus::Patience { again_after: Duration::from_secs(1), ..quick() });
    let mut call = std::pin::pin!(caller.call(row::<Summary>(), Bytes::from_static(b"{}"), CallOptions::default()));
    assert!(timeout(Duration::from_millis(300), &mut call).await.is_err(), "it pauses after its first attempt");
    rig.server.join([SUMMARY]).await?;
    assert_eq!(timeout(LIMIT, call).await??.attempts, 2);
    Ok(())
}

#[tokio::test]
async fn who_is_alive_decides_what_nobody_listens_means() -> TestResult {
    let nats = nats().await;
    let (foreign, bus) = (foreign(&nats).await, connect(&nats).await);
    let mut upstream = beat("w", State::Ready, &["account.positions"]);
    upstream.ib.as_mut().expect("a session").upstream_lost = true;
    let mut old = beat("w", State::Ready, &["account.positions"]);
    "0.0.9".clone_into(&mut old.version);
    let edge = schemas::health::Heartbeat { service: "edge".to_owned(), ib: None, ..beat("w", State::Ready, &[]) };
    let cases = [
        (beat("w", State::IbDown, &[]), FaultCode::GatewayDown, vec!["gw.example:4002", "connection refused"]),
        (upstream, FaultCode::UpstreamLost, vec!["IB"]),
        (old, FaultCode::Unsupported, vec!["0.0.9", "account.summary"]),
        (beat("w", State::Starting, &[]), FaultCode::NoWorker, vec!["1 worker", "starting"]),
        (beat("w", State::Draining, &[]), FaultCode::NoWorker, vec!["1 worker", "draining"]),
        (beat("w", State::Ready, &["account.positions"]), FaultCode::NoWorker, vec!["1 worker", "ready"]),
        (edge, FaultCode::NoWorker, vec!["no worker runs"]),
    ];
    for (beat, code, says) in cases {
        let caller = Caller::start(&bus, gateway()).await?.patience(quick());
        tell(&foreign, &beat).await;
        eventually("it is seen", async || !caller.fleet().seen().is_empty()).await;
        let fault = caller.ask::<Summary>(&account("DU1"), CallOptions::default()).await.expect_err("nobody listens");
        assert_eq!(fault.code, code, "{:?}: {fault}", beat.state);
        for word in says {
            assert!(fault.message.contains(word), "{:?}: `{word}` in {fault}", beat.state);
        }
    }
    Ok(())
}

#[tokio::test]
async fn workers_and_the_options_service_do_not_answer_for_each_other() -> TestResult {
    let nats = nats().await;
    let (foreign, bus) = (foreign(&nats).await, connect(&nats).await);
    let options = |state| Heartbeat { service: "options".to_owned(), ..beat("o", state, &[]) };
    let (chain, summary) = (row::<Chain>(), row::<Summary>());
    let cases = [
        (chain, vec![beat("w", State::Ready, &[SUMMARY])], FaultCode::NoWorker, "no options service runs"),
        (chain, vec![beat("w", State::Ready, &[SUMMARY]), options(State::IbDown)], FaultCode::GatewayDown, "1 options service runs"),
        (chain, vec![beat("w", State::IbDown, &[]), options(State::Starting)], FaultCode::NoWorker, "(starting)"),
        (summary, vec![options(State::Ready)], FaultCode::NoWorker, "no worker runs"),
        (summary, vec![beat("w", State::Starting, &[]), options(State::IbDown)], FaultCode::NoWorker, "1 worker runs (starting)"),
    ];
    for (row, beats, code, says) in cases {
        let caller = Caller::start(&bus, gateway()).await?.patience(quick());
        for beat in &beats {
            tell(&foreign, beat).await;
        }
        eventually("they are seen", async || caller.fleet().seen().len() == beats.len()).await;
        let fault = caller.call(row, Bytes::from_static(b"{}"), CallOptions::default()).await.expect_err("nobody listens");
        assert_eq!(fault.code, code, "{says}: {fault}");
        assert!(fault.message.contains(says) && fault.retry_after_ms.is_some(), "`{says}` in {fault}");
    }
    Ok(())
}

#[tokio::test]
async fn a_gateway_that_is_logged_out_is_told_with_who_why_and_how_it_ends() -> TestResult {
    let nats = nats().await;
    let (foreign, bus) = (foreign(&nats).await, connect(&nats).await);
    let caller = Caller::start(&bus, gateway()).await?.patience(quick());
    let control = schemas::find("gateway.status").expect("in the table");
    let asked = async |row| caller.call(row, Bytes::from_static(b"{}"), CallOptions::default()).await.expect_err("nobody listens");
    let nobody = asked(control).await;
    assert!(nobody.code == FaultCode::NoWorker && nobody.message.contains("gateway-ctl does not run"), "{nobody}");
    let part = |logged_out: bool| {
        serde_json::from_value(serde_json::json!({
            "state": if logged_out { "LOGGED_OUT" } else { "WAIT_2FA" }, "desired": if logged_out { "down" } else { "up" },
            "since": "2026-01-02T15:00:00Z", "reason": "the phone has to confirm",
            "logged_out": logged_out.then(|| serde_json::json!({ "by": "http:10.0.0.7", "since": "2026-01-02T15:00:00Z",
                "reason": "TWS", "until": "2026-01-02T15:30:00Z", "ends_with": "POST /gateway/login" })),
        }))
    };
    let ctl = |gateway| Heartbeat { service: "gateway-ctl".to_owned(), gateway, ..beat("g", State::Ready, &[]) };
    tell(&foreign, &ctl(Some(part(true)?))).await;
    eventually("it is seen", async || !caller.fleet().seen().is_empty()).await;
    let none = asked(row::<Summary>()).await;
    assert_eq!(none.code, FaultCode::NoWorker, "no log-in helps where no worker runs, and gateway-ctl is none: {none}");
    tell(&foreign, &beat("w", State::IbDown, &[])).await;
    eventually("both are seen", async || caller.fleet().seen().len() == 2).await;
    let fault = asked(row::<Summary>()).await;
    assert_eq!(fault.code, FaultCode::GatewayLoggedOut);
    for word in ["http:10.0.0.7", "2026-01-02T15:00:00Z", "TWS", "2026-01-02T15:30:00Z"] {
        assert!(fault.message.contains(word), "`{word}` in {fault}");
    }
    assert!(fault.hint.as_deref().is_some_and(|hint| hint.contains("POST /gateway/login")), "{fault:?}");
    tell(&foreign, &ctl(Some(part(false)?))).await;
    eventually("it is wanted again", async || bus::logged_out(&caller.fleet().seen()).is_none()).await;
    let fault = asked(row::<Summary>()).await;
    assert!(fault.code == FaultCode::GatewayDown && fault.hint.as_deref().is_some_and(|hint| hint.contains("wait_2fa")), "{fault:?}");
    Ok(())
}

#[tokio::test]
async fn whoever_listens_hears_what_is_told_from_then_on() -> TestResult {
    let nats = nats().await;
    let (telling, listening) = (connect(&nats).await, connect(&nats).await);
    telling.publish("ib.v1.paper.evt.gateway.stopped".to_owned(), Bytes::from_static(b"before")).await?;
    telling.barrier().await?;
    let mut heard = listening.listen(gateway().gateway_events()).await?;
    telling.publish("ib.v1.live.evt.gateway.stopped".to_owned(), Bytes::from_static(b"elsewhere")).await?;
    telling.publish("ib.v1.paper.evt.gateway.login".to_owned(), Bytes::from_static(b"after")).await?;
    assert_eq!(timeout(LIMIT, heard.next()).await?.as_deref(), Some(b"after".as_slice()));
    Ok(())
}

#[tokio::test]
async fn one_worker_without_ib_among_others_names_its_own_gateway() -> TestResult {
    let nats = nats().await;
    let (foreign, bus) = (foreign(&nats).await, connect(&nats).await);
    let caller = Caller::start(&bus, gateway()).await?;
    let mut starting = beat("a", State::Starting, &[]);
    let session = starting.ib.as_mut().expect("a session");
    "elsewhere".clone_into(&mut session.host);
    session.reason = None;
    tell(&foreign, &starting).await;
    tell(&foreign, &beat("b", State::IbDown, &[])).await;
    eventually("both are seen", async || caller.fleet().seen().len() == 2).await;
    let fault = ask(&caller, "DU1").await.expect_err("nobody listens");
    assert_eq!(fault.code, FaultCode::GatewayDown);
    assert!(fault.message.contains("gw.example:4002: connection refused"), "{fault}");
    Ok(())
}
