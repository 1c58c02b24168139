//! `ibmesh up` and the processes that it is made of: one line starts everything, and everything ends with it.

use std::{net::TcpListener, process::Output, time::Duration};

use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::ChildStdout,
    time::timeout,
};

use crate::harness::{
    SOON, Stack, StackOptions,
    http::Edge,
    proc::{Proc, clean_command, descendants, runs, spawn},
    wait::eventually,
};

/// A running `ibmesh up` on free ports.
struct Up {
    proc: Proc,
    lines: Lines<BufReader<ChildStdout>>,
    /// What was printed up to the end of the board.
    board: String,
    edge: Edge,
    data: TempDir,
}

const FREE_PORTS: [&str; 6] = ["--edge-bind", "127.0.0.1:0", "--nats-port", "0", "--sim-port", "0"];

impl Up {
    /// Starts it on free ports and waits for its board.
    async fn start(args: &[&str]) -> Self {
        let mut up = Self::spawn(&[&FREE_PORTS[..], args].concat(), &[]);
        up.until_board().await;
        up
    }

    fn spawn(args: &[&str], env: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let mut command = clean_command();
        command.arg("up").arg("--data-dir").arg(data.path().join("data")).args(args).envs(env.iter().copied());
        let (proc, lines) = spawn(command, "up", data.path().join("up.log"));
        Self { proc, lines, board: String::new(), edge: Edge::new(([127, 0, 0, 1], 1).into()), data }
    }

    async fn until_board(&mut self) {
        self.until_board_after(String::new()).await;
    }

    /// `before` is what was read already.
    async fn until_board_after(&mut self, before: String) {
        self.board = before + &self.until("Ctrl-C drains").await;
        let address = between(&self.board, "edge on http://", ",");
        self.edge = Edge::new(address.parse().expect("an address"));
    }

    /// Everything that is printed up to a line that holds `text`.
    async fn until(&mut self, text: &str) -> String {
        let mut read = String::new();
        let found = timeout(SOON * 3, async {
            while let Ok(Some(line)) = self.lines.next_line().await {
                read.push_str(&line);
                read.push('\n');
                if line.contains(text) {
                    return true;
                }
            }
            false
        })
        .await;
        assert_eq!(found, Ok(true), "`{text}` was not printed:\n{read}\n{}", self.proc.tail());
        read
    }

    /// Waits until so many workers are connected to IB.
    async fn until_connected(&self, workers: u64) {
        eventually("the workers' sessions are as they should be", SOON, async || {
            let (_, health) = self.edge.health().await;
            if health["pool"]["workers_ib_connected"] == workers { Ok(()) } else { Err(health.to_string()) }
        })
        .await;
    }

    fn pid(&self) -> i32 {
        self.proc.raw_pid().expect("it runs")
    }

    /// Its children, by the subcommand that each runs.
    fn child(&self, subcommand: &str) -> i32 {
        let is = |pid: &i32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).nth(1) == Some(subcommand.as_bytes())
        };
        descendants(self.pid()).into_iter().find(is).unwrap_or_else(|| panic!("no child {subcommand}"))
    }
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).unwrap_or_else(|| panic!("no {from}:\n{text}")).0
}

async fn all_ended(pids: &[i32]) {
    eventually("every child has ended", SOON, async || {
        let left: Vec<i32> = pids.iter().copied().filter(|pid| runs(*pid)).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?} run")) }
    })
    .await;
}

