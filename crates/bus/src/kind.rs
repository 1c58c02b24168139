//! Who answers an operation, in words for faults: the workers, of which there are several, or the options service.
//!
//! Invariant: nobody who waits for options is told to start workers. Options have one process and an IB session of its
//! own, to which workers are no help.

use schemas::{Operation, Row};

/// What the processes that answer a family are called, and what helps when they are short.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// In the singular.
    pub(crate) one: &'static str,
    /// Of `ibmesh`.
    pub(crate) command: &'static str,
    /// When it has no free slot.
    pub(crate) when_busy: &'static str,
    /// When it ends before its work does.
    pub(crate) when_ending: &'static str,
}

const WORKER: Kind = Kind {
    one: "worker",
    command: "worker",
    when_busy: "try again shortly, or run more workers",
    when_ending: "ask again: another worker answers",
};
const OPTIONS: Kind = Kind {
    one: "options service",
    command: "options",
    when_busy: "try again shortly, and ask for fewer chains at the same time: one process reads them all over one IB session",
    when_ending: "ask again in some seconds: it answers as soon as it runs again and has its IB session",
};

impl Kind {
    pub(crate) fn of(row: &Row) -> Self {
        if is_of_options(row) { OPTIONS } else { WORKER }
    }
}

pub(crate) fn is_of_options(row: &Row) -> bool {
    row.family == schemas::options::Chain::FAMILY
}
