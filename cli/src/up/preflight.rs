//! What is checked before the first child starts: the data directory is free, the ports are, the gateway answers.

use std::{
    fs::{File, TryLockError},
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{net::TcpStream, time::timeout};

use super::plan::{Ib, Plan, Simulated, Target};

/// A gateway on this machine answers at once, one across the world within a second.
const PROBE_MAX: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("another `ibmesh up`{who} uses the data directory {}: end it, or choose another with --data-dir", dir.display())]
    DataDirBusy { dir: PathBuf, who: String },
    #[error("cannot use the data directory {}: {source}", path.display())]
    DataDir { path: PathBuf, source: io::Error },
    #[error("{}", .0.join("\n"))]
    Busy(Vec<String>),
    #[error("no IB Gateway and no TWS answers at {tried}.\n{ENABLE_API}")]
    NoGateway { tried: String },
}

const ENABLE_API: &str = "Log in to TWS or IB Gateway and let programs in: Configure > Settings > API > Settings, tick \
'Enable ActiveX and Socket Clients', take the 'Socket port' from there (paper: IB Gateway 4002, its container 4004, TWS 7497), \
and for a gateway on another host untick 'Allow connections from localhost only'. Then name it: --gateway HOST:PORT. \
Without --gateway and IB_HOST the simulator runs.";

/// The data directory, ours until this is dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the directory and locks it. The kernel gives the lock back when the process ends, however it does.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::DataDir { path: path.to_owned(), source };
        std::fs::create_dir_all(path.join("logs")).map_err(failed)?;
        // nats-server is given paths in here, and has a working directory of its own.
        let path = path.canonicalize().map_err(failed)?;
        let mut lock = File::options().read(true).write(true).create(true).truncate(false).open(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Who it is helps, and is not worth another failure.
                let _ = lock.read_to_string(&mut pid);
                let who = if pid.trim().is_empty() { String::new() } else { format!(" (process {})", pid.trim()) };
                return Err(Error::DataDirBusy { dir: path, who });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(failed)?;
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn nats(&self) -> PathBuf {
        self.path.join("nats")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }
}

/// Names every port of the plan that somebody else has. The children would fail on them one by one.
pub(crate) fn ports_are_free(plan: &Plan) -> Result<(), Error> {
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut wanted = vec![("--edge-bind", plan.edge_bind), ("--nats-port", local(plan.nats_port))];
    if let Ib::Simulator(Simulated { port, .. }) = plan.ib {
        wanted.push(("--sim-port", local(port)));
    }
    let problem = |(option, addr): (&str, SocketAddr)| match TcpListener::bind(addr) {
        Ok(_) => None,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Some(format!(
            "{addr} is in use by another program (perhaps another `ibmesh up`): end it, or choose another port with {option} (port 0 is a free one)"
        )),
        Err(error) => Some(format!("cannot listen on {addr} ({error}): choose another address with {option}")),
    };
    let problems: Vec<String> = wanted.into_iter().filter_map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::Busy(problems)) }
}

/// The first candidate that accepts a connection. Whether it speaks IB's protocol is the workers' to find out.
pub(crate) async fn find_gateway(candidates: &[Target]) -> Result<Target, Error> {
    let mut tried = Vec::new();
    for target in candidates {
        match timeout(PROBE_MAX, TcpStream::connect(target.to_string())).await {
            Ok(Ok(_)) => return Ok(target.clone()),
            Ok(Err(error)) => tried.push(format!("{target} ({error})")),
            Err(_) => tried.push(format!("{target} (no answer within {} s)", PROBE_MAX.as_secs())),
        }
    }
    Err(Error::NoGateway { tried: tried.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_has_one_owner_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/data");
        let first = DataDir::open(&path).unwrap();
        let said = DataDir::open(&path).unwrap_err().to_string();
        assert!(said.contains(&format!("process {}", std::process::id())) && said.contains("--data-dir"), "{said}");
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[tokio::test]
    async fn the_gateway_that_answers_is_taken_and_none_is_told_by_name() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = |port| Target { host: "127.0.0.1".to_owned(), port };
        let (there, gone) = (target(listener.local_addr().unwrap().port()), target(1));
        assert_eq!(find_gateway(&[gone.clone(), there.clone()]).await.unwrap(), there);
        let said = find_gateway(&[gone]).await.unwrap_err().to_string();
        assert!(said.contains("127.0.0.1:1 (") && said.contains("Enable ActiveX and Socket Clients"), "{said}");
    }
}
