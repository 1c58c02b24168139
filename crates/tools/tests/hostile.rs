//! Whatever is sent, by callers, by IB or by news providers: nothing panics, and no text carries what it must not.

mod replies;
#[path = "replies/beyond.rs"]
mod replies_beyond;
#[path = "replies/gateway.rs"]
mod replies_gateway;
#[path = "replies/options.rs"]
mod replies_options;
#[path = "replies/usual.rs"]
mod replies_usual;

use std::sync::LazyLock;

use proptest::{collection::vec, prelude::*, sample::select};
use replies::{LINE, context, contract};
use replies_options::{class, expirations, option_row, option_rows};
use replies_usual::{article, bar, bars, headlines, option, position};
use schemas::{Candidate, Fault, FaultCode};
use serde_json::{Map, Value, json};
use tools::{TEXT_BYTES_MAX, TOOLS, Tool, fault_text, symbol};

/// Every tool with the schema of what its operation takes.
static CHECKED: LazyLock<Vec<(&'static Tool, jsonschema::Validator)>> = LazyLock::new(|| {
    let params = |tool: &Tool| jsonschema::draft202012::new(&(tool.operation().params_schema)().to_value()).expect("schema");
    TOOLS.iter().map(|tool| (tool, params(tool))).collect()
});

#[rustfmt::skip]
const TEXTS: &[&str] = &[
    "AAPL", "", " ", "brk.b", "EUR.USD", "/ES", "^SPX", "5", "-1", "1e9", "true", "null", "[\"A\"]", "[", "2026-11-20", "20261218", "US0378331005",
    "AAPL261218C00150000", "TSE:7203", "OPT", "1 day", "5 D", "TRADES", "ReportsFinSummary", "C", "*", ">", "\u{0}", "\u{202e}", "é", "|", "`",
];

#[rustfmt::skip]
const NAMES: &[&str] = &[
    "symbol", "sec_type", "exchange", "currency", "conid", "primary_exchange", "expiry", "strike", "right", "multiplier", "local_symbol",
    "trading_class", "duration", "bar_size", "data_type", "max_bars", "end", "use_rth", "account", "offset", "start_date", "end_date", "max_count",
    "providers", "articleId", "providerCode", "as_markdown", "truncate", "report_type", "pattern", "conId", "endDate", "limit", "ticker",
    "expiration", "strikes", "min_strike", "max_strike", "max_strikes", "strike_offset", "moneyness", "delta_min", "delta_max", "max_age",
    "use_delayed", "minutes", "reason", "hard", "timeout", "deep", "days", "kind", "period", "count", "start", "rule_id", "api_only", "host", "port",
    "clientId",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => select(TEXTS).prop_map(str::to_owned), 2 => any::<String>(), 1 => "[A-Z0-9 ./:^$=!-]{0,24}", 1 => "[<>&a-z/|\\\\*`\n\t]{0,60}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => text().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => any::<i64>().prop_map(Value::from),
        2 => (0_i64..600).prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((text(), inner), 0..3).prop_map(|pairs| pairs.into_iter().collect())
        ]
    })
}

fn arguments() -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof![9 => select(NAMES).prop_map(str::to_owned), 1 => text()];
    vec((name, value()), 0..5).prop_map(|pairs| pairs.into_iter().collect())
}

/// No control characters but line breaks, nothing invisible.
fn is_clean(text: &str) -> bool {
    let invisible = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !text.chars().any(|c| (c.is_control() && c != '\n') || invisible(c))
}

fn check_fault(fault: &Fault) {
    let told = fault_text(fault);
    assert!(is_clean(&told) && told.len() <= TEXT_BYTES_MAX, "{} bytes: {:?}", told.len(), &told.chars().take(200).collect::<String>());
}

