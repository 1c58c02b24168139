//! `ibmesh sim`: the simulated gateway as a process, and as the container of a real one.
//!
//! Invariant: without `--container-face` the exit code tells how this process fared; with it, how the
//! container did that it plays.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use ib_sim::{
    ClockSetting, DailyTime, ExistingSession, HistoryPacing, Login, LoginPlan, OrderSettings, Settings, Sim, StartFault, TwoFactorTimeout,
};
use serde_json::json;
use service::process::{announce, chain, end_requested};

use crate::{
    out,
    serve::{CommonArgs, log_to_stderr},
};

/// How long the simulator may take to close its sessions.
const SHUTDOWN_MAX: Duration = Duration::from_secs(5);

const MARKET: &str = "Market and accounts";
const RULES: &str = "Rules of the API";
const ORDERS: &str = "Orders";
const FAULTS: &str = "Faults and log-in";
const CONTAINER: &str = "Container and command port";

/// Run a simulated IB Gateway: unmodified API clients connect to it as to a real one, without an account.
///
/// It speaks IB's wire protocol to every client library, holds a seeded market and a paper account, keeps IB's limits,
/// and fails on demand. `ibmesh sim &`, then run your script unchanged against 127.0.0.1:4002.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Options {
    /// Where API clients connect; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:4002")]
    bind: SocketAddr,
    /// Where the control HTTP port listens (faults, log-in, clock, accounts, journal); port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT")]
    control_bind: Option<SocketAddr>,
    /// `real`, `open` (every day a trading day of 24 hours) or an instant such as 2026-11-20T10:00:00-05:00.
    #[arg(long, value_name = "CLOCK", default_value = "open", help_heading = MARKET)]
    clock: ClockSetting,
    /// Prices, volumes and headlines follow from it.
    #[arg(long, default_value_t = 1, help_heading = MARKET)]
    seed: u64,
    /// A scenario file (TOML) in place of the built-in one: accounts, holdings, contracts, faults.
    #[arg(long, value_name = "FILE", help_heading = MARKET)]
    scenario: Option<PathBuf>,
    /// At least this many accounts; those beyond the scenario's hold cash only.
    #[arg(long, value_name = "COUNT", help_heading = MARKET)]
    accounts: Option<usize>,
    /// The newest protocol version to offer; a low one plays an old gateway.
    #[arg(long, value_name = "VERSION", help_heading = RULES)]
    max_server_version: Option<i32>,
    /// Whether the limits of IB on message and history rates hold.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set, help_heading = RULES)]
    pacing: bool,
    /// Which history limits hold: `ib` (as today), `strict` (the written rules for every bar size) or `off`.
    #[arg(long, value_name = "RULES", default_value = "ib", help_heading = RULES)]
    history_pacing: HistoryPacing,
    /// Market data lines of the login, over all clients; one contract more is refused with 101. IB gives 100 to begin with.
    #[arg(long, value_name = "COUNT", default_value_t = 100, help_heading = RULES)]
    market_data_lines: usize,
    /// How long the first ticks of a line take on average; each contract takes half to one and a half of it.
    #[arg(long, value_name = "MS", default_value_t = 20, help_heading = RULES)]
    tick_delay_ms: u64,
    /// How much longer than the first ticks an option's Greeks take on average; a real gateway can take seconds.
    #[arg(long, value_name = "MS", default_value_t = 200, help_heading = RULES)]
    greeks_delay_ms: u64,
    /// Where orders, executions, accounts and order ids are kept, so that they survive a restart; without it, in memory.
    #[arg(long, value_name = "DIR", help_heading = ORDERS)]
    state_dir: Option<PathBuf>,
    /// Refuse everything about orders, as the gateway's setting "Read-Only API" does.
    #[arg(long, help_heading = ORDERS)]
    read_only_api: bool,
    /// Refuse orders above this size, as IB's precautionary settings do.
    #[arg(long, value_name = "COUNT", help_heading = ORDERS)]
    size_limit: Option<u32>,
    /// The client id that is told of every client's orders.
    #[arg(long, value_name = "ID", help_heading = ORDERS)]
    master_client_id: Option<i32>,
    /// A fault that is on from the start, such as `stall`, `farm:farm=ushmds,for_ms=2000` or the JSON of the control port; may be repeated.
    #[arg(long, value_name = "FAULT", help_heading = FAULTS)]
    fault: Vec<StartFault>,
    /// How the first log-in goes: `ok`, `2fa`, `wrong-password`, `too-many-attempts` or `existing-session`.
    #[arg(long, value_name = "HOW", default_value = "ok", help_heading = FAULTS)]
    login: Login,
    /// From the start to the open API port, waiting for people not counted; until then connections are refused.
    #[arg(long, value_name = "MS", default_value_t = 0, help_heading = FAULTS)]
    login_ms: u64,
    /// How long a second factor is waited for.
    #[arg(long, value_name = "MS", default_value_t = 180_000, help_heading = FAULTS)]
    two_factor_timeout_ms: u64,
    /// What follows when it did not come: `exit` (with code 87), `restart` or `relogin`.
    #[arg(long, value_name = "WHAT", default_value = "exit", help_heading = FAULTS)]
    on_two_factor_timeout: TwoFactorTimeout,
    /// How long IB asks to wait after too many attempts.
    #[arg(long, value_name = "MS", default_value_t = 287_000, help_heading = FAULTS)]
    lockout_ms: u64,
    /// What another session with the same login meets: `primary`, `primaryoverride`, `secondary` or `manual`, as IBC calls them.
    #[arg(long, value_name = "ACTION", default_value = "primary", help_heading = FAULTS)]
    existing_session: ExistingSession,
    /// While this file is there, a start ends for another session, as `secondary` does: gateway-ctl makes it (GATEWAY_YIELD_FILE).
    #[arg(long, value_name = "FILE", help_heading = CONTAINER)]
    yield_file: Option<PathBuf>,
    /// When the gateway restarts every day, such as 23:45, in the scenario's time zone; on Sundays with a full log-in.
    #[arg(long, value_name = "HH:MM", help_heading = FAULTS)]
    restart_at: Option<DailyTime>,
    /// Print the log lines of a real gateway's container on stdout, and end with its exit codes.
    #[arg(long, help_heading = CONTAINER)]
    container_face: bool,
    /// The port of IBC's command server (STOP, RESTART, PAUSE, RECONNECTACCOUNT, ...); 0 takes a free one. Off by default.
    #[arg(long, value_name = "PORT", help_heading = CONTAINER)]
    command_port: Option<u16>,
    /// Where the command server listens. It asks nobody who he is: off loopback only inside a container's network.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1", requires = "command_port", help_heading = CONTAINER)]
    command_host: IpAddr,
    /// What the command server shows before each command; with one it also greets.
    #[arg(long, value_name = "TEXT", requires = "command_port", help_heading = CONTAINER)]
    command_prompt: Option<String>,
    #[command(flatten)]
    replay: crate::replay::ReplayArgs,
    #[command(flatten)]
    common: CommonArgs,
}

