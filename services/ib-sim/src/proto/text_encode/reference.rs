//! Scanners, bulletins, events, advisors and display groups.

use super::contract::strike;
use crate::proto::event::Event;
use crate::proto::types::ScannerRow;
use crate::wire::text::{FieldWriter, put};

const SCANNER_DATA_VERSION: i32 = 3;

pub(super) fn write(out: &mut FieldWriter, event: &Event) {
    match event {
        Event::ScannerParameters(xml) => put!(out; 1, xml),
        Event::ScannerData { req_id, rows } => {
            put!(out; SCANNER_DATA_VERSION, *req_id, rows.len());
            rows.iter().for_each(|row| scanner_row(out, row));
        }
        Event::NewsBulletin(bulletin) => {
            put!(out; 1, id(bulletin.news_msg_id), id(bulletin.news_msg_type), bulletin.news_message, bulletin.originating_exch);
        }
        Event::SoftDollarTiers(tiers) => {
            put!(out; id(tiers.req_id), tiers.soft_dollar_tiers.len());
            for tier in &tiers.soft_dollar_tiers {
                put!(out; tier.name, tier.value, tier.display_name);
            }
        }
        Event::WshMetaData(data) => put!(out; id(data.req_id), data.data_json),
        Event::WshEventData(data) => put!(out; id(data.req_id), data.data_json),
        Event::DisplayGroupList(list) => put!(out; 1, id(list.req_id), list.groups),
        Event::DisplayGroupUpdated(group) => put!(out; 1, id(group.req_id), group.contract_info),
        other => unreachable!("{other:?} belongs to another family"),
    }
}

/// Clients refuse a number that is not there.
fn id(value: Option<i32>) -> i32 {
    value.unwrap_or_default()
}

fn scanner_row(out: &mut FieldWriter, row: &ScannerRow) {
    let found = &row.contract;
    put!(out;
        row.rank, found.con_id, found.symbol, found.sec_type, found.expiry, strike(found), found.right, found.exchange, found.currency,
        found.local_symbol, row.market_name, found.trading_class, row.distance, row.benchmark, row.projection, row.combo_key,
    );
}
