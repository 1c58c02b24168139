//! Requests while IB's servers or a farm are away, and what their return means for a session.
//!
//! Invariant: at most [`MAX_PENDING`] requests wait; they are answered when the way is free again, and
//! forgotten when the servers come back without the data (1101) or the client cancels.

use super::live::{Live, MAX_PENDING};
use crate::errors::ApiError;
use crate::faults::link::Barrier;
use crate::proto::request::{Family, Request};

/// A request that is taken back needs no answer; an order does, and its id is none of the requests'.
fn ends_a_wait(request: &Request) -> bool {
    request.name().starts_with("Cancel") && request.family() != Family::Orders
}

impl Live {
    /// The request, if nothing stands between it and its answer.
    pub(super) fn past_barrier(&mut self, request: Request) -> Option<Request> {
        if let (true, Some(id)) = (ends_a_wait(&request), request.req_id()) {
            let before = self.waiting.len();
            self.waiting.retain(|waiting| waiting.req_id() != Some(id) || waiting.family() == Family::Orders);
            // What never began needs no end.
            if self.waiting.len() < before {
                return None;
            }
        }
        match self.gateway.faults.barrier(&request) {
            None => return Some(request),
            Some(Barrier::Refuse(error)) => self.error(request.req_id().unwrap_or(-1), error),
            Some(Barrier::Wait) if self.waiting.len() < MAX_PENDING => self.waiting.push(request),
            Some(Barrier::Wait) => self.error(request.req_id().unwrap_or(-1), ApiError::too_many_pending()),
        }
        None
    }

    /// What a notice about the gateway's own connections means for this session.
    pub(super) fn after_notice(&mut self, code: i32) {
        match code {
            1101 => {
                self.waiting.clear();
                self.lose_market_data();
            }
            1102 | 2104 | 2106 | 2158 => {
                for request in std::mem::take(&mut self.waiting) {
                    if let Some(request) = self.past_barrier(request) {
                        self.dispatch(request);
                    }
                }
                self.push_accounts();
            }
            _ => {}
        }
    }

    /// Subscriptions to market data are gone; whoever wants them asks again.
    fn lose_market_data(&mut self) {
        for req_id in std::mem::take(&mut self.subs.bars).into_keys() {
            self.error(req_id, ApiError::fixed(10182));
        }
        self.forget_streams();
        self.push_accounts();
    }
}
