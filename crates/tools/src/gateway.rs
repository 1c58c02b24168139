//! The tools of group F: what the gateway does, and the commands that start and stop it.

use schemas::{
    Context, Fault,
    gateway::{
        Check, CheckStatus, CommandReply, Desired, Diagnose, DiagnoseParams, DiagnoseReply, EnsureReady, EnsureReadyParams,
        EnsureReadyReply, LOGOUT_MINUTES_MAX, Link, Login, LoginParams, Logout, LogoutParams, READY_TIMEOUT_S_MAX, REASON_CHARS_MAX,
        Reconnect, ReconnectParams, ResetKind, RestartWorkersParams, RestartWorkersReply, Status, StatusParams, StatusReply,
    },
};

use crate::{
    argument::Argument,
    asked::Asked,
    context::{NEW_YORK, full, zone},
    page::Body,
    text,
    tool::{Annotations, Definition, Profile, Toolset},
};

/// Seconds that an agent's client waits for an answer, unless it says otherwise: most give up after a minute.
const READY_TIMEOUT_S: i64 = 60;
/// Longest text of a reply that is told here; structuredContent has all of it.
const WORDS_CHARS: usize = 300;

fn number(asked: &Asked, name: &str) -> Option<u32> {
    asked.integer(name).and_then(|number| u32::try_from(number).ok())
}

fn words(text: &str) -> String {
    text::inline(text, WORDS_CHARS)
}

fn time(at: jiff::Timestamp) -> String {
    full(at, &zone(NEW_YORK))
}

pub(crate) struct GatewayStatus;

impl Definition for GatewayStatus {
    type Op = Status;
    const NAME: &'static str = "gateway_status";
    const TITLE: &'static str = "Gateway Status";
    const ABOUT: &'static str =
        "What the IB gateway is doing: connected or not and why, wanted up or down and by whom, what it waits for, the next full log-in.";
    const TOOLSET: Toolset = Toolset::Admin;
    const PROFILE: Profile = Profile::Admin;
    const ARGUMENTS: &'static [Argument] = &[];

    fn params(_: &mut Asked) -> Result<StatusParams, Fault> {
        Ok(StatusParams {})
    }

    fn context(_: &StatusReply) -> Option<&Context> {
        None
    }

    fn body(_: &Asked, reply: &StatusReply) -> Body {
        let mut body = Body::titled(format!("# Gateway: {}", link(reply.status)));
        if reply.stale {
            body.line("**Docker does not answer: this is what was seen last.**");
        }
        body.gap();
        for (name, value) in facts(reply) {
            body.line(format!("- **{name}**: {value}"));
        }
        checks(&mut body, &reply.layers);
        body
    }
}

const fn link(link: Link) -> &'static str {
    match link {
        Link::Connected => "connected",
        Link::ApiReady => "API ready, not authenticated",
        Link::Starting => "starting",
        Link::Disconnected => "stopped",
        Link::Unknown => "unknown",
    }
}

fn facts(reply: &StatusReply) -> Vec<(&'static str, String)> {
    let wanted = match reply.desired {
        Desired::Up => "up",
        Desired::Down => "down",
    };
    let port = if reply.api_port_open { "open" } else { "closed" };
    let version = reply.server_version.map_or_else(String::new, |version| format!(", server version {version}"));
    let mut facts = vec![
        ("State", format!("{} since {}", reply.state.token(), time(reply.since))),
        ("Wanted", wanted.to_owned()),
        ("API", format!("{}:{}, {port}{version}", words(&reply.api_host), words(&reply.api_port))),
    ];
    let mut say = |name: &'static str, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    say("Container", Some(words(&reply.gateway_container)).filter(|name| !name.is_empty()));
    say("Reason", reply.reason.as_deref().map(words));
    say("Needs a person", reply.needs_human.as_deref().map(words));
    say("Logged out", reply.logged_out.as_ref().map(|out| format!("{} gateway_login ends it.", words(&out.sentence()))));
    say("IB's reset window", reply.reset_window.map(|window| format!("{}, until {}", reset(window.kind), time(window.until))));
    say("Next attempt", reply.next_attempt_at.map(time));
    say("Next full log-in due", reply.next_auth_due.map(time));
    let budget = reply.restart_budget;
    say("Automatic starts left", Some(format!("{} in 30 minutes, {} in 24 hours", budget.left_30_min, budget.left_24_h)));
    facts
}

