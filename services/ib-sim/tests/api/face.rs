//! The gateway around its API: log-in, restart, other sessions, IBC's command port and the container's log.

use ib_sim::{ExistingSession, Login, LoginPlan, Settings, Sim};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::raw::Raw;
use crate::support::{client, connect, friday, get, http, post, settings, sim, soon, start, until};

async fn with(login: LoginPlan) -> Sim {
    start(Settings { login, clock: crate::support::FRIDAY.parse().unwrap(), ..settings() }).await
}

async fn phase(sim: &Sim, phase: &str) {
    until(sim, "/login", |body| (body["gateway"]["phase"] == phase).then_some(())).await;
}

async fn act(sim: &Sim, action: &str) {
    post(sim, "/login", &format!(r#"{{"action":"{action}"}}"#)).await;
}

/// Waits for a line of the container's log.
async fn said(sim: &Sim, words: &str) {
    let mut log = sim.log();
    soon(async { while !log.next().await.iter().any(|line| line.contains(words)) {} }).await;
}

/// A telnet to the command server.
struct Commands(BufReader<TcpStream>);

impl Commands {
    async fn connect(sim: &Sim) -> Self {
        Self(BufReader::new(TcpStream::connect(sim.command_addr().unwrap()).await.unwrap()))
    }

    async fn send(&mut self, command: &str) {
        self.0.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        soon(self.0.read_line(&mut line)).await.unwrap();
        line
    }

    async fn closed(&mut self) -> bool {
        soon(self.0.read(&mut [0; 8])).await.unwrap_or(0) == 0
    }
}

#[tokio::test]
async fn the_api_opens_when_the_log_in_is_complete() {
    let sim = with(LoginPlan { login_ms: 600, ..LoginPlan::default() }).await;
    assert!(TcpStream::connect(sim.addr()).await.is_err(), "closed, not silent");
    assert_eq!(get(&sim, "/state").await["state"]["gateway"]["api"], false);
    phase(&sim, "ready").await;
    soon(async { while TcpStream::connect(sim.addr()).await.is_err() {} }).await;
    assert!(client(&sim, 1).await.is_connected());
    let log = get(&sim, "/log").await;
    let lines: Vec<&str> = log["lines"].as_array().unwrap().iter().filter_map(|line| line.as_str()).collect();
    let attempt = lines.iter().position(|line| line.ends_with("IBC: Login attempt: 1")).unwrap();
    let complete = lines.iter().position(|line| line.ends_with("IBC: Login has completed")).unwrap();
    assert!(attempt < complete && lines[complete].starts_with("2026-11-20 10:15:"), "{lines:?}");
    assert_eq!(lines[complete + 1][24..], *"IBC: Configuration tasks completed");
    sim.shutdown().await;
}

#[tokio::test]
async fn a_second_factor_opens_the_api_or_ends_the_container() {
    let two_factor = LoginPlan { login: Login::TwoFactor, two_factor_timeout_ms: 300, ..LoginPlan::default() };
    let sim = with(LoginPlan { two_factor_timeout_ms: 60_000, ..two_factor.clone() }).await;
    phase(&sim, "two_factor").await;
    assert_eq!(http(&sim, "POST", "/login", r#"{"action":"restart"}"#).await.0, 400, "this is not the time for it");
    assert_eq!(http(&sim, "POST", "/login", r#"{"action":"aprove"}"#).await.0, 400);
    act(&sim, "approve").await;
    soon(async { while connect(&sim, 1).await.is_err() {} }).await;
    sim.shutdown().await;
    let sim = with(two_factor).await;
    assert_eq!(soon(sim.ended()).await, 87);
    said(&sim, "IBC returned exit status 87").await;
    assert!(TcpStream::connect(sim.addr()).await.is_err());
    sim.shutdown().await;
}

#[tokio::test]
async fn a_wrong_password_never_opens_the_api() {
    let sim = with(LoginPlan { login: Login::WrongPassword, ..LoginPlan::default() }).await;
    phase(&sim, "locked_out").await;
    said(&sim, "Too many failed login attempts. Please wait 4 minutes & 47 seconds").await;
    assert!(TcpStream::connect(sim.addr()).await.is_err());
    act(&sim, "stop").await;
    assert_eq!(soon(sim.ended()).await, 0);
    sim.shutdown().await;
}

#[tokio::test]
async fn a_nightly_restart_ends_every_connection_and_needs_nobody() {
    let restart_at = Some("23:45".parse().unwrap());
    let sim = with(LoginPlan { restart_at, login_ms: 400, ..LoginPlan::default() }).await;
    phase(&sim, "ready").await;
    soon(async { while TcpStream::connect(sim.addr()).await.is_err() {} }).await;
    let mut raw = Raw::started(&sim, 7).await;
    post(&sim, "/clock", r#"{"set":"2026-11-20T23:45:00-05:00"}"#).await;
    assert!(raw.closed().await);
    said(&sim, "Re-starting session").await;
    phase(&sim, "ready").await;
    soon(async { while TcpStream::connect(sim.addr()).await.is_err() {} }).await;
    assert!(client(&sim, 7).await.is_connected());
    sim.shutdown().await;
}

#[tokio::test]
async fn another_session_takes_over_and_this_one_takes_it_back() {
    let sim = with(LoginPlan { login_ms: 400, ..LoginPlan::default() }).await;
    phase(&sim, "ready").await;
    soon(async { while TcpStream::connect(sim.addr()).await.is_err() {} }).await;
    let mut raw = Raw::started(&sim, 7).await;
    act(&sim, "take_over").await;
    for words in ["has been lost", "data lost"] {
        let (message, text) = raw.message().await;
        assert!(message == 4 && text.contains(words), "{text:?}");
    }
    said(&sim, "Re-login to session").await;
    said(&sim, "scenario 5").await;
    sim.shutdown().await;
    let sim = with(LoginPlan { existing_session: ExistingSession::PrimaryOverride, ..LoginPlan::default() }).await;
    let mut raw = Raw::started(&sim, 7).await;
    act(&sim, "take_over").await;
    assert_eq!(soon(sim.ended()).await, 0);
    while !raw.closed().await {}
    said(&sim, "scenario 6").await;
    sim.shutdown().await;
}

#[tokio::test]
async fn the_command_port_answers_as_ibc() {
    let clock = crate::support::FRIDAY.parse().unwrap();
    let sim = start(Settings { command_port: Some(0), clock, ..settings() }).await;
    let mut commands = Commands::connect(&sim).await;
    for (command, answer) in [
        ("ENABLEAPI", "ERROR ENABLEAPI is not valid for the IB Gateway\n"),
        ("reconnectdata", "OK \n"),
        ("\r\nRECONNECTACCOUNT", "OK \n"),
        ("DANCE", "ERROR Command invalid\n"),
        ("EXIT", "OK Goodbye\n"),
    ] {
        commands.send(command).await;
        assert_eq!(commands.line().await, answer, "{command}");
    }
    assert!(commands.closed().await);
    said(&sim, "CommandServer received command: DANCE").await;
    let mut commands = Commands::connect(&sim).await;
    commands.send("STOP").await;
    assert_eq!(commands.line().await, "OK Shutting down: STOP command\n");
    assert!(commands.closed().await);
    assert_eq!(soon(sim.ended()).await, 0);
    said(&sim, "Login has completed: exiting via [File, Close] menu").await;
    sim.shutdown().await;
}

#[tokio::test]
async fn a_prompt_makes_the_command_port_talk() {
    let sim = start(Settings { command_port: Some(0), command_prompt: Some("IBC>".into()), ..settings() }).await;
    let mut commands = Commands::connect(&sim).await;
    assert_eq!(commands.line().await, "INFO IBC Command Server\n");
    commands.send("ENABLEAPI").await;
    assert_eq!(commands.line().await, "IBC>ERROR ENABLEAPI is not valid for the IB Gateway\n");
    sim.shutdown().await;
}

#[tokio::test]
async fn restart_and_pause_come_with_the_next_minute() {
    let clock = crate::support::FRIDAY.parse().unwrap();
    let sim = start(Settings { command_port: Some(0), clock, ..settings() }).await;
    let mut raw = Raw::started(&sim, 7).await;
    let mut commands = Commands::connect(&sim).await;
    commands.send("RESTART").await;
    assert_eq!((commands.line().await, commands.line().await), ("OK RESTART in progress\n".into(), "OK RESTART at 10:16 AM\n".into()));
    assert!(commands.closed().await);
    let mut commands = Commands::connect(&sim).await;
    commands.send("PAUSE").await;
    assert_eq!(commands.line().await, "ERROR PAUSE already in progress\n");
    post(&sim, "/clock", r#"{"advance_ms":31000}"#).await;
    assert!(raw.closed().await);
    said(&sim, "Re-starting session").await;
    soon(async { while connect(&sim, 7).await.is_err() {} }).await;
    let mut commands = Commands::connect(&sim).await;
    commands.send("PAUSE").await;
    assert_eq!(commands.line().await, "OK PAUSE in progress\n");
    post(&sim, "/clock", r#"{"advance_ms":121000}"#).await;
    assert_eq!(soon(sim.ended()).await, 0);
    said(&sim, "IBC is paused").await;
    sim.shutdown().await;
}

#[tokio::test]
async fn reconnecting_heals_a_lost_way_to_ib_and_keeps_the_connection() {
    let sim = start(Settings { command_port: Some(0), ..settings() }).await;
    let mut raw = Raw::started(&sim, 7).await;
    post(&sim, "/faults", r#"{"kind":"connectivity","state":"lost"}"#).await;
    let mut commands = Commands::connect(&sim).await;
    commands.send("RECONNECTACCOUNT").await;
    for words in ["has been lost", "has been lost", "data maintained"] {
        let (message, text) = raw.message().await;
        assert!(message == 4 && text.contains(words), "{text:?}");
    }
    commands.send("RECONNECTDATA").await;
    for words in ["broken:usfarm", "connecting:usfarm", "OK:usfarm", "broken:ushmds", "OK:ushmds"] {
        let (message, text) = raw.message().await;
        assert!(message == 4 && text.contains(words), "{text:?}");
    }
    sim.shutdown().await;
}

#[tokio::test]
async fn a_signal_says_the_containers_last_words() {
    let sim = friday().await;
    sim.terminate();
    assert_eq!(soon(sim.ended()).await, 143);
    said(&sim, ".> Done... 143").await;
    sim.shutdown().await;
}

#[tokio::test]
async fn without_a_plan_nobody_waits() {
    let sim = sim().await;
    assert!(TcpStream::connect(sim.addr()).await.is_ok());
    assert_eq!(get(&sim, "/login").await["gateway"]["phase"], "ready");
    assert_eq!(sim.command_addr(), None);
    sim.shutdown().await;
}
