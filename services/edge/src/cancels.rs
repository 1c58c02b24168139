//! Calls that `notifications/cancelled` can reach.
//!
//! Within a session the id names the call. Without one, all that ties a cancel to a call is the JSON-RPC id, and every
//! SDK counts its ids from 0 or 1: two agents on one machine use the same ids at the same time, and a cancel that comes
//! late would end the other agent's call. Such a cancel is obeyed only where the id alone is proof: a text that nobody
//! else comes up with (a uuid, say), from the address and agent that sent the call. Other cancels are accepted and do
//! nothing, which MCP allows ("cancellation": a receiver may ignore it); such a caller ends its call by closing the
//! connection.
//!
//! Invariant: at most [`CALLS_MAX`] calls are remembered, each only while it runs.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// Remembered at once; calls beyond that cannot be cancelled by name.
const CALLS_MAX: usize = 1_024;
/// An id as JSON, its quotes included, that is shorter may be another caller's too. A uuid without dashes has 34.
const UNIQUE_BYTES_MIN: usize = 34;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    from: From,
    id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum From {
    Session(Arc<str>),
    Peer { address: IpAddr, agent: String },
}

impl Key {
    /// `id` is the id's JSON. None where it does not name one call of one caller.
    pub(crate) fn new(peer: IpAddr, agent: &str, id: &str) -> Option<Self> {
        let unique = id.starts_with('"') && id.len() >= UNIQUE_BYTES_MIN;
        unique.then(|| Self { from: From::Peer { address: peer, agent: agent.to_owned() }, id: id.to_owned() })
    }

    pub(crate) fn of_session(session: &Arc<str>, id: &str) -> Self {
        Self { from: From::Session(Arc::clone(session)), id: id.to_owned() }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Cancels {
    running: Mutex<HashMap<Key, CancellationToken>>,
}

/// One running call; forgotten when dropped.
#[derive(Debug)]
pub(crate) struct Running<'a> {
    cancels: &'a Cancels,
    /// Absent where nobody can cancel it by name.
    entry: Option<(Key, CancellationToken)>,
}

impl Cancels {
    pub(crate) fn enter(&self, key: Option<Key>) -> Running<'_> {
        let entry = key.and_then(|key| {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            let room = running.len() < CALLS_MAX;
            match running.entry(key.clone()) {
                Entry::Vacant(entry) if room => {
                    let token = entry.insert(CancellationToken::new()).clone();
                    Some((key, token))
                }
                _ => None,
            }
        });
        Running { cancels: self, entry }
    }

    pub(crate) fn cancel(&self, key: &Key) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(key).inspect(|token| token.cancel()).is_some()
    }
}

impl Running<'_> {
    pub(crate) async fn cancelled(&self) {
        match &self.entry {
            Some((_, token)) => token.cancelled().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some((key, _)) = &self.entry {
            self.cancels.running.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "\"0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b\"";

    fn key(peer: &str, agent: &str, id: &str) -> Option<Key> {
        Key::new(peer.parse().expect("ip"), agent, id)
    }

    fn is_cancelled(call: &Running<'_>) -> bool {
        call.entry.as_ref().is_some_and(|(_, token)| token.is_cancelled())
    }

    #[test]
    fn an_id_that_another_caller_may_use_cancels_nothing() {
        for id in ["1", "12345678901234567890123456789012345", "\"1\"", "\"req-17\""] {
            assert_eq!(key("127.0.0.1", "a", id), None, "{id}");
        }
    }

    #[test]
    fn only_the_callers_own_running_call_is_cancelled() {
        let cancels = Cancels::default();
        let own = key("127.0.0.1", "a", UUID).expect("unique");
        let call = cancels.enter(Some(own.clone()));
        assert!(!cancels.cancel(&key("127.0.0.1", "b", UUID).expect("unique")));
        assert!(!cancels.cancel(&key("127.0.0.2", "a", UUID).expect("unique")));
        assert!(!is_cancelled(&call));
        assert!(cancels.cancel(&own));
        assert!(is_cancelled(&call));
        drop(call);
        assert!(!cancels.cancel(&own), "a call that has ended is forgotten");
    }

    #[test]
    fn a_session_names_its_calls_by_any_id() {
        let cancels = Cancels::default();
        let (one, two): (Arc<str>, Arc<str>) = ("one".into(), "two".into());
        let call = cancels.enter(Some(Key::of_session(&one, "1")));
        assert!(!cancels.cancel(&Key::of_session(&two, "1")) && !cancels.cancel(&Key::of_session(&one, "2")));
        assert!(cancels.cancel(&Key::of_session(&one, "1")) && is_cancelled(&call));
    }

    #[test]
    fn a_second_call_under_the_same_id_does_not_take_the_firsts_place() {
        let cancels = Cancels::default();
        let own = key("127.0.0.1", "a", UUID).expect("unique");
        let first = cancels.enter(Some(own.clone()));
        drop(cancels.enter(Some(own.clone())));
        assert!(cancels.cancel(&own) && is_cancelled(&first));
    }

    #[test]
    fn the_memory_is_bounded() {
        let cancels = Cancels::default();
        let calls: Vec<_> = (0..CALLS_MAX + 10).map(|n| cancels.enter(key("127.0.0.1", "a", &format!("\"{n:040}\"")))).collect();
        assert_eq!(cancels.running.lock().expect("lock").len(), CALLS_MAX);
        drop(calls);
        assert!(cancels.running.lock().expect("lock").is_empty());
    }
}
