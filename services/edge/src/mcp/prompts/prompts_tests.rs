use std::collections::BTreeSet;

use tools::Profile;

use super::*;

/// Arguments that every prompt takes whole.
const ALL: &[(&str, &str, &[&str])] = &[
    ("gateway_troubleshooting", r#"{"problem":"error 1100\nand more"}"#, &["error 1100 and more"]),
    (
        "options_analysis",
        r#"{"symbol":"BRK.B","expiration":"2026-12-18","strategy":"short put spread 220/210"}"#,
        &["symbol=\"BRK.B\"", "expiration=\"2026-12-18\"", "short put spread 220/210"],
    ),
    ("portfolio_review", r#"{"account":"DUSIM00001"}"#, &["account DUSIM00001", "account=\"DUSIM00001\""]),
    (
        "pre_trade_checklist",
        r#"{"symbol":"^SPX","action":"buy","quantity":"10","account":"DU1","bar_size":"5m"}"#,
        &["BUY 10 ^SPX", "bar_size=\"5 mins\"", "account=\"DU1\", symbol=\"^SPX\""],
    ),
];

fn raw(text: &str) -> &RawValue {
    serde_json::from_str(text).expect("json")
}

fn reader(profile: Profile) -> Reader {
    Reader { controls_gateway: profile.has(Profile::Admin) }
}

fn ask(name: &str, arguments: &str, profile: Profile) -> Result<String, Problem> {
    let params = format!(r#"{{"name":"{name}","arguments":{arguments}}}"#);
    let got = get(reader(profile), Some(raw(&params)))?;
    assert_eq!(got["messages"][0]["role"], "user");
    Ok(got["messages"][0]["content"]["text"].as_str().expect("a text").to_owned())
}

/// Every text that a prompt can have: with all arguments and with the fewest, for each profile.
fn texts() -> Vec<(Profile, String)> {
    let mut out = Vec::new();
    for profile in Profile::ALL {
        for (name, arguments, _) in ALL {
            let fewest = if table::find(name).expect("in the table").argument("symbol").is_some() { r#"{"symbol":"AAPL"}"# } else { "{}" };
            for arguments in [*arguments, fewest] {
                out.push((*profile, ask(name, arguments, *profile).expect(name)));
            }
        }
    }
    out
}

/// The calls in a text: what stands in backquotes as `name(a=1, b="x, y")`, with its parameters.
fn calls(text: &str) -> Vec<(String, Vec<String>)> {
    let quoted = text.split('`').skip(1).step_by(2);
    let calls = quoted.filter_map(|code| {
        let (name, inside) = code.strip_suffix(')')?.split_once('(')?;
        let mut in_quotes = false;
        let bare: String = inside
            .chars()
            .filter(|c| {
                in_quotes ^= *c == '"';
                !in_quotes
            })
            .collect();
        let names = bare.split(',').filter_map(|part| part.split_once('=')).map(|(name, _)| name.trim().to_owned());
        Some((name.to_owned(), names.collect()))
    });
    calls.collect()
}

#[test]
fn every_call_in_a_prompt_is_one_that_its_reader_can_make() {
    let mut called = BTreeSet::new();
    for (profile, text) in texts() {
        for (name, parameters) in calls(&text) {
            let tool = tools::TOOLS.iter().find(|tool| tool.name == name).unwrap_or_else(|| panic!("there is no tool {name}: {text}"));
            assert!(profile.has(tool.profile), "{name} is not in the profile {profile:?}");
            let schema = tool.input_schema();
            for parameter in parameters {
                assert!(schema["properties"].get(&parameter).is_some(), "{name} has no parameter {parameter}: {text}");
                called.insert(format!("{name}.{parameter}"));
            }
            called.insert(name);
        }
        // A tool that is named without being called.
        for word in text.split(|c: char| !(c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())) {
            if ["get_", "search_", "lookup_", "list_", "place_", "submit_", "preview_"].iter().any(|head| word.starts_with(head)) {
                assert!(tools::find(word).is_some(), "{word} is no tool: {text}");
            }
        }
        assert!(!text.contains("  ") && text.len() < 4_000 && !text.contains(char::is_control) || text.contains('\n'), "{text}");
    }
    for expected in [
        "get_health",
        "get_positions.account",
        "get_option_chain_greeks.expiration",
        "gateway_diagnose.deep",
        "get_historical_data.bar_size",
    ] {
        assert!(called.contains(expected), "the test sees the calls: {called:?}");
    }
}

#[test]
fn every_call_in_a_prompt_has_what_its_tool_needs() {
    for (_, text) in texts() {
        for (name, parameters) in calls(&text) {
            let schema = tools::find(&name).expect("a tool").input_schema();
            for needed in schema["required"].as_array().into_iter().flatten() {
                assert!(parameters.iter().any(|parameter| Some(parameter.as_str()) == needed.as_str()), "{name} needs {needed}: {text}");
            }
        }
    }
}

#[test]
fn what_was_sent_stands_in_the_text() {
    for (name, arguments, words) in ALL {
        let text = ask(name, arguments, Profile::Readonly).expect(name);
        for word in *words {
            assert!(text.contains(word), "{name}: {word} is not in\n{text}");
        }
    }
    assert_eq!(ALL.len(), PROMPTS.len(), "a new prompt has its line in these tests");
    assert!(ask("pre_trade_checklist", r#"{"symbol":"AAPL","quantity":5}"#, Profile::Readonly).expect("a number").contains("5 AAPL"));
    assert!(ask("portfolio_review", r#"{"account":""}"#, Profile::Readonly).expect("nothing sent").contains("every account"));
    assert!(ask("portfolio_review", "null", Profile::Readonly).is_ok());
}

#[test]
fn only_an_administrator_is_told_to_restart_anything() {
    let text = |profile| ask("gateway_troubleshooting", "{}", profile).expect("a text");
    assert!(text(Profile::Admin).contains("gateway_reconnect") && !text(Profile::Admin).contains("may not control"));
    for profile in [Profile::Readonly, Profile::Trading, Profile::CompatTws] {
        assert!(!text(profile).contains("gateway_reconnect") && text(profile).contains("ibmesh doctor"), "{profile:?}");
    }
}

#[test]
fn what_breaks_a_rule_is_refused_by_name() {
    let long = format!(r#"{{"problem":"{}"}}"#, "x".repeat(301));
    for (name, arguments, word) in [
        ("portfolio", "{}", "portfolio_review"),
        ("", "{}", "pre_trade_checklist"),
        ("options_analysis", "{}", "needs `symbol`"),
        ("options_analysis", r#"{"symbol":" "}"#, "needs `symbol`"),
        ("options_analysis", r#"{"symbol":"A\"),x"}"#, "`symbol`"),
        ("options_analysis", r#"{"symbol":"AAPL","expiration":"2026-13-01"}"#, "YYYY-MM-DD"),
        ("options_analysis", r#"{"symbol":"AAPL","expiration":"20260230"}"#, "YYYY-MM-DD"),
        ("options_analysis", r#"{"symbol":"AAPL","expiry":"2026-12-18"}"#, "it has symbol, expiration, strategy"),
        ("pre_trade_checklist", r#"{"symbol":"AAPL","action":"HOLD"}"#, "BUY or SELL"),
        ("pre_trade_checklist", r#"{"symbol":"AAPL","quantity":"-1"}"#, "positive"),
        ("pre_trade_checklist", r#"{"symbol":"AAPL","quantity":"0"}"#, "positive"),
        ("pre_trade_checklist", r#"{"symbol":"AAPL","quantity":"1e5"}"#, "positive"),
        ("pre_trade_checklist", r#"{"symbol":"AAPL","bar_size":"7 mins"}"#, "5 mins"),
        ("portfolio_review", r#"{"account":"../x"}"#, "letters and digits"),
        ("portfolio_review", r#"{"account":["DU1"]}"#, "`account`"),
        ("gateway_troubleshooting", &long, "300"),
        ("portfolio_review", "[]", "object"),
    ] {
        let problem = ask(name, arguments, Profile::Readonly).expect_err(arguments);
        assert_eq!(problem.code, rpc::INVALID_PARAMS, "{name} {arguments}");
        assert!(problem.message.contains(word) && problem.message.len() < 300, "{name} {arguments}: {}", problem.message);
    }
    for params in ["[]", "{}", r#"{"name":7}"#] {
        assert_eq!(get(reader(Profile::Readonly), Some(raw(params))).map_err(|problem| problem.code), Err(rpc::INVALID_PARAMS), "{params}");
    }
}

#[test]
fn the_list_is_sorted_and_whole() {
    let listed = list(None).expect("a list");
    let names: Vec<&str> =
        listed["prompts"].as_array().expect("an array").iter().map(|prompt| prompt["name"].as_str().expect("a name")).collect();
    assert!(names.is_sorted() && names.len() == 4, "{names:?}");
    assert_eq!(
        listed["prompts"][1]["arguments"][0],
        json!({ "name": "symbol", "title": "Symbol", "description": "The underlying, such as AAPL or ^SPX", "required": true })
    );
}
