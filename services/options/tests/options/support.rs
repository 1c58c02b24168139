//! The service in a rig, and what it is asked.

use std::path::PathBuf;

use ib_sim::Settings;
use schemas::{
    Fault,
    contracts::ContractQuery,
    options::{Chain, ChainParams, ChainReply, Expirations, ExpirationsParams, OptionRow},
};
use service::settings::OPTIONS;
use test_rig::Rig;

/// The service, connected and serving everything.
pub(crate) async fn options(sim: Settings) -> Rig {
    options_with(sim, &[]).await
}

pub(crate) async fn options_with(sim: Settings, flags: &[(&'static str, &str)]) -> Rig {
    let mut rig = Rig::start(sim).await;
    rig.run(OPTIONS, flags, options::run);
    rig.until_beats(options::SERVICE, "it serves everything", |beats| beats.iter().any(|beat| beat.operations.len() == 4)).await;
    rig
}

/// The built-in market with a change.
pub(crate) fn scenario(change: impl FnOnce(String) -> String) -> (Settings, tempfile::TempDir) {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../ib-sim/scenarios/default.toml");
    let before = std::fs::read_to_string(default).expect("the built-in scenario");
    let after = change(before.clone());
    assert_ne!(before, after, "the change found nothing to change");
    let folder = tempfile::tempdir().expect("a folder");
    let path: PathBuf = folder.path().join("scenario.toml");
    std::fs::write(&path, after).expect("written");
    (Settings { scenario: Some(path), ..Settings::default() }, folder)
}

/// One more rule for what the login may see.
pub(crate) fn sees(rule: &str) -> (Settings, tempfile::TempDir) {
    scenario(|text| text.replace("entitlements = [\n", &format!("entitlements = [\n    {rule},\n")))
}

pub(crate) fn symbol(symbol: &str) -> ContractQuery {
    ContractQuery { symbol: Some(symbol.to_owned()), ..ContractQuery::default() }
}

/// An expiration about a month ahead.
pub(crate) async fn expiration(rig: &Rig, name: &str) -> String {
    let params = ExpirationsParams { contract: symbol(name), ..ExpirationsParams::default() };
    let told = rig.ask::<Expirations>(&params).await.expect("expirations");
    told.expirations.get(told.expirations.len().min(8) - 1).expect("several expirations").clone()
}

pub(crate) async fn chain_of(rig: &Rig, name: &str) -> ChainParams {
    ChainParams { contract: symbol(name), expiration: expiration(rig, name).await, ..ChainParams::default() }
}

pub(crate) async fn ask(rig: &Rig, params: &ChainParams) -> Result<ChainReply, Fault> {
    rig.ask::<Chain>(params).await
}

/// Waits until the simulator counts no open line of anybody.
pub(crate) async fn until_no_lines(rig: &Rig) {
    let none = rig.until(async || rig.state().await["lines_open"] == 0).await;
    assert!(none.is_ok(), "lines stay open: {}", rig.state().await["lines_open"]);
}

/// The requests for quotes of options so far.
pub(crate) async fn option_lines(rig: &Rig) -> usize {
    let asked = rig.requests("MarketData").await;
    asked.iter().filter(|entry| entry["fields"]["contract"]["sec_type"] == "OPT").count()
}

/// Signs and sizes that hold for every option, whoever computed it.
pub(crate) fn check_signs(rows: &[OptionRow]) {
    for row in rows {
        let (Some(delta), Some(gamma), Some(vega), Some(theta), Some(iv)) = (row.delta, row.gamma, row.vega, row.theta, row.iv) else {
            panic!("not all Greeks: {row:?}")
        };
        let inside = if row.right == "C" { (0.0..=1.0).contains(&delta) } else { (-1.0..=0.0).contains(&delta) };
        assert!(inside && gamma >= 0.0 && vega >= 0.0 && (0.01..3.0).contains(&iv), "{row:?}");
        assert!(theta <= 0.0 || row.right == "P", "only a put deep in the money gains by waiting: {row:?}");
        let (bid, ask) = (row.bid.expect("a bid"), row.ask.expect("an ask"));
        assert!(bid < ask && row.mid.is_some_and(|mid| bid < mid && mid < ask), "{row:?}");
    }
    for right in ["C", "P"] {
        let deltas: Vec<f64> = rows.iter().filter(|row| row.right == right).filter_map(|row| row.delta).collect();
        assert!(deltas.windows(2).all(|pair| pair[1] <= pair[0] + 1e-6), "deltas fall with the strike: {deltas:?}");
    }
}

/// C - P = S - K e^(-rT), within the quoted spreads and what dividends and the rate may be.
pub(crate) fn check_parity(rows: &[OptionRow], dte: i32) -> usize {
    let mut pairs = 0;
    for call in rows.iter().filter(|row| row.right == "C") {
        let Some(put) = rows.iter().find(|row| row.right == "P" && row.strike == call.strike) else { continue };
        let f = |num: Option<schemas::Num>| num.expect("a number").to_f64();
        let (spot, strike) = (f(call.underlying_price), call.strike.to_f64());
        let left = f(call.mid) - f(put.mid);
        let spreads = f(call.ask) - f(call.bid) + f(put.ask) - f(put.bid);
        // Between no rate with dividends of 2 % and a rate of 6 % without.
        let years = f64::from(dte) / 365.0;
        let (low, high) = (spot * (1.0 - 0.02 * years) - strike, spot - strike * (-0.06 * years).exp());
        assert!(
            left >= low.min(high) - spreads && left <= high.max(low) + spreads,
            "{left} is not between {low} and {high}: {call:?} {put:?}"
        );
        let deltas = call.delta.expect("delta") - put.delta.expect("delta");
        assert!((deltas - 1.0).abs() < 0.06, "a call less a put is nearly the share: {deltas}");
        pairs += 1;
    }
    pairs
}
