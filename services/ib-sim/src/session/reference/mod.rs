//! Reference requests: bulletins, corporate events, advisors, display groups and the gateway's settings.
//!
//! Invariant: every request of this family is answered as a real gateway answers a plain account; what IB
//! withdrew is refused in IB's words, and only cancels are silent.

mod config;
mod shared;

use std::collections::BTreeMap;

use super::live::Live;
use super::scanner::Scan;
use crate::errors::ApiError;
use crate::proto::event::Event;
use crate::proto::request::Request;
use crate::proto::types::Contract;
use crate::wire::pb::advisor::SoftDollarTiers;
use crate::wire::pb::event::{NewsBulletin, WshEventData, WshEventDataRequest, WshMetaData};
use crate::wire::pb::group::{DisplayGroupList, DisplayGroupUpdated};
use crate::world::wsh::{Query, meta_data};
pub(crate) use shared::Shared;
use shared::{GROUPS, group_list};

/// The reports that IB offered while it offered any.
const REPORTS: &[&str] =
    &["ReportSnapshot", "ReportsFinSummary", "ReportRatios", "ReportsFinStatements", "RESC", "CalendarReport", "ReportsOwnership"];
/// Subscriptions to display groups on one connection.
const MAX_GROUP_SUBSCRIPTIONS: usize = 64;

/// What a session has subscribed of this family.
#[derive(Debug, Default)]
pub(super) struct Subscribed {
    pub(super) scans: BTreeMap<i32, Scan>,
    /// The instant up to which bulletins were sent.
    bulletins: Option<i64>,
    /// By request: the group, and what was last told of it.
    groups: BTreeMap<i32, (usize, String)>,
}

impl Live {
    pub(super) fn serve_reference(&mut self, request: Request) {
        match request {
            Request::NewsBulletins { all } => {
                let now = self.now();
                self.subs.reference.bulletins = Some(if all { self.gateway.world.start_of_day(now) } else { now });
                self.push_bulletins();
            }
            Request::CancelNewsBulletins => self.subs.reference.bulletins = None,
            Request::Fa { kind } => {
                // Groups and aliases are left; profiles went with TWS 983.
                let known = matches!(kind, 1 | 3);
                self.error(-1, if known { ApiError::not_an_advisor() } else { ApiError::no_such_advisor_data() });
            }
            Request::ReplaceFa { req_id, .. } => self.error(req_id, ApiError::not_an_advisor()),
            Request::SoftDollarTiers { req_id } => {
                self.send(&Event::SoftDollarTiers(SoftDollarTiers { req_id: Some(req_id), soft_dollar_tiers: Vec::new() }));
            }
            Request::WshMetaData { req_id } => self.wsh_meta_data(req_id),
            Request::WshEventData(query) => self.wsh_events(&query),
            // Answers are sent at once, so these find nothing to end.
            Request::CancelWshMetaData { .. } | Request::CancelWshEventData { .. } | Request::CancelFundamentals { .. } => {}
            Request::QueryDisplayGroups { req_id } => {
                self.send(&Event::DisplayGroupList(DisplayGroupList { req_id: Some(req_id), groups: Some(group_list()) }));
            }
            Request::SubscribeToGroupEvents { req_id, group } => self.subscribe_group(req_id, group),
            Request::UpdateDisplayGroup { req_id, contract_info } => match self.subs.reference.groups.get(&req_id) {
                Some((group, _)) => {
                    self.gateway.reference.set_group(*group, &contract_info);
                    self.push_groups();
                }
                None => self.error(req_id, ApiError::unknown_display_group(format_args!("subscription {req_id}"))),
            },
            Request::UnsubscribeFromGroupEvents { req_id } => drop(self.subs.reference.groups.remove(&req_id)),
            Request::Verify { .. } => self.error(-1, ApiError::verification_unannounced()),
            Request::Fundamentals { req_id, contract, report } => self.error(req_id, self.fundamentals(&contract, &report)),
            Request::Config { req_id } => self.tell_config(req_id),
            Request::UpdateConfig(update) => self.update_config(*update),
            other => unreachable!("{} belongs to another family", other.name()),
        }
    }

