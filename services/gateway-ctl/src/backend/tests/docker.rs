//! What is seen of a container: its lives, its log, a lost engine, refusals.

use tokio::time::timeout;

use super::{
    AT_ONCE, Container, DEADLINE, EngineSeen, Marker, Seen, Watch,
    engine::{Engine, NEW, OLD},
    soon,
};

const IBC: &str = "2026-11-20 10:15:31:042 IBC: ";

fn ibc(text: &str) -> String {
    format!("{IBC}{text}")
}

/// A gateway that has logged in and said so in this life, after one that failed in an earlier one.
fn with_two_lives(engine: &Engine) {
    engine.run();
    engine.say(&ibc("Starting session: will exit if login dialog is not displayed within 60 seconds"));
    engine.say(&ibc("Login failed"));
    engine.die(0);
    engine.run();
    engine.say(&ibc("Starting session: will exit if login dialog is not displayed within 60 seconds"));
    engine.say(&ibc("Login attempt: 1"));
}

#[tokio::test]
async fn a_life_is_told_from_where_it_stands_to_its_end_however_the_log_is_cut() {
    for (api, piece) in [(OLD, 1), (NEW, 1), (OLD, 3), (NEW, 11), (NEW, 4_096)] {
        let engine = Engine::start(api);
        engine.change(|held| held.piece = piece);
        with_two_lives(&engine);
        let mut watch = Watch::on(&engine.backend());
        watch.marker(Marker::LogIn { attempt: 1 }).await;
        assert_eq!(watch.engine, EngineSeen::Reachable);
        assert_eq!(watch.markers(), [Marker::LogIn { attempt: 1 }], "what was said is told once");
        assert_eq!((watch.log().launches, watch.log().failed_log_ins), (1, 0), "the earlier life does not count");
        let started_at = engine.shared.held().started_at;
        assert_eq!(watch.container, Container::Running { started_at });
        engine.say(&ibc("Login has completed"));
        watch.marker(Marker::LoggedIn).await;
        watch.told.clear();
        engine.change(|held| {
            let at = held.tick();
            let text = "IBC returned exit status 87".to_owned();
            held.lines.push(super::engine::Line { at, stderr: true, text });
            held.die(87);
        });
        assert_eq!(watch.exits().await, Some(87));
        let last = watch.told.iter().rposition(|seen| matches!(seen, Seen::Log(_))).expect("a log");
        let end = watch.told.iter().position(|seen| matches!(seen, Seen::Container(Container::Exited { .. }))).expect("an end");
        assert!(last < end && watch.log().marker == Marker::Exited { code: 87 }, "the last lines come before the end: {:?}", watch.told);
        watch.end().await;
    }
}

#[tokio::test]
async fn the_end_of_a_life_that_was_not_watched_is_told_with_its_log() {
    let engine = Engine::start(OLD);
    with_two_lives(&engine);
    engine.say(&ibc("Login failed"));
    engine.die(0);
    let mut watch = Watch::on(&engine.backend());
    assert_eq!(watch.exits().await, Some(0));
    assert_eq!((watch.log().marker, watch.log().failed_log_ins), (Marker::LogInFailed, 1));
}

#[tokio::test]
async fn each_start_begins_a_new_log() {
    let engine = Engine::start(NEW);
    with_two_lives(&engine);
    let mut watch = Watch::on(&engine.backend());
    watch.marker(Marker::LogIn { attempt: 1 }).await;
    // Between two looks: the end is not seen, the begin is.
    let (first, second) = engine.change(|held| {
        let first = held.started_at;
        held.status = "exited";
        held.start();
        (first, held.started_at)
    });
    assert_ne!(first, second);
    engine.say(&ibc("Login has completed"));
    watch.until("the second life", |watch| watch.container == Container::Running { started_at: second }).await;
    watch.marker(Marker::LoggedIn).await;
    assert_eq!(watch.log().launches, 0, "the launch was in the life before");
}

#[tokio::test]
async fn a_stream_that_is_cut_in_a_line_loses_and_repeats_nothing() {
    let engine = Engine::start(OLD);
    engine.run();
    engine.say(&ibc("Login failed"));
    let mut watch = Watch::on(&engine.backend());
    let failed = |count: u32| move |watch: &Watch| watch.log.as_ref().is_some_and(|log| log.failed_log_ins == count);
    watch.until("one", failed(1)).await;
    for count in 2..4 {
        engine.say(&ibc("Login failed"));
        watch.until("one more", failed(count)).await;
        engine.change(|held| held.cuts += 1);
    }
    engine.say(&ibc("Login failed"));
    watch.until("four", failed(4)).await;
    engine.say(&ibc("Login has completed"));
    watch.marker(Marker::LoggedIn).await;
    assert_eq!(watch.log().failed_log_ins, 4);
}