const AFTER: &str = "\
Examples:
  ibmesh sim                                         the API on 127.0.0.1:4002, the market always open
  ibmesh sim --control-bind 127.0.0.1:8002           and faults on demand:
  curl -d '{\"kind\":\"connectivity\",\"state\":\"lost\",\"for_ms\":5000}' http://127.0.0.1:8002/faults
  ibmesh sim --clock 2026-11-20T09:29:00-05:00       a minute before New York opens
  ibmesh sim --container-face --login 2fa --login-ms 8000 --command-port 7462";

impl Options {
    fn settings(&self) -> Settings {
        Settings {
            bind: self.bind,
            control_bind: self.control_bind,
            clock: self.clock,
            seed: self.seed,
            scenario: self.scenario.clone(),
            max_server_version: self.max_server_version.unwrap_or(Settings::default().max_server_version),
            pacing: self.pacing,
            history_pacing: self.history_pacing,
            market_data_lines: self.market_data_lines,
            tick_delay_ms: self.tick_delay_ms,
            greeks_delay_ms: self.greeks_delay_ms,
            accounts: self.accounts,
            faults: self.fault.clone(),
            login: LoginPlan {
                login_ms: self.login_ms,
                login: self.login,
                two_factor_timeout_ms: self.two_factor_timeout_ms,
                two_factor_timeout: self.on_two_factor_timeout,
                lockout_ms: self.lockout_ms,
                existing_session: match &self.yield_file {
                    Some(file) if file.exists() => ExistingSession::Secondary,
                    _ => self.existing_session,
                },
                restart_at: self.restart_at,
            },
            orders: OrderSettings {
                state_dir: self.state_dir.clone(),
                read_only_api: self.read_only_api,
                size_limit: self.size_limit,
                master_client_id: self.master_client_id,
            },
            command_port: self.command_port,
            command_host: self.command_host,
            command_prompt: self.command_prompt.clone(),
        }
    }
}

