//! `cargo bench --bench edge`: what the product adds to a bare HTTP → NATS → responder path, in one run.
//!
//! Measured: `tools/call get_positions` through `ibmesh up` (edge, nats-server, one worker, ib-sim). Floor: an axum
//! handler that asks the same nats-server for an echo process's answer and returns a body of the same bytes; the NATS
//! reply has the size of the worker's, both responders spawn a task per message, both servers are processes of their
//! own with the same allocator and TCP_NODELAY. The floor runs twice: on tokio's default runtime, and on one thread as the
//! product's services ship. Rounds take turns, and each of the three begins as often, so that the machine's moods hit all
//! alike. Nothing is asserted: the ratio is for people.

mod floor;
mod load;

use std::{
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use floor::Runtime;
use load::Measured;

/// The floor has what the product has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_secs(2);
const CONNECTIONS: [usize; 2] = [1, 16];
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_positions","arguments":{}}}"#;
const READY_MAX: Duration = Duration::from_secs(60);

fn main() {
    if let Some(code) = floor::run_if_asked() {
        std::process::exit(code);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(bench());
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
    let data = tempfile::tempdir().expect("a folder");
    let (product, nats_url, _up) = start_product(data.path());
    let body = wait_until_served(product).await;
    let reply_bytes = structured_content_bytes(&body);
    let mut floors = Vec::new();
    for runtime in Runtime::ALL {
        let (echo, _) = start_floor("echo", runtime, &nats_url, reply_bytes, body.len());
        let (edge, address) = start_floor("edge", runtime, &nats_url, reply_bytes, body.len());
        floors.push((runtime, address.parse().expect("an address"), [echo, edge]));
    }
    say(&format!("payload: NATS reply {reply_bytes} B, HTTP body {} B; {ROUNDS} rounds of {} s each", body.len(), ROUND.as_secs()));
    let mut servers = vec![("edge get_positions".to_owned(), product)];
    servers.extend(floors.iter().map(|(runtime, address, _)| (format!("floor, {}", runtime.name()), *address)));
    for connections in CONNECTIONS {
        compare(&servers, connections).await;
    }
}

/// The first server beside each of the others.
async fn compare(servers: &[(String, SocketAddr)], connections: usize) {
    // One unmeasured round each: connections, caches, the allocator.
    for (_, address) in servers {
        load::run(*address, CALL, connections, ROUND / 4).await;
    }
    let mut measured = vec![Vec::new(); servers.len()];
    for round in 0..ROUNDS {
        for turn in 0..servers.len() {
            let server = (round + turn) % servers.len();
            measured[server].push(load::run(servers[server].1, CALL, connections, ROUND).await);
        }
    }
    say(&format!("\n{connections} connection{}", if connections == 1 { "" } else { "s" }));
    for ((name, _), rounds) in servers.iter().zip(&measured) {
        say(&row(name, rounds));
    }
    for ((name, _), floor) in servers.iter().zip(&measured).skip(1) {
        let paired = |of: fn(&Measured) -> f64| measured[0].iter().zip(floor).map(|(a, b)| of(a) / of(b)).collect::<Vec<_>>();
        say(&format!("  against {name}"));
        say(&format!("    throughput ratio  {}", spread(paired(|m| m.per_s))));
        say(&format!("    p50 ratio         {}", spread(paired(|m| m.p50_us))));
        say(&format!("    p99 ratio         {}", spread(paired(|m| m.p99_us))));
    }
}

fn row(name: &str, rounds: &[Measured]) -> String {
    let median = |of: fn(&Measured) -> f64| median(rounds.iter().map(of).collect());
    format!("  {name:<22} {:>7.0} req/s   p50 {:>6.0} us   p99 {:>6.0} us", median(|m| m.per_s), median(|m| m.p50_us), median(|m| m.p99_us))
}

fn spread(mut ratios: Vec<f64>) -> String {
    ratios.sort_by(f64::total_cmp);
    let (low, high) = (ratios[0], ratios[ratios.len() - 1]);
    format!("{:.2} (median; {low:.2} to {high:.2})", median(ratios))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn start_product(data: &std::path::Path) -> (SocketAddr, String, Running) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ibmesh"))
        .args(["up", "--edge-bind", "127.0.0.1:0", "--nats-port", "0", "--sim-port", "0", "--workers", "1"])
        // The floor has no limit either.
        .env("EDGE_RATE_PER_S", "0")
        .arg("--data-dir")
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ibmesh up");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let (mut edge, mut nats) = (None, None);
    // Its progress lines name the addresses; the board ends the start.
    for line in lines.by_ref() {
        let word = |prefix: &str| line.split(&[' ', ','][..]).find_map(|word| word.strip_prefix(prefix)).map(str::to_owned);
        edge = edge.or_else(|| line.contains("edge on").then(|| word("http://")).flatten());
        nats = nats.or_else(|| word("nats://"));
        if edge.is_some() && nats.is_some() {
            break;
        }
    }
    // Keep reading, so that the child never blocks on a full pipe.
    std::thread::spawn(move || lines.for_each(drop));
    let edge = edge.expect("`ibmesh up` tells where the edge is").parse().expect("an address");
    (edge, format!("nats://{}", nats.expect("`ibmesh up` tells where NATS is")), Running(child))
}

async fn wait_until_served(edge: SocketAddr) -> Vec<u8> {
    let served = async {
        loop {
            if let Ok(body) = load::once(edge, CALL).await
                && !body.windows(14).any(|part| part == br#""isError":true"#)
            {
                return body;
            }
            tokio::time::sleep_until(tokio::time::Instant::now() + Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(READY_MAX, served).await.expect("the stack answers within a minute")
}

fn structured_content_bytes(body: &[u8]) -> usize {
    #[derive(serde::Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        result: CallResult<'a>,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct CallResult<'a> {
        #[serde(borrow)]
        structured_content: &'a serde_json::value::RawValue,
    }
    let envelope: Envelope = serde_json::from_slice(body).expect("a result with structuredContent");
    envelope.result.structured_content.get().len()
}

fn start_floor(part: &str, runtime: Runtime, nats_url: &str, reply_bytes: usize, body_bytes: usize) -> (Running, String) {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .env(floor::PART, part)
        .env(floor::RUNTIME, runtime.name())
        .env("NATS_URL", nats_url)
        .env(floor::REPLY_BYTES, reply_bytes.to_string())
        .env(floor::BODY_BYTES, body_bytes.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the floor");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("its address");
    (Running(child), line.trim().to_owned())
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("stdout");
}
