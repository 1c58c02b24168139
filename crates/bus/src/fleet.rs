//! Who is alive: the last heartbeat of every process of one gateway, by our own monotonic clock.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_nats::Message;
use futures::StreamExt;
use schemas::{
    GatewayName,
    health::{HEARTBEAT_FORGET_MS, HEARTBEAT_STALE_MS, Heartbeat, State},
};
use tokio::{sync::watch, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use crate::connection::{Bus, BusError, within};

/// Processes of one gateway that are remembered; a broken publisher must not fill the memory.
const PROCESSES_MAX: usize = 256;
/// After it nobody counts on a process any more.
const FORGET: Duration = Duration::from_millis(HEARTBEAT_FORGET_MS);
/// One that fell silent without a good-bye may hang and wake, so it is not forgotten for longer than a person needs to notice.
const SILENT_KEPT: Duration = Duration::from_secs(600);
/// A heartbeat larger than this is no heartbeat: one that lists every operation has some 2 KiB.
const HEARTBEAT_BYTES_MAX: usize = 32 * 1024;

/// A process's last heartbeat and its age.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub beat: Heartbeat,
    pub age: Duration,
}

impl Seen {
    /// Younger than three periods.
    pub fn is_alive(&self) -> bool {
        self.age < Duration::from_millis(HEARTBEAT_STALE_MS)
    }
}

/// The table; clones share it.
#[derive(Debug, Clone)]
pub struct Fleet {
    table: Arc<Table>,
    changes: watch::Sender<u64>,
    /// The subscription; ends with the last clone.
    _task: Arc<AbortOnDropHandle<()>>,
}

impl Fleet {
    /// Follows the heartbeats of `gateway` for as long as a clone of the result lives.
    pub async fn follow(bus: &Bus, gateway: &GatewayName) -> Result<Self, BusError> {
        let mut beats = within(Duration::from_secs(2), bus.client.subscribe(gateway.healths())).await?;
        bus.barrier().await?;
        let (table, changes) = (Arc::<Table>::default(), watch::Sender::new(0_u64));
        let task = tokio::spawn({
            let (table, changes) = (Arc::clone(&table), changes.clone());
            async move {
                while let Some(message) = beats.next().await {
                    match read(&message) {
                        Ok(beat) => {
                            table.note(beat, Instant::now());
                            changes.send_modify(|count| *count = count.wrapping_add(1));
                        }
                        Err(error) => tracing::warn!(subject = %message.subject, error, "not a heartbeat"),
                    }
                }
            }
        });
        Ok(Self { table, changes, _task: Arc::new(AbortOnDropHandle::new(task)) })
    }

    /// Every process heard of in the last 30 s, in a stable order.
    pub fn seen(&self) -> Vec<Seen> {
        self.table.seen(Instant::now(), FORGET)
    }

    /// The same, with those that fell silent in the last 10 minutes: they may be dead, or hang and wake.
    pub fn remembered(&self) -> Vec<Seen> {
        self.table.seen(Instant::now(), SILENT_KEPT)
    }

    /// Processes of `service` that are alive.
    pub fn alive(&self, service: &str) -> Vec<Heartbeat> {
        self.seen().into_iter().filter(|seen| seen.is_alive() && seen.beat.service == service).map(|seen| seen.beat).collect()
    }

    /// When the process `id` was last heard of.
    pub(crate) fn last_heard(&self, id: &str) -> Option<Instant> {
        self.table.lock().get(id).map(|(_, at)| *at)
    }

    /// Counts heartbeats; changes with each. That a process falls silent changes nothing here: look at [`Seen::age`].
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

/// Who may publish a subject is decided by NATS's permissions, so the subject says who it is, and the body must agree.
fn read(message: &Message) -> Result<Heartbeat, String> {
    if message.payload.len() > HEARTBEAT_BYTES_MAX {
        return Err(format!("{} bytes, at most {HEARTBEAT_BYTES_MAX} are read", message.payload.len()));
    }
    let beat: Heartbeat = serde_json::from_slice(&message.payload).map_err(|error| error.to_string())?;
    let mut tokens = message.subject.rsplit('.');
    let (id, service) = (tokens.next(), tokens.next());
    if id == Some(beat.id.as_str()) && service == Some(beat.service.as_str()) {
        Ok(beat)
    } else {
        Err(format!("its body names another process, {} {}", beat.service, beat.id))
    }
}

#[derive(Debug, Default)]
struct Table(Mutex<HashMap<String, (Heartbeat, Instant)>>);

impl Table {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Heartbeat, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, beat: Heartbeat, now: Instant) {
        let mut table = self.lock();
        let age = |at: Instant| now.saturating_duration_since(at);
        // Who said good-bye does not come back.
        table.retain(|_, (beat, at)| age(*at) < if beat.state == State::Draining { FORGET } else { SILENT_KEPT });
        if table.len() >= PROCESSES_MAX && !table.contains_key(&beat.id) {
            // The silent make room for those who speak.
            let stalest = table.iter().min_by_key(|(_, (_, at))| *at).filter(|(_, (_, at))| age(*at) >= FORGET).map(|(id, _)| id.clone());
            stalest.and_then(|id| table.remove(&id));
        }
        if table.len() < PROCESSES_MAX || table.contains_key(&beat.id) {
            table.insert(beat.id.clone(), (beat, now));
        } else {
            tracing::warn!(id = beat.id, limit = PROCESSES_MAX, "too many processes publish heartbeats; one is not remembered");
        }
    }

