//! How far a call is, on the wire and for the caller.

use std::time::Duration;

use async_nats::{Client, Message, Subscriber};
use bus::CallOptions;
use bytes::Bytes;
use futures::StreamExt;
use schemas::Progress;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::support::{
    LIMIT, SUMMARY_SUBJECT, TestResult, asking, eventually, foreign, header, headers, pass, rig, settle, summary, within_ms,
};

/// Asks as a program that knows nothing of this crate, and gets whatever comes back.
async fn ask_raw(client: &Client, account: &str, with: &[(&str, &str)]) -> Subscriber {
    let inbox = client.new_inbox();
    let answers = client.subscribe(inbox.clone()).await.expect("subscribed");
    let body = format!(r#"{{"account":"{account}"}}"#).into();
    client.publish_with_reply_and_headers(SUMMARY_SUBJECT, inbox, headers(with), body).await.expect("published");
    answers
}

async fn next(answers: &mut Subscriber) -> Message {
    timeout(LIMIT, answers.next()).await.expect("in time").expect("a message")
}

fn told(message: &Message) -> Option<Progress> {
    header(message, "Ib-Progress").map(|json| serde_json::from_str(json).expect("a progress"))
}

#[tokio::test]
async fn who_asks_is_told_the_newest_word_four_times_a_second_and_nothing_after_the_reply() -> TestResult {
    let rig = rig(2, 2).await;
    let client = foreign(&rig.nats).await;
    let asked_at = Instant::now();
    let mut answers = ask_raw(&client, "tells", &[("Ib-Accept-Progress", "1")]).await;
    let mut last = 0;
    for _ in 0..5 {
        let message = next(&mut answers).await;
        let progress = told(&message).expect("no reply yet");
        assert!(message.payload.is_empty());
        assert_eq!(header(&message, "Ib-Accepted-By"), Some("worker-1"));
        assert_eq!((progress.total, progress.note.as_str()), (40, "reading \"quotes\"  Ib-Caller: x  "));
        assert!(progress.done > last, "{} after {last}", progress.done);
        last = progress.done;
    }
    // The first was told after the question, and each of the others 250 ms after the one before it.
    assert!(asked_at.elapsed() >= Duration::from_millis(1_000), "{:?}", asked_at.elapsed());
    rig.script.go.add_permits(1);
    let reply = loop {
        let message = next(&mut answers).await;
        match told(&message) {
            Some(progress) => assert!(progress.done >= last),
            None => break message,
        }
    };
    assert_eq!(serde_json::from_slice::<schemas::account::SummaryReply>(&reply.payload)?, summary("tells"));
    rig.script.teller.lock().expect("no panic inside").tell(99, 99, "too late");
    assert!(timeout(Duration::from_millis(400), answers.next()).await.is_err(), "nothing follows the reply");
    Ok(())
}

#[tokio::test]
async fn who_does_not_ask_sees_the_reply_alone() -> TestResult {
    let rig = rig(2, 2).await;
    let client = foreign(&rig.nats).await;
    let mut answers = ask_raw(&client, "tells", &[]).await;
    eventually("it is at work", async || rig.script.alive() == 1).await;
    pass(400).await;
    rig.script.go.add_permits(1);
    let reply = next(&mut answers).await;
    assert_eq!((told(&reply), header(&reply, "Ib-Served-By")), (None, Some("worker-1")));
    assert!(!reply.payload.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_caller_follows_its_call() -> TestResult {
    let rig = rig(2, 2).await;
    let (tell, mut heard) = watch::channel(None);
    let call = asking(&rig.caller, "tells", CallOptions { progress: Some(tell), ..within_ms(9_000) });
    for _ in 0..3 {
        timeout(LIMIT, heard.changed()).await??;
        let progress = heard.borrow_and_update().clone().expect("a word");
        assert_eq!(progress.total, 40);
    }
    rig.script.go.add_permits(1);
    assert_eq!(timeout(LIMIT, call).await???, summary("tells"));
    // The call has let go of its end.
    while timeout(LIMIT, heard.changed()).await?.is_ok() {}
    assert_eq!(rig.script.count("tells"), 1);
    Ok(())
}

#[tokio::test]
async fn progress_says_that_somebody_is_at_work() -> TestResult {
    let rig = rig(2, 2).await;
    rig.server.leave([crate::support::SUMMARY]).await;
    let client = foreign(&rig.nats).await;
    let mut requests = client.queue_subscribe(SUMMARY_SUBJECT, "ib-worker".to_owned()).await?;
    settle(&client).await;
    let (tell, heard) = watch::channel(None);
    let call = asking(&rig.caller, "DU1", CallOptions { progress: Some(tell), ..within_ms(9_000) });
    let request = next(&mut requests).await;
    assert_eq!(header(&request, "Ib-Accept-Progress"), Some("1"));
    let reply_to = request.reply.expect("a reply subject");
    // Without heartbeats, without an acceptance, for longer than either is waited for. What cannot be read is no end either.
    for done in 1..=8 {
        let json = if done == 4 { "{".to_owned() } else { format!(r#"{{"done":{done},"later":true}}"#) };
        client.publish_with_headers(reply_to.clone(), headers(&[("Ib-Progress", &json)]), Bytes::new()).await?;
        pass(300).await;
    }
    client.publish(reply_to, serde_json::to_vec(&summary("DU1"))?.into()).await?;
    assert_eq!(timeout(LIMIT, call).await???, summary("DU1"));
    assert_eq!(*heard.borrow(), Some(Progress { done: 8, total: 0, note: String::new() }));
    assert!(timeout(Duration::from_millis(100), requests.next()).await.is_err(), "it was asked once");
    Ok(())
}
