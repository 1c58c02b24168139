//! Getting a connection, and what is said when there is none.

use std::{error::Error as _, time::Duration};

use bus::{Bus, ConnectError, Settings};
use nats_local::StartOptions;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    time::{Instant, timeout},
};

use crate::support::{LIMIT, TestResult, nats, nats_with, settle};

fn settings(url: &str) -> Settings {
    Settings { url: url.to_owned(), creds_file: None, name: "test".to_owned() }
}

/// Says that it is nats-server 2.9.10 and answers pings.
async fn old_server() -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (reader, mut writer) = stream.into_split();
                let info = format!(
                    "INFO {{\"server_id\":\"A\",\"server_name\":\"old\",\"version\":\"2.9.10\",\"go\":\"go1.19\",\"host\":\"{}\",\"port\":{},\"headers\":true,\"max_payload\":1048576,\"proto\":1}}\r\n",
                    addr.ip(),
                    addr.port()
                );
                writer.write_all(info.as_bytes()).await?;
                let mut lines = BufReader::new(reader).lines();
                while let Some(line) = lines.next_line().await? {
                    if line.starts_with("PING") {
                        writer.write_all(b"PONG\r\n").await?;
                    }
                }
                Ok::<_, std::io::Error>(())
            });
        }
    });
    Ok(addr.to_string())
}

#[tokio::test]
async fn an_old_server_is_refused_and_both_versions_are_named() -> TestResult {
    let addr = old_server().await?;
    let error = timeout(LIMIT, Bus::connect(&settings(&format!("nats://user:secret@{addr}")))).await?.expect_err("too old");
    assert!(matches!(&error, ConnectError::TooOld { version, .. } if version == "2.9.10"), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("2.9.10") && text.contains("2.11.9") && text.contains(&addr), "{text}");
    assert!(!text.contains("secret") && !format!("{error:?}").contains("secret"));
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_in_bounded_time() -> TestResult {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    drop(listener);
    for url in [format!("nats://user:s3cr3t@{addr}"), format!("user:s3cr3t@{addr}")] {
        let begun = Instant::now();
        let error = timeout(LIMIT, Bus::connect(&settings(&url))).await?.expect_err("nobody listens");
        assert!((9..12).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
        let mut text = format!("{error} {error:?}");
        let mut source = error.source();
        while let Some(cause) = source {
            text += &cause.to_string();
            source = cause.source();
        }
        assert!(
            matches!(error, ConnectError::Unreachable { .. }) && text.contains(&addr.to_string()) && text.contains("NATS_URL"),
            "{text}"
        );
        assert!(!text.contains("s3cr3t"), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_starts_late_is_waited_for() -> TestResult {
    let mut nats = nats().await;
    let url = nats.url();
    nats.abort().await?;
    let connecting = tokio::spawn(async move { Bus::connect(&settings(&url)).await });
    crate::support::pass(300).await;
    nats.restart().await?;
    assert!(timeout(LIMIT, connecting).await??.is_ok());
    Ok(())
}

#[tokio::test]
async fn a_server_that_says_nothing_is_an_error_in_bounded_time() -> TestResult {
    let mut nats = nats().await;
    nats.pause().await?;
    let begun = Instant::now();
    let error = timeout(LIMIT, Bus::connect(&settings(&nats.url()))).await?.expect_err("it says nothing");
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    nats.resume()?;
    Ok(())
}

#[tokio::test]
async fn who_is_not_let_in_learns_it_at_once_and_not_that_nobody_answers() -> TestResult {
    let extra_config = "authorization { user: alice, password: wonderland }".to_owned();
    let nats = nats_with(StartOptions { extra_config, ..StartOptions::default() }).await;
    let begun = Instant::now();
    let error = Bus::connect(&settings(&nats.url())).await.expect_err("no password");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("NATS_CREDS_FILE"), "{error}");
    let url = nats.url().replace("nats://", "nats://alice:wonder%6Cand@");
    let good = settings(&url);
    assert!(!format!("{good:?}").contains("wonder"), "{good:?}");
    let bus = Bus::connect(&good).await?;
    assert_eq!(bus.url(), nats.url());
    Ok(())
}

#[tokio::test]
async fn a_credentials_file_that_cannot_be_read_is_named() -> TestResult {
    let nats = nats().await;
    let bad = Settings { creds_file: Some("/nowhere/at-all.creds".into()), ..settings(&nats.url()) };
    let error = Bus::connect(&bad).await.expect_err("no such file");
    assert!(error.to_string().contains("/nowhere/at-all.creds"), "{error}");
    Ok(())
}

#[tokio::test]
async fn everything_published_before_the_end_arrives() -> TestResult {
    let nats = nats().await;
    let bus = Bus::connect(&settings(&nats.url())).await?;
    let foreign = crate::support::foreign(&nats).await;
    let mut heard = foreign.subscribe("last.words").await?;
    settle(&foreign).await;
    for n in 0..100 {
        bus.publish("last.words".to_owned(), n.to_string().into()).await?;
    }
    bus.close().await;
    for _ in 0..100 {
        assert!(timeout(LIMIT, futures::StreamExt::next(&mut heard)).await?.is_some());
    }
    Ok(())
}
