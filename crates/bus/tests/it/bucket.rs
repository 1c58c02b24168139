//! Compare-and-set over a real JetStream.

use std::time::Duration;

use bus::{Bucket, BucketError, BusError, VALUE_BYTES_MAX};
use nats_local::StartOptions;

use crate::support::{TestResult, connect, eventually, nats, nats_with};

#[tokio::test]
async fn the_second_of_two_writers_is_told_and_nothing_is_overwritten() -> TestResult {
    let nats = nats().await;
    let (one, other) = (connect(&nats).await, connect(&nats).await);
    let one = Bucket::open(&one, "test", "a test", None).await?;
    let other = Bucket::open(&other, "test", "a test", None).await?;
    assert_eq!(one.get("key").await?, (None, 0));

    let first = one.put_if("key", "a".into(), 0).await?;
    assert_eq!(other.put_if("key", "b".into(), 0).await, Err(BucketError::Conflict));
    assert_eq!(other.get("key").await?, (Some("a".into()), first));
    let second = other.put_if("key", "b".into(), first).await?;
    assert_eq!(one.put_if("key", "c".into(), first).await, Err(BucketError::Conflict));
    assert_eq!(one.get("key").await?, (Some("b".into()), second));
    one.put("key", "d".into()).await?;
    assert_eq!(other.put_if("key", "e".into(), second).await, Err(BucketError::Conflict), "a plain write counts too");
    assert_eq!(one.get("other").await?, (None, 0), "keys have revisions of their own");
    Ok(())
}

#[tokio::test]
async fn many_writers_lose_no_increment() -> TestResult {
    let nats = nats().await;
    let bus = connect(&nats).await;
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let bus = bus.clone();
            tokio::spawn(async move {
                let bucket = Bucket::open(&bus, "test", "a test", None).await?;
                for _ in 0..10 {
                    loop {
                        let (value, revision) = bucket.get("sum").await?;
                        let sum: u32 = value.and_then(|value| String::from_utf8_lossy(&value).parse().ok()).unwrap_or(0);
                        match bucket.put_if("sum", (sum + 1).to_string().into(), revision).await {
                            Err(BucketError::Conflict) => {}
                            written => {
                                written?;
                                break;
                            }
                        }
                    }
                }
                Ok::<_, BucketError>(())
            })
        })
        .collect();
    for writer in writers {
        writer.await??;
    }
    let bucket = Bucket::open(&bus, "test", "a test", None).await?;
    assert_eq!(bucket.get("sum").await?.0.as_deref(), Some(&b"40"[..]));
    Ok(())
}

#[tokio::test]
async fn it_survives_a_crash_of_the_server() -> TestResult {
    let mut nats = nats().await;
    let bus = connect(&nats).await;
    let bucket = Bucket::open(&bus, "test", "a test", None).await?;
    let revision = bucket.put_if("key", "kept".into(), 0).await?;
    nats.abort().await?;
    nats.restart().await?;
    eventually("it can be read", async || bucket.get("key").await.is_ok()).await;
    assert_eq!(bucket.get("key").await?, (Some("kept".into()), revision));
    assert!(bucket.put_if("key", "more".into(), revision).await.is_ok());
    Ok(())
}

#[tokio::test]
async fn old_values_vanish_and_their_key_is_new_again() -> TestResult {
    let nats = nats().await;
    let bus = connect(&nats).await;
    let bucket = Bucket::open(&bus, "test", "a test", Some(Duration::from_secs(1))).await?;
    bucket.put_if("key", "brief".into(), 0).await?;
    assert!(bucket.get("key").await?.0.is_some());
    eventually("it has vanished", async || bucket.get("key").await == Ok((None, 0))).await;
    assert!(bucket.put_if("key", "again".into(), 0).await.is_ok());
    Ok(())
}

#[tokio::test]
async fn what_it_cannot_take_is_an_error_that_says_so() -> TestResult {
    let nats = nats().await;
    let bus = connect(&nats).await;
    let bucket = Bucket::open(&bus, "test", "a test", None).await?;
    let much = vec![0; usize::try_from(VALUE_BYTES_MAX)? + 1];
    assert!(matches!(bucket.put("key", much.clone().into()).await, Err(BucketError::Bus(BusError::Client(_)))));
    assert!(matches!(bucket.put_if("key", much.into(), 0).await, Err(BucketError::Bus(BusError::Client(_)))));
    assert!(bucket.get("no such key!").await.is_err());
    Ok(())
}

#[tokio::test]
async fn without_jetstream_the_error_names_it() -> TestResult {
    let nats = nats_with(StartOptions { jetstream: false, ..StartOptions::default() }).await;
    let bus = connect(&nats).await;
    let error = Bucket::open(&bus, "test", "a test", None).await.expect_err("no JetStream");
    assert!(error.to_string().contains("JetStream must be on"), "{error}");
    Ok(())
}
