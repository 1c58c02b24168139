//! The running simulator: listens, accepts, and ends everything it started.
//!
//! Invariant: every task is tracked; [`Sim::shutdown`] returns only when all have ended, and within two
//! seconds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::broker;
use crate::control;
use crate::faults;
use crate::gateway::Gateway;
use crate::session;
use crate::settings::{Error, Settings};

const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(2);
/// Connections at once, the ones that have not said hello included; IB's clients are 32 of them.
const MAX_CONNECTIONS: usize = 256;
/// Connections that may wait for being accepted.
const BACKLOG: u32 = 128;
/// How often a port that was given up is asked for again.
const REBIND_PAUSE: Duration = Duration::from_millis(50);

/// A running simulated gateway.
///
/// ```no_run
/// # async fn doc() -> Result<(), ib_sim::Error> {
/// let settings = ib_sim::Settings { bind: ([127, 0, 0, 1], 0).into(), ..Default::default() };
/// let sim = ib_sim::Sim::start(settings).await?;
/// let address = sim.addr(); // connect a client here
/// # let _ = address;
/// sim.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Sim {
    addr: SocketAddr,
    control_addr: Option<SocketAddr>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Sim {
    /// Loads the scenario, takes the ports and begins to serve.
    pub async fn start(settings: Settings) -> Result<Self, Error> {
        let (bind, control_bind) = (settings.bind, settings.control_bind);
        let gateway = Arc::new(Gateway::new(settings)?);
        let listener = TcpListener::bind(bind).await.map_err(|source| Error::Bind { addr: bind, source })?;
        let addr = listener.local_addr().map_err(|source| Error::Bind { addr: bind, source })?;
        let control = match control_bind {
            None => None,
            Some(wanted) => {
                let bound = TcpListener::bind(wanted).await;
                Some(bound.map_err(|source| Error::Bind { addr: wanted, source })?)
            }
        };
        let control_addr = control.as_ref().and_then(|listener| listener.local_addr().ok());
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        if let Some(listener) = control {
            tasks.spawn(control::serve(listener, Arc::clone(&gateway), cancel.clone()));
        }
        tasks.spawn(faults::timers::run(Arc::clone(&gateway), cancel.clone()));
        tasks.spawn(broker::driver::run(Arc::clone(&gateway), cancel.clone()));
        info!(%addr, ?control_addr, clock = %gateway.clock.setting(), "simulated gateway listens");
        tasks.spawn(accept(listener, addr, gateway, cancel.clone(), tasks.clone()));
        Ok(Self { addr, control_addr, cancel, tasks })
    }

    /// Where API clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where the control port listens, if there is one.
    pub fn control_addr(&self) -> Option<SocketAddr> {
        self.control_addr
    }

    /// Ends all connections and tasks.
    pub async fn shutdown(self) {
        self.cancel.cancel();
        self.tasks.close();
        if timeout(SHUTDOWN_DEADLINE, self.tasks.wait()).await.is_err() {
            warn!("some connections did not end in time");
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Accepts until cancelled; the fault `refuse_connections` with `listen: false` closes the port for a while.
#[expect(clippy::disallowed_methods, reason = "a port gives no sign when it becomes free")]
async fn accept(listener: TcpListener, addr: SocketAddr, gateway: Arc<Gateway>, cancel: CancellationToken, tasks: TaskTracker) {
    let mut listening = gateway.faults.listening();
    let mut listener = Some(listener);
    loop {
        let open = *listening.borrow_and_update();
        if !open {
            listener = None;
        } else if listener.is_none() {
            match reopen(addr) {
                Ok(again) => listener = Some(again),
                Err(error) => {
                    warn!(%addr, %error, "the port cannot be taken again yet");
                    tokio::select! {
                        () = cancel.cancelled() => return,
                        () = sleep(REBIND_PAUSE) => continue,
                    }
                }
            }
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = listening.changed() => {}
            accepted = accepted => match accepted {
                Ok((stream, peer)) if gateway.faults.refusing() => {
                    info!(%peer, "connection refused by a fault");
                    drop(stream);
                }
                Ok((stream, peer)) if tasks.len() > MAX_CONNECTIONS => {
                    warn!(%peer, "too many connections at once");
                    drop(stream);
                }
                Ok((stream, _)) => {
                    tasks.spawn(session::run(stream, Arc::clone(&gateway), cancel.child_token()));
                }
                Err(error) => warn!(%error, "accept failed"),
            },
        }
    }
}

/// The same port again; connections of before may still linger on it.
fn reopen(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}