const fn reset(kind: ResetKind) -> &'static str {
    match kind {
        ResetKind::Nightly => "nightly",
        ResetKind::Weekend => "weekend",
        ResetKind::Unknown => "unknown",
    }
}

fn checks(body: &mut Body, checks: &[Check]) {
    if checks.is_empty() {
        return;
    }
    body.gap();
    body.columns(&["Layer", "Check", "Status", "Detail", "Evidence", "Fix"]);
    for check in checks {
        let status = match check.status {
            CheckStatus::Pass => "PASS",
            CheckStatus::Warn => "WARN",
            CheckStatus::Fail => "FAIL",
            CheckStatus::Skip => "skip",
        };
        let cells = [&check.layer, &check.check, status, &check.detail].map(str::to_owned);
        let more = [&check.evidence, &check.fix].map(|text| text.clone().unwrap_or_default());
        body.cells(&[cells.as_slice(), more.as_slice()].concat());
    }
}

/// The texts of a command, and the tool that comes next.
fn command(reply: &CommandReply, next: &str) -> Body {
    let mut body = Body::titled(words(&reply.message));
    if !reply.changed {
        body.line("It was so already; nothing had to be done.");
    }
    body.line(words(&reply.note));
    body.line(next);
    body
}

pub(crate) struct GatewayLogout;

impl Definition for GatewayLogout {
    type Op = Logout;
    const NAME: &'static str = "gateway_logout";
    const TITLE: &'static str = "Gateway Logout";
    const ABOUT: &'static str = "Stops the gateway and frees the IB session, so that a person can log in with TWS. Nothing starts it again until gateway_login, or the end of `minutes`.";
    const TOOLSET: Toolset = Toolset::Admin;
    const PROFILE: Profile = Profile::Admin;
    const ANNOTATIONS: Annotations = Annotations::ENDS;
    const ARGUMENTS: &'static [Argument] = &[
        Argument::integer("minutes", "Log in again by itself after so many; without it never", 1, LOGOUT_MINUTES_MAX as i64),
        Argument::line("reason", "Told to whoever asks why the gateway is down", REASON_CHARS_MAX),
    ];

    fn params(asked: &mut Asked) -> Result<LogoutParams, Fault> {
        Ok(LogoutParams { minutes: number(asked, "minutes"), reason: asked.text("reason").map(str::to_owned) })
    }

    fn context(_: &CommandReply) -> Option<&Context> {
        None
    }

    fn body(_: &Asked, reply: &CommandReply) -> Body {
        command(reply, "gateway_login starts it again.")
    }
}

pub(crate) struct GatewayLogin;

impl Definition for GatewayLogin {
    type Op = Login;
    const NAME: &'static str = "gateway_login";
    const TITLE: &'static str = "Gateway Login";
    const ABOUT: &'static str = "Starts the gateway, which authenticates with the saved credentials. Ends a logout, also a person's: ask first whether the session is free.";
    const TOOLSET: Toolset = Toolset::Admin;
    const PROFILE: Profile = Profile::Admin;
    const ANNOTATIONS: Annotations = Annotations::BRINGS;
    const ARGUMENTS: &'static [Argument] = &[];

    fn params(_: &mut Asked) -> Result<LoginParams, Fault> {
        Ok(LoginParams {})
    }

    fn context(_: &CommandReply) -> Option<&Context> {
        None
    }

    fn body(_: &Asked, reply: &CommandReply) -> Body {
        command(reply, "gateway_ensure_ready waits for it.")
    }
}

pub(crate) struct GatewayReconnect;

impl Definition for GatewayReconnect {
    type Op = Reconnect;
    const NAME: &'static str = "gateway_reconnect";
    const TITLE: &'static str = "Gateway Reconnect";
    const ABOUT: &'static str = "Restarts the gateway: softly, with its authentication kept, else by stop and start. `hard` stops and starts at once, which may ask for a second factor.";
    const TOOLSET: Toolset = Toolset::Admin;
    const PROFILE: Profile = Profile::Admin;
    const ANNOTATIONS: Annotations = Annotations { idempotent: Some(false), ..Annotations::ENDS };
    const ARGUMENTS: &'static [Argument] = &[Argument::boolean("hard", "Stop and start at once, with a full log-in", false)];

