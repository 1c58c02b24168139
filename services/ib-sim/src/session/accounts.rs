//! Requests about accounts: summary, updates, positions and P&L.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::live::Live;
use super::pushes::{MultiUpdates, Summary};
use crate::errors::ApiError;
use crate::proto::event::Event;
use crate::proto::request::Request;

/// Other subscriptions of one kind on one connection; far above what clients use.
const MAX_SUBSCRIPTIONS: usize = 64;
/// Different tags of one summary; IB has about forty, and a ledger for each currency.
const MAX_TAGS: usize = 128;

impl Live {
    pub(super) fn serve_accounts(&mut self, request: Request) {
        match request {
            Request::AccountSummary { req_id, group, tags } => self.summary(req_id, &group, &tags),
            Request::CancelAccountSummary { req_id } => {
                let known = self.subs.summaries.remove(&req_id).is_some();
                self.cancelled(known, req_id, ApiError::unknown_id(req_id));
            }
            Request::AccountData { subscribe, account } => self.account_data(subscribe, account),
            Request::AccountUpdatesMulti { req_id, account, model, ledger_and_nlv } => {
                let updates = MultiUpdates { account, model, ledger_and_nlv, last: Default::default() };
                self.account_updates_multi(req_id, updates);
            }
            Request::CancelAccountUpdatesMulti { req_id } => {
                let known = self.subs.multi_updates.remove(&req_id).is_some();
                self.cancelled(known, req_id, ApiError::unknown_id(req_id));
            }
            Request::Positions => {
                self.subs.positions = Some(Default::default());
                self.push_positions();
                self.send(&Event::PositionEnd);
            }
            // Cancelling what was not asked for is silent: there is no id to answer.
            Request::CancelPositions => self.subs.positions = None,
            Request::PositionsMulti { req_id, account, model } => self.positions_multi(req_id, account, model),
            Request::CancelPositionsMulti { req_id } => {
                let known = self.subs.multi_positions.remove(&req_id).is_some();
                self.cancelled(known, req_id, ApiError::unknown_id(req_id));
            }
            Request::PnL { req_id, account, .. } => self.pnl(req_id, account, None),
            Request::PnLSingle { req_id, account, con_id, .. } => self.pnl(req_id, account, Some(con_id)),
            Request::CancelPnL { req_id } => {
                let known = self.subs.pnl.remove(&req_id).is_some();
                self.cancelled(known, req_id, ApiError::fixed(10185));
            }
            Request::CancelPnLSingle { req_id } => {
                let known = self.subs.pnl_single.remove(&req_id).is_some();
                self.cancelled(known, req_id, ApiError::fixed(10186));
            }
            other => self.serve_market(other),
        }
    }

    /// A cancel has no answer, unless there was nothing to cancel.
    fn cancelled(&mut self, known: bool, req_id: i32, error: ApiError) {
        if !known {
            self.error(req_id, error);
        }
    }

    /// The accounts that a request names: all of them, or one; unknown ones are refused.
    pub(super) fn accounts_of(&self, name: &str) -> Result<Vec<String>, ApiError> {
        let ids = self.gateway.world.accounts.ids();
        match name {
            "" | "All" => Ok(ids),
            one if ids.iter().any(|id| id == one) => Ok(vec![one.to_owned()]),
            other => Err(ApiError::unknown_account(other)),
        }
    }

    fn summary(&mut self, req_id: i32, group: &str, tags: &str) {
        let accounts = match self.accounts_of(group) {
            Ok(accounts) => accounts,
            Err(error) => return self.error(req_id, error),
        };
        let tags: BTreeSet<String> = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        // The wording of these two is not attested; the code is.
        if tags.is_empty() {
            return self.error(req_id, ApiError::invalid("Account summary tags are required"));
        }
        if tags.len() > MAX_TAGS {
            return self.error(req_id, ApiError::invalid("Too many account summary tags"));
        }
        // The same id again begins anew, in the same place.
        self.subs.summaries.remove(&req_id);
        let Ok(place) = Arc::clone(&self.gateway.summaries).try_acquire_owned() else {
            return self.error(req_id, ApiError::summary_limit());
        };
        self.subs.summaries.insert(req_id, Summary { accounts, tags, last: Default::default(), _place: place });
        self.push_summary(req_id);
        self.send(&Event::AccountSummaryEnd { req_id });
    }

    fn account_data(&mut self, subscribe: bool, account: String) {
        if !subscribe {
            self.subs.account_data = None;
            return;
        }
        let account = match self.accounts_of(&account) {
            Ok(accounts) => accounts.into_iter().next().unwrap_or_default(),
            Err(error) => return self.error(-1, error),
        };
        if let Some(before) = self.subs.account_data.take().filter(|before| before.account != account) {
            self.error(-1, ApiError::account_switched(&before.account));
        }
        self.subs.account_data = Some(super::pushes::AccountData { account: account.clone(), ..Default::default() });
        self.push_account_data();
        self.send(&Event::AccountDataEnd { account });
    }

    fn account_updates_multi(&mut self, req_id: i32, updates: MultiUpdates) {
        if let Err(error) = self.accounts_of(&updates.account) {
            return self.error(req_id, error);
        }
        if self.subs.multi_updates.len() >= MAX_SUBSCRIPTIONS {
            return self.error(req_id, ApiError::too_many_pending());
        }
        self.subs.multi_updates.insert(req_id, updates);
        self.push_multi_updates(req_id);
        self.send(&Event::AccountUpdateMultiEnd { req_id });
    }

    fn positions_multi(&mut self, req_id: i32, account: String, model: String) {
        if let Err(error) = self.accounts_of(&account) {
            return self.error(req_id, error);
        }
        if self.subs.multi_positions.len() >= MAX_SUBSCRIPTIONS {
            return self.error(req_id, ApiError::too_many_pending());
        }
        self.subs.multi_positions.insert(req_id, (account, model, Default::default()));
        self.push_multi_positions(req_id);
        self.send(&Event::PositionMultiEnd { req_id });
    }

    fn pnl(&mut self, req_id: i32, account: String, con_id: Option<i32>) {
        let known = self.gateway.world.accounts.get(&account).is_some();
        if !known {
            return self.error(req_id, ApiError::unknown_account(&account));
        }
        if self.subs.pnl.len() + self.subs.pnl_single.len() >= MAX_SUBSCRIPTIONS {
            return self.error(req_id, ApiError::too_many_pending());
        }
        match con_id {
            None => {
                self.subs.pnl.insert(req_id, (account, None));
            }
            Some(con_id) => {
                self.subs.pnl_single.insert(req_id, (account, con_id, None));
            }
        }
        self.push_pnl();
    }
}
