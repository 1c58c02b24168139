use super::*;

fn key(address: &str) -> auth::Key {
    auth::Key::of_peer(address.parse().expect("an address"))
}

fn mint(sessions: &Sessions, hub: &Hub, id: &str, owner: &auth::Key) -> Option<Arc<Session>> {
    sessions.mint(hub, id.to_owned(), owner, Capabilities::default())
}

fn is_live(sessions: &Sessions, id: &str, owner: &auth::Key) -> bool {
    matches!(sessions.find(id, owner), Found::Live(_))
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_handshakes_keep_a_few_sessions() {
    let (sessions, hub) = (Sessions::default(), Hub::default());
    let (loud, quiet) = (key("10.0.0.1"), key("10.0.0.2"));
    mint(&sessions, &hub, "quiet", &quiet).expect("room");
    // All within one tick of the clock.
    for n in 0..10_000 {
        mint(&sessions, &hub, &format!("{n}"), &loud).expect("its own oldest makes room");
    }
    assert_eq!(sessions.count(), OF_ONE_CALLER_MAX + 1);
    assert!(is_live(&sessions, "quiet", &quiet), "one caller's many are not another's loss");
    let (gone, kept) = (0..10_000 - OF_ONE_CALLER_MAX, 10_000 - OF_ONE_CALLER_MAX..10_000);
    assert!(gone.into_iter().all(|n| !is_live(&sessions, &n.to_string(), &loud)), "the oldest go first");
    assert!(kept.into_iter().all(|n| is_live(&sessions, &n.to_string(), &loud)));
    for n in 0..10_000_u32 {
        mint(&sessions, &hub, &format!("x{n}"), &auth::Key::Subject(n.to_string().into())).expect("the oldest makes room");
    }
    assert_eq!(sessions.count(), SESSIONS_MAX);
}

#[tokio::test(start_paused = true)]
async fn a_session_with_a_stream_stays_and_an_idle_one_goes() {
    let (sessions, hub, own) = (Sessions::default(), Hub::default(), key("::1"));
    let streaming = mint(&sessions, &hub, "streaming", &own).expect("room");
    let stream = streaming.stream();
    mint(&sessions, &hub, "idle", &own).expect("room");
    tokio::time::advance(IDLE_MAX).await;
    assert!(is_live(&sessions, "streaming", &own) && !is_live(&sessions, "idle", &own));
    streaming.streamed(&stream);
    tokio::time::advance(IDLE_MAX - Duration::from_secs(1)).await;
    assert!(is_live(&sessions, "streaming", &own), "and idle time counts from its stream's end");
    tokio::time::advance(IDLE_MAX).await;
    assert!(!is_live(&sessions, "streaming", &own));
    assert_eq!(sessions.count(), 0, "what is over is forgotten when somebody asks");
}

#[tokio::test]
async fn only_its_owner_finds_or_ends_a_session() {
    let (sessions, hub) = (Sessions::default(), Hub::default());
    let (own, other) = (key("10.0.0.1"), key("10.0.0.2"));
    let session = mint(&sessions, &hub, "a", &own).expect("room");
    let stream = session.stream();
    assert!(matches!(sessions.find("a", &other), Found::Unknown) && !sessions.end("a", &other));
    assert!(sessions.end("a", &own) && stream.is_cancelled());
    assert!(matches!(sessions.find("a", &own), Found::Ended) && !sessions.end("a", &own));
    for n in 0..2 * ENDED_MAX {
        mint(&sessions, &hub, &format!("{n}"), &own).expect("room");
        assert!(sessions.end(&n.to_string(), &own));
    }
    let remembered = sessions.table().ended.len();
    assert_eq!((remembered, sessions.table().ended_order.len()), (ENDED_MAX, ENDED_MAX));
    assert!(matches!(sessions.find("a", &own), Found::Unknown));
}

#[tokio::test]
async fn a_newer_stream_takes_the_olders_place() {
    let (sessions, hub) = (Sessions::default(), Hub::default());
    let session = mint(&sessions, &hub, "a", &key("::1")).expect("room");
    let (one, two) = (session.stream(), session.stream());
    assert!(one.is_cancelled() && !two.is_cancelled());
    session.streamed(&one);
    assert!(session.is_streaming());
}

#[tokio::test(start_paused = true)]
async fn questions_are_bounded_and_end_with_whoever_asks() {
    let (sessions, hub) = (Sessions::default(), Hub::default());
    let session = mint(&sessions, &hub, "a", &key("::1")).expect("room");
    let (teller, mut said) = Teller::new(watch_sink());
    let params = json!({ "message": "Really?" });
    let answer = async {
        let request: Value = serde_json::from_slice(&said.recv().await.expect("a request")).expect("json");
        assert_eq!((&request["method"], &request["params"]), (&json!("elicitation/create"), &params));
        let reply = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{"action":"accept"}}}}"#, request["id"]);
        match crate::rpc::parse(reply.as_bytes()).expect("readable") {
            crate::rpc::Input::One(crate::rpc::Message::Response { id, result }) => session.answered(id, result),
            other => panic!("{other:?}"),
        }
    };
    let (word, ()) = tokio::join!(session.ask(&teller, "elicitation/create", &params), answer);
    assert_eq!(word, Ok(json!({ "action": "accept" })));
    assert_eq!(session.ask(&teller, "elicitation/create", &params).await, Err(NoWord::TooLate));
    let all: Vec<_> = (0..ASKED_MAX).map(|_| Box::pin(session.ask(&teller, "m", &params))).collect();
    let mut all = futures::future::join_all(all);
    assert!(futures::poll!(&mut all).is_pending());
    assert_eq!(session.ask(&teller, "m", &params).await, Err(NoWord::Busy));
    drop(all);
    assert!(session.state().asked.is_empty());
}

fn watch_sink() -> crate::ask::ProgressSink {
    tokio::sync::watch::channel(None).0
}
