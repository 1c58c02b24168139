use serde_json::{Value, json};

use super::*;

fn reply(symbol: &str) -> Value {
    let row = |right: &str, strike: f64, more: Value| {
        let mut row = json!({ "conid": 1, "local_symbol": "AAPL  261218C00230000", "trading_class": "AAPL", "multiplier": 100, "right": right,
            "strike": strike, "expiration": "2026-12-18", "settlement": "PM", "dte": 28, "underlying_price": 230.51,
            "data_type": "delayed", "as_of": "2026-11-21T02:00:00Z" });
        row.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        row
    };
    let full = json!({ "bid": 5.1, "ask": 5.3, "iv": 0.25, "delta": 0.53, "gamma": 0.02, "theta": -0.1, "vega": 3.5e-7, "volume": 100,
        "open_interest": 1200 });
    json!({ "symbol": symbol, "underlying_conid": 265_598,
        "underlying": { "conid": 265_598, "symbol": symbol, "sec_type": "STK", "exchange": "SMART", "currency": "USD" },
        "expiration": "2026-12-18", "trading_class": "AAPL", "multiplier": 100, "underlying_price": 230.5,
        "as_of": "2026-11-21T02:00:00Z", "age_ms": 0, "data_type": "delayed", "complete": false,
        "missing": [{ "strike": 232.5, "right": "P", "what": "greeks" }],
        "rows": [row("C", 230.0, full), row("P", 232.5, json!({}))], "total": 2, "truncated": true, "next": 2,
        "context": { "mode": "simulated", "data_type": "delayed", "time": "2026-11-21T02:00:00Z", "time_zone": "America/New_York",
            "market_state": "closed" } })
}

fn write(shape: Shape, reply: &Value) -> Written {
    shape.write(serde_json::to_vec(reply).expect("json").into()).expect("readable")
}

#[test]
fn csv_is_what_optopsy_reads_by_position() {
    let written = write(Shape::OptopsyCsv, &reply("AAPL"));
    let text = String::from_utf8(written.body.to_vec()).expect("UTF-8");
    let lines: Vec<&str> = text.lines().collect();
    // The evening's quotes are of the trading day in New York, whatever day it is in UTC.
    assert_eq!(
        lines,
        [
            "underlying_symbol,underlying_price,option_type,expiration,quote_date,strike,bid,ask,delta,gamma,theta,vega,implied_volatility,volume,open_interest",
            "AAPL,230.5,call,2026-12-18,2026-11-20,230,5.1,5.3,0.53,0.02,-0.1,3.5e-7,0.25,100,1200",
            "AAPL,230.5,put,2026-12-18,2026-11-20,232.5,,,,,,,,,",
        ]
    );
    assert!(text.ends_with('\n') && written.media_type.starts_with("text/csv"));
    assert_eq!(written.complete, Some(false));
    let quoted = write(Shape::OptopsyCsv, &reply("A,\"B\"")).body;
    assert!(quoted.windows(10).any(|window| window == b"\"A,\"\"B\"\"\","), "{quoted:?}");
}

#[test]
fn the_day_of_a_quote_is_that_of_the_exchange() {
    for (zone, day) in [("America/New_York", "2026-11-20"), ("", "2026-11-20"), ("Europe/Berlin", "2026-11-21")] {
        let mut chain = reply("SAP");
        chain["context"]["time_zone"] = json!(zone);
        let json: Value = serde_json::from_slice(&write(Shape::Optopsy, &chain).body).expect("json");
        assert_eq!(json["rows"][0]["quote_date"], json!(day), "{zone}");
    }
}

#[test]
fn json_has_every_column_in_every_row_and_says_what_is_missing() {
    let json: Value = serde_json::from_slice(&write(Shape::Optopsy, &reply("AAPL")).body).expect("json");
    assert_eq!((&json["format"], &json["columns"]), (&json!("optopsy"), &json!(COLUMNS)));
    for row in json["rows"].as_array().expect("rows") {
        let names: Vec<&String> = row.as_object().expect("an object").keys().collect();
        assert_eq!(names, COLUMNS, "in the order of the columns");
    }
    assert_eq!((&json["rows"][0]["option_type"], &json["rows"][0]["strike"]), (&json!("call"), &json!(230)));
    assert_eq!((&json["rows"][1]["bid"], &json["rows"][1]["underlying_price"]), (&Value::Null, &json!(230.5)));
    assert_eq!((&json["complete"], &json["missing"][0]["what"]), (&json!(false), &json!("greeks")));
    assert_eq!((&json["truncated"], &json["next"], &json["context"]["mode"]), (&json!(true), &json!(2), &json!("simulated")));
}

#[test]
fn as_it_is_means_byte_for_byte() {
    let body = Bytes::from_static(b"{ \"rows\" : 1.50 }");
    assert_eq!(Shape::AsItIs.write(body.clone()).expect("not read").body, body);
    assert_eq!(Shape::Optopsy.write(body).expect_err("no chain").code, FaultCode::Internal);
}

#[test]
fn the_format_decides_and_accept_only_chooses_its_file() {
    for (format, csv, shape) in [
        (None, false, Shape::AsItIs),
        (None, true, Shape::AsItIs),
        (Some("json"), true, Shape::AsItIs),
        (Some("optopsy"), false, Shape::Optopsy),
        (Some("optopsy"), true, Shape::OptopsyCsv),
        (Some("optopsy-csv"), false, Shape::OptopsyCsv),
    ] {
        assert_eq!(Shape::of(format, csv), shape, "{format:?} {csv}");
    }
}
