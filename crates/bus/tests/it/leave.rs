//! Leaving a queue group without losing a request.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bus::{CallOptions, Caller};
use schemas::{FaultCode, account::Summary};
use tokio::time::{Instant, timeout};

use crate::support::{
    LIMIT, POSITIONS, SUMMARY, SUMMARY_SUBJECT, Script, TestResult, account, ask, asking, connect, eventually, foreign, gateway, nats,
    quick, rig, serve_settings, summary, within_ms,
};

/// Leaves, over all servers.
const LEAVES: usize = 102;
const CALLERS: usize = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_come_and_go_and_no_request_is_lost() -> TestResult {
    let nats = nats().await;
    let script = Script::new();
    let mut servers = Vec::new();
    for n in 0..3 {
        let bus = connect(&nats).await;
        servers.push(script.serve(&bus, serve_settings(&format!("worker-{n}"), 64, 64)).await);
    }
    let calling = connect(&nats).await;
    let load = CallLoad::start(&Caller::start(&calling, gateway()).await?);
    for leave in 0..LEAVES {
        let server = &servers[leave % servers.len()];
        let before = load.answered();
        server.leave([SUMMARY]).await;
        assert_eq!(server.joined().await, [POSITIONS]);
        server.join([SUMMARY]).await?;
        eventually("requests are answered", async || load.answered() > before + CALLERS).await;
    }
    load.finish().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_are_rolled_and_no_request_is_lost() -> TestResult {
    let nats = nats().await;
    let script = Script::new();
    let calling = connect(&nats).await;
    let mut old = Vec::new();
    for n in 0..2 {
        let bus = connect(&nats).await;
        old.push((script.serve(&bus, serve_settings(&format!("worker-{n}"), 64, 64)).await, bus));
    }
    let load = CallLoad::start(&Caller::start(&calling, gateway()).await?);
    for n in 2..32 {
        let bus = connect(&nats).await;
        let new = (script.serve(&bus, serve_settings(&format!("worker-{n}"), 64, 64)).await, bus);
        let (server, bus) = std::mem::replace(&mut old[n % 2], new);
        // Every second one is in the middle of leaving when it is told to end.
        let _begun = n.is_multiple_of(2).then(|| futures::FutureExt::now_or_never(server.leave([SUMMARY])));
        server.drain(LIMIT).await;
        bus.close().await;
        drop(server);
        let before = load.answered();
        eventually("requests are answered", async || load.answered() > before + CALLERS).await;
    }
    load.finish().await
}

/// Callers that ask without a pause, each of which fails as soon as one request is lost.
struct CallLoad {
    over: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    callers: Vec<tokio::task::JoinHandle<Result<(), schemas::Fault>>>,
}

impl CallLoad {
    fn start(caller: &Caller) -> Self {
        let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let callers = (0..CALLERS).map(|n| {
            let (caller, over, answered) = (caller.clone(), Arc::clone(&over), Arc::clone(&answered));
            tokio::spawn(async move {
                let body = bytes::Bytes::from(format!(r#"{{"account":"DU{n}"}}"#));
                while !over.load(Ordering::Relaxed) {
                    let reply = caller.call(crate::support::row::<Summary>(), body.clone(), CallOptions::default()).await?;
                    // A lost request would be hidden by the second attempt.
                    assert_eq!(reply.attempts, 1, "a request was lost and asked again");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })
        });
        Self { callers: callers.collect(), over, answered }
    }

    fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    async fn finish(self) -> TestResult {
        self.over.store(true, Ordering::Relaxed);
        for task in self.callers {
            timeout(LIMIT, task).await???;
        }
        Ok(())
    }
}

#[tokio::test]
async fn who_has_left_is_asked_no_more() -> TestResult {
    let rig = rig(2, 2).await;
    rig.server.leave([SUMMARY]).await;
    let refused = foreign(&rig.nats).await.request(SUMMARY_SUBJECT, "{}".into()).await.expect_err("nobody listens");
    assert_eq!(refused.kind(), async_nats::client::RequestErrorKind::NoResponders);
    rig.server.join([SUMMARY]).await?;
    assert_eq!(ask(&rig.caller, "DU1").await?, summary("DU1"));
    Ok(())
}

#[tokio::test]
async fn drain_finishes_what_is_at_work_and_its_reply_arrives() -> TestResult {
    let rig = rig(1, 2).await;
    let first = asking(&rig.caller, "hold", within_ms(9_000));
    eventually("it is at work", async || rig.script.alive() == 1).await;
    let second = asking(&rig.caller, "DU2", within_ms(9_000));
    eventually("one waits", async || rig.server.in_flight() == 2).await;
    let load = rig.server.load();
    let drained = tokio::spawn(async move { rig.server.drain(LIMIT).await });
    let foreign = foreign(&rig.nats).await;
    eventually("it has left", async || foreign.request(SUMMARY_SUBJECT, "nonsense".into()).await.is_err()).await;
    assert!(!drained.is_finished());
    rig.script.go.add_permits(1);
    timeout(LIMIT, drained).await??;
    assert_eq!(load.in_flight(), 0);
    rig.serving.close().await;
    assert_eq!(timeout(LIMIT, first).await???, summary("hold"));
    assert_eq!(timeout(LIMIT, second).await???, summary("DU2"));
    Ok(())
}

#[tokio::test]
async fn what_a_drain_cannot_wait_for_is_told_at_once() -> TestResult {
    let rig = rig(2, 2).await;
    let foreign = foreign(&rig.nats).await;
    let call = tokio::spawn(async move { foreign.request(SUMMARY_SUBJECT, r#"{"account":"never"}"#.into()).await });
    eventually("it is at work", async || rig.script.alive() == 1).await;
    let begun = Instant::now();
    rig.server.drain(Duration::from_millis(100)).await;
    rig.serving.close().await;
    let fault = crate::support::fault(&timeout(LIMIT, call).await???);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(fault.code, FaultCode::Busy, "busy makes callers ask another worker");
    assert!(fault.message.contains("its worker is ending"), "{fault}");
    assert_eq!(rig.script.alive(), 0, "the handler is gone");
    Ok(())
}

#[tokio::test]
async fn another_worker_takes_over_what_a_drain_could_not_wait_for() -> TestResult {
    let rig = rig(2, 2).await;
    // So that it is the worker's word, and not its silence, that the second attempt follows.
    let caller = rig.caller.patience(bus::Patience { accept_wait: Duration::from_secs(8), lost_after: Duration::from_secs(8), ..quick() });
    let call = asking(&caller, "hold", within_ms(9_900));
    eventually("it is at work", async || rig.script.alive() == 1).await;
    let (other, bus) = (Script::new(), connect(&rig.nats).await);
    let _second = other.serve(&bus, serve_settings("worker-2", 2, 2)).await;
    other.go.add_permits(1);
    let begun = Instant::now();
    rig.server.drain(Duration::from_millis(50)).await;
    assert_eq!(timeout(LIMIT, call).await???, summary("hold"));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!((rig.script.count("hold"), other.count("hold")), (1, 1));
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_dropped_leaves_too() -> TestResult {
    let rig = rig(2, 2).await;
    let foreign = foreign(&rig.nats).await;
    drop(rig.server);
    eventually("nobody listens", async || foreign.request(SUMMARY_SUBJECT, "{}".into()).await.is_err()).await;
    eventually("nor to $SRV", async || foreign.request("$SRV.PING", "".into()).await.is_err()).await;
    let _ = rig.caller;
    Ok(())
}

#[tokio::test]
async fn a_leave_that_is_not_waited_for_is_finished_by_the_drain() -> TestResult {
    let rig = rig(4, 4).await;
    // Polled once: it has begun.
    assert!(futures::FutureExt::now_or_never(rig.server.leave([SUMMARY])).is_none());
    timeout(LIMIT, rig.server.drain(LIMIT)).await?;
    let foreign = foreign(&rig.nats).await;
    assert!(foreign.request(SUMMARY_SUBJECT, "{}".into()).await.is_err(), "it has left when the drain is over");
    Ok(())
}

#[tokio::test]
async fn after_a_drain_nothing_is_joined_any_more() -> TestResult {
    let rig = rig(4, 4).await;
    let server = Arc::new(rig.server);
    server.drain(LIMIT).await;
    assert!(server.join([SUMMARY]).await.is_err());
    assert!(server.joined().await.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_leave_while_the_server_is_away_is_not_undone_by_the_reconnect() -> TestResult {
    let mut rig = rig(2, 2).await;
    rig.nats.abort().await?;
    eventually("the loss is noticed", async || !rig.serving.is_connected()).await;
    assert!(rig.server.join(["account.summary", "account.overview"]).await.is_err(), "no such route");
    timeout(LIMIT, rig.server.leave([SUMMARY])).await?;
    rig.nats.restart().await?;
    eventually("both are back", async || rig.serving.is_connected() && rig.calling.is_connected()).await;
    rig.serving.barrier().await?;
    let foreign = foreign(&rig.nats).await;
    assert!(foreign.request(SUMMARY_SUBJECT, "{}".into()).await.is_err(), "it has left");
    rig.server.join([SUMMARY]).await?;
    let reply = rig.caller.ask::<Summary>(&account("DU1"), within_ms(5_000)).await?;
    assert_eq!(reply, summary("DU1"), "and can join again");
    Ok(())
}
