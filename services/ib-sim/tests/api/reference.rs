//! Corporate events, advisors, display groups, settings and what IB withdrew.

use ibapi::accounts::FaDataType;
use ibapi::config::{ApiConfig, ApiPrecautions, ApiSettings, OrdersConfig, OrdersSmartRouting};
use serde_json::Value;

use crate::raw::Raw;
use crate::support::{client, friday, get, settings, soon, start};

#[tokio::test]
async fn corporate_events_follow_the_meta_data() {
    let sim = friday().await;
    let client = client(&sim, 7).await;
    // As at IB: nobody has asked for the meta data yet.
    let early = soon(client.wsh_event_data_by_contract(265_598).fetch()).await.unwrap_err().to_string();
    assert!(early.contains("WSH meta data not requested."), "{early}");
    let meta: Value = serde_json::from_str(&soon(client.wsh_metadata()).await.unwrap().data_json).unwrap();
    assert_eq!(meta["meta_data"]["event_types"][0]["tag"], "wshe_ed");
    let events = soon(client.wsh_event_data_by_contract(265_598).limit(3).fetch()).await.unwrap();
    let events: Value = serde_json::from_str(&events.data_json).unwrap();
    assert_eq!((events.as_array().unwrap().len(), &events[0]["conids"][0]), (3, &Value::from("265598")));
    assert_eq!(get(&sim, "/counters").await["counters"]["unhandled"], 0);
    sim.shutdown().await;
}

#[tokio::test]
async fn corporate_events_need_a_subscription() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.toml");
    let default = include_str!("../../scenarios/default.toml");
    std::fs::write(&file, default.replace("[news]\n", "[news]\nwsh = false\n")).unwrap();
    let sim = start(ib_sim::Settings { scenario: Some(file), ..settings() }).await;
    let client = client(&sim, 7).await;
    for refused in [
        soon(client.wsh_metadata()).await.map(drop).unwrap_err().to_string(),
        soon(client.wsh_event_data_by_contract(265_598).fetch()).await.map(drop).unwrap_err().to_string(),
    ] {
        assert!(refused.contains("10276") && refused.contains("News feed is not allowed."), "{refused}");
    }
    sim.shutdown().await;
}

#[tokio::test]
async fn a_plain_account_is_no_advisor() {
    let sim = friday().await;
    let client = client(&sim, 7).await;
    let refused = soon(client.request_fa(FaDataType::Groups)).await.map(drop).unwrap_err().to_string();
    assert!(refused.contains("FA data operations ignored for non FA customers."), "{refused}");
    let mut raw = Raw::started(&sim, 1).await;
    raw.send(18, &[8, 2]).await;
    assert!(raw.message().await.1.contains("Non-existent FA data operation request."));
    raw.send(19, &[8, 58, 16, 1]).await;
    let (message, text) = raw.message().await;
    assert!(message == 4 && text.starts_with("\u{8}:") && text.contains("FA data operations ignored"), "{text:?}");
    // No tiers, under the request's id: as captured.
    raw.send(79, &[8, 1]).await;
    assert_eq!(raw.message().await, (77, "\u{8}\u{1}".into()));
    sim.shutdown().await;
}

#[tokio::test]
async fn display_groups_are_shared_by_all_clients() {
    let sim = friday().await;
    let (mut one, mut two) = (Raw::started(&sim, 1).await, Raw::started(&sim, 2).await);
    one.send(67, &[8, 1]).await;
    assert_eq!(one.message().await, (67, "\u{8}\u{1}\u{12}\u{d}1|2|3|4|5|6|7".into()));
    for raw in [&mut one, &mut two] {
        raw.send(68, &[8, 2, 16, 1]).await;
        assert_eq!(raw.message().await, (68, "\u{8}\u{2}\u{12}\u{4}none".into()));
    }
    one.send(69, b"\x08\x02\x12\x0c265598@SMART").await;
    for raw in [&mut one, &mut two] {
        assert_eq!(raw.message().await, (68, "\u{8}\u{2}\u{12}\u{c}265598@SMART".into()));
    }
    one.send(70, &[8, 2]).await;
    one.send(69, b"\x08\x02\x12\x04none").await;
    assert!(one.message().await.1.contains("Display group subscription 2 is unknown"));
    one.send(68, &[8, 3, 16, 8]).await;
    assert!(one.message().await.1.contains("Display group 8 is unknown"));
    // Nothing of IB's own clients asks to be verified any more.
    one.send(65, &[]).await;
    assert!(one.message().await.1.contains("Intent to authenticate needs to be expressed"));
    assert_eq!(get(&sim, "/counters").await["counters"]["unhandled"], 0);
    sim.shutdown().await;
}

