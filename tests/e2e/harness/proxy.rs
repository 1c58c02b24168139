//! A TCP proxy that can break a connection in every way a network does.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// What happens to bytes and to new connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Pass,
    /// Connections stay open and are accepted, and nothing moves.
    Stall,
    /// Every piece waits this long.
    Slow(Duration),
    /// Nobody listens.
    Refuse,
}

#[derive(Debug, Clone)]
struct State {
    mode: watch::Sender<Mode>,
    target: Arc<Mutex<SocketAddr>>,
    /// Of the connections that are open now.
    drop: Arc<Mutex<CancellationToken>>,
    accepted: Arc<AtomicU64>,
}

#[derive(Debug)]
pub(crate) struct Proxy {
    /// Where clients connect. Stays the same, also over [`Proxy::refuse`].
    pub(crate) addr: SocketAddr,
    state: State,
    _accept: AbortOnDropHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let state = State {
            mode: watch::Sender::new(Mode::Pass),
            target: Arc::new(Mutex::new(target)),
            drop: Arc::default(),
            accepted: Arc::default(),
        };
        let accept = AbortOnDropHandle::new(tokio::spawn(accept(listener, addr, state.clone())));
        Self { addr, state, _accept: accept }
    }

    /// Connections that were made to it so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.state.accepted.load(Ordering::Relaxed)
    }

    pub(crate) fn pass(&self) {
        self.state.mode.send_replace(Mode::Pass);
    }

    pub(crate) fn stall(&self) {
        self.state.mode.send_replace(Mode::Stall);
    }

    pub(crate) fn slow(&self, each: Duration) {
        self.state.mode.send_replace(Mode::Slow(each));
    }

    /// Closes the port and every connection, as a gateway that ended.
    pub(crate) fn refuse(&self) {
        self.state.mode.send_replace(Mode::Refuse);
        self.drop_connections();
    }

    /// Closes every connection; new ones are accepted.
    pub(crate) fn drop_connections(&self) {
        let mut current = self.state.drop.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *current).cancel();
    }

    /// New connections go there.
    pub(crate) fn retarget(&self, target: SocketAddr) {
        *self.state.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
    }
}

async fn accept(first: TcpListener, addr: SocketAddr, state: State) {
    let mut listener = Some(first);
    let mut mode = state.mode.subscribe();
    loop {
        if *mode.borrow_and_update() == Mode::Refuse {
            drop(listener.take());
            if mode.changed().await.is_err() {
                return;
            }
            continue;
        }
        let current = match listener.take() {
            Some(listener) => listener,
            None => TcpListener::bind(addr).await.expect("the port that was ours is still free"),
        };
        tokio::select! {
            accepted = current.accept() => {
                if let Ok((client, _)) = accepted {
                    state.accepted.fetch_add(1, Ordering::Relaxed);
                    tokio::spawn(relay(client, state.clone()));
                }
            }
            changed = mode.changed() => if changed.is_err() { return },
        }
        listener = Some(current);
    }
}

async fn relay(client: TcpStream, state: State) {
    let drop = state.drop.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let target = *state.target.lock().unwrap_or_else(PoisonError::into_inner);
    let Ok(server) = TcpStream::connect(target).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = drop.cancelled() => {}
        () = async { tokio::join!(pump(from_client, to_server, state.mode.subscribe()), pump(from_server, to_client, state.mode.subscribe())); } => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut mode: watch::Receiver<Mode>) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if mode.wait_for(|mode| *mode != Mode::Stall).await.is_err() {
            break;
        }
        let now = *mode.borrow();
        if let Mode::Slow(each) = now {
            // Another mode ends the wait early.
            let _ = timeout(each, mode.wait_for(|mode| *mode != now)).await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    // A half-closed connection stays half open, as TCP has it.
    let _ = to.shutdown().await;
}
