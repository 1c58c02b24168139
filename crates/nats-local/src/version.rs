//! Versions of nats-server, and asking a binary for its own.

use std::{fmt, io, path::Path, process::Stdio, str::FromStr, time::Duration};

use tokio::{process::Command, time::timeout};

/// How long a binary may take to print its version.
const VERSION_DEADLINE: Duration = Duration::from_secs(10);

/// How often a start is tried again while the file is "busy" (see [`ask`]).
const BUSY_TRIES: u32 = 50;

/// `major.minor.patch`; a suffix such as `-RC.1` is read over, since no decision here hangs on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

impl Version {
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is no version");
        let core = text.strip_prefix('v').unwrap_or(text);
        let core = core.split(['-', '+']).next().unwrap_or(core);
        let mut parts = core.split('.').map(str::parse::<u32>);
        let mut next = || parts.next().and_then(Result::ok).ok_or_else(bad);
        let version = Self::new(next()?, next()?, next()?);
        if parts.next().is_some() { Err(bad()) } else { Ok(version) }
    }
}

/// Runs `BINARY --version`; the error says in words why this is no usable nats-server.
pub(crate) async fn ask(binary: &Path) -> Result<Version, String> {
    let run = async {
        let mut retry = tokio::time::interval(crate::POLL);
        let mut tries = 0;
        loop {
            let output = Command::new(binary).arg("--version").stdin(Stdio::null()).kill_on_drop(true).output().await;
            match output {
                // A thread of this process that forked while the file was still open for writing holds it for an
                // instant: Linux then refuses to execute it (ETXTBSY), and is right a moment later.
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES => {
                    tries += 1;
                    retry.tick().await;
                }
                other => return other,
            }
        }
    };
    let output = match timeout(VERSION_DEADLINE, run).await {
        Err(_) => return Err(format!("`--version` did not answer within {} s", VERSION_DEADLINE.as_secs())),
        Ok(Err(error)) => return Err(format!("it cannot be run: {error}")),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        return Err(format!("`--version` failed: {}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.trim().strip_prefix("nats-server: ").and_then(|version| version.parse().ok());
    version.ok_or_else(|| {
        let start: String = text.trim().chars().take(80).collect();
        format!("`--version` printed {start:?}, which is not nats-server's")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_ordered_as_numbers() {
        let parse = |text: &str| text.parse::<Version>();
        assert_eq!(parse("v2.15.1"), Ok(Version::new(2, 15, 1)));
        assert_eq!(parse("2.11.9-RC.2"), Ok(Version::new(2, 11, 9)));
        assert!(parse("2.9.10").is_ok_and(|version| version < crate::MINIMUM_VERSION));
        assert!(parse("2.11.11").is_ok_and(|version| version > crate::MINIMUM_VERSION));
        for bad in ["", "2", "2.11", "2.11.x", "2.11.9.1", "a.b.c"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
