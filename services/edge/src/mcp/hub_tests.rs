use futures::FutureExt;

use super::*;

fn updated(uri: &str) -> Change {
    Change::Updated(Arc::from(uri))
}

fn watched(hub: &Hub) -> Vec<String> {
    hub.watched().borrow().iter().cloned().collect()
}

#[tokio::test(start_paused = true)]
async fn a_reader_hears_what_it_follows_and_a_repeat_once() {
    let hub = Hub::default();
    let reader = hub.subscribe(&[Kind::Tools]).expect("room");
    assert!(reader.follow("ibkr://a") && reader.follow("ibkr://a") && reader.follow("ibkr://b"));
    for change in ["ibkr://b", "ibkr://a", "ibkr://b", "ibkr://c"] {
        hub.updated(change);
    }
    hub.listed(Kind::Tools);
    hub.listed(Kind::Prompts);
    let before = Instant::now();
    assert_eq!(reader.next().await, [Change::Listed(Kind::Tools), updated("ibkr://a"), updated("ibkr://b")]);
    assert_eq!(before.elapsed(), Duration::ZERO, "the first word is told at once");
    assert!(reader.next().now_or_never().is_none(), "nothing is told twice");

    hub.updated("ibkr://a");
    hub.updated("ibkr://b");
    assert_eq!(reader.next().await, [updated("ibkr://a"), updated("ibkr://b")]);
    assert_eq!(before.elapsed(), PAUSE);
    reader.leave("ibkr://a");
    reader.leave("ibkr://never");
    hub.updated("ibkr://a");
    assert!(tokio::time::timeout(PAUSE * 2, reader.next()).await.is_err());
}

#[tokio::test]
async fn a_waiting_reader_is_woken() {
    let hub = Arc::new(Hub::default());
    let reader = hub.subscribe(&[Kind::Resources]).expect("room");
    let heard = tokio::spawn(async move { reader.next().await });
    tokio::task::yield_now().await;
    hub.listed(Kind::Resources);
    assert_eq!(
        tokio::time::timeout(Duration::from_secs(5), heard).await.expect("in time").expect("no panic"),
        [Change::Listed(Kind::Resources)]
    );
}

#[test]
fn watched_is_what_somebody_follows() {
    let hub = Hub::default();
    let (one, two) = (hub.subscribe(&[]).expect("room"), hub.subscribe(&[]).expect("room"));
    assert!(one.follow("ibkr://a") && two.follow("ibkr://a") && two.follow("ibkr://b"));
    assert_eq!(watched(&hub), ["ibkr://a", "ibkr://b"]);
    drop(one);
    assert_eq!(watched(&hub), ["ibkr://a", "ibkr://b"], "another still follows it");
    two.leave("ibkr://b");
    assert_eq!(watched(&hub), ["ibkr://a"]);
    drop(two);
    assert!(watched(&hub).is_empty() && hub.shared.table().all == 0 && hub.shared.table().subscribers.is_empty());
}

#[test]
fn a_reader_that_never_reads_costs_a_few_names() {
    let hub = Hub::default();
    let reader = hub.subscribe(&[Kind::Tools]).expect("room");
    assert!(!reader.follow(&"x".repeat(URI_BYTES_MAX + 1)));
    let followed = (0..URIS_MAX + 10).filter(|n| reader.follow(&format!("ibkr://market-data/{n}"))).count();
    assert_eq!(followed, URIS_MAX);
    for n in 0..100_000 {
        hub.updated(&format!("ibkr://market-data/{}", n % 100));
        hub.listed(Kind::Tools);
    }
    assert_eq!(hub.shared.table().subscribers[&reader.id].pending.len(), URIS_MAX + 1);
}

#[test]
fn subscriptions_are_limited_one_by_one_and_together() {
    let hub = Hub::default();
    let mut all: Vec<_> = (0..SUBSCRIPTIONS_MAX + 10).filter_map(|_| hub.subscribe(&[])).collect();
    assert_eq!(all.len(), SUBSCRIPTIONS_MAX);
    let followed = all.iter().flat_map(|reader| (0..URIS_MAX).filter(|n| reader.follow(&n.to_string()))).count();
    assert_eq!(followed, ALL_URIS_MAX);
    all.pop();
    assert!(hub.subscribe(&[]).is_some(), "who leaves makes room");
}
