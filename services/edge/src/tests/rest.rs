//! `/options/...` from the path to the service and back.

use schemas::{Fault, FaultCode, Progress};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    PATIENCE, options, start,
    world::{heartbeat, world},
};

const CHAIN: &str = "/options/chain/AAPL/2026-12-18";

#[tokio::test]
async fn a_chain_is_the_services_own_bytes_under_every_path() {
    let world = world().await;
    let (_server, script) = options::serve(&world).await;
    for path in [CHAIN.to_owned(), format!("/api/v1{CHAIN}"), format!("{CHAIN}/")] {
        let said = world.edge.get(&path).await;
        assert_eq!(said.status, 200, "{said:?}");
        assert_eq!(said.headers["content-type"], "application/json");
        assert_eq!(said.headers["cache-control"], "no-store");
        assert_eq!(said.headers["ib-request-id"].len(), 36);
        assert_eq!(said.body, serde_json::to_string(&options::chain()).expect("json"));
    }
    let asked = json!({"contract": {"symbol": "AAPL"}, "expiration": "2026-12-18", "data_type": "best"});
    assert_eq!(script.last(), asked, "what was not sent is absent");
    assert_eq!(script.caller.lock().expect("lock").as_deref(), Some("http:127.0.0.1"));
    let metrics = world.edge.get("/metrics").await.body;
    let counted = r#"ibmesh_edge_tool_calls_total{tool="/options/chain/{symbol}/{expiration}",outcome="ok"} 3"#;
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test]
async fn path_and_query_become_the_operations_parameters() {
    let world = world().await;
    let (_server, script) = options::serve(&world).await;
    let table: &[(&str, Value)] = &[
        (
            "/options/chain/BRK.B/20261218?right=call&min_strike=450.50&max_strike=500&strikes=5&limit=10&offset=20&max_age=0.25&data_type=live&trading_class=BRKB",
            json!({"contract": {"symbol": "BRK B"}, "expiration": "20261218", "trading_class": "BRKB", "right": "C", "min_strike": 450.5,
                "max_strike": 500, "strikes": 5, "limit": 10, "offset": 20, "max_age_ms": 250, "data_type": "live"}),
        ),
        (
            "/options/chain/^SPX/2026-12-18?moneyness=0.05&delta_min=0.1&delta_max=0.5",
            json!({"contract": {"symbol": "SPX", "sec_type": "IND"}, "expiration": "2026-12-18", "moneyness": 0.05, "delta_min": 0.1,
                "delta_max": 0.5, "data_type": "best"}),
        ),
        (
            "/options/chain/SAP/2026-12-18?sec_type=stk&exchange=eurex&currency=eur&conid=14204",
            json!({"contract": {"conid": 14204, "symbol": "SAP", "sec_type": "STK", "exchange": "EUREX", "currency": "EUR"},
                "expiration": "2026-12-18", "data_type": "best"}),
        ),
        ("/options/chain/265598/2026-12-18", json!({"contract": {"conid": 265_598}, "expiration": "2026-12-18", "data_type": "best"})),
        ("/options/chain/EUR%2FUSD/2026-12-18", Value::Null),
        (
            "/options/expirations/AAPL?trading_class=AAPL&min_strike=100&max_strike=200.5&limit=5000&offset=0",
            json!({"contract": {"symbol": "AAPL"}, "trading_class": "AAPL", "min_strike": 100, "max_strike": 200.5, "limit": 5000,
                "offset": 0}),
        ),
        (
            "/options/quote/aapl?expiration=2026-12-18&strike=230&right=P&max_age=2",
            json!({"contract": {"symbol": "AAPL"}, "expiration": "2026-12-18", "strike": 230, "right": "P", "max_age_ms": 2000,
                "data_type": "best"}),
        ),
    ];
    for (path, asked) in table {
        let said = world.edge.get(path).await;
        assert!([200, 403].contains(&said.status), "{path}: {said:?}");
        if asked.is_null() {
            assert_eq!(script.last()["contract"]["sec_type"], json!("CASH"), "an escaped slash is part of the symbol");
        } else {
            assert_eq!(&script.last(), asked, "{path}");
        }
    }
}

