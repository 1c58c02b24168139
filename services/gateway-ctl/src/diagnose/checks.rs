//! One line for each thing that was looked at, layer by layer.
//!
//! Invariant: a line that did not pass says what was seen and, where one can, what to do about it.

use schemas::{
    gateway::{Check, CheckStatus, State},
    health::{IbNotice, IbNoticeKind},
};

use super::{
    Seen, SessionSeen, check,
    reach::{hello, inside, network},
    time, verdict,
};
use crate::{
    logs::Marker,
    policy::{Container, Engine, Now, Policy, state_words},
};

use CheckStatus::{Fail, Pass, Skip, Warn};

/// More than this between the gateway's clock and ours moves windows and expiries.
const CLOCK_SKEW_MS_MAX: i64 = 2_000;
/// Connections that one gateway takes.
const CLIENTS_MAX: usize = 32;

pub(super) trait With: Sized {
    fn evidence(self, text: impl Into<String>) -> Self;
    fn fix(self, text: impl Into<String>) -> Self;
}

impl With for Check {
    fn evidence(mut self, text: impl Into<String>) -> Self {
        self.evidence = Some(text.into());
        self
    }

    fn fix(mut self, text: impl Into<String>) -> Self {
        self.fix = Some(text.into());
        self
    }
}

pub(super) fn all(seen: &Seen, policy: &Policy, now: Now) -> Vec<Check> {
    let mut checks = vec![engine(seen, policy), container(seen, policy)];
    checks.extend(settings(seen));
    checks.push(log_in(policy));
    checks.extend(network(seen));
    checks.extend(inside(seen, policy));
    checks.extend([
        hello(seen),
        session(seen),
        upstream(seen, policy, now),
        read_only(seen),
        fleet(seen),
        clock(seen),
        schedule(policy, now),
    ]);
    checks
}

fn engine(seen: &Seen, policy: &Policy) -> Check {
    match policy.facts().engine {
        _ if seen.target.container.is_none() => check("engine", "docker", Skip, "this gateway runs without Docker"),
        Engine::Unknown => check("engine", "docker", Skip, "not looked at yet"),
        Engine::Lost => check("engine", "docker", Fail, "Docker cannot be reached").fix("start Docker, or correct DOCKER_HOST"),
        Engine::Reachable => check(
            "engine",
            "docker",
            Pass,
            seen.engine_version.as_ref().map_or("reachable".to_owned(), |version| format!("reachable, version {version}")),
        ),
    }
}

fn container(seen: &Seen, policy: &Policy) -> Check {
    let name = seen.target.container.as_deref().unwrap_or("the gateway");
    let line = |status, detail: String| check("container", "running", status, detail);
    match policy.facts().container {
        Container::Unknown => line(Skip, "not looked at yet".to_owned()),
        Container::Missing => {
            line(Fail, format!("{name} does not exist")).fix("create it with docker compose up --no-start, or correct GATEWAY_CONTAINER")
        }
        Container::Paused => line(Fail, format!("{name} is paused")).fix(format!("docker unpause {name}")),
        Container::Running { started_at } => {
            line(Pass, started_at.map_or(format!("{name} runs"), |at| format!("{name} runs since {}", time(at))))
        }
        Container::Exited { code, oom_killed, .. } => {
            let status = if policy.saved().wanted.is_up() { Fail } else { Warn };
            let how = code.map_or("it ended".to_owned(), |code| format!("exit code {code}: {}", exit_meaning(code, oom_killed)));
            line(status, format!("{name} is stopped")).evidence(how).fix("POST /gateway/login starts it")
        }
    }
}

/// Exit codes of IBC and of its scripts.
fn exit_meaning(code: u8, oom_killed: bool) -> &'static str {
    match code {
        _ if oom_killed => "killed for want of memory",
        0 => "closed",
        1 => "the display or the gateway's process was lost",
        77 => "a control of the gateway's window was not found",
        79 => "IBC's settings file is missing",
        80 => "the trading mode is wrong",
        81..=83 => "a setting is wrong",
        86 => "the gateway's window was in an unexpected state",
        87 => "the second factor did not come in time",
        88 => "the log-in window did not appear in time",
        137 => "killed",
        143 => "asked to end by a signal",
        _ => "an error",
    }
}

