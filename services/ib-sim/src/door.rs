//! The API port: open while the gateway is logged in and no fault closes it.
//!
//! Invariant: the port stays ours while it is closed (bound, and refusing connections), so that it
//! can be opened again whatever else runs on the machine.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep;
use tracing::warn;

/// Connections that may wait for being accepted.
const BACKLOG: u32 = 128;
/// What makes accepting fail, such as too many open files, is still there at once after.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) enum Door {
    Open(TcpListener),
    /// Bound and not listening: connections are refused.
    Closed(TcpSocket),
    /// The port could not be taken back.
    Lost,
}

impl Door {
    pub(crate) fn bind(addr: SocketAddr) -> io::Result<(Self, SocketAddr)> {
        let socket = bound(addr)?;
        let addr = socket.local_addr()?;
        Ok((Self::Closed(socket), addr))
    }

    /// Opens or closes; who is connected stays.
    pub(crate) fn set(&mut self, open: bool, addr: SocketAddr) -> io::Result<()> {
        match (std::mem::replace(self, Self::Lost), open) {
            (Self::Closed(socket), true) => *self = Self::Open(socket.listen(BACKLOG)?),
            (Self::Open(listener), false) => {
                drop(listener);
                *self = Self::Closed(bound(addr)?);
            }
            (Self::Lost, true) => *self = Self::Open(bound(addr)?.listen(BACKLOG)?),
            (Self::Lost, false) => *self = Self::Closed(bound(addr)?),
            (same, _) => *self = same,
        }
        Ok(())
    }

    /// The next connection; never while the port is closed.
    pub(crate) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match self {
            Self::Open(listener) => listener.accept().await,
            Self::Closed(_) | Self::Lost => std::future::pending().await,
        }
    }
}

/// Tells that a listener failed and waits a moment, so that its loop neither spins nor floods the log.
#[expect(clippy::disallowed_methods, reason = "nothing tells when the machine has files again")]
pub(crate) async fn accept_failed(error: &io::Error) {
    warn!(%error, "accepting a connection failed");
    sleep(ACCEPT_PAUSE).await;
}

/// Connections of before may still linger on the port.
fn bound(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}
