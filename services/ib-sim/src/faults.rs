//! Faults that a test or a person switches on by hand.
//!
//! Invariant: without a fault this module changes nothing; a fault that counts down ends by itself.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use crate::errors::ApiError;

/// Answers are held back at most this long; longer looks like a stall and is one.
pub(crate) const MAX_DELAY_MS: u64 = 120_000;
/// Enough to go past every client's patience for frames before the ids.
pub(crate) const MAX_FRAMES_BEFORE_IDS: u32 = 1_000;

/// A request kind that fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    pub(crate) code: i32,
    /// In place of the code's usual text.
    pub(crate) text: Option<String>,
    /// How often yet.
    pub(crate) times: u32,
}

/// What is switched on.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Active {
    pub(crate) refuse_connections: bool,
    pub(crate) stall: bool,
    pub(crate) silent_handshake: bool,
    pub(crate) freeze_account_pushes: bool,
    pub(crate) frames_before_ids: u32,
    pub(crate) delays: BTreeMap<String, u64>,
    pub(crate) failures: BTreeMap<String, Failure>,
}

#[derive(Debug)]
pub(crate) struct Faults {
    active: Mutex<Active>,
    silent: watch::Sender<bool>,
    listen: watch::Sender<bool>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { active: Mutex::default(), silent: watch::Sender::new(false), listen: watch::Sender::new(true) }
    }
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Active> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn active(&self) -> Active {
        self.lock().clone()
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Active)) {
        let silent = {
            let mut active = self.lock();
            change(&mut active);
            active.silent_handshake
        };
        self.silent.send_if_modified(|now| std::mem::replace(now, silent) != silent);
    }

    /// Everything off, the port open.
    pub(crate) fn clear(&self) {
        self.set(|active| *active = Active::default());
        self.listen(true);
    }

    pub(crate) fn listen(&self, on: bool) {
        self.listen.send_if_modified(|now| std::mem::replace(now, on) != on);
    }

    /// Whether the port is to be open.
    pub(crate) fn listening(&self) -> watch::Receiver<bool> {
        self.listen.subscribe()
    }

    /// Whether new connections are to be met with silence.
    pub(crate) fn silence(&self) -> watch::Receiver<bool> {
        self.silent.subscribe()
    }

    /// Whether nothing may be sent.
    pub(crate) fn stalled(&self) -> bool {
        self.lock().stall
    }

    /// Whether accounts may push nothing beyond first answers.
    pub(crate) fn frozen(&self) -> bool {
        self.lock().freeze_account_pushes
    }

    pub(crate) fn refusing(&self) -> bool {
        self.lock().refuse_connections
    }

    pub(crate) fn delay(&self, message: &str) -> Option<Duration> {
        self.lock().delays.get(message).copied().map(Duration::from_millis)
    }

    /// How this request fails, if it is to.
    pub(crate) fn failure(&self, message: &str) -> Option<ApiError> {
        let mut active = self.lock();
        let failure = active.failures.get_mut(message)?;
        let error = ApiError::injected(failure.code, failure.text.clone());
        failure.times -= 1;
        if failure.times == 0 {
            active.failures.remove(message);
        }
        Some(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_ends_after_its_times() {
        let faults = Faults::default();
        faults.set(|active| {
            active.failures.insert("ContractData".into(), Failure { code: 200, text: None, times: 2 });
        });
        assert_eq!(faults.failure("Positions"), None);
        assert_eq!(faults.failure("ContractData"), Some(ApiError::fixed(200)));
        assert_eq!(faults.failure("ContractData"), Some(ApiError::fixed(200)));
        assert_eq!(faults.failure("ContractData"), None);
    }

    #[test]
    fn clearing_opens_the_port_and_ends_the_silence() {
        let faults = Faults::default();
        faults.listen(false);
        faults.set(|active| active.silent_handshake = true);
        assert!(!*faults.listening().borrow() && *faults.silence().borrow());
        faults.clear();
        assert!(*faults.listening().borrow() && !*faults.silence().borrow());
    }
}
