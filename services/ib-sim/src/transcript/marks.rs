//! What single fields mean, in both dialects: ids, accounts, names, times.
//!
//! Invariant: redaction, matching and the exchange of ids all ask here, so a field is never an id for one of them and
//! plain text for another.

use super::catalogue::{self, Direction};
use super::frame::{Frame, Payload};
use super::protobuf::{self, Leaf, Place};

/// From this server version on a cancel carries no version field of its own.
const CANCEL_WITHOUT_VERSION: i32 = 192;
/// From this server version on an error carries no version field of its own.
pub(crate) const ERROR_WITHOUT_VERSION: i32 = 194;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// An id that the client chose for a request, or an order id in the same place.
    RequestId,
    OrderId,
    Account,
    /// Accounts with commas between.
    Accounts,
    /// Of a person, a group, a model or a firm.
    Name,
    /// A text that the client chose for an order.
    Reference,
    Execution,
    Perm,
    /// A moment that a client asks about; two runs on two days differ in it.
    Moment,
    EpochSeconds,
    EpochMillis,
    /// Free text full of what must not be shown.
    Opaque,
}

/// The meaning of a protobuf field.
pub(crate) fn of_field(place: Place<'_>) -> Option<Mark> {
    Some(match (place.message, place.field) {
        (_, "reqId") | ("ErrorMessage", "id") => Mark::RequestId,
        (_, "orderId" | "parentId" | "slOrderId" | "ptOrderId") => Mark::OrderId,
        (
            _,
            "account"
            | "acctCode"
            | "accountName"
            | "acctNumber"
            | "accountId"
            | "familyCode"
            | "clearingAccount"
            | "deltaNeutralClearingAccount"
            | "customerAccount",
        ) => Mark::Account,
        (_, "accountsList") => Mark::Accounts,
        (
            _,
            "group"
            | "modelCode"
            | "faGroup"
            | "submitter"
            | "extOperator"
            | "settlingFirm"
            | "deltaNeutralSettlingFirm"
            | "whiteBrandingId"
            | "apiName"
            | "mifid2DecisionMaker"
            | "mifid2DecisionAlgo"
            | "mifid2ExecutionTrader"
            | "mifid2ExecutionAlgo",
        ) => Mark::Name,
        (_, "orderRef" | "ocaGroup") => Mark::Reference,
        (_, "execId") => Mark::Execution,
        (_, "permId" | "parentPermId") => Mark::Perm,
        ("CurrentTime", "currentTime") => Mark::EpochSeconds,
        ("CurrentTimeInMillis", "currentTimeInMillis") | ("ErrorMessage", "errorTime") => Mark::EpochMillis,
        (
            "HistoricalDataRequest" | "HistoricalTicksRequest" | "HistoricalNewsRequest" | "WshEventDataRequest" | "ExecutionFilter",
            "startDateTime" | "endDateTime" | "startDate" | "endDate" | "time" | "specificDates",
        )
        | (_, "goodAfterTime" | "goodTillDate" | "manualOrderTime" | "manualOrderCancelTime") => Mark::Moment,
        ("ReceiveFA" | "FAReplace", "xml") | (_, "apiData" | "trustedIPs") => Mark::Opaque,
        _ => return None,
    })
}

/// The meanings of text fields by their places, the message number being field 0.
fn of_text(direction: Direction, number: u32, version: i32, fields: &[String]) -> Vec<(usize, Mark)> {
    let mut marks: Vec<(usize, Mark)> = Vec::new();
    if let Some(at) = catalogue::entry(direction, number).and_then(|entry| entry.text_id) {
        let shorter = match direction {
            Direction::Client => number == 4 && version >= CANCEL_WITHOUT_VERSION,
            Direction::Gateway => number == 4 && version >= ERROR_WITHOUT_VERSION,
        };
        marks.push((at - usize::from(shorter), Mark::RequestId));
    }
    let rest: &[(usize, Mark)] = match (direction, number) {
        (Direction::Client, 3) => return place_order(marks, fields),
        (Direction::Client, 6) => &[(3, Mark::Account)],
        (Direction::Client, 7) => &[(4, Mark::Account), (5, Mark::Moment)],
        (Direction::Client, 19) | (Direction::Gateway, 16) => &[(3, Mark::Opaque)],
        (Direction::Client, 20) => &[(15, Mark::Moment)],
        (Direction::Client, 21) => &[(16, Mark::Account)],
        (Direction::Client, 62) => &[(3, Mark::Name)],
        (Direction::Client, 74 | 76) | (Direction::Gateway, 73) => &[(3, Mark::Account), (4, Mark::Name)],
        (Direction::Client, 86) => &[(4, Mark::Moment), (5, Mark::Moment)],
        (Direction::Client, 92 | 94) => &[(2, Mark::Account), (3, Mark::Name)],
        (Direction::Client, 96) => &[(15, Mark::Moment), (16, Mark::Moment)],
        (Direction::Client, 102) => &[(7, Mark::Moment), (8, Mark::Moment)],
        (Direction::Gateway, 3) => &[(6, Mark::Perm), (7, Mark::OrderId)],
        (Direction::Gateway, 4) if version >= ERROR_WITHOUT_VERSION => &[(5, Mark::EpochMillis)],
        (Direction::Gateway, 5) => &[
            (19, Mark::Reference),
            (20, Mark::Account),
            (23, Mark::Reference),
            (25, Mark::Perm),
            (31, Mark::Name),
            (34, Mark::Name),
            (38, Mark::Name),
            (57, Mark::OrderId),
        ],
        (Direction::Gateway, 6) => &[(5, Mark::Account)],
        (Direction::Gateway, 7) => &[(19, Mark::Account)],
        (Direction::Gateway, 9) => &[(2, Mark::OrderId)],
        (Direction::Gateway, 11) => {
            &[(2, Mark::OrderId), (14, Mark::Execution), (16, Mark::Account), (21, Mark::Perm), (26, Mark::Reference), (29, Mark::Name)]
        }
        (Direction::Gateway, 15) => &[(2, Mark::Accounts)],
        (Direction::Gateway, 49) => &[(2, Mark::EpochSeconds)],
        (Direction::Gateway, 54) => &[(2, Mark::Account)],
        (Direction::Gateway, 59) => &[(2, Mark::Execution)],
        (Direction::Gateway, 61) => &[(2, Mark::Account)],
        (Direction::Gateway, 63) => &[(3, Mark::Account)],
        (Direction::Gateway, 71) => &[(3, Mark::Account), (17, Mark::Name)],
        (Direction::Gateway, 78) => return family_codes(fields),
        (Direction::Gateway, 100) => &[(1, Mark::Perm)],
        (Direction::Gateway, 101) => &[
            (18, Mark::Reference),
            (19, Mark::Account),
            (22, Mark::Reference),
            (23, Mark::Perm),
            (28, Mark::Name),
            (31, Mark::Name),
            (35, Mark::Name),
        ],
        (Direction::Gateway, 107) => &[(2, Mark::Name)],
        _ => &[],
    };
    marks.extend_from_slice(rest);
    marks
}

