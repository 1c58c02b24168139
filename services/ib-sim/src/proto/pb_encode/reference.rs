//! Scanners, bulletins, events and the gateway's own settings.

use bytes::Bytes;

use super::{given, wire_contract};
use crate::proto::event::Event;
use crate::proto::types::ScannerRow;
use crate::wire::frame::protobuf;
use crate::wire::pb::scanner;

pub(super) fn encode_reference(event: &Event) -> Bytes {
    match event {
        Event::ScannerParameters(xml) => protobuf(19, &scanner::ScannerParameters { xml: Some(xml.clone()) }),
        Event::ScannerData { req_id, rows } => {
            protobuf(20, &scanner::ScannerData { req_id: Some(*req_id), scanner_data_element: rows.iter().map(scanner_row).collect() })
        }
        Event::NewsBulletin(bulletin) => protobuf(14, bulletin),
        Event::SoftDollarTiers(tiers) => protobuf(77, tiers),
        Event::WshMetaData(data) => protobuf(104, data),
        Event::WshEventData(data) => protobuf(105, data),
        Event::DisplayGroupList(groups) => protobuf(67, groups),
        Event::DisplayGroupUpdated(group) => protobuf(68, group),
        Event::Config(config) => protobuf(110, &**config),
        Event::UpdateConfig(answer) => protobuf(111, &**answer),
        other => unreachable!("{other:?} belongs to another family"),
    }
}

fn scanner_row(row: &ScannerRow) -> scanner::ScannerDataElement {
    scanner::ScannerDataElement {
        rank: Some(row.rank),
        contract: Some(wire_contract(&row.contract)),
        market_name: given(&row.market_name),
        distance: given(&row.distance),
        benchmark: given(&row.benchmark),
        projection: given(&row.projection),
        combo_key: given(&row.combo_key),
    }
}
