//! How each resource read last. Pure.
//!
//! Several workers answer the same question from memories of their own, and between two pushes of IB's these differ a
//! little. So each answer is compared with the last one of the same process: a change is told when a process answers
//! otherwise than it did.
//!
//! Invariant: every change that a process's memory undergoes between two of its answers is told; that another process
//! answers is none.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
};

use schemas::FaultCode;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// Processes whose last answer is remembered, for each resource: a pool has three, and processes come and go.
const PROCESSES_MAX: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Known {
    accounts: Mutex<Vec<String>>,
    answers: Mutex<HashMap<String, Answers>>,
}

/// The last answers about one resource.
#[derive(Debug, Default)]
struct Answers {
    by_process: BTreeMap<String, u64>,
    fault: Option<FaultCode>,
}

impl Known {
    pub(super) fn accounts(&self) -> Vec<String> {
        lock(&self.accounts).clone()
    }

    /// Whether they are others than before.
    pub(super) fn logged_in(&self, accounts: &[String]) -> bool {
        let mut known = lock(&self.accounts);
        let others = known.as_slice() != accounts;
        if others {
            *known = accounts.to_vec();
        }
        others
    }

    /// Whether the resource reads otherwise than before. The first answer of all is what others are compared with.
    pub(super) fn answered(&self, uri: &str, process: &str, fingerprint: u64) -> bool {
        lock(&self.answers).entry(uri.to_owned()).or_default().answered(process, fingerprint)
    }

    pub(super) fn failed(&self, uri: &str, code: FaultCode) -> bool {
        lock(&self.answers).entry(uri.to_owned()).or_default().failed(code)
    }

