//! The replies that callers get, word for word as the specification has them, from the policy and from what was seen.
//!
//! Invariant: the predecessors' fields and words stay exactly; a text says what to do where something can be done.

use jiff::Timestamp;
use schemas::{
    Fault, FaultCode,
    gateway::{
        CommandReply, EnsureReadyParams, EnsureReadyReply, LOGOUT_MINUTES_MAX, Link, LoggedOut, LogoutParams, READY_TIMEOUT_S_DEFAULT,
        READY_TIMEOUT_S_MAX, REASON_CHARS_MAX, State, StatusReply,
    },
};

use crate::{
    diagnose::{Seen, layers},
    policy::{Answer, Api, Container, Notice, Now, Policy, Refusal, Session, Wanted},
};

const LOGIN: &str = "POST /gateway/login";

/// What `GET /gateway/status` answers.
pub fn status(seen: &Seen, policy: &Policy, now: Now) -> StatusReply {
    let (facts, saved) = (policy.facts(), policy.saved());
    let wanted = &saved.wanted;
    StatusReply {
        status: link(policy),
        container_running: is_running(policy),
        api_port_open: is_open(facts.api),
        ib_connected: is_connected(policy),
        gateway_container: seen.target.container.as_ref().or(seen.target.process.as_ref()).cloned().unwrap_or_default(),
        api_host: seen.target.host.clone(),
        api_port: seen.target.port.to_string(),
        state: policy.state(),
        since: policy.since(),
        reason: policy.reason().map(str::to_owned),
        needs_human: policy.need().map(|need| need.text().to_owned()),
        desired: wanted.desired,
        reset_window: policy.reset_window(now.at),
        next_attempt_at: policy.next_attempt_at(now),
        layers: layers(seen, policy, now),
        stale: policy.state() == State::DockerUnreachable,
        logged_out: (!wanted.is_up()).then(|| logged_out(wanted)),
        next_auth_due: policy.next_auth_due(now.at),
        restart_budget: policy.budget(now.at),
        server_version: match facts.api {
            Api::Answers { server_version } | Api::TooOld { server_version } => Some(server_version),
            _ => None,
        },
    }
}

pub(crate) fn logged_out(wanted: &Wanted) -> LoggedOut {
    LoggedOut {
        by: wanted.by.clone(),
        since: wanted.since,
        reason: wanted.reason.clone(),
        until: wanted.until,
        ends_with: LOGIN.to_owned(),
    }
}

fn is_running(policy: &Policy) -> bool {
    matches!(policy.facts().container, Container::Running { .. } | Container::Paused)
}

/// TCP, as the predecessors meant it: a forwarder is enough for it.
fn is_open(api: Api) -> bool {
    matches!(api, Api::Silent | Api::TooOld { .. } | Api::Answers { .. })
}

fn is_connected(policy: &Policy) -> bool {
    let facts = policy.facts();
    is_running(policy) && facts.session == Session::Open && !facts.upstream_lost
}

/// The predecessors' word. While the gateway logs in, its port forwarder is open already: that is still `starting`.
fn link(policy: &Policy) -> Link {
    if !is_running(policy) {
        return Link::Disconnected;
    }
    match policy.state() {
        State::Starting | State::Login | State::WaitTwoFactor | State::SoftRestart | State::Stopping | State::Paused => Link::Starting,
        _ if is_connected(policy) => Link::Connected,
        _ if is_open(policy.facts().api) => Link::ApiReady,
        _ => Link::Starting,
    }
}

/// What a caller of logout, login or reconnect gets.
pub fn command(answer: &Answer, policy: &Policy, now: Now) -> Result<CommandReply, Fault> {
    let reply = |message: &str, note: &str, changed: bool| {
        Ok(CommandReply { success: true, message: message.to_owned(), note: note.to_owned(), changed })
    };
    match answer {
        Answer::LoggedOut { changed } => reply(
            "Gateway stopped. IB session is now free for TWS.",
            "Use POST /gateway/login to restart the gateway when ready.",
            *changed,
        ),
        Answer::LoggedIn { changed } => reply(
            "Gateway started. Authentication in progress.",
            "Wait 30-60 seconds for gateway to authenticate, then check /gateway/status",
            *changed,
        ),
        Answer::Reconnecting { changed } => reply(
            "Gateway restart initiated. Workers stopped.",
            "Wait 30-60 seconds for gateway to reconnect, then check /gateway/status",
            *changed,
        ),
        Answer::Refused(refusal) => Err(refused(refusal, &policy.saved().wanted, now.at)),
        Answer::Ready { .. } | Answer::NotReady { .. } | Answer::NotReadyLoggedOut { .. } => {
            Err(Fault::new(FaultCode::Internal, format!("a command was answered with {answer:?}")))
        }
    }
}