    fn params(asked: &mut Asked) -> Result<ReconnectParams, Fault> {
        Ok(ReconnectParams { hard: asked.boolean("hard").unwrap_or_default() })
    }

    fn context(_: &CommandReply) -> Option<&Context> {
        None
    }

    fn body(_: &Asked, reply: &CommandReply) -> Body {
        command(reply, "gateway_ensure_ready waits for it.")
    }
}

pub(crate) struct GatewayEnsureReady;

impl Definition for GatewayEnsureReady {
    type Op = EnsureReady;
    const NAME: &'static str = "gateway_ensure_ready";
    const TITLE: &'static str = "Gateway Ensure Ready";
    const ABOUT: &'static str = "Answers when the gateway is connected; brings it back and waits if it is not. Never ends a logout. Not ready in time is an answer that says why; ask again.";
    const TOOLSET: Toolset = Toolset::Admin;
    const PROFILE: Profile = Profile::Admin;
    const ANNOTATIONS: Annotations = Annotations::BRINGS;
    const ARGUMENTS: &'static [Argument] =
        &[Argument::integer("timeout", "Seconds until you give up", 1, READY_TIMEOUT_S_MAX as i64).or_integer(READY_TIMEOUT_S)];

    fn params(asked: &mut Asked) -> Result<EnsureReadyParams, Fault> {
        let timeout = asked.integer("timeout").unwrap_or(READY_TIMEOUT_S);
        Ok(EnsureReadyParams { timeout: u32::try_from(timeout).ok() })
    }

    fn context(_: &EnsureReadyReply) -> Option<&Context> {
        None
    }

    fn body(_: &Asked, reply: &EnsureReadyReply) -> Body {
        let mut body = Body::titled(words(&reply.message));
        if !reply.ready {
            body.line("gateway_diagnose says what is wrong.");
        }
        body
    }
}

pub(crate) struct GatewayDiagnose;

impl Definition for GatewayDiagnose {
    type Op = Diagnose;
    const NAME: &'static str = "gateway_diagnose";
    const TITLE: &'static str = "Gateway Diagnose";
    const ABOUT: &'static str =
        "Looks at every layer from Docker to the workers and says what is wrong and what to do next, with evidence. Changes nothing.";
    const TOOLSET: Toolset = Toolset::Admin;
    const PROFILE: Profile = Profile::Admin;
    const ARGUMENTS: &'static [Argument] =
        &[Argument::boolean("deep", "Also what takes longer: inside the container, a session of its own", false)];

    fn params(asked: &mut Asked) -> Result<DiagnoseParams, Fault> {
        Ok(DiagnoseParams { deep: asked.boolean("deep").unwrap_or_default() })
    }

    fn context(_: &DiagnoseReply) -> Option<&Context> {
        None
    }

    fn body(_: &Asked, reply: &DiagnoseReply) -> Body {
        let mut body = Body::titled(format!("# Gateway diagnosis: {}", words(&reply.verdict)));
        body.line(format!("**Next**: {}", words(&reply.next_action)));
        checks(&mut body, &reply.layers);
        body
    }
}

pub(crate) struct RestartWorkers;

impl Definition for RestartWorkers {
    type Op = schemas::gateway::RestartWorkers;
    const NAME: &'static str = "restart_workers";
    const TITLE: &'static str = "Restart Workers";
    const ABOUT: &'static str = "Every worker and the options service drop their IB connection and connect anew; requests under way fail. The gateway itself is left alone.";
    const TOOLSET: Toolset = Toolset::Admin;
    const PROFILE: Profile = Profile::Admin;
    const ANNOTATIONS: Annotations = Annotations { idempotent: Some(false), ..Annotations::ENDS };
    const ARGUMENTS: &'static [Argument] = &[];

    fn params(_: &mut Asked) -> Result<RestartWorkersParams, Fault> {
        Ok(RestartWorkersParams {})
    }

    fn context(_: &RestartWorkersReply) -> Option<&Context> {
        None
    }

    fn body(_: &Asked, reply: &RestartWorkersReply) -> Body {
        let mut body = Body::titled(words(&reply.message));
        for id in &reply.not_answering {
            body.row(format!("- no answer: {}", words(id)));
        }
        body
    }
}
