//! The simulator beside a recording of itself: only what depends on the moment may differ.

use ib_sim::{Accepted, Settings, Transcript, compare};
use ibapi::Client;
use ibapi::contracts::Contract;
use ibapi::market_data::TradingHours;
use ibapi::market_data::historical::{BarSize, ToDuration};

use crate::support::{Raw, Tape, settings, sim, soon, start};

const ACCEPTED: &str = include_str!("itself.toml");

/// A real client's session and a few requests by hand, so that answers with and without ids, with and without an end
/// are in it.
async fn record() -> (std::path::PathBuf, tempfile::TempDir) {
    let sim = sim().await;
    let tape = Tape::before(sim.addr()).await;
    let client = soon(Client::connect(&tape.recorder.addr().to_string(), 7)).await.unwrap();
    let apple = Contract::stock("AAPL").build();
    soon(client.contract_details(&apple)).await.unwrap();
    soon(client.matching_symbols("SPY")).await.unwrap();
    let bars = client.historical_data(&apple, BarSize::Hour).duration(2.days()).trading_hours(TradingHours::Regular);
    soon(bars.fetch()).await.unwrap();
    client.disconnect().await;
    let mut raw = Raw::started(tape.recorder.addr(), 8).await;
    for (request, last, payload) in [
        (61, 62, &[][..]),
        (62, 64, b"\x08\x05\x12\x03All\x1a\x1aTotalCashValue,AccruedCash"),
        (49, 49, b""),
        (85, 85, b""),
        (80, 78, b""),
        (25, 4, b"\x08\x63"),
    ] {
        raw.send(request, payload).await;
        raw.until(last).await;
    }
    drop(raw);
    sim.shutdown().await;
    tape.finish().await
}

#[tokio::test]
async fn the_simulator_is_as_it_was_recorded() {
    let (out, folder) = record().await;
    let transcript = Transcript::open(&out).unwrap();
    let sim = sim().await;
    let accepted = Accepted::read(ACCEPTED).unwrap();
    let comparison = soon(compare(&transcript, &sim.addr().to_string(), false, &accepted)).await.unwrap();
    assert!(comparison.open() == 0 && comparison.unused().is_empty(), "{comparison}");
    sim.shutdown().await;
    drop(folder);
}

/// The comparison is no better than its eye: another seed has other prices, and is found out.
#[tokio::test]
async fn another_market_is_found_out() {
    let (out, folder) = record().await;
    let transcript = Transcript::open(&out).unwrap();
    let clock = crate::support::FRIDAY.parse().unwrap();
    let sim = start(Settings { clock, seed: 2, ..settings() }).await;
    let accepted = Accepted::read(ACCEPTED).unwrap();
    let comparison = soon(compare(&transcript, &sim.addr().to_string(), false, &accepted)).await.unwrap();
    let text = comparison.to_string();
    assert!(comparison.open() > 0 && text.contains("historicalDataBars[].close"), "{text}");
    sim.shutdown().await;
    drop(folder);
}
