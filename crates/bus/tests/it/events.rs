//! Events are heard at once and kept.

use std::time::Duration;

use bus::Events;
use nats_local::StartOptions;
use schemas::gateway::{Call, State};
use tokio::time::timeout;

use crate::support::{LIMIT, TestResult, connect, foreign, gateway, nats, nats_with};

#[tokio::test]
async fn an_event_is_heard_now_and_kept_for_who_asks_later() -> TestResult {
    let nats = nats().await;
    let bus = connect(&nats).await;
    let mut listener = bus.listen(gateway().gateway_events()).await?;
    let events = Events::new(&bus, &gateway());
    events.tell(gateway().gateway_event(State::Connected), "first".into()).await?;
    events.tell(gateway().gateway_call(Call::Draining), "second".into()).await?;
    for wanted in ["first", "second"] {
        assert_eq!(timeout(LIMIT, listener.next()).await?.as_deref(), Some(wanted.as_bytes()));
    }
    let stream = async_nats::jetstream::new(foreign(&nats).await).get_stream("ib-evt-paper").await?;
    let info = stream.get_info().await?;
    assert_eq!((info.state.messages, info.config.subjects.as_slice()), (2, ["ib.v1.paper.evt.>".to_owned()].as_slice()));
    assert_eq!(info.config.max_age, Duration::from_secs(604_800));
    assert!(info.config.max_bytes > 0, "bounded");
    let kept = stream.get_last_raw_message_by_subject("ib.v1.paper.evt.gateway.connected").await?;
    assert_eq!(kept.payload.as_ref(), b"first");
    Ok(())
}

#[tokio::test]
async fn a_stream_that_was_deleted_is_made_again() -> TestResult {
    let nats = nats().await;
    let bus = connect(&nats).await;
    let events = Events::new(&bus, &gateway());
    let subject = || gateway().gateway_event(State::Stopped);
    events.tell(subject(), "a".into()).await?;
    async_nats::jetstream::new(foreign(&nats).await).delete_stream("ib-evt-paper").await?;
    events.tell(subject(), "b".into()).await.expect_err("nobody keeps it");
    events.tell(subject(), "c".into()).await?;
    Ok(())
}

#[tokio::test]
async fn without_jetstream_listeners_hear_it_and_the_teller_is_told() -> TestResult {
    let nats = nats_with(StartOptions { jetstream: false, ..StartOptions::default() }).await;
    let bus = connect(&nats).await;
    let mut listener = bus.listen(gateway().gateway_events()).await?;
    let events = Events::new(&bus, &gateway());
    events.tell(gateway().gateway_event(State::Halted), "event".into()).await.expect_err("not kept");
    assert_eq!(timeout(LIMIT, listener.next()).await?.as_deref(), Some(b"event".as_slice()));
    Ok(())
}
