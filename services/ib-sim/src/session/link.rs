//! Requests while IB's servers or a farm are away, and what their return means for a session.
//!
//! Invariant: at most [`MAX_PENDING`] requests wait; they are answered when the way is free again, and
//! forgotten when the servers come back without the data (1101) or the client cancels.

use super::held::ends;
use super::live::{Live, MAX_PENDING};
use crate::errors::ApiError;
use crate::faults::link::Barrier;
use crate::proto::request::Request;

impl Live {
    /// The request, if nothing stands between it and its answer.
    pub(super) fn past_barrier(&mut self, request: Request) -> Option<Request> {
        if self.cancels_what_waits(&request) {
            return None;
        }
        match self.gateway.faults.barrier(&request) {
            None => return Some(request),
            Some(Barrier::Refuse(error)) => self.error(request.req_id().unwrap_or(-1), error),
            Some(Barrier::Wait) if self.waiting.len() < MAX_PENDING => self.waiting.push(request),
            Some(Barrier::Wait) => self.error(request.req_id().unwrap_or(-1), ApiError::too_many_pending()),
        }
        None
    }

    /// What never began needs no end; two kinds are confirmed all the same.
    fn cancels_what_waits(&mut self, cancel: &Request) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| !ends(cancel, waiting.req_id(), waiting.name()));
        let found = self.held.cancel(cancel) || self.waiting.len() < before;
        match *cancel {
            Request::CancelHistoricalData { req_id } if found => self.error(req_id, ApiError::history_cancelled(req_id)),
            Request::CancelScanner { req_id } if found => self.error(req_id, ApiError::scanner_cancelled(req_id)),
            _ => {}
        }
        found
    }

    /// What a notice about the gateway's own connections means for this session.
    pub(super) fn after_notice(&mut self, code: i32) {
        match code {
            1101 => {
                self.waiting.clear();
                self.lose_market_data();
            }
            1102 | 2104 | 2106 | 2158 => {
                if matches!(code, 1102 | 2104) {
                    self.renew_streams();
                }
                self.resume();
                self.push_accounts();
            }
            _ => {}
        }
    }

    /// Asks again what waits; what still cannot be answered goes on waiting.
    pub(super) fn resume(&mut self) {
        for request in std::mem::take(&mut self.waiting) {
            if let Some(request) = self.past_barrier(request) {
                self.dispatch(request);
            }
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
