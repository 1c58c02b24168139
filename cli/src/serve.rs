//! One service per process: flags and environment to settings, settings to a running service.
//!
//! Invariant: every service takes `--exit-with-parent` and `--print-config`, and tells its parent where it listens with
//! one line of JSON on stdout.

use std::{
    collections::BTreeMap, ffi::OsString, future::Future, marker::PhantomData, net::SocketAddr, path::PathBuf, process::ExitCode,
    time::Duration,
};

use clap::{ArgMatches, Args, FromArgMatches};
use serde_json::json;
use service::{
    Process, Settings,
    process::{RunOptions, announce, chain, end_requested},
    settings::{EDGE, WORKER, clap_args, flags},
};

use crate::out;

/// The exit code for settings that are wrong: nothing was started, and a restart changes nothing.
const BAD_SETTINGS: u8 = 2;

/// How long the simulator may take to close its sessions.
const SIM_SHUTDOWN_MAX: Duration = Duration::from_secs(5);

/// Which rows of the settings table a subcommand takes as flags.
pub(crate) trait Service: std::fmt::Debug + Clone + Send + Sync + 'static {
    const NAME: &'static str;
}

#[derive(Debug, Clone)]
pub(crate) struct Edge;

impl Service for Edge {
    const NAME: &'static str = EDGE;
}

#[derive(Debug, Clone)]
pub(crate) struct Worker;

impl Service for Worker {
    const NAME: &'static str = WORKER;
}

/// The flags of a service, made from the settings table.
#[derive(Debug, Clone)]
pub(crate) struct ServiceArgs<S> {
    flags: BTreeMap<&'static str, String>,
    common: CommonArgs,
    service: PhantomData<S>,
}

#[derive(Debug, Clone, Copy, clap::Args)]
struct CommonArgs {
    /// Print every setting and where it came from, and start nothing.
    #[arg(long)]
    print_config: bool,
    /// End when stdin ends: the parent holds the other side.
    #[arg(long, hide = true)]
    exit_with_parent: bool,
}

impl CommonArgs {
    fn run_options(self) -> RunOptions {
        RunOptions { exit_with_parent: self.exit_with_parent }
    }
}

impl<S: Service> Args for ServiceArgs<S> {
    fn augment_args(command: clap::Command) -> clap::Command {
        CommonArgs::augment_args(command).args(clap_args(S::NAME))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl<S: Service> FromArgMatches for ServiceArgs<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self { flags: flags(S::NAME, matches), common: CommonArgs::from_arg_matches(matches)?, service: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

pub(crate) async fn edge(args: ServiceArgs<Edge>) -> ExitCode {
    serve(args, edge::run).await
}

pub(crate) async fn worker(args: ServiceArgs<Worker>) -> ExitCode {
    serve(args, ib_worker::run).await
}

async fn serve<S: Service, F, Fut, E>(args: ServiceArgs<S>, body: F) -> ExitCode
where
    F: FnOnce(Process) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: std::error::Error,
{
    let settings = match Settings::load_from_env(S::NAME, &args.flags) {
        Ok(settings) => settings,
        Err(error) => {
            if args.common.print_config {
                out::line(error.read.trim_end());
            }
            out::problem(format_args!("ibmesh {}: {error}", S::NAME));
            return ExitCode::from(BAD_SETTINGS);
        }
    };
    if args.common.print_config {
        out::line(settings.print().trim_end());
        return ExitCode::SUCCESS;
    }
    service::run(settings, args.common.run_options(), body).await
}

/// Run the simulated IB Gateway.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SimArgs {
    /// Where API clients connect; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:4002")]
    bind: SocketAddr,
    /// Where the control HTTP port listens (faults, clock, journal); port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT")]
    control_bind: Option<SocketAddr>,
    /// `real`, `open` (every day a trading day of 24 hours) or an instant such as 2026-11-20T10:00:00-05:00.
    #[arg(long, value_name = "CLOCK", default_value = "open")]
    clock: ib_sim::ClockSetting,
    /// Prices, volumes and headlines follow from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A scenario file in place of the built-in one.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// The newest protocol version to offer; a low one plays an old gateway.
    #[arg(long, value_name = "VERSION")]
    max_server_version: Option<i32>,
    /// Whether the limits of IB on message and history rates hold.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pacing: bool,
    /// At least this many accounts; those beyond the scenario's hold cash only.
    #[arg(long, value_name = "COUNT")]
    accounts: Option<usize>,
    #[command(flatten)]
    orders: crate::sim_orders::OrderArgs,
    #[command(flatten)]
    replay: crate::replay::ReplayArgs,
    #[command(flatten)]
    common: CommonArgs,
}

impl SimArgs {
    fn settings(&self) -> ib_sim::Settings {
        let defaults = ib_sim::Settings::default();
        ib_sim::Settings {
            bind: self.bind,
            control_bind: self.control_bind,
            clock: self.clock,
            seed: self.seed,
            scenario: self.scenario.clone(),
            max_server_version: self.max_server_version.unwrap_or(defaults.max_server_version),
            pacing: self.pacing,
            accounts: self.accounts,
            orders: self.orders.settings(),
            ..defaults
        }
    }
}

pub(crate) async fn sim(args: SimArgs) -> ExitCode {
    let settings = args.settings();
    if args.common.print_config {
        out::line(format_args!("{settings:#?}"));
        return ExitCode::SUCCESS;
    }
    log_to_stderr();
    if let Some(replay) = args.replay.settings(args.bind) {
        return crate::replay::run(replay, args.common.run_options()).await;
    }
    let running = match ib_sim::Sim::start(settings).await {
        Ok(running) => running,
        Err(error) => {
            tracing::error!(error = %chain(&error), "stopped");
            return ExitCode::FAILURE;
        }
    };
    let control = running.control_addr().map(|addr| addr.to_string());
    announce("sim", &json!({ "api": running.addr().to_string(), "control": control }));
    let why = end_requested(args.common.run_options()).await;
    tracing::info!(service = "sim", why, "stopping");
    if tokio::time::timeout(SIM_SHUTDOWN_MAX, running.shutdown()).await.is_err() {
        tracing::error!(service = "sim", budget_s = SIM_SHUTDOWN_MAX.as_secs(), "closing the sessions took too long");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The processes that have no settings of the table: the simulator, which plays a foreign product, and the guard.
pub(crate) fn log_to_stderr() {
    let level = std::env::var("LOG_LEVEL").ok().filter(|level| !level.is_empty());
    let filter = tracing_subscriber::EnvFilter::new(level.as_deref().unwrap_or("info"));
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    // The only error is "already installed", and this is the first thing the process does.
    drop(tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(std::io::stderr).try_init());
}

/// Runs a command and ends it when this process's parent is gone.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct GuardArgs {
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

pub(crate) async fn nats_guard(args: GuardArgs) -> ExitCode {
    log_to_stderr();
    match nats_local::run_guard(args.command).await {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            out::problem(format_args!("ibmesh nats-guard: {error}"));
            ExitCode::FAILURE
        }
    }
}
