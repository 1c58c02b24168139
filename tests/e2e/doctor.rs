//! `ibmesh doctor` as a person runs it: on a stack that is well, on one that is not, and with nothing there at all.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    time::timeout,
};

use crate::harness::{
    SOON, Stack,
    kept::{Kept, run},
    proc::clean_command,
};

/// The status of a check in a diagnosis.
fn status<'a>(report: &'a Value, layer: &str, check: &str) -> &'a Value {
    let found = report["layers"].as_array().into_iter().flatten().find(|one| one["layer"] == layer && one["check"] == check);
    &found.unwrap_or_else(|| panic!("no {layer} {check} in {report}"))["status"]
}

#[tokio::test]
async fn a_stack_that_is_well_is_told_with_every_layer() {
    let kept = Kept::start().await;
    let said = kept.cli(&["doctor"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("PASS  edge        answers") && said.out.contains("\nVerdict: healthy\nNext: "), "{said:?}");
    assert!(!said.out.contains("FAIL") && said.err.is_empty(), "{said:?}");
    let said = kept.cli(&["doctor", "--deep", "--json", "--port", &kept.api_port.to_string(), "--container", "no-such-container"]).await;
    let report = said.json();
    assert_eq!((said.code, &report["verdict"]), (Some(0), &json!("healthy")), "{report}");
    assert_eq!(status(&report, "edge", "get_account_summary"), "pass");
    assert_eq!(status(&report, "api", "hello"), "pass");
    assert_eq!(status(&report, "container", "inspect"), "skip", "Docker knows no such container, or is not there: {report}");
    let said = kept.cli(&["doctor", "--port", "1"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("FAIL  api         hello: "), "{said:?}");
}

#[tokio::test]
async fn watching_tells_each_change_of_the_verdict() {
    let kept = Kept::start().await;
    let mut command = clean_command();
    command.args(["doctor", "--watch", "--json", "--edge", &kept.edge.url("")]);
    command.env("IB_PORT", kept.api_port.to_string()).env("NATS_URL", kept.nats.url());
    let mut watching = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("it starts");
    let mut lines = BufReader::new(watching.stdout.take().expect("a pipe")).lines();
    let mut until = async |verdict: &str| {
        let found = timeout(SOON, async {
            while let Some(line) = lines.next_line().await.expect("readable") {
                let report: Value = serde_json::from_str(&line).expect("a JSON document for each line");
                if report["verdict"] == verdict {
                    return Some(report);
                }
            }
            None
        });
        found.await.unwrap_or_else(|_| panic!("no verdict {verdict}")).expect("it watches on")
    };
    until("healthy").await;
    kept.edge.ask("POST /gateway/logout", &json!({})).await;
    let report = until("logged_out").await;
    assert!(report["next_action"].as_str().is_some_and(|next| next.contains("login")), "{report}");
    kept.edge.ask("POST /gateway/login", &json!({})).await;
    until("healthy").await;
    // The edge goes: it watches on, and looks from here.
    let mut kept = kept;
    kept.edge_proc.kill().await;
    let report = until("edge_down").await;
    assert_eq!((status(&report, "edge", "answers"), status(&report, "api", "hello")), (&json!("fail"), &json!("pass")), "{report}");
    assert_eq!(watching.try_wait().expect("asked"), None, "it ends with Ctrl-C alone");
    let pid = watching.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw).expect("it runs");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it can be interrupted");
    let ended = timeout(SOON, watching.wait()).await.expect("it ends").expect("it can be waited for");
    assert_eq!(ended.code(), Some(1), "as its last look");
}

#[tokio::test]
async fn a_stack_without_gateway_ctl_and_no_stack_at_all_are_explained() {
    let stack = Stack::start().await;
    let (bind, port, nats) = (stack.edge.addr.to_string(), stack.sim.api.port().to_string(), stack.nats.url());
    let env = [("EDGE_BIND", bind.as_str()), ("IB_PORT", &port), ("NATS_URL", &nats)];
    let said = run(&["doctor"], &env).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    for part in ["FAIL  control     gateway-ctl: ", "PASS  nats", "PASS  fleet", "PASS  api", "Verdict: no_gateway_ctl"] {
        assert!(said.out.contains(part), "{part} missing in {said:?}");
    }
    let said = run(&["doctor"], &[("EDGE_BIND", "127.0.0.1:1"), ("IB_PORT", "1"), ("NATS_URL", "nats://127.0.0.1:1")]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("FAIL  edge") && said.out.contains("FAIL  nats") && said.out.contains("\nNext: "), "{said:?}");
    let said = run(&["doctor", "--edge", "nowhere"], &[]).await;
    assert_eq!(said.code, Some(2), "{said:?}");
}

#[tokio::test]
async fn a_notification_can_be_tried() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/topic", listener.local_addr().expect("bound"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("url");
    std::fs::write(&file, format!("{url}\n")).expect("written");
    let taken = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = Vec::new();
        while !String::from_utf8_lossy(&request).contains("doctor --notify-test") {
            let mut piece = [0; 4_096];
            let read = stream.read(&mut piece).await.expect("readable");
            assert!(read > 0, "ended early: {}", String::from_utf8_lossy(&request));
            request.extend_from_slice(&piece[..read]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.expect("written");
        String::from_utf8_lossy(&request).into_owned()
    });
    // As compose files have it: the secret in a file, and the name set and empty.
    let env = [("NOTIFY_URL_FILE", file.to_str().expect("text")), ("NOTIFY_URL", ""), ("IB_GATEWAY", "")];
    let said = run(&["doctor", "--notify-test"], &env).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let request = timeout(Duration::from_secs(10), taken).await.expect("in time").expect("taken");
    assert!(request.starts_with("POST /topic ") && request.contains("\"event\":\"test\""), "{request}");
    let said = run(&["doctor", "--notify-test"], &[("NOTIFY_URL", &url)]).await;
    assert_eq!(said.code, Some(1), "nobody listens any more: {said:?}");
    let said = run(&["doctor", "--notify-test"], &[]).await;
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("NOTIFY_URL is not set"), "{said:?}");
}
