//! What an inspection of the container says, in our words.
//!
//! Invariant: names of variables only, never a value; what Docker leaves out is unknown.

use std::path::Path;

use bollard::models::{ContainerInspectResponse, ContainerState, ContainerStateStatusEnum as Status};
use jiff::Timestamp;

use crate::{diagnose::Inspected, policy::Container};

/// Where the gateway image keeps its settings, if a volume is there.
const SETTINGS_PATH: &str = "TWS_SETTINGS_PATH";
/// One of them has to be set; the second is what the shipped start script makes the first of.
const USERS: [&str; 2] = ["TWS_USERID", "IB_USERNAME"];
/// One of them has to be set, unless the password comes as a secret.
const PASSWORDS: [&str; 3] = ["TWS_PASSWORD", "TWS_PASSWORD_FILE", "IB_PASSWORD"];
/// The file that the shipped compose file puts the password into, and what stands in its place where there is none.
const SECRET: (&str, &str) = ("/run/secrets/ib_password", "/dev/null");
/// Variables that only an image with IBC in it has.
const IBC_IMAGE: [&str; 2] = ["IBC_", "TWS_"];

/// The container and when its present or last life began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) container: Container,
    pub(super) started_at: Option<Timestamp>,
}

pub(super) fn life_of(inspected: &ContainerInspectResponse) -> Life {
    let Some(state) = &inspected.state else { return Life { container: Container::Unknown, started_at: None } };
    let started_at = time_of(state.started_at.as_deref());
    let container = match state.status {
        Some(Status::RUNNING | Status::STOPPING) => Container::Running { started_at },
        Some(Status::PAUSED) => Container::Paused,
        // Its restart policy waits: nothing runs meanwhile.
        Some(Status::RESTARTING | Status::EXITED | Status::DEAD) => exited(state),
        // Never started: there is no end to tell of.
        Some(Status::CREATED) => Container::Exited { code: None, oom_killed: false, finished_at: None },
        Some(Status::REMOVING) => Container::Missing,
        // Some engines tell the flags only.
        Some(Status::EMPTY) | None => match (state.paused, state.running) {
            (Some(true), _) => Container::Paused,
            (_, Some(true)) => Container::Running { started_at },
            (_, Some(false)) => exited(state),
            (_, None) => Container::Unknown,
        },
    };
    Life { container, started_at }
}

fn exited(state: &ContainerState) -> Container {
    Container::Exited {
        code: state.exit_code.and_then(|code| u8::try_from(code).ok()),
        oom_killed: state.oom_killed.unwrap_or(false),
        finished_at: time_of(state.finished_at.as_deref()),
    }
}

/// Docker writes the year 1 for a time that never was.
fn time_of(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok().filter(|at| *at > Timestamp::UNIX_EPOCH)
}

pub(super) fn inspected_of(inspected: &ContainerInspectResponse) -> Inspected {
    let config = inspected.config.as_ref();
    let env: Vec<(&str, &str)> =
        config.and_then(|config| config.env.as_ref()).into_iter().flatten().filter_map(|entry| entry.split_once('=')).collect();
    // A name with nothing behind it is as good as none.
    let has = |name: &str| env.iter().any(|(known, value)| *known == name && !value.is_empty());
    let is_ibc = env.iter().any(|(name, _)| IBC_IMAGE.iter().any(|start| name.starts_with(start)));
    let mounts = || inspected.mounts.as_ref().into_iter().flatten();
    let has_secret = mounts().any(|mount| mount.destination.as_deref() == Some(SECRET.0) && mount.source.as_deref() != Some(SECRET.1));
    let mut missing_env = Vec::new();
    if is_ibc && !USERS.iter().any(|name| has(name)) {
        missing_env.push(USERS.join(" or "));
    }
    if is_ibc && !has_secret && !PASSWORDS.iter().any(|name| has(name)) {
        missing_env.push(PASSWORDS.join(" or "));
    }
    let settings_path = env.iter().find(|(name, value)| *name == SETTINGS_PATH && !value.is_empty()).map(|(_, path)| Path::new(path));
    let volume = settings_path.and_then(|path| mounts().find(|mount| mount.destination.as_ref().is_some_and(|at| path.starts_with(at))));
    let restart = inspected.host_config.as_ref().and_then(|host| host.restart_policy.as_ref()).and_then(|restart| restart.name);
    Inspected {
        image: config.and_then(|config| config.image.clone()),
        restart_policy: restart.map(|name| name.to_string()),
        settings_kept: is_ibc.then_some(volume.is_some()),
        settings_read_only: volume.is_some_and(|volume| volume.rw == Some(false)),
        missing_env,
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
