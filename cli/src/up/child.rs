//! One child process: started, heard (one line of JSON says that it listens), logged, ended.
//!
//! Invariant: a child holds the read end of a pipe whose write end only this process has. When that closes, by
//! [`Running::end`] or by the death of this process, the child drains and ends.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use serde::Deserialize;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::plan::NOT_INHERITED;

/// How long a child may take until it listens.
const ANNOUNCE_MAX: Duration = Duration::from_secs(20);
/// A child has [`service::process::DRAIN_MAX`] for its drain, and a moment for its end.
const END_MAX: Duration = service::process::DRAIN_MAX.saturating_add(Duration::from_secs(3));
/// How much of a log is shown when its child died, in lines and in bytes.
const TAIL_LINES: usize = 15;
const TAIL_BYTES: u64 = 4 << 10;
/// A log that has grown beyond this becomes `NAME.log.1`.
const LOG_BYTES_MAX: u64 = 8 << 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot start {name}: {source}")]
    Spawn { name: String, source: io::Error },
    #[error("{name} ended before it listened ({status}). The end of {}:\n{tail}", log.display())]
    Early { name: String, status: String, log: PathBuf, tail: String },
    #[error("{name} did not listen within {} s. The end of {}:\n{tail}", ANNOUNCE_MAX.as_secs(), log.display())]
    Silent { name: String, log: PathBuf, tail: String },
}

/// How a child is started, every time.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    /// For people: `worker 2`.
    pub(crate) name: String,
    /// The subcommand of `ibmesh`.
    pub(crate) service: &'static str,
    pub(crate) flags: Vec<(String, String)>,
    pub(crate) log: PathBuf,
}

impl Spec {
    /// Gives a flag the value that the first start has found, so that a restart keeps the port.
    pub(crate) fn pin(&mut self, flag: &str, value: &str) {
        for (_, held) in self.flags.iter_mut().filter(|(known, _)| known == flag) {
            value.clone_into(held);
        }
    }
}

/// A child that has announced itself. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    alive: Option<ChildStdin>,
    pub(crate) started: Instant,
    /// What the announcement says.
    pub(crate) addresses: Value,
}

#[derive(Deserialize)]
struct Announcement {
    event: String,
    addresses: Value,
}

/// Starts the child and waits until it listens.
pub(crate) async fn launch(program: &Path, spec: &Spec) -> Result<Running, Error> {
    let failed = |source| Error::Spawn { name: spec.name.clone(), source };
    let mut command = Command::new(program);
    command.arg(spec.service).arg("--exit-with-parent");
    for (flag, value) in &spec.flags {
        command.arg(flag).arg(value);
    }
    for name in NOT_INHERITED {
        command.env_remove(name);
    }
    let log = File::options().append(true).create(true).open(&spec.log).map_err(failed)?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        // A Ctrl-C at the terminal is for `up`, which ends things in their order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let started = Instant::now();
    let alive = child.stdin.take();
    let stdout = child.stdout.take().ok_or_else(|| failed(io::Error::other("it has no stdout")))?;
    let mut lines = BufReader::new(stdout).lines();
    let addresses = match timeout(ANNOUNCE_MAX, announcement(&mut lines)).await {
        Ok(Some(addresses)) => addresses,
        Ok(None) => return Err(early(spec, &mut child).await),
        Err(_) => return Err(Error::Silent { name: spec.name.clone(), log: spec.log.clone(), tail: tail(&spec.log) }),
    };
    // A full pipe would block the child at its next word.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(Running { child, alive, started, addresses })
}

async fn announcement(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<Value> {
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str::<Announcement>(&line) {
            Ok(said) if said.event == "listening" => return Some(said.addresses),
            _ => {}
        }
    }
    None
}

async fn early(spec: &Spec, child: &mut Child) -> Error {
    // Its stdout is closed: it ends now, or it is stuck and gets killed when it is dropped.
    let status = match timeout(Duration::from_secs(2), child.wait()).await {
        Ok(Ok(status)) => status.to_string(),
        _ => "it closed its output".to_owned(),
    };
    Error::Early { name: spec.name.clone(), status, log: spec.log.clone(), tail: tail(&spec.log) }
}

