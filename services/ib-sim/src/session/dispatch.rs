//! Every request to the part of the session that serves it.

use tracing::warn;

use super::live::Live;
use crate::errors::ApiError;
use crate::journal::Count;
use crate::proto::event::Event;
use crate::proto::request::{Family, Request};

impl Live {
    pub(super) fn serve(&mut self, request: Request) {
        match request.family() {
            Family::Session => self.serve_session(request),
            Family::Account => self.serve_accounts(request),
            Family::Contracts | Family::History | Family::News => self.serve_market(request),
            Family::Quotes => self.serve_quotes(request),
            Family::Depth => self.serve_depth(request),
            Family::Ticks => self.serve_ticks(request),
            Family::Options => self.serve_options(request),
            Family::Orders => self.serve_orders(request),
            Family::Scanner => self.unserved(&request),
            Family::Reference => self.unserved(&request),
        }
    }

    fn serve_session(&mut self, request: Request) {
        match request {
            Request::StartApi { .. } => warn!(client_id = self.lease.client_id, "a second StartApi is ignored"),
            // Silent by nature: it has no answer on a real gateway.
            Request::SetServerLogLevel => {}
            Request::CurrentTime => self.send(&Event::CurrentTime(self.now())),
            Request::CurrentTimeInMillis => self.send(&Event::CurrentTimeInMillis(self.gateway.clock.now_ms())),
            Request::Ids { .. } => {
                let id = self.gateway.next_order_id(self.lease.client_id);
                self.send(&Event::NextValidId(id));
            }
            Request::ManagedAccounts => self.send(&Event::ManagedAccounts(self.gateway.world.accounts.ids())),
            Request::FamilyCodes => {
                let ids = self.gateway.world.accounts.ids();
                self.send(&Event::FamilyCodes(ids.into_iter().map(|id| (id, String::new())).collect()));
            }
            Request::UserInfo { req_id } => self.send(&Event::UserInfo { req_id, white_branding_id: String::new() }),
            Request::Unhandled { message, req_id } => {
                self.gateway.counters.add(Count::unhandled);
                warn!(client_id = self.lease.client_id, message, "request not served");
                self.error(req_id.unwrap_or(-1), ApiError::unhandled(message));
            }
            other => unreachable!("{} belongs to another family", other.name()),
        }
    }

    fn unserved(&mut self, request: &Request) {
        self.gateway.counters.add(Count::unhandled);
        warn!(client_id = self.lease.client_id, message = request.name(), "request not served");
        self.error(request.req_id().unwrap_or(-1), ApiError::unserved(request.name()));
    }
}