/// One reply for each tool, `words` wherever someone else's words stand, `rows` of what there are several of.
fn reply(tool: &str, words: &str, rows: usize) -> Value {
    let mut contract = contract();
    ["symbol", "name", "exchange", "trading_class"].iter().for_each(|field| contract[*field] = json!(words));
    contract["assumed"] = json!([words]);
    let mut reply = match tool {
        "get_account" => json!({"account_id": words, "base_currency": words, "realized_pnl_period": words}),
        "get_account_summary" => {
            json!({"accounts": [{"account": words, "values": vec![json!({"tag": words, "value": words, "currency": words}); rows]}]})
        }
        "get_positions" => json!({"positions": vec![position(words); rows], "total": rows}),
        "lookup_contract" | "ticker_to_conid" => {
            let mut contracts = vec![contract; rows];
            contracts.push(option(words, 0.5));
            json!({"contracts": contracts, "total": rows + 1})
        }
        "get_contract_details" => json!({
            "contract": contract, "details": {"long_name": words, "trading_hours": words.repeat(rows), "order_types": vec![words; rows]}
        }),
        "get_historical_data" => bars(vec![bar(words, 1.25); rows], rows + 1),
        "get_historical_news" => {
            headlines(vec![json!({"time": "2026-07-24T13:00:00Z", "provider": words, "article_id": words, "headline": words}); rows], true)
        }
        "get_article" => article(if rows.is_multiple_of(2) { "html" } else { "text" }, &words.repeat(rows * 20)),
        "get_fundamental_data" => json!({
            "contract": contract, "report_type": "RESC", "industry": words, "sec_ids": vec![json!({"kind": words, "value": words}); 3],
            "withdrawn": vec![words; rows]
        }),
        "search_contracts" => {
            let found =
                json!({"conid": 1, "symbol": words, "sec_type": words, "primary_exchange": words, "currency": words, "name": words});
            json!({"pattern": words, "matches": vec![found; rows]})
        }
        "get_option_chain" => {
            let mut class = class(words, &[0.5; 50], 900);
            class["exchange"] = json!(words);
            class["expirations"] = json!([words, words]);
            let mut reply = expirations(vec![class; rows], Some(500));
            reply["underlying"] = contract;
            reply
        }
        "get_option_chain_greeks" | "get_option_quotes" => {
            let row = |at: usize| option_row([-1e14, 0.5, 190.0, 1e14][at % 4], words);
            let mut reply = option_rows((0..rows).map(row).collect());
            ["expiration", "trading_class"].iter().for_each(|field| reply[*field] = json!(words));
            ["other_classes", "notes"].iter().for_each(|field| reply[*field] = json!(vec![words; rows]));
            let missing = |at: usize| {
                let (what, reason) = (["line", "greeks", words][at % 3], format!("{words}{}", at % 9));
                json!({"strike": at, "right": words, "what": what, "reason": reason})
            };
            reply["missing"] = (0..rows).map(missing).collect();
            reply["underlying"] = contract;
            reply
        }
        other => match replies_beyond::reply(other, words, rows, &contract) {
            Some(reply) if tools::find(other).is_some_and(|tool| tool.operation().over_nats()) => reply,
            Some(reply) => return reply,
            None => return replies_gateway::reply(tool, words, rows),
        },
    };
    reply["context"] = context();
    reply
}

fn smallest(tool: &str) -> Map<String, Value> {
    let arguments = match tool {
        "get_account" | "get_account_summary" | "get_positions" => json!({}),
        "get_article" => json!({"articleId": "a", "providerCode": "b"}),
        "get_historical_news" => json!({"symbol": "AAPL", "start_date": "2026-07-01", "end_date": "2026-07-24"}),
        "search_contracts" => json!({"pattern": "A"}),
        "get_option_chain_greeks" => json!({"symbol": "AAPL", "expiration": "2026-12-18"}),
        "get_option_quotes" => json!({"symbol": "AAPL", "expiry": "20261218", "right": "C", "strikes": [190]}),
        "get_market_rule" => json!({"rule_id": 26}),
        "list_accounts"
        | "get_account_values"
        | "get_portfolio"
        | "get_pnl"
        | "get_open_orders"
        | "get_completed_orders"
        | "get_executions"
        | "get_news_providers"
        | "get_server_time"
        | "get_health"
        | "ibkr_connect"
        | "ibkr_disconnect" => json!({}),
        of_gateway if tools::find(of_gateway).is_some_and(|tool| tool.operation().family == "gateway") => json!({}),
        _ => json!({"symbol": "AAPL"}),
    };
    arguments.as_object().expect("object").clone()
}

/// A failure prints its input; a file of old ones would be noise in the tree.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

