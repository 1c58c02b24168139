//! `cargo bench --bench options`: a chain of 40 contracts with Greeks, beside the same job in `ib_async`, in one run.
//!
//! The job: AAPL, one expiration, the 20 strikes nearest the money within a tenth of it, call and put, each with bid, ask
//! and the Greeks of IB's model. Both ask the same simulator with the same delays, and keep IB's rate by themselves; the
//! simulator's own count of it is off, since it would refuse the peer's messages that arrive a millisecond early
//! (`peer_chain.py` says why). Cold: a fresh process of `ibmesh options`, or a fresh connection of the peer, knows
//! nothing of contracts and prices; the process has run for six seconds, so that it knows from heartbeats what share of
//! the login's messages is its own (before that it may send 12 a second, and a chain takes seconds). Warm: the second job
//! on it; the product may answer nothing from memory (`max_age` is 0). Rounds take turns, and each of the jobs begins as
//! often. The floor of a warm round is the slowest contract's own delay: the simulator
//! gives each contract its own, the same in every round, and the peer tells the longest that it saw from a request to
//! its last value. Nothing is asserted but that each job is done whole: the numbers are for people.
//!
//! Needs `IBMESH_BENCH_PYTHON`, a Python that has what `tests/bench/requirements.txt` lists.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    time::Duration,
};

use nats_local::{Locate, NatsServer, NoProgress, StartOptions};
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout};

const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/bench/peer_chain.py");
const PYTHON: &str = "IBMESH_BENCH_PYTHON";
const ROUNDS: usize = 5;
/// First ticks, and how much later the Greeks: the simulator's own, and such as a real gateway has.
const DELAYS_MS: [(u32, u32); 2] = [(20, 200), (250, 1_000)];
const ROWS: usize = 40;
/// Weekly expirations of this distance have 20 strikes within a tenth of the money.
const EXPIRATION: usize = 3;
const READY_MAX: Duration = Duration::from_secs(60);
const LOOK_PERIOD: Duration = Duration::from_millis(50);
/// Between two jobs of one session: the cancels of the first are out, and the second that they are counted in is over.
/// The peer rests until its own are.
const REST: Duration = Duration::from_secs(4);
/// After a start of the service: it knows its share of the login's messages once it has heard who lives.
const SETTLE: Duration = Duration::from_secs(6);

/// The jobs of a round, in the order of the first one.
const JOBS: [Job; 3] = [Job::Product, Job::Peer("expiration"), Job::Peer("each")];

#[derive(Debug, Clone, Copy)]
enum Job {
    Product,
    /// How it finds the contracts.
    Peer(&'static str),
}

/// Milliseconds of one round of one job.
#[derive(Debug, Clone, Copy)]
struct Measured {
    cold_ms: f64,
    warm_ms: f64,
    /// The slowest contract from request to last value; only the peer tells it.
    slowest_ms: Option<f64>,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(bench());
}

async fn bench() {
    let python = std::env::var(PYTHON).unwrap_or_else(|_| panic!("{PYTHON} must name a Python with tests/bench/requirements.txt"));
    for (tick_ms, greeks_ms) in DELAYS_MS {
        say(&format!("\nfirst ticks after {tick_ms} ms, Greeks {greeks_ms} ms later, half to one and a half of both; {ROUNDS} rounds"));
        let stack = Stack::start(tick_ms, greeks_ms).await;
        let expiration = stack.expiration().await;
        let mut measured = vec![Vec::new(); JOBS.len()];
        // One round that does not count: connections, caches, the allocators.
        for round in 0..=ROUNDS {
            for turn in 0..JOBS.len() {
                let job = (round + turn) % JOBS.len();
                let told = match JOBS[job] {
                    Job::Product => stack.product(&expiration).await,
                    Job::Peer(lookup) => stack.peer(&python, &expiration, lookup),
                };
                if round > 0 {
                    measured[job].push(told);
                }
            }
        }
        report(&measured);
    }
}

fn report(measured: &[Vec<Measured>]) {
    let slowest = measured.iter().flatten().filter_map(|round| round.slowest_ms).fold(f64::INFINITY, f64::min);
    say(&format!("  slowest contract's own delay {slowest:>6.0} ms"));
    for (job, rounds) in JOBS.iter().zip(measured) {
        let of = |pick: fn(&Measured) -> f64| spread(rounds.iter().map(pick).collect(), 0);
        say(&format!("  {:<31} cold {} ms   warm {} ms", job.name(), of(|told| told.cold_ms), of(|told| told.warm_ms)));
    }
    for (job, rounds) in JOBS.iter().zip(measured).skip(1) {
        let paired = |pick: fn(&Measured) -> f64| {
            let ratios = rounds.iter().zip(&measured[0]).map(|(peer, own)| pick(peer) / pick(own)).collect();
            spread(ratios, 2)
        };
        say(&format!("  {} / product: cold {}, warm {}", job.name(), paired(|told| told.cold_ms), paired(|told| told.warm_ms)));
    }
}

impl Job {
    fn name(self) -> String {
        match self {
            Self::Product => "GET /options/chain".to_owned(),
            Self::Peer(lookup) => format!("ib_async, --lookup {lookup}"),
        }
    }
}

/// Everything but the options service, which each round starts anew.
struct Stack {
    http: reqwest::Client,
    edge: String,
    api: String,
    nats: NatsServer,
    _running: [Running; 3],
}

impl Stack {
    async fn start(tick_ms: u32, greeks_ms: u32) -> Self {
        let binary = nats_local::locate(&Locate::from_env(), &NoProgress).await.expect("a nats-server");
        let nats = NatsServer::start(&binary, StartOptions::default()).await.expect("it starts");
        let delays = [("--tick-delay-ms", tick_ms.to_string()), ("--greeks-delay-ms", greeks_ms.to_string())];
        let own = [("--bind", "127.0.0.1:0".to_owned()), ("--pacing", "false".to_owned())];
        let (sim, told) = Running::ibmesh("sim", own.into_iter().chain(delays));
        let api = told["api"].as_str().expect("where its API is").to_owned();
        let edge_flags = [("--edge-bind", "127.0.0.1:0".to_owned()), ("--ib-pool-size", "1".to_owned())];
        let (edge, told) = Running::ibmesh("edge", mesh(&nats, &api).into_iter().chain(edge_flags));
        let address = format!("http://{}", told["http"].as_str().expect("where it listens"));
        let (worker, _) = Running::ibmesh("worker", mesh(&nats, &api));
        let http = reqwest::Client::builder().no_proxy().timeout(READY_MAX).build().expect("a client");
        let stack = Self { http, edge: address, api, nats, _running: [sim, edge, worker] };
        stack.until_health("ib_connected", true).await;
        stack
    }

