//! What is switched on, and what follows from it for one request or one frame.
//!
//! Invariant: no clock, no lock, no socket here; the same state and the same question give the same
//! answer, and what counts down ends at zero by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::link::{self, Barrier, Farm, Reach};
use crate::errors::ApiError;

/// A request kind that fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    pub(crate) code: i32,
    /// In place of the code's usual text.
    pub(crate) text: Option<String>,
    /// How often yet.
    pub(crate) times: u32,
}

/// What happens to outgoing messages of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Tamper {
    /// Copies beside the message itself, or frames that overtake it; nothing to count for one left out.
    pub(crate) by: u32,
    /// How often yet; none: until it is switched off.
    pub(crate) times: Option<u32>,
}

/// Frames whose length field lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Garbage {
    pub(crate) length: u32,
    pub(crate) times: u32,
}

/// How bytes go into the socket. One at a time: the ways contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Style {
    /// As fast as the client reads.
    #[default]
    Plain,
    /// Every frame in pieces of so many bytes, with a pause after each.
    Split {
        bytes: u32,
        pause_ms: u64,
    },
    /// So many frames in one write, or as many as came within the time.
    Coalesce {
        frames: u32,
        ms: u64,
    },
    Slow {
        bytes_per_s: u32,
    },
}

/// What becomes of one outgoing message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fate {
    /// How often it is sent.
    pub(crate) copies: u32,
    /// How many later frames overtake it.
    pub(crate) behind: u32,
    /// A frame of this claimed length goes first.
    pub(crate) garbage: Option<u32>,
}

impl Fate {
    pub(crate) const PLAIN: Self = Self { copies: 1, behind: 0, garbage: None };
}

/// What is switched on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Active {
    pub(crate) refuse_connections: bool,
    pub(crate) stall: bool,
    pub(crate) silent_handshake: bool,
    pub(crate) localhost_only: bool,
    pub(crate) freeze_account_pushes: bool,
    pub(crate) frames_before_ids: u32,
    pub(crate) delays: BTreeMap<String, u64>,
    pub(crate) failures: BTreeMap<String, Failure>,
    /// The gateway has lost IB's servers.
    pub(crate) disconnected: bool,
    pub(crate) broken_farms: BTreeSet<Farm>,
    pub(crate) competing_session: bool,
    pub(crate) client_ids_taken: bool,
    pub(crate) client_id_linger_ms: u64,
    pub(crate) omit: BTreeMap<String, Tamper>,
    pub(crate) duplicate: BTreeMap<String, Tamper>,
    pub(crate) reorder: BTreeMap<String, Tamper>,
    pub(crate) garbage_length: Option<Garbage>,
    pub(crate) writing: Style,
}

/// Uses one time of what is asked for by name.
fn spend(tampers: &mut BTreeMap<String, Tamper>, message: &str) -> Option<u32> {
    let tamper = tampers.get_mut(message)?;
    let by = tamper.by;
    if let Some(times) = &mut tamper.times {
        *times -= 1;
        if *times == 0 {
            tampers.remove(message);
        }
    }
    Some(by)
}

impl Active {
    /// How this request fails, if it is to.
    pub(super) fn failure(&mut self, message: &str) -> Option<ApiError> {
        let failure = self.failures.get_mut(message)?;
        let error = ApiError::injected(failure.code, failure.text.clone());
        failure.times -= 1;
        if failure.times == 0 {
            self.failures.remove(message);
        }
        Some(error)
    }

    pub(super) fn fate(&mut self, message: &str) -> Fate {
        if self.dry(message) || spend(&mut self.omit, message).is_some() {
            return Fate { copies: 0, ..Fate::PLAIN };
        }
        let garbage = self.garbage_length.as_mut().map(|garbage| {
            garbage.times -= 1;
            garbage.length
        });
        if self.garbage_length.is_some_and(|garbage| garbage.times == 0) {
            self.garbage_length = None;
        }
        Fate {
            copies: 1 + spend(&mut self.duplicate, message).unwrap_or(0),
            behind: spend(&mut self.reorder, message).unwrap_or(0),
            garbage,
        }
    }

