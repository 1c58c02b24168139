//! Requests whose answer comes later: held back by a rule or a fault, or waiting for IB's servers.
//!
//! Invariant: each has a ticket of its own, since clients may use one id for requests of several kinds and
//! again for the next one; a cancel ends those of its own kind and id and no others.

use std::collections::HashMap;

use crate::proto::request::Request;

/// Names one request for as long as its answer is due.
pub(super) type Ticket = u64;

#[derive(Debug, Default)]
pub(super) struct Held {
    last: Ticket,
    requests: HashMap<Ticket, (Option<i32>, &'static str)>,
}

impl Held {
    pub(super) fn ticket(&mut self) -> Ticket {
        self.last += 1;
        self.last
    }

    pub(super) fn put(&mut self, request: &Request) -> Ticket {
        let ticket = self.ticket();
        self.requests.insert(ticket, (request.req_id(), request.name()));
        ticket
    }

    /// Whether the request is still wanted.
    pub(super) fn take(&mut self, ticket: Ticket) -> bool {
        self.requests.remove(&ticket).is_some()
    }

    /// Whether there was anything to end.
    pub(super) fn cancel(&mut self, cancel: &Request) -> bool {
        let before = self.requests.len();
        self.requests.retain(|_, (id, name)| !ends(cancel, *id, name));
        self.requests.len() < before
    }
}

/// Whether a request is the cancel of another one, given by its id and name.
pub(super) fn ends(cancel: &Request, id: Option<i32>, name: &str) -> bool {
    id.is_some() && cancel.req_id() == id && cancel.name().strip_prefix("Cancel") == Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(req_id: i32) -> Request {
        Request::MatchingSymbols { req_id, pattern: String::new() }
    }

    fn summary(req_id: i32) -> Request {
        Request::AccountSummary { req_id, group: String::new(), tags: String::new() }
    }

    #[test]
    fn one_id_may_stand_for_several_requests() {
        let mut held = Held::default();
        let [first, second, other] = [search(1), search(1), summary(1)].map(|request| held.put(&request));
        assert!(!held.cancel(&Request::CancelPnL { req_id: 1 }) && !held.cancel(&Request::CancelAccountSummary { req_id: 2 }));
        assert!(held.cancel(&Request::CancelAccountSummary { req_id: 1 }));
        assert!(held.take(first) && held.take(second) && !held.take(other) && !held.take(first));
    }

    /// Names of cancels are those of their requests; an order's is another, and it waits its turn.
    #[test]
    fn every_cancel_has_its_request() {
        for name in Request::NAMES.iter().filter_map(|name| name.strip_prefix("Cancel")).filter(|name| *name != "Order") {
            assert!(Request::NAMES.contains(&name), "{name}");
        }
        assert!(!ends(&Request::CancelOrder { order_id: 1, cancel: Default::default() }, Some(1), "PlaceOrder"));
    }
}
