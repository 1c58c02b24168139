//! What the log of a gateway container says: the lines that people and programs key on.
//!
//! The words are those of IBC 3.24, its start script and the image's run script; lines about windows
//! and buttons are left out. Invariant: no line names a user, a password or a path of this machine.

use jiff::civil::Time;

/// One line: IBC's carry a time stamp, the scripts' do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    Ibc(String),
    Script(String),
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::Ibc(text.to_owned())
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::Ibc(text)
    }
}

pub(super) const TWO_FACTOR: &str = "Second Factor Authentication initiated";
pub(super) const LOGGED_IN: &str = "Login has completed";
pub(super) const CONFIGURED: &str = "Configuration tasks completed";
pub(super) const RELOGIN: &str = "Re-login to session";
pub(super) const RELOGIN_AFTER_TWO_FACTOR: &str = "Re-login after second factor authentication timeout in 5 second";
pub(super) const CLOSED: &str = "Login has completed: exiting via [File, Close] menu";
pub(super) const HALTED: &str = "Login has not completed: exiting immediately";
pub(super) const SCENARIO_1: &str = "User must choose whether to continue with this session (scenario 1)";
pub(super) const SCENARIO_2: &str = "End this session and let the other session proceed (scenario 2)";
pub(super) const SCENARIO_3: &str = "Don't know the type of the other session, so continue this one (scenario 3)";
pub(super) const SCENARIO_5: &str = "Continue this session and let the other session exit (scenario 5)";
pub(super) const SCENARIO_6: &str = "Other session may be primary, so end this session and let the other one proceed (scenario 6)";
/// The frame that IBC draws around an error.
const RULE: &str = "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!";
const STARS: &str = "*************************************************************************";

fn script(text: impl Into<String>) -> Line {
    Line::Script(text.into())
}

/// Until the start script runs.
pub(super) fn container(command_port: Option<u16>) -> Vec<Line> {
    let mut lines: Vec<Line> = [
        STARS,
        ".> Starting IBC/IB gateway",
        STARS,
        ".> Starting Xvfb server",
        ".> VNC server disabled",
        ".> API_PORT set to: 4002",
        ".> SOCAT_PORT set to: 4004",
        ".> Starting Port Forwarding.",
        ".> Starting socat",
        "Forking :::4002 onto 0.0.0.0:4004 > trading mode paper ",
        ".> Starting IBC in paper mode, with params:",
        "autorestart file not found: full authentication will be required",
        "",
    ]
    .map(script)
    .into();
    match command_port {
        None => lines.push("CommandServer is not started because the port is not configured".into()),
        Some(port) => {
            lines.push(format!("CommandServer is starting with port {port}").into());
            lines.push("CommandServer started and is ready to accept commands".into());
        }
    }
    lines
}

pub(super) fn launched(resuming: bool) -> Vec<Line> {
    let session =
        if resuming { "Re-starting session" } else { "Starting session: will exit if login dialog is not displayed within 60 seconds" };
    vec![script("Starting Gateway with this command:"), session.into(), "Starting Gateway".into()]
}

pub(super) fn login_attempt(number: u32) -> Vec<Line> {
    vec![
        "Setting Trading mode = paper".into(),
        "Setting user name".into(),
        "Setting password".into(),
        format!("Login attempt: {number}").into(),
    ]
}

/// IBC 3.24 answers a failed log-in with a cold restart, again and again.
pub(super) fn login_failed() -> Vec<Line> {
    let mut lines = vec!["Login failed".into(), "Cold restart in progress".into(), HALTED.into()];
    lines.extend([script("IBC returned exit status 0"), script("IBC will cold-restart shortly")]);
    lines.extend(will_restart());
    lines
}

pub(super) fn too_many_attempts(lockout_ms: u64) -> Line {
    let (minutes, seconds) = (lockout_ms / 60_000, lockout_ms / 1000 % 60);
    let wait = if minutes > 0 { format!("{minutes} minutes & {seconds} seconds") } else { format!("{seconds} seconds") };
    format!("Too many failed login attempts. Please wait {wait} before attempting to re-login again.").into()
}

pub(super) fn two_factor_closed(seconds: u64) -> String {
    format!("Duration since login: {seconds} seconds")
}

pub(super) fn exit_after_two_factor(seconds: u64) -> String {
    format!("If login has not completed, IBC will exit in {seconds} seconds")
}

pub(super) fn two_factor_exit() -> Vec<Line> {
    vec![
        script(RULE),
        "IBC closing because login has not completed after Second Factor Authentication".into(),
        script(RULE),
        "Exiting after error with exit code=1111".into(),
    ]
}

pub(super) fn returned(code: u8) -> Vec<Line> {
    vec![script(format!("IBC returned exit status {code}"))]
}

pub(super) fn will_restart() -> Vec<Line> {
    vec![script("IBC will restart shortly"), script("sleep 2")]
}

pub(super) fn autorestart_found() -> Vec<Line> {
    vec![
        script("Finding autorestart file"),
        script("autorestart file found at /home/ibgateway/Jts/autorestart: authentication will not be required"),
        script("AUTORESTART_OPTION is -Drestart=Jts"),
    ]
}

pub(super) fn cold_restart() -> Vec<Line> {
    let mut lines = vec![CLOSED.into(), script("IBC returned exit status 0"), script("IBC will cold-restart shortly")];
    lines.extend(will_restart());
    lines
}

pub(super) fn paused() -> Vec<Line> {
    vec![script("IBC is paused"), script("Gateway finished"), script("")]
}

pub(super) fn finished() -> Vec<Line> {
    vec![
        script("Finding autorestart file"),
        script("autorestart file not found: full authentication will be required"),
        script(""),
        script("Gateway finished"),
        script(""),
    ]
}

/// The container's first process takes the display away first, and only then asks IBC to end.
pub(super) fn terminated() -> Vec<Line> {
    [
        ".> 😘 Received SIGINT or SIGTERM. Shutting down IB Gateway.",
        ".> Stopping Xvfb.",
        ".> Stopping socat.",
        ".> Stopping IBC.",
        "IBC returned exit status 143",
        "Gateway finished",
        ".> Done... 143",
    ]
    .map(script)
    .into()
}

pub(super) fn restart_planned(at: Time, pause: bool) -> Vec<Line> {
    let verb = if pause { "PAUSE" } else { "RESTART" };
    vec![
        format!("RestartTask: pauseOnly = {pause}").into(),
        format!("RestartTask: verb = {verb}").into(),
        format!("Setting auto-restart time to {}", clock(at)).into(),
    ]
}

/// `10:16 AM`, as IBC shows a time of day.
pub(super) fn clock(at: Time) -> String {
    at.strftime("%I:%M %p").to_string()
}

pub(super) fn command(text: &str) -> Line {
    format!("CommandServer received command: {text}").into()
}

pub(super) fn command_from(peer: std::net::IpAddr) -> Line {
    format!("CommandServer accepted connection from: /{peer}").into()
}

pub(super) fn invalid_command(text: &str) -> Vec<Line> {
    vec![script(RULE), format!("CommandServer: invalid command received: {text}").into(), script(RULE)]
}
