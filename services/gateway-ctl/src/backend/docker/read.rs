//! What an inspection of the container says, in our words.
//!
//! Invariant: names of variables only, never a value; what Docker leaves out is unknown.

use std::path::Path;

use bollard::models::{ContainerInspectResponse, ContainerState, ContainerStateStatusEnum as Status};
use jiff::Timestamp;

use crate::{diagnose::Inspected, policy::Container};

/// Where the gateway image keeps its settings, if a volume is there.
const SETTINGS_PATH: &str = "TWS_SETTINGS_PATH";
const USER: &str = "TWS_USERID";
/// One of them has to be set.
const PASSWORDS: [&str; 2] = ["TWS_PASSWORD", "TWS_PASSWORD_FILE"];
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
    let mut missing_env = Vec::new();
    if is_ibc && !has(USER) {
        missing_env.push(USER.to_owned());
    }
    if is_ibc && !PASSWORDS.iter().any(|name| has(name)) {
        missing_env.push(PASSWORDS.join(" or "));
    }
    let settings_path = env.iter().find(|(name, value)| *name == SETTINGS_PATH && !value.is_empty()).map(|(_, path)| Path::new(path));
    let mounted = |path: &Path| {
        let mounts = inspected.mounts.as_ref();
        mounts.into_iter().flatten().filter_map(|mount| mount.destination.as_deref()).any(|destination| path.starts_with(destination))
    };
    let restart = inspected.host_config.as_ref().and_then(|host| host.restart_policy.as_ref()).and_then(|restart| restart.name);
    Inspected {
        image: config.and_then(|config| config.image.clone()),
        restart_policy: restart.map(|name| name.to_string()),
        settings_kept: if is_ibc { Some(settings_path.is_some_and(mounted)) } else { None },
        missing_env,
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
