//! What all connections share of this family: display groups, the settings as changed, places for scanners.
//!
//! Invariant: a lock is held for a copy or a change only, never while something is sent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::config::Config;
use crate::session::scanner::MAX_SCANNERS;
use crate::settings::Settings;

/// A real gateway has seven, numbered from 1.
pub(super) const GROUPS: usize = 7;
/// What a group without a contract shows.
const NO_CONTRACT: &str = "none";

#[derive(Debug)]
pub(crate) struct Shared {
    pub(in crate::session) scanners: Arc<Semaphore>,
    groups: Mutex<[String; GROUPS]>,
    config: Mutex<Config>,
    /// Whether anybody was told the meta data of corporate events.
    wsh_meta_data: AtomicBool,
}

impl Shared {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            scanners: Arc::new(Semaphore::new(MAX_SCANNERS)),
            groups: Mutex::new([(); GROUPS].map(|()| NO_CONTRACT.to_owned())),
            config: Mutex::new(Config::new(settings)),
            wsh_meta_data: AtomicBool::new(false),
        }
    }

    pub(super) fn group(&self, number: usize) -> String {
        lock(&self.groups)[number - 1].clone()
    }

    pub(super) fn set_group(&self, number: usize, contract_info: &str) {
        let shown = if contract_info.is_empty() { NO_CONTRACT } else { contract_info };
        shown.clone_into(&mut lock(&self.groups)[number - 1]);
    }

    pub(super) fn config(&self) -> MutexGuard<'_, Config> {
        lock(&self.config)
    }

    pub(super) fn tell_wsh_meta_data(&self) {
        self.wsh_meta_data.store(true, Ordering::Relaxed);
    }

    pub(super) fn wsh_meta_data_told(&self) -> bool {
        self.wsh_meta_data.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As a gateway lists them.
pub(super) fn group_list() -> String {
    (1..=GROUPS).map(|number| number.to_string()).collect::<Vec<_>>().join("|")
}