#[tokio::test]
async fn a_lost_engine_is_a_state_and_what_happened_meanwhile_is_seen() {
    let mut engine = Engine::start(NEW);
    with_two_lives(&engine);
    let mut watch = Watch::on(&engine.backend());
    watch.marker(Marker::LogIn { attempt: 1 }).await;
    let running = watch.container;
    engine.lose().await;
    watch.until("lost", |watch| watch.engine == EngineSeen::Lost).await;
    assert_eq!(watch.container, running, "what is not seen is not told");
    engine.say(&ibc("Login has completed"));
    // Another version of Docker comes up in its place.
    engine.change(|held| held.api = OLD);
    engine.back();
    watch.until("back", |watch| watch.engine == EngineSeen::Reachable).await;
    watch.marker(Marker::LoggedIn).await;
    assert_eq!((watch.container, watch.log().launches), (running, 1), "the same life goes on");
    engine.lose().await;
    watch.until("lost again", |watch| watch.engine == EngineSeen::Lost).await;
    engine.say("IBC returned exit status 0");
    engine.die(0);
    engine.back();
    assert_eq!(watch.exits().await, Some(0));
    assert_eq!(watch.log().marker, Marker::Exited { code: 0 });
}

#[tokio::test]
async fn a_container_comes_and_goes_and_pauses() {
    let engine = Engine::start(OLD);
    engine.change(|held| held.status = "");
    let mut watch = Watch::on(&engine.backend());
    watch.until("missing", |watch| watch.container == Container::Missing).await;
    let on = |status: &'static str, event: &'static str| {
        engine.change(|held| {
            held.status = status;
            held.event(event);
        });
    };
    // Until the stream of events is open, changes are seen by looking only.
    soon(async {
        while engine.asked("/events") == 0 {
            tokio::task::yield_now().await
        }
    })
    .await;
    on("created", "create");
    assert_eq!(watch.exits().await, None);
    engine.run();
    watch.runs().await;
    on("paused", "pause");
    watch.until("paused", |watch| watch.container == Container::Paused).await;
    on("running", "unpause");
    watch.runs().await;
    engine.change(|held| {
        held.status = "";
        held.event("destroy");
    });
    watch.until("gone", |watch| watch.container == Container::Missing).await;
}

#[tokio::test]
async fn what_is_refused_is_said_and_does_not_end_the_watch() {
    let engine = Engine::start(OLD);
    engine.change(|held| held.refused.extend([("logs", 501), ("events", 403)]));
    engine.run();
    let backend = engine.backend();
    let mut watch = Watch::on(&backend);
    watch.until("no log", |watch| watch.log.is_none()).await;
    // Without events a look follows what was done here.
    backend.stop(1, DEADLINE).await.expect("stopped");
    assert_eq!(timeout(AT_ONCE, watch.exits()).await, Ok(Some(143)));
    assert_eq!(watch.log, None, "an empty log would be a lie");
    for status in [503, 403] {
        engine.change(|held| held.refused.insert("json", status));
        // The look that a start brings.
        backend.start(DEADLINE).await.expect("started");
        watch.until("no engine", |watch| watch.engine == EngineSeen::Lost).await;
        engine.change(|held| held.refused.remove("json"));
        watch.until("engine", |watch| watch.engine == EngineSeen::Reachable).await;
    }
}

#[tokio::test]
async fn a_watch_ends_when_it_is_told_to_and_when_nobody_reads() {
    let engine = Engine::start(NEW);
    engine.run();
    engine.say("Re-starting session");
    let backend = engine.backend();
    for told in [true, false] {
        let mut watch = Watch::on(&backend);
        watch.marker(Marker::Launched).await;
        soon(async {
            while engine.shared.held().followers == 0 {
                tokio::task::yield_now().await
            }
        })
        .await;
        if told {
            watch.end().await;
        } else {
            drop(watch);
        }
        let ended = async {
            while engine.shared.held().followers > 0 {
                tokio::task::yield_now().await
            }
        };
        timeout(AT_ONCE, ended).await.expect("the stream of the log ends with the watch");
    }
}