    /// What stands between a request and its answer.
    pub(super) fn barrier(&self, reach: Reach) -> Option<Barrier> {
        if self.disconnected {
            return match reach {
                Reach::Local => None,
                Reach::History => Some(Barrier::Refuse(ApiError::history_disconnected())),
                Reach::MarketData | Reach::Definitions | Reach::Server => Some(Barrier::Wait),
            };
        }
        match reach {
            Reach::MarketData if self.competing_session => Some(Barrier::Refuse(ApiError::fixed(10197))),
            Reach::History if self.competing_session => Some(Barrier::Refuse(ApiError::history_elsewhere())),
            Reach::History if self.broken(Farm::Ushmds) => Some(Barrier::Refuse(ApiError::history_disconnected())),
            Reach::MarketData if self.broken(Farm::Usfarm) => Some(Barrier::Wait),
            Reach::Definitions if self.broken(Farm::Secdefnj) => Some(Barrier::Wait),
            _ => None,
        }
    }

    /// Whether a message is a stream whose source is away.
    fn dry(&self, message: &str) -> bool {
        link::source(message).is_some_and(|farm| self.disconnected || self.competing_session || self.broken(farm))
    }

    pub(super) fn broken(&self, farm: Farm) -> bool {
        self.broken_farms.contains(&farm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(by: u32, times: Option<u32>) -> BTreeMap<String, Tamper> {
        BTreeMap::from([("PositionEnd".to_owned(), Tamper { by, times })])
    }

    #[test]
    fn a_failure_ends_after_its_times() {
        let mut active = Active::default();
        active.failures.insert("ContractData".into(), Failure { code: 200, text: None, times: 2 });
        assert_eq!(active.failure("Positions"), None);
        assert_eq!(active.failure("ContractData"), Some(ApiError::fixed(200)));
        assert_eq!(active.failure("ContractData"), Some(ApiError::fixed(200)));
        assert_eq!((active.failure("ContractData"), active), (None, Active::default()));
    }

    #[test]
    fn tampering_hits_the_named_message_and_counts_down_to_nothing() {
        let mut active = Active { omit: named(0, Some(1)), duplicate: named(2, Some(1)), ..Active::default() };
        assert_eq!(active.fate("Position"), Fate::PLAIN);
        assert_eq!(active.fate("PositionEnd").copies, 0);
        assert_eq!(active.fate("PositionEnd").copies, 3, "what was left out was not also duplicated");
        assert_eq!((active.fate("PositionEnd"), active), (Fate::PLAIN, Active::default()));
        let mut lasting = Active { reorder: named(4, None), ..Active::default() };
        assert!((0..5).all(|_| lasting.fate("PositionEnd").behind == 4));
    }

    #[test]
    fn garbage_goes_before_any_message_so_many_times() {
        let mut active = Active { garbage_length: Some(Garbage { length: 7, times: 2 }), ..Active::default() };
        assert_eq!((active.fate("A").garbage, active.fate("B").garbage), (Some(7), Some(7)));
        assert_eq!((active.fate("C").garbage, active), (None, Active::default()));
    }

    #[test]
    fn without_servers_only_local_answers_are_left() {
        let lost = Active { disconnected: true, ..Active::default() };
        assert_eq!(lost.barrier(Reach::Local), None);
        assert_eq!(lost.barrier(Reach::Definitions), Some(Barrier::Wait));
        assert!(matches!(lost.barrier(Reach::History), Some(Barrier::Refuse(error)) if error.code == 162));
        let flapping = Active { broken_farms: [Farm::Secdefnj].into(), ..Active::default() };
        assert_eq!((flapping.barrier(Reach::Definitions), flapping.barrier(Reach::History)), (Some(Barrier::Wait), None));
        let mut quiet = Active { broken_farms: [Farm::Usfarm].into(), ..Active::default() };
        assert_eq!((quiet.fate("TickPrice").copies, quiet.fate("HistoricalDataUpdate").copies, quiet.fate("Position").copies), (0, 1, 1));
        let competing = Active { competing_session: true, ..Active::default() };
        assert!(matches!(competing.barrier(Reach::History), Some(Barrier::Refuse(error)) if error.text.contains("different IP")));
        assert_eq!(competing.barrier(Reach::Definitions), None);
    }
}
