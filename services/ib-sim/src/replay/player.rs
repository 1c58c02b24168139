//! Which recorded answers belong to what a client asks now, with its own ids in them.
//!
//! Invariant: a request is answered by the recording of an equal one, where accounts, ids and moments do not count;
//! each recorded request is used once before any is used again.

use std::collections::HashMap;

use serde_json::json;

use crate::transcript::Section;
use crate::transcript::catalogue::{self, Direction};
use crate::transcript::frame::{Frame, Payload};
use crate::transcript::marks::{self, Mark, Seen};
use crate::transcript::owner::Owners;
use crate::transcript::protobuf;

/// IB's code for a request that its server could not read.
const NOT_READ: i32 = 320;
const START_API: u32 = 71;

/// A frame to send, and how long after the request it came when it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) after_ms: u64,
    pub(crate) frame: Frame,
}

/// How a request was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Met {
    Matched,
    /// As before, all recordings of it being used.
    Repeated,
    Unmatched,
}

#[derive(Debug)]
struct Asked {
    ms: u64,
    number: u32,
    id: Option<i64>,
    /// The request without what differs between runs.
    key: Vec<u8>,
    answers: Vec<(u64, Frame)>,
    used: bool,
}

/// Plays the gateway of one recorded connection.
#[derive(Debug)]
pub(crate) struct Player {
    version: i32,
    started_ms: i64,
    asked: Vec<Asked>,
    /// Recorded ids and the ones in use now.
    ids: HashMap<i64, i64>,
    ends_by_itself: bool,
}

impl Player {
    pub(crate) fn new(section: &Section, started_ms: i64) -> Self {
        let version = section.server_version;
        let (mut owners, mut asked, mut early) = (Owners::new(version), Vec::<Asked>::new(), Vec::new());
        for step in &section.steps {
            match step.from {
                Direction::Client => {
                    owners.asked(&step.frame);
                    asked.push(Asked {
                        ms: step.ms,
                        number: step.frame.number,
                        id: marks::id(Direction::Client, version, &step.frame),
                        key: key(version, &step.frame),
                        answers: std::mem::take(&mut early),
                        used: false,
                    });
                }
                Direction::Gateway => match owners.owner(&step.frame).and_then(|owner| asked.get_mut(owner)) {
                    Some(owner) => owner.answers.push((step.ms, step.frame.clone())),
                    None => early.push((step.ms, step.frame.clone())),
                },
            }
        }
        Self { version, started_ms, asked, ids: HashMap::new(), ends_by_itself: section.closed_by == Some(Direction::Gateway) }
    }

    /// The answers to a request, in their recorded order.
    pub(crate) fn ask(&mut self, request: &Frame, now_ms: i64) -> (Met, Vec<Due>) {
        let live = marks::id(Direction::Client, self.version, request);
        let Some(index) = self.find(request) else {
            if is_silent_cancel(request) {
                return (Met::Matched, Vec::new());
            }
            return (Met::Unmatched, vec![Due { after_ms: 0, frame: self.not_recorded(request, live, now_ms) }]);
        };
        let met = if self.asked[index].used { Met::Repeated } else { Met::Matched };
        self.asked[index].used = true;
        if let (Some(recorded), Some(live)) = (self.asked[index].id, live) {
            self.ids.insert(recorded, live);
        }
        let asked = &self.asked[index];
        // A file may name any moment.
        let shift_ms = now_ms.saturating_sub(self.started_ms).saturating_sub(i64::try_from(asked.ms).unwrap_or(0));
        let answers =
            asked.answers.iter().map(|(ms, frame)| Due { after_ms: ms.saturating_sub(asked.ms), frame: self.adapt(frame, shift_ms) });
        (met, answers.collect())
    }

    /// Whether the recorded gateway closed the connection after what has been played by now.
    pub(crate) fn at_its_end(&self) -> bool {
        self.ends_by_itself && self.asked.iter().all(|asked| asked.used)
    }

    fn find(&self, request: &Frame) -> Option<usize> {
        // Whatever else a client says when it starts, it starts.
        let key = key(self.version, request);
        let equal = |asked: &Asked| asked.number == request.number && (asked.number == START_API || asked.key == key);
        self.asked.iter().position(|asked| !asked.used && equal(asked)).or_else(|| self.asked.iter().rposition(equal))
    }

    /// The ids that the client uses now, and the time it is now.
    fn adapt(&self, frame: &Frame, shift_ms: i64) -> Frame {
        let mut edit = |mark: Option<Mark>, seen: Seen| {
            let Seen::Number(value) = seen else { return Some(seen) };
            Some(Seen::Number(match mark {
                Some(Mark::RequestId | Mark::OrderId) => self.ids.get(&value).copied().unwrap_or(value),
                Some(Mark::EpochSeconds) => value.saturating_add(shift_ms.div_euclid(1000)),
                Some(Mark::EpochMillis) => value.saturating_add(shift_ms),
                _ => value,
            }))
        };
        marks::rewrite(Direction::Gateway, self.version, frame, &mut edit).unwrap_or_else(|| frame.clone())
    }

    fn not_recorded(&self, request: &Frame, id: Option<i64>, now_ms: i64) -> Frame {
        let name = request.name(Direction::Client);
        let alike = self.asked.iter().filter(|asked| asked.number == request.number).count();
        let text = format!("Error reading request: this replay has no answer to {name} with these fields; {alike} others are recorded");
        let id = id.unwrap_or(-1);
        let numbers = |fields: [String; 6]| fields.to_vec();
        let payload = match &request.payload {
            Payload::Protobuf(_) => {
                let fields = json!({"id": id, "errorTime": now_ms, "errorCode": NOT_READ, "errorMsg": text});
                let shape = catalogue::shape("ErrorMessage").expect("the catalogue has it, as its tests check");
                Payload::Protobuf(protobuf::encode(shape, &fields).expect("these fields are the message's own").into())
            }
            Payload::Text(_) | Payload::NumberedText(_) => {
                let (id, code) = (id.to_string(), NOT_READ.to_string());
                let fields = if self.version >= marks::ERROR_WITHOUT_VERSION {
                    numbers(["4".to_owned(), id, code, text, String::new(), now_ms.to_string()])
                } else {
                    numbers(["4".to_owned(), "2".to_owned(), id, code, text, String::new()])
                };
                if matches!(request.payload, Payload::Text(_)) { Payload::Text(fields) } else { Payload::NumberedText(fields) }
            }
        };
        Frame { number: 4, payload }
    }
}

/// A gateway says nothing to a cancel of what it serves, so a cancel at another moment than the recorded one misses no
/// answer. The cancel of an order is answered.
fn is_silent_cancel(request: &Frame) -> bool {
    let name = request.name(Direction::Client);
    name.starts_with("Cancel") && name != "CancelOrderRequest"
}

/// What two requests for the same have in common.
fn key(version: i32, request: &Frame) -> Vec<u8> {
    let bare = marks::rewrite(Direction::Client, version, request, &mut |mark, seen| mark.is_none().then_some(seen));
    bare.as_ref().unwrap_or(request).write()
}

#[cfg(test)]
#[path = "player_tests.rs"]
mod tests;
