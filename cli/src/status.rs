//! `ibmesh status`: the board of a running stack.
//!
//! Invariant: the exit code says what /health says, so that a script need not read the text.

use std::{fmt::Write as _, process::ExitCode};

use schemas::health::GatewayPart;

use crate::{
    health::{Health, WorkerLine},
    http::{EdgeArg, EdgeClient},
    out,
};

/// Show what a running stack is doing.
///
/// Exit code: 0 healthy, 1 degraded (processes run, none is connected to IB), 2 unhealthy or not reachable.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    edge: EdgeArg,
    /// Print /health as it is, for programs.
    #[arg(long)]
    json: bool,
}

const DEGRADED: u8 = 1;
const UNHEALTHY: u8 = 2;

pub(crate) async fn run(options: Options) -> ExitCode {
    let edge = options.edge.url();
    let answer = match EdgeClient::new(&edge) {
        Ok(client) => client.health().await,
        Err(error) => Err(error),
    };
    let body = match answer {
        Ok(body) => body,
        Err(error) => {
            out::problem(format_args!("ibmesh status: {error}"));
            return ExitCode::from(UNHEALTHY);
        }
    };
    let health: Health = match serde_json::from_value(body.clone()) {
        Ok(health) => health,
        Err(error) => {
            out::problem(format_args!("ibmesh status: {edge} answered, but not as an edge's /health: {error}"));
            return ExitCode::from(UNHEALTHY);
        }
    };
    if options.json {
        out::line(&body);
    } else {
        out::line(render(&edge, &health).trim_end());
    }
    exit_code(&health.status)
}

fn exit_code(status: &str) -> ExitCode {
    match status {
        "healthy" => ExitCode::SUCCESS,
        "degraded" => ExitCode::from(DEGRADED),
        _ => ExitCode::from(UNHEALTHY),
    }
}

fn render(edge: &str, health: &Health) -> String {
    let mut text = String::new();
    let pool = &health.pool;
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{} at {edge}: {} · {}", health.service, health.status, health.mode_word());
    let _ = writeln!(
        text,
        "  IB        {}:{}, {}",
        health.ib_host,
        health.ib_port,
        if health.ib_connected { "connected" } else { "not connected" }
    );
    if let Some(part) = &health.gateway {
        let _ = writeln!(text, "  gateway   {}", gateway(part));
    }
    let _ = writeln!(text, "  breaker   {}", breaker(health));
    let _ = writeln!(
        text,
        "  workers   {} alive of {}, {} connected to IB, {} with a free slot",
        pool.workers_alive, pool.pool_size, pool.workers_ib_connected, pool.workers_available
    );
    for worker in &pool.workers {
        let _ = writeln!(text, "    {}", worker_line(worker));
    }
    let options = if health.options_client_connected { "connected to IB" } else { "not connected to IB" };
    let _ = writeln!(text, "  options   {options}");
    text
}

fn gateway(part: &GatewayPart) -> String {
    if let Some(out) = &part.logged_out {
        return format!("{} `ibmesh gateway login` ends it.", out.sentence());
    }
    let why = part.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    format!("{} since {:.0}{why}", part.state.token(), part.since)
}

fn breaker(health: &Health) -> String {
    let breaker = &health.circuit_breaker;
    match breaker.recovery_in {
        Some(seconds) => format!("{}, {} failures, next try in {seconds:.0} s", breaker.state, breaker.failure_count),
        None => breaker.state.clone(),
    }
}

