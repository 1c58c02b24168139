//! One line of the log, and what it says.
//!
//! Invariant: a line that says nothing we know is nothing; no line is kept.

use super::{Conflict, Forward};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Launch,
    Attempt(u32),
    SecondFactor,
    Failed,
    TooMany {
        wait_s: Option<u32>,
    },
    LoggedIn,
    OtherSession(Conflict),
    /// The other session was ended for this one.
    TakenOver,
    Closing,
    Exited {
        code: u8,
    },
    Restarting,
    Paused,
    Finished,
    Forward(Forward),
}

/// IBC's lines begin with `2026-11-20 10:15:30:042 IBC: `, the scripts' do not.
const IBC: &str = " IBC: ";
const IBC_STAMP_BYTES: usize = "2026-11-20 10:15:30:042".len();

pub(super) fn read(line: &str) -> Option<Word> {
    let text = match line.split_once(IBC) {
        Some((stamp, text)) if stamp.len() == IBC_STAMP_BYTES => text,
        _ => line,
    };
    whole(text).or_else(|| beginning(text)).or_else(|| scenario(text))
}

/// Lines that are one text.
fn whole(text: &str) -> Option<Word> {
    Some(match text {
        // Not the line that goes on with `: exiting via [File, Close] menu`.
        "Login has completed" => Word::LoggedIn,
        "Second Factor Authentication initiated" => Word::SecondFactor,
        "Login failed" => Word::Failed,
        "Re-starting session" => Word::Launch,
        "Gateway finished" => Word::Finished,
        "IBC is paused" => Word::Paused,
        _ => return None,
    })
}

fn beginning(text: &str) -> Option<Word> {
    let rest_of = |start: &str| text.strip_prefix(start).map(str::trim);
    if text.starts_with("Starting session:") {
        Some(Word::Launch)
    } else if let Some(attempt) = rest_of("Login attempt:") {
        Some(Word::Attempt(attempt.parse().unwrap_or(1)))
    } else if text.starts_with("Unrecognized user") || text.starts_with("Unrecognized User") {
        Some(Word::Failed)
    } else if let Some(rest) = rest_of("Too many failed login attempts.") {
        Some(Word::TooMany { wait_s: wait_s(rest) })
    } else if text.starts_with("Re-login to session")
        || text.starts_with("Re-login is required")
        || text.starts_with("Existing session detected")
    {
        Some(Word::OtherSession(Conflict::Open))
    } else if text.starts_with("Login has completed:")
        || text.starts_with("Login has not completed: exiting")
        || text.contains("Received SIGINT or SIGTERM")
    {
        Some(Word::Closing)
    } else if let Some(code) = rest_of("IBC returned exit status") {
        Some(Word::Exited { code: code.parse().ok()? })
    } else if text.starts_with("IBC will restart shortly") || text.starts_with("IBC will cold-restart shortly") {
        Some(Word::Restarting)
    } else {
        rest_of("Forking ").and_then(forward).map(Word::Forward)
    }
}

/// IBC's answer to the dialog about an existing session ends with `(scenario 3)`.
fn scenario(text: &str) -> Option<Word> {
    let number = text.strip_suffix(')')?.rsplit_once("(scenario ")?.1;
    Some(match number {
        "1" => Word::OtherSession(Conflict::Open),
        "2" | "4" | "6" => Word::OtherSession(Conflict::Yielded),
        "3" => Word::TakenOver,
        // This session was logged in and stays so.
        "5" => Word::LoggedIn,
        _ => return None,
    })
}

/// `Please wait 4 minutes & 47 seconds before attempting to re-login again.`
fn wait_s(text: &str) -> Option<u32> {
    let mut total: Option<u32> = None;
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let (Ok(number), Some(unit)) = (word.parse::<u32>(), words.peek()) else { continue };
        let seconds = match unit.trim_end_matches(['.', ',']).trim_end_matches('s') {
            "second" => 1,
            "minute" => 60,
            "hour" => 3_600,
            _ => continue,
        };
        total = Some(total.unwrap_or(0).saturating_add(number.saturating_mul(seconds)));
    }
    total
}

/// `:::4002 onto 0.0.0.0:4004 > trading mode paper`.
fn forward(text: &str) -> Option<Forward> {
    let (target, rest) = text.split_once(" onto ")?;
    let port = |address: &str| address.rsplit_once(':')?.1.parse().ok();
    Some(Forward { target_port: port(target)?, listen_port: port(rest.split_whitespace().next()?)? })
}
