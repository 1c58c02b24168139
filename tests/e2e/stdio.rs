//! `ibmesh mcp`: lines on stdin, lines on stdout, whatever stands behind them.

use std::{process::Stdio, time::Duration};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncWriteExt as _, BufReader, Lines},
    process::ChildStdout,
    time::timeout,
};

use crate::harness::{
    SOON, Stack,
    proc::{Proc, clean_command, descendants, runs, spawn},
    wait::{eventually, timed},
};

/// A client of one `ibmesh mcp`.
struct Client {
    proc: Proc,
    lines: Lines<BufReader<ChildStdout>>,
    _folder: TempDir,
}

impl Client {
    fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = clean_command();
        command.arg("mcp").args(args).envs(env.iter().copied());
        let (proc, lines) = spawn(command, "mcp", folder.path().join("mcp.log"));
        Self { proc, lines, _folder: folder }
    }

    fn of(stack: &Stack) -> Self {
        Self::start(&["--edge", &stack.edge.url("")], &[])
    }

    async fn send(&mut self, line: impl AsRef<[u8]>) {
        self.proc.stdin().write_all(line.as_ref()).await.expect("it reads");
        self.proc.stdin().write_all(b"\n").await.expect("it reads");
    }

    /// The next line, which is JSON as every other is.
    async fn line(&mut self) -> Value {
        let line = timeout(SOON, self.lines.next_line()).await.unwrap_or_else(|_| panic!("nothing is said:\n{}", self.proc.tail()));
        let line = line.expect("text").unwrap_or_else(|| panic!("stdout has ended:\n{}", self.proc.tail()));
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"))
    }

    /// The next line, which is a message.
    async fn next(&mut self) -> Value {
        let message = self.line().await;
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        message
    }

    async fn ask(&mut self, message: Value) -> Value {
        self.send(message.to_string()).await;
        self.next().await
    }

    async fn summary(&mut self) -> Value {
        let params = json!({"name": "get_account_summary", "arguments": {}});
        self.ask(json!({"jsonrpc": "2.0", "id": "a-1", "method": "tools/call", "params": params})).await
    }

    /// Closes stdin, and checks that what is still said is all that was to be said.
    async fn end(mut self) -> i32 {
        let status = self.proc.orphan().await;
        let rest = self.lines.next_line().await.expect("text");
        assert_eq!(rest, None, "{}", self.proc.tail());
        status.code().unwrap_or_else(|| panic!("{status}:\n{}", self.proc.tail()))
    }
}

fn ping(id: u32) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "ping"})
}

#[tokio::test]
async fn lines_reach_a_running_edge() {
    let stack = Stack::start().await;
    // Nobody names the edge: it is where its own setting says.
    let mut client = Client::start(&[], &[("EDGE_BIND", &stack.edge.addr.to_string())]);
    let asked = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let said = client.ask(json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": asked})).await;
    assert_eq!((&said["id"], &said["result"]["protocolVersion"]), (&json!(0), &json!("2025-06-18")), "{said}");
    client.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    let said = client.summary().await;
    assert_eq!((&said["id"], &said["result"]["structuredContent"]["context"]["mode"]), (&json!("a-1"), &json!("simulated")), "{said}");
    assert_eq!(client.end().await, 0);
}

#[tokio::test]
async fn lines_reach_nats_without_an_edge() {
    let stack = Stack::start().await;
    let nats = stack.nats.url();
    // The second looks for an edge first, where none is.
    for (args, env) in [(&["--nats"][..], &[("NATS_URL", nats.as_str())][..]), (&[], &[("NATS_URL", &nats), ("EDGE_BIND", "127.0.0.1:1")])]
    {
        let mut client = Client::start(args, env);
        let said = client.summary().await;
        assert_eq!(said["result"]["structuredContent"]["context"]["mode"], "simulated", "{said}");
        assert_eq!(client.ask(ping(2)).await, json!({"jsonrpc": "2.0", "id": 2, "result": {}}));
        let (code, took) = timed(client.end()).await;
        assert_eq!(code, 0);
        assert!(took < Duration::from_secs(20), "{took:?}");
    }
}

#[tokio::test]
async fn with_neither_the_first_request_is_told_how_to_start_one() {
    for args in [&["--edge", "http://127.0.0.1:1"][..], &["--nats"], &[]] {
        let mut client = Client::start(args, &[("NATS_URL", "nats://127.0.0.1:1"), ("EDGE_BIND", "127.0.0.1:1")]);
        client.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        let said = client.ask(ping(7)).await;
        let text = said["error"]["message"].as_str().expect("a text");
        assert_eq!((&said["id"], &said["error"]["code"]), (&json!(7), &json!(-32603)), "{said}");
        assert!(text.contains("ibmesh up"), "{text}");
        assert!(client.proc.tail().contains("ibmesh up"), "stderr says it too");
        assert_eq!(client.end().await, 1);
    }
}

#[tokio::test]
async fn bad_lines_are_answered_and_the_next_is_read() {
    let stack = Stack::start().await;
    let mut client = Client::of(&stack);
    for (line, code) in [
        ("{".to_owned(), -32700),
        ("[]".to_owned(), -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#.to_owned(), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"nope"}"#.to_owned(), -32601),
        ("x".repeat(9 << 20), -32600),
    ] {
        client.send(&line).await;
        let said = client.next().await;
        assert_eq!(said["error"]["code"], code, "{said}");
    }
    client.send(b"\xff\xfe").await;
    assert_eq!(client.next().await["error"]["code"], -32700);
    client.send("\r\n\n").await;
    assert_eq!(client.ask(ping(2)).await["id"], 2);
    client.send(json!([ping(3), ping(4)]).to_string()).await;
    let batch = client.line().await;
    assert_eq!((&batch[0]["id"], &batch[1]["id"]), (&json!(3), &json!(4)), "{batch}");
    assert_eq!(client.end().await, 0);
}

/// The end of stdin does not lose what was asked before it.
#[tokio::test]
async fn a_flood_is_answered_to_the_last_line() {
    const FLOOD: u32 = 3_000;
    let stack = Stack::start().await;
    let mut client = Client::of(&stack);
    let lines: String = (0..FLOOD).map(|id| format!("{}\n", ping(id))).collect();
    let mut ids = std::collections::BTreeSet::new();
    let stdin = client.proc.take_stdin();
    let writing = tokio::spawn(async move {
        let mut stdin = stdin;
        stdin.write_all(lines.as_bytes()).await.expect("it reads");
        // Dropped: the end of stdin.
    });
    for _ in 0..FLOOD {
        ids.insert(client.next().await["id"].as_u64());
    }
    writing.await.expect("written");
    assert_eq!(ids.len(), FLOOD as usize, "each once");
    assert!(client.proc.ended().await.success());
}

#[tokio::test]
async fn a_cancelled_call_ends_at_the_edge_and_is_not_answered() {
    let stack = Stack::start().await;
    let mut client = Client::of(&stack);
    stack.workers[0].pause();
    let params = json!({"name": "get_historical_data", "arguments": {"symbol": "AAPL"}});
    client.send(json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params}).to_string()).await;
    under_way(&stack, 1).await;
    client.send(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}"#).await;
    under_way(&stack, 0).await;
    stack.workers[0].resume();
    assert_eq!(client.ask(ping(6)).await["id"], 6);
    assert_eq!(client.end().await, 0);
}