#[tokio::test]
async fn settings_are_shown_and_changed() {
    let sim = friday().await;
    let client = client(&sim, 7).await;
    let before = soon(client.config()).await.unwrap();
    let shown = before.api.as_ref().unwrap().settings.clone().unwrap();
    assert_eq!((shown.read_only_api, shown.download_open_orders_on_connection), (Some(false), Some(true)));
    let seek = |seek| OrdersConfig { smart_routing: Some(OrdersSmartRouting { seek_price_improvement: Some(seek), ..Default::default() }) };
    let done = soon(client.update_config().orders(seek(true)).submit()).await.unwrap();
    assert_eq!(
        (done.status.as_deref(), done.changed_fields),
        (Some("Success"), vec!["orders.smartRouting.seekPriceImprovement".to_owned()])
    );
    assert_eq!(soon(client.config()).await.unwrap().orders.unwrap(), {
        let mut orders = before.orders.clone().unwrap();
        orders.smart_routing.as_mut().unwrap().seek_price_improvement = Some(true);
        orders
    });
    // What only a start can set is refused, and with it the rest of the change.
    let settings = ApiSettings { read_only_api: Some(true), ..Default::default() };
    let precautions = ApiPrecautions { bypass_bond_warning: Some(true), ..Default::default() };
    let both = ApiConfig { precautions: Some(precautions), settings: Some(settings) };
    let refused = soon(client.update_config().api(both).submit()).await.unwrap();
    assert_eq!((refused.status.as_deref(), refused.errors.len(), refused.changed_fields.len()), (Some("Failed"), 1, 0));
    assert_eq!(soon(client.config()).await.unwrap().api, before.api);
    sim.shutdown().await;
}

#[tokio::test]
async fn order_ids_begin_anew_only_while_nothing_works() {
    let sim = friday().await;
    let client = client(&sim, 7).await;
    let contract = ibapi::contracts::Contract::stock("AAPL").build();
    // Client 7 has placed nothing yet; asking moves its ids on.
    assert!(soon(client.next_valid_order_id()).await.unwrap() > 1);
    let id = soon(client.order(&contract).buy(1).limit(1.0).submit()).await.unwrap();
    let refused = soon(client.update_config().reset_api_order_sequence().submit()).await.unwrap();
    assert_eq!((refused.status.as_deref(), refused.errors.len()), (Some("Failed"), 1));
    drop(soon(client.cancel_order(id.0, "")).await.unwrap());
    crate::support::until(&sim, "/orders", |all| (all["orders"][0]["status"] == "Cancelled").then_some(())).await;
    let done = soon(client.update_config().reset_api_order_sequence().submit()).await.unwrap();
    assert_eq!(done.changed_fields, ["resetAPIOrderSequence"]);
    assert_eq!(soon(client.next_valid_order_id()).await.unwrap(), 2);
    sim.shutdown().await;
}

/// In text only: protobuf has no such message any more.
#[tokio::test]
async fn fundamentals_are_gone() {
    let sim = friday().await;
    let mut raw = crate::text::Raw::started(&sim, 1).await;
    let ask = |id: u8, kind: &str, report: &str| format!("52\x002\0{id}\x000\0AAPL\0{kind}\0SMART\0\0USD\0\0{report}\x000\0\0");
    raw.send(&ask(5, "STK", "ReportSnapshot")).await;
    assert_eq!(raw.message().await.unwrap(), "4\x002\x005\x0010358\0Fundamentals data is not allowed.\0\0");
    raw.send(&ask(6, "STK", "ReportWeather")).await;
    let missing = "The fundamentals data for the security specified is not available.Missing reportType";
    assert_eq!(raw.message().await.unwrap(), format!("4\x002\x006\x00430\0{missing}\0\0"));
    raw.send(&ask(7, "FUT", "ReportSnapshot")).await;
    assert!(raw.message().await.unwrap().starts_with("4\x002\x007\x00200\0"));
    assert_eq!(get(&sim, "/counters").await["counters"]["unhandled"], 0);
    sim.shutdown().await;
}
