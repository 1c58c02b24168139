//! Which request an answer belongs to.
//!
//! Invariant: the owner of an answer is a request sent before it; without a trace it is the latest one. The same rule
//! reads a recording and a live connection, so the two can be laid side by side.

use super::catalogue::{self, Direction};
use super::frame::Frame;
use super::marks;

/// Follows one connection and tells owners.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    /// Message number and id of each request, in the order they were sent.
    requests: Vec<(u32, Option<i64>)>,
    /// The request for open orders that is being answered.
    listing: Option<usize>,
    version: i32,
}

/// Open, automatic and all open orders; and what each of them ends with.
const LISTINGS: [u32; 3] = [5, 15, 16];
const LISTING_ENDS: u32 = 53;
/// The rows of such a list, which carry the ids of the orders.
const LISTED: [u32; 2] = [3, 5];

impl Owners {
    pub(crate) fn new(version: i32) -> Self {
        Self { version, ..Self::default() }
    }

    /// Notes a request; its index is its name from here on.
    pub(crate) fn asked(&mut self, frame: &Frame) -> usize {
        self.requests.push((frame.number, marks::id(Direction::Client, self.version, frame)));
        let index = self.requests.len() - 1;
        if LISTINGS.contains(&frame.number) {
            self.listing = Some(index);
        }
        index
    }

    /// The index of the request that this frame answers; `None` before the first one.
    pub(crate) fn owner(&mut self, frame: &Frame) -> Option<usize> {
        if LISTED.contains(&frame.number) && self.listing.is_some() {
            return self.listing;
        }
        if frame.number == LISTING_ENDS
            && let Some(listing) = self.listing.take()
        {
            return Some(listing);
        }
        let id = marks::id(Direction::Gateway, self.version, frame);
        let by_id = id.and_then(|id| self.requests.iter().rposition(|(_, asked)| *asked == Some(id)));
        let of = catalogue::entry(Direction::Gateway, frame.number).map_or(&[][..], |entry| &entry.of);
        let by_kind = || self.requests.iter().rposition(|(number, _)| of.contains(number));
        by_id.or_else(by_kind).or_else(|| self.requests.len().checked_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::frame::Payload;

    fn text(fields: &[&str]) -> Frame {
        Frame { number: fields[0].parse().unwrap(), payload: Payload::Text(fields.iter().map(|&field| field.to_owned()).collect()) }
    }

    /// The rows of a list carry the ids of orders, which were placed by another request.
    #[test]
    fn open_orders_belong_to_the_request_for_them() {
        let mut owners = Owners::new(178);
        let placed = owners.asked(&text(&["3", "7"]));
        assert_eq!(owners.owner(&text(&["5", "7"])), Some(placed));
        let listed = owners.asked(&text(&["5", "1"]));
        assert_eq!(owners.owner(&text(&["5", "7"])), Some(listed));
        assert_eq!(owners.owner(&text(&["53", "1"])), Some(listed));
        assert_eq!(owners.owner(&text(&["3", "7", "Filled"])), Some(placed));
    }

    #[test]
    fn by_id_then_by_kind_then_the_latest() {
        let mut owners = Owners::new(178);
        assert_eq!(owners.owner(&text(&["15", "1", "DU1"])), None);
        let start = owners.asked(&text(&["71", "2", "1", ""]));
        let positions = owners.asked(&text(&["61", "1"]));
        let contract = owners.asked(&text(&["9", "8", "5", "0", "AAPL"]));
        for (answer, owner) in [
            (text(&["9", "1", "1"]), start),
            (text(&["62", "1"]), positions),
            (text(&["52", "1", "5"]), contract),
            (text(&["4", "2", "5", "200", "", ""]), contract),
            (text(&["4", "2", "-1", "2104", "", ""]), contract),
        ] {
            assert_eq!(owners.owner(&answer), Some(owner), "{answer:?}");
        }
        // A client may use an id again.
        let again = owners.asked(&text(&["9", "8", "5", "0", "MSFT"]));
        assert_eq!(owners.owner(&text(&["52", "1", "5"])), Some(again));
    }
}