fn refused(refusal: &Refusal, wanted: &Wanted, at: Timestamp) -> Fault {
    match refusal {
        Refusal::NoControl => {
            Fault::new(FaultCode::Unsupported, "This gateway was started by a person and cannot be started or stopped from here.")
                .hint("Log in or out in its own window.")
        }
        // 409, not 503: the caller has to decide first.
        Refusal::LoggedOut => Fault::new(FaultCode::Conflict, logged_out(wanted).sentence()).hint("Use POST /gateway/login."),
        Refusal::NotBefore { at: allowed, reason } => {
            let wait_ms = u64::try_from(allowed.duration_since(at).as_millis()).unwrap_or(0);
            Fault::new(FaultCode::RateLimited, format!("Not before {allowed:.0}: {reason}.")).retry_after_ms(wait_ms)
        }
        Refusal::Failed { reason } => Fault::new(FaultCode::GatewayDown, reason.clone()).hint("GET /gateway/diagnose says more."),
        Refusal::TooManyWaiters => Fault::new(FaultCode::Busy, "Too many callers wait for the gateway."),
    }
}

/// The fault of every request that needs the gateway while it is logged out.
pub fn logged_out_fault(wanted: &Wanted) -> Fault {
    logged_out(wanted).fault()
}

/// What a caller of ensure-ready gets. `ready:false` goes with HTTP 503.
pub fn ready(answer: &Answer, policy: &Policy, now: Now) -> Result<EnsureReadyReply, Fault> {
    let reply = |ready: bool, message: String, waited: u64| Ok(EnsureReadyReply { ready, message, waited });
    let seconds = |waited_ms: u64| waited_ms.div_ceil(1_000);
    match answer {
        Answer::Ready { waited_ms: 0 } => reply(true, "Gateway already connected".to_owned(), 0),
        Answer::Ready { waited_ms } => reply(true, format!("Gateway connected after {}s", seconds(*waited_ms)), seconds(*waited_ms)),
        Answer::NotReady { waited_ms, reason } => {
            reply(false, format!("Gateway not ready after {}s: {reason}", seconds(*waited_ms)), seconds(*waited_ms))
        }
        Answer::NotReadyLoggedOut { waited_ms } => {
            reply(false, "Gateway is logged out. Use POST /gateway/login.".to_owned(), seconds(*waited_ms))
        }
        Answer::Refused(refusal) => Err(refused(refusal, &policy.saved().wanted, now.at)),
        Answer::LoggedOut { .. } | Answer::LoggedIn { .. } | Answer::Reconnecting { .. } => {
            Err(Fault::new(FaultCode::Internal, format!("ensure-ready was answered with {answer:?}")))
        }
    }
}

/// Milliseconds after which the caller gives up.
pub fn ready_timeout_ms(params: &EnsureReadyParams) -> Result<u64, Fault> {
    let timeout_s = params.timeout.unwrap_or(READY_TIMEOUT_S_DEFAULT);
    if !(1..=READY_TIMEOUT_S_MAX).contains(&timeout_s) {
        return Err(Fault::invalid("timeout", format!("timeout is {timeout_s}; it is seconds, 1 to {READY_TIMEOUT_S_MAX}")));
    }
    Ok(u64::from(timeout_s) * 1_000)
}

/// Whether a logout can be asked for like this.
pub fn check_logout(params: &LogoutParams) -> Result<(), Fault> {
    if let Some(minutes) = params.minutes.filter(|minutes| !(1..=LOGOUT_MINUTES_MAX).contains(minutes)) {
        return Err(Fault::invalid("minutes", format!("minutes is {minutes}; it is 1 to {LOGOUT_MINUTES_MAX}, or absent")));
    }
    let reason = params.reason.as_deref().unwrap_or_default();
    if reason.chars().count() > REASON_CHARS_MAX || reason.chars().any(char::is_control) {
        return Err(Fault::invalid("reason", format!("reason is one line of at most {REASON_CHARS_MAX} characters")));
    }
    Ok(())
}

/// One sentence for people who are not looking.
pub fn notice(notice: Notice, policy: &Policy) -> String {
    match notice {
        Notice::NeedsHuman(need) | Notice::Halted(need) => need.text().to_owned(),
        Notice::SessionConflict => format!("Another session uses this IB login. {}", crate::policy::Need::Conflict.text()),
        Notice::Down => format!("The gateway has not been connected for 5 minutes: {}.", policy.why().trim_end_matches('.')),
        Notice::WeeklyLogIn { due } => format!("IB wants the weekly full log-in from {due:.0} on: have IBKR Mobile at hand."),
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
