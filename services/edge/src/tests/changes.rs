//! Who listens to resources is told what changes, and nothing else.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use bus::Beacon;
use futures::FutureExt;
use schemas::{Fault, FaultCode};
use serde_json::{Value, json};
use tokio::{sync::watch, time::timeout};

use super::{
    PATIENCE, Running,
    push::BOTH,
    resources::{Memory, POSITIONS, World, worker, world},
    streams::Stream,
    world::{gateway, heartbeat},
};
use crate::mcp::hub::{Change, Kind, Subscription};

impl Running {
    fn follow(&self, uris: &[&str]) -> Subscription {
        let subscription = self.edge.hub.subscribe(&[Kind::Resources]).expect("room");
        assert!(uris.iter().all(|uri| subscription.follow(uri)));
        subscription
    }
}

/// The next changes; fails where none come.
async fn next(subscription: &Subscription) -> Vec<Change> {
    timeout(PATIENCE, subscription.next()).await.expect("a change")
}

fn updated(uri: &str) -> Vec<Change> {
    vec![Change::Updated(Arc::from(uri))]
}

async fn until(what: &str, is: impl Fn() -> bool) {
    let look = async {
        while !is() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("never {what}"));
}

#[tokio::test]
async fn who_follows_a_resource_hears_of_each_change_and_of_nothing_else() {
    let world = world().await;
    world.edge.result("resources/list", json!({})).await;
    let asked = || world.memory.asked.load(Ordering::Relaxed);
    assert_eq!(asked(), 0, "nobody listens, so nobody is asked");
    let subscription = world.edge.follow(&[POSITIONS]);
    // Several looks at what stays the same but for its times are no news.
    until("looked at three times", || asked() >= 3).await;
    world.memory.quantity.store(101, Ordering::Relaxed);
    assert_eq!(next(&subscription).await, updated(POSITIONS));

    // What was read is what later answers are compared with, looks or not.
    world.memory.quantity.store(102, Ordering::Relaxed);
    world.edge.result("resources/read", json!({ "uri": POSITIONS })).await;
    assert_eq!(next(&subscription).await, updated(POSITIONS));

    *world.memory.fault.lock().expect("lock") = Some(Fault::new(FaultCode::StaleData, "too old"));
    assert_eq!(next(&subscription).await, updated(POSITIONS), "that it cannot be read any more is a change");
    *world.memory.fault.lock().expect("lock") = None;
    assert_eq!(next(&subscription).await, updated(POSITIONS));

    // A busy worker says nothing about what is held.
    *world.memory.fault.lock().expect("lock") = Some(Fault::new(FaultCode::Busy, "later"));
    let before = asked();
    until("asked again", || asked() > before + 1).await;
    *world.memory.fault.lock().expect("lock") = None;
    let before = asked();
    until("answered again", || asked() > before + 1).await;
    assert!(subscription.next().now_or_never().is_none(), "nothing has changed");

    drop(subscription);
    until("forgotten", || world.edge.edge.watch.remembered() == 0).await;
}

#[tokio::test]
async fn orders_are_looked_at_when_somebody_begins_to_listen_and_then_seldom() {
    let world = world().await;
    let _subscription = world.edge.follow(&[POSITIONS, "ibkr://orders/DUSIM00001"]);
    let (asked, of_orders) = (|| world.memory.asked.load(Ordering::Relaxed), || world.memory.orders_asked.load(Ordering::Relaxed));
    until("both were looked at", || asked() >= 1 && of_orders() >= 1).await;
    until("looked at four times more", || asked() >= 5).await;
    assert!(of_orders() <= 2, "{} times", of_orders());
}

#[tokio::test]
async fn two_workers_with_memories_that_differ_make_no_noise() {
    let world = world().await;
    let other = Arc::new(Memory {
        accounts: Mutex::new(vec!["DUSIM00001"]),
        quantity: AtomicU32::new(7),
        fault: Mutex::default(),
        found: Mutex::default(),
        asked: AtomicU32::new(0),
        orders_asked: AtomicU32::new(0),
    });
    let _second = worker(&world.bus, &other, "0190a1b2-c3d4-7e5f-8a9b-bbbbbbbbbbbb").await;
    let subscription = world.edge.follow(&[POSITIONS]);
    let both = |times| world.memory.asked.load(Ordering::Relaxed) >= times && other.asked.load(Ordering::Relaxed) >= times;
    // Which of them is asked is NATS's business; reads make looks frequent.
    let read = async |times| {
        while !both(times) {
            world.edge.result("resources/read", json!({ "uri": POSITIONS })).await;
        }
    };
    timeout(PATIENCE, read(1)).await.expect("both are asked");
    assert_eq!(next(&subscription).await, updated(POSITIONS), "the second one says something new, once");
    timeout(PATIENCE, read(20)).await.expect("both are asked again and again");
    assert!(subscription.next().now_or_never().is_none(), "neither has changed");
    other.quantity.store(8, Ordering::Relaxed);
    timeout(PATIENCE, read(40)).await.expect("both are asked again and again");
    assert_eq!(next(&subscription).await, updated(POSITIONS));
}

