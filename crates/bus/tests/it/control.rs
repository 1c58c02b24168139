//! What is asked of one process by its heartbeat id.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bus::{Builder, Bus, Seen, Server};
use schemas::{
    Fault, FaultCode,
    control::{LEND, Lend, Lent, RESTART, Restart, Restarting},
    health::{Heartbeat, State},
};
use serde_json::{Value, json};
use tokio::{sync::Notify, time::Instant};

use crate::support::{LIMIT, Script, TestResult, beat, connect, eventually, fault, foreign, gateway, nats, serve_settings};

/// At most this many are at work (`serve/control.rs`).
const AT_ONCE: usize = 16;

/// What `hold` does.
#[derive(Debug, Default)]
struct Hold {
    begun: AtomicUsize,
    /// Notified once for each that may end.
    go: Notify,
}

/// Answers `lend` with at most `lends`, `hold` when it may, `panic` not at all.
fn builder(bus: &Bus, id: &str, lends: u32, hold: &Arc<Hold>) -> Builder {
    let hold = Arc::clone(hold);
    Script::new()
        .builder(bus, serve_settings(id, 1, 0))
        .control(LEND, move |lend: Lend| async move { Ok::<_, Fault>(Lent { lent: lends.min(lend.messages) }) })
        .control("hold", move |_: Value| {
            let hold = Arc::clone(&hold);
            async move {
                let go = hold.go.notified();
                hold.begun.fetch_add(1, Ordering::SeqCst);
                go.await;
                Ok(json!({}))
            }
        })
        .control("panic", |told: Value| async move {
            if told.is_object() {
                std::panic::resume_unwind(Box::new("as told"));
            }
            Ok(told)
        })
}

async fn serve(bus: &Bus, id: &str, lends: u32, hold: &Arc<Hold>) -> Server {
    builder(bus, id, lends, hold).start().await.expect("a server")
}

fn process(id: &str) -> Heartbeat {
    beat(id, State::IbDown, &[])
}

async fn lend(bus: &Bus, id: &str, messages: u32) -> Result<Lent, Fault> {
    bus.control(&gateway(), &process(id), LEND, &Lend { messages }, LIMIT).await
}