impl Running {
    /// Waits until the child has ended by itself. `alive` is apart from the child, since tokio's `wait` closes the
    /// stdin that it finds there, which would tell the child to end.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Lets the child drain; kills it when that takes too long or when `hurry` says so.
    pub(crate) async fn end(mut self, hurry: &CancellationToken) -> Ended {
        drop(self.alive.take());
        let drained = tokio::select! {
            () = hurry.cancelled() => false,
            ended = timeout(END_MAX, self.child.wait()) => matches!(ended, Ok(Ok(_))),
        };
        if drained {
            return Ended::Drained;
        }
        // It may have ended in this moment; then there is nobody to kill.
        let _ = self.child.kill().await;
        Ended::Killed
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Drained,
    Killed,
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// Puts a log aside at a start.
pub(crate) fn set_aside(log: &Path) -> io::Result<()> {
    if log.exists() { std::fs::rename(log, aside(log)) } else { Ok(()) }
}

/// Puts a log aside that has grown too long. Children write at the end of the file that they hold, so it is emptied and
/// not renamed.
pub(crate) fn trim(log: &Path) -> io::Result<()> {
    if log.metadata().is_ok_and(|meta| meta.len() > LOG_BYTES_MAX) {
        std::fs::copy(log, aside(log))?;
        File::options().write(true).open(log)?.set_len(0)?;
    }
    Ok(())
}

fn aside(log: &Path) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another program writes it: what this one has open for writing, a test that forks in another thread holds for an
    /// instant, and Linux then refuses to execute it.
    fn script(folder: &Path, body: &str) -> (PathBuf, Spec) {
        let (source, program) = (folder.join("source"), folder.join("program"));
        std::fs::write(&source, format!("#!/bin/sh\n{body}\n")).unwrap();
        let installed = std::process::Command::new("install").args(["-m", "755"]).args([&source, &program]).status().unwrap();
        assert!(installed.success());
        (program, spec(folder))
    }

    fn spec(folder: &Path) -> Spec {
        Spec { name: "the child".to_owned(), service: "sim", flags: Vec::new(), log: folder.join("child.log") }
    }

    #[tokio::test]
    async fn a_child_that_dies_early_is_told_with_the_end_of_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let (program, spec) = script(folder.path(), "for i in $(seq 1 40); do echo line $i >&2; done; exit 3");
        let said = launch(&program, &spec).await.unwrap_err().to_string();
        assert!(said.contains("exit status: 3") && said.contains("line 40") && !said.contains("line 20\n"), "{said}");
    }

    #[tokio::test]
    async fn a_child_is_heard_and_ends_when_its_pipe_closes() {
        let folder = tempfile::tempdir().unwrap();
        let body = r#"echo hello; echo '{"event":"listening","service":"sim","addresses":{"api":"1.2.3.4:5"}}'; cat >&2"#;
        let (program, spec) = script(folder.path(), body);
        let mut running = launch(&program, &spec).await.unwrap();
        assert_eq!(running.addresses["api"], "1.2.3.4:5");
        assert!(timeout(Duration::from_millis(100), running.wait()).await.is_err(), "waiting must not end it");
    }

    #[tokio::test]
    async fn a_child_that_does_not_drain_is_killed_when_somebody_hurries() {
        let folder = tempfile::tempdir().unwrap();
        let body = r#"echo '{"event":"listening","addresses":{}}'; exec 0</dev/null; while :; do read x </dev/zero; done"#;
        let (program, spec) = script(folder.path(), body);
        let hurry = CancellationToken::new();
        hurry.cancel();
        assert_eq!(launch(&program, &spec).await.unwrap().end(&hurry).await, Ended::Killed);
        let (program, spec) = script(folder.path(), r#"echo '{"event":"listening","addresses":{}}'; cat"#);
        assert_eq!(launch(&program, &spec).await.unwrap().end(&CancellationToken::new()).await, Ended::Drained);
    }

    #[test]
    fn a_restart_keeps_the_port_that_the_first_start_found() {
        let mut spec = spec(Path::new("unused"));
        spec.flags = vec![("--bind".to_owned(), "127.0.0.1:0".to_owned()), ("--seed".to_owned(), "1".to_owned())];
        spec.pin("--bind", "127.0.0.1:4100");
        assert_eq!(spec.flags[0].1, "127.0.0.1:4100");
        assert_eq!(spec.flags[1].1, "1");
    }

    #[test]
    fn a_log_that_has_grown_is_put_aside_and_its_writer_goes_on() {
        use std::io::Write as _;
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("a.log");
        let mut writer = File::options().append(true).create(true).open(&log).unwrap();
        trim(&log).unwrap();
        assert!(!aside(&log).exists(), "a short one stays");
        writer.set_len(LOG_BYTES_MAX + 1).unwrap();
        trim(&log).unwrap();
        writeln!(writer, "the next line").unwrap();
        assert_eq!(tail(&log), "  the next line");
        assert_eq!(aside(&log).metadata().unwrap().len(), LOG_BYTES_MAX + 1);
        set_aside(&log).unwrap();
        assert!(!log.exists());
    }
}