#[tokio::test]
async fn a_signal_ends_it_whatever_is_under_way() {
    let stack = Stack::start().await;
    let mut client = Client::of(&stack);
    stack.workers[0].pause();
    let params = json!({"name": "get_historical_data", "arguments": {"symbol": "AAPL"}});
    client.send(json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params}).to_string()).await;
    under_way(&stack, 1).await;
    client.proc.signal(Signal::TERM);
    let (status, took) = timed(client.proc.ended()).await;
    assert!(status.success() && took < Duration::from_secs(10), "{status} after {took:?}");
    under_way(&stack, 0).await;
    stack.workers[0].resume();
}

/// A client that has gone without closing anything: nobody reads stdout any more.
#[tokio::test]
async fn it_ends_when_nobody_reads() {
    let stack = Stack::start().await;
    let mut client = Client::of(&stack);
    assert_eq!(client.ask(ping(1)).await["id"], 1);
    let Client { mut proc, lines, _folder } = client;
    drop(lines);
    proc.stdin().write_all(format!("{}\n", ping(2)).as_bytes()).await.expect("it reads");
    proc.ended().await;
}

#[tokio::test]
async fn a_private_stack_ends_with_stdin() {
    let mut client = Client::start(&["--up"], &[("IBKR_MODE", "paper_gateway"), ("IBKR_CLIENT_ID", "1"), ("IB_POOL_SIZE", "1")]);
    let said = client.summary().await;
    assert_eq!(said["result"]["structuredContent"]["context"]["mode"], "simulated", "{said}");
    let parts = descendants(client.proc.raw_pid().expect("it runs"));
    assert!(parts.len() >= 6, "nats-server and its guard, simulator, worker, options, gateway-ctl, edge: {parts:?}");
    assert_eq!(client.end().await, 0);
    eventually("every part has ended", SOON, async || {
        let left: Vec<i32> = parts.iter().copied().filter(|pid| runs(*pid)).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?} still run")) }
    })
    .await;
}

#[tokio::test]
async fn a_private_stack_ends_with_a_program_that_was_killed() {
    let mut client = Client::start(&["--up"], &[("IB_POOL_SIZE", "1")]);
    assert_eq!(client.ask(ping(1)).await["id"], 1);
    let parts = descendants(client.proc.raw_pid().expect("it runs"));
    assert!(parts.len() >= 6, "{parts:?}");
    client.proc.kill().await;
    eventually("every part has ended", SOON, async || {
        let left: Vec<i32> = parts.iter().copied().filter(|pid| runs(*pid)).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?} still run")) }
    })
    .await;
}

#[test]
fn a_token_is_no_argument() {
    let mut command = std::process::Command::new(crate::harness::proc::PROGRAM);
    let ended = command.args(["mcp", "--token", "ibm_x"]).stdin(Stdio::null()).output().expect("it runs");
    assert_eq!(ended.status.code(), Some(2));
}

/// Waits until so many calls are under way at the edge.
async fn under_way(stack: &Stack, calls: u32) {
    eventually(&format!("{calls} calls are under way"), SOON, async || {
        let (_, metrics) = stack.edge.get("/metrics").await;
        let line = metrics.lines().find(|line| line.starts_with("ibmesh_edge_calls_in_flight ")).unwrap_or_default().to_owned();
        if line.ends_with(&format!(" {calls}")) { Ok(()) } else { Err(format!("`{line}`")) }
    })
    .await;
}
