//! The numbers of IB's tick types, live and delayed.
//!
//! Invariant: a line sends one set or the other, never both.

pub(super) const BID_SIZE: i32 = 0;
pub(super) const BID: i32 = 1;
pub(super) const ASK: i32 = 2;
pub(super) const ASK_SIZE: i32 = 3;
pub(super) const LAST: i32 = 4;
pub(super) const LAST_SIZE: i32 = 5;
pub(super) const HIGH: i32 = 6;
pub(super) const LOW: i32 = 7;
pub(super) const VOLUME: i32 = 8;
pub(super) const CLOSE: i32 = 9;
pub(super) const BID_OPTION: i32 = 10;
pub(super) const ASK_OPTION: i32 = 11;
pub(super) const LAST_OPTION: i32 = 12;
pub(super) const MODEL_OPTION: i32 = 13;
pub(super) const OPEN: i32 = 14;
pub(super) const BID_EXCHANGE: i32 = 32;
pub(super) const ASK_EXCHANGE: i32 = 33;
pub(super) const LAST_TIMESTAMP: i32 = 45;
pub(super) const HALTED: i32 = 49;
pub(super) const LAST_EXCHANGE: i32 = 84;

/// Each live kind beside its delayed one.
const DELAYED: [(i32, i32); 17] = [
    (BID, 66),
    (ASK, 67),
    (LAST, 68),
    (BID_SIZE, 69),
    (ASK_SIZE, 70),
    (LAST_SIZE, 71),
    (HIGH, 72),
    (LOW, 73),
    (VOLUME, 74),
    (CLOSE, 75),
    (OPEN, 76),
    (BID_OPTION, 80),
    (ASK_OPTION, 81),
    (LAST_OPTION, 82),
    (MODEL_OPTION, 83),
    (LAST_TIMESTAMP, 88),
    (HALTED, 90),
];

/// The kind under which delayed data travels; kinds that have no such form keep theirs.
pub(super) fn shown(kind: i32, delayed: bool) -> i32 {
    if !delayed {
        return kind;
    }
    DELAYED.iter().find(|(live, _)| *live == kind).map_or(kind, |(_, delayed)| *delayed)
}

/// The kind of the size that belongs to a price.
pub(super) fn size_of(price: i32) -> Option<i32> {
    match price {
        BID => Some(BID_SIZE),
        ASK => Some(ASK_SIZE),
        LAST => Some(LAST_SIZE),
        _ => None,
    }
}
