//! A gateway that is a process, with shell scripts in its place.

use std::time::Duration;

use jiff::Timestamp;

use super::{Backend, Container, DEADLINE, Marker, Seen, Watch};
use crate::backend::{ProcessGateway, ProcessProgram};

fn clock() -> Timestamp {
    service::clock::now()
}

fn script(text: &str) -> Backend {
    let program = ProcessProgram { program: "/bin/sh".into(), args: vec!["-c".to_owned(), text.to_owned()] };
    Backend::Process(ProcessGateway::new(program, true, clock))
}

/// Says that it logs in and then that it has, and lives until its stdin is closed.
const GATEWAY: &str = "echo 'Starting session: x'; echo 'Login attempt: 1'; echo 'Login has completed'; read line";

#[test]
fn a_program_is_a_json_list() {
    let program: ProcessProgram = r#"["ibmesh","sim","--container-face"]"#.parse().expect("a program");
    assert_eq!((program.program, program.args), ("ibmesh".into(), vec!["sim".to_owned(), "--container-face".to_owned()]));
    for wrong in ["", "ibmesh sim", "[]", r#"[""]"#, r#"["a",1]"#] {
        assert!(wrong.parse::<ProcessProgram>().is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_process_is_started_heard_and_stopped_again_and_again() {
    let backend = script(GATEWAY);
    let mut watch = Watch::on(&backend);
    assert_eq!(watch.exits().await, None, "nothing is started by itself");
    backend.stop(1, DEADLINE).await.expect("stopped already");
    let mut lives = Vec::new();
    for _ in 0..2 {
        backend.start(DEADLINE).await.expect("started");
        backend.start(DEADLINE).await.expect("runs already");
        watch.runs().await;
        watch.marker(Marker::LoggedIn).await;
        assert_eq!(watch.log().launches, 1, "each life has a log of its own");
        lives.push(watch.container);
        backend.stop(20, DEADLINE).await.expect("stopped");
        assert_eq!(watch.exits().await, Some(143));
    }
    assert_ne!(lives[0], lives[1]);
    watch.end().await;
}

#[tokio::test]
async fn the_last_lines_come_before_the_end_and_the_exit_code_is_told() {
    // More than one read takes, so that the end may be seen before the last line.
    let backend = script("head -c 60000 /dev/zero | tr '\\0' x; echo; echo 'IBC returned exit status 87'; exit 87");
    let mut watch = Watch::on(&backend);
    watch.exits().await;
    for _ in 0..10 {
        watch.container = Container::Unknown;
        backend.start(DEADLINE).await.expect("started");
        watch.until("the end", |watch| matches!(watch.container, Container::Exited { code: Some(87), .. })).await;
        assert_eq!(watch.log().marker, Marker::Exited { code: 87 });
        assert!(matches!(watch.told.last(), Some(Seen::Container(_))), "{:?}", watch.told);
    }
}

#[tokio::test]
async fn a_process_that_does_not_mind_the_signal_is_killed_after_its_grace() {
    let backend = script("trap '' TERM; echo 'Starting session: x'; while :; do read line || :; done");
    let mut watch = Watch::on(&backend);
    backend.start(DEADLINE).await.expect("started");
    watch.marker(Marker::Launched).await;
    let late = backend.stop(60, Duration::from_millis(100)).await.expect_err("it goes on");
    assert!(late.contains("100 ms"), "{late}");
    backend.stop(0, DEADLINE).await.expect("killed");
    assert_eq!(watch.exits().await, Some(137));
}

#[tokio::test]
async fn a_program_that_cannot_be_started_says_so() {
    let program = ProcessProgram { program: "/nowhere/ibmesh".into(), args: Vec::new() };
    let backend = Backend::Process(ProcessGateway::new(program, false, clock));
    let error = backend.start(DEADLINE).await.expect_err("no such program");
    assert!(error.starts_with("cannot start /nowhere/ibmesh: "), "{error}");
    assert!(!backend.means().commands);
}

/// The child writes into a pipe that this test reads: its end is the child's end.
#[tokio::test]
async fn the_child_ends_with_whoever_kept_it() {
    use tokio::io::AsyncReadExt as _;

    let dir = tempfile::TempDir::new().expect("a directory");
    let fifo = dir.path().join("alive");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo");
    assert!(made.success());
    for close in [true, false] {
        let backend = script(&format!("exec 3>{}; echo 'Starting session: x'; {GATEWAY}", fifo.display()));
        let started = async { backend.start(DEADLINE).await.expect("started") };
        let (mut pipe, ()) =
            tokio::join!(async { tokio::net::unix::pipe::OpenOptions::new().open_receiver(&fifo).expect("a pipe") }, started);
        let mut watch = Watch::on(&backend);
        watch.marker(Marker::LoggedIn).await;
        if close {
            backend.close().await;
            assert_eq!(watch.exits().await, Some(143));
        } else {
            drop((watch, backend));
        }
        // The last writer of the pipe is gone.
        super::soon(async { while pipe.read_u8().await.is_ok() {} }).await;
    }
}