    /// Those of `uris` about which nobody has answered yet.
    pub(super) fn new_ones<'a>(&self, uris: impl Iterator<Item = &'a String>, at_most: usize) -> Vec<String> {
        let answers = lock(&self.answers);
        uris.filter(|uri| !answers.contains_key(*uri)).take(at_most).cloned().collect()
    }

    /// What nobody listens to any more is forgotten.
    pub(super) fn retain(&self, uris: &BTreeSet<String>) {
        lock(&self.answers).retain(|uri, _| uris.contains(uri));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        lock(&self.answers).len()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Answers {
    fn answered(&mut self, process: &str, fingerprint: u64) -> bool {
        let recovered = self.fault.take().is_some();
        let last = self.by_process.get(process).copied();
        let changed = match last {
            Some(last) => last != fingerprint,
            // A process not heard before that says what another said tells nothing new.
            None => !self.by_process.is_empty() && !self.by_process.values().any(|other| *other == fingerprint),
        };
        if last.is_none() && self.by_process.len() >= PROCESSES_MAX {
            self.by_process.clear();
        }
        if last != Some(fingerprint) {
            self.by_process.insert(process.to_owned(), fingerprint);
        }
        recovered || changed
    }

    fn failed(&mut self, code: FaultCode) -> bool {
        let changed = if self.fault.is_some() { self.fault != Some(code) } else { !self.by_process.is_empty() };
        self.fault = Some(code);
        self.by_process.clear();
        changed
    }
}

/// Members that say when, not what.
const TIMES: [&str; 3] = ["as_of", "last_failure_ago", "recovery_in"];
/// Of the context what is told of the data: whose it is and whether it is stale.
const TOLD: [&str; 4] = ["mode", "account", "data_type", "stale"];

/// What of an answer stays the same while nothing changes.
pub(super) fn fingerprint(body: &[u8]) -> u64 {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Members<'a>(#[serde(borrow)] BTreeMap<String, &'a RawValue>);
    let mut hash = DefaultHasher::new();
    let Ok(Members(members)) = serde_json::from_slice(body) else {
        body.hash(&mut hash);
        return hash.finish();
    };
    for (name, value) in members {
        // Objects are few and small; rows are many and compared as they came.
        let small = value.get().starts_with('{').then(|| serde_json::from_str::<BTreeMap<String, Value>>(value.get()).ok()).flatten();
        match small {
            Some(mut object) => {
                object.retain(|member, _| if name == "context" { TOLD.contains(&&**member) } else { !TIMES.contains(&&**member) });
                (name, format!("{object:?}")).hash(&mut hash);
            }
            None if TIMES.contains(&&*name) => {}
            None => (name, value.get()).hash(&mut hash),
        }
    }
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "ibkr://accounts";

    #[test]
    fn the_first_answer_is_what_others_are_compared_with() {
        let known = Known::default();
        assert!(!known.answered(URI, "a", 1));
        assert!(!known.answered(URI, "a", 1));
        assert!(known.answered(URI, "a", 2));
        assert!(known.answered(URI, "a", 1), "back again is a change too");
        let uris = [URI.to_owned(), "ibkr://positions/DU1".to_owned()];
        assert_eq!(known.new_ones(uris.iter(), 9), ["ibkr://positions/DU1"]);
        known.retain(&BTreeSet::new());
        assert_eq!((known.len(), known.new_ones(uris.iter(), 1).len()), (0, 1));
        assert!(!known.answered(URI, "a", 7), "forgotten with its listeners");
    }

    #[test]
    fn processes_that_differ_do_not_flicker() {
        let known = Known::default();
        assert!(!known.answered(URI, "a", 1));
        assert!(!known.answered(URI, "b", 1), "a second one that says the same");
        assert!(known.answered(URI, "c", 9), "a new one that says something else");
        for _ in 0..3 {
            for (process, says) in [("a", 1), ("b", 1), ("c", 9)] {
                assert!(!known.answered(URI, process, says), "{process}");
            }
        }
        assert!(known.answered(URI, "b", 2));
        assert!(known.answered(URI, "a", 2), "it may have been read meanwhile, as it was");
    }

    #[test]
    fn going_and_coming_back_are_changes() {
        let known = Known::default();
        assert!(!known.failed(URI, FaultCode::GatewayDown), "away from the first look on");
        assert!(known.answered(URI, "a", 1));
        assert!(known.failed(URI, FaultCode::GatewayDown));
        assert!(!known.failed(URI, FaultCode::GatewayDown));
        assert!(known.failed(URI, FaultCode::StaleData));
        assert!(known.answered(URI, "a", 1));
        assert!(!known.answered(URI, "a", 1));
    }

    #[test]
    fn the_memory_of_processes_has_a_limit() {
        let mut answers = Answers::default();
        for n in 0..10 * PROCESSES_MAX {
            answers.answered(&format!("p{n}"), 1);
        }
        assert!(answers.by_process.len() <= PROCESSES_MAX);
    }

    #[test]
    fn accounts_are_compared_as_a_list() {
        let known = Known::default();
        let (one, two) = (vec!["DU1".to_owned()], vec!["DU1".to_owned(), "DU2".to_owned()]);
        assert!(!known.logged_in(&[]) && known.logged_in(&one) && !known.logged_in(&one) && known.logged_in(&two));
        assert_eq!(known.accounts(), two);
    }

    #[test]
    fn only_times_do_not_count() {
        let body = |rows: &str, as_of: &str, context: &str| {
            fingerprint(format!(r#"{{"rows":{rows},"as_of":"{as_of}","context":{context}}}"#).as_bytes())
        };
        let usual = body(
            "[1]",
            "10:00",
            r#"{"time":"10:00","as_of":"9:59","market_state":"open","market_until":"16:00","stale":false,"mode":"paper"}"#,
        );
        let later = body("[1]", "10:01", r#"{"stale":false,"mode":"paper","time":"16:01","as_of":"16:01","market_state":"closed"}"#);
        assert_eq!(usual, later);
        for other in [
            body("[1,2]", "10:00", r#"{"stale":false,"mode":"paper"}"#),
            body("[1]", "10:00", r#"{"stale":true,"mode":"paper"}"#),
            body("[1]", "10:00", r#"{"stale":false,"mode":"live"}"#),
            body("[1]", "10:00", "null"),
            fingerprint(b"no JSON"),
        ] {
            assert_ne!(usual, other);
        }
        let health = |failures: u32, ago: u32| {
            fingerprint(format!(r#"{{"circuit_breaker":{{"failure_count":{failures},"last_failure_ago":{ago}}}}}"#).as_bytes())
        };
        assert_eq!(health(1, 5), health(1, 6));
        assert_ne!(health(1, 5), health(2, 5));
    }
}
