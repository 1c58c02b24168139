//! The document that tells clients what can be scanned.
//!
//! Invariant: well-formed XML with IB's element names, made from the tables that scans read. A real
//! gateway's is two megabytes of the same.

use std::fmt::Write;

use super::filter::FILTERS;
use super::tables::{KINDS, PLACES, Place, SCANS};

/// The whole document.
pub(crate) fn document() -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ScanParameterResponse>\n");
    let filters = FILTERS.iter().map(|filter| filter.code).collect::<Vec<_>>().join(",");
    open(&mut xml, "InstrumentList varName=\"instrumentList\"");
    for kind in KINDS {
        open(&mut xml, "Instrument");
        leaf(&mut xml, "name", kind.name);
        leaf(&mut xml, "type", kind.code);
        leaf(&mut xml, "secType", kind.sec_type);
        leaf(&mut xml, "filters", &filters);
        close(&mut xml, "Instrument");
    }
    close(&mut xml, "InstrumentList");
    places(&mut xml, "");
    open(&mut xml, "ScanTypeList varName=\"scanTypeList\"");
    for scan in SCANS {
        open(&mut xml, "ScanType");
        leaf(&mut xml, "displayName", scan.name);
        leaf(&mut xml, "scanCode", scan.code);
        leaf(&mut xml, "instruments", &scan.kinds.join(","));
        leaf(&mut xml, "supportsSorting", "true");
        leaf(&mut xml, "access", "unrestricted");
        close(&mut xml, "ScanType");
    }
    close(&mut xml, "ScanTypeList");
    open(&mut xml, "FilterList varName=\"filterList\"");
    for filter in FILTERS {
        open(&mut xml, "RangeFilter");
        leaf(&mut xml, "id", filter.code);
        leaf(&mut xml, "category", filter.name);
        leaf(&mut xml, "access", "unrestricted");
        open(&mut xml, "AbstractField type=\"scanner.filter.DoubleField\"");
        leaf(&mut xml, "code", filter.code);
        leaf(&mut xml, "displayName", &format!("{} {}", filter.name, if filter.above { "Above" } else { "Below" }));
        close(&mut xml, "AbstractField");
        close(&mut xml, "RangeFilter");
    }
    close(&mut xml, "FilterList");
    close(&mut xml, "ScanParameterResponse");
    xml
}

/// The locations below one, as a tree.
fn places(xml: &mut String, parent: &str) {
    let below: Vec<&Place> = PLACES.iter().filter(|place| place.parent == parent).collect();
    if below.is_empty() {
        return;
    }
    open(xml, "LocationTree varName=\"locationTree\"");
    for place in below {
        open(xml, "Location");
        leaf(xml, "displayName", place.name);
        leaf(xml, "locationCode", place.code);
        leaf(xml, "instruments", place.kind);
        leaf(xml, "access", "unrestricted");
        places(xml, place.code);
        close(xml, "Location");
    }
    close(xml, "LocationTree");
}

fn open(xml: &mut String, tag: &str) {
    let _ = writeln!(xml, "<{tag}>");
}

fn close(xml: &mut String, tag: &str) {
    let _ = writeln!(xml, "</{tag}>");
}

fn leaf(xml: &mut String, tag: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(xml, "<{tag}>{text}</{tag}>");
}
