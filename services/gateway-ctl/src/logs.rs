//! The log of a gateway's container, read as markers: where the log-in is, what failed, what ended.
//!
//! The words are those of IBC 3.24, its start script and the image's run script; nothing outside this file knows them.
//!
//! Invariants: any split of the same bytes gives the same state; the last marker wins; a line counts when its end has come;
//! memory is bounded ([`LINE_BYTES_MAX`] and a few counters).

mod line;

use jiff::Timestamp;

use line::Word;

/// What a line has beyond this is not looked at.
pub const LINE_BYTES_MAX: usize = 2_048;

/// Where the gateway is, by the last line that says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Marker {
    /// Nothing of the gateway itself yet.
    #[default]
    Silent,
    /// The gateway's process was launched.
    Launched,
    LogIn {
        attempt: u32,
    },
    SecondFactor,
    LogInFailed,
    LockedOut,
    LoggedIn,
    /// A dialog about another session, or the session was lost to one.
    Conflict,
    Closing,
    /// The gateway's process ended; the container may go on.
    Exited {
        code: u8,
    },
    /// It ended and the start script launches it again.
    Restarting,
    /// It ended at a PAUSE: the container ends too.
    Paused,
    Finished,
}

/// How the gateway and another session with the same user name stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// A dialog is open, or the gateway wants its session back.
    Open,
    /// The gateway ended for the other session.
    Yielded,
}

/// The port forwarder as the run script announces it. The address in that line is a fixed text: it says nothing about
/// the address that is really connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    pub target_port: u16,
    pub listen_port: u16,
}

/// What the log says of one life of the container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogState {
    pub marker: Marker,
    /// Launches of the gateway's process: a second one is a restart inside the container.
    pub launches: u32,
    pub failed_log_ins: u32,
    pub lockouts: u32,
    /// What IB asked to wait at the last lockout, where it said so.
    pub lockout_wait_s: Option<u32>,
    /// A second factor was asked for in this life of the container.
    pub two_factor_asked: bool,
    /// The process that runs logged in with name and password, so that its authentication lasts until Sunday.
    pub full_log_in: bool,
    /// Kept when the process ends, until it is launched again.
    pub conflict: Option<Conflict>,
    /// The gateway logged in although another session was there, which that one did not survive.
    pub took_over: bool,
    /// Of the last process that ended.
    pub exit_code: Option<u8>,
    pub forward: Option<Forward>,
}

impl LogState {
    pub fn logged_in(&self) -> bool {
        self.marker == Marker::LoggedIn
    }

    fn apply(&mut self, word: Word) {
        match word {
            Word::Launch => {
                self.launches = self.launches.saturating_add(1);
                (self.conflict, self.full_log_in, self.took_over) = (None, false, false);
                self.marker = Marker::Launched;
            }
            Word::Attempt(attempt) => {
                self.full_log_in = true;
                self.marker = Marker::LogIn { attempt };
            }
            Word::SecondFactor => {
                self.two_factor_asked = true;
                self.marker = Marker::SecondFactor;
            }
            Word::Failed => {
                self.failed_log_ins = self.failed_log_ins.saturating_add(1);
                self.marker = Marker::LogInFailed;
            }
            Word::TooMany { wait_s } => {
                self.lockouts = self.lockouts.saturating_add(1);
                self.lockout_wait_s = wait_s;
                self.marker = Marker::LockedOut;
            }
            Word::LoggedIn => (self.conflict, self.marker) = (None, Marker::LoggedIn),
            Word::OtherSession(conflict) => (self.conflict, self.marker) = (Some(conflict), Marker::Conflict),
            Word::TakenOver => {
                // The marker stays: the log-in goes on.
                (self.conflict, self.took_over) = (None, true);
            }
            Word::Closing => self.marker = Marker::Closing,
            Word::Exited { code } => (self.exit_code, self.marker) = (Some(code), Marker::Exited { code }),
            Word::Restarting => self.marker = Marker::Restarting,
            Word::Paused => self.marker = Marker::Paused,
            Word::Finished => self.marker = Marker::Finished,
            Word::Forward(forward) => self.forward = Some(forward),
        }
    }
}

/// Docker's time stamps before each line, and which of them count.
#[derive(Debug, Clone, Copy)]
struct Stamps {
    /// The container's start: what is older was said by an earlier life of it.
    since: Timestamp,
    /// Lines up to here were read before the stream broke.
    seen: Option<Timestamp>,
    last: Option<Timestamp>,
}

/// Reads the bytes of one life of the container as they come.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    state: LogState,
    line: Vec<u8>,
    stamps: Option<Stamps>,
}

impl Reader {
    /// For bytes without time stamps.
    pub fn plain() -> Self {
        Self::default()
    }

    /// For lines that begin with an RFC 3339 time and a space, as Docker gives them on request: what was said before
    /// `since` does not count. Docker's own filter has whole seconds only.
    pub fn stamped(since: Timestamp) -> Self {
        Self { stamps: Some(Stamps { since, seen: None, last: None }), ..Self::default() }
    }

    pub fn state(&self) -> &LogState {
        &self.state
    }

    /// The time stamp of the last line, from which a broken stream is asked for again.
    pub fn last(&self) -> Option<Timestamp> {
        self.stamps.and_then(|stamps| stamps.last)
    }

    /// A new stream follows one that broke: half a line is dropped, and lines that were read do not count again.
    pub fn resume(&mut self) {
        self.line.clear();
        if let Some(stamps) = &mut self.stamps {
            stamps.seen = stamps.last;
        }
    }

    /// Takes the next bytes; says whether the state has changed.
    pub fn feed(&mut self, bytes: &[u8]) -> bool {
        let before = self.state.clone();
        for &byte in bytes {
            if byte == b'\n' {
                self.end_line();
            } else if self.line.len() < LINE_BYTES_MAX {
                self.line.push(byte);
            }
        }
        self.state != before
    }

    fn end_line(&mut self) {
        let bytes = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        if let Some(text) = self.unstamped(text.trim_end())
            && let Some(word) = line::read(text)
        {
            self.state.apply(word);
        }
    }

    /// The line without its stamp, if it counts. What has no stamp follows a line that was cut: it is no line.
    fn unstamped<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let Some(stamps) = &mut self.stamps else { return Some(text) };
        let (stamp, rest) = text.split_once(' ').unwrap_or((text, ""));
        let stamp: Timestamp = stamp.parse().ok()?;
        let counts = stamp >= stamps.since && stamps.seen.is_none_or(|seen| stamp > seen);
        if counts {
            stamps.last = Some(stamp);
        }
        counts.then_some(rest)
    }
}

#[cfg(test)]
#[path = "logs_tests.rs"]
mod tests;