pub(crate) async fn run(options: Options) -> ExitCode {
    let settings = options.settings();
    if options.common.print_config {
        out::line(format_args!("{settings:#?}"));
        return ExitCode::SUCCESS;
    }
    log_to_stderr();
    if let Some(replay) = options.replay.settings(options.bind) {
        return crate::replay::run(replay, options.common.run_options()).await;
    }
    let sim = match Sim::start(settings).await {
        Ok(sim) => sim,
        Err(error) => {
            tracing::error!(error = %chain(&error), "stopped");
            return ExitCode::FAILURE;
        }
    };
    let text = |addr: Option<SocketAddr>| addr.map(|addr| addr.to_string());
    announce("sim", &json!({ "api": sim.addr().to_string(), "control": text(sim.control_addr()), "command": text(sim.command_addr()) }));
    let code = live(&sim, &options).await;
    if tokio::time::timeout(SHUTDOWN_MAX, sim.shutdown()).await.is_err() {
        tracing::error!(service = "sim", budget_s = SHUTDOWN_MAX.as_secs(), "closing the sessions took too long");
        return ExitCode::FAILURE;
    }
    ExitCode::from(if options.container_face { code } else { 0 })
}

/// Serves until a signal, the parent's end or the container's; the container's exit code.
async fn live(sim: &Sim, options: &Options) -> u8 {
    let mut log = sim.log();
    let print = |lines: Vec<String>| lines.iter().filter(|_| options.container_face).for_each(out::line);
    let mut end = std::pin::pin!(end_requested(options.common.run_options()));
    let mut ended = std::pin::pin!(sim.ended());
    let code = loop {
        tokio::select! {
            lines = log.next() => print(lines),
            why = &mut end => {
                tracing::info!(service = "sim", why, "stopping");
                sim.terminate();
                break sim.ended().await;
            }
            code = &mut ended => {
                tracing::info!(service = "sim", code, "the gateway has ended");
                break code;
            }
        }
    };
    print(log.rest());
    code
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn settings(flags: &[&str]) -> Settings {
        Line::try_parse_from(["sim"].iter().chain(flags)).unwrap().options.settings()
    }

    #[test]
    fn without_flags_the_settings_are_the_default_ones() {
        assert_eq!(format!("{:?}", settings(&[])), format!("{:?}", Settings::default()));
    }

    #[test]
    fn the_pace_of_market_data_is_set_by_flags() {
        let set = settings(&["--market-data-lines", "3", "--tick-delay-ms", "0", "--greeks-delay-ms", "5000", "--history-pacing", "off"]);
        assert_eq!((set.market_data_lines, set.tick_delay_ms, set.greeks_delay_ms), (3, 0, 5_000));
        assert_eq!(set.history_pacing, HistoryPacing::Off);
    }
}
