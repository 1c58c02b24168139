//! Frames without accounts, people and ids.
//!
//! Invariant: only the copy that is written passes here, never what the other side receives; a payload that cannot be
//! read is left out, not written as it is.

use bytes::Bytes;

use super::pseudonyms::Pseudonyms;
use crate::transcript::catalogue::Direction;
use crate::transcript::frame::{Frame, Payload};
use crate::transcript::marks::{self, Mark, Seen};

const EMAIL: &str = "someone@example.com";
const OPAQUE: &str = "<redacted/>";

/// The frame as it may be written.
pub(crate) fn frame(names: &mut Pseudonyms, direction: Direction, version: i32, frame: &Frame) -> Frame {
    let mut edit = |mark: Option<Mark>, seen: Seen| Some(field(names, mark, seen));
    marks::rewrite(direction, version, frame, &mut edit)
        .unwrap_or_else(|| Frame { number: frame.number, payload: Payload::Protobuf(Bytes::new()) })
}

fn field(names: &mut Pseudonyms, mark: Option<Mark>, seen: Seen) -> Seen {
    match (mark, seen) {
        (Some(Mark::Perm), Seen::Number(perm)) => Seen::Number(names.perm(perm)),
        (Some(Mark::Perm), Seen::Text(text)) => Seen::Text(text.parse().map_or(text, |perm| names.perm(perm).to_string())),
        // Text fields that happen to be digits.
        (Some(mark @ (Mark::Account | Mark::Accounts | Mark::Name | Mark::Reference | Mark::Execution)), Seen::Number(number)) => {
            Seen::Text(marked(names, mark, &number.to_string()))
        }
        (_, Seen::Number(number)) => Seen::Number(number),
        (Some(Mark::Opaque), Seen::Text(text)) => Seen::Text(if text.is_empty() { text } else { OPAQUE.to_owned() }),
        (Some(mark), Seen::Text(text)) => Seen::Text(marked(names, mark, &text)),
        (None, Seen::Text(text)) => Seen::Text(scrub(names, &text)),
    }
}

fn marked(names: &mut Pseudonyms, mark: Mark, text: &str) -> String {
    match mark {
        Mark::Account => names.account(text),
        Mark::Accounts => names.accounts(text),
        Mark::Name => names.name(text),
        Mark::Reference => names.reference(text),
        Mark::Execution => names.execution(text),
        _ => scrub(names, text),
    }
}

/// Free text: known names, words that look like accounts, permanent ids that are called so, and mail addresses.
pub(crate) fn scrub(names: &mut Pseudonyms, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let text = names.phrases(text);
    let mut rest = &text[..];
    while !rest.is_empty() {
        let word_end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        if word_end == 0 {
            let gap_end = rest.find(is_word).unwrap_or(rest.len());
            out.push_str(&rest[..gap_end]);
            rest = &rest[gap_end..];
            continue;
        }
        let word = &rest[..word_end];
        if word.contains('@') && word.trim_matches('@').contains('@') {
            out.push_str(EMAIL);
        } else if ends_with_perm_id(&out) && word.parse::<i64>().is_ok() {
            out.push_str(&names.perm(word.parse().unwrap_or(0)).to_string());
        } else {
            push_word(&mut out, names, word);
        }
        rest = &rest[word_end..];
    }
    out
}

/// A word may be two with a point or a dash between: `DU123456.NASDAQ`.
fn push_word(out: &mut String, names: &mut Pseudonyms, word: &str) {
    if let Some(name) = names.word(word) {
        out.push_str(&name);
        return;
    }
    for part in word.split_inclusive(['.', '-', '@', '+']) {
        let bare = part.trim_end_matches(['.', '-', '@', '+']);
        out.push_str(names.word(bare).as_deref().unwrap_or(bare));
        out.push_str(&part[bare.len()..]);
    }
}

/// What may stand in a mail address or an identifier.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '@' | '.' | '_' | '-' | '+')
}

/// `Order permId =1426086045`: IB writes the id behind this word.
fn ends_with_perm_id(before: &str) -> bool {
    before.trim_end_matches([' ', '=', ':', '#']).to_ascii_lowercase().ends_with("permid")
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
