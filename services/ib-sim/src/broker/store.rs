//! The state file: ids, orders, executions and accounts, so that they survive a restart.
//!
//! One protobuf message, replaced as a whole: written beside the old one and renamed over it, so that a
//! reader finds one or the other. What an order means is not stored but read again from the order.
//!
//! Invariant: a file that loads gives back the very same book; one that does not is an error at the
//! start, never an empty book.

use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;
use tracing::warn;

use super::book::{Book, Desk};
use super::ids::{Ids, Sequence};
use super::records::Record;
use super::saved::{SavedAccount, SavedBook, SavedOrder, SavedRecord, SavedSequence};
use crate::settings::Error;
use crate::world::account::Account;

const FILE: &str = "ib-sim-orders.state";
/// Raised with every change that older files cannot be read by.
const FORMAT: i32 = 1;

#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
}

impl Store {
    pub(super) fn open(dir: &Path) -> Result<Self, Error> {
        fs::create_dir_all(dir).map_err(|source| Error::State { path: dir.to_owned(), reason: source.to_string() })?;
        Ok(Self { path: dir.join(FILE) })
    }

    fn broken(&self, reason: impl ToString) -> Error {
        Error::State { path: self.path.clone(), reason: reason.to_string() }
    }

    pub(super) fn load(&self, book: &mut Book, desk: &Desk<'_>) -> Result<(), Error> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.broken(error)),
        };
        let saved = SavedBook::decode(bytes.as_slice()).map_err(|error| self.broken(error))?;
        if saved.format != FORMAT {
            return Err(self.broken(format!("format {} is not {FORMAT}", saved.format)));
        }
        let sequences = saved.sequences.iter().map(|row| (row.client_id, Sequence { highest: row.highest, told: row.told }));
        book.ids = Ids { clients: sequences.collect(), perms: saved.perms, executions: saved.executions, bound: saved.bound };
        book.last_tick = saved.last_tick;
        for row in saved.orders {
            let (perm_id, over) = (row.perm_id, row.is_over());
            match row.entry(desk) {
                Some(entry) => drop(book.orders.insert(perm_id, entry)),
                // An option that is gone from the chain takes its finished orders with it.
                None if over => warn!(perm_id, "a finished order's contract is gone; the order is left out"),
                None => return Err(self.broken(format!("order {perm_id} cannot be read in this scenario"))),
            }
        }
        book.records = saved.records.into_iter().map(Record::from).collect();
        desk.world.accounts.restore(saved.accounts.into_iter().map(Account::from).collect());
        Ok(())
    }

    /// Written while the book is locked: what was told is on the disk.
    pub(super) fn save(&self, book: &Book, desk: &Desk<'_>) {
        let sequences = book.ids.clients.iter();
        let saved = SavedBook {
            format: FORMAT,
            perms: book.ids.perms,
            executions: book.ids.executions,
            bound: book.ids.bound,
            sequences: sequences
                .map(|(client_id, row)| SavedSequence { client_id: *client_id, highest: row.highest, told: row.told })
                .collect(),
            orders: book.orders.values().map(SavedOrder::from).collect(),
            records: book.records.iter().map(SavedRecord::from).collect(),
            accounts: desk.world.accounts.all().iter().map(SavedAccount::from).collect(),
            last_tick: book.last_tick,
        };
        let beside = self.path.with_extension("new");
        let written = fs::write(&beside, saved.encode_to_vec()).and_then(|()| fs::rename(&beside, &self.path));
        if let Err(error) = written {
            warn!(path = %self.path.display(), %error, "the state of the orders could not be written");
        }
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
