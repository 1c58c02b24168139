//! `ibmesh mcp`: MCP over lines on stdin and stdout, for clients and proxies that start a process.
//!
//! [`lines`] reads and writes, [`conversation`] keeps the requests under way, [`bridge`] carries them through a [`door`]: a
//! running edge, or an edge in this process that is linked to NATS.
//!
//! Invariants: stdout carries JSON-RPC lines and nothing else; a token comes from the environment or from a file, never
//! from an argument; whatever ends this process ends the stack that `--up` started.

mod bridge;
mod conversation;
mod door;
mod events;
mod lines;
mod message;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, time::Duration};

use edge::Local;
use service::{Process, Settings, settings::EDGE};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use self::{conversation::Conversation, door::Door};
use crate::{bearer::bearer, http::EdgeArg, out, serve, up};

/// How long NATS may take to answer.
const NATS_MAX: Duration = Duration::from_secs(4);
/// What was said last may take this long to be read.
const WRITTEN_MAX: Duration = Duration::from_secs(5);
const USAGE: u8 = 2;

/// Speak MCP over stdin and stdout, one JSON-RPC message a line.
///
/// Answers come from a running edge: that of --edge, else one where EDGE_BIND has it; where none runs, from services on NATS
/// (NATS_URL and the other settings of `ibmesh edge`). A token for the edge is read from IBMESH_TOKEN, IBMESH_TOKEN_FILE or
/// --token-file. Logs go to stderr.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    edge: EdgeArg,
    /// Straight to NATS, without looking for an edge.
    #[arg(long, conflicts_with_all = ["up", "edge"])]
    nats: bool,
    /// File with the token that the edge wants.
    #[arg(long, value_name = "PATH")]
    token_file: Option<PathBuf>,
    /// Start a private stack, with the simulator unless --gateway or IB_HOST says otherwise, and end it with stdin.
    #[arg(long, conflicts_with = "edge")]
    up: bool,
    /// The gateway of the private stack, as for `ibmesh up`.
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1, default_missing_value = "", requires = "up")]
    gateway: Option<String>,
}

/// Where to look for who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    Edge(String),
    Nats,
    /// An edge at this address, else NATS.
    Any(String),
}

pub(crate) async fn run(options: Options) -> ExitCode {
    serve::log_to_stderr();
    let ended = |code: u8, problem: &dyn std::fmt::Display| {
        out::problem(format_args!("ibmesh mcp: {problem}"));
        ExitCode::from(code)
    };
    let token = match bearer(options.token_file.clone(), |name| std::env::var(name).ok()) {
        Ok(token) => token,
        Err(problem) => return ended(USAGE, &problem),
    };
    let end = match ends() {
        Ok(end) => end,
        Err(error) => return ended(1, &error),
    };
    if !options.up {
        let way = match (options.nats, options.edge.is_said()) {
            (true, _) => Way::Nats,
            (false, true) => Way::Edge(options.edge.url()),
            (false, false) => Way::Any(options.edge.url()),
        };
        return converse(way, token, &end).await;
    }
    let started = tokio::select! {
        started = up::Private::start(options.gateway) => started,
        () = end.cancelled() => return ExitCode::SUCCESS,
    };
    match started {
        Ok(stack) => {
            let code = converse(Way::Edge(stack.edge()), token, &end).await;
            stack.end().await;
            code
        }
        Err(error) => ended(1, &error),
    }
}

async fn converse(way: Way, token: Option<String>, end: &CancellationToken) -> ExitCode {
    let lines = lines::read(std::io::stdin());
    let (out, written) = lines::write(std::io::stdout());
    let mut unread = written.ended;
    let gone = end.child_token();
    let conversation = Conversation::new(way, token, out);
    let had_door = {
        let gone = gone.clone();
        let talk = conversation.hold(lines, gone.clone());
        tokio::pin!(talk);
        tokio::select! {
            had_door = &mut talk => had_door,
            _ = &mut unread => {
                // Nobody reads any more.
                gone.cancel();
                talk.await
            }
        }
    };
    if !unread.is_terminated() {
        drop(tokio::time::timeout(WRITTEN_MAX, unread).await);
    }
    if had_door { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// SIGTERM, Ctrl-C or the terminal's end: what is under way is given up.
fn ends() -> std::io::Result<CancellationToken> {
    let end = CancellationToken::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let (mut signal, end) = (signal(kind)?, end.clone());
        tokio::spawn(async move {
            signal.recv().await;
            end.cancel();
        });
    }
    Ok(end)
}

/// Opens a door; otherwise why there is none, and what starts one.
async fn open(way: &Way, has_token: bool) -> Result<Door, String> {
    let how = "`ibmesh up` starts a stack, `ibmesh mcp --up` a private one, --edge names another edge";
    match way {
        Way::Edge(edge) => Door::http(edge, has_token).await.map_err(|error| error.to_string()),
        Way::Nats => nats().await.map_err(|why| format!("{why}; {how}")),
        Way::Any(edge) => match Door::http(edge, has_token).await {
            Ok(door) => Ok(door),
            Err(_) => nats().await.map_err(|why| format!("no edge answers at {edge}, and {why}; {how}")),
        },
    }
}

/// An edge in this process.
async fn nats() -> Result<Door, String> {
    let settings = Settings::load_from_env(EDGE, &BTreeMap::new()).map_err(|error| error.to_string())?;
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
    match Local::start(Process::new(settings), NATS_MAX).await {
        Ok(Some(local)) => Ok(Door::Local(Box::new(local))),
        Ok(None) => Err(format!("no NATS answers at NATS_URL within {} s", NATS_MAX.as_secs())),
        Err(error) => Err(format!("NATS cannot be used: {}", service::process::chain(&error))),
    }
}