#[tokio::test]
async fn a_login_changes_the_list_and_a_heartbeat_the_health() {
    let world = world().await;
    let subscription = world.edge.follow(&["ibkr://health"]);
    let (connected, says) = watch::channel(true);
    let beacon = Beacon::start(&world.bus, gateway(), move || heartbeat(*says.borrow()));
    let mut heard = Vec::new();
    while !(heard.contains(&Change::Listed(Kind::Resources)) && heard.contains(&updated("ibkr://health")[0])) {
        heard.extend(next(&subscription).await);
    }
    assert_eq!(world.edge.edge.watch.accounts(), ["DUSIM00001", "DUSIM00002"], "asked for once a worker has IB");
    connected.send_replace(false);
    beacon.changed();
    assert_eq!(next(&subscription).await, updated("ibkr://health"));
    // Another login: its accounts are asked for when a worker has IB again.
    *world.memory.accounts.lock().expect("lock") = vec!["DUSIM00009"];
    connected.send_replace(true);
    beacon.changed();
    let mut heard = Vec::new();
    while !heard.contains(&Change::Listed(Kind::Resources)) {
        heard.extend(next(&subscription).await);
    }
    assert!(world.edge.uris().await.contains(&"ibkr://positions/DUSIM00009".to_owned()));
}

impl World {
    fn hold(&self, quantity: u32) {
        self.memory.quantity.store(quantity, Ordering::Relaxed);
    }

    async fn quantity(&self) -> Value {
        let read = self.edge.result("resources/read", json!({ "uri": POSITIONS })).await;
        let body: Value = serde_json::from_str(read["contents"][0]["text"].as_str().expect("a text")).expect("JSON");
        body["positions"][0]["quantity"].clone()
    }
}

/// The next message of a stream that says anything.
async fn message(stream: &mut Stream) -> Value {
    loop {
        let event = stream.next().await.expect("an event");
        if !event.data.is_empty() {
            return event.json();
        }
    }
}

#[tokio::test]
async fn a_change_is_pushed_to_both_generations() {
    let world = world().await;
    let nothing = "ibkr://nothing";
    let mut listener = world.edge.listen(json!({ "resourcesListChanged": true, "resourceSubscriptions": [POSITIONS, nothing] })).await;
    let acknowledged = message(&mut listener).await;
    assert_eq!(acknowledged["params"]["notifications"]["resourceSubscriptions"], json!([POSITIONS]), "only what exists is honoured");

    let session = world.edge.session(json!({})).await;
    assert_eq!(
        world.edge.in_session(&session, "resources/subscribe", json!({ "uri": nothing })).await.json()["error"]["code"],
        json!(-32602)
    );
    world.edge.in_session(&session, "resources/subscribe", json!({ "uri": POSITIONS })).await;
    let mut stream = world.edge.stream("GET /mcp", &[BOTH, &session], "").await;

    assert_eq!(world.quantity().await, json!(100));
    world.hold(101);
    for (stream, tagged) in [(&mut listener, true), (&mut stream, false)] {
        let told = message(stream).await;
        assert_eq!((&told["method"], &told["params"]["uri"]), (&json!("notifications/resources/updated"), &json!(POSITIONS)));
        assert_eq!(told["params"]["_meta"].is_object(), tagged);
    }
    assert_eq!(world.quantity().await, json!(101));
    *world.memory.accounts.lock().expect("lock") = vec!["DUSIM00001"];
    world.edge.uris().await;
    assert_eq!(message(&mut listener).await["method"], json!("notifications/resources/list_changed"));

    let read = world.edge.modern("resources/read", json!({ "uri": POSITIONS }), json!({})).await.json()["result"].clone();
    assert_eq!((&read["resultType"], &read["ttlMs"], &read["contents"][0]["uri"]), (&json!("complete"), &json!(0), &json!(POSITIONS)));
    assert!(read["_meta"]["ib-mesh/served_by"].is_string() && read["_meta"]["io.modelcontextprotocol/serverInfo"].is_object(), "{read}");
    let gone = world.edge.modern("resources/read", json!({ "uri": nothing }), json!({})).await.json();
    assert_eq!(gone["error"]["code"], json!(-32602));
}

#[tokio::test]
async fn who_reads_slowly_hears_of_the_change_and_not_of_each() {
    let world = world().await;
    let wanted = json!({ "resourceSubscriptions": [POSITIONS] });
    let (mut slow, mut fast) = (world.edge.listen(wanted.clone()).await, world.edge.listen(wanted).await);
    message(&mut fast).await;
    world.quantity().await;
    // Reads tell the watcher of each change at once; the fast one hears while the slow one reads nothing.
    for quantity in 101..400 {
        world.hold(quantity);
        world.quantity().await;
    }
    assert_eq!(message(&mut fast).await["params"]["uri"], json!(POSITIONS));
    message(&mut slow).await;
    let mut heard = 0;
    world.edge.shutdown.cancel();
    while message(&mut slow).await.get("result").is_none() {
        heard += 1;
    }
    assert!((1..100).contains(&heard), "299 changes were told {heard} times");
}
