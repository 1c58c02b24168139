//! The file by which the next start is told to give way: while it is there, the gateway ends itself when it meets another
//! session, instead of ending that one.
//!
//! A container's settings cannot be changed without a new container, so what starts the gateway inside it looks for this
//! file (`deploy/gateway/start.sh`, `ibmesh sim --yield-file`).
//!
//! Invariant: it says what the next start is for, before that start; where it cannot be made to, nothing is started.

use std::{io::ErrorKind, path::PathBuf, time::Duration};

use tokio::time::timeout;

/// A folder of another host may hang.
const FILE_MAX: Duration = Duration::from_secs(5);
const TEXT: &str = "gateway-ctl: the next start gives way to another session\n";

#[derive(Debug, Clone)]
pub struct YieldFile {
    path: PathBuf,
}

impl YieldFile {
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Makes it, or takes it away.
    pub async fn set(&self, yielding: bool) -> Result<(), String> {
        let path = self.path.clone();
        let done = tokio::task::spawn_blocking(move || match yielding {
            true => std::fs::write(path, TEXT),
            false => match std::fs::remove_file(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                done => done,
            },
        });
        let reason = match timeout(FILE_MAX, done).await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) => "the task failed".to_owned(),
            Err(_) => format!("not done within {} s", FILE_MAX.as_secs()),
        };
        Err(format!("GATEWAY_YIELD_FILE={} cannot be {}: {reason}", self.path.display(), if yielding { "written" } else { "removed" }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_there_for_a_start_that_yields_and_only_then() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("yield");
        let file = YieldFile::new(path.clone());
        for (yielding, there) in [(false, false), (true, true), (true, true), (false, false)] {
            file.set(yielding).await.expect("done");
            assert_eq!(path.exists(), there);
        }
        let nowhere = YieldFile::new(folder.path().join("no").join("yield"));
        assert!(nowhere.set(true).await.expect_err("no folder").contains("GATEWAY_YIELD_FILE"));
        nowhere.set(false).await.expect("nothing is there");
    }
}
