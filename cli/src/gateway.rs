//! `ibmesh gateway`: the gateway's state and the commands that start and stop it, through the edge as everybody else.
//!
//! Invariants: the exit code says how it ended; answers go to stdout and what is under way to stderr, so that `--json` feeds
//! a program nothing but JSON, one document for each answer.

use std::{convert::Infallible, io::IsTerminal as _, process::ExitCode, time::Duration};

use schemas::gateway::{LOGOUT_MINUTES_MAX, READY_TIMEOUT_S_DEFAULT, READY_TIMEOUT_S_MAX, StateChange, StatusReply};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::{
    checks,
    follow::Events,
    http::{Answer, EdgeArg, EdgeClient, Error},
    out,
};

/// See and control the gateway: `ibmesh gateway status`.
///
/// Exit code: 0 done (status: connected), 1 refused, failed or not ready (status: not connected), 2 wrong usage or no edge.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    edge: EdgeArg,
    /// Print the edge's answers as they are, for programs.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// What it does, what it waits for, who logged it out.
    Status,
    /// Start it, and wait until it is connected.
    Login {
        /// Seconds to wait.
        #[arg(long, value_name = "SECONDS", default_value_t = READY_TIMEOUT_S_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=i64::from(READY_TIMEOUT_S_MAX)))]
        timeout: u32,
        /// Return as soon as it has been started.
        #[arg(long)]
        no_wait: bool,
    },
    /// Stop it, so that a person can log in with TWS; nothing starts it again before `login`.
    Logout {
        /// Log in again by itself after so many minutes.
        #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..=i64::from(LOGOUT_MINUTES_MAX)))]
        minutes: Option<u32>,
        /// Told to whoever asks why the gateway is down.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Restart it, softly first.
    Reconnect {
        /// Stop and start it at once, with a full log-in.
        #[arg(long)]
        hard: bool,
    },
    /// Wait until it is connected, and bring it back if it is not.
    EnsureReady {
        /// Seconds to wait.
        #[arg(long, value_name = "SECONDS", default_value_t = READY_TIMEOUT_S_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=i64::from(READY_TIMEOUT_S_MAX)))]
        timeout: u32,
    },
}

const REFUSED: u8 = 1;
const UNREACHABLE: u8 = 2;

/// Above the longest deadline of a command (logout: 190 s), so that the edge's own answer arrives first.
const COMMAND_MAX: Duration = Duration::from_secs(200);
const STATUS_MAX: Duration = Duration::from_secs(10);
/// What an answer of ensure-ready may come late.
const LATE_MAX: Duration = Duration::from_secs(5);
/// No command waits longer for its changes to be told.
const FOLLOW_MAX: Duration = Duration::from_secs(2);
/// How often the line about what is under way counts on.
const TICK: Duration = Duration::from_secs(1);

pub(crate) async fn run(options: Options) -> ExitCode {
    match perform(&options).await {
        Ok(code) => code,
        Err(error) => {
            out::problem(format_args!("ibmesh gateway: {error}"));
            ExitCode::from(UNREACHABLE)
        }
    }
}

async fn perform(options: &Options) -> Result<ExitCode, Error> {
    let edge = EdgeClient::new(&options.edge.url())?;
    let post = async |path: &'static str, body: Value| shown(&edge, edge.post(path, &body, COMMAND_MAX)).await;
    match &options.command {
        Command::Status => Ok(status(options, &edge.get("/gateway/status", STATUS_MAX).await?)),
        Command::Login { timeout, no_wait } => {
            let answer = post("/gateway/login", json!({})).await?;
            let code = told(options, &answer);
            if *no_wait || !answer.is_success() { Ok(code) } else { ensure_ready(options, &edge, *timeout).await }
        }
        Command::Logout { minutes, reason } => {
            Ok(told(options, &post("/gateway/logout", json!({ "minutes": minutes, "reason": reason })).await?))
        }
        Command::Reconnect { hard } => Ok(told(options, &post("/gateway/reconnect", json!({ "hard": hard })).await?)),
        Command::EnsureReady { timeout } => ensure_ready(options, &edge, *timeout).await,
    }
}

async fn ensure_ready(options: &Options, edge: &EdgeClient, timeout_s: u32) -> Result<ExitCode, Error> {
    let within = Duration::from_secs(timeout_s.into()) + LATE_MAX;
    let body = json!({ "timeout": timeout_s });
    let answer = shown(edge, edge.post("/gateway/ensure-ready", &body, within)).await?;
    Ok(told(options, &answer))
}

/// Prints an answer; the exit code follows from it.
fn told(options: &Options, answer: &Answer) -> ExitCode {
    match (options.json, answer.is_success()) {
        (true, _) => out::line(&answer.body),
        (false, true) => {
            let part = |name: &str| answer.body[name].as_str().map(str::to_owned);
            let texts: Vec<String> = [part("message"), part("note")].into_iter().flatten().collect();
            out::line(texts.join("\n"));
        }
        (false, false) => out::problem(answer.refusal()),
    }
    if answer.is_success() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) }
}

