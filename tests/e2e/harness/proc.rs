//! A child process of a test: its announcement, its log, and ways to hurt it.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::SOON;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_ibmesh");

/// What a failing test shows of each log.
const TAIL_BYTES: u64 = 6 << 10;
/// A process that was told to end drains for up to 25 s.
const END_MAX: Duration = Duration::from_secs(40);

/// A child that is killed when it is dropped. It also ends with the test program, whose end closes its stdin.
#[derive(Debug)]
pub(crate) struct Proc {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    pub(crate) log: PathBuf,
    addresses: Value,
}

/// A command whose settings come from the test alone, not from who runs it.
pub(crate) fn clean_command() -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear();
    for kept in ["PATH", "HOME", "XDG_CACHE_HOME", "NATS_SERVER_BIN", "TMPDIR", "RUST_BACKTRACE"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}

/// Starts `ibmesh SERVICE FLAGS` and waits until it listens.
pub(crate) async fn ibmesh(folder: &Path, name: &str, service: &str, flags: &[(&str, String)]) -> Proc {
    let log = folder.join(format!("{name}.log"));
    let mut command = clean_command();
    command.arg(service).arg("--exit-with-parent");
    for (flag, value) in flags {
        command.arg(flag).arg(value);
    }
    let mut started = spawn(command, name, log);
    let said = timeout(SOON, announcement(&mut started.1)).await.ok().flatten();
    let Some(addresses) = said else { panic!("{name} did not listen:\n{}", started.0.tail()) };
    started.0.addresses = addresses;
    // A full pipe would block the child at its next word.
    tokio::spawn(async move { while let Ok(Some(_)) = started.1.next_line().await {} });
    started.0
}

/// Starts a command with a log for its stderr and a pipe for its stdout.
pub(crate) fn spawn(mut command: Command, name: &str, log: PathBuf) -> (Proc, Lines<BufReader<ChildStdout>>) {
    let stderr = File::options().append(true).create(true).open(&log).expect("a log");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true);
    let mut child = command.spawn().expect("the program starts");
    let stdin = child.stdin.take();
    let stdout = child.stdout.take().expect("a pipe");
    let proc = Proc { name: name.to_owned(), child, stdin, log, addresses: Value::Null };
    (proc, BufReader::new(stdout).lines())
}

async fn announcement(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<Value> {
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str::<Value>(&line) {
            Ok(said) if said["event"] == "listening" => return Some(said["addresses"].clone()),
            _ => {}
        }
    }
    None
}

impl Proc {
    /// An address of the announcement.
    pub(crate) fn address(&self, which: &str) -> SocketAddr {
        let text = self.addresses[which].as_str();
        text.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{} announced no {which}: {}", self.name, self.addresses))
    }

    pub(crate) fn pid(&self) -> Option<Pid> {
        self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
    }

    /// Its stdin, while nobody has closed it.
    pub(crate) fn stdin(&mut self) -> &mut ChildStdin {
        self.stdin.as_mut().expect("it is open")
    }

    /// For who closes it in his own time.
    pub(crate) fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().expect("it is open")
    }

    /// As heartbeats and `/proc` write it.
    pub(crate) fn raw_pid(&self) -> Option<i32> {
        self.pid().map(|pid| pid.as_raw_nonzero().get())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid().expect("it runs"), signal).expect("it can be signalled");
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// SIGSTOP: its connections stay open, and nothing answers.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Closes its stdin, as the death of a parent does, and waits for its end.
    pub(crate) async fn orphan(&mut self) -> ExitStatus {
        drop(self.stdin.take());
        self.ended().await
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let status = timeout(END_MAX, self.child.wait()).await;
        status.unwrap_or_else(|_| panic!("{} does not end:\n{}", self.name, self.tail())).expect("it can be waited for")
    }

    /// The end of its log.
    pub(crate) fn tail(&self) -> String {
        tail(&self.log)
    }
}

fn tail(log: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(log) {
        let length = file.metadata().map_or(0, |meta| meta.len());
        // Whatever can be read is better than another failure.
        let _ = file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES))).and_then(|_| file.read_to_end(&mut bytes));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Drop for Proc {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of {} ---\n{}", self.name, self.tail());
        }
        // It may have ended before.
        let _ = self.child.start_kill();
    }
}

/// Whether a process runs; one that has ended and waits to be reaped does not.
pub(crate) fn runs(pid: i32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The name in parentheses may hold anything; the state follows it.
    !matches!(stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next()), Some('Z' | 'X') | None)
}

/// Every process below this one, as `/proc` has it now.
pub(crate) fn descendants(pid: i32) -> Vec<i32> {
    let mut all: Vec<(i32, i32)> = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)).and_then(|text| text.parse().ok());
        all.extend(parent.map(|parent| (child, parent)));
    }
    let mut found = vec![pid];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(all.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        next += 1;
    }
    found.split_off(1)
}
