//! The matrix: from what was seen to the first cause that fits.
//!
//! Invariant: the order is the matrix; a cause further up hides those below it, since repairing it may repair them.

use schemas::{gateway::State, health::IbNoticeKind};

use super::{Hello, Seen, SessionSeen};
use crate::{
    logs::Marker,
    policy::{Container, Engine, HaltKind, HoldKind, Now, Policy},
};

/// Older gateways do not speak the wire that this system knows.
pub(crate) const SERVER_VERSION_MIN: i32 = 213;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    Healthy,
    ReadOnly,
    CompetingSession,
    DockerUnreachable,
    LoggedOut,
    ContainerMissing,
    ContainerPaused,
    CannotStop,
    WrongPassword,
    LockedOut,
    SessionTaken,
    TwoFactor,
    LogInDialog,
    OutOfMemory,
    BadConfiguration,
    RestartBudget,
    ContainerStopped,
    UnknownHost,
    TooOld,
    ClientIdInUse,
    ResetWindow,
    UpstreamLost,
    DuplicateClientId,
    Fleet,
    SessionSilent,
    Starting,
    WrongPort,
    ForwarderDown,
    ForwarderTarget,
    ForwarderIpv6,
    ApiPortClosed,
    NotIb,
    LocalhostOnly,
    Unclear,
}

impl Verdict {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::ReadOnly => "read_only",
            Self::CompetingSession => "competing_session",
            Self::DockerUnreachable => "docker_unreachable",
            Self::LoggedOut => "logged_out",
            Self::ContainerMissing => "container_missing",
            Self::ContainerPaused => "container_paused",
            Self::CannotStop => "cannot_stop",
            Self::WrongPassword => "wrong_password",
            Self::LockedOut => "locked_out",
            Self::SessionTaken => "session_taken",
            Self::TwoFactor => "two_factor",
            Self::LogInDialog => "login_dialog",
            Self::OutOfMemory => "out_of_memory",
            Self::BadConfiguration => "bad_configuration",
            Self::RestartBudget => "restart_budget",
            Self::ContainerStopped => "container_stopped",
            Self::UnknownHost => "unknown_host",
            Self::TooOld => "gateway_too_old",
            Self::ClientIdInUse => "client_id_in_use",
            Self::ResetWindow => "reset_window",
            Self::UpstreamLost => "upstream_lost",
            Self::DuplicateClientId => "duplicate_client_id",
            Self::Fleet => "workers_not_connected",
            Self::SessionSilent => "session_silent",
            Self::Starting => "starting",
            Self::WrongPort => "wrong_port",
            Self::ForwarderDown => "forwarder_down",
            Self::ForwarderTarget => "forwarder_target",
            Self::ForwarderIpv6 => "forwarder_ipv6",
            Self::ApiPortClosed => "api_port_closed",
            Self::NotIb => "not_ib",
            Self::LocalhostOnly => "localhost_only",
            Self::Unclear => "unclear",
        }
    }

    /// One sentence.
    pub fn next_action(self, seen: &Seen) -> String {
        let target = &seen.target;
        let container = target.container.as_deref().unwrap_or("the gateway");
        let (own, forwarded) = (target.own_port(), target.forwarded_port());
        match self {
            Self::Healthy => "Nothing: the gateway answers and is connected to IB.".to_owned(),
            Self::ReadOnly => "Untick `Read-Only API` in the gateway's API settings (or set READ_ONLY_API=no): orders, cancels and the emergency stop are refused.".to_owned(),
            Self::CompetingSession => "Close the other session with this IB user (TWS, IBKR Mobile, Client Portal), or ask for delayed data: the live data go there.".to_owned(),
            Self::DockerUnreachable => "Start Docker, or correct DOCKER_HOST or the rules of the socket proxy.".to_owned(),
            Self::LoggedOut => "POST /gateway/login, or ibmesh gateway login, when the session may come back.".to_owned(),
            Self::ContainerMissing => format!("Create the container {container} with docker compose up --no-start, or correct GATEWAY_CONTAINER, then POST /gateway/login."),
            Self::ContainerPaused => format!("docker unpause {container}."),
            Self::CannotStop => format!("Look why Docker cannot stop {container}, then POST /gateway/logout or /gateway/login again."),
            Self::WrongPassword => "Correct the user name or password of the gateway, then POST /gateway/login; do not retry before, or IB locks the account.".to_owned(),
            Self::LockedOut => "Wait: IB refuses log-ins after too many failures, and the next one comes by itself when its time is over.".to_owned(),
            Self::SessionTaken => "End the other session with this IB login (TWS, IBKR Mobile, another gateway), or take it with POST /gateway/login.".to_owned(),
            Self::TwoFactor => "Confirm the log-in in IBKR Mobile; if the request is gone, POST /gateway/login asks again.".to_owned(),
            Self::LogInDialog => "Look at the gateway's screen (VNC): the log-in window did not appear; then POST /gateway/reconnect?hard=true.".to_owned(),
            Self::OutOfMemory => "Give the gateway's container more memory (its Java heap is set by JAVA_HEAP_SIZE), then POST /gateway/login.".to_owned(),
            Self::BadConfiguration => format!("Correct the settings that docker logs {container} names, then POST /gateway/login."),
            Self::RestartBudget => format!("Read docker logs {container} for why it does not stay up, then POST /gateway/login."),
            Self::ContainerStopped => "POST /gateway/login starts it.".to_owned(),
            Self::UnknownHost => format!("Correct IB_HOST: {} is no name that can be resolved here.", target.host),
            Self::TooOld => format!("Install a gateway that speaks server version {SERVER_VERSION_MIN} or newer."),
            Self::ClientIdInUse => "End the program that holds the probe's client ids 90 to 97; scripts should use 100 and above.".to_owned(),
            Self::ResetWindow => "Wait: IB restarts its servers, and the gateway comes back by itself.".to_owned(),
            Self::UpstreamLost => "Check the host's connection to the internet; the gateway is restarted by itself if IB stays away.".to_owned(),
            Self::DuplicateClientId => "Give each process a client id of its own: two of them use the same one.".to_owned(),
            Self::Fleet => "POST /restart-workers; if they stay away, compare their IB_HOST and IB_PORT with the gateway's.".to_owned(),
            Self::SessionSilent => "POST /gateway/reconnect: the API answers the hello and opens no session.".to_owned(),
            Self::Starting => "Wait 30 to 60 seconds for the log-in, then look at /gateway/status.".to_owned(),
            Self::WrongPort => match seen.answers_on {
                Some(port) => format!("Set IB_PORT={port}: the API answers there, and nothing answers on {}.", target.port),
                None => format!("Set IB_PORT={forwarded}: {own} is the gateway's port inside its container and cannot be reached from outside."),
            },
            Self::ForwarderDown => format!("POST /gateway/reconnect?hard=true: the gateway is logged in and nothing forwards port {} to it (socat).", target.port),
            Self::ForwarderTarget => format!("Correct the port forwarder (socat): it has to connect to 127.0.0.1:{own}; remove API_PORT and scripts of your own."),
            Self::ForwarderIpv6 => format!("Let the port forwarder (socat) connect to 127.0.0.1:{own} instead of [::1]: the gateway trusts 127.0.0.1 only."),
            Self::ApiPortClosed => format!("Set the gateway's socket port to {own} in its API settings (VNC), close it with File, Exit, then POST /gateway/login."),
            Self::NotIb => format!("Correct IB_HOST and IB_PORT: what answers on {}:{} is no IB gateway.", target.host, target.port),
            Self::LocalhostOnly => {
                "Open the gateway's window (VNC), answer any dialog, untick `Allow connections from localhost only` in Configure, Settings, API, close it with \
                 File, Exit, then POST /gateway/login."
                    .to_owned()
            }
            Self::Unclear => "ibmesh doctor --deep looks at what was not looked at.".to_owned(),
        }
    }
}