fn settings(seen: &Seen) -> Vec<Check> {
    let Some(inspected) = &seen.inspected else { return Vec::new() };
    let mut checks = Vec::new();
    if let Some(policy) = &inspected.restart_policy {
        let right = policy.is_empty() || policy == "no";
        let line = check(
            "container",
            "restart policy",
            if right { Pass } else { Warn },
            format!("restart: {}", if policy.is_empty() { "no" } else { policy }),
        );
        checks.push(if right { line } else { line.fix("set restart: \"no\": any other policy starts the gateway over a logout") });
    }
    if let Some(kept) = inspected.settings_kept {
        let line = |status, detail| check("container", "settings volume", status, detail);
        checks.push(match (kept, inspected.settings_read_only) {
            (true, false) => line(Pass, "settings are kept in a volume"),
            (true, true) => line(Warn, "the settings volume is read-only: nothing is kept").fix("mount it without ro"),
            (false, _) => line(Warn, "settings are lost with the container").fix("mount a volume at TWS_SETTINGS_PATH"),
        });
    }
    if !inspected.missing_env.is_empty() {
        let line = check("container", "variables", Fail, format!("not set: {}", inspected.missing_env.join(", ")));
        checks.push(line.fix("set them for the gateway's container; values are never shown here"));
    }
    if let Some(image) = &inspected.image {
        checks.push(check("container", "image", Pass, image.clone()));
    }
    checks
}

fn log_in(policy: &Policy) -> Check {
    let line = |status, detail: &str| check("log", "log-in", status, detail);
    let Some(log) = &policy.facts().log else { return line(Skip, "the log was not read") };
    let seen = format!("last marker: {:?}, launches: {}, failed log-ins: {}", log.marker, log.launches, log.failed_log_ins);
    let line = match log.marker {
        _ if log.failed_log_ins > 0 => line(Fail, "IB refused the user name or password")
            .fix("correct them; mind that a backslash in a password is lost in IBC's settings file"),
        Marker::LockedOut => line(Fail, "too many failed log-ins: IB asks to wait"),
        Marker::SecondFactor => line(Fail, "the log-in waits for its second factor").fix("confirm it in IBKR Mobile"),
        _ if log.conflict.is_some() => line(Fail, "another session uses this IB login").fix("end it, or POST /gateway/login"),
        Marker::LoggedIn if log.took_over => line(Warn, "logged in; another session was ended for it"),
        Marker::LoggedIn => line(Pass, "logged in"),
        Marker::LogIn { attempt } if attempt > 1 => line(Warn, "logging in, not for the first time"),
        _ => line(Warn, "not logged in yet"),
    };
    line.evidence(seen)
}

fn session(seen: &Seen) -> Check {
    let line = |status, detail: String| check("session", "client id", status, detail);
    match &seen.session {
        SessionSeen::NotAsked => line(Skip, "not looked at".to_owned()),
        SessionSeen::Open { client_id, accounts } => line(Pass, format!("client id {client_id}, accounts {}", accounts.join(", "))),
        SessionSeen::IdInUse { client_ids } => line(Fail, "IB says that the client id is in use (326)".to_owned())
            .evidence(format!("tried: {client_ids:?}"))
            .fix("end the program that uses it"),
        SessionSeen::Failed(reason) => line(Fail, "no session was opened".to_owned()).evidence(reason.clone()),
    }
}

