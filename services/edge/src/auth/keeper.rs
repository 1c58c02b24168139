//! The tokens as the edge knows them: what the file said when it could last be read.
//!
//! Invariant: a file that was lost, or was made unreadable, neither lets anybody in nor locks anybody out.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;

use super::{
    file::{self, FileError, Stamp},
    tokens::{Digest, Entry},
};

#[derive(Debug)]
pub(super) struct Keeper {
    path: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    tokens: Vec<Arc<Entry>>,
    stamp: Stamp,
    /// The state of the file that could not be read, so that it is not read again for every request.
    failed: Option<Stamp>,
    told: bool,
}

/// What is known of a token.
#[derive(Debug, Clone)]
pub(super) enum Found {
    Good(Arc<Entry>),
    Expired,
    Unknown,
}

impl Keeper {
    pub(super) fn open(path: PathBuf) -> Result<Self, FileError> {
        let (stamp, tokens) = file::load(&path)?;
        let known = Known { tokens: tokens.into_iter().map(Arc::new).collect(), stamp, failed: None, told: false };
        Ok(Self { path, known: Mutex::new(known) })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).tokens.is_empty()
    }

    /// Looks at the file first, so that a token that was revoked a moment ago is not good any more.
    pub(super) fn find(&self, token: &str, now: Timestamp) -> Found {
        let digest = Digest::of(token);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.look(&mut known);
        // All are compared, whichever it is.
        let found = known.tokens.iter().fold(None, |found, entry| if entry.digest.is(&digest) { Some(entry) } else { found });
        match found {
            Some(entry) if entry.is_expired(now) => Found::Expired,
            Some(entry) => Found::Good(Arc::clone(entry)),
            None => Found::Unknown,
        }
    }

    /// Whether the token with this id was not revoked.
    pub(super) fn has(&self, id: &str) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.look(&mut known);
        known.tokens.iter().any(|entry| entry.id == id)
    }

    fn look(&self, known: &mut Known) {
        let stamp = Stamp::at(&self.path);
        if stamp == Some(known.stamp) || (stamp.is_some() && stamp == known.failed) {
            return;
        }
        match file::load(&self.path) {
            Ok((stamp, tokens)) => {
                tracing::info!(tokens = tokens.len(), "the tokens file was read again");
                *known = Known { tokens: tokens.into_iter().map(Arc::new).collect(), stamp, failed: None, told: false };
            }
            Err(FileError::Busy { .. }) => {}
            Err(error) => {
                if !known.told || stamp != known.failed {
                    tracing::error!(%error, "the tokens file cannot be read; the tokens known before stay as they are");
                }
                (known.failed, known.told) = (stamp, true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, path::Path};

    use super::*;
    use crate::auth::{Scopes, tokens::Secret};

    fn add(path: &Path, name: &str, expires: Option<Timestamp>) -> Secret {
        let secret = Secret::mint().expect("random");
        let scopes = Scopes::parse("mcp.read").expect("a scope");
        let entry = Entry::new(name, scopes, &secret, Timestamp::UNIX_EPOCH, expires).expect("good");
        file::edit(path, |entries| {
            entries.push(entry);
            Ok(())
        })
        .expect("written");
        secret
    }

    fn good(keeper: &Keeper, secret: &Secret) -> bool {
        matches!(keeper.find(secret.reveal(), Timestamp::UNIX_EPOCH), Found::Good(_))
    }

    #[test]
    fn what_is_revoked_is_not_good_any_more() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("tokens");
        let one = add(&path, "one", None);
        let keeper = Keeper::open(path.clone()).expect("good");
        let two = add(&path, "two", Some(Timestamp::UNIX_EPOCH));
        assert!(good(&keeper, &one));
        assert!(matches!(keeper.find(two.reveal(), Timestamp::UNIX_EPOCH), Found::Expired));
        file::edit(&path, |entries| {
            entries.clear();
            Ok(())
        })
        .expect("written");
        assert!(!good(&keeper, &one) && keeper.is_empty());
    }

    #[test]
    fn a_file_that_is_lost_or_broken_changes_nothing_until_it_is_mended() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("tokens");
        let one = add(&path, "one", None);
        let keeper = Keeper::open(path.clone()).expect("good");
        let text = fs::read_to_string(&path).expect("there");
        fs::write(&path, format!("{text}broken\n")).expect("own");
        assert!(good(&keeper, &one));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("own");
        assert!(good(&keeper, &one));
        fs::remove_file(&path).expect("own");
        assert!(good(&keeper, &one));
        let two = add(&path, "two", None);
        assert!(good(&keeper, &two) && !good(&keeper, &one));
    }
}
