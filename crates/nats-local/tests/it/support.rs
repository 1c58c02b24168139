//! What the tests of this crate share.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use nats_local::{Error, Locate, NoProgress, ServerBinary};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    time::{interval, timeout},
};

pub(crate) type TestResult = Result<(), Box<dyn std::error::Error>>;

/// The server that people get: from the environment, or fetched once into the user's cache.
pub(crate) async fn server_binary() -> Result<ServerBinary, Error> {
    nats_local::locate(&Locate::from_env(), &NoProgress).await
}

/// An executable shell script.
pub(crate) fn script(folder: &Path, name: &str, body: &str) -> io::Result<PathBuf> {
    let (source, path) = (folder.join(format!("{name}.source")), folder.join(name));
    fs::write(&source, format!("#!/bin/sh\n{body}\n"))?;
    // Another program writes it: what this one has open for writing, a test that forks in another thread holds for an
    // instant, and Linux then refuses to execute it.
    let status = Command::new("install").args(["-m", "755"]).args([&source, &path]).status()?;
    fs::remove_file(source)?;
    if status.success() { Ok(path) } else { Err(io::Error::other(format!("install: {status}"))) }
}

/// Waits until `state` holds; the limit is for a broken program only.
pub(crate) async fn eventually(what: &str, mut state: impl AsyncFnMut() -> bool) -> TestResult {
    let mut poll = interval(Duration::from_millis(10));
    let wait = async {
        while !state().await {
            poll.tick().await;
        }
    };
    timeout(Duration::from_secs(20), wait).await.map_err(|_| format!("waited in vain until {what}").into())
}

pub(crate) async fn refuses(addr: SocketAddr) -> bool {
    TcpStream::connect(addr).await.is_err()
}

/// The first line that a new connection gets within half a second.
pub(crate) async fn greeting(addr: SocketAddr) -> Option<String> {
    let line = async {
        let mut line = String::new();
        BufReader::new(TcpStream::connect(addr).await.ok()?).read_line(&mut line).await.ok()?;
        Some(line)
    };
    timeout(Duration::from_millis(500), line).await.ok()?
}
