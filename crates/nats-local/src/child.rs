//! The child process, direct or behind a guard, and every way to end it.

use std::{
    fs::File,
    io,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{ExitStatus, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::{
    process::{Child, ChildStdin, Command},
    time::timeout,
};

use crate::{Error, Launcher, STOP_GRACE};

/// How long a killed process may take to be gone. The kernel needs a few ms, unless a disk hangs.
const KILL_WAIT: Duration = Duration::from_secs(2);

/// A running server. Dropping it kills the server and waits for it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// The child's own process group: a Ctrl-C at the terminal goes to the parent alone, which then stops things in
    /// their order; and one signal ends a guard together with its server.
    group: Pid,
    /// nats-server itself, once its ports file tells; behind a guard it is not `child`.
    pub(crate) server: Option<Pid>,
    /// The guard's sign of life: only ever closed.
    _alive: Option<ChildStdin>,
    guarded: bool,
}

impl Running {
    pub(crate) fn spawn(server: &Path, config: &Path, launcher: &Launcher, output: File) -> Result<Self, Error> {
        let (program, guarded) = match launcher {
            Launcher::Direct => (server, false),
            Launcher::Guard { program, .. } => (program.as_path(), true),
        };
        let failed = |source| Error::Spawn { program: program.to_owned(), source };
        let mut command = Command::new(program);
        if let Launcher::Guard { args, .. } = launcher {
            command.args(args).arg(server);
        }
        command
            .arg("-c")
            .arg(config)
            .stdin(if guarded { Stdio::piped() } else { Stdio::null() })
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output)
            .process_group(0);
        let mut child = command.spawn().map_err(failed)?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let group = id.expect("a child that was just started has an id");
        let alive = child.stdin.take();
        Ok(Self { child, group, server: (!guarded).then_some(group), _alive: alive, guarded })
    }

    pub(crate) fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?.inspect(|status| self.after_exit(*status)))
    }

    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.after_exit(status);
        Ok(status)
    }

    /// A guard that ended by a signal had no chance to take its server with it.
    fn after_exit(&self, status: ExitStatus) {
        if self.guarded && status.signal().is_some() {
            self.kill_group();
        }
    }

    /// To nats-server itself, not to its guard. Nothing is sent once the child has ended: the id may be another's.
    pub(crate) fn signal(&mut self, signal: Signal) -> io::Result<()> {
        match (self.exited()?, self.server) {
            (None, Some(pid)) => Ok(kill_process(pid, signal)?),
            _ => Err(io::Error::new(io::ErrorKind::NotFound, "it does not run")),
        }
    }

    /// SIGTERM, and SIGKILL after [`STOP_GRACE`].
    pub(crate) async fn stop(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.exited()? {
            return Ok(status);
        }
        // A paused server would get the SIGTERM only once it runs again.
        let _ = self.signal(Signal::CONT);
        kill_process(self.group, Signal::TERM)?;
        // A guard has the same grace for its server, and gets a moment more than that.
        let grace = if self.guarded { STOP_GRACE + KILL_WAIT } else { STOP_GRACE };
        if let Ok(status) = timeout(grace, self.wait()).await {
            return status;
        }
        tracing::warn!("nats-server does not stop, killing it");
        self.kill().await
    }

    /// SIGKILL to the server, without a word before.
    pub(crate) async fn kill(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.exited()? {
            return Ok(status);
        }
        self.kill_server();
        if let Ok(status) = timeout(KILL_WAIT, self.wait()).await {
            return status;
        }
        self.kill_group();
        self.wait().await
    }

    /// The server alone if it is known: its guard then reaps it and ends by itself, so that the end of the child
    /// means that the port is free.
    fn kill_server(&self) {
        match self.server {
            Some(pid) => drop(kill_process(pid, Signal::KILL)),
            None => self.kill_group(),
        }
    }

    fn kill_group(&self) {
        // An error means that nobody of the group is left.
        let _ = kill_process_group(self.group, Signal::KILL);
    }

    fn ends_within(&mut self, limit: Duration) -> bool {
        // Counted, since a clock is no help to code that blocks: a test may have stopped it.
        for _ in 0..limit.as_millis() {
            if !matches!(self.exited(), Ok(None)) {
                return true;
            }
            thread::park_timeout(Duration::from_millis(1));
        }
        false
    }
}

impl Drop for Running {
    /// Blocks for the few ms until the killed server is gone: its temporary store is removed next, and a port that a
    /// test gave up is to be free.
    fn drop(&mut self) {
        if !matches!(self.exited(), Ok(None)) {
            return;
        }
        self.kill_server();
        if !self.ends_within(KILL_WAIT) {
            self.kill_group();
            self.ends_within(KILL_WAIT);
        }
    }
}