#[tokio::test]
async fn only_the_process_asked_for_answers_though_it_has_joined_nothing() -> TestResult {
    let nats = nats().await;
    let (serving, asking) = (connect(&nats).await, connect(&nats).await);
    let hold = Arc::<Hold>::default();
    let first = serve(&serving, "worker-1", 3, &hold).await;
    let second = serve(&serving, "worker-2", 5, &hold).await;
    assert!(first.joined().await.is_empty() && second.joined().await.is_empty());
    assert_eq!(lend(&asking, "worker-1", 40).await?, Lent { lent: 3 });
    assert_eq!(lend(&asking, "worker-2", 40).await?, Lent { lent: 5 });
    assert_eq!(lend(&asking, "worker-2", 1).await?, Lent { lent: 1 }, "what was asked arrives");
    let gone = lend(&asking, "worker-3", 40).await.expect_err("nobody has this id");
    assert_eq!(gone.code, FaultCode::NoWorker, "{gone}");
    drop(second);
    // One that arrives while it ends is answered by nobody.
    let soon = Duration::from_millis(200);
    let ask = async || asking.control::<_, Lent>(&gateway(), &process("worker-2"), LEND, &Lend { messages: 1 }, soon).await;
    eventually("an ended server is gone", async || ask().await.is_err_and(|fault| fault.code == FaultCode::NoWorker)).await;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_with_its_reason() -> TestResult {
    let nats = nats().await;
    let serving = connect(&nats).await;
    let _server = serve(&serving, "worker-1", 3, &Arc::default()).await;
    let client = foreign(&nats).await;
    for (verb, body, wanted) in [
        ("restart", "{}".to_owned(), FaultCode::Unsupported),
        (LEND, "40".to_owned(), FaultCode::InvalidParams),
        (LEND, "[40]".to_owned(), FaultCode::InvalidParams),
        (LEND, String::new(), FaultCode::InvalidParams),
        (LEND, r#"{"messages":1,"for":"me"}"#.to_owned(), FaultCode::InvalidParams),
        (LEND, format!(r#"{{"messages":1{}}}"#, " ".repeat(16 * 1024)), FaultCode::TooLarge),
        ("panic", "{}".to_owned(), FaultCode::Internal),
    ] {
        let shown: String = body.chars().take(40).collect();
        let answer = client.request(gateway().control("ib-worker", "worker-1", verb), body.into()).await?;
        assert_eq!(fault(&answer).code, wanted, "{verb} {shown}");
    }
    let answer = client.request("ib.v1.paper.ctl.ib-worker.worker-1.lend", r#"{"messages":2}"#.into()).await?;
    assert_eq!(&answer.payload[..], br#"{"lent":2}"#, "and it still answers");
    Ok(())
}

#[tokio::test]
async fn one_too_many_is_refused_and_each_ends_at_its_budget() -> TestResult {
    let nats = nats().await;
    let (serving, asking) = (connect(&nats).await, connect(&nats).await);
    let hold = Arc::<Hold>::default();
    let _server = serve(&serving, "worker-1", 3, &hold).await;
    let ask_hold = |budget| {
        let asking = asking.clone();
        async move { asking.control::<Value, Value>(&gateway(), &process("worker-1"), "hold", &json!({}), budget).await }
    };
    let held: Vec<_> = (0..AT_ONCE).map(|_| tokio::spawn(ask_hold(LIMIT))).collect();
    eventually("all are at work", async || hold.begun.load(Ordering::SeqCst) == AT_ONCE).await;
    assert_eq!(lend(&asking, "worker-1", 1).await.expect_err("one too many").code, FaultCode::Busy);
    hold.go.notify_waiters();
    for held in held {
        held.await??;
    }
    let began = Instant::now();
    let late = ask_hold(Duration::from_millis(100)).await.expect_err("nobody lets it go");
    assert_eq!(late.code, FaultCode::Timeout, "{late}");
    assert!((Duration::from_millis(100)..LIMIT).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(lend(&asking, "worker-1", 1).await?, Lent { lent: 1 });
    Ok(())
}

#[tokio::test]
async fn every_session_is_restarted_and_who_hangs_is_named() -> TestResult {
    let nats = nats().await;
    let (serving, asking) = (connect(&nats).await, connect(&nats).await);
    let restarts = Arc::<AtomicUsize>::default();
    let server = |id: &str, answers: bool| {
        let restarts = Arc::clone(&restarts);
        Script::new().builder(&serving, serve_settings(id, 1, 0)).control(RESTART, move |Restart {}| {
            restarts.fetch_add(1, Ordering::SeqCst);
            async move { if answers { Ok::<_, Fault>(Restarting {}) } else { std::future::pending().await } }
        })
    };
    let _working = [server("w-1", true).start().await?, server("w-2", true).start().await?, server("hung", false).start().await?];
    let options = Heartbeat { service: "options".to_owned(), ..process("no-such-process") };
    let edge = Heartbeat { service: "edge".to_owned(), ib: None, ..process("edge") };
    let draining = Heartbeat { state: State::Draining, ..process("w-2") };
    let seen = |beats: &[Heartbeat]| beats.iter().map(|beat| Seen { beat: beat.clone(), age: Duration::from_secs(1) }).collect::<Vec<_>>();
    let budget = Duration::from_millis(500);
    let said = asking.restart_workers(&gateway(), &seen(&[process("w-1"), process("hung"), options, edge]), budget).await;
    assert_eq!((said.restarted, said.not_answering), (1, vec!["hung".to_owned()]), "{}", said.message);
    assert!(said.success && said.message.starts_with("1 process drops its IB connection") && said.message.contains("did not answer"));
    assert_eq!(restarts.load(Ordering::SeqCst), 2, "who hangs was asked all the same");
    let said = asking.restart_workers(&gateway(), &seen(&[process("w-1"), process("w-2"), draining]), budget).await;
    assert_eq!((said.restarted, said.not_answering.len(), restarts.load(Ordering::SeqCst)), (2, 0, 4), "{}", said.message);
    Ok(())
}

/// The message server has dropped both: only the client id tells one that hangs from one that was killed and replaced.
#[tokio::test]
async fn who_fell_silent_with_a_session_is_named_until_another_has_its_client_id() -> TestResult {
    let nats = nats().await;
    let asking = connect(&nats).await;
    let holder = |id: &str, client_id: Option<i32>, age_s: u64| {
        let mut beat = process(id);
        beat.ib.as_mut().expect("a session").client_id = client_id.map(schemas::ClientId);
        Seen { beat, age: Duration::from_secs(age_s) }
    };
    let seen = [
        holder("hung", Some(10), 120),
        holder("killed", Some(11), 120),
        holder("never-connected", None, 120),
        // It has ended a moment ago.
        holder("replaces-the-killed", Some(11), 1),
    ];
    let said = asking.restart_workers(&gateway(), &seen, Duration::from_millis(500)).await;
    assert_eq!((said.restarted, said.not_answering), (0, vec!["hung".to_owned()]), "{}", said.message);
    Ok(())
}
