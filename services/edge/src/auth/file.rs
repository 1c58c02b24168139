//! The file of tokens: read by the edge while `ibmesh token` changes it.
//!
//! It is changed in its place, under a lock, and not by renaming another over it: what a container has mounted is the file
//! itself, and would stay the old one, with the revoked token in it. A reader that meets the lock, or a file that was left half
//! written, keeps what it knew.

use std::{
    fs::{DirBuilder, File, Metadata, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::tokens::{self, Entry, Wrong};

/// Far above what a thousand lines have.
const BYTES_MAX: u64 = 512 * 1024;

/// Why the tokens cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("the tokens file {} cannot be {what} ({error}); {}", path.display(), fix(error))]
    Io { what: &'static str, path: PathBuf, error: io::Error },
    #[error("the tokens file {path} may be {what} by others; `chmod 600 {path}` (in a container: `chown {uid} FILE && chmod 400 FILE` on the host)", path = path.display(), uid = uid())]
    Permissions { path: PathBuf, what: &'static str },
    #[error("the tokens file {} is being changed; try again", path.display())]
    Busy { path: PathBuf },
    #[error("the tokens file {} is wrong in {wrong}; `ibmesh token` writes it", path.display())]
    Wrong { path: PathBuf, wrong: Wrong },
    #[error("the tokens file {} is no file, or larger than {BYTES_MAX} bytes", path.display())]
    Strange { path: PathBuf },
    #[error("{0}")]
    Refused(String),
}

fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn fix(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("this process is user {uid}: `chown {uid} FILE && chmod 600 FILE`, with the file's name on the host", uid = uid())
        }
        io::ErrorKind::NotFound => "`ibmesh token new NAME` makes it; a container needs it mounted".to_owned(),
        _ => "it must be a file of text".to_owned(),
    }
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |error| FileError::Io { what, path, error }
}

/// Tells one state of the file from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// None where the file is not there or must not be looked at.
    pub(super) fn at(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|metadata| Self::of(&metadata))
    }
}

/// The tokens that are there now.
pub fn read(path: &Path) -> Result<Vec<Entry>, FileError> {
    load(path).map(|(_, entries)| entries)
}

pub(super) fn load(path: &Path) -> Result<(Stamp, Vec<Entry>), FileError> {
    let mut file = File::open(path).map_err(io_error("read", path))?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => return Err(FileError::Busy { path: path.to_owned() }),
        // Where locks are not known, nobody holds one.
        Ok(()) | Err(TryLockError::Error(_)) => {}
    }
    let metadata = file.metadata().map_err(io_error("read", path))?;
    Ok((Stamp::of(&metadata), entries(path, &mut file, &metadata)?))
}

fn entries(path: &Path, file: &mut File, metadata: &Metadata) -> Result<Vec<Entry>, FileError> {
    let strange = || FileError::Strange { path: path.to_owned() };
    if metadata.is_file() {
        private(path, metadata)?;
    }
    let mut text = String::new();
    file.take(BYTES_MAX).read_to_string(&mut text).map_err(io_error("read", path))?;
    // /dev/null is a way to say that there are none.
    if text.len() as u64 >= BYTES_MAX || (!metadata.is_file() && !text.is_empty()) {
        return Err(strange());
    }
    tokens::parse(&text).map_err(|wrong| FileError::Wrong { path: path.to_owned(), wrong })
}

/// Whoever may write the file makes tokens. Reading gives digests alone, but also who calls and what he may.
fn private(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    let what = match metadata.mode() {
        mode if mode & 0o022 != 0 => "written",
        mode if mode & 0o007 != 0 => "read",
        _ => return Ok(()),
    };
    Err(FileError::Permissions { path: path.to_owned(), what })
}