/// Runs `ibmesh` to its end.
async fn ended(args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = clean_command();
    command.args(args).envs(env.iter().copied()).stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output: Output = timeout(SOON, command.output()).await.expect("it ends").expect("it starts");
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[tokio::test]
async fn one_line_starts_everything_and_an_interrupt_ends_it() {
    let mut up = Up::start(&[]).await;
    for part in [
        "SIMULATED",
        "3 of 3 connected to IB",
        "curl -X POST http://",
        "claude mcp add --transport http ib http://",
        "\"args\":[\"mcp\",\"--edge\",",
        "req ib.v1.paper.rpc.account.summary '{}'",
    ] {
        assert!(up.board.contains(part), "{part} missing in:\n{}", up.board);
    }
    let answer = up.edge.call("get_account_summary", json!({})).await;
    assert!(answer.text.contains("SIMULATED"), "{}", answer.text);
    let children = descendants(up.pid());
    assert!(children.len() >= 7, "nats-server and its guard, the simulator, three workers, gateway-ctl, the edge: {children:?}");
    up.proc.signal(Signal::INT);
    let last = up.until("everything has ended").await;
    assert!(!last.contains("killed"), "{last}");
    assert!(up.proc.ended().await.success());
    all_ended(&children).await;
}

#[tokio::test]
async fn the_environment_reaches_every_part_but_what_would_lead_out_of_the_stack() {
    let port = { TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string() };
    let env = [
        ("SERVER_HOST", "localhost"),
        ("SERVER_PORT", &port),
        ("IB_POOL_SIZE", "2"),
        ("IB_GATEWAY", "desk"),
        ("IBKR_CLIENT_ID", "200"),
        // Where nobody is, and an address that not all of them could have.
        ("NATS_URL", "nats://127.0.0.1:1"),
        ("ADMIN_BIND", "127.0.0.1:1"),
    ];
    let mut up = Up::spawn(&["--nats-port", "0", "--sim-port", "0"], &env);
    up.until_board().await;
    for part in ["2 of 2 connected", "ib.v1.desk.rpc.account.summary", "NATS_URL and NATS_CREDS_FILE are not used"] {
        assert!(up.board.contains(part), "{part} missing in:\n{}", up.board);
    }
    let ids: Vec<u16> = between(&up.board, "client ids ", "\n").split(", ").map(|id| id.trim().parse().expect("an id")).collect();
    assert!(ids.len() == 2 && ids.iter().all(|id| (200..=219).contains(id)), "{ids:?}");
    assert_eq!(up.edge.addr.port().to_string(), port);
}

#[tokio::test]
async fn an_interrupt_during_the_start_leaves_nothing() {
    let mut up = Up::spawn(&FREE_PORTS, &[]);
    up.until("ib-sim on").await;
    let children = descendants(up.pid());
    assert!(!children.is_empty());
    up.proc.signal(Signal::INT);
    let code = up.proc.ended().await.code();
    // 0 where it was quicker than the signal.
    assert!(matches!(code, Some(130 | 0)), "{code:?}");
    all_ended(&children).await;
}

#[tokio::test]
async fn a_kill_of_up_ends_its_children() {
    let mut up = Up::start(&["--workers", "1"]).await;
    let children = descendants(up.pid());
    assert!(children.len() >= 5, "{children:?}");
    up.proc.kill().await;
    all_ended(&children).await;
}

#[tokio::test]
async fn what_dies_is_started_again_where_it_was() {
    let mut up = Up::start(&["--workers", "1"]).await;
    for (subcommand, name) in [("worker", "worker 1"), ("gateway-ctl", "gateway-ctl"), ("edge", "edge"), ("nats-guard", "nats-server")] {
        let pid = rustix::process::Pid::from_raw(up.child(subcommand)).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
        let said = up.until("runs again").await;
        assert!(said.contains(&format!("{name} ended unexpectedly")), "{said}");
        assert!(said.contains(&format!("{name} runs again")), "{said}");
    }
    up.until_connected(1).await;
    // gateway-ctl keeps the simulator, as it would a real gateway.
    let sim = rustix::process::Pid::from_raw(up.child("sim")).unwrap();
    rustix::process::kill_process(sim, Signal::KILL).unwrap();
    up.until_connected(0).await;
    up.until_connected(1).await;
    assert!(up.edge.call("get_account_summary", json!({})).await.text.contains("SIMULATED"));
}

#[tokio::test]
async fn a_data_directory_has_one_stack() {
    let up = Up::start(&["--workers", "1"]).await;
    let data = up.data.path().join("data");
    let mut args = vec!["up", "--data-dir", data.to_str().unwrap()];
    args.extend(FREE_PORTS);
    let (code, said) = ended(&args, &[]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another `ibmesh up`") && said.contains("--data-dir"), "{said}");
    assert_eq!(up.edge.get("/live").await.0, 200, "the first one runs on");
}

#[tokio::test]
async fn busy_ports_are_told_all_at_once_and_nothing_is_left() {
    let taken = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [for_edge, for_nats] = taken.each_ref().map(|listener| listener.local_addr().unwrap());
    let (address, port) = (for_edge.to_string(), for_nats.port().to_string());
    let data = tempfile::tempdir().unwrap();
    let args = ["up", "--data-dir", data.path().to_str().unwrap(), "--edge-bind", &address, "--nats-port", &port, "--sim-port", "0"];
    let (code, said) = ended(&args, &[]).await;
    assert_eq!(code, Some(1), "{said}");
    for taken in [for_edge, for_nats] {
        assert!(said.contains(&format!("{taken} is in use")), "{said}");
    }
    assert!(said.contains("--edge-bind") && said.contains("--nats-port"), "{said}");
    // The lock of the data directory is given back, so nothing runs any more.
    let (code, again) = ended(&args, &[]).await;
    assert_eq!((code, again), (Some(1), said));
}

#[tokio::test]
async fn a_gateway_that_is_not_there_is_never_replaced_by_the_simulator() {
    let data = tempfile::tempdir().unwrap();
    let up = ["up", "--data-dir", data.path().to_str().unwrap()];
    let free = { TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
    let named = format!("127.0.0.1:{}", free.port());
    let port = free.port().to_string();
    let by_flag: &[&str] = &["--gateway", &named];
    let by_environment: &[(&str, &str)] = &[("IB_HOST", "127.0.0.1"), ("IB_PORT", &port)];
    for (args, env) in [(by_flag, &[][..]), (&[], by_environment)] {
        let (code, said) = ended(&[&up[..], &FREE_PORTS, args].concat(), env).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&named) && said.contains("Enable ActiveX and Socket Clients"), "{said}");
        assert!(!said.contains("ib-sim"), "{said}");
    }
}

#[tokio::test]
async fn a_gateway_that_was_named_is_used() {
    // A simulator that `up` did not start is as foreign to it as a real gateway.
    let stack = Stack::start().await;
    let gateway = stack.sim.api.to_string();
    let mut up = Up::start(&["--workers", "1", "--gateway", &gateway]).await;
    assert!(up.board.contains(&format!("gateway at {gateway}")) && !up.board.contains("ib-sim"), "{}", up.board);
    // The accounts decide, not the port and not the way in which it was named.
    assert!(up.board.contains("SIMULATED"), "{}", up.board);
    up.proc.signal(Signal::TERM);
    assert!(up.proc.ended().await.success());
}

/// As a gateway does that has `Allow connections from localhost only` on, or a dialog open.
#[tokio::test]
async fn a_gateway_that_says_nothing_is_explained_and_found_when_it_speaks() {
    let stack = Stack::with(StackOptions { workers: 0, ..StackOptions::default() }).await;
    stack.sim.fault(json!({"kind": "silent_handshake"})).await;
    let gateway = stack.sim.api.to_string();
    let mut up = Up::spawn(&[&FREE_PORTS[..], &["--workers", "1", "--gateway", &gateway]].concat(), &[]);
    let why = up.until("gateway_down").await;
    assert!(why.contains("localhost only") && why.contains(&gateway), "{why}");
    stack.sim.fault(json!({"kind": "silent_handshake", "on": false})).await;
    up.until_board_after(why).await;
    assert!(up.board.contains("1 of 1 connected") && up.board.contains("SIMULATED"), "{}", up.board);
}

#[tokio::test]
async fn wrong_settings_are_told_in_one_message() {
    let data = tempfile::tempdir().unwrap();
    let args = ["up", "--data-dir", data.path().to_str().unwrap(), "--workers", "0"];
    let (code, said) = ended(&args, &[("IB_HOST", "127.0.0.1"), ("IB_PORT", "4001"), ("LOG_FORMAT", "xml")]).await;
    assert_eq!(code, Some(1), "{said}");
    for part in ["4001", "live port", "LOG_FORMAT", "--workers"] {
        assert!(said.contains(part), "{part} missing in: {said}");
    }
}

#[tokio::test]
async fn no_way_to_a_nats_server_is_one_message() {
    let data = tempfile::tempdir().unwrap();
    let args = [&["up", "--data-dir", data.path().to_str().unwrap()][..], &FREE_PORTS].concat();
    let (code, said) =
        ended(&args, &[("PATH", "/nowhere"), ("HOME", "/nowhere"), ("XDG_CACHE_HOME", "/nowhere"), ("NATS_SERVER_BIN", "")]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("NATS_SERVER_BIN") && said.contains("pip"), "{said}");

    let (source, old) = (data.path().join("source"), data.path().join("old-nats-server"));
    std::fs::write(&source, "#!/bin/sh\necho 'nats-server: v2.9.10'\n").unwrap();
    assert!(std::process::Command::new("install").args(["-m", "755"]).args([&source, &old]).status().unwrap().success());
    let (code, said) = ended(&args, &[("NATS_SERVER_BIN", old.to_str().unwrap())]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("2.9.10") && said.contains("2.11.9"), "{said}");
}

/// Every service refuses a NATS server that would lose what it is given.
#[tokio::test]
async fn a_nats_server_that_is_too_old_is_refused_with_the_reason() {
    let old = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", old.local_addr().unwrap());
    // What a 2.9.10 says first; nobody gets further with it than this.
    let info = "INFO {\"server_id\":\"OLD\",\"server_name\":\"old\",\"version\":\"2.9.10\",\"proto\":1,\"go\":\"go1.19.4\",\"host\":\"127.0.0.1\",\"port\":4222,\"headers\":true,\"max_payload\":1048576,\"client_id\":1}\r\n";
    let serve = tokio::spawn(async move {
        while let Ok((mut client, _)) = old.accept().await {
            tokio::spawn(async move {
                let _ = client.write_all(info.as_bytes()).await;
                let mut buffer = [0; 1024];
                while let Ok(read @ 1..) = client.read(&mut buffer).await {
                    if buffer[..read].windows(4).any(|word| word == b"PING") {
                        let _ = client.write_all(b"PONG\r\n").await;
                    }
                }
            });
        }
    });
    for service in ["worker", "edge"] {
        let mut args = vec![service, "--nats-url", &url];
        if service == "edge" {
            args.extend(["--edge-bind", "127.0.0.1:0"]);
        }
        let (code, said) = ended(&args, &[]).await;
        assert_eq!(code, Some(1), "{service}: {said}");
        assert!(said.contains("2.9.10") && said.contains("2.11.9"), "{service}: {said}");
    }
    serve.abort();
}

#[tokio::test]
async fn every_service_ends_when_its_parent_is_gone() {
    let mut stack = Stack::start().await;
    let mut worker = stack.workers.remove(0);
    for proc in [&mut worker, &mut stack.edge_proc, &mut stack.sim.proc] {
        assert!(proc.orphan().await.success(), "{}", proc.tail());
    }
}

#[tokio::test]
async fn settings_are_printed_without_starting_anything() {
    for service in ["worker", "edge"] {
        let (code, said) = ended(&[service, "--ib-port", "7497", "--print-config"], &[("IBKR_HOST", "gw")]).await;
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("IB_PORT=7497  # --ib-port") && said.contains("IB_HOST=gw  # IBKR_HOST"), "{said}");
    }
    let (code, said) = ended(&["worker", "--ib-port", "x"], &[]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(!said.contains("IB_HOST"), "nobody asked what is right: {said}");
    let (code, said) = ended(&["worker", "--ib-port", "x", "--print-config"], &[("IBKR_HOST", "gw")]).await;
    assert_eq!(code, Some(2), "{said}");
    for part in ["IB_HOST=gw  # IBKR_HOST", "# IB_PORT is wrong", "IB_PORT must be a port"] {
        assert!(said.contains(part), "{part} missing in:\n{said}");
    }
}

#[tokio::test]
async fn the_command_line_calls_explains_and_tells_the_status() {
    let stack = Stack::start().await;
    let url = stack.edge.url("");
    let (code, said) = ended(&["call", "get_account_summary", "--edge", &url], &[]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("NetLiquidation") && said.contains("SIMULATED"), "{said}");
    let (code, said) = ended(&["call", "get_positions", "--edge", &url, "--json"], &[]).await;
    let typed: serde_json::Value = serde_json::from_str(&said).expect("nothing but JSON");
    assert_eq!((code, typed["context"]["mode"].as_str()), (Some(0), Some("simulated")));
    let (code, said) = ended(&["call", "get_historical_data", "symbol=AAPL", "bar_size=7 min", "--edge", &url], &[]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("7 min"), "{said}");
    let (code, said) = ended(&["call", "get_acount_summary", "--edge", &url], &[]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("get_account_summary"), "{said}");
    let (code, said) = ended(&["status", "--edge", &url], &[]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("healthy · SIMULATED"), "{said}");
    let (code, said) = ended(&["status", "--edge", "http://127.0.0.1:1"], &[]).await;
    assert_eq!(code, Some(2), "{said}");
}

#[tokio::test]
async fn explain_needs_no_stack() {
    let (code, said) =
        ended(&["call", "get_historical_data", "symbol=BRK.B", "duration=5 D", "--explain"], &[("IB_GATEWAY", "desk")]).await;
    assert_eq!(code, Some(0), "{said}");
    for part in ["curl -X POST http://127.0.0.1:48012/mcp", "req ib.v1.desk.rpc.history.bars '", "import asyncio, json, nats", "BRK B"] {
        assert!(said.contains(part), "{part} missing in:\n{said}");
    }
    let secret = [("NATS_URL", "nats://desk:hunter2@broker:4222")];
    let (code, said) = ended(&["call", "get_positions", "--explain"], &secret).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("hunter2") && said.contains("broker:4222") && said.contains("\"$NATS_URL\""), "{said}");
    let (code, said) = timeout(Duration::from_secs(20), ended(&["call", "no_such_tool", "--explain"], &[])).await.unwrap();
    assert_eq!(code, Some(1), "{said}");
}
