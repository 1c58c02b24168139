//! Market scanners: their parameters, subscriptions and pushes.
//!
//! Invariant: at most [`MAX_SCANNERS`] subscriptions over all connections, as IB counts them; one that
//! ends gives its place back however it ends.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::live::Live;
use crate::errors::ApiError;
use crate::proto::event::Event;
use crate::proto::request::Request;
use crate::world::scanner::{Search, document};

/// Subscriptions of one login.
pub(crate) const MAX_SCANNERS: usize = 10;
/// IB scans anew about this often.
const SCAN_TICKS: u64 = 30;

/// One running subscription.
#[derive(Debug)]
pub(super) struct Scan {
    search: Search,
    /// Seconds since it began.
    age: u64,
    _place: OwnedSemaphorePermit,
}

impl Live {
    pub(super) fn serve_scanner(&mut self, request: Request) {
        match request {
            Request::ScannerParameters => self.send(&Event::ScannerParameters(document())),
            Request::Scanner { req_id, subscription } => {
                if self.subs.reference.scans.contains_key(&req_id) {
                    return self.error(req_id, ApiError::fixed(385));
                }
                let search = match Search::read(&subscription) {
                    Ok(search) => search,
                    Err(error) => return self.error(req_id, error),
                };
                let Ok(place) = Arc::clone(&self.gateway.reference.scanners).try_acquire_owned() else {
                    return self.error(req_id, ApiError::scanner_limit(MAX_SCANNERS));
                };
                self.subs.reference.scans.insert(req_id, Scan { search, age: 0, _place: place });
                self.push_scan(req_id);
            }
            Request::CancelScanner { req_id } => {
                let known = self.subs.reference.scans.remove(&req_id).is_some();
                self.error(req_id, if known { ApiError::scanner_cancelled(req_id) } else { ApiError::unknown_scanner(req_id) });
            }
            other => unreachable!("{} belongs to another family", other.name()),
        }
    }

    /// Called each second.
    pub(super) fn push_scans(&mut self) {
        let mut due = Vec::new();
        for (req_id, scan) in &mut self.subs.reference.scans {
            scan.age += 1;
            if scan.age.is_multiple_of(SCAN_TICKS) {
                due.push(*req_id);
            }
        }
        due.into_iter().for_each(|req_id| self.push_scan(req_id));
    }

    fn push_scan(&mut self, req_id: i32) {
        let Some(scan) = self.subs.reference.scans.get(&req_id) else { return };
        let rows = self.gateway.world.scan(&scan.search, self.now());
        if rows.is_empty() {
            self.error(req_id, ApiError::scanner_empty());
        } else {
            self.send(&Event::ScannerData { req_id, rows });
        }
    }
}