    /// Answers when it can be asked.
    async fn options(&self) -> Running {
        // Of the one before nothing may be left: it would be asked in this one's place.
        self.until_health("options_client_connected", false).await;
        let (options, _) = Running::ibmesh("options", mesh(&self.nats, &self.api));
        self.until_health("options_client_connected", true).await;
        sleep_until(Instant::now() + SETTLE).await;
        options
    }

    async fn expiration(&self) -> String {
        let _options = self.options().await;
        let told = self.get("/options/expirations/AAPL").await;
        told["expirations"][EXPIRATION].as_str().unwrap_or_else(|| panic!("too few expirations: {told}")).to_owned()
    }

    async fn product(&self, expiration: &str) -> Measured {
        let _options = self.options().await;
        let cold_ms = self.chain(expiration).await;
        sleep_until(Instant::now() + REST).await;
        Measured { cold_ms, warm_ms: self.chain(expiration).await, slowest_ms: None }
    }

    async fn chain(&self, expiration: &str) -> f64 {
        let asked = Instant::now();
        let told = self.get(&format!("/options/chain/AAPL/{expiration}?moneyness=0.1&limit={ROWS}&max_age=0")).await;
        let took = asked.elapsed().as_secs_f64() * 1e3;
        let rows = told["rows"].as_array().expect("rows");
        let by_ib = rows.iter().filter(|row| row["greeks_source"] == "model" && row["bid"].is_number() && row["ask"].is_number());
        assert!(by_ib.count() == ROWS && told["complete"] == true, "not the whole job: {told}");
        took
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.edge)).send().await.expect("an answer");
        let (status, body) = (answer.status(), answer.bytes().await.expect("a body"));
        assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).expect("JSON")
    }

    async fn until_health(&self, member: &str, wanted: bool) {
        let told = async {
            loop {
                // A state that is not healthy is told with another status, and with the same members.
                let answer = self.http.get(format!("{}/health", self.edge)).send().await.expect("an answer");
                let health: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
                if health[member] == wanted {
                    return;
                }
                sleep_until(Instant::now() + LOOK_PERIOD).await;
            }
        };
        timeout(READY_MAX, told).await.unwrap_or_else(|_| panic!("{member} did not become {wanted}"));
    }

    fn peer(&self, python: &str, expiration: &str, lookup: &str) -> Measured {
        let (host, port) = self.api.rsplit_once(':').expect("host and port");
        let ended = Command::new(python)
            .arg(PEER)
            .args(["--warm", "--host", host, "--port", port, "--lookup", lookup, "--expiration", &expiration.replace('-', "")])
            .stderr(Stdio::inherit())
            .output()
            .expect("the peer runs");
        let told: Value = serde_json::from_slice(&ended.stdout).expect("one line of JSON");
        assert!(ended.status.success() && told["cold_rows"] == ROWS && told["warm_rows"] == ROWS, "not the whole job: {told}");
        let number = |name: &str| told[name].as_f64().unwrap_or_else(|| panic!("no {name}: {told}"));
        Measured { cold_ms: number("cold_ms"), warm_ms: number("warm_ms"), slowest_ms: Some(number("warm_slowest_line_ms")) }
    }
}

fn mesh(nats: &NatsServer, api: &str) -> Vec<(&'static str, String)> {
    let (host, port) = api.rsplit_once(':').expect("host and port");
    vec![("--nats-url", nats.url()), ("--ib-host", host.to_owned()), ("--ib-port", port.to_owned())]
}

/// A child that is told to end when it is dropped, and is waited for.
struct Running(Child);

impl Running {
    /// A service, with the addresses that it announces.
    fn ibmesh(service: &str, flags: impl IntoIterator<Item = (&'static str, String)>) -> (Self, Value) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ibmesh"))
            .arg(service)
            .args(flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]))
            .env("LOG_LEVEL", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ibmesh starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let said = lines.by_ref().filter_map(|line| serde_json::from_str::<Value>(&line).ok()).find(|said| said["event"] == "listening");
        // Keep reading, so that the child never blocks on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        (Self(child), said.unwrap_or_else(|| panic!("{service} did not listen"))["addresses"].clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It can only fail for a child that has already ended.
        let _ = rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), rustix::process::Signal::TERM);
        drop(self.0.wait());
    }
}

/// Median and extremes.
fn spread(mut values: Vec<f64>, digits: usize) -> String {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[0], values[values.len() - 1]);
    format!("{:.digits$} (median; {low:.digits$} to {high:.digits$})", values[values.len() / 2])
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("stdout");
}
