//! The guard, with real processes: this program starts itself again, as `ibmesh` does with its subcommand
//! `nats-guard`. Two tests play both sides; arguments after `--` say that it is the other one.

use std::{env, ffi::OsString, fs, net::SocketAddr, path::Path, process::Stdio};

use nats_local::{Launcher, NatsServer, StartOptions, run_guard};
use tokio::process::{Child, Command};

use crate::support::{TestResult, eventually, greeting, refuses, script, server_binary};

const GUARD: &str = "guard::a_guard_without_a_command_is_an_error";
const PARENT: &str = "guard::the_server_ends_when_its_parent_is_killed";

/// The arguments after `--`, which only a role has.
fn role_args() -> Option<Vec<OsString>> {
    let mut args = env::args_os().skip_while(|arg| arg != "--");
    args.next().map(|_| args.collect())
}

fn role(name: &str) -> Vec<OsString> {
    [name, "--exact", "--nocapture", "--"].map(OsString::from).to_vec()
}

fn guarded() -> std::io::Result<StartOptions> {
    let launcher = Launcher::Guard { program: env::current_exe()?, args: role(GUARD) };
    Ok(StartOptions { launcher, ..StartOptions::default() })
}

/// Also the guard of the other tests, which give it a command.
#[tokio::test]
async fn a_guard_without_a_command_is_an_error() -> TestResult {
    match role_args() {
        Some(command) => std::process::exit(run_guard(command).await?),
        None => assert!(run_guard(Vec::new()).await.is_err()),
    }
    Ok(())
}

/// A parent as `ibmesh up` is one: it tells where its server is, and waits for ever.
async fn be_parent(folder: &Path) -> TestResult {
    let options = StartOptions { store_dir: Some(folder.join("store")), ..guarded()? };
    let server = NatsServer::start(&server_binary().await?, options).await?;
    fs::write(folder.join("addr.tmp"), server.addr().to_string())?;
    fs::rename(folder.join("addr.tmp"), folder.join("addr"))?;
    std::future::pending().await
}

async fn parent(folder: &Path) -> Result<(Child, SocketAddr), Box<dyn std::error::Error>> {
    let child = Command::new(env::current_exe()?)
        .args(role(PARENT))
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let file = folder.join("addr");
    eventually("the parent's server runs", async || file.exists()).await?;
    Ok((child, fs::read_to_string(file)?.parse()?))
}

fn signal(name: &str, pid: u32) -> TestResult {
    let status = std::process::Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status()?;
    if status.success() { Ok(()) } else { Err(format!("kill -{name} {pid}: {status}").into()) }
}

#[tokio::test]
async fn the_server_ends_when_its_parent_is_killed() -> TestResult {
    if let Some([folder]) = role_args().as_deref() {
        return be_parent(Path::new(folder)).await;
    }
    let dir = tempfile::tempdir()?;
    let (mut parent, addr) = parent(dir.path()).await?;
    assert!(greeting(addr).await.is_some());
    parent.kill().await?;
    eventually("the server is gone", async || refuses(addr).await).await?;

    // In good order, by SIGTERM, and not by a kill: the log says so.
    // It closes its port a moment before it writes that line.
    let log = dir.path().join("store/nats-server.log");
    eventually("the log tells an orderly end", async || fs::read_to_string(&log).is_ok_and(|text| text.contains("Server Exiting"))).await
}

/// The next `ibmesh up` may come before the guard of a killed one has ended its server.
#[tokio::test]
async fn a_start_right_after_a_killed_parent_waits_for_its_store() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (mut parent, addr) = parent(dir.path()).await?;
    let binary = server_binary().await?;
    parent.kill().await?;
    let options = StartOptions { store_dir: Some(dir.path().join("store")), port: addr.port(), ..guarded()? };
    let next = NatsServer::start(&binary, options).await?;
    assert_eq!(next.addr(), addr);
    Ok(())
}