/// A combination's legs stand before the allocation fields and push them back.
fn place_order(mut marks: Vec<(usize, Mark)>, fields: &[String]) -> Vec<(usize, Mark)> {
    const COMBO_AT: usize = 35;
    marks.extend([(22, Mark::Reference), (23, Mark::Account), (26, Mark::Reference), (28, Mark::OrderId)]);
    let mut at = COMBO_AT;
    if fields.get(4).is_some_and(|kind| kind == "BAG") {
        for width in [8, 1, 2] {
            let count: usize = fields.get(at).and_then(|field| field.parse().ok()).unwrap_or(0);
            at = at.saturating_add(1).saturating_add(count.saturating_mul(width));
        }
    }
    let after = [(2, Mark::Moment), (3, Mark::Moment), (4, Mark::Name), (7, Mark::Name), (13, Mark::Name)];
    marks.extend(after.map(|(offset, mark)| (at.saturating_add(offset), mark)));
    marks
}

fn family_codes(fields: &[String]) -> Vec<(usize, Mark)> {
    (2..fields.len()).map(|at| (at, Mark::Account)).collect()
}

/// A field under the eyes of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Number(i64),
    Text(String),
}

/// The frame with every whole number and text replaced by what `edit` makes of it, marks in hand; `None` drops a
/// protobuf field and empties a text field. `None` as a whole if the payload cannot be read.
pub(crate) fn rewrite(
    direction: Direction,
    version: i32,
    frame: &Frame,
    edit: &mut dyn FnMut(Option<Mark>, Seen) -> Option<Seen>,
) -> Option<Frame> {
    let payload = match &frame.payload {
        Payload::Protobuf(payload) => {
            let mut leaf = |place: Place<'_>, leaf: Leaf| {
                let seen = match leaf {
                    Leaf::Int(value) => Seen::Number(value),
                    Leaf::Text(text) => Seen::Text(text),
                };
                Some(match edit(of_field(place), seen)? {
                    Seen::Number(value) => Leaf::Int(value),
                    Seen::Text(text) => Leaf::Text(text),
                })
            };
            let shape = catalogue::shape_of(direction, frame.number);
            Payload::Protobuf(protobuf::rewrite(shape, payload, &mut leaf)?.into())
        }
        Payload::Text(fields) => Payload::Text(rewrite_text(direction, version, frame.number, fields, edit)),
        Payload::NumberedText(fields) => Payload::NumberedText(rewrite_text(direction, version, frame.number, fields, edit)),
    };
    Some(Frame { number: frame.number, payload })
}

fn rewrite_text(
    direction: Direction,
    version: i32,
    number: u32,
    fields: &[String],
    edit: &mut dyn FnMut(Option<Mark>, Seen) -> Option<Seen>,
) -> Vec<String> {
    let marks = of_text(direction, number, version, fields);
    let mut edited = fields.to_vec();
    for (at, field) in edited.iter_mut().enumerate().skip(1) {
        let mark = marks.iter().find(|(place, _)| *place == at).map(|(_, mark)| *mark);
        let seen = match (mark, field.parse::<i64>()) {
            (Some(_), Ok(value)) => Seen::Number(value),
            _ => Seen::Text(std::mem::take(field)),
        };
        *field = match edit(mark, seen) {
            Some(Seen::Number(value)) => value.to_string(),
            Some(Seen::Text(text)) => text,
            None => String::new(),
        };
    }
    edited
}

/// The id under which a frame is asked and answered; an error of the connection (-1) has none.
pub(crate) fn id(direction: Direction, version: i32, frame: &Frame) -> Option<i64> {
    let mut found = None;
    rewrite(direction, version, frame, &mut |mark, seen| {
        if let (Some(Mark::RequestId | Mark::OrderId), Seen::Number(value), None) = (mark, &seen, found)
            && !(direction == Direction::Gateway && matches!(frame.number, 9))
        {
            found = Some(*value);
        }
        Some(seen)
    });
    found.filter(|id| *id >= 0)
}

#[cfg(test)]
#[path = "marks_tests.rs"]
mod tests;
