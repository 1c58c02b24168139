//! `ibmesh record`: writes down what a client and a gateway say to each other, or compares a gateway with that.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use ib_sim::{Accepted, RecordSettings, Recorder, Transcript};
use service::process::{RunOptions, announce, chain, end_requested};

use crate::{out, serve::log_to_stderr};

/// Record what a client and an IB gateway say to each other, without accounts, names and ids.
///
/// Stands between the two: point the client at --listen. The transcript holds one JSON line a message; accounts, users,
/// groups, references and permanent ids are replaced by pseudonyms. Amounts, positions and orders stay: read the file
/// before you share it. `ibmesh sim --replay FILE` answers from it, and --compare FILE holds a gateway against it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Where clients connect: a port on this machine, or HOST:PORT.
    #[arg(long, value_name = "PORT", value_parser = listen_address, required_unless_present = "compare")]
    listen: Option<SocketAddr>,
    /// The real gateway (or `ibmesh sim`).
    #[arg(long, value_name = "HOST:PORT")]
    gateway: String,
    /// The file to write, for its owner only; it must not exist.
    #[arg(long, value_name = "FILE", default_value = "ib-transcript.jsonl")]
    out: PathBuf,
    /// Say the client's side of a transcript to the gateway and print what it answers otherwise; exit 1 if it does.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["listen", "out"])]
    compare: Option<PathBuf>,
    /// With --compare: the differences that are accepted, each with its reason (TOML).
    #[arg(long, value_name = "FILE", requires = "compare")]
    accepted: Option<PathBuf>,
    /// With --compare: send the recorded orders too. Never use it with an account that matters.
    #[arg(long, requires = "compare")]
    with_orders: bool,
    #[arg(long, hide = true)]
    exit_with_parent: bool,
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(([127, 0, 0, 1], port).into());
    }
    text.parse().map_err(|_| "a port such as 4003, or an address such as 127.0.0.1:4003".to_owned())
}

/// Nothing was compared; 1 says that there are differences.
const CANNOT_COMPARE: u8 = 2;

async fn compare(options: &Options, transcript: &Path) -> Result<ExitCode, String> {
    let accepted = match &options.accepted {
        None => Accepted::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            Accepted::read(&text).map_err(|error| error.to_string())?
        }
    };
    let transcript = Transcript::open(transcript).map_err(|error| format!("{}: {}", transcript.display(), chain(&error)))?;
    let compared = ib_sim::compare(&transcript, &options.gateway, options.with_orders, &accepted).await;
    let comparison = compared.map_err(|error| chain(&error))?;
    out::line(&comparison);
    Ok(if comparison.open() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) async fn run(options: Options) -> ExitCode {
    log_to_stderr();
    if let Some(transcript) = &options.compare {
        return match compare(&options, transcript).await {
            Ok(code) => code,
            Err(reason) => {
                out::problem(format_args!("ibmesh record: {reason}"));
                ExitCode::from(CANNOT_COMPARE)
            }
        };
    }
    let Some(listen) = options.listen else {
        out::problem("ibmesh record: --listen PORT is needed");
        return ExitCode::from(CANNOT_COMPARE);
    };
    let settings = RecordSettings { listen, gateway: options.gateway, out: options.out };
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
