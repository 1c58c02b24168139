//! One request, one reply.

use std::time::Duration;

use bus::{CallOptions, Caller};
use bytes::Bytes;
use schemas::{FaultCode, account::Summary};
use tokio::time::timeout;

use crate::support::{
    LIMIT, POSITIONS_SUBJECT, SUMMARY_SUBJECT, Script, TestResult, account, ask, connect, eventually, fault, foreign, gateway, header,
    headers, nats_with, quick, rig, row, serve_settings, summary,
};

#[tokio::test]
async fn a_typed_call_is_answered_and_the_headers_say_by_whom() -> TestResult {
    let rig = rig(2, 2).await;
    assert_eq!(ask(&rig.caller, "DU1").await?, summary("DU1"));

    let reply = rig.caller.call(row::<Summary>(), Bytes::from_static(br#"{"account":"DU2"}"#), CallOptions::default()).await?;
    assert_eq!((reply.served_by.as_deref(), reply.client_id, reply.attempts), (Some("worker-1"), Some(17), 1));
    assert!(reply.queue_ms.is_some() && reply.work_ms.is_some());

    let raw = foreign(&rig.nats).await.request(SUMMARY_SUBJECT, "{}".into()).await?;
    assert_eq!(header(&raw, "Ib-Served-By"), Some("worker-1"));
    assert_eq!(header(&raw, "Ib-Client-Id"), Some("17"));
    for name in ["Ib-Queue-Ms", "Ib-Work-Ms"] {
        assert!(header(&raw, name).is_some_and(|text| text.parse::<u64>().is_ok()), "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn ten_lines_of_any_language_can_call() -> TestResult {
    let rig = rig(2, 2).await;
    let foreign = foreign(&rig.nats).await;
    for body in ["{}", "", " \n"] {
        let reply = foreign.request(SUMMARY_SUBJECT, body.into()).await?;
        assert_eq!(serde_json::from_slice::<schemas::account::SummaryReply>(&reply.payload)?, summary(""), "body {body:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_slow_answer_reaches_a_plain_caller_whole_and_only_ours_hears_of_the_acceptance() -> TestResult {
    let rig = rig(2, 2).await;
    let foreign = foreign(&rig.nats).await;
    let slow = tokio::spawn(async move { foreign.request(SUMMARY_SUBJECT, r#"{"account":"hold"}"#.into()).await });
    eventually("it is at work", async || rig.script.alive() == 1).await;
    crate::support::pass(400).await;
    rig.script.go.add_permits(1);
    let reply = slow.await??;
    assert_eq!(serde_json::from_slice::<schemas::account::SummaryReply>(&reply.payload)?, summary("hold"));
    Ok(())
}

#[tokio::test]
async fn broken_json_is_refused_in_body_and_headers() -> TestResult {
    let rig = rig(2, 2).await;
    let foreign = foreign(&rig.nats).await;
    for body in ["{\"account\":", "nonsense", "{} {}", "[]", "\u{0}"] {
        let fault = fault(&foreign.request(SUMMARY_SUBJECT, body.into()).await?);
        assert_eq!((fault.code, fault.field.as_deref()), (FaultCode::InvalidParams, Some("body")), "body {body:?}: {fault}");
        assert!(fault.message.contains("account.summary"), "{fault}");
    }
    Ok(())
}

#[tokio::test]
async fn a_parameter_of_a_later_release_is_unsupported_and_named() -> TestResult {
    let rig = rig(2, 2).await;
    let reply = foreign(&rig.nats).await.request(SUMMARY_SUBJECT, r#"{"account":"DU1","currency":"EUR"}"#.into()).await?;
    let fault = fault(&reply);
    assert_eq!((fault.code, fault.field.as_deref()), (FaultCode::Unsupported, Some("currency")));
    assert!(fault.message.contains(schemas::VERSION) && fault.message.contains("currency"), "{fault}");
    assert_eq!(rig.script.count("DU1"), 0, "it must not be answered without it");
    Ok(())
}

#[tokio::test]
async fn a_wrong_type_names_its_field() -> TestResult {
    let rig = rig(2, 2).await;
    let reply = foreign(&rig.nats).await.request(POSITIONS_SUBJECT, r#"{"offset":"many"}"#.into()).await?;
    let fault = fault(&reply);
    assert_eq!((fault.code, fault.field.as_deref()), (FaultCode::InvalidParams, Some("offset")));
    assert!(fault.message.contains("offset") && fault.message.contains("many"), "{fault}");
    Ok(())
}

#[tokio::test]
async fn a_megabyte_of_nonsense_is_not_sent_back_to_its_author() -> TestResult {
    let rig = rig(2, 2).await;
    let body = format!(r#"{{"offset":"{}"}}"#, "\\u0001".repeat(160_000));
    let reply = timeout(LIMIT, foreign(&rig.nats).await.request(POSITIONS_SUBJECT, body.into())).await??;
    let fault = fault(&reply);
    assert_eq!(fault.field.as_deref(), Some("offset"));
    assert!(reply.payload.len() < 4_096, "{} bytes", reply.payload.len());
    Ok(())
}

#[tokio::test]
async fn a_handler_that_panics_is_internal_and_the_server_lives_on() -> TestResult {
    let rig = rig(1, 0).await;
    for name in ["panic", "panic at once", "panic"] {
        let fault = ask(&rig.caller, name).await.expect_err("it panicked");
        assert_eq!(fault.code, FaultCode::Internal, "{fault}");
    }
    assert_eq!((rig.script.count("panic"), rig.script.count("panic at once")), (2, 1), "a panic is not asked again");
    assert_eq!(ask(&rig.caller, "DU1").await?, summary("DU1"), "the only slot is free again");
    eventually("nothing is counted as at work", async || rig.server.in_flight() == 0).await;
    Ok(())
}

#[tokio::test]
async fn a_reply_over_the_limit_is_too_large() -> TestResult {
    let rig = rig(2, 2).await;
    let fault = ask(&rig.caller, "huge").await.expect_err("it does not fit");
    assert_eq!(fault.code, FaultCode::TooLarge);
    assert!(fault.message.contains("1000000") && fault.hint.is_some(), "{fault:?}");
    Ok(())
}

#[tokio::test]
async fn a_server_with_a_smaller_limit_makes_it_too_large_too() -> TestResult {
    let nats = nats_with(nats_local::StartOptions { max_payload: Some(64 * 1024), ..Default::default() }).await;
    let bus = connect(&nats).await;
    let script = Script::new();
    let _server = script.serve(&bus, serve_settings("worker-1", 2, 2)).await;
    let caller = Caller::start(&bus, gateway()).await?.patience(quick());
    let fault = timeout(Duration::from_secs(5), ask(&caller, "huge")).await?.expect_err("it does not fit");
    assert_eq!(fault.code, FaultCode::TooLarge, "{fault}");
    let fault = ask(&caller, &"x".repeat(70_000)).await.expect_err("nor do the parameters");
    assert_eq!(fault.code, FaultCode::TooLarge, "{fault}");
    Ok(())
}

#[tokio::test]
async fn whatever_the_caller_is_called_headers_stay_headers() -> TestResult {
    let rig = rig(2, 2).await;
    let options = CallOptions {
        caller: Some("bob\r\nIb-Timeout-Ms: 1\nß".to_owned()),
        traceparent: Some("00-\r\n".to_owned()),
        ..CallOptions::default()
    };
    assert_eq!(rig.caller.ask::<Summary>(&account("DU1"), options).await?, summary("DU1"));
    Ok(())
}

#[tokio::test]
async fn headers_that_make_no_sense_are_as_absent() -> TestResult {
    let rig = rig(2, 2).await;
    let odd = headers(&[("Ib-Timeout-Ms", "soon"), ("Ib-Request-Id", "../.."), ("Ib-Caller", "x")]);
    let reply = foreign(&rig.nats).await.request_with_headers(SUMMARY_SUBJECT, odd, "{}".into()).await?;
    assert_eq!(serde_json::from_slice::<schemas::account::SummaryReply>(&reply.payload)?, summary(""));
    Ok(())
}
