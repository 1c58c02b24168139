//! The same call in other words: curl, the NATS request, ten lines of Python. Pure, and needs no running stack.
//!
//! Invariants: what is printed can be pasted into a shell or a file as it stands, whatever the arguments hold; a
//! password is never printed, it stays where it was read from.

use std::fmt::Write as _;

use schemas::{Fault, GatewayName};
use serde_json::{Map, Value, json};
use service::settings::redacted;
use tools::Tool;

/// Where the call would go.
#[derive(Debug, Clone)]
pub(crate) struct Doors<'a> {
    pub(crate) edge: &'a str,
    pub(crate) nats: &'a str,
    pub(crate) gateway: &'a GatewayName,
}

/// The call over HTTP, NATS and from Python; a fault where the arguments are wrong.
pub(crate) fn explain(doors: &Doors<'_>, tool: &Tool, arguments: &Map<String, Value>) -> Result<String, Fault> {
    let bound = tool.bind(arguments)?;
    let params = String::from_utf8_lossy(&bound.params);
    let row = tool.operation();
    let subject = doors.gateway.rpc(row.family, row.op);
    let seconds = row.deadline_ms.div_ceil(1_000);
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# MCP over HTTP\n{}\n", curl(doors.edge, tool.name, &Value::Object(arguments.clone())));
    if !row.over_nats() {
        let _ = write!(text, "# The edge answers this itself: there is no NATS request.");
        return Ok(text);
    }
    let nats = Server::of(doors.nats);
    let _ = writeln!(text, "# NATS{}\nnats -s {} --timeout {seconds}s req {subject} {}\n", nats.note, nats.shell, shell(&params));
    let _ = write!(text, "# Python, after `pip install nats-py`\n{}", python(&nats, &subject, &params, seconds));
    if let Some(understood) = bound.understood() {
        let _ = write!(text, "\n# {understood}");
    }
    Ok(text)
}

/// The call as the predecessors' documents write it.
pub(crate) fn curl(edge: &str, tool: &str, arguments: &Value) -> String {
    let params = json!({ "name": tool, "arguments": arguments });
    let body = json!({ "jsonrpc": "2.0", "id": "1", "method": "tools/call", "params": params });
    let edge = edge.trim_end_matches('/');
    format!("curl -X POST {edge}/mcp -H 'Content-Type: application/json' -d {}", shell(&body.to_string()))
}

/// How the message server is named. A URL with a user or a password was read from NATS_URL, and stays there.
struct Server {
    note: String,
    shell: String,
    python: String,
    imports: &'static str,
}

impl Server {
    fn of(url: &str) -> Self {
        let shown = redacted(url);
        if shown == url {
            return Self { note: String::new(), shell: shell(url), python: python_text(url), imports: "asyncio, json, nats" };
        }
        Self {
            note: format!(", with NATS_URL as it is set: {shown}"),
            shell: "\"$NATS_URL\"".to_owned(),
            python: "os.environ['NATS_URL']".to_owned(),
            imports: "asyncio, json, nats, os",
        }
    }
}

fn python(nats: &Server, subject: &str, params: &str, seconds: u64) -> String {
    format!(
        "import {}

async def main():
    client = await nats.connect({})
    reply = await client.request({}, {}.encode(), timeout={seconds})
    print(json.dumps(json.loads(reply.data), indent=2))
    await client.close()

asyncio.run(main())",
        nats.imports,
        nats.python,
        python_text(subject),
        python_text(params)
    )
}

/// A text as one word of a POSIX shell.
fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// A text as a literal of Python. JSON holds no raw control characters, and a URL none either.
fn python_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(tool: &str, arguments: Value) -> Result<String, Fault> {
        let gateway = "paper".parse().unwrap();
        let doors = Doors { edge: "http://127.0.0.1:48012", nats: "nats://127.0.0.1:4222", gateway: &gateway };
        explain(&doors, tools::find(tool).unwrap(), arguments.as_object().unwrap())
    }

    /// The predecessors' own line, word for word.
    #[test]
    fn the_curl_is_the_documented_one() {
        assert_eq!(
            curl("http://localhost:48012/", "get_account_summary", &json!({})),
            r#"curl -X POST http://localhost:48012/mcp -H 'Content-Type: application/json' -d '{"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"name":"get_account_summary","arguments":{}}}'"#
        );
    }

    #[test]
    fn the_three_ways_ask_the_same_operation() {
        let text = explained("get_historical_data", json!({"symbol": "AAPL", "duration": "1 M"})).unwrap();
        assert_eq!(text.matches("ib.v1.paper.rpc.history.bars").count(), 2, "{text}");
        assert_eq!(text.matches(r#""duration":"1 M""#).count(), 3, "{text}");
        let python = text.split("pip install nats-py`\n").nth(1).unwrap();
        assert!(python.lines().count() <= 10 && python.contains("timeout=60"), "{python}");
    }

    #[test]
    fn a_password_stays_in_the_environment() {
        let gateway = "paper".parse().unwrap();
        for url in ["nats://me:hunter2@broker:4222", "tls://hunter2@broker:4222"] {
            let doors = Doors { edge: "http://127.0.0.1:48012", nats: url, gateway: &gateway };
            let text = explain(&doors, tools::find("get_positions").unwrap(), &Map::new()).unwrap();
            assert!(!text.contains("hunter2") && text.contains("(redacted)@broker:4222"), "{text}");
            assert!(text.contains("nats -s \"$NATS_URL\"") && text.contains("nats.connect(os.environ['NATS_URL'])"), "{text}");
            assert!(text.contains("import asyncio, json, nats, os\n"), "{text}");
        }
    }

    #[test]
    fn wrong_arguments_are_a_fault_without_any_stack() {
        let fault = explained("get_historical_data", json!({"symbol": "AAPL", "barz": 1})).unwrap_err();
        assert!(fault.message.contains("barz"), "{fault}");
    }

    #[test]
    fn quotes_and_backslashes_survive_both_quotings() {
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(shell(""), "''");
        assert_eq!(shell("nats://h:1"), "nats://h:1");
        assert_eq!(python_text(r#"{"a":"it's \n"}"#), r#"'{"a":"it\'s \\n"}'"#);
    }
}
