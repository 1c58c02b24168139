//! IBC's commands against the simulated gateway's command server.

use ib_sim::{Settings, Sim};
use tokio::{io::AsyncReadExt as _, net::TcpListener};

use super::soon;
use crate::backend::CommandServer;

async fn sim(prompt: Option<&str>) -> (Sim, CommandServer) {
    let settings = Settings {
        bind: ([127, 0, 0, 1], 0).into(),
        command_port: Some(0),
        command_prompt: prompt.map(str::to_owned),
        ..Settings::default()
    };
    let sim = Sim::start(settings).await.expect("the simulator starts");
    let server = CommandServer::new(sim.command_addr().expect("a command port").to_string());
    (sim, server)
}

async fn said(sim: &Sim, words: &str) {
    let mut log = sim.log();
    soon(async { while !log.next().await.iter().any(|line| line.contains(words)) {} }).await;
}

#[tokio::test]
async fn stop_closes_the_gateway_as_its_menu_does() {
    for prompt in [None, Some("IBC> ")] {
        let (sim, server) = sim(prompt).await;
        assert!(server.is_reachable().await);
        server.stop().await.expect("closed");
        assert_eq!(soon(sim.ended()).await, 0);
        said(&sim, "exiting via [File, Close] menu").await;
        soon(async { while server.is_reachable().await {} }).await;
        let error = server.stop().await.expect_err("nobody is there");
        assert!(error.contains("cannot be reached"), "{error}");
        sim.shutdown().await;
    }
}

#[tokio::test]
async fn a_restart_is_planned_once() {
    for prompt in [None, Some("IBC> ")] {
        let (sim, server) = sim(prompt).await;
        server.restart().await.expect("planned");
        let refused = server.restart().await.expect_err("it is planned");
        assert_eq!(refused, "the command server refused RESTART: ERROR RESTART already in progress");
        sim.shutdown().await;
    }
}

#[tokio::test]
async fn the_account_is_logged_in_anew() {
    let (sim, server) = sim(None).await;
    server.reconnect_account().await.expect("done");
    said(&sim, "RECONNECTACCOUNT").await;
    sim.shutdown().await;
}

/// A gateway that is not logged in may end before it answers; a restart has to be answered.
#[tokio::test]
async fn an_end_instead_of_an_answer_is_one_only_to_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let server = CommandServer::new(listener.local_addr().expect("an address").to_string());
    let ends = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut command = [0; 64];
            let _ = stream.read(&mut command).await;
        }
    });
    server.stop().await.expect("taken");
    let error = server.restart().await.expect_err("no answer");
    assert_eq!(error, "the command server closed the connection without an answer to RESTART");
    ends.abort();
}
