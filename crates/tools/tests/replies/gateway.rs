//! Replies as gateway-ctl sends them.

use serde_json::{Value, json};
use tools::GatewayContext;

pub(crate) const LINE: &str = "MODE NOT KNOWN · gateway paper · 10:31:05 EDT";

pub(crate) fn context() -> GatewayContext {
    GatewayContext { mode: None, gateway: "paper".to_owned(), time: "2026-07-24T14:31:05Z".parse().expect("time") }
}

pub(crate) fn command(message: &str, changed: bool) -> Value {
    json!({ "success": true, "message": message, "note": "Wait.", "changed": changed })
}

pub(crate) fn status(words: &str, layers: &[Value]) -> Value {
    json!({
        "status": "disconnected", "container_running": false, "api_port_open": false, "ib_connected": false, "gateway_container": words,
        "api_host": "ibgateway-paper", "api_port": "4004", "state": "LOGGED_OUT", "since": "2026-07-24T14:00:00Z", "reason": words,
        "needs_human": words, "desired": "down", "reset_window": { "kind": "nightly", "from": "2026-07-24T14:00:00Z",
        "until": "2026-07-24T15:00:00Z" }, "next_attempt_at": "2026-07-24T15:00:00Z", "layers": layers, "stale": true,
        "logged_out": { "by": words, "since": "2026-07-24T14:00:00Z", "reason": words, "until": null, "ends_with": "POST /gateway/login" },
        "next_auth_due": "2026-07-26T05:00:00Z", "restart_budget": { "left_30_min": 3, "left_24_h": 8 }, "server_version": 213
    })
}

pub(crate) fn check(words: &str) -> Value {
    json!({ "layer": "api", "check": words, "status": "fail", "detail": words, "evidence": words, "fix": words })
}

/// One reply for each tool, `words` wherever someone else's words stand, `rows` of what there are several of.
pub(crate) fn reply(tool: &str, words: &str, rows: usize) -> Value {
    match tool {
        "gateway_status" => status(words, &vec![check(words); rows]),
        "gateway_login" | "gateway_logout" | "gateway_reconnect" => command(words, rows.is_multiple_of(2)),
        "gateway_ensure_ready" => json!({ "ready": rows.is_multiple_of(2), "message": words, "waited": rows }),
        "gateway_diagnose" => json!({ "verdict": words, "next_action": words, "layers": vec![check(words); rows] }),
        "restart_workers" => json!({ "success": true, "restarted": rows, "not_answering": vec![words; rows], "message": words }),
        other => panic!("no reply for {other}"),
    }
}
