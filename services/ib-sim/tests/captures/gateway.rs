//! What a real gateway once sent, and what the simulator sends to the same client.
//!
//! Each capture in `tests/data` has its accepted differences in a table beside it, or stands in `pending.toml` with the
//! reason why it cannot be compared yet.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ib_sim::{Accepted, Comparison, Settings, Transcript, compare};
use serde::Deserialize;

use crate::convert;
use crate::support::{settings, soon, start};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pending {
    /// Capture and reason.
    pending: BTreeMap<String, String>,
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data"))
}

fn captures() -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let captures = files.filter(|path| path.extension().is_some_and(|extension| extension == "txt"));
    captures.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())).collect()
}

fn pending() -> BTreeMap<String, String> {
    let table: Pending = toml::from_str(&std::fs::read_to_string(folder().join("pending.toml")).unwrap()).unwrap();
    table.pending
}

/// The accepted differences of a capture.
fn table(name: &str) -> Accepted {
    let table = std::fs::read_to_string(folder().join(format!("{name}.toml"))).unwrap_or_else(|error| panic!("{name}.toml: {error}"));
    Accepted::read(&table).unwrap_or_else(|error| panic!("{name}.toml: {error}"))
}

/// The moment at which the capture's first connection was made, in the zone that its gateway names in Windows' way.
fn moment(capture: &str) -> jiff::Timestamp {
    let time = capture.split("\"connection_time\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a connection time");
    let (local, zone) = time.split_at("20260405 23:50:55".len());
    let zone = if zone.trim() == "Central European Standard Time" { "Europe/Berlin" } else { zone.trim() };
    let local = jiff::civil::DateTime::strptime("%Y%m%d %H:%M:%S", local).unwrap();
    local.in_tz(zone).unwrap().timestamp()
}

/// The default world with the captured account's currency and stocks in place of its own.
fn scenario() -> tempfile::NamedTempFile {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/default.toml");
    let default = std::fs::read_to_string(default).unwrap();
    let (before, rest) = default.split_once("[[accounts]]").expect("accounts");
    let (_, after) = rest.split_once("\n\n").expect("an empty line behind the accounts");
    let account = r#"
        [[accounts]]
        id = "DUSIM00001"
        currency = "EUR"
        cash = { EUR = 12000.0 }
        positions = [
            { con_id = 3691937, quantity = 15.0, average_cost = 200.25 },
            { con_id = 265598, quantity = 10.0, average_cost = 256.10 },
        ]
    "#;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{before}{account}\n{after}")).unwrap();
    file
}

async fn run(capture: &str, accepted: &Accepted) -> Comparison {
    let clock = moment(capture).to_string().parse().unwrap();
    let scenario = scenario();
    let sim = start(Settings { clock, scenario: Some(scenario.path().to_owned()), ..settings() }).await;
    let transcript = Transcript::read(convert::transcript(capture).as_bytes()).unwrap();
    let comparison = soon(compare(&transcript, &sim.addr().to_string(), true, accepted)).await.unwrap();
    sim.shutdown().await;
    comparison
}

#[tokio::test]
async fn the_simulator_sends_what_the_gateway_sent() {
    let (pending, captures) = (pending(), captures());
    let ready = captures.iter().filter(|(name, _)| !pending.contains_key(*name));
    let compared = futures::future::join_all(ready.map(|(name, capture)| async move {
        let comparison = run(capture, &table(name)).await;
        assert!(comparison.open() == 0 && comparison.unused().is_empty(), "{name}:\n{comparison}");
    }))
    .await;
    assert!(compared.len() >= 14, "{compared:?}");
}

/// A capture leaves the pending list as soon as it can be compared.
#[tokio::test]
async fn pending_captures_still_differ() {
    let (pending, captures) = (pending(), captures());
    futures::future::join_all(pending.iter().map(|(name, reason)| {
        let capture = captures.get(name).unwrap_or_else(|| panic!("pending.toml names {name}, which is no capture"));
        assert!(!reason.is_empty(), "{name} has no reason");
        async move {
            let comparison = run(capture, &table(name)).await;
            assert!(comparison.open() > 0, "{name} no longer differs: give it its table and take it out of pending.toml\n{comparison}");
        }
    }))
    .await;
}
