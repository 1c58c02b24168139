//! The process between a parent and its nats-server that outlives the parent for a moment.

use std::{
    ffi::OsString,
    io::{self, Read as _},
    os::unix::process::ExitStatusExt as _,
    process::{ExitStatus, Stdio},
    thread,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    select,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    time::timeout,
};

use crate::STOP_GRACE;

/// Runs `command` until it ends, and ends it when this process is asked to stop (SIGTERM, SIGINT, SIGHUP, SIGQUIT)
/// or when standard input is at its end. The parent holds the other side of that pipe and never writes: the kernel
/// closes it when the parent dies, also by SIGKILL. Returns the command's exit code (128 + n after signal n).
///
/// What this cannot see to is a SIGKILL of itself: the parent does that (see [`crate::NatsServer::wait`]). Linux's
/// PR_SET_PDEATHSIG would have to be set between fork and exec, for which there is no safe API.
pub async fn run_guard(command: Vec<OsString>) -> io::Result<i32> {
    // Before the command runs, so that no signal can end the guard alone.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    let parent_gone = end_of_stdin()?;

    let [program, args @ ..] = command.as_slice() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the guard was given no command"));
    };
    let mut child = Command::new(program).args(args).stdin(Stdio::null()).kill_on_drop(true).spawn()?;
    let why = select! {
        status = child.wait() => return status.map(code),
        _ = parent_gone => "the parent is gone",
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        _ = hangup.recv() => "SIGHUP",
        _ = quit.recv() => "SIGQUIT",
    };
    tracing::info!(why, "stopping nats-server");
    stop(&mut child).await.map(code)
}

async fn stop(child: &mut Child) -> io::Result<ExitStatus> {
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        // An error means that it has ended already: then `wait` says so.
        let _ = kill_process(pid, Signal::TERM);
    }
    if let Ok(status) = timeout(STOP_GRACE, child.wait()).await {
        return status;
    }
    child.kill().await?;
    child.wait().await
}

/// Completes when standard input ends. A thread of its own, and not the runtime's stdin: a read that is under way
/// there would keep the runtime, and so the guard, from ending when nats-server does.
fn end_of_stdin() -> io::Result<oneshot::Receiver<()>> {
    let (gone, receiver) = oneshot::channel();
    thread::Builder::new().name("parent-watch".to_owned()).spawn(move || {
        let mut stdin = io::stdin();
        let mut buffer = [0; 64];
        loop {
            match stdin.read(&mut buffer) {
                Ok(0) => break,
                Err(error) if error.kind() != io::ErrorKind::Interrupted => break,
                _ => {}
            }
        }
        // Nobody listens any more when nats-server ended first.
        let _ = gone.send(());
    })?;
    Ok(receiver)
}

fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}
