//! Two sides of the same questions, laid side by side.
//!
//! Invariant: pure; rows are paired by what identifies them (a tag, a contract, a tick type) before their place, so
//! one row more does not make all others differ.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::transcript::catalogue::{self, Direction};
use crate::transcript::frame::{Frame, Payload};
use crate::transcript::owner::Owners;
use crate::transcript::protobuf;

/// What can be different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// An answer, or one row of it, was recorded and is not sent.
    AnswerMissing,
    /// An answer, or one row of it, is sent and was not recorded.
    AnswerAdded,
    /// Answers come in another order.
    Order,
    FieldMissing,
    FieldAdded,
    Value,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AnswerMissing => "answer_missing",
            Self::AnswerAdded => "answer_added",
            Self::Order => "order",
            Self::FieldMissing => "field_missing",
            Self::FieldAdded => "field_added",
            Self::Value => "value",
        })
    }
}

/// Where something is different.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) request: &'static str,
    pub(crate) answer: &'static str,
    pub(crate) kind: Kind,
    /// The field, or what identifies the row.
    pub(crate) field: String,
}

/// How often, and how it looked first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Example {
    pub(crate) recorded: String,
    pub(crate) live: String,
    pub(crate) times: usize,
}

pub(crate) type Differences = BTreeMap<Spot, Example>;

/// The fields that tell rows of one answer apart; an error is told by its code.
const KEYS: &[(&str, &[&str])] = &[
    ("AccountSummary", &["tag", "currency"]),
    ("AccountValue", &["key", "currency"]),
    ("AccountUpdateMulti", &["key", "currency"]),
    ("Position", &["contract.conId"]),
    ("PositionMulti", &["contract.conId"]),
    ("PortfolioValue", &["contract.conId"]),
    ("OrderStatus", &["orderId", "status"]),
    ("OpenOrder", &["orderId", "orderState.status"]),
    ("CompletedOrder", &["order.action"]),
    ("ExecutionDetails", &["execution.orderId"]),
    ("ErrorMessage", &["errorCode"]),
    ("TickPrice", &["tickType"]),
    ("TickSize", &["tickType"]),
    ("TickString", &["tickType"]),
    ("TickGeneric", &["tickType"]),
    ("TickOptionComputation", &["tickType"]),
    ("SecDefOptParameter", &["exchange", "tradingClass"]),
];

/// One side of a connection, read into questions and answers.
#[derive(Debug, Default)]
pub(crate) struct Side {
    requests: Vec<(&'static str, Vec<Row>)>,
}

#[derive(Debug)]
struct Row {
    name: &'static str,
    keys: &'static [&'static str],
    fields: BTreeMap<String, String>,
}

impl Side {
    pub(crate) fn read<'a>(version: i32, steps: impl Iterator<Item = (Direction, &'a Frame)>) -> Self {
        let (mut owners, mut side) = (Owners::new(version), Self::default());
        for (from, frame) in steps {
            match from {
                Direction::Client => {
                    owners.asked(frame);
                    side.requests.push((frame.name(Direction::Client), Vec::new()));
                }
                Direction::Gateway => {
                    // Before the first request a gateway says nothing that has a place here.
                    if let Some((_, rows)) = owners.owner(frame).and_then(|owner| side.requests.get_mut(owner)) {
                        rows.push(Row::read(frame));
                    }
                }
            }
        }
        side
    }

    /// The side as it is when these requests are not sent.
    pub(crate) fn without(mut self, left_out: &[&'static str]) -> Self {
        self.requests.retain(|(name, _)| !left_out.contains(name));
        self
    }
}

impl Row {
    fn read(frame: &Frame) -> Self {
        let name = frame.name(Direction::Gateway);
        let mut fields = BTreeMap::new();
        match &frame.payload {
            Payload::Protobuf(payload) => {
                match catalogue::shape_of(Direction::Gateway, frame.number).and_then(|shape| protobuf::decode(shape, payload)) {
                    Some(value) => flatten("", &value, &mut fields),
                    None => drop(fields.insert("bytes".to_owned(), crate::transcript::file::to_hex(payload))),
                }
            }
            Payload::Text(texts) | Payload::NumberedText(texts) => {
                fields.extend(texts.iter().enumerate().skip(1).map(|(at, text)| (format!("field {at:03}"), text.clone())));
            }
        }
        let keys = KEYS.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, keys)| keys);
        Self { name, keys, fields }
    }

    /// What identifies the row, of those fields that it has.
    fn key(&self) -> String {
        let values: Vec<&str> = self.keys.iter().filter_map(|key| self.fields.get(*key).map(String::as_str)).collect();
        values.join(" ")
    }

    /// Whether a sent row is about the same as this recorded one, which may leave a key out if it is `partial`.
    fn is_about(&self, live: &Self, partial: bool) -> bool {
        let equal = |key: &&str| match (self.fields.get(*key), live.fields.get(*key)) {
            (None, _) if partial => true,
            (recorded, live) => recorded == live,
        };
        self.name == live.name && self.keys.iter().all(equal)
    }
}

fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, into);
            }
        }
        Value::Array(list) => {
            into.insert(format!("{path}.count"), list.len().to_string());
            for (at, value) in list.iter().enumerate() {
                flatten(&format!("{path}[{at}]"), value, into);
            }
        }
        Value::String(text) => drop(into.insert(path.to_owned(), text.clone())),
        other => drop(into.insert(path.to_owned(), other.to_string())),
    }
}

/// Adds what is different to `found`. A partial recording names only some fields, and numbers in any notation.
pub(crate) fn compare(recorded: &Side, live: &Side, partial: bool, found: &mut Differences) {
    for (index, (request, rows)) in recorded.requests.iter().enumerate() {
        let live_rows = live.requests.get(index).map_or(&[][..], |(_, rows)| rows);
        answers(request, rows, live_rows, partial, found);
    }
}

fn answers(request: &'static str, recorded: &[Row], live: &[Row], partial: bool, found: &mut Differences) {
    let mut note = |answer, kind, field: String, recorded: String, live: String| {
        let spot = Spot { request, answer, kind, field };
        found.entry(spot).or_insert(Example { recorded, live, times: 0 }).times += 1;
    };
    let mut rest: Vec<&Row> = live.iter().collect();
    let (mut recorded_order, mut live_order) = (Vec::new(), Vec::new());
    for row in recorded {
        let Some(at) = rest.iter().position(|other| row.is_about(other, partial)) else {
            note(row.name, Kind::AnswerMissing, row.key(), show(row), String::new());
            continue;
        };
        let other = rest.remove(at);
        recorded_order.push(row);
        live_order.push(other);
        for (path, value) in &row.fields {
            match other.fields.get(path) {
                None if partial && is_nothing(value) => {}
                None => note(row.name, Kind::FieldMissing, general(path), value.clone(), String::new()),
                Some(live) if same(value, live, partial) => {}
                Some(live) => note(row.name, Kind::Value, general(path), value.clone(), live.clone()),
            }
        }
        for (path, value) in other.fields.iter().filter(|(path, _)| !partial && !row.fields.contains_key(*path)) {
            note(row.name, Kind::FieldAdded, general(path), String::new(), value.clone());
        }
    }
    for row in rest {
        note(row.name, Kind::AnswerAdded, row.key(), String::new(), show(row));
    }
    // The pairs in the order in which the live side sent them; where that breaks, the order is another.
    let position = |row: &Row| live.iter().position(|other| std::ptr::eq(other, row));
    let mut places: Vec<(Option<usize>, &Row)> =
        live_order.iter().zip(&recorded_order).map(|(other, row)| (position(other), *row)).collect();
    let recorded_names = order(places.iter().map(|(_, row)| *row));
    places.sort_by_key(|(place, _)| *place);
    let live_names = order(places.iter().map(|(_, row)| *row));
    if recorded_names != live_names {
        note("", Kind::Order, String::new(), recorded_names, live_names);
    }
}

fn order<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let names = rows.map(|row| {
        let key = row.key();
        if key.is_empty() { row.name.to_owned() } else { format!("{}({key})", row.name) }
    });
    names.collect::<Vec<_>>().join(", ")
}

fn show(row: &Row) -> String {
    row.fields.iter().map(|(path, value)| format!("{path}={value}")).collect::<Vec<_>>().join(" ")
}

/// The field without the place in its list.
fn general(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        inside = match c {
            '[' => true,
            ']' => false,
            _ => inside,
        };
        if !inside || c == '[' {
            out.push(c);
        }
    }
    out
}

/// A partial recording cannot tell an empty field from an absent one.
fn is_nothing(value: &str) -> bool {
    value.is_empty() || value == "false" || value.parse() == Ok(0.0_f64)
}

fn same(recorded: &str, live: &str, partial: bool) -> bool {
    let numbers = || Some((recorded.parse::<f64>().ok()?, live.parse::<f64>().ok()?));
    recorded == live || (partial && numbers().is_some_and(|(recorded, live)| (recorded - live).abs() < 1e-9))
}

#[cfg(test)]
#[path = "differ_tests.rs"]
mod tests;