#[tokio::test]
async fn faults_have_their_status_their_body_and_when_to_come_back() {
    let world = world().await;
    let (_server, script) = options::serve(&world).await;
    let said = world.edge.get("/options/quote/AAPL").await;
    assert_eq!((said.status, &said.json()["error"]["ib_code"]), (403, &json!(354)));
    assert!(!said.headers.contains_key("retry-after"));
    for (fault, status, retry_after) in [
        (Fault::new(FaultCode::GatewayDown, "lost in the middle").retry_after_ms(1_001), 503, Some("2")),
        (Fault::new(FaultCode::NotFound, "no such expiration"), 404, None),
        (Fault::new(FaultCode::Timeout, "slow"), 504, Some("1")),
    ] {
        *script.fault.lock().expect("lock") = Some(fault.clone());
        let said = world.edge.get(CHAIN).await;
        assert_eq!((said.status, &said.json()["error"]["message"]), (status, &json!(fault.message)));
        assert_eq!(said.headers.get("retry-after").map(String::as_str), retry_after, "{fault}");
        assert_eq!(said.headers["ib-request-id"].len(), 36);
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_before_anything_is_asked() {
    let world = world().await;
    let (_server, script) = options::serve(&world).await;
    for (path, field) in [
        ("/options/chain/AAPL/2026-12-18?limit=201", "limit"),
        ("/options/chain/AAPL/2026-12-18?limit=1&limit=1", "limit"),
        ("/options/chain/AAPL/2026-12-18?moneynes=1", "moneynes"),
        ("/options/chain/AAPL/2026-12-18?symbol=MSFT", "symbol"),
        ("/options/chain/AA*/2026-12-18", "symbol"),
        ("/options/chain/%20/2026-12-18", "symbol"),
        ("/options/chain/AAPL/2026-12-18?sec_type=STOKC", "sec_type"),
        ("/options/chain/%ff/2026-12-18", "path"),
        ("/options/quote/AAPL?limit=1", "limit"),
        ("/options/expirations/AAPL?min_strike=abc", "min_strike"),
        ("/options/chain/AAPL/2026-12-18?sec_type=OPT", "sec_type"),
        ("/options/chain/AAPL261218C00190000/2026-12-18", "symbol"),
        ("/options/quote/AAPL261218C00190000", "symbol"),
    ] {
        for accept in ["Accept: */*", "Accept: text/event-stream"] {
            let said = world.edge.ask(&format!("GET {path}"), &[accept], "").await;
            let error = said.json()["error"].clone();
            assert_eq!((said.status, &error["code"], &error["field"]), (400, &json!("invalid_params"), &json!(field)), "{path}");
            assert!(error["hint"].is_string(), "{path}: {error}");
        }
    }
    let said = world.edge.ask(&format!("GET {CHAIN}"), &["Ib-Timeout-Ms: soon"], "").await;
    assert_eq!((said.status, &said.json()["error"]["field"]), (400, &json!("Ib-Timeout-Ms")));
    assert!(said.json()["error"]["hint"].is_string(), "{said:?}");
    let said = world.edge.ask(&format!("POST {CHAIN}"), &[], "{}").await;
    assert_eq!((said.status, said.headers["allow"].as_str()), (405, "GET, OPTIONS"));
    assert_eq!(said.json()["error"]["hint"], json!("this path takes GET, OPTIONS"));
    let said = world.edge.ask(&format!("HEAD {CHAIN}"), &[], "").await;
    assert_eq!((said.status, said.headers["allow"].as_str()), (405, "GET, OPTIONS"), "its answer would cost a whole chain");
    let said = world.edge.get("/options/chain/AAPL").await;
    assert!(said.status == 404 && said.body.contains("/options/chain/{symbol}/{expiration}"), "{said:?}");
    assert_eq!(world.edge.ask(&format!("GET {CHAIN}"), &["Host: evil.example.com"], "").await.status, 403);
    assert_eq!(script.count(), 0, "the service heard of none of it");
}

#[tokio::test]
async fn an_option_instead_of_its_underlying_is_told_the_path_that_it_needs() {
    let world = world().await;
    for (path, next) in [
        ("/options/chain/AAPL261218C00190000/2026-12-18", "GET /options/chain/AAPL/20261218"),
        ("/options/expirations/SPXW%20%20261218P05002500", "GET /options/expirations/SPX?trading_class=SPXW"),
        ("/options/quote/AAPL261218C00190000", "GET /options/quote/AAPL?expiration=20261218&strike=190&right=C"),
    ] {
        let error = world.edge.get(path).await.json()["error"].clone();
        assert_eq!((&error["field"], &error["hint"]), (&json!("symbol"), &json!(format!("Call {next}."))), "{path}: {error}");
        let again = world.edge.get(next.trim_start_matches("GET ")).await;
        assert_eq!((again.status, &again.json()["error"]["code"]), (503, &json!("no_worker")), "{next} is good: {again:?}");
    }
}

#[tokio::test]
async fn what_the_service_refuses_is_told_in_the_callers_names() {
    let world = world().await;
    let (_server, script) = options::serve(&world).await;
    *script.fault.lock().expect("lock") = Some(Fault::invalid("contract.sec_type", "sec_type BOND has no options"));
    let said = world.edge.get(&format!("{CHAIN}?sec_type=BOND")).await;
    assert_eq!((said.status, &said.json()["error"]["field"]), (400, &json!("sec_type")));
    let mut stream = world.edge.stream(&format!("GET {CHAIN}?sec_type=BOND"), &["Accept: text/event-stream"], "").await;
    let error = stream.next().await.expect("an event");
    assert_eq!((error.name.as_deref(), &error.json()["error"]["field"]), (Some("error"), &json!("sec_type")));
}

#[tokio::test]
async fn a_page_that_may_call_is_told_so() {
    let edge = start(&[("EDGE_ALLOWED_ORIGINS", "https://app.example")]).await;
    let said = edge.ask(&format!("GET {CHAIN}"), &["Origin: https://app.example"], "").await;
    assert_eq!((said.status, &said.json()["error"]["code"]), (503, &json!("no_worker")), "there is no NATS");
    assert_eq!(said.headers["access-control-allow-origin"], "https://app.example");
    assert!(said.headers["access-control-expose-headers"].contains("Ib-Request-Id"));
    let limit = u32::try_from(crate::edge::CALLS_MAX).expect("small");
    let all = edge.edge.calls.try_acquire_many(limit).expect("idle");
    let said = edge.get(CHAIN).await;
    assert_eq!((said.status, &said.json()["error"]["code"], said.headers["retry-after"].as_str()), (503, &json!("busy"), "1"));
    drop(all);
}

#[tokio::test]
async fn optopsys_columns_as_json_and_as_a_file() {
    let world = world().await;
    let (_server, script) = options::serve(&world).await;
    let said = world.edge.get(&format!("{CHAIN}?format=optopsy")).await.json();
    assert_eq!((&said["rows"][0]["option_type"], &said["rows"][0]["quote_date"]), (&json!("call"), &json!("2026-11-20")));
    let asked = script.count();
    for accept in ["Accept: text/event-stream", "Accept: text/event-stream, text/csv"] {
        let said = world.edge.ask(&format!("GET {CHAIN}?format=optopsy-csv"), &[accept], "").await;
        let error = said.json()["error"].clone();
        assert_eq!((said.status, &error["field"], script.count()), (400, &json!("format"), asked), "{error}");
        assert!(error["hint"].as_str().is_some_and(|hint| hint.contains("leave `Accept: text/event-stream` out")), "{error}");
    }
    let json_first = "Accept: application/json, text/csv;q=0.5";
    let said = world.edge.ask(&format!("GET {CHAIN}?format=optopsy"), &[json_first], "").await;
    assert_eq!(said.json()["format"], json!("optopsy"), "JSON is preferred");
    for (query, accept) in [("optopsy", "Accept: text/csv"), ("optopsy-csv", "Accept: */*"), ("optopsy-csv", "Accept: application/json")] {
        let said = world.edge.ask(&format!("GET {CHAIN}?format={query}"), &[accept], "").await;
        assert!(said.headers["content-type"].starts_with("text/csv"), "{said:?}");
        assert_eq!(said.headers["ib-complete"], "true");
        assert!(said.body.starts_with("underlying_symbol,") && said.body.lines().count() == 2, "{}", said.body);
    }
}

#[tokio::test]
async fn a_long_chain_is_followed_as_events() {
    let world = world().await;
    let (_server, script) = options::serve(&world).await;
    let step = Progress { done: 12, total: 40, note: "quotes".to_owned() };
    *script.steps.lock().expect("lock") = vec![step];
    let accept = "Accept: text/event-stream";
    let mut stream = world.edge.stream(&format!("GET {CHAIN}"), &[accept], "").await;
    assert!(stream.head.contains("text/event-stream") && stream.head.contains("ib-request-id"), "{}", stream.head);
    let progress = stream.next().await.expect("an event");
    assert_eq!((progress.name.as_deref(), progress.data.as_str()), (Some("progress"), r#"{"done":12,"total":40,"note":"quotes"}"#));
    script.go.open();
    let result = stream.next().await.expect("an event");
    assert_eq!(result.name.as_deref(), Some("result"));
    assert_eq!(result.data, serde_json::to_string(&options::chain()).expect("json"));
    assert_eq!(stream.next().await, None);

    script.steps.lock().expect("lock").clear();
    *script.fault.lock().expect("lock") = Some(Fault::new(FaultCode::NotFound, "no such expiration"));
    let mut stream = world.edge.stream(&format!("GET {CHAIN}"), &[accept], "").await;
    let error = stream.next().await.expect("an event");
    assert_eq!((error.name.as_deref(), &error.json()["error"]["code"]), (Some("error"), &json!("not_found")));
    assert_eq!(stream.next().await, None);
    // A browser's EventSource comes back by itself. It has its answer, so it is sent away for good.
    let id = error.id.expect("the end has an id");
    let asked = script.count();
    let said = world.edge.ask(&format!("GET {CHAIN}"), &[accept, &format!("Last-Event-ID: {id}")], "").await;
    assert_eq!((said.status, said.body.as_str(), script.count()), (204, "", asked));
    assert_eq!(progress.id, None, "one that lost its connection half-way asks again");
    // Nothing to follow there.
    let said = world.edge.ask("GET /options/expirations/AAPL", &[accept], "").await;
    assert_eq!(said.json()["expirations"], json!(["2026-12-18"]));
}

#[tokio::test]
async fn whoever_hangs_up_ends_the_chain() {
    let world = world().await;
    let (_server, script) = options::serve(&world).await;
    *script.steps.lock().expect("lock") = vec![Progress::default()];
    for accept in ["Accept: text/event-stream", "Accept: */*"] {
        let edge = &world.edge;
        let line = format!("GET {CHAIN}");
        let asking = async {
            let mut stream = edge.stream(&line, &[accept], "").await;
            stream.next().await
        };
        let begun = async {
            let asked = script.count();
            while script.count() == asked {
                tokio::task::yield_now().await;
            }
        };
        // Dropped as soon as the service has it.
        tokio::select! {
            () = begun => {}
            ended = asking => panic!("{ended:?}"),
        }
        timeout(PATIENCE, script.dropped.notified()).await.expect("the service stops");
    }
}

#[tokio::test]
async fn options_and_the_breaker_have_nothing_to_do_with_each_other() {
    let world = world().await;
    let (server, script) = options::serve(&world).await;
    let breaker = async || world.edge.get("/health").await.json()["circuit_breaker"].clone();
    for code in [FaultCode::GatewayDown, FaultCode::Timeout, FaultCode::UpstreamLost, FaultCode::GatewayDown] {
        *script.fault.lock().expect("lock") = Some(Fault::new(code, "lost in the middle"));
        assert!(world.edge.get(CHAIN).await.status >= 503);
    }
    assert_eq!(breaker().await["failure_count"], json!(0), "chains that fail say nothing about the workers");

    *world.script.search.lock().expect("lock") = Some(Fault::new(FaultCode::Timeout, "the gateway hangs"));
    let search = async || world.edge.call("search_contracts", r#"{"query":"apple"}"#).await["_meta"]["ib-mesh/fault"]["code"].clone();
    for _ in 0..3 {
        assert_eq!(search().await, json!("timeout"));
    }
    assert_eq!((breaker().await["state"].clone(), search().await), (json!("open"), json!("gateway_down")));
    *script.fault.lock().expect("lock") = None;
    assert_eq!(world.edge.get(CHAIN).await.status, 200, "an open breaker refuses no chain");
    assert_eq!(breaker().await["state"], json!("open"), "and a chain that works does not close it");

    // Nor does the service's own heartbeat: the workers' session is another one.
    let (beacon, connect) = options::beats(&world, true);
    let health = world.until("options connected", |health| health["options_client_connected"] == json!(true)).await;
    assert_eq!((&health["circuit_breaker"]["state"], &health["pool"]["workers_alive"]), (&json!("open"), &json!(0)));
    connect.send_replace(false);
    beacon.changed();
    world.until("options away", |health| health["options_client_connected"] == json!(false)).await;
    server.leave(["options.chain"]).await;
    let said = world.edge.get(CHAIN).await;
    let error = said.json()["error"].clone();
    assert_eq!((said.status, &error["code"]), (503, &json!("gateway_down")), "{error}");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("options service")) && said.headers.contains_key("retry-after"));

    let workers = bus::Beacon::start(&world.bus, super::world::gateway(), || heartbeat(true));
    world.until("half open", |health| health["circuit_breaker"]["state"] == "half_open").await;
    drop(workers);
}
