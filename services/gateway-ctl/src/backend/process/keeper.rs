//! The task that owns the child: starts it, reads it, stops it, and tells what it is.
//!
//! Invariant: a stop is answered when the child has ended, and the child ends with this task.

use std::{
    os::unix::process::ExitStatusExt as _,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, ChildStdin, ChildStdout},
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until, timeout_at},
};
use tracing::{info, warn};

use super::ProcessProgram;
use crate::{
    logs::{LogState, Reader},
    policy::Container,
};

const CHUNK_BYTES: usize = 8 * 1_024;
/// After the child's end, for what is still in the pipe: children of its own may hold it open.
const LAST_LINES_MAX: Duration = Duration::from_secs(1);
/// Callers that wait for one stop; further ones are answered at once.
const STOPPERS_MAX: usize = 16;
/// What a shell makes of a signal.
const SIGNAL_CODE: i32 = 128;

type Reply = oneshot::Sender<Result<(), String>>;

#[derive(Debug)]
pub(super) enum Command {
    Start(Reply),
    Stop { grace_s: u32, reply: Reply },
}

/// What a container would show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) container: Container,
    /// `None` before the first life.
    pub(super) log: Option<LogState>,
}

impl Default for Level {
    fn default() -> Self {
        Self { container: Container::Exited { code: None, oom_killed: false, finished_at: None }, log: None }
    }
}

/// A child that runs.
struct Running {
    child: Child,
    /// Held and never written to: its end is the end of the child. Apart from the child, whose `wait` would close it.
    _alive: Option<ChildStdin>,
    /// Until it is closed.
    stdout: Option<ChildStdout>,
    kill_at: Option<Instant>,
    stoppers: Vec<Reply>,
}

pub(super) struct Keeper {
    program: ProcessProgram,
    clock: fn() -> Timestamp,
    tell: watch::Sender<Level>,
    reader: Reader,
    running: Option<Running>,
}

/// What the child did.
enum Did {
    Said(usize),
    Ended(Option<ExitStatus>),
    Overstayed,
}

impl Keeper {
    pub(super) fn new(program: ProcessProgram, clock: fn() -> Timestamp, tell: watch::Sender<Level>) -> Self {
        Self { program, clock, tell, reader: Reader::plain(), running: None }
    }

    /// Until nobody can send commands any more; what then runs is killed as it is dropped.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut chunk = [0; CHUNK_BYTES];
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    None => return,
                    // One that has given up meanwhile is not there to be answered.
                    Some(Command::Start(reply)) => drop(reply.send(self.start())),
                    Some(Command::Stop { grace_s, reply }) => self.stop(grace_s, reply),
                },
                did = next(self.running.as_mut(), &mut chunk) => match did {
                    Did::Said(bytes) => self.said(chunk.get(..bytes).unwrap_or_default()),
                    Did::Ended(status) => self.ended(status, &mut chunk).await,
                    Did::Overstayed => self.kill(),
                },
            }
        }
    }

    fn start(&mut self) -> Result<(), String> {
        if self.running.is_some() {
            return Ok(());
        }
        let program = self.program.program.display();
        let spawned = tokio::process::Command::new(&self.program.program)
            .args(&self.program.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C at the terminal is for our parent, which ends things in their order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let mut child = spawned.map_err(|error| format!("cannot start {program}: {error}"))?;
        info!(%program, pid = child.id(), "the gateway's process is started");
        let (alive, stdout) = (child.stdin.take(), child.stdout.take());
        self.running = Some(Running { child, _alive: alive, stdout, kill_at: None, stoppers: Vec::new() });
        self.reader = Reader::plain();
        self.show(Container::Running { started_at: Some((self.clock)()) });
        Ok(())
    }

    fn stop(&mut self, grace_s: u32, reply: Reply) {
        let Some(running) = &mut self.running else {
            let _ = reply.send(Ok(()));
            return;
        };
        if running.stoppers.len() >= STOPPERS_MAX {
            let _ = reply.send(Err("the process is being stopped".to_owned()));
            return;
        }
        running.stoppers.push(reply);
        let kill_at = Instant::now() + Duration::from_secs(grace_s.into());
        // The shortest grace counts.
        running.kill_at = Some(running.kill_at.map_or(kill_at, |at| at.min(kill_at)));
        let pid = running.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(Err(error)) = pid.map(|pid| kill_process(pid, Signal::TERM)) {
            warn!(%error, "the gateway's process does not take the signal");
        }
    }

    fn kill(&mut self) {
        let Some(running) = &mut self.running else { return };
        running.kill_at = None;
        warn!("the gateway's process did not end in its grace and is killed");
        if let Err(error) = running.child.start_kill() {
            warn!(%error, "the gateway's process cannot be killed");
        }
    }

    fn said(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            if let Some(running) = &mut self.running {
                running.stdout = None;
            }
        } else if self.reader.feed(bytes) {
            let log = self.reader.state().clone();
            self.tell.send_modify(|level| level.log = Some(log));
        }
    }

    async fn ended(&mut self, status: Option<ExitStatus>, chunk: &mut [u8]) {
        let Some(mut running) = self.running.take() else { return };
        let until = Instant::now() + LAST_LINES_MAX;
        if let Some(stdout) = &mut running.stdout {
            while let Ok(Ok(bytes @ 1..)) = timeout_at(until, stdout.read(chunk)).await {
                self.reader.feed(chunk.get(..bytes).unwrap_or_default());
            }
        }
        let code = status.and_then(|status| status.code().or(status.signal().map(|signal| SIGNAL_CODE + signal)));
        let code = code.and_then(|code| u8::try_from(code).ok());
        info!(code, "the gateway's process has ended");
        self.show(Container::Exited { code, oom_killed: false, finished_at: Some((self.clock)()) });
        for reply in running.stoppers {
            let _ = reply.send(Ok(()));
        }
    }

    fn show(&self, container: Container) {
        self.tell.send_replace(Level { container, log: Some(self.reader.state().clone()) });
    }
}

/// What the child does next; without a child, nothing ever.
async fn next(running: Option<&mut Running>, chunk: &mut [u8]) -> Did {
    let Some(Running { child, stdout, kill_at, .. }) = running else { return std::future::pending().await };
    let say = async {
        match stdout {
            // An error is an end like any other.
            Some(stdout) => stdout.read(chunk).await.unwrap_or(0),
            None => std::future::pending().await,
        }
    };
    let overstay = async {
        match kill_at {
            Some(at) => sleep_until(*at).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        bytes = say => Did::Said(bytes),
        status = child.wait() => Did::Ended(status.ok()),
        () = overstay => Did::Overstayed,
    }
}
