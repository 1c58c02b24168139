//! The running simulator: listens, accepts, and ends everything it started.
//!
//! Invariant: every task is tracked; [`Sim::shutdown`] returns only when all have ended, and within two
//! seconds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::broker;
use crate::control;
use crate::door::{Door, accept_failed};
use crate::face::phase::Action;
use crate::face::{self, LogLines};
use crate::faults;
use crate::gateway::Gateway;
use crate::session;
use crate::settings::{Error, Settings};

const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(2);
/// Connections at once, the ones that have not said hello included; IB's clients are 32 of them.
const MAX_CONNECTIONS: usize = 256;
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
    command_addr: Option<SocketAddr>,
    gateway: Arc<Gateway>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Sim {
    /// Loads the scenario, takes the ports and begins to serve; the API port opens with the log-in.
    pub async fn start(settings: Settings) -> Result<Self, Error> {
        let (bind, control_bind) = (settings.bind, settings.control_bind);
        let command_bind = settings.command_port.map(|port| SocketAddr::from((settings.command_host, port)));
        let gateway = Arc::new(Gateway::new(settings)?);
        let taken = |addr: SocketAddr| move |source| Error::Bind { addr, source };
        let (mut door, addr) = Door::bind(bind).map_err(taken(bind))?;
        let control = listen(control_bind).await?;
        let control_addr = control.as_ref().and_then(|listener| listener.local_addr().ok());
        let command = listen(command_bind).await?;
        let command_addr = command.as_ref().and_then(|listener| listener.local_addr().ok());
        gateway.face.begin(&gateway, command_addr.map(|addr| addr.port()));
        // A port that somebody else listens on is told now, not when the first client comes.
        door.set(is_open(&gateway), addr).map_err(taken(bind))?;
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        if let Some(listener) = control {
            tasks.spawn(control::serve(listener, Arc::clone(&gateway), cancel.clone()));
        }
        if let Some(listener) = command {
            tasks.spawn(face::serve_commands(listener, Arc::clone(&gateway), cancel.clone(), tasks.clone()));
        }
        tasks.spawn(faults::timers::run(Arc::clone(&gateway), cancel.clone()));
        tasks.spawn(broker::driver::run(Arc::clone(&gateway), cancel.clone()));
        tasks.spawn(face::run(Arc::clone(&gateway), cancel.clone()));
        info!(%addr, ?control_addr, ?command_addr, clock = %gateway.clock.setting(), "simulated gateway listens");
        tasks.spawn(accept(door, addr, Arc::clone(&gateway), cancel.clone(), tasks.clone()));
        Ok(Self { addr, control_addr, command_addr, gateway, cancel, tasks })
    }

    /// Where API clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where the control port listens, if there is one.
    pub fn control_addr(&self) -> Option<SocketAddr> {
        self.control_addr
    }

    /// Where IBC's command server listens, if there is one.
    pub fn command_addr(&self) -> Option<SocketAddr> {
        self.command_addr
    }

    /// The log of the container that this plays, from its first line.
    pub fn log(&self) -> LogLines {
        LogLines { gateway: Arc::clone(&self.gateway), seen: 0 }
    }

    /// The exit code of the container that this plays, once it has ended: stopped, paused, or failed to log in.
    pub async fn ended(&self) -> u8 {
        let mut exit = self.gateway.face.exit();
        // The sender lives as long as the gateway, which this holds.
        let code = exit.wait_for(Option::is_some).await.ok().and_then(|code| *code);
        code.unwrap_or_default()
    }

    /// What a signal does to the container: its last lines, and the end of its connections.
    pub fn terminate(&self) {
        // One that has ended already has said its last lines.
        let _ = self.gateway.face.act(&self.gateway, Action::Terminate);
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

async fn listen(wanted: Option<SocketAddr>) -> Result<Option<TcpListener>, Error> {
    match wanted {
        None => Ok(None),
        Some(addr) => TcpListener::bind(addr).await.map(Some).map_err(|source| Error::Bind { addr, source }),
    }
}

fn is_open(gateway: &Gateway) -> bool {
    *gateway.face.api().borrow() && *gateway.faults.listening().borrow()
}

/// Accepts until cancelled, while the gateway is logged in and the fault `refuse_connections` leaves the port open.
#[expect(clippy::disallowed_methods, reason = "a port gives no sign when it becomes free")]
async fn accept(mut door: Door, addr: SocketAddr, gateway: Arc<Gateway>, cancel: CancellationToken, tasks: TaskTracker) {
    let (mut listening, mut logged_in) = (gateway.faults.listening(), gateway.face.api());
    loop {
        let open = *listening.borrow_and_update() && *logged_in.borrow_and_update();
        if let Err(error) = door.set(open, addr) {
            warn!(%addr, %error, "the port cannot be taken again yet");
            tokio::select! {
                () = cancel.cancelled() => return,
                () = sleep(REBIND_PAUSE) => continue,
            }
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = listening.changed() => {}
            _ = logged_in.changed() => {}
            accepted = door.accept() => match accepted {
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
                Err(error) => accept_failed(&error).await,
            },
        }
    }
}
