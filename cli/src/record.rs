//! `ibmesh record`: writes down what a client and a gateway say to each other.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use ib_sim::{RecordSettings, Recorder};
use service::process::{RunOptions, announce, chain, end_requested};

use crate::{out, serve::log_to_stderr};

/// Record what a client and an IB gateway say to each other, without accounts, names and ids.
///
/// Stands between the two: point the client at --listen. The transcript holds one JSON line a message; accounts, users,
/// groups, references and permanent ids are replaced by pseudonyms. Amounts, positions and orders stay: read the file
/// before you share it. `ibmesh sim --replay FILE` answers from it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Where clients connect: a port on this machine, or HOST:PORT.
    #[arg(long, value_name = "PORT", value_parser = listen_address)]
    listen: SocketAddr,
    /// The real gateway (or `ibmesh sim`).
    #[arg(long, value_name = "HOST:PORT")]
    gateway: String,
    /// The file to write, for its owner only; it must not exist.
    #[arg(long, value_name = "FILE", default_value = "ib-transcript.jsonl")]
    out: PathBuf,
    #[arg(long, hide = true)]
    exit_with_parent: bool,
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(([127, 0, 0, 1], port).into());
    }
    text.parse().map_err(|_| "a port such as 4003, or an address such as 127.0.0.1:4003".to_owned())
}

pub(crate) async fn run(options: Options) -> ExitCode {
    log_to_stderr();
    let settings = RecordSettings { listen: options.listen, gateway: options.gateway, out: options.out };
    let mut recorder = match Recorder::start(settings).await {
        Ok(recorder) => recorder,
        Err(error) => {
            out::problem(format_args!("ibmesh record: {}", chain(&error)));
            return ExitCode::FAILURE;
        }
    };
    announce("record", &serde_json::json!({ "api": recorder.addr().to_string(), "out": recorder.out() }));
    tokio::select! {
        _ = end_requested(RunOptions { exit_with_parent: options.exit_with_parent }) => {}
        error = recorder.failed() => {
            out::problem(format_args!("ibmesh record: {}", chain(&error)));
            return ExitCode::FAILURE;
        }
    }
    let path = recorder.out().to_owned();
    match recorder.shutdown().await {
        Ok(recorded) => {
            out::problem(format_args!("{}: {} connections, {} frames", path.display(), recorded.connections, recorded.frames));
            ExitCode::SUCCESS
        }
        Err(error) => {
            out::problem(format_args!("ibmesh record: {}", chain(&error)));
            ExitCode::FAILURE
        }
    }
}
