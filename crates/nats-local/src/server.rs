//! The handle of a running server.

use std::{net::SocketAddr, path::Path, process::ExitStatus};

use rustix::process::Signal;

use crate::{
    Error, ServerBinary, StartOptions, Version,
    child::Running,
    ready::{self, Ready},
    store::Store,
};

/// A nats-server of our own. It is killed when the handle is dropped; [`NatsServer::stop`] ends it in good order.
#[derive(Debug)]
pub struct NatsServer {
    // Dropped in this order: the server ends before its store is removed.
    running: Running,
    ready: Ready,
    binary: ServerBinary,
    options: StartOptions,
    store: Store,
}

impl NatsServer {
    /// Starts a server and waits until it serves clients.
    pub async fn start(binary: &ServerBinary, options: StartOptions) -> Result<Self, Error> {
        let mut store = Store::open(options.store_dir.as_deref()).await?;
        let (running, ready) = launch(binary, &options, options.port, &mut store).await?;
        Ok(Self { running, ready, binary: binary.clone(), options, store })
    }

    /// Where clients connect; the loopback address if the server listens on all.
    pub fn addr(&self) -> SocketAddr {
        self.ready.addr
    }

    pub fn url(&self) -> String {
        format!("nats://{}", self.ready.addr)
    }

    /// The process id of nats-server itself, not of its guard.
    pub fn pid(&self) -> u32 {
        self.ready.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// As the running server tells it.
    pub fn version(&self) -> Version {
        self.ready.version
    }

    pub fn binary(&self) -> &ServerBinary {
        &self.binary
    }

    /// The folder with `nats.conf`, `nats-server.log` and the streams.
    pub fn store_dir(&self) -> &Path {
        self.store.dir()
    }

    /// The last lines of the server's log.
    pub fn log_tail(&self) -> String {
        self.store.log_tail()
    }

    /// Waits until the server has ended by itself, for whoever keeps it running. May be cancelled and called again.
    pub async fn wait(&mut self) -> Result<ExitStatus, Error> {
        self.running.wait().await.map_err(control("wait for"))
    }

    /// SIGTERM, and SIGKILL after [`crate::STOP_GRACE`].
    pub async fn stop(mut self) -> Result<ExitStatus, Error> {
        self.running.stop().await.map_err(control("stop"))
    }

    /// SIGKILL, as a crash would be; [`NatsServer::restart`] brings the server back.
    pub async fn abort(&mut self) -> Result<(), Error> {
        self.running.kill().await.map(drop).map_err(control("kill"))
    }

    /// Stops the server if it runs, and starts it on the same port and store.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.running.stop().await.map_err(control("stop"))?;
        let port = self.ready.addr.port();
        (self.running, self.ready) = launch(&self.binary, &self.options, port, &mut self.store).await?;
        Ok(())
    }

    /// SIGSTOP: connections stay open, new ones are accepted by the kernel, and nothing answers any more when this
    /// returns.
    pub async fn pause(&mut self) -> Result<(), Error> {
        self.running.signal(Signal::STOP).map_err(control("pause"))?;
        ready::silence(self.ready.addr).await.map_err(control("pause"))
    }

    pub fn resume(&mut self) -> Result<(), Error> {
        self.running.signal(Signal::CONT).map_err(control("resume"))
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        // A test that fails shows what the server said, while there still is a log.
        if std::thread::panicking() {
            eprintln!("--- log of nats-server {} ---\n{}", self.url(), self.log_tail());
        }
    }
}

fn control(action: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Control { action, source }
}

async fn launch(binary: &ServerBinary, options: &StartOptions, port: u16, store: &mut Store) -> Result<(Running, Ready), Error> {
    store.prepare()?;
    let config = store.configure(options, port)?;
    let mut running = Running::spawn(binary.path(), &config, &options.launcher, store.output()?)?;
    let ready = ready::wait(&mut running, store, options).await?;
    running.server = Some(ready.pid);
    tracing::debug!(addr = %ready.addr, version = %ready.version, "nats-server runs");
    Ok((running, ready))
}
