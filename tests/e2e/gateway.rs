//! The gateway's control from outside: what people and programs ask, and what becomes of workers and options meanwhile.

use serde_json::{Value, json};

use crate::harness::{
    SOON,
    kept::{Kept, run},
    wait::{eventually, timed},
};

/// Processes that have a session: two workers and options.
const SESSIONS: u64 = 3;

#[tokio::test]
async fn a_logout_holds_every_link_and_a_login_brings_everybody_back() {
    let kept = Kept::start().await;
    assert_eq!(kept.metric("ibmesh_gateway_state{state=\"connected\"} ").await, Some(1));
    let (code, said) = kept.edge.ask("POST /gateway/logout", &json!({"reason": "TWS on the desk"})).await;
    assert_eq!((code, &said["success"]), (200, &json!(true)), "{said}");
    assert_eq!(said["message"], "Gateway stopped. IB session is now free for TWS.");
    assert_eq!(kept.sim_pid(), None, "stopped when it is answered");
    eventually("every link is held", SOON, async || {
        let (code, health) = kept.edge.health().await;
        assert_eq!(code, 200, "what somebody wanted makes nothing unhealthy: {health}");
        let held = kept.all_beats().iter().filter(|beat| beat.ib.as_ref().is_some_and(|ib| !ib.connected)).count();
        if held as u64 == SESSIONS && health["status"] == "degraded" { Ok(()) } else { Err(health.to_string()) }
    })
    .await;
    let before = kept.attempts();
    kept.until_beats(3).await;
    assert_eq!(kept.attempts(), before, "nobody knocks at a gateway that is meant to be down");
    for beat in kept.all_beats() {
        let ib = beat.ib.expect("a session");
        assert_eq!((ib.consecutive_failures, ib.restart_count), (0, 0), "{ib:?}");
    }

    let (code, status) = kept.edge.ask("GET /gateway/status", &Value::Null).await;
    assert_eq!(
        (code, &status["status"], &status["state"], &status["desired"]),
        (200, &json!("disconnected"), &json!("LOGGED_OUT"), &json!("down"))
    );
    let (code, said) = kept.edge.ask("POST /gateway/ensure-ready", &json!({})).await;
    assert_eq!((code, said), (503, json!({"ready": false, "message": "Gateway is logged out. Use POST /gateway/login.", "waited": 0})));
    let (code, said) = kept.edge.ask("POST /gateway/reconnect", &json!({})).await;
    assert_eq!((code, &said["success"], &said["code"]), (409, &json!(false), &json!("conflict")), "{said}");
    let (code, said) = kept.edge.ask("GET /options/expirations/AAPL", &Value::Null).await;
    assert_eq!((code, &said["error"]["code"]), (503, &json!("gateway_logged_out")), "{said}");
    let answer = kept.edge.call("get_contract_details", json!({"symbol": "AAPL"})).await;
    let said = answer.fault("gateway_logged_out");
    assert!(said.contains("TWS on the desk") && said.contains("POST /gateway/login"), "{said}");
    let (code, said) = kept.edge.ask("POST /gateway/logout", &json!({})).await;
    assert_eq!((code, &said["success"], &said["changed"]), (200, &json!(true), &json!(false)), "{said}");
    let (_, health) = kept.edge.health().await;
    assert_eq!((&health["circuit_breaker"]["state"], &health["circuit_breaker"]["failure_count"]), (&json!("closed"), &json!(0)));

    let (code, said) = kept.edge.ask("POST /gateway/login", &json!({})).await;
    assert_eq!((code, &said["message"]), (200, &json!("Gateway started. Authentication in progress.")), "{said}");
    let (code, said) = kept.edge.ask("POST /gateway/ensure-ready?timeout=60", &json!({})).await;
    assert_eq!((code, &said["ready"]), (200, &json!(true)), "{said}");
    kept.until_all_connected().await;
    kept.edge.call("get_contract_details", json!({"symbol": "AAPL"})).await.typed();
    assert_eq!(kept.metric("ibmesh_gateway_actions_total{action=\"start\"} ").await, Some(2), "one for the start, one for the login");
}

