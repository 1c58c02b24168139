//! Workers in a rig, and what they are asked.

use ib_sim::Settings;
use schemas::{
    Fault,
    contracts::ContractQuery,
    history::{Bars, BarsParams, BarsReply},
};
use serde_json::json;
use service::settings::WORKER;
use test_rig::Rig;

/// Operations that a worker answers; chains and the gateway have services of their own.
pub(crate) fn everything() -> usize {
    schemas::OPERATIONS.iter().filter(|row| row.over_nats() && !["gateway", "options"].contains(&row.family)).count()
}

/// Those of them that are answered from memory while IB is away.
pub(crate) fn kept_operations() -> Vec<String> {
    let kept = schemas::OPERATIONS.iter().filter(|row| row.family != "gateway" && row.freshness == schemas::Freshness::Kept);
    kept.map(schemas::Row::name).collect()
}

/// So many workers, each connected and serving everything.
pub(crate) async fn workers(count: usize, sim: Settings) -> Rig {
    let mut rig = Rig::start(sim).await;
    for _ in 0..count {
        rig.run(WORKER, &[("IB_POOL_SIZE", "1")], ib_worker::run);
    }
    rig.until_beats(ib_worker::SERVICE, "every worker serves everything", |beats| {
        beats.len() == count && beats.iter().all(|beat| beat.operations.len() == everything())
    })
    .await;
    rig
}

pub(crate) async fn bars(rig: &Rig, params: &BarsParams) -> Result<BarsReply, Fault> {
    rig.ask::<Bars>(params).await
}

pub(crate) fn stock(symbol: &str) -> ContractQuery {
    ContractQuery { symbol: Some(symbol.to_owned()), ..ContractQuery::default() }
}

/// Bars of Apple over so many days.
pub(crate) fn days(count: u32) -> BarsParams {
    let json = json!({"contract": {"symbol": "AAPL"}, "duration": format!("{count} D"), "bar_size": "1 hour", "limit": 10});
    serde_json::from_value(json).expect("parameters")
}
