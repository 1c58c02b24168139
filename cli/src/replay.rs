//! `ibmesh sim --replay`: answers from a transcript in place of a simulated market.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use ib_sim::{Replay, ReplaySettings};
use service::process::{RunOptions, announce, chain, end_requested};

use crate::out;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ReplayArgs {
    /// Answer from a transcript of `ibmesh record` in place of the simulated market; of the other flags only --bind counts.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// 1 keeps the recorded pauses, 10 makes them a tenth; without it answers come at once.
    #[arg(long, value_name = "FACTOR", requires = "replay")]
    replay_speed: Option<f64>,
}

impl ReplayArgs {
    pub(crate) fn settings(&self, bind: SocketAddr) -> Option<ReplaySettings> {
        let transcript = self.replay.clone()?;
        Some(ReplaySettings { bind, transcript, speed: self.replay_speed })
    }
}

pub(crate) async fn run(settings: ReplaySettings, options: RunOptions) -> ExitCode {
    let replay = match Replay::start(settings).await {
        Ok(replay) => replay,
        Err(error) => {
            out::problem(format_args!("ibmesh sim: {}", chain(&error)));
            return ExitCode::FAILURE;
        }
    };
    announce("sim", &serde_json::json!({ "api": replay.addr().to_string(), "control": null }));
    end_requested(options).await;
    let met = replay.shutdown().await;
    out::problem(format_args!("replayed: {} requests matched, {} asked again, {} not recorded", met.matched, met.repeated, met.unmatched));
    ExitCode::SUCCESS
}
