//! What /health says, read leniently: a field that is missing or new is no reason not to show the rest.

use schemas::health::GatewayPart;
use serde::{Deserialize, Deserializer};

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Health {
    pub(crate) status: String,
    pub(crate) ib_connected: bool,
    pub(crate) options_client_connected: bool,
    pub(crate) service: String,
    pub(crate) ib_host: String,
    /// Text, as the predecessors have it.
    pub(crate) ib_port: String,
    /// simulated, paper or live: what the accounts say.
    pub(crate) mode: Option<String>,
    pub(crate) circuit_breaker: Breaker,
    pub(crate) pool: Pool,
    /// What gateway-ctl says; none where none runs, or one whose words are not known here.
    #[serde(deserialize_with = "if_known")]
    pub(crate) gateway: Option<GatewayPart>,
}

fn if_known<'de, D: Deserializer<'de>>(from: D) -> Result<Option<GatewayPart>, D::Error> {
    Ok(serde_json::from_value(serde_json::Value::deserialize(from)?).ok())
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Breaker {
    pub(crate) state: String,
    pub(crate) failure_count: u64,
    /// Seconds.
    pub(crate) recovery_in: Option<f64>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Pool {
    pub(crate) pool_size: u64,
    pub(crate) workers_alive: u64,
    pub(crate) workers_ib_connected: u64,
    pub(crate) workers_available: u64,
    pub(crate) workers: Vec<WorkerLine>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct WorkerLine {
    pub(crate) id: String,
    pub(crate) client_id: Option<i64>,
    pub(crate) alive: bool,
    pub(crate) ib_connected: bool,
    pub(crate) available: bool,
    pub(crate) consecutive_failures: u64,
    pub(crate) restart_count: u64,
    /// It has the gateway, but the gateway has lost IB's servers.
    pub(crate) upstream_lost: bool,
    /// Why it is not connected.
    pub(crate) reason: Option<String>,
}

impl Health {
    /// `SIMULATED`, `PAPER`, `LIVE`, or that nobody knows: never guessed from a port.
    pub(crate) fn mode_word(&self) -> String {
        self.mode.as_deref().map_or_else(|| "MODE NOT KNOWN".to_owned(), str::to_uppercase)
    }

    /// `10, 14, 22`: who holds which connection at the gateway.
    pub(crate) fn client_ids(&self) -> String {
        let mut ids: Vec<i64> = self.pool.workers.iter().filter_map(|worker| worker.client_id).collect();
        ids.sort_unstable();
        ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
    }
}