fn status(options: &Options, answer: &Answer) -> ExitCode {
    let read = serde_json::from_value::<StatusReply>(answer.body.clone());
    let connected = read.as_ref().is_ok_and(|status| status.ib_connected && !status.stale);
    match (options.json, read) {
        (true, _) => out::line(&answer.body),
        (false, Ok(status)) => out::line(render(&status).trim_end()),
        (false, Err(_)) => out::problem(answer.refusal()),
    }
    if connected { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) }
}

fn render(status: &StatusReply) -> String {
    let mut lines = vec![format!("gateway {}:{}: {} since {:.0}", status.api_host, status.api_port, status.state.token(), status.since)];
    if status.stale {
        lines.push("  Docker does not answer: this is what was seen last".to_owned());
    }
    let mut say = |name: &str, value: Option<String>| lines.extend(value.map(|value| format!("  {name:<12} {value}")));
    say("container", Some(status.gateway_container.clone()).filter(|name| !name.is_empty()));
    say("reason", status.reason.clone());
    say("to do", status.needs_human.clone());
    say("logged out", status.logged_out.as_ref().map(|out| format!("{} `ibmesh gateway login` ends it.", out.sentence())));
    say("reset", status.reset_window.map(|window| format!("IB restarts its servers until {:.0}", window.until)));
    say("next try", status.next_attempt_at.map(|at| format!("{at:.0}")));
    say("full log-in", status.next_auth_due.map(|at| format!("due {at:.0}")));
    say(
        "starts left",
        Some(format!("{} in 30 minutes, {} in 24 hours", status.restart_budget.left_30_min, status.restart_budget.left_24_h)),
    );
    lines.extend(status.layers.iter().map(|check| format!("  {}", checks::line(check))));
    lines.join("\n")
}

/// Does `work`, and tells on stderr what the gateway does meanwhile. That is a courtesy: an edge that tells no changes is
/// asked all the same.
async fn shown<T>(edge: &EdgeClient, work: impl Future<Output = T>) -> T {
    // First followed, then asked: the first change told is what the command does.
    let events = timeout(FOLLOW_MAX, edge.gateway_events()).await.ok().and_then(Result::ok);
    tokio::select! {
        ended = work => {
            out::live("");
            ended
        }
        never = follow(events) => match never {},
    }
}

async fn follow(mut events: Option<Events>) -> Infallible {
    let started = Instant::now();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut last = None;
    loop {
        let change = tokio::select! {
            change = next(&mut events) => Some(change),
            _ = ticks.tick() => None,
        };
        if let Some(change) = change {
            // The first tells what was before the command.
            if last.is_some() && !std::io::stderr().is_terminal() {
                out::problem(words(&change, started));
            }
            last = Some(change);
        }
        if let Some(change) = &last {
            out::live(words(change, started));
        }
    }
}

/// Never ends once nobody tells anything any more.
async fn next(events: &mut Option<Events>) -> StateChange {
    if let Some(open) = events {
        if let Some(change) = open.next().await {
            return change;
        }
        *events = None;
    }
    std::future::pending().await
}

fn words(change: &StateChange, started: Instant) -> String {
    let why = change.needs_human.as_ref().or(change.reason.as_ref()).map_or_else(String::new, |why| format!(": {why}"));
    format!("{:4} s  {}{why}", started.elapsed().as_secs(), change.state.token())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_who_logged_out_and_what_ends_it() {
        let status: StatusReply = serde_json::from_value(json!({
            "status": "disconnected", "container_running": false, "api_port_open": false, "ib_connected": false,
            "gateway_container": "mcp-ib-gateway-paper", "api_host": "ibgateway-paper", "api_port": "4004", "state": "LOGGED_OUT",
            "since": "2026-11-20T10:00:00Z", "reason": null, "needs_human": null, "desired": "down", "reset_window": null,
            "next_attempt_at": null, "next_auth_due": null, "restart_budget": {"left_30_min": 3, "left_24_h": 8},
            "logged_out": {"by": "http:10.0.0.7", "since": "2026-11-20T10:00:00Z", "reason": "TWS", "until": null, "ends_with": "POST /gateway/login"},
            "layers": [{"layer": "container", "check": "running", "status": "fail", "detail": "exited"}],
        }))
        .unwrap();
        let text = render(&status);
        for part in [
            "gateway ibgateway-paper:4004: logged_out since 2026-11-20T10:00:00Z\n",
            "by http:10.0.0.7",
            "`ibmesh gateway login` ends it",
            "FAIL  container",
        ] {
            assert!(text.contains(part), "{part} missing in:\n{text}");
        }
    }

    #[test]
    fn a_change_is_one_line_and_what_a_person_has_to_do_comes_first() {
        let change = |needs: Value| {
            let change = json!({"at": "2026-11-20T10:00:00Z", "state": "WAIT_2FA", "reason": "2FA", "needs_human": needs, "desired": "up",
                "next_attempt_at": null});
            words(&serde_json::from_value(change).unwrap(), Instant::now())
        };
        assert_eq!(change(Value::Null), "   0 s  wait_2fa: 2FA");
        assert_eq!(change(json!("Confirm on the phone.")), "   0 s  wait_2fa: Confirm on the phone.");
    }
}