/// Changes the file, which is made if it is not there. Waits for whoever changes it at the same time.
pub fn edit<T>(path: &Path, act: impl FnOnce(&mut Vec<Entry>) -> Result<T, String>) -> Result<T, FileError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io_error("written", path))?;
    }
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let mut file = opened.map_err(io_error("written", path))?;
    file.lock().map_err(io_error("locked", path))?;
    let metadata = file.metadata().map_err(io_error("read", path))?;
    let mut entries = entries(path, &mut file, &metadata)?;
    let done = act(&mut entries).map_err(FileError::Refused)?;
    let text = tokens::render(&entries);
    // What no edge would read must not replace what it does.
    let readable = tokens::parse(&text).map_err(|wrong| wrong.why);
    readable
        .and_then(|_| if (text.len() as u64) < BYTES_MAX { Ok(()) } else { Err("the tokens file is full".to_owned()) })
        .map_err(FileError::Refused)?;
    let written = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(text.as_bytes()));
    // Shortened last: a write that is cut off leaves lines too many, which no reader takes, and never a list too short.
    let written = written.and_then(|()| file.set_len(text.len() as u64)).and_then(|()| file.sync_all());
    written.map_err(io_error("written", path))?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::auth::{Scopes, tokens::Secret};

    fn add(path: &Path, name: &str) {
        let secret = Secret::mint().expect("random");
        let entry =
            Entry::new(name, Scopes::parse("mcp.read").expect("a scope"), &secret, jiff::Timestamp::UNIX_EPOCH, None).expect("good");
        edit(path, |entries| {
            entries.push(entry);
            Ok(())
        })
        .expect("written");
    }

    fn names(path: &Path) -> Vec<String> {
        read(path).expect("good").into_iter().map(|entry| entry.name).collect()
    }

    #[test]
    fn a_file_is_changed_in_its_place() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("not/there/tokens");
        add(&path, "one");
        assert_eq!(fs::metadata(&path).expect("made").permissions().mode() & 0o777, 0o600);
        let (stamp, inode) = (Stamp::at(&path), fs::metadata(&path).expect("made").ino());
        add(&path, "a-longer-name");
        edit(&path, |entries| {
            entries.retain(|entry| entry.name == "one");
            Ok(())
        })
        .expect("written");
        assert_eq!(names(&path), ["one"]);
        assert_eq!(fs::metadata(&path).expect("there").ino(), inode);
        assert_ne!(Stamp::at(&path), stamp);
        assert!(edit(&path, |_| Err::<(), _>("no".to_owned())).is_err());
        assert_eq!(names(&path), ["one"]);
    }

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("tokens");
        add(&path, "one");
        let more = |count: usize| {
            edit(&path, |entries| {
                let secrets = (0..count).map(|_| Secret::mint().expect("random"));
                let scopes = entries[0].scopes;
                entries.extend(secrets.enumerate().map(|(n, secret)| {
                    let mut entry = Entry::new(&format!("t{n}"), scopes, &secret, jiff::Timestamp::UNIX_EPOCH, None).expect("good");
                    entry.id = format!("id{n}");
                    entry
                }));
                Ok(())
            })
        };
        assert!(more(1_000).expect_err("too many").to_string().contains("more than 1000 tokens"));
        assert_eq!(names(&path), ["one"]);
        more(999).expect("as many as are read");
        assert_eq!(names(&path).len(), 1_000);
    }

    #[test]
    fn many_at_once_lose_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("tokens");
        std::thread::scope(|scope| {
            for n in 0..8 {
                let path = &path;
                scope.spawn(move || add(path, &format!("t{n}")));
            }
        });
        assert_eq!(names(&path).len(), 8);
    }

    #[test]
    fn who_else_may_touch_it_is_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("tokens");
        add(&path, "one");
        for (mode, told) in [(0o604, "read"), (0o660, "written"), (0o602, "written"), (0o600, ""), (0o400, ""), (0o640, "")] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("own");
            let said = read(&path).err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(said.is_empty(), told.is_empty(), "{mode:o}: {said}");
            assert!(told.is_empty() || (said.contains(&format!("be {told} by others")) && said.contains("chmod 600")), "{mode:o}: {said}");
        }
        assert!(read(Path::new("/dev/null")).expect("none").is_empty());
        assert!(matches!(read(dir.path()), Err(FileError::Io { .. } | FileError::Strange { .. })));
        assert!(read(&dir.path().join("none")).expect_err("not there").to_string().contains("ibmesh token new"));
    }

    #[test]
    fn a_reader_does_not_wait_for_a_writer() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("tokens");
        add(&path, "one");
        edit(&path, |_| {
            assert!(matches!(read(&path), Err(FileError::Busy { .. })));
            Ok(())
        })
        .expect("written");
    }
}
