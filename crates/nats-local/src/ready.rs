//! Whether a server that was started is the one that answers, and where.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    process::ExitStatus,
    time::Duration,
};

use rustix::process::Pid;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    net::TcpStream,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{Error, MINIMUM_VERSION, POLL, StartOptions, Version, child::Running, store::Store};

/// How long one look at the INFO line may take, and how long the line may be.
const PROBE_DEADLINE: Duration = Duration::from_secs(2);
const INFO_LIMIT: u64 = 64 << 10;

/// A server that has not greeted for this long is paused, and how often that is tried: an answer takes far below 1 ms.
const SILENCE: Duration = Duration::from_millis(50);
const SILENCE_PROBES: u32 = 200;

#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) pid: Pid,
    pub(crate) addr: SocketAddr,
    pub(crate) version: Version,
}

/// The part of the ports file that is of interest: `{"nats":["nats://127.0.0.1:4222"],...}`.
#[derive(Deserialize)]
struct Ports {
    nats: Vec<String>,
}

#[derive(Deserialize)]
struct Info {
    version: String,
}

/// Waits until the server has told its port, and serves INFO there.
pub(crate) async fn wait(running: &mut Running, store: &Store, options: &StartOptions) -> Result<Ready, Error> {
    let deadline = options.start_deadline;
    let wait = async {
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            poll.tick().await;
            let exited = running.exited().map_err(|source| Error::Control { action: "watch", source })?;
            if let Some(status) = exited {
                return Err(early_exit(status, store.run_tail()));
            }
            if let Some(ready) = probe(store, options.host).await {
                return Ok(ready);
            }
        }
    };
    let ready = match timeout(deadline, wait).await {
        Ok(ready) => ready?,
        Err(_) => return Err(Error::NotReady { deadline, log: store.run_tail() }),
    };
    // A wrapper may have shown another version than what it starts.
    if ready.version < MINIMUM_VERSION {
        return Err(Error::TooOld { version: ready.version });
    }
    Ok(ready)
}

/// The ports file comes first and INFO second: something else may answer on a fixed port, but only the server that
/// was just started writes into its ports folder, and only after it has got its port.
async fn probe(store: &Store, host: IpAddr) -> Option<Ready> {
    let (pid, port) = ports_file(&store.ports())?;
    let addr = SocketAddr::new(reachable(host), port);
    let info = timeout(PROBE_DEADLINE, info(addr)).await.ok()??;
    Some(Ready { pid, addr, version: info.version.parse().ok()? })
}

/// `nats-server_PID.ports`. It is not written in one piece: a part of it is no JSON yet, and is read again.
fn ports_file(folder: &Path) -> Option<(Pid, u16)> {
    let mut files = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let file = files.find(|path| path.extension().is_some_and(|extension| extension == "ports"))?;
    let pid = file.file_stem()?.to_str()?.rsplit('_').next()?.parse().ok().and_then(Pid::from_raw)?;
    let ports: Ports = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
    let port = ports.nats.first()?.rsplit(':').next()?.parse().ok()?;
    Some((pid, port))
}

async fn info(addr: SocketAddr) -> Option<Info> {
    let stream = TcpStream::connect(addr).await.ok()?;
    let mut line = String::new();
    BufReader::new(stream).take(INFO_LIMIT).read_line(&mut line).await.ok()?;
    serde_json::from_str(line.strip_prefix("INFO ")?).ok()
}

/// Waits until a server that was sent SIGSTOP does not answer any more. The signal is not at work at once: each of
/// the server's threads runs on until the kernel interrupts it, and one of them may still greet a client.
pub(crate) async fn silence(addr: SocketAddr) -> io::Result<()> {
    for _ in 0..SILENCE_PROBES {
        if timeout(SILENCE, info(addr)).await.is_err() {
            return Ok(());
        }
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "it answers all the same"))
}

/// Where a client on this machine finds a server that listens on `host`.
fn reachable(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

fn early_exit(status: ExitStatus, log: String) -> Error {
    match busy_address(&log) {
        Some(addr) => Error::PortBusy { addr: addr.to_owned() },
        None => Error::Exited { status: status.to_string(), log },
    }
}

/// From Go's words for it, which name the address that was refused: the client's or that of a monitoring port.
fn busy_address(log: &str) -> Option<&str> {
    let (before, _) = log.split_once(": bind: address already in use")?;
    let (_, addr) = before.rsplit_once("listen tcp")?;
    addr.split_once(' ').map(|(_, addr)| addr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busy_address_is_read_from_the_log() {
        let line =
            r#"[7] 2026/01/01 10:00:00.0 [FTL] Error listening on port: X, "listen tcp 127.0.0.1:4222: bind: address already in use""#;
        assert_eq!(busy_address(line), Some("127.0.0.1:4222"));
        assert_eq!(busy_address("listen tcp6 [::1]:4222: bind: address already in use"), Some("[::1]:4222"));
        assert_eq!(busy_address("[FTL] can't start JetStream"), None);
    }

    #[test]
    fn a_ports_file_is_read_only_when_it_is_whole() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        assert!(ports_file(folder.path()).is_none());
        let file = folder.path().join("my_server_77.ports");
        fs::write(&file, r#"{"nats":["nats://127.0.0.1:42"#)?;
        assert!(ports_file(folder.path()).is_none());
        fs::write(&file, r#"{"nats":["nats://[::1]:4222"],"monitoring":["http://[::1]:8222"]}"#)?;
        assert_eq!(ports_file(folder.path()), Pid::from_raw(77).map(|pid| (pid, 4222)));
        Ok(())
    }

    #[test]
    fn a_wildcard_is_reached_over_loopback() {
        assert_eq!(reachable([0, 0, 0, 0].into()), IpAddr::from([127, 0, 0, 1]));
        assert_eq!(reachable(Ipv6Addr::UNSPECIFIED.into()), IpAddr::from(Ipv6Addr::LOCALHOST));
    }
}