fn worker_line(worker: &WorkerLine) -> String {
    let id: String = worker.id.chars().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect();
    let client_id = worker.client_id.map_or_else(|| "-".to_owned(), |id| id.to_string());
    let state = match (worker.alive, worker.ib_connected, worker.available) {
        (false, ..) => "no sign of life",
        (_, false, _) => "not connected",
        _ if worker.upstream_lost => "upstream_lost: the gateway has lost IB's servers",
        (.., false) => "busy",
        _ => "ready",
    };
    let mut text = format!("{id}  client id {client_id:>3}  {state}");
    if worker.restart_count > 0 {
        let _ = write!(text, ", {} reconnects since it was last connected", worker.restart_count);
    }
    if let Some(reason) = &worker.reason {
        let _ = write!(text, ": {reason}");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The example of the specification, with a worker that is not connected.
    fn sample() -> Health {
        serde_json::from_value(json!({
            "status": "healthy", "ib_connected": true, "options_client_connected": false, "service": "ib-paper",
            "ib_host": "127.0.0.1", "ib_port": "4002", "mode": "simulated",
            "circuit_breaker": {"state": "open", "failure_count": 3, "last_failure_ago": 2.5, "recovery_in": 57.6},
            "pool": {"pool_size": 3, "workers_alive": 2, "workers_ib_connected": 1, "workers_available": 1, "workers": [
                {"id": "0192-aaaabbbb", "client_id": 10, "alive": true, "ib_connected": true, "available": true, "consecutive_failures": 0, "restart_count": 0},
                {"id": "0192-ccccdddd", "client_id": null, "alive": true, "ib_connected": false, "available": false, "consecutive_failures": 4,
                 "restart_count": 4, "reason": "connection refused", "a_later_field": 1},
            ]},
        }))
        .unwrap()
    }

    #[test]
    fn the_board_says_mode_breaker_and_why_a_worker_is_not_connected() {
        let text = render("http://127.0.0.1:48012", &sample());
        for part in [
            "ib-paper",
            "healthy · SIMULATED",
            "3 failures, next try in 58 s",
            "2 alive of 3",
            "aaaabbbb  client id  10  ready",
            "connection refused",
        ] {
            assert!(text.contains(part), "{part} missing in:\n{text}");
        }
    }

    #[test]
    fn workers_stand_below_their_summary_and_options_after_them() {
        let text = render("e", &sample());
        let starts: Vec<&str> = text.lines().skip(3).map(|line| line.get(..10).unwrap_or(line).trim()).collect();
        assert_eq!(starts, ["workers", "aaaabb", "ccccdd", "options"], "{text}");
    }

    #[test]
    fn the_board_says_what_the_gateway_does_and_who_logged_it_out() {
        let mut part = json!({"state": "WAIT_2FA", "desired": "up", "since": "2026-11-20T10:00:00Z", "reason": "confirm on the phone"});
        let board = |part: &serde_json::Value| render("e", &serde_json::from_value(json!({ "gateway": part })).unwrap());
        assert!(board(&part).contains("gateway   wait_2fa since 2026-11-20T10:00:00Z: confirm on the phone"), "{}", board(&part));
        part["logged_out"] =
            json!({"by": "dora", "since": "2026-11-20T10:00:00Z", "reason": "TWS", "until": null, "ends_with": "POST /gateway/login"});
        assert!(board(&part).contains("by dora") && board(&part).contains("`ibmesh gateway login` ends it."), "{}", board(&part));
        part["desired"] = json!("of a later release");
        assert!(!board(&part).contains("gateway"), "the rest is shown all the same: {}", board(&part));
    }

    #[test]
    fn a_gateway_that_has_lost_ib_is_no_busy_worker() {
        let line: WorkerLine = serde_json::from_value(json!({"alive": true, "ib_connected": true, "upstream_lost": true})).unwrap();
        assert!(worker_line(&line).contains("upstream_lost"), "{}", worker_line(&line));
    }

    #[test]
    fn an_answer_with_fields_missing_is_still_shown() {
        let health: Health = serde_json::from_value(json!({"status": "unhealthy"})).unwrap();
        assert!(render("e", &health).contains("unhealthy · MODE NOT KNOWN"));
    }

    #[test]
    fn the_exit_code_says_what_the_status_says() {
        for (status, code) in
            [("healthy", ExitCode::SUCCESS), ("degraded", ExitCode::from(1)), ("unhealthy", ExitCode::from(2)), ("", ExitCode::from(2))]
        {
            assert_eq!(format!("{:?}", exit_code(status)), format!("{code:?}"), "{status}");
        }
    }
}
