//! What happened: every request in a bounded ring, and counters.
//!
//! Invariant: the ring never grows past [`JOURNAL_LIMIT`]; sequence numbers never repeat, so a reader
//! that asks `since` the last one it saw notices a gap.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde_json::Value;

/// Entries kept; the oldest leave first.
pub(crate) const JOURNAL_LIMIT: usize = 10_000;

/// One request as it was received.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) time: String,
    pub(crate) client_id: i32,
    pub(crate) message: String,
    pub(crate) fields: Value,
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    ring: Mutex<(u64, VecDeque<Entry>)>,
}

impl Journal {
    pub(crate) fn record(&self, time: String, client_id: i32, message: &str, fields: Value) {
        let mut ring = self.ring.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        ring.0 += 1;
        let seq = ring.0;
        if ring.1.len() == JOURNAL_LIMIT {
            ring.1.pop_front();
        }
        ring.1.push_back(Entry { seq, time, client_id, message: message.to_owned(), fields });
    }

    /// The entries after `seq`, oldest first, and the newest number given out.
    pub(crate) fn since(&self, seq: u64) -> (u64, Vec<Entry>) {
        let ring = self.ring.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        (ring.0, ring.1.iter().filter(|entry| entry.seq > seq).cloned().collect())
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counts since the start.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $($(#[$doc])* $name: AtomicU64),* }

        /// Which counter to raise.
        #[expect(non_camel_case_types, reason = "the variant is the name shown in JSON")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Count { $($name),* }

        impl Counters {
            pub(crate) fn add(&self, which: Count) {
                let counter = match which { $(Count::$name => &self.$name),* };
                counter.fetch_add(1, Ordering::Relaxed);
            }

            pub(crate) fn to_json(&self) -> Value {
                serde_json::json!({ $(stringify!($name): self.$name.load(Ordering::Relaxed)),* })
            }
        }
    };
}

counters!(
    connections,
    hellos_refused,
    sessions,
    duplicate_client_ids,
    requests,
    unhandled,
    unreadable,
    errors_sent,
    rate_violations,
    history_violations,
    slow_clients_dropped,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_and_numbers_without_gaps() {
        let journal = Journal::default();
        for n in 0..JOURNAL_LIMIT + 5 {
            journal.record("t".into(), 1, "CurrentTime", Value::from(n));
        }
        let (last, all) = journal.since(0);
        assert_eq!((last, all.len(), all[0].seq), (JOURNAL_LIMIT as u64 + 5, JOURNAL_LIMIT, 6));
        assert_eq!(journal.since(last - 1).1.len(), 1);
    }

    #[test]
    fn counters_show_by_name() {
        let counters = Counters::default();
        counters.add(Count::unhandled);
        assert_eq!(counters.to_json()["unhandled"], 1);
        assert_eq!(counters.to_json()["requests"], 0);
    }
}
