//! What a caller may set, and what can go wrong at the start.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use crate::broker::OrderSettings;
use crate::clock::ClockSetting;
use crate::face::LoginPlan;
use crate::faults::kinds::Wanted;
use crate::wire::hello::NEWEST_VERSION;

/// How strictly the rules for historical requests are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HistoryPacing {
    /// As IB does today: the rules hold for bars below one minute only; 50 open requests always.
    #[default]
    Ib,
    /// The written rules for every bar size, as before IB lifted them.
    Strict,
    /// None of them.
    Off,
}

/// The text given for the history pacing is none of the allowed ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("history pacing {0:?}: allowed are \"ib\", \"strict\" and \"off\"")]
pub struct HistoryPacingError(String);

impl FromStr for HistoryPacing {
    type Err = HistoryPacingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_ascii_lowercase().as_str() {
            "ib" => Ok(Self::Ib),
            "strict" => Ok(Self::Strict),
            "off" => Ok(Self::Off),
            _ => Err(HistoryPacingError(text.to_owned())),
        }
    }
}

/// A fault that is on from the start: JSON as on the control port, or short, such as `stall` or `farm:farm=ushmds,for_ms=2000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartFault(pub(crate) Wanted);

/// The text names no fault, or one with wrong fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StartFaultError(String);

impl FromStr for StartFault {
    type Err = StartFaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(StartFaultError)
    }
}

/// Everything that can be chosen at the start of a simulator.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where API clients connect. Port 0 takes a free one.
    pub bind: SocketAddr,
    /// Where the control HTTP port listens, if at all. Keep it on the loopback interface.
    pub control_bind: Option<SocketAddr>,
    /// How the gateway tells the time.
    pub clock: ClockSetting,
    /// Prices, volumes and headlines are a pure function of this and the time.
    pub seed: u64,
    /// A scenario file in place of the embedded one.
    pub scenario: Option<PathBuf>,
    /// The newest protocol version to offer; a low one plays an old gateway.
    pub max_server_version: i32,
    /// Whether message and history rates are limited at all.
    pub pacing: bool,
    /// Which of the history rules hold while `pacing` is on.
    pub history_pacing: HistoryPacing,
    /// Market data lines of the login, over all clients.
    pub market_data_lines: usize,
    /// How long the first ticks of a line take on average.
    pub tick_delay_ms: u64,
    /// How long option computations take after the first ticks, on average.
    pub greeks_delay_ms: u64,
    /// At least this many accounts: further ones are added after the scenario's, with cash only.
    pub accounts: Option<usize>,
    /// Faults that are on from the start, after the scenario's.
    pub faults: Vec<StartFault>,
    /// How the gateway logs in, restarts and meets other sessions.
    pub login: LoginPlan,
    /// The port of IBC's command server, if there is one. Port 0 takes a free one.
    pub command_port: Option<u16>,
    /// Where the command server listens. It asks nobody who he is: off loopback only inside a container's network.
    pub command_host: IpAddr,
    /// What the command server shows before each command; with one it also greets, as IBC does.
    pub command_prompt: Option<String>,
    /// How orders are treated, and where they are kept.
    pub orders: OrderSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 4002)),
            control_bind: None,
            clock: ClockSetting::Open,
            seed: 1,
            scenario: None,
            max_server_version: NEWEST_VERSION,
            pacing: true,
            history_pacing: HistoryPacing::Ib,
            market_data_lines: 100,
            tick_delay_ms: 20,
            greeks_delay_ms: 200,
            accounts: None,
            faults: Vec::new(),
            login: LoginPlan::default(),
            command_port: None,
            command_host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            command_prompt: None,
            orders: OrderSettings::default(),
        }
    }
}

/// Why a simulator could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A port could not be taken.
    #[error("cannot listen on {addr}")]
    Bind {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system answered.
        #[source]
        source: std::io::Error,
    },
    /// A fault for the start cannot be switched on.
    #[error("fault: {0}")]
    Fault(String),
    /// The state file cannot be used.
    #[error("state of orders {path}: {reason}")]
    State {
        /// The file or its directory.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The scenario cannot be read or contradicts itself.
    #[error("scenario {name}: {reason}")]
    Scenario {
        /// The file, or `default` for the embedded one.
        name: String,
        /// What is wrong and where.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_pacing_names_every_allowed_value() {
        assert_eq!("ib".parse(), Ok(HistoryPacing::Ib));
        assert_eq!("Strict".parse(), Ok(HistoryPacing::Strict));
        assert_eq!("off".parse(), Ok(HistoryPacing::Off));
        let error = "lax".parse::<HistoryPacing>().unwrap_err().to_string();
        assert!(["lax", "ib", "strict", "off"].iter().all(|word| error.contains(word)), "{error}");
    }
}
