//! The option tools: what they ask, what they refuse, how their answers read.

mod replies;
#[path = "replies/options.rs"]
mod replies_options;

use replies::LINE;
use replies_options::{class, expirations, option_row, option_rows};
use schemas::{Fault, FaultCode};
use serde_json::{Map, Value, json};
use tools::{TEXT_BYTES_MAX, find};

fn given(arguments: &Value) -> Map<String, Value> {
    arguments.as_object().expect("an object").clone()
}

fn asked(tool: &str, arguments: Value) -> Value {
    let call = find(tool).expect(tool).bind(&given(&arguments)).unwrap_or_else(|fault| panic!("{tool} {arguments}: {fault}"));
    serde_json::from_slice(&call.params).expect("json")
}

fn refused(tool: &str, arguments: &Value) -> Fault {
    let fault = find(tool).expect(tool).bind(&given(arguments)).expect_err(&format!("{tool} {arguments}"));
    assert_eq!(fault.code, FaultCode::InvalidParams);
    fault
}

/// With `more` beside what is required.
fn with(tool: &str, more: Value) -> Value {
    let mut arguments = match tool {
        "get_option_chain" => json!({"symbol": "AAPL"}),
        "get_option_chain_greeks" => json!({"symbol": "AAPL", "expiration": "2026-12-18"}),
        _ => json!({"symbol": "AAPL", "expiry": "20261218", "right": "C", "strikes": [190]}),
    };
    more.as_object().expect("object").iter().for_each(|(name, value)| arguments[name] = value.clone());
    arguments
}

