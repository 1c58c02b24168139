//! What was changed is kept, by month, and cannot be taken out again.

use bus::Audit;
use jiff::Timestamp;

use crate::support::{TestResult, connect, foreign, gateway, nats, nats_with};
use nats_local::StartOptions;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

#[tokio::test]
async fn a_record_stays_in_the_stream_of_its_month() -> TestResult {
    let nats = nats().await;
    let audit = Audit::new(&connect(&nats).await, &gateway(), "edge");
    for (day, body) in [("2026-11-30T23:59:59Z", "last"), ("2026-12-01T00:00:00Z", "first"), ("2026-11-30T23:59:59Z", "late")] {
        audit.record("gateway-logout", at(day), body.into()).await?;
    }
    let streams = async_nats::jetstream::new(foreign(&nats).await);
    for (month, messages) in [("2026-11", 2), ("2026-12", 1)] {
        let stream = streams.get_stream(format!("ib-audit-paper-{month}")).await?;
        let info = stream.get_info().await?;
        assert_eq!((info.state.messages, info.config.subjects[0].as_str()), (messages, format!("ib.v1.paper.audit.*.*.{month}").as_str()));
        assert!(info.config.max_bytes > 0 && info.config.max_age.is_zero(), "bounded in bytes alone");
        assert!(stream.delete_message(1).await.is_err(), "a record cannot be deleted");
        assert!(stream.purge().await.is_err(), "nor all of them");
        let mut open = info.config.clone();
        (open.deny_delete, open.deny_purge) = (false, false);
        assert!(streams.update_stream(open).await.is_err(), "nor can that be changed");
        assert_eq!(stream.get_info().await?.state.messages, messages);
    }
    let kept = streams.get_stream("ib-audit-paper-2026-12").await?.get_raw_message(1).await?;
    assert_eq!((kept.subject.as_str(), kept.payload.as_ref()), ("ib.v1.paper.audit.edge.gateway-logout.2026-12", b"first".as_slice()));
    Ok(())
}

#[tokio::test]
async fn whoever_writes_is_told_that_nothing_is_kept() {
    let nats = nats_with(StartOptions { jetstream: false, ..StartOptions::default() }).await;
    let audit = Audit::new(&connect(&nats).await, &gateway(), "edge");
    audit.record("gateway-logout", at("2026-11-30T00:00:00Z"), "x".into()).await.expect_err("no streams here");
}
