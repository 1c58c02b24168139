//! /health in its three states, and the other addresses that machines ask.

use serde_json::{Value, json};

use crate::harness::{Stack, StackOptions};

/// Every field of the predecessors, whatever the state.
fn has_the_documented_shape(health: &Value) {
    for (field, is) in [
        ("/status", Value::is_string as fn(&Value) -> bool),
        ("/ib_connected", Value::is_boolean),
        ("/options_client_connected", Value::is_boolean),
        ("/service", Value::is_string),
        ("/ib_host", Value::is_string),
        ("/ib_port", Value::is_string),
        ("/circuit_breaker/state", Value::is_string),
        ("/circuit_breaker/failure_count", Value::is_u64),
        ("/circuit_breaker/last_failure_ago", |value| value.is_null() || value.is_number()),
        ("/circuit_breaker/recovery_in", |value| value.is_null() || value.is_number()),
        ("/pool/pool_size", Value::is_u64),
        ("/pool/workers_alive", Value::is_u64),
        ("/pool/workers_ib_connected", Value::is_u64),
        ("/pool/workers_available", Value::is_u64),
        ("/pool/workers", Value::is_array),
    ] {
        assert!(health.pointer(field).is_some_and(is), "{field} in {health}");
    }
    for worker in health["pool"]["workers"].as_array().into_iter().flatten() {
        for field in ["id", "client_id", "alive", "ib_connected", "available", "consecutive_failures", "restart_count"] {
            assert!(worker.get(field).is_some(), "{field} in {worker}");
        }
    }
}

#[tokio::test]
async fn the_status_follows_the_workers_and_their_gateway() {
    let mut stack = Stack::with_workers(2).await;
    let (code, health) = stack.until_status("healthy").await;
    has_the_documented_shape(&health);
    assert_eq!(code, 200);
    assert_eq!((&health["service"], &health["ib_connected"]), (&json!("ib-paper"), &json!(true)));
    assert_eq!(health["ib_port"], stack.gateway.addr.port().to_string());
    assert_eq!(health["pool"]["pool_size"], 2);
    assert_eq!(health["mode"], "simulated");

    stack.gateway.refuse();
    let (code, health) = stack.until_status("degraded").await;
    has_the_documented_shape(&health);
    assert_eq!((code, &health["ib_connected"]), (200, &json!(false)), "alive but not connected is no reason to restart anything");
    assert_eq!(health["pool"]["workers_alive"], 2);

    for worker in &mut stack.workers {
        worker.kill().await;
    }
    let (code, health) = stack.until_status("unhealthy").await;
    has_the_documented_shape(&health);
    assert_eq!((code, &health["pool"]["workers_alive"]), (503, &json!(0)));
    assert_eq!(stack.edge.get("/live").await.0, 200, "the edge itself is well");
}

#[tokio::test]
async fn an_edge_without_workers_answers_all_the_same() {
    let stack = Stack::with(StackOptions { workers: 0, ..StackOptions::default() }).await;
    let (code, health) = stack.edge.health().await;
    has_the_documented_shape(&health);
    assert_eq!((code, &health["status"]), (503, &json!("unhealthy")));
    let (code, same) = stack.edge.get("/api/v1/health").await;
    assert_eq!((code, serde_json::from_str::<Value>(&same).unwrap()["status"].clone()), (503, json!("unhealthy")));
    assert_eq!(stack.edge.get("/live").await.0, 200);
    assert!(stack.edge.get("/metrics").await.1.contains("ibmesh"));
}