/// The text without the context line.
fn text(tool: &str, more: Value, reply: &Value) -> String {
    let tool = find(tool).expect(tool);
    let schema = jsonschema::draft202012::new(&tool.output_schema()).expect("schema");
    assert!(schema.is_valid(reply), "{}: {:?}", tool.name, schema.iter_errors(reply).map(|e| e.to_string()).collect::<Vec<_>>());
    let call = tool.bind(&given(&with(tool.name, more))).unwrap_or_else(|fault| panic!("{fault}"));
    let rendered = tool.render(&call, reply.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    assert!(rendered.text.len() <= TEXT_BYTES_MAX, "{} bytes", rendered.text.len());
    rendered.text.strip_suffix(&format!("\n\n{LINE}")).unwrap_or_else(|| panic!("ends with the context line: {}", rendered.text)).to_owned()
}

#[test]
fn what_is_sent_reaches_the_operation() {
    let arguments = json!({
        "symbol": "^SPX", "sec_type": "IND", "exchange": "CBOE", "currency": "USD", "trading_class": "spxw", "min_strike": 5000, "max_strike": 0,
        "max_strikes": 500, "strike_offset": 20
    });
    assert_eq!(
        asked("get_option_chain", arguments),
        json!({
            "contract": {"symbol": "SPX", "sec_type": "IND", "exchange": "CBOE", "currency": "USD"}, "trading_class": "SPXW", "min_strike": 5000,
            "limit": 500, "offset": 20
        })
    );
    let arguments = json!({
        "symbol": "BRK.B", "expiration": "2026-12-18", "right": "put", "min_strike": "400", "max_strike": 500, "delta_min": 0.1, "delta_max": 0.4,
        "limit": 200, "offset": 40, "max_age": 0.5, "trading_class": "BRKB", "sec_type": "STK", "exchange": "SMART", "currency": "USD",
        "conid": 72063691, "use_delayed": false
    });
    assert_eq!(
        asked("get_option_chain_greeks", arguments),
        json!({
            "contract": {"conid": 72063691, "symbol": "BRK B", "sec_type": "STK", "exchange": "SMART", "currency": "USD"},
            "expiration": "2026-12-18", "trading_class": "BRKB", "right": "P", "min_strike": 400, "max_strike": 500, "delta_min": 0.1,
            "delta_max": 0.4, "limit": 200, "offset": 40, "max_age_ms": 500, "data_type": "live"
        })
    );
    // Where the options trade is not where the underlying does: the index keeps its own exchange.
    let arguments = json!({
        "symbol": "CBOE:SPX", "expiry": "2026-12-18", "right": "P", "strikes": ["500", 500, 500.0, 495.5], "exchange": "SMART", "currency": "USD",
        "trading_class": "", "use_delayed": true, "max_age": 60
    });
    assert_eq!(
        asked("get_option_quotes", arguments),
        json!({
            "contract": {"symbol": "SPX", "sec_type": "IND", "exchange": "CBOE", "currency": "USD"}, "expiration": "2026-12-18", "right": "P",
            "strikes": [500, 495.5], "exchange": "SMART", "max_age_ms": 60000, "data_type": "best"
        })
    );
    for name in ["moneyness", "strikes"] {
        assert_eq!(asked("get_option_chain_greeks", with("get_option_chain_greeks", json!({ name: 10 })))[name].as_f64(), Some(10.0));
    }
    let default = json!({"contract": {"symbol": "NDX", "exchange": "CBOE"}, "limit": 20, "prefer": "index"});
    assert_eq!(asked("get_option_chain", json!({"symbol": "NDX", "exchange": "CBOE"})), default, "IND is the default");
    assert_eq!(asked("get_option_chain", json!({"conid": 265598})), json!({"contract": {"conid": 265598}, "limit": 20}));
}

#[test]
fn every_spelling_of_an_argument() {
    for (tool, spelling, value, pointer, wanted) in [
        ("get_option_quotes", "expiration", json!("2027-01-15"), "/expiration", json!("2027-01-15")),
        ("get_option_quotes", "lastTradeDateOrContractMonth", json!("20270115"), "/expiration", json!("2027-01-15")),
        ("get_option_quotes", "useDelayed", json!("false"), "/data_type", json!("live")),
        ("get_option_quotes", "tradingClass", json!("2NVO"), "/trading_class", json!("2NVO")),
        ("get_option_quotes", "strikes", json!("[190, \"192.5\"]"), "/strikes", json!([190, 192.5])),
        ("get_option_quotes", "strikes", json!("190"), "/strikes", json!([190])),
        ("get_option_quotes", "strikes", json!(190), "/strikes", json!([190])),
        ("get_option_chain_greeks", "expiry", json!("20270115"), "/expiration", json!("2027-01-15")),
        ("get_option_chain_greeks", "expirationDate", json!("20270115"), "/expiration", json!("2027-01-15")),
        ("get_option_chain_greeks", "deltaMin", json!(0.2), "/delta_min", json!(0.2)),
        ("get_option_chain_greeks", "maxAge", json!("5"), "/max_age_ms", json!(5000)),
        ("get_option_chain", "limit", json!(50), "/limit", json!(50)),
        ("get_option_chain", "offset", json!(50), "/offset", json!(50)),
        ("get_option_chain", "minStrike", json!(50), "/min_strike", json!(50)),
        ("get_option_chain", "underlyingConId", json!(265598), "/contract/conid", json!(265598)),
    ] {
        let mut arguments = with(tool, json!({}));
        ["expiry", "expiration"]
            .iter()
            .filter(|_| pointer == "/expiration")
            .for_each(|name| drop(arguments.as_object_mut().expect("object").remove(*name)));
        arguments[spelling] = value;
        assert_eq!(asked(tool, arguments).pointer(pointer), Some(&wanted), "{tool}.{spelling}");
    }
}

/// Those of `haymant/tws-mcp`: its chain has quotes, its parameters are ib-mcp's chain.
#[test]
fn other_names_of_the_tools() {
    let quotes = json!({"symbol": "AAPL", "expiration": "20261218", "exchange": "SMART", "currency": "USD"});
    assert_eq!(asked("ibkr_get_option_chain", quotes)["expiration"], json!("2026-12-18"));
    assert_eq!(find("ibkr_get_option_chain_params").map(|tool| tool.name), Some("get_option_chain"));
}

#[test]
fn bad_input_is_refused_before_anything_is_asked() {
    let (chain, greeks, quotes) = ("get_option_chain", "get_option_chain_greeks", "get_option_quotes");
    let many: Vec<u32> = (100..121).collect();
    for (tool, more, field, why) in [
        (chain, json!({"symbol": "AAPL,MSFT"}), "symbol", "a list"),
        (chain, json!({"symbol": ""}), "symbol", "needs `symbol`"),
        (chain, json!({"sec_type": "OPT"}), "sec_type", "the security type of the underlying"),
        (chain, json!({"sec_type": "INDEKS"}), "sec_type", "no security type"),
        (chain, json!({"min_strike": -1}), "min_strike", "a number of 0 or more"),
        (chain, json!({"max_strike": "high"}), "max_strike", "a number"),
        (chain, json!({"min_strike": 200, "max_strike": 100}), "min_strike", "nothing is between them"),
        (chain, json!({"max_strikes": 0}), "max_strikes", "from 1 to 500"),
        (chain, json!({"max_strikes": 501}), "max_strikes", "from 1 to 500"),
        (chain, json!({"strike_offset": -1}), "strike_offset", "from 0 to"),
        (chain, json!({"trading_class": "S*"}), "trading_class", "only letters, digits"),
        (chain, json!({"expiry": "20261218"}), "expiry", "no argument `expiry`"),
        (greeks, json!({"expiration": null}), "expiration", "needs `expiration`"),
        (greeks, json!({"expiration": "2026-02-30"}), "expiration", "no date that exists"),
        (greeks, json!({"expiration": "2026-12"}), "expiration", "expires on a day"),
        (greeks, json!({"expiration": "nearest"}), "expiration", "no date that exists"),
        (greeks, json!({"right": "both"}), "right", "C (call) or P (put)"),
        (greeks, json!({"min_strike": 200, "max_strike": 100}), "min_strike", "nothing is between them"),
        (greeks, json!({"moneyness": 0}), "moneyness", "greater than 0"),
        (greeks, json!({"moneyness": -0.1}), "moneyness", "a number from 0 to 10"),
        (greeks, json!({"moneyness": 10.5}), "moneyness", "a number from 0 to 10"),
        (greeks, json!({"strikes": 0}), "strikes", "from 1 to 100"),
        (greeks, json!({"strikes": [190]}), "strikes", "from 1 to 100"),
        (greeks, json!({"delta_min": -0.3}), "delta_min", "a number from 0 to 1"),
        (greeks, json!({"delta_max": 1.01}), "delta_max", "a number from 0 to 1"),
        (greeks, json!({"delta_max": 30}), "delta_max", "a number from 0 to 1"),
        (greeks, json!({"delta_min": 0.5, "delta_max": 0.4}), "delta_min", "nothing is between them"),
        (greeks, json!({"moneyness": 0.1, "strikes": 5}), "strikes", "two windows"),
        (greeks, json!({"moneyness": 0.1, "delta_max": 0.4}), "delta_max", "two windows"),
        (greeks, json!({"strikes": 5, "delta_min": 0.1, "delta_max": 0.4}), "delta_min", "two windows"),
        (greeks, json!({"limit": 0}), "limit", "from 1 to 200"),
        (greeks, json!({"limit": 201}), "limit", "from 1 to 200"),
        (greeks, json!({"offset": -1}), "offset", "from 0 to"),
        (greeks, json!({"max_age": 61}), "max_age", "a number from 0 to 60"),
        (greeks, json!({"max_age": -1}), "max_age", "a number from 0 to 60"),
        (greeks, json!({"max_age_ms": 1000}), "max_age_ms", "no argument `max_age_ms`"),
        (greeks, json!({"format": "optopsy"}), "format", "no argument `format`"),
        (quotes, json!({"expiry": null}), "expiry", "needs `expiry`"),
        (quotes, json!({"expiry": "20261301"}), "expiry", "no date that exists"),
        (quotes, json!({"expiry": "202612"}), "expiry", "expires on a day"),
        (quotes, json!({"right": null}), "right", "needs `right`"),
        (quotes, json!({"right": "X"}), "right", "C (call) or P (put)"),
        (quotes, json!({"strikes": []}), "strikes", "needs `strikes`"),
        (quotes, json!({"strikes": many}), "strikes", "21 different numbers; at most 20"),
        (quotes, json!({"strikes": vec![190; 101]}), "strikes", "101 entries; at most 100"),
        (quotes, json!({"strikes": [190, 0]}), "strikes", "greater than 0"),
        (quotes, json!({"strikes": ["190C"]}), "strikes", "a number"),
        (quotes, json!({"strikes": [[190]]}), "strikes", "a number"),
        (quotes, json!({"strikes": {"from": 190}}), "strikes", "an array of numbers"),
        (quotes, json!({"strikes": "190,195"}), "strikes", "a number"),
        (quotes, json!({"strikes": true}), "strikes", "an array of numbers"),
        (quotes, json!({"strike": 190}), "strike", "no argument `strike`"),
        (quotes, json!({"use_delayed": "maybe"}), "use_delayed", "true or false"),
        (quotes, json!({"currency": "US"}), "currency", "three letters"),
    ] {
        let fault = refused(tool, &with(tool, more.clone()));
        assert_eq!(fault.field.as_deref(), Some(field), "{tool} {more}");
        assert!(fault.message.contains(why), "{tool} {more}: {}", fault.message);
        assert!(fault.hint.is_some(), "{tool} {more}: what to do next");
    }
}

#[test]
fn an_option_instead_of_its_underlying_is_told_the_call_that_it_needs() {
    for (tool, symbol, next) in [
        ("get_option_quotes", "AAPL261218C00190000", "get_option_quotes(symbol=\"AAPL\", expiry=\"20261218\", right=\"C\", strikes=[190])"),
        (
            "get_option_quotes",
            "SPXW  261218P05002500",
            "get_option_quotes(symbol=\"SPX\", trading_class=\"SPXW\", expiry=\"20261218\", right=\"P\", strikes=[5002.5])",
        ),
        ("get_option_chain", "O:AAPL261218C00190000", "get_option_chain(symbol=\"AAPL\")"),
        ("get_option_chain_greeks", "AAPL261218C00190000", "get_option_chain_greeks(symbol=\"AAPL\", expiration=\"20261218\")"),
    ] {
        let fault = refused(tool, &with(tool, json!({"symbol": symbol})));
        assert_eq!(fault.hint, Some(format!("Call {next}.")), "{tool} {symbol}");
        assert!(fault.message.contains("is a single option"), "{}", fault.message);
        // What ib-mcp's clients send in full does not hide it.
        let beside = json!({"symbol": symbol, "sec_type": "IND", "exchange": "CBOE"});
        if tool != "get_option_quotes" {
            assert_eq!(refused(tool, &with(tool, beside)).field.as_deref(), Some("symbol"));
        }
    }
}

#[test]
fn a_chain_is_listed_in_the_layout_of_ib_mcp() {
    let head = "# Option Chain for AAPL (STK)\n**Underlying**: AAPL · Apple Inc · STK on SMART (NASDAQ) in USD | \
                **As Of**: 2026-07-24 09:00:00 EDT\n";
    let section = "\n## Trading Class AAPL (exchanges: SMART, multiplier 100)\n\n**Expirations (2)**: 2026-12-18, 2027-01-15\n\n";
    let reply = |strikes: &[f64], total, next| expirations(vec![class("AAPL", strikes, total)], next);
    assert_eq!(
        text("get_option_chain", json!({}), &reply(&[190.0, 192.5], 2, None)),
        format!("{head}{section}**Strikes 1–2 of 2**: 190, 192.5")
    );
    assert_eq!(
        text("get_option_chain", json!({"min_strike": 190, "max_strike": 250, "strike_offset": 20}), &reply(&[190.0, 192.5], 40, Some(22))),
        format!(
            "{head}{section}**Strikes 21–22 of 40 in range [190, 250]**: 190, 192.5\n\n*Showing strikes 21–22 of 40 in range [190, 250]; pass \
             strike_offset=22 for the next page.*"
        )
    );
    let past = text("get_option_chain", json!({"strike_offset": 50, "min_strike": 10}), &reply(&[], 40, None));
    assert!(
        past.ends_with("**Strikes (0 of 40 at or above 10)**: strike_offset=50 is past the last strike (valid offsets: 0-39)"),
        "{past}"
    );
    let none = text("get_option_chain", json!({"max_strike": 10}), &reply(&[], 0, None));
    assert!(none.ends_with("**Strikes (0 of 0 at or below 10)**: none in range"), "{none}");
    assert_eq!(text("get_option_chain", json!({}), &expirations(vec![], None)), "No option chain parameters found for AAPL");
    let none = text("get_option_chain", json!({"trading_class": "SPXX"}), &expirations(vec![], None));
    assert_eq!(none, "No option chain parameters found for AAPL (trading class SPXX)");
}

#[test]
fn several_classes_say_how_to_page_one() {
    let two = expirations(vec![class("SPX", &[5000.0], 300), class("SPXW", &[5000.0], 400)], Some(1));
    let two = text("get_option_chain", json!({"max_strikes": 1}), &two);
    assert!(two.contains("\n\n## Trading Class SPX (") && two.contains("\n\n## Trading Class SPXW ("), "{two}");
    assert!(
        two.ends_with(
            "\n\n*2 option chains returned (trading classes: SPX, SPXW); strike_offset applies to each strike list independently; \
             strike_offset=1 is the next page. Pass trading_class to page one chain.*"
        ),
        "{two}"
    );
    let strikes: Vec<f64> = (0..500_u32).map(|at| 1000.5 + f64::from(at)).collect();
    let many = text("get_option_chain", json!({"max_strikes": 500}), &expirations(vec![class("SPXW", &strikes, 500); 9], None));
    assert!(
        many.contains("*Text cut: 4 of 9 option chains are shown, structuredContent has all. trading_class gets one (SPXW, "),
        "{many}"
    );
}

#[test]
fn quotes_in_the_layout_of_ib_mcp() {
    let head = "# Option Quotes for AAPL 2026-12-18 C\n**Expiry**: 2026-12-18 | **Right**: C | **Data**: delayed | **Underlying**: 190.12 | \
                **Class**: AAPL x 100 | **Settlement**: PM | **DTE**: 147 | **As Of**: 2026-07-24 10:31:03 EDT (oldest row, 1.2 s ago)\n\n\
                | Strike | Bid | Ask | Last | Close | IV | Delta | Gamma | Theta | Vega | Vol | OI |\n\
                | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    let row = "| 190 | 5.10 | 5.30 | 5.25 | 4.90 | 0.2543 | 0.5123 | 0.000812 | -0.0412 | 0.3377 | 1234 | 5678 |\n";
    let foot = "\n*IV/Delta from IB model greeks; blank cells mean no data or no bid (illiquid strike or market closed).*";
    let mut reply = option_rows(vec![option_row(190.0, "C")]);
    assert_eq!(text("get_option_quotes", json!({}), &reply), format!("{head}{row}{foot}"));
    // What nobody told stays blank, a greek of nothing is 0, and a missing strike is named.
    reply["rows"] = json!([option_row(190.0, "C"), {
        "conid": 1, "local_symbol": "A", "trading_class": "AAPL", "multiplier": 100, "right": "C", "strike": 950.5, "expiration": "2026-12-18",
        "settlement": "PM", "dte": 147, "gamma": -0.000_000_1, "data_type": "delayed", "as_of": "2026-07-24T14:31:04Z"
    }]);
    reply["complete"] = json!(false);
    reply["missing"] = json!([
        {"strike": 191.25, "right": "C", "what": "contract"}, {"strike": 950.5, "right": "C", "what": "greeks"},
        {"strike": 1.5, "right": "C", "what": "contract"},
    ]);
    assert_eq!(
        text("get_option_quotes", json!({"strikes": [190, 191.25, 950.5, 1.5]}), &reply),
        format!(
            "{head}{row}| 950.5 |  |  |  |  |  |  | 0 |  |  |  |  |\n{foot}\n*Not listed for this expiry (skipped): 191.25, 1.5*\n\
             *Without Greeks: 950.5*"
        )
    );
    reply["rows"] = json!([]);
    let none = text("get_option_quotes", json!({}), &reply);
    assert!(none.starts_with("No option quotes found for AAPL 2026-12-18 C\n**Data**: delayed | "), "{none}");
    assert!(none.contains("\n\n*Not listed for this expiry (skipped): 191.25, 1.5*"), "{none}");
}

#[test]
fn a_chain_with_greeks_tells_what_is_missing_and_where_the_rest_is() {
    let mut reply = option_rows(vec![option_row(190.0, "C"), option_row(190.0, "P")]);
    reply["underlying"]["assumed"] = json!(["exchange SMART, because STK"]);
    let head = "# Option Chain with Greeks for AAPL 2026-12-18\n**Data**: delayed | **Underlying**: 190.12 | **Class**: AAPL x 100 | \
                **Settlement**: PM | **DTE**: 147 | **As Of**: 2026-07-24 10:31:03 EDT (oldest row, 1.2 s ago)\n\
                *Assumed: exchange SMART, because STK.*\n\n";
    let rows = "| Strike | Right | Bid | Ask | Mid | Last | Vol | OI | IV | Delta | Gamma | Theta | Vega |\n\
                | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n\
                | 190 | C | 5.10 | 5.30 | 5.20 | 5.25 | 1234 | 5678 | 0.2543 | 0.5123 | 0.000812 | -0.0412 | 0.3377 |\n\
                | 190 | P | 5.10 | 5.30 | 5.20 | 5.25 | 1234 | 5678 | 0.2543 | -0.4877 | 0.000812 | -0.0412 | 0.3377 |\n";
    let foot = "\n*IV and Greeks from IB model greeks; blank cells: nobody told.*";
    assert_eq!(text("get_option_chain_greeks", json!({}), &reply), format!("{head}{rows}{foot}"));

    reply["complete"] = json!(false);
    reply["missing"] = json!([
        {"strike": 195, "right": "C", "what": "subscription", "reason": "Requested market data is *not* subscribed."},
        {"strike": 195, "right": "P", "what": "subscription", "reason": "Requested market data is *not* subscribed."},
        {"strike": 200, "right": "C", "what": "time"}, {"strike": 205, "right": "C", "what": "a_later_reason"},
    ]);
    reply["other_classes"] = json!(["2AAPL"]);
    reply["notes"] = json!(["American exercise is not in our Black-Scholes."]);
    reply["total"] = json!(212);
    reply["truncated"] = json!(true);
    reply["next"] = json!(80);
    let told = text("get_option_chain_greeks", json!({"offset": 40}), &{
        // `a_later_reason` is what a service of a later release writes; the schema of this one does not know it.
        let mut valid = reply.clone();
        valid["missing"][3]["what"] = json!("unknown");
        valid
    });
    assert_eq!(
        told,
        format!(
            "{head}{rows}{foot}\n*No market data subscription: 195 C, 195 P (IB: Requested market data is \\*not\\* subscribed.)*\n\
             *Not reached before the deadline: 200 C*\n*Missing: 205 C*\n\
             *The same call may find what was not quoted in time; a narrower window is answered faster.*\n\
             *This expiration has other classes too: 2AAPL. trading_class chooses.*\n*American exercise is not in our Black-Scholes.*\n\
             *Contracts 41 to 80 of 212, nearest the money first. offset=80 gets the next page.*"
        )
    );
    reply["rows"] = json!([]);
    reply["missing"] = json!([]);
    let none = text("get_option_chain_greeks", json!({}), &reply);
    assert!(none.starts_with("No options with quotes found for AAPL 2026-12-18 in this window\n**Data**"), "{none}");
}

#[test]
fn greeks_of_several_sources_have_a_column_that_says_whose() {
    let mut ours = option_row(195.0, "C");
    ours["greeks_source"] = json!("bs");
    let mixed = text("get_option_chain_greeks", json!({}), &option_rows(vec![option_row(190.0, "C"), ours.clone()]));
    assert!(mixed.contains("| Vega | Source |") && mixed.contains("0.3377 | model |\n") && mixed.contains("0.3377 | bs |\n"), "{mixed}");
    let alone = text("get_option_chain_greeks", json!({}), &option_rows(vec![ours]));
    assert!(alone.contains("*IV and Greeks from our Black-Scholes, not IB's;") && !alone.contains("Source"), "{alone}");
}

#[test]
fn a_chain_that_does_not_fit_keeps_what_is_nearest_the_money() {
    let rows = (0..200_u32).map(|at| option_row(100.0 + f64::from(at / 2), if at % 2 == 0 { "C" } else { "P" })).collect();
    let mut reply = option_rows(rows);
    let long = text("get_option_chain_greeks", json!({"limit": 200}), &reply);
    assert!(long.matches("\n| 1").count() > 180, "nearly all of the largest page fits: {long}");

    for row in reply["rows"].as_array_mut().expect("rows") {
        row["volume"] = json!(123_456_789_012_345_u64);
        row["open_interest"] = json!(123_456_789_012_345_u64);
    }
    reply["missing"] = json!([{"strike": 1, "right": "C", "what": "line"}]);
    reply["next"] = json!(200);
    let cut = text("get_option_chain_greeks", json!({"limit": 200}), &reply);
    let strikes: Vec<&str> = cut.lines().filter_map(|line| line.strip_prefix("| 1")).map(|row| &row[..2]).collect();
    assert!((100..200).contains(&strikes.len()) && strikes.is_sorted(), "{cut}");
    assert!(strikes.contains(&"90") && strikes.contains(&"99") && !strikes.contains(&"00"), "190.12 is the price: {cut}");
    let shown = strikes.len();
    let told = format!("*Text cut: the {shown} of 200 rows nearest the money are shown, structuredContent has all. limit={shown} makes");
    assert!(cut.contains(&told) && cut.contains("*No market data line free: 1 C*") && !cut.contains("offset="), "{cut}");
}
