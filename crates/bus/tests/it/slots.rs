//! How much is taken on at once, deadlines, and cancels.

use std::time::Duration;

use schemas::{FaultCode, RequestId, account::Summary};
use tokio::time::{Instant, timeout};

use crate::support::{
    LIMIT, SUMMARY_SUBJECT, TestResult, account, ask, asking, eventually, fault, foreign, gateway, header, headers, pass, rig, settle,
    summary, within_ms,
};

#[tokio::test]
async fn full_is_busy_at_once_and_the_waiting_one_is_served_when_a_slot_frees() -> TestResult {
    let rig = rig(1, 1).await;
    let foreign = foreign(&rig.nats).await;
    let first = asking(&rig.caller, "hold", within_ms(9_000));
    eventually("the slot is taken", async || rig.script.alive() == 1).await;
    let second = asking(&rig.caller, "DU2", within_ms(9_000));
    eventually("one waits", async || rig.server.in_flight() == 2).await;

    let asked = Instant::now();
    let refused = foreign.request(SUMMARY_SUBJECT, r#"{"account":"DU3"}"#.into()).await?;
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    assert_eq!(fault(&refused).code, FaultCode::Busy);
    assert_eq!(header(&refused, "Ib-Retry-After-Ms"), Some("250"));
    assert_eq!((rig.script.count("DU2"), rig.script.count("DU3")), (0, 0));

    rig.script.go.add_permits(1);
    assert_eq!(first.await??, summary("hold"));
    assert_eq!(second.await??, summary("DU2"));
    assert_eq!(ask(&rig.caller, "DU4").await?, summary("DU4"), "both places are free again");
    Ok(())
}

#[tokio::test]
async fn a_waiting_caller_that_gives_up_frees_its_place() -> TestResult {
    let rig = rig(1, 1).await;
    let first = asking(&rig.caller, "hold", within_ms(9_000));
    eventually("the slot is taken", async || rig.script.alive() == 1).await;
    let second = asking(&rig.caller, "DU2", within_ms(9_000));
    eventually("one waits", async || rig.server.in_flight() == 2).await;
    second.abort();
    eventually("its place is free", async || rig.server.in_flight() == 1).await;
    let third = asking(&rig.caller, "DU3", within_ms(9_000));
    eventually("another waits", async || rig.server.in_flight() == 2).await;
    rig.script.go.add_permits(1);
    assert_eq!(first.await??, summary("hold"));
    assert_eq!(third.await??, summary("DU3"));
    assert_eq!(rig.script.count("DU2"), 0, "nobody waited for it any more");
    Ok(())
}

#[tokio::test]
async fn a_handler_that_never_ends_is_answered_for_before_the_caller_stops_waiting() -> TestResult {
    let rig = rig(2, 2).await;
    for name in ["never", "hog"] {
        let fault = rig.caller.ask::<Summary>(&account(name), within_ms(900)).await.expect_err("it never ends");
        assert_eq!(fault.code, FaultCode::Timeout);
        assert!(fault.message.contains("was not done after"), "the worker's words, not the caller's: {fault}");
        eventually("the handler is gone", async || rig.script.alive() == 0).await;
    }
    Ok(())
}

#[tokio::test]
async fn more_than_the_operations_deadline_is_not_to_be_had() -> TestResult {
    let rig = rig(2, 2).await;
    let greedy = headers(&[("Ib-Timeout-Ms", "86400000")]);
    let asked = Instant::now();
    let request = async_nats::Request::new().headers(greedy).payload(r#"{"account":"never"}"#.into()).timeout(Some(LIMIT));
    let reply = foreign(&rig.nats).await.send_request(SUMMARY_SUBJECT, request).await?;
    assert_eq!(fault(&reply).code, FaultCode::Timeout);
    assert!((9..12).contains(&asked.elapsed().as_secs()), "{:?}", asked.elapsed());
    Ok(())
}

#[tokio::test]
async fn work_whose_deadline_has_passed_is_not_started() -> TestResult {
    let rig = rig(1, 1).await;
    let foreign = foreign(&rig.nats).await;
    let late = foreign.request_with_headers(SUMMARY_SUBJECT, headers(&[("Ib-Timeout-Ms", "0")]), r#"{"account":"late"}"#.into()).await?;
    assert_eq!(fault(&late).code, FaultCode::Timeout);
    assert_eq!(rig.script.count("late"), 0);

    // The same for one whose time runs out while it waits for a slot; its wait is told as waiting.
    let first = asking(&rig.caller, "hold", within_ms(9_000));
    eventually("the slot is taken", async || rig.script.alive() == 1).await;
    let late = foreign.request_with_headers(SUMMARY_SUBJECT, headers(&[("Ib-Timeout-Ms", "300")]), r#"{"account":"late"}"#.into()).await?;
    assert_eq!(fault(&late).code, FaultCode::Timeout);
    let (queued, worked) = (header(&late, "Ib-Queue-Ms"), header(&late, "Ib-Work-Ms"));
    assert!(queued.and_then(|text| text.parse::<u64>().ok()).is_some_and(|ms| ms >= 200), "queued {queued:?}");
    assert_eq!(worked, Some("0"));
    rig.script.go.add_permits(1);
    assert_eq!(first.await??, summary("hold"));
    assert_eq!(rig.script.count("late"), 0);
    Ok(())
}

#[tokio::test]
async fn dropping_the_call_ends_the_work() -> TestResult {
    let rig = rig(2, 2).await;
    let call = asking(&rig.caller, "never", within_ms(9_000));
    eventually("it is at work", async || rig.script.alive() == 1).await;
    let dropped = Instant::now();
    call.abort();
    eventually("the handler's future is dropped", async || rig.script.alive() == 0).await;
    assert!(dropped.elapsed() < Duration::from_secs(4), "not by its deadline: {:?}", dropped.elapsed());
    eventually("nothing is counted as at work", async || rig.server.in_flight() == 0).await;
    Ok(())
}

#[tokio::test]
async fn a_cancel_reaches_every_request_of_that_id_and_no_other() -> TestResult {
    let rig = rig(4, 0).await;
    let foreign = foreign(&rig.nats).await;
    let (id, other) = (RequestId::mint(), RequestId::mint());
    let body = r#"{"account":"never"}"#;
    // The same id twice, as a second attempt has it; the first to end must not take the second's entry with it.
    for (id, ms) in [(id, "300"), (id, "9000"), (other, "9000")] {
        let map = headers(&[("Ib-Request-Id", &id.to_string()), ("Ib-Timeout-Ms", ms)]);
        foreign.publish_with_reply_and_headers(SUMMARY_SUBJECT, "nowhere", map, body.into()).await?;
    }
    eventually("all three are at work", async || rig.script.alive() == 3).await;
    eventually("the first has ended", async || rig.script.alive() == 2).await;

    foreign.publish(gateway().cancel(&RequestId::mint()), "".into()).await?;
    foreign.publish("ib.v1.paper.cancel.nonsense", "".into()).await?;
    settle(&foreign).await;
    rig.serving.barrier().await?;
    pass(100).await;
    assert_eq!(rig.script.alive(), 2, "an unknown id ends nothing");

    foreign.publish(gateway().cancel(&id), "".into()).await?;
    eventually("the second has ended", async || rig.script.alive() == 1).await;
    pass(100).await;
    assert_eq!(rig.script.alive(), 1, "the other goes on");
    Ok(())
}

#[tokio::test]
async fn a_timed_out_call_leaves_nothing_behind() -> TestResult {
    let rig = rig(1, 0).await;
    // Swallowed before it reaches a worker: only the caller's own deadline ends it.
    rig.server.leave([crate::support::SUMMARY]).await;
    let foreign = foreign(&rig.nats).await;
    let _swallows = foreign.queue_subscribe(SUMMARY_SUBJECT, "ib-worker".to_owned()).await?;
    settle(&foreign).await;
    let calls: Vec<_> = (0..50).map(|_| asking(&rig.caller, "DU1", within_ms(200))).collect();
    eventually("all wait", async || rig.caller.waiting() > 0).await;
    for call in calls {
        let fault = timeout(LIMIT, call).await??.expect_err("nobody answers");
        assert_eq!(fault.code, FaultCode::Timeout, "{fault}");
    }
    assert_eq!(rig.caller.waiting(), 0);
    let _ = rig.calling;
    Ok(())
}
