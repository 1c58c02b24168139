//! Market scanners, seen by the real client and in frames.

use futures::StreamExt;
use ibapi::Client;
use ibapi::contracts::TagValue;
use ibapi::scanner::ScannerSubscription;
use ibapi::subscriptions::{SubscriptionItem, SubscriptionItemStreamExt};

use crate::raw::Raw;
use crate::support::{client, friday, get, post, soon};

fn scan(code: &str) -> ScannerSubscription {
    ScannerSubscription {
        instrument: Some("STK".into()),
        location_code: Some("STK.US.MAJOR".into()),
        scan_code: Some(code.into()),
        ..ScannerSubscription::default()
    }
}

async fn rows(client: &Client, scan: &ScannerSubscription, filter: &[TagValue]) -> Vec<String> {
    let mut found = soon(client.scanner_subscription(scan, filter)).await.unwrap();
    let SubscriptionItem::Data(rows) = soon(found.next()).await.unwrap().unwrap() else { panic!("a notice") };
    assert!((0..).zip(&rows).all(|(rank, row)| row.rank == rank));
    rows.into_iter().map(|row| row.contract_details.contract.symbol.to_string()).collect()
}

#[tokio::test]
async fn scans_rank_the_market() {
    let sim = friday().await;
    let client = client(&sim, 7).await;
    let xml = soon(client.scanner_parameters()).await.unwrap();
    assert!(xml.contains("<scanCode>TOP_PERC_GAIN</scanCode>"));
    let gainers = rows(&client, &scan("TOP_PERC_GAIN"), &[]).await;
    let losers = rows(&client, &scan("TOP_PERC_LOSE"), &[]).await;
    assert_eq!((gainers.len(), losers.len()), (50, 50));
    assert!(gainers[..10].iter().all(|symbol| !losers[..10].contains(symbol)));
    let five = ScannerSubscription { number_of_rows: 5, ..scan("MOST_ACTIVE") };
    let small = [TagValue { tag: "usdMarketCapBelow".into(), value: "500000".into() }];
    let (all, narrowed) = (rows(&client, &five, &[]).await, rows(&client, &five, &small).await);
    assert_eq!((all.len(), narrowed.len()), (5, 5));
    assert_ne!(all, narrowed);
    assert_eq!(get(&sim, "/counters").await["counters"]["unhandled"], 0);
    sim.shutdown().await;
}

#[tokio::test]
async fn nothing_found_is_a_message_and_no_end() {
    let sim = friday().await;
    let client = client(&sim, 7).await;
    let dear = ScannerSubscription { above_price: Some(1e9), ..scan("MOST_ACTIVE") };
    let mut found = soon(client.scanner_subscription(&dear, &[])).await.unwrap();
    let SubscriptionItem::Notice(notice) = soon(found.next()).await.unwrap().unwrap() else { panic!("rows") };
    assert_eq!((notice.code, notice.message.as_str()), (165, "Historical Market Data Service query message:no items retrieved"));
    let mut unknown = soon(client.scanner_subscription(&scan("TOP_NONSENSE"), &[])).await.unwrap();
    let refused = soon(unknown.next()).await.unwrap().unwrap_err().to_string();
    assert!(refused.contains("scanner type TOP_NONSENSE is disabled"), "{refused}");
    sim.shutdown().await;
}

/// `{1: req_id, 2: {1: 3 rows, 2: STK, 3: STK.US.MAJOR, 4: MOST_ACTIVE}}`
fn request(req_id: u8) -> Vec<u8> {
    let mut inner = vec![0x08, 3];
    for (tag, text) in [(0x12, "STK"), (0x1A, "STK.US.MAJOR"), (0x22, "MOST_ACTIVE")] {
        inner.extend([tag, u8::try_from(text.len()).unwrap()]);
        inner.extend(text.as_bytes());
    }
    let mut body = vec![0x08, req_id, 0x12, u8::try_from(inner.len()).unwrap()];
    body.extend(inner);
    body
}

#[tokio::test]
async fn ten_at_once_and_cancels_are_confirmed_with_162() {
    let sim = friday().await;
    let mut raw = Raw::started(&sim, 1).await;
    for req_id in 1..=10 {
        raw.send(22, &request(req_id)).await;
        assert_eq!(raw.message().await.0, 20);
    }
    let mut other = Raw::started(&sim, 2).await;
    other.send(22, &request(11)).await;
    let (message, text) = other.message().await;
    assert!(message == 4 && text.contains("Only 10 simultaneous API scanner subscriptions are allowed."), "{text}");
    raw.send(22, &request(1)).await;
    assert!(raw.message().await.1.contains("Duplicate ticker ID for API scanner subscription"));
    raw.send(23, &[8, 1]).await;
    let (_, text) = raw.message().await;
    assert!(text.contains("Historical Market Data Service error message:API scanner subscription cancelled: 1"), "{text}");
    raw.send(23, &[8, 1]).await;
    assert!(raw.message().await.1.contains("No scanner subscription found for ticker id:1"));
    // The place is free again, also for another client; a connection that ends gives back all of its own.
    other.send(22, &request(11)).await;
    assert_eq!(other.message().await.0, 20);
    drop(raw);
    crate::support::until(&sim, "/clients", |clients| (clients["clients"] == serde_json::json!([2])).then_some(())).await;
    for req_id in 12..=20 {
        other.send(22, &request(req_id)).await;
        assert_eq!(other.message().await.0, 20);
    }
    sim.shutdown().await;
}

/// News of the day come at their times: the clock is set to the end of a day with an outage.
#[tokio::test]
async fn bulletins_come_when_they_are_due() {
    let sim = friday().await;
    let client = client(&sim, 7).await;
    let mut bulletins = soon(client.news_bulletins(true)).await.unwrap().filter_data();
    let first = soon(bulletins.next()).await.unwrap().unwrap();
    assert_eq!((first.message_type, first.exchange.as_str()), (1, "IB"));
    post(&sim, "/clock", r#"{"set":"2026-11-23T15:00:00-05:00"}"#).await;
    let next = soon(bulletins.next()).await.unwrap().unwrap();
    assert!(next.message_id > first.message_id);
    sim.shutdown().await;
}