pub(super) fn of(seen: &Seen, policy: &Policy, now: Now) -> Verdict {
    of_container(seen, policy, now).or_else(|| of_log_in(policy, now)).unwrap_or_else(|| of_api(seen, policy, now))
}

fn halted(policy: &Policy, kind: HaltKind) -> bool {
    policy.saved().halted.as_ref().is_some_and(|halted| halted.kind == kind)
}

/// Layers 0 and 1.
fn of_container(seen: &Seen, policy: &Policy, now: Now) -> Option<Verdict> {
    let facts = policy.facts();
    if facts.engine == Engine::Lost {
        return Some(Verdict::DockerUnreachable);
    }
    if !policy.saved().wanted.is_up() {
        return Some(if halted(policy, HaltKind::CannotStop) { Verdict::CannotStop } else { Verdict::LoggedOut });
    }
    match facts.container {
        Container::Missing if seen.target.container.is_some() => Some(Verdict::ContainerMissing),
        Container::Paused => Some(Verdict::ContainerPaused),
        Container::Exited { code, oom_killed, .. } => Some(match of_log_in(policy, now) {
            Some(verdict) => verdict,
            None if policy.state() == State::SessionConflict => Verdict::SessionTaken,
            None => match code {
                Some(87) => Verdict::TwoFactor,
                Some(88) => Verdict::LogInDialog,
                Some(77 | 79..=83 | 86) => Verdict::BadConfiguration,
                _ if oom_killed => Verdict::OutOfMemory,
                _ if halted(policy, HaltKind::SecondFactor) => Verdict::TwoFactor,
                _ if halted(policy, HaltKind::Budget) => Verdict::RestartBudget,
                _ => Verdict::ContainerStopped,
            },
        }),
        _ => None,
    }
}

