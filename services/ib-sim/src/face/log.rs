//! The container's log, kept for whoever prints or asks for it.
//!
//! Invariant: at most [`LOG_LIMIT`] lines are kept; numbers never repeat.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::watch;

use super::lines::Line;

const LOG_LIMIT: usize = 4_096;

#[derive(Debug, Default)]
struct Ring {
    last: u64,
    lines: VecDeque<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    ring: Mutex<Ring>,
    last: watch::Sender<u64>,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self, line: Line, wall_ms: i64, zone: &TimeZone) {
        let text = match line {
            Line::Script(text) => text,
            Line::Ibc(text) => {
                let time = Timestamp::from_millisecond(wall_ms).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone());
                format!("{}:{:03} IBC: {text}", time.strftime("%Y-%m-%d %H:%M:%S"), time.millisecond())
            }
        };
        let last = {
            let mut ring = self.lock();
            ring.last += 1;
            if ring.lines.len() == LOG_LIMIT {
                ring.lines.pop_front();
            }
            ring.lines.push_back(text);
            ring.last
        };
        self.last.send_replace(last);
    }

    /// The lines after number `seq`, oldest first, and the newest number.
    pub(crate) fn since(&self, seq: u64) -> (u64, Vec<String>) {
        let ring = self.lock();
        let kept = u64::try_from(ring.lines.len()).unwrap_or(u64::MAX);
        let gone = ring.last - kept;
        let skip = usize::try_from(seq.saturating_sub(gone)).unwrap_or(usize::MAX);
        (ring.last, ring.lines.iter().skip(skip).cloned().collect())
    }
}

/// The lines of the container's log as they come, from the first one on.
#[derive(Debug)]
pub struct LogLines {
    pub(crate) gateway: Arc<crate::gateway::Gateway>,
    pub(crate) seen: u64,
}

impl LogLines {
    /// At least one new line; waits for it.
    pub async fn next(&mut self) -> Vec<String> {
        let log = &self.gateway.face.log;
        // The sender lives as long as the gateway, which this holds.
        let _ = log.last.subscribe().wait_for(|last| *last > self.seen).await;
        self.rest()
    }

    /// What has come since, without waiting.
    pub fn rest(&mut self) -> Vec<String> {
        let (last, lines) = self.gateway.face.log.since(self.seen);
        self.seen = last;
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ibcs_lines_carry_the_time_and_the_scripts_do_not() {
        let log = Log::default();
        let zone = TimeZone::get("America/New_York").unwrap();
        log.write(Line::Script("IBC will restart shortly".into()), 0, &zone);
        log.write("Login has completed".into(), 1_795_187_730_042, &zone);
        assert_eq!(log.since(0), (2, vec!["IBC will restart shortly".into(), "2026-11-20 10:15:30:042 IBC: Login has completed".into()]));
        assert_eq!(log.since(1).1.len(), 1);
    }

    #[test]
    fn keeps_the_newest_lines() {
        let log = Log::default();
        for n in 0..LOG_LIMIT + 3 {
            log.write(Line::Script(n.to_string()), 0, &TimeZone::UTC);
        }
        let (last, lines) = log.since(1);
        assert_eq!((last, lines.len(), lines[0].as_str()), (LOG_LIMIT as u64 + 3, LOG_LIMIT, "3"));
        assert_eq!(log.since(last - 2).1.len(), 2);
        assert!(log.since(last + 9).1.is_empty());
    }
}
