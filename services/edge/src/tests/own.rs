//! What the edge answers itself, whatever is down behind it.

use bus::Beacon;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    start,
    world::{gateway, heartbeat, world},
};

/// The typed value, held against the schema of the wire contract.
fn typed(result: &Value) -> &Value {
    assert_eq!(result["isError"], json!(false), "{result}");
    let reply = &result["structuredContent"];
    let _: schemas::edge::HealthReply = serde_json::from_value(reply.clone()).expect("a health reply");
    reply
}

#[tokio::test]
async fn health_is_told_whole_without_nats() {
    let edge = start(&[]).await;
    let result = edge.call("get_health", "{}").await;
    let reply = typed(&result);
    assert_eq!(
        (&reply["status"], &reply["accounts"], &reply["next_login_due"]),
        (&json!("unhealthy"), &json!([]), &Value::Null),
        "{reply}"
    );
    assert_eq!(reply["missing"].as_array().map(Vec::len), Some(2), "{reply}");
    let text = result["content"][0]["text"].as_str().expect("text");
    assert!(text.contains("NATS") && text.lines().last().is_some_and(|line| line.starts_with("MODE NOT KNOWN")), "{text}");
}

#[tokio::test]
async fn health_follows_the_fleet_and_says_what_it_could_not_learn() {
    let world = world().await;
    let result = world.edge.call("get_health", "{}").await;
    assert!(typed(&result)["advice"].as_str().is_some_and(|advice| advice.contains("No worker runs")), "{result}");
    let (connected, says) = watch::channel(true);
    let _beacon = Beacon::start(&world.bus, gateway(), move || heartbeat(*says.borrow()));
    world.until("healthy", |health| health["status"] == "healthy").await;
    let result = world.edge.call("ibkr_get_status", "{}").await;
    let reply = typed(&result);
    assert_eq!(
        (&reply["status"], &reply["workers"]["connected"], &reply["mode"]),
        (&json!("healthy"), &json!(1), &json!("simulated")),
        "{reply}"
    );
    // This worker serves no list of accounts, and there is no gateway-ctl: both are told.
    assert_eq!(reply["missing"].as_array().map(Vec::len), Some(2), "{reply}");
    drop(connected);
}

#[tokio::test]
async fn names_of_tws_mcp_are_listed_with_their_profile_only() {
    let names = async |profile: &str| -> Vec<String> {
        let edge = start(&[("EDGE_PROFILE", profile)]).await;
        let list = edge.mcp(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await.json();
        let tools = list["result"]["tools"].as_array().expect("tools").clone();
        tools.iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
    };
    let (usual, compat) = (names("readonly").await, names("compat-tws").await);
    assert!(usual.iter().all(|name| !name.starts_with("ibkr_")), "{usual:?}");
    for name in ["ibkr_connect", "ibkr_disconnect", "ibkr_get_status", "ibkr_get_positions", "get_positions"] {
        assert!(compat.iter().any(|listed| listed == name), "{name}: {compat:?}");
    }
    let edge = start(&[]).await;
    let refused = edge.call("ibkr_connect", r#"{"host":"10.0.0.1"}"#).await;
    assert_eq!(refused["_meta"]["ib-mesh/fault"]["field"], json!("host"), "{refused}");
    assert_eq!(edge.call("ibkr_disconnect", "{}").await["structuredContent"]["success"], json!(true));
}
