//! `cargo bench --bench sim`: what the simulated gateway adds to a bare TCP connection, and what many lines cost it.
//!
//! Round trips: one client, then sixteen, each asking for the next answer when the last is complete. Floor: a process
//! that answers every length-framed request with one frame of as many bytes; same client, same runtime, same allocator.
//! Rounds alternate, and alternate who goes first. Streams: 32 clients with 100 market data lines each, and 32 clients
//! that keep a window of requests open, which shows what the simulator can send at most. Nothing is asserted: the
//! numbers are for people.

mod wire;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::time::Instant;
use wire::{Ask, Client};

/// The floor has what the product has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FLOOR: &str = "IBMESH_BENCH_REPLY_BYTES";
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(1);
const CONNECTIONS: [usize; 2] = [1, 16];
/// What one gateway serves.
const CLIENTS: usize = 32;
const LINES: i32 = 100;
const STREAM: Duration = Duration::from_secs(5);

/// Symbols of the default market, asked for again and again until there are enough lines.
const SYMBOLS: [&str; 20] = [
    "AAPL", "MSFT", "NVDA", "AMZN", "GOOGL", "META", "TSLA", "AVGO", "JPM", "LLY", "V", "MA", "XOM", "UNH", "JNJ", "WMT", "PG", "HD",
    "COST", "ORCL",
];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if let Ok(bytes) = std::env::var(FLOOR) {
        // Ends with its parent, which holds the other end of stdin.
        std::thread::spawn(|| {
            drop(std::io::stdin().read_to_end(&mut Vec::new()));
            std::process::exit(0);
        });
        runtime.block_on(wire::echo(bytes.parse().expect("a number"), |addr| say(&addr.to_string())));
    } else {
        runtime.block_on(bench());
    }
}

/// A child that is told to end when the bench does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It can only fail for a child that has already ended.
        let _ = rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), rustix::process::Signal::TERM);
        drop(self.0.wait());
    }
}

async fn bench() {
    let (sim, addr) = start_sim();
    say(&format!("simulator: {} MiB when started", sim.memory_mib()));
    // First, while the memory is what these lines take.
    lines(&sim, addr).await;
    for ask in [Ask::current_time(), Ask::contract("AAPL"), Ask::bars("AAPL")] {
        round_trips(addr, &ask).await;
    }
    flood(&sim, addr).await;
}

async fn round_trips(sim: SocketAddr, ask: &Ask) {
    let mut client = Client::start(sim, 1).await;
    let (frames, bytes) = client.exchange(ask).await;
    drop(client);
    let (_floor, floor) = start_floor(bytes);
    say(&format!("\n{}: {frames} frames, {bytes} B; {ROUNDS} rounds of {} s each", ask.name, ROUND.as_secs()));
    for connections in CONNECTIONS {
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let mut pair = [(&mut ours, sim, Some(ask)), (&mut bare, floor, None)];
            if round % 2 == 1 {
                pair.reverse();
            }
            for (rates, addr, ask) in pair {
                let rate = rate(addr, ask, connections).await;
                // The first is for connections, caches and the allocator.
                if round > 0 {
                    rates.push(rate);
                }
            }
        }
        let ratios = ours.iter().zip(&bare).map(|(ours, bare)| ours / bare).collect();
        say(&format!(
            "  {connections:>2} clients: simulator {:>7.0}/s   bare TCP {:>7.0}/s   ratio {:.2} (median)",
            median(ours),
            median(bare),
            median(ratios)
        ));
    }
}

/// Round trips a second.
async fn rate(addr: SocketAddr, ask: Option<&Ask>, connections: usize) -> f64 {
    let until = Instant::now() + ROUND;
    let clients = (1..=connections).map(|id| async move {
        let mut client = if ask.is_some() { Client::start(addr, id).await } else { Client::connect(addr).await };
        let mut count = 0.0;
        let started = Instant::now();
        while Instant::now() < until {
            match ask {
                Some(ask) => drop(client.exchange(ask).await),
                None => client.echo().await,
            }
            count += 1.0;
        }
        count / started.elapsed().as_secs_f64()
    });
    futures::future::join_all(clients).await.iter().sum()
}

/// As many messages as go: every client keeps a window of requests open.
async fn flood(sim: &Sim, addr: SocketAddr) {
    let used = sim.cpu_s();
    let ask = Ask::current_time();
    let until = Instant::now() + STREAM;
    let clients = (1..=CLIENTS).map(|id| {
        let ask = &ask;
        async move {
            let mut client = Client::start(addr, id).await;
            let mut count = 0.0;
            while Instant::now() < until {
                count += client.window(ask).await;
            }
            count
        }
    });
    let counts: f64 = futures::future::join_all(clients).await.iter().sum();
    report("windows of requests", sim, counts, used);
}

/// What 32 clients with 100 lines each are sent, and what that takes.
async fn lines(sim: &Sim, addr: SocketAddr) {
    let used = sim.cpu_s();
    let clients = (1..=CLIENTS).map(|id| async move {
        let mut client = Client::start(addr, id).await;
        for line in 0..LINES {
            let symbol = SYMBOLS[usize::try_from(line).unwrap_or(0) % SYMBOLS.len()];
            client.send(&Ask::market_data(100 + line, symbol)).await;
        }
        client.count(STREAM).await
    });
    let counts = futures::future::join_all(clients).await;
    let ticks: f64 = counts.iter().map(|counts| counts.ticks).sum();
    let refused: f64 = counts.iter().map(|counts| counts.errors).sum();
    report(&format!("{CLIENTS} clients with {LINES} lines"), sim, ticks, used);
    if refused > 0.0 {
        say(&format!("  {refused:.0} errors among the answers"));
    }
}

fn report(what: &str, sim: &Sim, messages: f64, cpu_before: f64) {
    let seconds = STREAM.as_secs_f64();
    say(&format!(
        "\n{what}: {:.0} messages/s to the clients, {:.0} % of one core, {} MiB",
        messages / seconds,
        (sim.cpu_s() - cpu_before) / seconds * 100.0,
        sim.memory_mib()
    ));
}

/// The simulator as a process of its own.
struct Sim(Running);

impl Sim {
    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.0.0.id())).expect("a running simulator")
    }

    /// What is resident now.
    fn memory_mib(&self) -> u64 {
        let status = self.proc("status");
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.expect("a size") / 1024
    }

    /// User and system time so far.
    fn cpu_s(&self) -> f64 {
        let stat = self.proc("stat");
        // The name, which may hold blanks, ends with the last bracket; ticks are hundredths of a second.
        let fields = stat.rsplit(')').next().expect("fields");
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("ticks") / 100.0).sum()
    }
}

fn start_sim() -> (Sim, SocketAddr) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ibmesh"));
    command.args(["sim", "--bind", "127.0.0.1:0", "--pacing", "false", "--exit-with-parent"]).env("LOG_LEVEL", "error");
    let (running, line) = first_line(&mut command);
    let announced: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let addr = announced["addresses"]["api"].as_str().expect("an address").parse().expect("an address");
    (Sim(running), addr)
}

fn start_floor(reply_bytes: usize) -> (Running, SocketAddr) {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    let (running, line) = first_line(command.env(FLOOR, reply_bytes.to_string()));
    (running, line.trim().parse().expect("an address"))
}

/// Starts a child and reads what it says first.
fn first_line(command: &mut Command) -> (Running, String) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a child");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("its first line");
    (Running(child), line)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("stdout");
}