    fn seen(&self, now: Instant, within: Duration) -> Vec<Seen> {
        let aged = |(beat, at): &(Heartbeat, Instant)| Seen { beat: beat.clone(), age: now.saturating_duration_since(*at) };
        let mut seen: Vec<Seen> = self.lock().values().map(aged).collect();
        seen.retain(|seen| seen.age < within);
        seen.sort_by(|a, b| (&a.beat.service, a.beat.started_at, &a.beat.id).cmp(&(&b.beat.service, b.beat.started_at, &b.beat.id)));
        seen
    }
}

#[cfg(test)]
mod tests {
    use schemas::health::HEARTBEAT_PERIOD_MS;

    use super::*;

    fn beat(id: &str) -> Heartbeat {
        Heartbeat {
            service: "ib-worker".to_owned(),
            id: id.to_owned(),
            version: schemas::VERSION.to_owned(),
            pid: 1,
            state: State::Ready,
            sequence: 1,
            started_at: jiff::Timestamp::UNIX_EPOCH,
            in_flight: 0,
            slots: 1,
            operations: Vec::new(),
            ib: None,
            gateway: None,
        }
    }

    fn ids(seen: &[Seen]) -> Vec<&str> {
        seen.iter().map(|seen| seen.beat.id.as_str()).collect()
    }

    #[test]
    fn stale_after_three_periods_and_forgotten_later() {
        let (table, start) = (Table::default(), Instant::now());
        table.note(beat("a"), start);
        let at = |ms| start + Duration::from_millis(ms);
        for (ms, alive) in
            [(0, true), (3 * HEARTBEAT_PERIOD_MS - 1, true), (3 * HEARTBEAT_PERIOD_MS, false), (HEARTBEAT_FORGET_MS - 1, false)]
        {
            let seen = table.seen(at(ms), FORGET);
            assert_eq!((ids(&seen), seen[0].is_alive()), (vec!["a"], alive), "after {ms} ms");
        }
        assert!(table.seen(at(HEARTBEAT_FORGET_MS), FORGET).is_empty());
        table.note(Heartbeat { state: State::Draining, ..beat("gone") }, start);
        table.note(beat("b"), at(HEARTBEAT_FORGET_MS));
        assert_eq!(ids(&table.seen(at(HEARTBEAT_FORGET_MS), SILENT_KEPT)), ["a", "b"], "it may hang and wake; who said good-bye does not");
        let last = start + SILENT_KEPT;
        table.note(beat("b"), last);
        assert_eq!(table.lock().len(), 1, "and in the end its memory is free");
    }

    #[test]
    fn who_is_silent_makes_room_for_who_speaks() {
        let (table, start) = (Table::default(), Instant::now());
        for n in 0..PROCESSES_MAX {
            table.note(beat(&format!("crashed-{n}")), start);
        }
        let later = start + FORGET;
        table.note(beat("new"), later);
        assert_eq!(ids(&table.seen(later, FORGET)), ["new"]);
        assert_eq!(table.lock().len(), PROCESSES_MAX);
    }

    #[test]
    fn a_flood_of_names_stops_at_the_limit_and_hides_nobody_known() {
        let (table, start) = (Table::default(), Instant::now());
        table.note(beat("known"), start);
        for n in 0..2 * PROCESSES_MAX {
            table.note(beat(&format!("flood-{n}")), start);
        }
        let later = start + Duration::from_secs(5);
        table.note(beat("known"), later);
        let seen = table.seen(later, FORGET);
        assert_eq!(seen.len(), PROCESSES_MAX);
        assert!(seen.iter().any(|seen| seen.beat.id == "known" && seen.age.is_zero()));
    }
}
