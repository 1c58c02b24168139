//! The folder of one server: streams, configuration, log, ports file. One server at a time has it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use tokio::time::{interval, timeout};

use crate::{Error, POLL, STORE_DEADLINE, StartOptions, config, error::last_lines};

/// How much of a log is looked at, and how many lines of it are shown.
const TAIL_BYTES: u64 = 16 << 10;
const TAIL_LINES: usize = 40;

#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    /// The server's standard output and error (what it says before it has read its configuration), and the lock: a
    /// kernel lock belongs to the open file, and every process that inherited it holds it. So the store is free
    /// exactly when the last of parent, guard and nats-server is gone, whoever of them was killed first.
    output: File,
    /// Where in the log the present run begins.
    log_start: u64,
    _temporary: Option<TempDir>,
}

impl Store {
    pub(crate) async fn open(dir: Option<&Path>) -> Result<Self, Error> {
        let (dir, temporary) = match dir {
            Some(dir) => (std::path::absolute(dir).map_err(Error::file("find", dir))?, None),
            None => {
                let temporary = tempfile::Builder::new().prefix("ib-mesh-nats-").tempdir();
                let temporary = temporary.map_err(Error::file("create a folder in", std::env::temp_dir()))?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        create_private(&dir)?;
        let path = dir.join("nats-server.out");
        let output = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(&path);
        let output = output.map_err(Error::file("open", &path))?;
        lock(&output, &path, &dir).await?;
        Ok(Self { dir, output, log_start: 0, _temporary: temporary })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn ports(&self) -> PathBuf {
        self.dir.join("ports")
    }

    fn log(&self) -> PathBuf {
        self.dir.join("nats-server.log")
    }

    /// Makes ready for one run: an empty ports folder (a killed server leaves its file), an empty output.
    pub(crate) fn prepare(&mut self) -> Result<(), Error> {
        let ports = self.ports();
        match fs::remove_dir_all(&ports) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::file("empty", &ports)(error)),
            _ => create_private(&ports)?,
        }
        self.output.set_len(0).map_err(Error::file("empty", self.dir.join("nats-server.out")))?;
        self.log_start = self.log().metadata().map_or(0, |meta| meta.len());
        Ok(())
    }

    /// Writes the configuration; it may hold passwords, so nobody else may read it at any time.
    pub(crate) fn configure(&self, options: &StartOptions, port: u16) -> Result<PathBuf, Error> {
        let (ports, log) = (self.ports(), self.log());
        let text = config::render(options, port, &config::Paths { store: &self.dir, ports: &ports, log: &log })?;
        let path = self.dir.join("nats.conf");
        let write = || -> io::Result<()> {
            // A new file each time, which is private from its first byte whatever the mode of an old one.
            let mut file = tempfile::Builder::new().prefix(".nats.conf-").tempfile_in(&self.dir)?;
            file.write_all(text.as_bytes())?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(Error::file("write", &path))?;
        Ok(path)
    }

    pub(crate) fn output(&self) -> Result<File, Error> {
        self.output.try_clone().map_err(Error::file("open", self.dir.join("nats-server.out")))
    }

    /// The end of what servers in this store have said.
    pub(crate) fn log_tail(&self) -> String {
        self.tail_from(0)
    }

    /// The end of what the present run has said.
    pub(crate) fn run_tail(&self) -> String {
        self.tail_from(self.log_start)
    }

    fn tail_from(&self, start: u64) -> String {
        let parts = [(self.dir.join("nats-server.out"), 0), (self.log(), start)];
        let texts = parts.iter().filter_map(|(path, start)| tail(path, *start).ok());
        last_lines(&texts.collect::<String>(), TAIL_LINES)
    }
}

fn tail(path: &Path, start: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    // A log that is shorter than where the run began is a new one.
    let start = if start > length { 0 } else { start };
    file.seek(SeekFrom::Start(start.max(length.saturating_sub(TAIL_BYTES))))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn create_private(dir: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(Error::file("create", dir))
}

async fn lock(file: &File, path: &Path, dir: &Path) -> Result<(), Error> {
    let wait = async {
        let mut poll = interval(POLL * 5);
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) if !told => {
                    told = true;
                    tracing::info!(dir = %dir.display(), "another nats-server has the store, waiting for its end");
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(Error::file("lock", path)(error)),
            }
            poll.tick().await;
        }
    };
    timeout(STORE_DEADLINE, wait).await.unwrap_or_else(|_| Err(Error::StoreBusy { dir: dir.to_owned() }))
}
