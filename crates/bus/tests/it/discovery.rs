//! `$SRV` in the shape of NATS ADR-32.

use serde_json::{Value, json};

use crate::support::{SUMMARY_SUBJECT, TestResult, ask, eventually, foreign, rig};

#[tokio::test]
async fn ping_info_and_stats_are_answered_on_all_nine_subjects() -> TestResult {
    let rig = rig(2, 2).await;
    let foreign = foreign(&rig.nats).await;
    ask(&rig.caller, "DU1").await?;
    ask(&rig.caller, "panic").await.expect_err("it panicked");
    eventually("both are counted", async || rig.server.in_flight() == 0).await;
    for verb in ["PING", "INFO", "STATS"] {
        for subject in [format!("$SRV.{verb}"), format!("$SRV.{verb}.ib-worker"), format!("$SRV.{verb}.ib-worker.worker-1")] {
            let reply: Value = serde_json::from_slice(&foreign.request(subject, "".into()).await?.payload)?;
            assert_eq!(reply["type"], format!("io.nats.micro.v1.{}_response", verb.to_lowercase()));
            assert_eq!((&reply["name"], &reply["id"]), (&json!("ib-worker"), &json!("worker-1")));
            assert_eq!(reply["version"], schemas::VERSION);
            assert_eq!(reply["metadata"], json!({"gateway": "paper"}));
        }
        assert!(foreign.request(format!("$SRV.{verb}.somebody-else"), "".into()).await.is_err());
    }
    let info: Value = serde_json::from_slice(&foreign.request("$SRV.INFO", "".into()).await?.payload)?;
    assert!(info["description"].is_string());
    let endpoint = &info["endpoints"][1];
    assert_eq!((&endpoint["name"], &endpoint["subject"]), (&json!("account-summary"), &json!(SUMMARY_SUBJECT)));
    assert_eq!(endpoint["queue_group"], "ib-worker");
    assert!(endpoint["metadata"]["about"].is_string());

    let stats: Value = serde_json::from_slice(&foreign.request("$SRV.STATS", "".into()).await?.payload)?;
    assert!(stats["started"].as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()));
    let endpoint = &stats["endpoints"][1];
    assert_eq!((&endpoint["num_requests"], &endpoint["num_errors"]), (&json!(2), &json!(1)));
    assert!(endpoint["last_error"].as_str().is_some_and(|text| text.starts_with("internal")), "{endpoint}");
    let (whole, average) = (endpoint["processing_time"].as_u64(), endpoint["average_processing_time"].as_u64());
    assert_eq!(whole.map(|nanos| nanos / 2), average);
    assert_eq!(stats["endpoints"][0]["num_requests"], 0);
    Ok(())
}

#[tokio::test]
async fn a_request_turned_away_is_counted() -> TestResult {
    let rig = rig(1, 0).await;
    let foreign = foreign(&rig.nats).await;
    let held = crate::support::asking(&rig.caller, "hold", crate::support::within_ms(9_000));
    eventually("the slot is taken", async || rig.script.alive() == 1).await;
    foreign.request(SUMMARY_SUBJECT, "{}".into()).await?;
    let stats: Value = serde_json::from_slice(&foreign.request("$SRV.STATS", "".into()).await?.payload)?;
    assert_eq!(stats["endpoints"][1]["num_errors"], 1, "{stats}");
    rig.script.go.add_permits(1);
    held.await??;
    Ok(())
}

#[tokio::test]
async fn it_is_answered_as_soon_as_the_server_has_started() -> TestResult {
    let nats = crate::support::nats().await;
    let (bus, foreign) = (crate::support::connect(&nats).await, foreign(&nats).await);
    let script = crate::support::Script::new();
    let _server = script.builder(&bus, crate::support::serve_settings("w", 1, 1)).start().await?;
    assert!(foreign.request("$SRV.PING", "".into()).await.is_ok());
    Ok(())
}
