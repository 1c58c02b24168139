use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU16, Ordering},
};

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, time::timeout};

use super::*;

/// What was posted, and what is answered next.
#[derive(Debug, Clone)]
struct Inbox {
    url: String,
    posts: watch::Receiver<usize>,
    got: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    answer: Arc<AtomicU16>,
}

async fn inbox(first_answer: u16) -> Inbox {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}/topic", listener.local_addr().expect("address"));
    let (count, posts) = watch::channel(0);
    let got = Arc::<Mutex<Vec<(HeaderMap, Value)>>>::default();
    let answer = Arc::new(AtomicU16::new(first_answer));
    let (into, code) = (Arc::clone(&got), Arc::clone(&answer));
    let router = Router::new().route(
        "/topic",
        post(move |headers: HeaderMap, body: Bytes| {
            into.lock().expect("lock").push((headers, serde_json::from_slice(&body).expect("JSON")));
            count.send_modify(|count| *count += 1);
            let status = code.swap(200, Ordering::SeqCst);
            std::future::ready(axum::http::StatusCode::from_u16(status).expect("a status"))
        }),
    );
    tokio::spawn(async move { axum::serve(listener, router).await });
    Inbox { url, posts, got, answer }
}

fn message() -> Message {
    Message::new(&"paper".parse().expect("a name"), "halted", "Do this.".to_owned(), Timestamp::UNIX_EPOCH)
}

impl Inbox {
    async fn until(&mut self, count: usize) {
        let posts = self.posts.wait_for(|posts| *posts >= count);
        timeout(Duration::from_secs(30), posts).await.expect("in time").expect("the inbox lives");
    }
}

#[tokio::test]
async fn one_post_is_read_by_slack_and_by_ntfy() {
    let mut inbox = inbox(200).await;
    Notifier::start(Some(&inbox.url)).expect("a client").tell(message());
    inbox.until(1).await;
    let (headers, body) = inbox.got.lock().expect("lock")[0].clone();
    assert_eq!(
        (body["text"].as_str(), body["title"].as_str(), body["event"].as_str()),
        (Some("Do this."), Some("IB gateway paper"), Some("halted"))
    );
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(
        (header("content-type"), header("x-template"), header("x-message")),
        (Some("application/json"), Some("yes"), Some("{{.text}}"))
    );
}

#[tokio::test]
async fn who_is_busy_is_asked_again_and_who_refuses_is_not() {
    let mut busy = inbox(503).await;
    Notifier::start(Some(&busy.url)).expect("a client").tell(message());
    busy.until(2).await;
    let refusing = inbox(404).await;
    let ended = Post::new(&refusing.url).expect("a client").send_patiently(&message()).await;
    assert!(matches!(ended, Err(NotTold::Refused(404))), "{ended:?}");
    assert_eq!((*refusing.posts.borrow(), refusing.answer.load(Ordering::SeqCst)), (1, 200));
}

#[tokio::test]
async fn who_points_elsewhere_was_not_told() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}/topic", listener.local_addr().expect("address"));
    let moved = || std::future::ready((axum::http::StatusCode::MOVED_PERMANENTLY, [("location", "/page")]));
    let router = Router::new().route("/topic", post(moved)).route("/page", axum::routing::get(async || "a page for people"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let ended = Post::new(&url).expect("a client").send_patiently(&message()).await;
    assert!(matches!(ended, Err(NotTold::Refused(301))), "{ended:?}");
}

#[tokio::test]
async fn the_url_is_in_no_error() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}/services/s3cret", listener.local_addr().expect("address"));
    drop(listener);
    let error = Post::new(&url).expect("a client").send(&message()).await.expect_err("nobody listens");
    let text = format!("{} {error:?}", crate::process::chain(&error));
    assert!(!text.contains("s3cret"), "{text}");
}