/// Layer 2.
fn of_log_in(policy: &Policy, now: Now) -> Option<Verdict> {
    let log = policy.facts().log.as_ref();
    let held = policy.saved().hold.as_ref().is_some_and(|hold| hold.kind == HoldKind::Lockout && hold.until > now.at);
    if halted(policy, HaltKind::Credentials) || log.is_some_and(|log| log.failed_log_ins > 0) {
        return Some(Verdict::WrongPassword);
    }
    if held || log.is_some_and(|log| log.marker == Marker::LockedOut) {
        return Some(Verdict::LockedOut);
    }
    if policy.state() == State::SessionConflict || log.is_some_and(|log| log.conflict.is_some() && !log.logged_in()) {
        return Some(Verdict::SessionTaken);
    }
    (policy.state() == State::WaitTwoFactor || log.is_some_and(|log| log.marker == Marker::SecondFactor)).then_some(Verdict::TwoFactor)
}

/// Layers 3 to 7.
fn of_api(seen: &Seen, policy: &Policy, now: Now) -> Verdict {
    match &seen.hello {
        _ if seen.resolved.as_ref().is_some_and(Vec::is_empty) => Verdict::UnknownHost,
        Hello::Answers(version) if *version < SERVER_VERSION_MIN => Verdict::TooOld,
        Hello::Answers(_) => of_session(seen, policy, now),
        Hello::NotIb(_) => Verdict::NotIb,
        _ => of_silence(seen, policy, now),
    }
}

fn of_session(seen: &Seen, policy: &Policy, now: Now) -> Verdict {
    match &seen.session {
        SessionSeen::IdInUse { .. } => return Verdict::ClientIdInUse,
        SessionSeen::Failed(_) => return Verdict::SessionSilent,
        SessionSeen::NotAsked => return Verdict::Unclear,
        SessionSeen::Open { .. } => {}
    }
    if policy.facts().upstream_lost {
        return if policy.reset_window(now.at).is_some() { Verdict::ResetWindow } else { Verdict::UpstreamLost };
    }
    if let Some(fleet) = &seen.fleet {
        if duplicates(seen).next().is_some() {
            return Verdict::DuplicateClientId;
        }
        if !fleet.is_empty() && fleet.iter().all(|member| !member.connected) {
            return Verdict::Fleet;
        }
    }
    if seen.told(IbNoticeKind::CompetingSession).is_some() {
        return Verdict::CompetingSession;
    }
    if seen.writes_wanted && seen.is_read_only() == Some(true) { Verdict::ReadOnly } else { Verdict::Healthy }
}

/// Client ids that two processes have.
pub(super) fn duplicates(seen: &Seen) -> impl Iterator<Item = i32> {
    let mut ids: Vec<i32> = seen.fleet.iter().flatten().filter_map(|member| member.client_id).collect();
    ids.sort_unstable();
    let mut twice: Vec<i32> = ids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    twice.dedup();
    twice.into_iter()
}

/// The port does not answer the API's hello.
fn of_silence(seen: &Seen, policy: &Policy, now: Now) -> Verdict {
    let (target, log) = (&seen.target, policy.facts().log.as_ref());
    let in_container = target.container.is_some();
    let own_port = in_container && matches!(target.port, 4001 | 4002);
    let logged_in = log.is_some_and(|log| log.logged_in());
    // An announced or listed forwarder on another port than the one that is asked.
    let elsewhere = seen
        .forwarder
        .as_ref()
        .map(|forwarder| forwarder.listen_port)
        .or(log.and_then(|log| log.forward).map(|forward| forward.listen_port));
    // Before a gateway of ours has logged in, its port is closed, and what answers beside it is another one.
    let answers_beside = seen.answers_on.is_some() && (logged_in || log.is_none());
    if seen.tcp_closed() && (answers_beside || (own_port && (logged_in || elsewhere.is_some_and(|port| port != target.port)))) {
        return Verdict::WrongPort;
    }
    if log.is_some() && !logged_in {
        return if policy.reset_window(now.at).is_some() { Verdict::ResetWindow } else { Verdict::Starting };
    }
    if seen.tcp_closed() {
        // Without a log and without a container nothing says more than that nobody listens.
        return if in_container { Verdict::ForwarderDown } else { Verdict::ContainerStopped };
    }
    if !seen.tcp_open() {
        return Verdict::Unclear;
    }
    let announced = log.and_then(|log| log.forward).map(|forward| forward.target_port);
    let target_port = seen.forwarder.as_ref().map(|forwarder| forwarder.target_port).or(announced);
    if in_container && target_port.is_some_and(|port| port != target.own_port()) {
        return Verdict::ForwarderTarget;
    }
    if seen.sockets.is_some_and(|sockets| !sockets.ipv4 && !sockets.ipv6) {
        return Verdict::ApiPortClosed;
    }
    if seen.forwarder.as_ref().is_some_and(super::Forwarder::is_ipv6) {
        return Verdict::ForwarderIpv6;
    }
    Verdict::LocalhostOnly
}
