//! A real nats-server as a child.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    time::Duration,
};

use nats_local::{Error, MINIMUM_VERSION, NatsServer, StartOptions};

use crate::support::{TestResult, eventually, greeting, refuses, script, server_binary};

#[tokio::test]
async fn a_server_starts_on_a_free_port_and_stops() -> TestResult {
    let binary = server_binary().await?;
    let options = StartOptions {
        server_name: Some("one".to_owned()),
        max_payload: Some(123_456),
        extra_config: "max_subscriptions: 77".to_owned(),
        ..StartOptions::default()
    };
    let server = NatsServer::start(&binary, options).await?;
    assert!(server.version() >= MINIMUM_VERSION);
    assert_eq!(server.url(), format!("nats://127.0.0.1:{}", server.addr().port()));
    let info = greeting(server.addr()).await.ok_or("no INFO")?;
    for part in [r#""server_name":"one""#, r#""max_payload":123456"#, r#""jetstream":true"#] {
        assert!(info.contains(part), "{part} is not in {info}");
    }
    assert!(server.log_tail().contains("Server is ready"), "{}", server.log_tail());

    let (addr, dir) = (server.addr(), server.store_dir().to_owned());
    assert!(server.stop().await?.success());
    assert!(refuses(addr).await);
    assert!(!dir.exists(), "a temporary store ends with its server");
    Ok(())
}

#[tokio::test]
async fn files_in_the_store_are_private() -> TestResult {
    let dir = tempfile::tempdir()?;
    let store = dir.path().join("deep/store");
    // A file that an earlier, careless program left.
    fs::create_dir_all(&store)?;
    fs::write(store.join("nats.conf"), "old")?;
    fs::set_permissions(store.join("nats.conf"), fs::Permissions::from_mode(0o644))?;
    let options = StartOptions {
        store_dir: Some(store.clone()),
        extra_config: "authorization { user: a, password: secret }".to_owned(),
        ..StartOptions::default()
    };
    let server = NatsServer::start(&server_binary().await?, options).await?;
    assert_eq!(fs::metadata(store.join("nats.conf"))?.permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(store.join("nats.conf"))?.contains("secret"));
    assert!(!format!("{server:?}").contains("secret"));
    server.stop().await?;
    assert!(store.exists(), "a given store is the caller's");
    Ok(())
}

#[tokio::test]
async fn restart_and_crash_keep_port_and_store() -> TestResult {
    let mut server = NatsServer::start(&server_binary().await?, StartOptions::default()).await?;
    let (addr, pid, dir) = (server.addr(), server.pid(), server.store_dir().to_owned());
    fs::write(dir.join("mark"), "")?;

    server.restart().await?;
    assert_eq!(server.addr(), addr);
    assert_ne!(server.pid(), pid);

    server.abort().await?;
    assert!(refuses(addr).await);
    assert_eq!(server.wait().await?.signal(), Some(9));
    assert!(matches!(server.pause().await, Err(Error::Control { .. })), "nothing is sent to a process that is gone");
    server.restart().await?;
    assert!(greeting(server.addr()).await.is_some());
    assert_eq!((server.addr(), server.store_dir().join("mark").exists()), (addr, true));
    Ok(())
}

#[tokio::test]
async fn a_busy_port_is_told_with_its_address() -> TestResult {
    let binary = server_binary().await?;
    let other = TcpListener::bind("127.0.0.1:0")?;
    let addr = other.local_addr()?;

    let options = StartOptions { port: addr.port(), ..StartOptions::default() };
    let error = NatsServer::start(&binary, options).await.expect_err("the port is in use");
    assert!(matches!(&error, Error::PortBusy { addr: busy } if *busy == addr.to_string()), "{error}");
    assert!(error.to_string().contains("is in use by another program"), "{error}");

    let options = StartOptions { extra_config: format!("http: \"{addr}\""), ..StartOptions::default() };
    let error = NatsServer::start(&binary, options).await.expect_err("the monitoring port is in use");
    assert!(matches!(&error, Error::PortBusy { addr: busy } if *busy == addr.to_string()), "{error}");
    Ok(())
}