#[test]
fn a_reply_is_no_array_of_its_members() {
    for tool in TOOLS {
        let call = tool.bind(&smallest(tool.name)).expect("bound");
        assert!(tool.render(&call, br#" [true, 0, "ended"]"#).is_err(), "{}", tool.name);
    }
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn bind_refuses_or_asks_what_the_operation_takes(arguments in arguments()) {
        for (tool, params) in CHECKED.iter() {
            match tool.bind(&arguments) {
                Ok(call) => {
                    let asked: Value = serde_json::from_slice(&call.params).expect("json");
                    prop_assert!(params.is_valid(&asked), "{}: {asked}", tool.name);
                    prop_assert!(call.understood().is_none_or(is_clean));
                }
                Err(fault) => {
                    prop_assert_eq!(fault.code, FaultCode::InvalidParams);
                    prop_assert!(fault.hint.is_some() && fault.field.is_some(), "{}", fault);
                    check_fault(&fault);
                }
            }
        }
    }

    #[test]
    fn any_text_is_a_symbol_or_refused(text in prop_oneof![text(), ".{0,80}", "[A-Z0-9/.^$=:! -]{0,30}"]) {
        for purpose in [symbol::Purpose::Contract, symbol::Purpose::History] {
            let hints = symbol::Hints { purpose, ..symbol::Hints::default() };
            match symbol::parse(&text, &hints) {
                Ok(parsed) => {
                    let query = parsed.query;
                    prop_assert!(query.symbol.is_some() || query.conid.is_some() || query.isin.is_some());
                    let is_ours = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') && !text.contains(['*', '>']);
                    prop_assert!(query.symbol.iter().chain(&query.local_symbol).all(|name| !name.is_empty() && is_ours(name)));
                    prop_assert!(parsed.understood.is_none_or(|words| is_clean(&words)));
                }
                Err(fault) => check_fault(&fault),
            }
        }
    }

    #[test]
    fn a_table_keeps_its_columns(words in text()) {
        for (name, columns) in [("get_positions", 18), ("get_option_chain_greeks", 13), ("get_option_quotes", 12), ("get_portfolio", 11), ("get_open_orders", 17), ("get_executions", 11)] {
            let tool = tools::find(name).expect("tool");
            let call = tool.bind(&smallest(name)).expect("bound");
            let rendered = tool.render(&call, reply(name, &words, 2).to_string().as_bytes()).expect("rendered");
            for row in rendered.text.lines().filter(|line| line.starts_with('|')) {
                let mut escaped = false;
                let mut pipes = 0;
                for c in row.chars() {
                    pipes += usize::from(c == '|' && !escaped);
                    escaped = c == '\\' && !escaped;
                }
                prop_assert_eq!(pipes, columns + 1, "{}", row);
            }
        }
    }

    #[test]
    fn a_reply_of_any_bytes_is_an_error(bytes in vec(any::<u8>(), 0..200), json in value()) {
        for tool in TOOLS {
            let call = tool.bind(&smallest(tool.name)).expect("bound");
            prop_assert!(tool.render(&call, &bytes).is_err());
            prop_assert!(tool.render(&call, json.to_string().as_bytes()).is_err());
        }
    }

    #[test]
    fn faults_of_any_words_are_clean(message in text(), hint in text(), field in text()) {
        let candidate = Candidate {
            conid: 1, symbol: message.clone(), name: Some(hint.clone()), sec_type: field.clone(), exchange: Some(field.clone()),
            currency: None, expiry: Some(hint.clone()), strike: None, right: None,
        };
        let fault = Fault::invalid(field, message.clone()).hint(hint.clone()).ib(200, message).allowed(vec![hint.clone(); 50]).nearest(Some(hint));
        check_fault(&fault.candidates(vec![candidate; 10]));
    }
}

proptest! {
    // Every case renders fourteen texts of up to 300 rows.
    #![proptest_config(cases(40))]

    #[test]
    fn texts_are_clean_small_and_end_with_the_context(words in text(), rows in 0_usize..300) {
        for tool in TOOLS {
            let call = tool.bind(&smallest(tool.name)).expect("bound");
            let mut rendered = tool.render(&call, reply(tool.name, &words, rows).to_string().as_bytes()).expect("rendered");
            if rendered.context.is_none() {
                rendered.about_gateway(&replies_gateway::context());
            }
            prop_assert!(rendered.text.len() <= TEXT_BYTES_MAX, "{}: {}", tool.name, rendered.text.len());
            prop_assert!(is_clean(&rendered.text), "{}", tool.name);
            let line = if rendered.context.is_some() { LINE } else { replies_gateway::LINE };
            prop_assert_eq!(rendered.text.lines().last(), Some(line));
        }
    }
}
