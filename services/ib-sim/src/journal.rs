//! What happened: every request and every frame sent, in two bounded rings, and counters.
//!
//! Invariant: no ring grows past [`JOURNAL_LIMIT`] entries, and the requests not past [`REQUEST_BYTES`] (about;
//! the newest is kept whatever it weighs); sequence numbers never repeat, so a reader that
//! asks `since` the last one it saw misses nothing that is still kept.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::proto::event::Event;

/// Entries kept in each direction; the oldest leave first.
pub(crate) const JOURNAL_LIMIT: usize = 10_000;
/// What the requests kept may weigh: ten thousand ordinary ones, and few of those that fill a frame.
const REQUEST_BYTES: usize = 64 << 20;
/// A JSON value without its text, and the place it takes in its list.
const VALUE_BYTES: usize = 64;

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Direction {
    /// Requests, as they were received.
    #[default]
    In,
    /// Frames to clients, as they were queued.
    Out,
    Both,
}

/// One request as it was received, or one frame as it was sent.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Entry {
    In { seq: u64, direction: Direction, time: String, client_id: i32, message: String, fields: Value },
    Out { seq: u64, direction: Direction, time: String, client_id: i32, message: &'static str, id: Option<i32>, bytes: usize },
}

/// A frame to a client; its time is put into words only when somebody asks.
#[derive(Debug)]
struct Sent {
    seq: u64,
    time_ms: i64,
    client_id: i32,
    message: &'static str,
    id: Option<i32>,
    bytes: usize,
}

#[derive(Debug)]
struct Received {
    seq: u64,
    time: String,
    client_id: i32,
    message: String,
    fields: Value,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Rings {
    last: u64,
    received: VecDeque<Received>,
    /// What `received` weighs.
    received_bytes: usize,
    sent: VecDeque<Sent>,
}

impl Rings {
    fn receive(&mut self, entry: Received) {
        self.received_bytes += entry.bytes;
        self.received.push_back(entry);
        while self.received.len() > JOURNAL_LIMIT || self.received_bytes > REQUEST_BYTES && self.received.len() > 1 {
            let Some(oldest) = self.received.pop_front() else { break };
            self.received_bytes -= oldest.bytes;
        }
    }

    fn send(&mut self, entry: Sent) {
        if self.sent.len() == JOURNAL_LIMIT {
            self.sent.pop_front();
        }
        self.sent.push_back(entry);
    }
}

/// About the memory that a value holds.
fn weight(value: &Value) -> usize {
    VALUE_BYTES
        + match value {
            Value::String(text) => text.len(),
            Value::Array(list) => list.iter().map(weight).sum(),
            Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + weight(value)).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

/// Both directions are numbered together and kept apart, so that many frames out never push a request out.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    rings: Mutex<Rings>,
}

impl Journal {
    fn lock(&self) -> MutexGuard<'_, Rings> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record(&self, time: String, client_id: i32, message: &str, fields: Value) {
        let bytes = weight(&fields);
        let mut rings = self.lock();
        rings.last += 1;
        let seq = rings.last;
        rings.receive(Received { seq, time, client_id, message: message.to_owned(), fields, bytes });
    }

    pub(crate) fn sent(&self, time_ms: i64, client_id: i32, event: &Event, frame: &[u8]) {
        let (message, id, bytes) = (event.name(), event.id(), frame.len());
        let mut rings = self.lock();
        rings.last += 1;
        let seq = rings.last;
        rings.send(Sent { seq, time_ms, client_id, message, id, bytes });
    }

    /// The entries after `seq`, oldest first, and the newest number given out.
    pub(crate) fn since(&self, seq: u64, wanted: Direction) -> (u64, Vec<Entry>) {
        let rings = self.lock();
        let mut entries = Vec::new();
        if wanted != Direction::Out {
            let new = rings.received.iter().filter(|entry| entry.seq > seq);
            entries.extend(new.map(|entry| (entry.seq, received(entry))));
        }
        if wanted != Direction::In {
            let new = rings.sent.iter().filter(|entry| entry.seq > seq);
            entries.extend(new.map(|entry| (entry.seq, sent(entry))));
        }
        entries.sort_unstable_by_key(|(seq, _)| *seq);
        (rings.last, entries.into_iter().map(|(_, entry)| entry).collect())
    }
}

fn received(entry: &Received) -> Entry {
    let Received { seq, time, client_id, message, fields, .. } = entry;
    Entry::In {
        seq: *seq,
        direction: Direction::In,
        time: time.clone(),
        client_id: *client_id,
        message: message.clone(),
        fields: fields.clone(),
    }
}

fn sent(entry: &Sent) -> Entry {
    let Sent { seq, time_ms, client_id, message, id, bytes } = *entry;
    let time = Timestamp::from_millisecond(time_ms).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
    Entry::Out { seq, direction: Direction::Out, time, client_id, message, id, bytes }
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
        let (last, all) = journal.since(0, Direction::In);
        assert_eq!((last, all.len()), (JOURNAL_LIMIT as u64 + 5, JOURNAL_LIMIT));
        assert!(matches!(all[0], Entry::In { seq: 6, .. }), "{:?}", all[0]);
        assert_eq!(journal.since(last - 1, Direction::In).1.len(), 1);
    }

    #[test]
    fn great_requests_push_older_ones_out() {
        let journal = Journal::default();
        for _ in 0..100 {
            journal.record("t".into(), 1, "ReplaceFa", serde_json::json!({ "xml": "x".repeat(1 << 20) }));
        }
        let kept = journal.since(0, Direction::In).1.len();
        assert_eq!(kept, 63, "64 MiB hold not quite 64 of them");
        journal.record("t".into(), 1, "CurrentTime", Value::Null);
        assert_eq!(journal.since(100, Direction::In).1.len(), 1);
        assert_eq!(weight(&serde_json::json!({"a": [1, "bc"]})), 4 * VALUE_BYTES + 3);
    }

    #[test]
    fn frames_out_leave_the_requests_alone() {
        let journal = Journal::default();
        journal.record("t".into(), 1, "CurrentTime", Value::Null);
        for _ in 0..JOURNAL_LIMIT + 5 {
            journal.sent(1_000, 1, &Event::CurrentTime(1), b"1234");
        }
        assert_eq!(journal.since(0, Direction::In).1.len(), 1);
        let (last, sent) = journal.since(0, Direction::Out);
        assert_eq!((last, sent.len()), (JOURNAL_LIMIT as u64 + 6, JOURNAL_LIMIT));
        let shown = serde_json::to_value(&sent[0]).unwrap();
        assert_eq!((&shown["direction"], &shown["message"], &shown["bytes"]), (&"out".into(), &"CurrentTime".into(), &4.into()));
        assert_eq!(shown["time"], "1970-01-01T00:00:01Z");
        let both = serde_json::to_value(journal.since(0, Direction::Both).1).unwrap();
        assert_eq!((&both[0]["direction"], &both[1]["direction"]), (&"in".into(), &"out".into()));
    }

    #[test]
    fn counters_show_by_name() {
        let counters = Counters::default();
        counters.add(Count::unhandled);
        assert_eq!(counters.to_json()["unhandled"], 1);
        assert_eq!(counters.to_json()["requests"], 0);
    }
}