    /// Called each second: what nobody asked for again.
    pub(super) fn push_reference(&mut self) {
        self.push_scans();
        self.push_bulletins();
        self.push_groups();
    }

    fn push_bulletins(&mut self) {
        let now = self.now();
        let Some(told) = &mut self.subs.reference.bulletins else { return };
        let after = std::mem::replace(told, now);
        for bulletin in self.gateway.world.bulletins(after, now) {
            self.send(&Event::NewsBulletin(NewsBulletin {
                news_msg_id: Some(bulletin.id),
                news_msg_type: Some(bulletin.kind as i32),
                news_message: Some(bulletin.text),
                originating_exch: Some(bulletin.exchange),
            }));
        }
    }

    fn wsh_meta_data(&mut self, req_id: i32) {
        if !self.gateway.world.news.wsh() {
            return self.error(req_id, ApiError::fixed(10_276));
        }
        self.gateway.reference.tell_wsh_meta_data();
        self.send(&Event::WshMetaData(WshMetaData { req_id: Some(req_id), data_json: Some(meta_data()) }));
    }

    fn wsh_events(&mut self, asked: &WshEventDataRequest) {
        let req_id = asked.req_id.unwrap_or(-1);
        // As captured: permission comes before everything else.
        if !self.gateway.world.news.wsh() {
            return self.error(req_id, ApiError::fixed(10_276));
        }
        // A gateway answers from what its meta data says, so somebody must have asked for that.
        if !self.gateway.reference.wsh_meta_data_told() {
            return self.error(req_id, ApiError::fixed(10_282));
        }
        match Query::read(asked, self.gateway.world.today(self.now())) {
            Err(error) => self.error(req_id, error),
            Ok(query) => {
                let data_json = Some(self.gateway.world.corporate_events(&query));
                self.send(&Event::WshEventData(WshEventData { req_id: Some(req_id), data_json }));
            }
        }
    }

    fn subscribe_group(&mut self, req_id: i32, group: i32) {
        let known = usize::try_from(group).ok().filter(|group| (1..=GROUPS).contains(group));
        let Some(group) = known else { return self.error(req_id, ApiError::unknown_display_group(group)) };
        if self.subs.reference.groups.len() >= MAX_GROUP_SUBSCRIPTIONS {
            return self.error(req_id, ApiError::too_many_pending());
        }
        let shown = self.gateway.reference.group(group);
        self.subs.reference.groups.insert(req_id, (group, shown.clone()));
        self.tell_group(req_id, shown);
    }

    /// Groups belong to the gateway: any client may have changed them.
    fn push_groups(&mut self) {
        let mut news = Vec::new();
        for (req_id, (group, told)) in &mut self.subs.reference.groups {
            let shown = self.gateway.reference.group(*group);
            if *told != shown {
                told.clone_from(&shown);
                news.push((*req_id, shown));
            }
        }
        news.into_iter().for_each(|(req_id, shown)| self.tell_group(req_id, shown));
    }

    fn tell_group(&mut self, req_id: i32, shown: String) {
        self.send(&Event::DisplayGroupUpdated(DisplayGroupUpdated { req_id: Some(req_id), contract_info: Some(shown) }));
    }

    /// IB withdrew fundamentals from the API; a gateway still tells wrong requests from right ones.
    fn fundamentals(&self, contract: &Contract, report: &str) -> ApiError {
        match self.gateway.world.contracts.only(contract, self.gateway.world.today(self.now())) {
            Err(error) => error,
            Ok(row) if !row.is("STK") => ApiError::no_fundamentals("Not allowed"),
            Ok(_) if !REPORTS.contains(&report) => ApiError::no_fundamentals("Missing reportType"),
            Ok(_) => ApiError::fixed(10_358),
        }
    }
}