/// Another nats-server on the wanted port must not be taken for the one that was started.
#[tokio::test]
async fn a_foreign_nats_server_on_the_port_is_not_ours() -> TestResult {
    let binary = server_binary().await?;
    let first = NatsServer::start(&binary, StartOptions::default()).await?;
    let options = StartOptions { port: first.addr().port(), ..StartOptions::default() };
    let error = NatsServer::start(&binary, options).await.expect_err("the port is in use");
    assert!(matches!(error, Error::PortBusy { .. }), "{error}");
    assert!(greeting(first.addr()).await.is_some());
    Ok(())
}

#[tokio::test]
async fn a_store_has_one_server_at_a_time() -> TestResult {
    let binary = server_binary().await?;
    let dir = tempfile::tempdir()?;
    let options = StartOptions { store_dir: Some(dir.path().to_owned()), ..StartOptions::default() };
    let first = NatsServer::start(&binary, options.clone()).await?;
    let error = NatsServer::start(&binary, options.clone()).await.expect_err("the store is in use");
    assert!(matches!(&error, Error::StoreBusy { dir: busy } if busy == dir.path()), "{error}");

    first.stop().await?;
    NatsServer::start(&binary, options).await?.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_ends_at_once_shows_its_log() -> TestResult {
    let binary = server_binary().await?;
    for (extra, word) in [("no_such_setting: 1", "no_such_setting"), ("jetstream { store_dir: \"/proc/none\" }", "JetStream")] {
        let options = StartOptions { extra_config: extra.to_owned(), ..StartOptions::default() };
        let error = NatsServer::start(&binary, options).await.expect_err(word);
        assert!(matches!(&error, Error::Exited { log, .. } if log.contains(word)), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_paused_server_keeps_its_port_and_answers_nobody() -> TestResult {
    let mut server = NatsServer::start(&server_binary().await?, StartOptions::default()).await?;
    server.pause().await?;
    assert_eq!(greeting(server.addr()).await, None);
    assert!(!refuses(server.addr()).await, "the kernel still accepts");
    server.resume()?;
    let addr = server.addr();
    eventually("it answers again", async || greeting(addr).await.is_some()).await?;

    server.pause().await?;
    let stopped = tokio::time::timeout(Duration::from_secs(4), server.stop()).await;
    assert!(stopped??.success(), "a paused server stops in good order");
    Ok(())
}

#[tokio::test]
async fn dropping_the_handle_ends_the_server_and_its_store() -> TestResult {
    let server = NatsServer::start(&server_binary().await?, StartOptions::default()).await?;
    let (addr, dir) = (server.addr(), server.store_dir().to_owned());
    drop(server);
    assert!(refuses(addr).await);
    assert!(!dir.exists());
    Ok(())
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_no_server() -> TestResult {
    let binary = server_binary().await?;
    let dir = tempfile::tempdir()?;
    // Takes a port beforehand, to know where the given-up server would be.
    let addr: SocketAddr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let options = StartOptions { store_dir: Some(dir.path().to_owned()), port: addr.port(), ..StartOptions::default() };
    let started = tokio::time::timeout(Duration::from_millis(1), NatsServer::start(&binary, options.clone())).await;
    if started.is_err() {
        assert!(refuses(addr).await);
    }
    drop(started);
    NatsServer::start(&binary, options).await?.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_ends_by_itself_is_seen() -> TestResult {
    let mut server = NatsServer::start(&server_binary().await?, StartOptions::default()).await?;
    let early = tokio::time::timeout(Duration::from_millis(50), server.wait()).await;
    assert!(early.is_err(), "it runs: {early:?}");
    let kill = std::process::Command::new("kill").arg(server.pid().to_string()).status()?;
    assert!(kill.success());
    assert!(server.wait().await?.success());
    Ok(())
}

/// A program that passes the version check and then is something else never becomes ready.
#[tokio::test]
async fn a_program_that_never_listens_is_given_up() -> TestResult {
    let dir = tempfile::tempdir()?;
    let fake = "case $1 in --version) echo 'nats-server: v2.15.1' ;; *) echo 'thinking'; exec sleep 60 ;; esac";
    let fake = script(dir.path(), "nats-server", fake)?;
    let options = nats_local::Locate { explicit: Some(fake), ..nats_local::Locate::from_env() };
    let binary = nats_local::locate(&options, &nats_local::NoProgress).await?;
    let options = StartOptions { start_deadline: Duration::from_millis(500), ..StartOptions::default() };
    let error = NatsServer::start(&binary, options).await.expect_err("it never listens");
    assert!(matches!(&error, Error::NotReady { log, .. } if log == "thinking"), "{error}");
    Ok(())
}
