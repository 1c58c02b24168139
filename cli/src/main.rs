//! `ibmesh`, the one binary: one subcommand per service, and the commands for people.
//!
//! Invariant: `main` only parses and dispatches. What a service reads is declared in `service::settings`; what starts
//! what is decided in [`up`].

mod bearer;
mod call;
mod checks;
mod doctor;
mod explain;
mod follow;
mod gateway;
mod health;
mod healthcheck;
mod http;
mod mcp;
mod out;
mod provision;
mod record;
mod replay;
mod serve;
mod sim;
mod status;
mod token;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

/// A call allocates some hundred short texts; glibc's allocator was a fifth of the edge's time (cargo bench --bench edge).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Interactive Brokers for many programs and agents at once: MCP over HTTP in front, NATS behind.
#[derive(Debug, Parser)]
#[command(name = "ibmesh", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Options),
    Status(status::Options),
    Call(call::Options),
    Gateway(gateway::Options),
    Doctor(doctor::Options),
    Mcp(mcp::Options),
    /// Run the HTTP edge: MCP and /health.
    Edge(serve::ServiceArgs<serve::Edge>),
    /// Run one worker: an IB session that answers reads.
    Worker(serve::ServiceArgs<serve::Worker>),
    /// Run the options service: chains with Greeks over an IB session of its own.
    Options(serve::ServiceArgs<serve::Options>),
    /// Run the gateway's control: keeps it up or down as it is wanted, and says what is wrong.
    GatewayCtl(serve::ServiceArgs<serve::GatewayCtl>),
    Sim(Box<sim::Options>),
    Record(record::Options),
    Healthcheck(healthcheck::Options),
    Provision(provision::Options),
    Token(token::Options),
    #[command(hide = true)]
    NatsGuard(serve::GuardArgs),
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    match runtime(&command).enable_all().build() {
        Ok(runtime) => runtime.block_on(run(command)),
        Err(error) => {
            out::problem(format_args!("ibmesh: no runtime: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// A service is one thread: what it does for a request is a few short steps between sockets, and a step that wakes
/// another thread costs more than the step. The requests of one turn also leave in one write. More of them is more
/// processes.
fn runtime(command: &Command) -> Builder {
    match command {
        Command::Edge(_) | Command::Worker(_) | Command::Options(_) | Command::GatewayCtl(_) | Command::Healthcheck(_) => {
            Builder::new_current_thread()
        }
        _ => Builder::new_multi_thread(),
    }
}

async fn run(command: Command) -> ExitCode {
    match command {
        Command::Up(options) => up::run(options).await,
        Command::Status(options) => status::run(options).await,
        Command::Call(options) => call::run(options).await,
        Command::Gateway(options) => gateway::run(options).await,
        Command::Doctor(options) => doctor::run(options).await,
        Command::Mcp(options) => mcp::run(options).await,
        Command::Healthcheck(options) => healthcheck::run(options).await,
        Command::Edge(args) => serve::edge(args).await,
        Command::Worker(args) => serve::worker(args).await,
        Command::Options(args) => serve::options(args).await,
        Command::GatewayCtl(args) => serve::gateway_ctl(args).await,
        Command::Sim(args) => sim::run(*args).await,
        Command::Record(options) => record::run(options).await,
        Command::Provision(options) => provision::run(&options),
        Command::Token(options) => token::run(&options),
        Command::NatsGuard(args) => serve::nats_guard(args).await,
    }
}
