//! A gateway that is a program of our own, such as the simulated one of `ibmesh up`: its stdout is the container's log, its
//! exit code the container's.
//!
//! The child holds the read end of a pipe whose write end only this process has, so that a child that minds it
//! (`--exit-with-parent`) ends with us, however we end.
//!
//! Invariants: one child at a time, owned by one task; what it said last is told before its end; a stop ends it within its
//! grace or kills it.

mod keeper;

use std::{path::PathBuf, str::FromStr, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::Seen;
use crate::policy::{Container, Engine, Means};
use keeper::{Command, Keeper, Level};

/// Commands that wait for the task; callers are few.
const COMMANDS_MAX: usize = 8;
/// From being asked to end to being killed, when this process itself ends.
const CLOSE_GRACE_S: u32 = 4;
const CLOSE_MAX: Duration = Duration::from_secs(6);

/// The program and its arguments, as a JSON list: `["ibmesh","sim","--container-face","--exit-with-parent"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessProgram {
    pub program: PathBuf,
    pub args: Vec<String>,
}

impl ProcessProgram {
    /// For people: `ibmesh sim`. What has a sign in it is an option or a path.
    fn name(&self) -> String {
        let program = self.program.file_name().unwrap_or(self.program.as_os_str()).to_string_lossy();
        let word = self.args.first().filter(|word| word.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        word.map_or(program.to_string(), |word| format!("{program} {word}"))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a JSON list of a program and its arguments: {0}")]
pub struct ProcessProgramError(String);

impl FromStr for ProcessProgram {
    type Err = ProcessProgramError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<String> = serde_json::from_str(text).map_err(|error| ProcessProgramError(error.to_string()))?;
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty()).ok_or_else(|| ProcessProgramError("no program".to_owned()))?;
        Ok(Self { program: program.into(), args: words.collect() })
    }
}

/// One program, started and stopped by a task of its own. Clones are the same one.
#[derive(Debug, Clone)]
pub struct ProcessGateway {
    commands: mpsc::Sender<Command>,
    level: watch::Receiver<Level>,
    ibc: bool,
    name: String,
}

impl ProcessGateway {
    /// Nothing is started yet. `ibc`: the program has IBC's command server. `clock` tells when lives begin and end.
    pub fn new(program: ProcessProgram, ibc: bool, clock: fn() -> Timestamp) -> Self {
        let (commands, taken) = mpsc::channel(COMMANDS_MAX);
        let (tell, level) = watch::channel(Level::default());
        let name = program.name();
        tokio::spawn(Keeper::new(program, clock, tell).run(taken));
        Self { commands, level, ibc, name }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn means(&self) -> Means {
        Means { control: true, commands: self.ibc, yielding: false, kick: false }
    }

    async fn ask(&self, within: Duration, command: impl FnOnce(oneshot::Sender<Result<(), String>>) -> Command) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            let gone = || "the task that keeps the gateway's process has ended".to_owned();
            self.commands.send(command(reply)).await.map_err(|_| gone())?;
            answer.await.map_err(|_| gone())?
        };
        timeout(within, asked).await.unwrap_or_else(|_| Err(format!("not done within {} ms", within.as_millis())))
    }

    pub(super) async fn start(&self, within: Duration) -> Result<(), String> {
        self.ask(within, Command::Start).await
    }

    pub(super) async fn stop(&self, grace_s: u32, within: Duration) -> Result<(), String> {
        self.ask(within, |reply| Command::Stop { grace_s, reply }).await
    }

    pub(super) async fn close(&self) {
        // Whatever comes of it, the child ends with the pipe that this process holds.
        let _ = self.stop(CLOSE_GRACE_S, CLOSE_MAX).await;
    }

    /// Tells each change until `cancel` or until nobody listens. There is no engine that could be lost.
    pub(super) async fn watch(mut self, out: mpsc::Sender<Seen>, cancel: CancellationToken) {
        let told = async {
            out.send(Seen::Engine(Engine::Reachable)).await?;
            let mut life = None;
            loop {
                let Level { container, log } = self.level.borrow_and_update().clone();
                let log = log.map(|log| Seen::Log(Some(log)));
                let begins = matches!(container, Container::Running { started_at } if life != started_at);
                if let Container::Running { started_at } = container {
                    life = started_at;
                }
                // A life begins with the container, and its log is told before its end.
                let container = Some(Seen::Container(container));
                for seen in if begins { [container, log] } else { [log, container] }.into_iter().flatten() {
                    out.send(seen).await?;
                }
                if self.level.changed().await.is_err() {
                    return Ok::<_, mpsc::error::SendError<Seen>>(());
                }
            }
        };
        let listener = out.clone();
        tokio::select! {
            () = cancel.cancelled() => {}
            () = listener.closed() => {}
            _ = told => {}
        }
    }
}
