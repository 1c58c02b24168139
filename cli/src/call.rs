//! `ibmesh call`: one tool from the command line, through the edge as every other client.
//!
//! Invariant: answers go to stdout and faults in words to stderr; `--json` feeds a program nothing but JSON, `{"error":...}`
//! for a fault.

use std::{process::ExitCode, time::Duration};

use schemas::{Fault, GatewayName};
use serde_json::{Map, Value};
use tools::Tool;

use crate::{
    explain::{Doors, explain},
    http::{CALL_MAX, EdgeArg, EdgeClient},
    out,
};

/// Call one tool: `ibmesh call get_historical_data symbol=AAPL duration="1 M"`.
///
/// Exit code: 0 answered, 1 the tool refused or failed, 2 wrong usage or no edge.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Name of the tool.
    #[arg(value_name = "TOOL")]
    tool: String,
    /// Arguments; a value is JSON where the argument is no text.
    #[arg(value_name = "KEY=VALUE")]
    arguments: Vec<String>,
    #[command(flatten)]
    edge: EdgeArg,
    /// Print the typed answer instead of the text, for programs.
    #[arg(long)]
    json: bool,
    /// Print the curl, the NATS request and the Python for this call, and call nothing.
    #[arg(long)]
    explain: bool,
}

/// So that the edge's own answer arrives first.
const ANSWER_MARGIN: Duration = Duration::from_secs(10);
const FAULT: u8 = 1;
const USAGE: u8 = 2;

pub(crate) async fn run(options: Options) -> ExitCode {
    let tool = tools::find(&options.tool);
    let arguments = match arguments(tool, &options.arguments) {
        Ok(arguments) => arguments,
        Err(problem) => return ended(USAGE, &problem),
    };
    match (options.explain, tool) {
        (true, Some(tool)) => print_explained(&options, tool, &arguments),
        (true, None) => ended(FAULT, &unknown(&options.tool)),
        (false, _) => call(&options, tool, arguments).await,
    }
}

/// The commands that wait for the gateway last longer than any read.
fn patience(tool: Option<&Tool>) -> Duration {
    let deadline = tool.map_or(Duration::ZERO, |tool| Duration::from_millis(tool.operation().deadline_ms));
    CALL_MAX.max(deadline + ANSWER_MARGIN)
}

async fn call(options: &Options, tool: Option<&Tool>, arguments: Map<String, Value>) -> ExitCode {
    let known = tool.is_some();
    let answer = match EdgeClient::new(&options.edge.url()) {
        Ok(edge) => edge.call(&options.tool, &Value::Object(arguments), patience(tool)).await,
        Err(error) => Err(error),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return ended(USAGE, &error.to_string()),
    };
    if options.json
        && let Some(fault) = fault_of(&answer)
    {
        out::line(serde_json::json!({ "error": fault }));
    }
    match read(&answer, options.json) {
        Ok(text) => {
            out::line(text.trim_end());
            ExitCode::SUCCESS
        }
        // The edge may be of another release, so that it is the one to say that it has no such tool.
        Err(said) if known => ended(FAULT, &said),
        Err(said) => ended(FAULT, &format!("{said}\n{}", unknown(&options.tool))),
    }
}

/// The answer's text or typed value; what the edge said where it is none.
fn read(answer: &Value, json: bool) -> Result<String, String> {
    let Some(result) = answer.get("result") else {
        return Err(refusal(answer));
    };
    let text = result.pointer("/content/0/text").and_then(Value::as_str).unwrap_or_default();
    match (result["isError"].as_bool() == Some(true), result.get("structuredContent")) {
        (true, _) => Err(text.to_owned()),
        (false, Some(typed)) if json => Ok(typed.to_string()),
        (false, _) => Ok(text.to_owned()),
    }
}

/// What a program is told of a refusal: the fault as the edge has it, or the JSON-RPC error.
fn fault_of(answer: &Value) -> Option<&Value> {
    answer.pointer("/result/_meta/ib-mesh~1fault").or_else(|| answer.get("error"))
}

/// A JSON-RPC error, or the edge's own `{"error":{...}}`, in words.
fn refusal(answer: &Value) -> String {
    let error = &answer["error"];
    let part = |name: &str| error[name].as_str().or_else(|| error["data"][name].as_str());
    match (part("message"), part("hint")) {
        (Some(message), Some(hint)) if !message.contains(hint) => format!("{message}\n{hint}"),
        (Some(message), _) => message.to_owned(),
        (None, _) => format!("the edge answered neither a result nor an error: {answer}"),
    }
}

