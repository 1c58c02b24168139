//! `ibmesh up`: the whole local stack as children of one process.
//!
//! [`plan`] decides, [`preflight`] checks, [`start`] starts, [`stack`] watches and ends, [`supervise`] keeps alive, [`board`] shows.
//! Invariant: whatever ends this process, a Ctrl-C, an error or SIGKILL, ends everything that it started.

mod board;
mod child;
mod plan;
mod preflight;
mod stack;
mod start;
mod supervise;

use std::{io, path::PathBuf, process::ExitCode};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::out;
use stack::Stack;

/// Start the whole local stack: NATS, the simulator (or your own gateway), workers and the HTTP edge.
///
/// Every setting is also read from the environment (`ibmesh worker --help` lists them); IB_HOST means: use that gateway.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Address of the HTTP edge; port 0 takes a free one [EDGE_BIND=127.0.0.1:48012].
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) edge_bind: Option<String>,
    /// Port of the NATS server; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 4222)]
    pub(crate) nats_port: u16,
    /// Port of the simulator; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 4002)]
    pub(crate) sim_port: u16,
    /// The simulator's clock: `real`, `open` (every day a trading day of 24 hours) or an instant.
    #[arg(long, value_name = "CLOCK", default_value = "open")]
    pub(crate) sim_clock: String,
    /// How many workers, 1 to 20 [IB_POOL_SIZE=3].
    // Text, so that what is wrong with it is told together with the other settings.
    #[arg(long, value_name = "COUNT")]
    pub(crate) workers: Option<String>,
    /// Where streams and logs are kept.
    #[arg(long, value_name = "DIR", default_value = ".ibmesh")]
    pub(crate) data_dir: PathBuf,
    /// The edge also serves the fixtures of MCP's conformance suite [EDGE_CONFORMANCE=false].
    #[arg(long)]
    pub(crate) conformance: bool,
    /// What the simulator's prices follow from.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Use a real TWS or IB Gateway; alone it tries 4002, 4004 and 7497 on this host.
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1, default_missing_value = "")]
    pub(crate) gateway: Option<String>,
}

/// Ctrl-C or SIGTERM while the stack was still starting.
const INTERRUPTED: u8 = 130;

pub(crate) async fn run(options: Options) -> ExitCode {
    match serve(&options).await {
        Ok(code) => code,
        Err(error) => {
            out::problem(format_args!("ibmesh up: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: &Options) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let signals = Signals::watch()?;
    let said = Progress::start();
    let plan = plan::plan(options, &|name| std::env::var(name).ok())?;
    let stack = tokio::select! {
        stack = Stack::start(plan, &said, signals.hurry.clone()) => stack?,
        () = signals.end.cancelled() => {
            // What was started so far is killed as its handles are dropped.
            said.line("interrupted, nothing is left running");
            return Ok(ExitCode::from(INTERRUPTED));
        }
    };
    stack.run_until(&signals.end, &said).await;
    Ok(ExitCode::SUCCESS)
}

/// The first signal asks for an end in good order, the second for an end at once.
#[derive(Debug)]
struct Signals {
    end: CancellationToken,
    hurry: CancellationToken,
}

impl Signals {
    fn watch() -> io::Result<Self> {
        let (end, hurry) = (CancellationToken::new(), CancellationToken::new());
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            let mut signal = signal(kind)?;
            let (end, hurry) = (end.clone(), hurry.clone());
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    if end.is_cancelled() { hurry.cancel() } else { end.cancel() }
                }
            });
        }
        Ok(Self { end, hurry })
    }
}

/// Lines about what happens, each with the time since the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    started: Instant,
}

impl Progress {
    fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub(crate) fn line(&self, text: impl std::fmt::Display) {
        out::line(format_args!("{:6.1} s  {text}", self.started.elapsed().as_secs_f64()));
    }
}