fn upstream(seen: &Seen, policy: &Policy, now: Now) -> Check {
    let line = |status, detail: &str| check("upstream", "ib", status, detail);
    let known = matches!(seen.session, SessionSeen::Open { .. }) || matches!(policy.state(), State::Connected | State::UpstreamLost);
    if !known {
        return line(Skip, "no session to see it by");
    }
    match (policy.facts().upstream_lost, policy.reset_window(now.at)) {
        (false, _) => match seen.told(IbNoticeKind::CompetingSession) {
            Some(notice) => line(Warn, "connected; a live session elsewhere has the market data (10197)")
                .evidence(words(notice))
                .fix("close the other session, or wait for delayed data"),
            None => line(Pass, "connected to IB's servers"),
        },
        (true, Some(window)) => line(Warn, "IB restarts its servers (1100)").evidence(format!("until {}", time(window.until))),
        (true, None) => line(Fail, "the gateway lost its connection to IB's servers (1100)"),
    }
}

/// IB's own, and when.
fn words(notice: &IbNotice) -> String {
    format!("{}: IB told {}: {}", time(notice.at), notice.code, notice.message)
}

fn read_only(seen: &Seen) -> Check {
    let line = |status, detail: &str| check("session", "read-only API", status, detail);
    match seen.is_read_only() {
        None => line(Skip, "not known: a gateway of this age says so when it is asked about orders"),
        Some(false) => line(Pass, "the gateway takes orders"),
        Some(true) => {
            let line = line(
                if seen.writes_wanted { Fail } else { Warn },
                "the gateway is read-only: orders, cancels and the emergency stop are refused (321)",
            )
            .fix("untick `Read-Only API`, or set READ_ONLY_API=no, if orders are wanted");
            match seen.told(IbNoticeKind::ReadOnly) {
                Some(notice) => line.evidence(words(notice)),
                None => line.evidence("the gateway's own settings"),
            }
        }
    }
}

fn fleet(seen: &Seen) -> Check {
    let line = |status, detail: String| check("fleet", "sessions", status, detail);
    let Some(fleet) = &seen.fleet else { return line(Skip, "no NATS, no heartbeats".to_owned()) };
    let connected = fleet.iter().filter(|member| member.connected).count();
    let detail = format!("{connected} of {} processes are connected", fleet.len());
    let twice: Vec<i32> = verdict::duplicates(seen).collect();
    if !twice.is_empty() {
        return line(Fail, detail).evidence(format!("client ids used twice: {twice:?}")).fix("give each process a client id of its own");
    }
    let away = |member: &super::Member| {
        format!("{} {}: {}", member.service, member.client_id.unwrap_or(-1), member.reason.as_deref().unwrap_or("not connected"))
    };
    let reasons: Vec<String> = fleet.iter().filter(|member| !member.connected).map(away).collect();
    match connected {
        _ if fleet.len() >= CLIENTS_MAX => line(Warn, detail).fix(format!("a gateway takes {CLIENTS_MAX} connections")),
        0 if fleet.is_empty() => line(Warn, "no processes".to_owned()).fix("start workers"),
        0 => line(Fail, detail).evidence(reasons.join("; ")).fix("POST /restart-workers"),
        n if n < fleet.len() => line(Warn, detail).evidence(reasons.join("; ")),
        _ => line(Pass, detail),
    }
}

fn clock(seen: &Seen) -> Check {
    match seen.clock_skew_ms {
        None => check("clock", "skew", Skip, "not looked at"),
        Some(skew_ms) if skew_ms.abs() > CLOCK_SKEW_MS_MAX => {
            check("clock", "skew", Warn, format!("the gateway's clock differs by {skew_ms} ms"))
                .fix("let both hosts keep their time by NTP")
        }
        Some(skew_ms) => check("clock", "skew", Pass, format!("{skew_ms} ms")),
    }
}

fn schedule(policy: &Policy, now: Now) -> Check {
    let due = policy.next_auth_due(now.at).map_or("none".to_owned(), time);
    let detail = format!("the gateway is {}; next full log-in due: {due}", state_words(policy.state()));
    match policy.reset_window(now.at) {
        Some(window) => {
            check("clock", "reset window", Warn, detail).evidence(format!("IB restarts its servers until {}", time(window.until)))
        }
        None => check("clock", "reset window", Pass, detail),
    }
}