fn print_explained(options: &Options, tool: &Tool, arguments: &Map<String, Value>) -> ExitCode {
    let said = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let gateway = said("IB_GATEWAY").unwrap_or_else(|| "paper".to_owned());
    let gateway: GatewayName = match gateway.parse() {
        Ok(gateway) => gateway,
        Err(error) => return ended(USAGE, &format!("IB_GATEWAY: {error}")),
    };
    let nats = said("NATS_URL").unwrap_or_else(|| "nats://127.0.0.1:4222".to_owned());
    match explain(&Doors { edge: &options.edge.url(), nats: &nats, gateway: &gateway }, tool, arguments) {
        Ok(text) => {
            out::line(text);
            ExitCode::SUCCESS
        }
        Err(fault) => ended(FAULT, &in_words(&fault)),
    }
}

fn in_words(fault: &Fault) -> String {
    fault.hint.as_ref().map_or_else(|| fault.to_string(), |hint| format!("{fault}\n{hint}"))
}

fn ended(code: u8, problem: &str) -> ExitCode {
    out::problem(format_args!("ibmesh call: {problem}"));
    ExitCode::from(code)
}

fn unknown(name: &str) -> String {
    let names: Vec<&str> = tools::TOOLS.iter().map(|tool| tool.name).collect();
    let nearest = tools::nearest(name).map_or_else(String::new, |nearest| format!("Did you mean `{nearest}`? "));
    format!("There is no tool `{name}`. {nearest}There are: {}.", names.join(", "))
}

/// `symbol=AAPL max_bars=5` to a JSON object.
fn arguments(tool: Option<&Tool>, words: &[String]) -> Result<Map<String, Value>, String> {
    let schema = tool.map(Tool::input_schema).unwrap_or_default();
    let mut arguments = Map::new();
    for word in words {
        let (key, text) = word.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| format!("`{word}` is no KEY=VALUE"))?;
        if arguments.insert(key.to_owned(), value(&schema, key, text)).is_some() {
            return Err(format!("`{key}` is given twice"));
        }
    }
    Ok(arguments)
}

/// A text stays one where the tool wants one: `symbol=7203` is a symbol and no number.
fn value(schema: &Value, key: &str, text: &str) -> Value {
    if schema["properties"][key]["type"] == "string" {
        return Value::String(text.to_owned());
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(tool: &str, words: &[&str]) -> Result<Value, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        arguments(tools::find(tool), &words).map(Value::Object)
    }

    #[test]
    fn words_become_the_types_that_the_tool_wants() {
        let read = parsed("get_historical_data", &["symbol=7203", "max_bars=5", "use_rth=false", "duration=1 M", "data_type=a=b"]);
        assert_eq!(read.unwrap(), json!({"symbol": "7203", "max_bars": 5, "use_rth": false, "duration": "1 M", "data_type": "a=b"}));
        assert_eq!(parsed("a_later_tool", &["legs=[1,2]", "note=x"]).unwrap(), json!({"legs": [1, 2], "note": "x"}));
    }

    #[test]
    fn words_that_are_no_arguments_are_refused() {
        for bad in [&["AAPL"][..], &["=x"], &["symbol=A", "symbol=B"]] {
            assert!(parsed("get_historical_data", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_answer_is_read_and_a_refusal_is_told_apart() {
        let good = json!({"result": {"isError": false, "content": [{"type": "text", "text": "# T"}], "structuredContent": {"a": 1}}});
        assert_eq!(read(&good, false), Ok("# T".to_owned()));
        assert_eq!(read(&good, true), Ok(r#"{"a":1}"#.to_owned()));
        let fault = json!({"result": {"isError": true, "content": [{"type": "text", "text": "not_found: no"}]}});
        assert_eq!(read(&fault, true), Err("not_found: no".to_owned()));
        let rpc = json!({"error": {"code": -32602, "message": "unknown tool", "data": {"hint": "call tools/list"}}});
        assert_eq!(read(&rpc, false), Err("unknown tool\ncall tools/list".to_owned()));
        assert_eq!(fault_of(&rpc).unwrap()["code"], -32602);
        let meta = json!({"result": {"isError": true, "_meta": {"ib-mesh/fault": {"code": "not_found"}}}});
        assert_eq!((fault_of(&meta).unwrap()["code"].as_str(), fault_of(&good)), (Some("not_found"), None));
        assert!(read(&json!({}), false).unwrap_err().contains("neither"));
    }

    #[test]
    fn an_unknown_tool_is_answered_with_the_nearest() {
        let said = unknown("get_acount_summary");
        assert!(said.contains("Did you mean `get_account_summary`?") && said.contains("ticker_to_conid"), "{said}");
    }
}
