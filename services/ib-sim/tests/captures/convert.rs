//! The captures of a real gateway as transcripts: their lines name messages and fields in words of their own.
//!
//! Invariant: a line or a field without a place in IB's messages is an error, not left out.

use serde_json::{Map, Value, json};

/// What the captures call `$req1`.
const REQUEST_ID: i64 = 1001;

/// The transcript of a capture.
pub(crate) fn transcript(capture: &str) -> String {
    let mut lines =
        vec![json!({"kind": "header", "format": "ibmesh-transcript", "version": 1, "tool": "ibkr-go", "started_ms": 0, "partial": true})];
    let (mut connection, mut bars) = (0, Vec::new());
    for line in capture.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "handshake" => {
                connection += 1;
                let handshake: Value = serde_json::from_str(rest).expect("JSON");
                lines.push(json!({"kind": "open", "connection": connection, "ms": 0, "hello": "v213..226", "server_version": 226,
                    "connection_time": handshake["connection_time"]}));
                lines.push(frame(connection, "client", 71, json!({"clientId": client_id(capture)})));
            }
            "client" | "server" => {
                let (kind, fields) = rest.split_once(' ').expect("a kind and its fields");
                let fields: Value = serde_json::from_str(fields).expect("JSON");
                if kind == "historical_bar" {
                    bars.push(bar(&fields));
                    continue;
                }
                if kind == "historical_bars_end" {
                    let bars = std::mem::take(&mut bars);
                    lines.push(frame(connection, "gateway", 17, json!({"reqId": REQUEST_ID, "historicalDataBars": bars})));
                }
                let (from, (number, fields)) =
                    if word == "client" { ("client", request(kind, &fields)) } else { ("gateway", answer(kind, &fields)) };
                lines.push(frame(connection, from, number, fields));
            }
            "sleep" | "disconnect" => {}
            other => panic!("{other}: {line}"),
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The captures begin after the start of the API; what is told of orders names the client's id.
fn client_id(capture: &str) -> i64 {
    let told = capture.split("\"client_id\":\"").nth(1).and_then(|rest| rest.split('"').next());
    told.map_or(1, |id| id.parse().expect("a client id"))
}

fn frame(connection: u32, from: &str, number: u32, fields: Value) -> Value {
    json!({"kind": "frame", "connection": connection, "ms": 0, "from": from, "dialect": "protobuf", "message": number, "name": "", "fields": fields})
}

fn request(kind: &str, fields: &Value) -> (u32, Value) {
    let id = || id(&fields["req_id"]);
    match kind {
        "req_current_time" => (49, json!({})),
        "req_ids" => (8, json!({"numIds": int(&fields["num_ids"])})),
        "req_account_summary" => {
            let tags: Vec<&str> = fields["tags"].as_array().expect("tags").iter().filter_map(Value::as_str).collect();
            (62, json!({"reqId": id(), "group": fields["account"], "tags": tags.join(",")}))
        }
        "cancel_account_summary" => (63, json!({"reqId": id()})),
        "req_contract_details" => (9, json!({"reqId": id(), "contract": contract(&fields["contract"])})),
        "req_historical_bars" => {
            let contract = contract(&fields["contract"]);
            (
                20,
                json!({"reqId": id(), "contract": contract, "endDateTime": "", "duration": fields["duration"], "barSizeSetting": fields["bar_size"],
                "whatToShow": fields["what_to_show"], "useRTH": fields["use_rth"], "formatDate": 1}),
            )
        }
        "req_positions" => (61, json!({})),
        "cancel_positions" => (64, json!({})),
        "req_open_orders" => (5, json!({})),
        "req_completed_orders" => (99, json!({"apiOnly": fields["api_only"]})),
        "place_order" => {
            // Two of the captures leave the contract out; all of them are about this one.
            let contract =
                if fields["contract"].is_null() { json!({"conId": 265_598, "exchange": "SMART"}) } else { contract(&fields["contract"]) };
            let mut order = order(fields);
            // What every client sends unless it is told otherwise; the captures leave it out.
            order["transmit"] = json!(true);
            (3, json!({"orderId": int(&fields["order_id"]), "contract": contract, "order": order}))
        }
        "cancel_order" => (4, json!({"orderId": int(&fields["order_id"])})),
        other => panic!("request {other}"),
    }
}

fn answer(kind: &str, fields: &Value) -> (u32, Value) {
    let id = || id(&fields["req_id"]);
    match kind {
        "managed_accounts" => {
            let accounts: Vec<&str> = fields["accounts"].as_array().expect("accounts").iter().filter_map(Value::as_str).collect();
            (15, json!({"accountsList": accounts.join(",")}))
        }
        "next_valid_id" => (9, json!({"orderId": int(&fields["order_id"])})),
        "api_error" => {
            let mut error = json!({"id": int(&fields["req_id"]), "errorCode": int(&fields["code"]), "errorMsg": fields["message"]});
            if fields["error_time_ms"] != "" {
                error["errorTime"] = json!(int(&fields["error_time_ms"]));
            }
            (4, error)
        }
        "current_time" => (49, json!({"currentTime": int(&fields["time"])})),
        "account_summary" => (
            63,
            json!({"reqId": id(), "account": fields["account"], "tag": fields["tag"], "value": fields["value"], "currency": fields["currency"]}),
        ),
        "account_summary_end" => (64, json!({"reqId": id()})),
        "contract_details" => {
            let details = pick(
                fields,
                &[("market_name", "marketName"), ("min_tick", "minTick"), ("long_name", "longName"), ("time_zone_id", "timeZoneId")],
            );
            (10, json!({"reqId": id(), "contract": contract(&fields["contract"]), "contractDetails": details}))
        }
        "contract_details_end" => (52, json!({"reqId": id()})),
        "historical_bars_end" => (108, json!({"reqId": id()})),
        "position" => (
            61,
            json!({"account": fields["account"], "contract": contract(&fields["contract"]), "position": fields["position"], "avgCost": double(&fields["avg_cost"])}),
        ),
        "position_end" => (62, json!({})),
        "open_order" => {
            let contract = contract(&fields["contract"]);
            (
                5,
                json!({"orderId": int(&fields["order_id"]), "contract": contract, "order": order(fields), "orderState": pick(fields, &[("status", "status")])}),
            )
        }
        "order_status" => (3, order_status(fields)),
        "open_order_end" => (53, json!({})),
        "completed_order" => {
            (101, json!({"contract": contract(&fields["contract"]), "order": order(fields), "orderState": {"status": fields["status"]}}))
        }
        "completed_order_end" => (102, json!({})),
        "execution_detail" => {
            let texts = [("exec_id", "execId"), ("account", "acctNumber"), ("side", "side"), ("shares", "shares"), ("time", "time")];
            let mut execution = pick(fields, &texts);
            execution["orderId"] = json!(int(&fields["order_id"]));
            execution["price"] = json!(double(&fields["price"]));
            (11, json!({"reqId": int(&fields["req_id"]), "contract": {"symbol": fields["symbol"]}, "execution": execution}))
        }
        "commission_report" => {
            let mut report =
                json!({"execId": fields["exec_id"], "commissionAndFees": double(&fields["commission"]), "currency": fields["currency"]});
            // IB's mark for "none", which protobuf leaves out.
            if double(&fields["realized_pnl"]) < f64::MAX {
                report["realizedPNL"] = json!(double(&fields["realized_pnl"]));
            }
            (59, report)
        }
        other => panic!("answer {other}"),
    }
}

fn order(fields: &Value) -> Value {
    let mut order = pick(fields, &[("action", "action"), ("order_type", "orderType"), ("tif", "tif"), ("account", "account")]);
    for (from, to) in [("total_quantity", "totalQuantity"), ("quantity", "totalQuantity"), ("filled_quantity", "filledQuantity")] {
        if let Some(text) = fields[from].as_str() {
            order[to] = json!(text);
        }
    }
    for (from, to) in [("lmt_price", "lmtPrice"), ("aux_price", "auxPrice")] {
        if fields[from].as_str().is_some_and(|text| !text.is_empty()) {
            order[to] = json!(double(&fields[from]));
        }
    }
    for (from, to) in [("perm_id", "permId"), ("client_id", "clientId"), ("origin", "origin")] {
        if !fields[from].is_null() {
            order[to] = json!(int(&fields[from]));
        }
    }
    order
}

fn order_status(fields: &Value) -> Value {
    let mut status = pick(fields, &[("status", "status"), ("filled", "filled"), ("remaining", "remaining"), ("why_held", "whyHeld")]);
    for (from, to) in [("order_id", "orderId"), ("perm_id", "permId"), ("parent_id", "parentId"), ("client_id", "clientId")] {
        status[to] = json!(int(&fields[from]));
    }
    for (from, to) in [("avg_fill_price", "avgFillPrice"), ("last_fill_price", "lastFillPrice"), ("mkt_cap_price", "mktCapPrice")] {
        status[to] = json!(double(&fields[from]));
    }
    status
}

fn contract(fields: &Value) -> Value {
    let mut contract = pick(
        fields,
        &[
            ("symbol", "symbol"),
            ("sec_type", "secType"),
            ("expiry", "lastTradeDateOrContractMonth"),
            ("right", "right"),
            ("exchange", "exchange"),
            ("primary_exchange", "primaryExch"),
            ("currency", "currency"),
            ("local_symbol", "localSymbol"),
            ("trading_class", "tradingClass"),
        ],
    );
    if !fields["con_id"].is_null() {
        contract["conId"] = json!(int(&fields["con_id"]));
    }
    for name in ["strike", "multiplier"] {
        if !fields[name].is_null() {
            contract[name] = json!(double(&fields[name]));
        }
    }
    contract
}

fn bar(fields: &Value) -> Value {
    let mut bar = pick(fields, &[("time", "date"), ("volume", "volume"), ("wap", "WAP")]);
    for name in ["open", "high", "low", "close"] {
        bar[name] = json!(double(&fields[name]));
    }
    bar["barCount"] = json!(int(&fields["count"]));
    bar
}

/// The texts that are there; the captures write an absent one as empty.
fn pick(fields: &Value, names: &[(&str, &str)]) -> Value {
    let texts =
        names.iter().filter_map(|(from, to)| Some(((*to).to_owned(), fields[*from].as_str().filter(|text| !text.is_empty())?.into())));
    Value::Object(texts.collect::<Map<String, Value>>())
}

fn id(value: &Value) -> i64 {
    if value == "$req1" { REQUEST_ID } else { int(value) }
}

fn int(value: &Value) -> i64 {
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("{value} is no whole number"))
}

fn double(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("{value} is no number"))
}
