//! One service per process: flags and environment to settings, settings to a running service.
//!
//! Invariant: every service takes `--exit-with-parent` and `--print-config`, and tells its parent where it listens with
//! one line of JSON on stdout.

use std::{collections::BTreeMap, ffi::OsString, future::Future, marker::PhantomData, process::ExitCode};

use clap::{ArgMatches, Args, FromArgMatches};
use service::{
    Process, Settings,
    process::RunOptions,
    settings::{EDGE, GATEWAY_CTL, OPTIONS, WORKER, clap_args, flags},
};

use crate::out;

/// The exit code for settings that are wrong: nothing was started, and a restart changes nothing.
const BAD_SETTINGS: u8 = 2;

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

#[derive(Debug, Clone)]
pub(crate) struct Options;

impl Service for Options {
    const NAME: &'static str = OPTIONS;
}

#[derive(Debug, Clone)]
pub(crate) struct GatewayCtl;

impl Service for GatewayCtl {
    const NAME: &'static str = GATEWAY_CTL;
}

/// The flags of a service, made from the settings table.
#[derive(Debug, Clone)]
pub(crate) struct ServiceArgs<S> {
    flags: BTreeMap<&'static str, String>,
    common: CommonArgs,
    service: PhantomData<S>,
}

#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct CommonArgs {
    /// Print every setting and where it came from, and start nothing.
    #[arg(long)]
    pub(crate) print_config: bool,
    /// End when stdin ends: the parent holds the other side.
    #[arg(long, hide = true)]
    exit_with_parent: bool,
}

impl CommonArgs {
    pub(crate) fn run_options(self) -> RunOptions {
        RunOptions { exit_with_parent: self.exit_with_parent }
    }
}

impl<S: Service> Args for ServiceArgs<S> {
    fn augment_args(command: clap::Command) -> clap::Command {
        let command = CommonArgs::augment_args(command).args(clap_args(S::NAME));
        if S::NAME != EDGE {
            return command;
        }
        // As with `up`, where it is typed without a value.
        command.mut_arg("EDGE_CONFORMANCE", |arg| arg.visible_alias("conformance").num_args(0..=1).default_missing_value("true"))
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

pub(crate) async fn options(args: ServiceArgs<Options>) -> ExitCode {
    serve(args, options::run).await
}

pub(crate) async fn gateway_ctl(args: ServiceArgs<GatewayCtl>) -> ExitCode {
    serve(args, gateway_ctl::run).await
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