#[tokio::test]
async fn a_guarded_server_is_handled_as_a_direct_one() -> TestResult {
    let mut server = NatsServer::start(&server_binary().await?, guarded()?).await?;
    let addr = server.addr();
    server.pause().await?;
    assert_eq!(greeting(addr).await, None);
    server.resume()?;
    server.restart().await?;
    server.abort().await?;
    assert!(refuses(addr).await, "the guard has ended after its server, so the port is free");
    server.restart().await?;
    assert!(greeting(addr).await.is_some());
    assert!(server.stop().await?.success());
    assert!(refuses(addr).await);
    Ok(())
}

#[tokio::test]
async fn dropping_the_handle_ends_guard_and_server() -> TestResult {
    let server = NatsServer::start(&server_binary().await?, guarded()?).await?;
    let (addr, dir) = (server.addr(), server.store_dir().to_owned());
    drop(server);
    assert!(refuses(addr).await);
    assert!(!dir.exists());
    Ok(())
}

#[tokio::test]
async fn a_busy_port_is_told_through_the_guard() -> TestResult {
    let other = std::net::TcpListener::bind("127.0.0.1:0")?;
    let options = StartOptions { port: other.local_addr()?.port(), ..guarded()? };
    let error = NatsServer::start(&server_binary().await?, options).await.expect_err("the port is in use");
    assert!(matches!(error, nats_local::Error::PortBusy { .. }), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_guard_that_is_killed_is_noticed_and_its_server_ended() -> TestResult {
    let mut server = NatsServer::start(&server_binary().await?, guarded()?).await?;
    let addr = server.addr();
    let parent = std::process::Command::new("ps").args(["-o", "ppid=", "-p", &server.pid().to_string()]).output()?;
    let guard: u32 = String::from_utf8(parent.stdout)?.trim().parse()?;
    signal("KILL", guard)?;
    assert!(!server.wait().await?.success());
    eventually("the server is gone", async || refuses(addr).await).await
}

/// The guard by itself, with a command that shows what it got.
async fn bare_guard(folder: &Path, body: &str) -> Result<Child, Box<dyn std::error::Error>> {
    let command = script(folder, "command", &format!("{body}\nwhile :; do sleep 0.05; done"))?;
    let child = Command::new(env::current_exe()?)
        .args(role(GUARD))
        .arg(command)
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let ready = folder.join("ready");
    eventually("the command runs", async || ready.exists()).await?;
    Ok(child)
}

const ON_TERM: &str = "trap 'echo stopped > \"$1/stopped\"; exit 7' TERM\n: > \"$1/ready\"";

#[tokio::test]
async fn the_guard_passes_a_stop_on_and_the_exit_code_back() -> TestResult {
    for name in ["TERM", "INT", "HUP", "QUIT"] {
        let dir = tempfile::tempdir()?;
        let mut guard = bare_guard(dir.path(), ON_TERM).await?;
        signal(name, guard.id().ok_or("the guard has ended")?)?;
        assert_eq!(guard.wait().await?.code(), Some(7), "after SIG{name}");
        assert!(dir.path().join("stopped").exists(), "SIG{name} has to reach the command as SIGTERM");
    }
    Ok(())
}

#[tokio::test]
async fn the_guard_stops_its_command_at_the_end_of_stdin() -> TestResult {
    let dir = tempfile::tempdir()?;
    let mut guard = bare_guard(dir.path(), ON_TERM).await?;
    drop(guard.stdin.take());
    assert_eq!(guard.wait().await?.code(), Some(7));
    Ok(())
}

#[tokio::test]
async fn the_guard_kills_a_command_that_does_not_stop() -> TestResult {
    let dir = tempfile::tempdir()?;
    let mut guard = bare_guard(dir.path(), "trap '' TERM\n: > \"$1/ready\"").await?;
    drop(guard.stdin.take());
    assert_eq!(guard.wait().await?.code(), Some(128 + 9));
    Ok(())
}

/// Its standard input is still open then: a guard that waited for that would never end.
#[tokio::test]
async fn the_guard_ends_with_its_command() -> TestResult {
    let dir = tempfile::tempdir()?;
    let mut guard = bare_guard(dir.path(), ": > \"$1/ready\"\nexit 3").await?;
    let alive = guard.stdin.take();
    assert_eq!(guard.wait().await?.code(), Some(3));
    drop(alive);
    Ok(())
}