#[tokio::test]
async fn a_killed_gateway_comes_back_and_nobody_hammers_it_meanwhile() {
    let kept = Kept::start().await;
    let (first, before) = (kept.sim_pid(), kept.attempts());
    kept.kill_sim();
    let ((), took) = timed(async {
        eventually("another life", SOON, async || match kept.sim_pid() {
            Some(pid) if Some(pid) != first => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
        kept.until_all_connected().await;
    })
    .await;
    // A probe a second each, one before the session, and the session.
    let limit = SESSIONS * (took.as_secs() + 4);
    let made = kept.attempts() - before;
    assert!((2 * SESSIONS..=limit).contains(&made), "{made} connections in {took:?}, at most {limit}");
    kept.edge.call("get_contract_details", json!({"symbol": "AAPL"})).await.typed();
}

#[tokio::test]
async fn a_dead_fleet_before_a_healthy_gateway_restarts_workers_and_not_the_gateway() {
    let kept = Kept::start().await;
    let sim = kept.sim_pid();
    // Only the way of workers and options is cut; gateway-ctl has one of its own.
    kept.gateway.refuse();
    kept.options_gateway.refuse();
    eventually("the workers were told to connect anew", SOON, async || {
        match kept.metric("ibmesh_gateway_actions_total{action=\"restart_workers\"} ").await {
            Some(1..) => Ok(()),
            told => Err(format!("{told:?}")),
        }
    })
    .await;
    let (_, status) = kept.edge.ask("GET /gateway/status", &Value::Null).await;
    assert_eq!((&status["state"], &status["ib_connected"]), (&json!("CONNECTED"), &json!(true)), "{status}");
    kept.gateway.pass();
    kept.options_gateway.pass();
    kept.until_all_connected().await;
    assert_eq!(kept.sim_pid(), sim, "the gateway was left alone");
    assert_eq!(kept.metric("ibmesh_gateway_actions_total{action=\"start\"} ").await, Some(1));
    assert_eq!(kept.metric("ibmesh_gateway_actions_total{action=\"soft_restart\"} ").await, None);
}

#[tokio::test]
async fn a_worker_that_hangs_is_named_for_as_long_as_it_holds_its_session() {
    let kept = Kept::start().await;
    let hung = kept.beats.workers().into_iter().find(|beat| i32::try_from(beat.pid).ok() == kept.workers[0].raw_pid()).expect("it beats");
    kept.workers[0].pause();
    let restart = async || {
        let (code, said) = kept.edge.ask("POST /restart-workers", &json!({})).await;
        assert_eq!((code, &said["success"], &said["restarted"]), (200, &json!(true), &json!(2)), "{said}");
        assert_eq!(said["not_answering"], json!([hung.id]), "{said}");
        assert!(said["message"].as_str().is_some_and(|text| text.contains("1 process was asked and did not answer")), "{said}");
    };
    restart().await;
    let health_of = async || {
        let (code, health) = kept.edge.health().await;
        let worker = health["pool"]["workers"].as_array().into_iter().flatten().find(|worker| worker["id"] == hung.id.as_str()).cloned();
        (code, health, worker)
    };
    eventually("/health calls it dead", SOON, async || match health_of().await {
        (200, health, Some(worker)) if worker["alive"] == false => {
            assert_eq!((&worker["ib_connected"], &worker["available"]), (&json!(false), &json!(false)), "{worker}");
            if health["pool"]["workers_ib_connected"] == 1 { Ok(()) } else { Err(health.to_string()) }
        }
        (code, health, _) => Err(format!("{code} {health}")),
    })
    .await;
    // The message server has dropped it by then, and its session is still there.
    eventually("/health has forgotten it", SOON, async || match health_of().await {
        (200, health, None) => {
            assert_eq!((&health["pool"]["pool_size"], &health["pool"]["workers_alive"]), (&json!(2), &json!(1)), "{health}");
            Ok(())
        }
        (code, health, _) => Err(format!("{code} {health}")),
    })
    .await;
    let id = i64::from(hung.ib.as_ref().and_then(|ib| ib.client_id).expect("it was connected").0);
    assert!(kept.sim.client_ids().await.contains(&id), "the gateway knows it all the same");
    restart().await;
    kept.workers[0].resume();
    kept.until_all_connected().await;
    let (_, said) = kept.edge.ask("POST /restart-workers", &json!({})).await;
    assert_eq!((&said["restarted"], &said["not_answering"]), (&json!(3), &json!([])), "{said}");
    kept.until_all_connected().await;
}

#[tokio::test]
async fn whoever_follows_hears_a_logout_and_a_login_as_they_happen() {
    let kept = Kept::start().await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push((kept.edge.follow("/gateway/events").await, String::new()));
    }
    // Never read: it disturbs nobody.
    let _sleeper = kept.edge.follow("/gateway/events").await;
    kept.edge.ask("POST /gateway/logout", &json!({"reason": "TWS"})).await;
    kept.edge.ask("POST /gateway/login", &json!({})).await;
    for (stream, heard) in &mut streams {
        while heard.matches("\"state\":\"CONNECTED\"").count() < 2 {
            let chunk = tokio::time::timeout(SOON, stream.chunk()).await.expect("in time").expect("a chunk").expect("not the end");
            heard.push_str(&String::from_utf8_lossy(&chunk));
        }
        let states: Vec<&str> = heard.split("\"state\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!((states.first(), states.last()), (Some(&"CONNECTED"), Some(&"CONNECTED")), "{states:?}");
        let at = |state: &str| states.iter().position(|heard| *heard == state).unwrap_or_else(|| panic!("no {state} in {states:?}"));
        assert!(at("STOPPING") < at("LOGGED_OUT") && at("LOGGED_OUT") < at("STARTING"), "{states:?}");
    }
    // Proxies close what is silent.
    let (stream, heard) = &mut streams[0];
    while !heard.contains(": no change\n\n") {
        let chunk = tokio::time::timeout(SOON, stream.chunk()).await.expect("in time").expect("a chunk").expect("not the end");
        heard.push_str(&String::from_utf8_lossy(&chunk));
    }
}

#[tokio::test]
async fn the_command_line_controls_the_gateway() {
    let kept = Kept::start().await;
    let said = kept.cli(&["gateway", "status"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    for part in [": connected since ", "starts left", "PASS  "] {
        assert!(said.out.contains(part), "{part} missing in {said:?}");
    }
    let said = kept.cli(&["gateway", "ensure-ready"]).await;
    assert_eq!((said.code, said.out.as_str()), (Some(0), "Gateway already connected\n"), "{said:?}");

    let said = kept.cli(&["gateway", "logout", "--minutes", "60", "--reason", "TWS"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.starts_with("Gateway stopped. IB session is now free for TWS.\nUse POST /gateway/login"), "{said:?}");
    let lines: Vec<&str> = said.err.lines().collect();
    assert!(lines.iter().any(|line| line.contains("stopping")), "what happens meanwhile is told on stderr: {said:?}");
    let said = kept.cli(&["gateway", "status"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.out.contains("logged_out") && said.out.contains("(TWS), until ") && said.out.contains("`ibmesh gateway login` ends it"),
        "{said:?}"
    );
    let said = kept.cli(&["gateway", "ensure-ready", "--timeout", "30"]).await;
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
    assert!(said.err.contains("Gateway is logged out. Use POST /gateway/login."), "{said:?}");
    let said = kept.cli(&["gateway", "reconnect", "--json"]).await;
    assert_eq!((said.code, &said.json()["code"]), (Some(1), &json!("conflict")), "{said:?}");

    let said = kept.cli(&["gateway", "login", "--timeout", "60"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("Authentication in progress") && said.out.contains("Gateway connected after"), "{said:?}");
    assert!(said.err.lines().any(|line| line.contains(" s  ")), "{said:?}");
    kept.until_all_connected().await;
    let said = kept.cli(&["gateway", "reconnect", "--hard"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.starts_with("Gateway restart initiated. Workers stopped."), "{said:?}");
    let said = kept.cli(&["gateway", "--json", "ensure-ready"]).await;
    assert_eq!((said.code, &said.json()["ready"]), (Some(0), &json!(true)), "{said:?}");

    let nobody = run(&["gateway", "status", "--edge", "http://127.0.0.1:1"], &[]).await;
    assert_eq!(nobody.code, Some(2), "{nobody:?}");
    assert!(nobody.err.contains("no edge answers at http://127.0.0.1:1") && nobody.err.contains("ibmesh up"), "{nobody:?}");
    let wrong = run(&["gateway", "logout", "--minutes", "0"], &[]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    let long = "r".repeat(201);
    let refused = kept.cli(&["gateway", "logout", "--reason", &long]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("reason") && refused.err.contains("200"), "{refused:?}");
}
