//! The floors: an axum handler that asks NATS, and a process that answers, without JSON, checks or heartbeats; and an axum handler
//! that reads JSON and writes JSON, without anything behind it.

use std::{env, io::Read, net::SocketAddr};

use axum::{Json, Router, body::Body, extract::State, http::header, response::Response, routing::post, serve::ListenerExt};
use bytes::Bytes;
use futures::StreamExt;
use serde_json::Value;

pub(crate) const PART: &str = "IBMESH_BENCH_FLOOR";
pub(crate) const REPLY_BYTES: &str = "IBMESH_BENCH_REPLY_BYTES";
pub(crate) const BODY_BYTES: &str = "IBMESH_BENCH_BODY_BYTES";
/// The answers of the JSON handler by method, as one JSON object.
pub(crate) const ANSWERS: &str = "IBMESH_BENCH_ANSWERS";
pub(crate) const RUNTIME: &str = "IBMESH_BENCH_RUNTIME";

/// How the floor's processes schedule their tasks. What is faster depends on the load, so the product meets both.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Runtime {
    /// tokio's default: a thread for each core.
    Default,
    /// As the product's services ship.
    OneThread,
}

impl Runtime {
    pub(crate) const ALL: [Self; 2] = [Self::Default, Self::OneThread];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::OneThread => "one-thread",
        }
    }

    fn asked() -> Self {
        let name = env::var(RUNTIME).expect("set by the parent");
        Self::ALL.into_iter().find(|runtime| runtime.name() == name).expect("a runtime's name")
    }

    fn builder(self) -> tokio::runtime::Builder {
        match self {
            Self::Default => tokio::runtime::Builder::new_multi_thread(),
            Self::OneThread => tokio::runtime::Builder::new_current_thread(),
        }
    }

    /// Each floor has its own echo.
    fn subject(self) -> String {
        format!("bench.floor.{}", self.name())
    }
}

/// Runs one part of the floor when this process was started as one.
pub(crate) fn run_if_asked() -> Option<i32> {
    let part = env::var(PART).ok()?;
    // Ends with its parent, which holds the other end of stdin.
    std::thread::spawn(|| {
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        std::process::exit(0);
    });
    let runtime = Runtime::asked();
    runtime.builder().enable_all().build().expect("a runtime").block_on(async {
        if part == "json" {
            return json().await;
        }
        let client = async_nats::connect(env::var("NATS_URL").expect("NATS_URL")).await.expect("NATS");
        if part == "echo" { echo(client, runtime.subject()).await } else { edge(client, runtime.subject()).await }
    });
    Some(0)
}

fn bytes_of(name: &str) -> Bytes {
    Bytes::from(vec![b'x'; env::var(name).expect("set by the parent").parse().expect("a number")])
}

async fn echo(client: async_nats::Client, subject: String) {
    let reply = bytes_of(REPLY_BYTES);
    let mut requests = client.queue_subscribe(subject, "floor".to_owned()).await.expect("a subscription");
    client.flush().await.expect("NATS");
    super::say("ready");
    while let Some(request) = requests.next().await {
        let (client, reply) = (client.clone(), reply.clone());
        tokio::spawn(async move {
            if let Some(to) = request.reply {
                drop(client.publish(to, reply).await);
            }
        });
    }
}

#[derive(Clone)]
struct Edge {
    client: async_nats::Client,
    subject: async_nats::Subject,
    body: Bytes,
}

async fn edge(client: async_nats::Client, subject: String) {
    serve(Router::new().route("/mcp", post(ask)).with_state(Edge { client, subject: subject.into(), body: bytes_of(BODY_BYTES) })).await;
}

/// A JSON-RPC server at its barest: the request becomes a `Value`, the answer was one.
async fn json() {
    let answers: Value = serde_json::from_str(&env::var(ANSWERS).expect("set by the parent")).expect("JSON");
    let answer = move |Json(request): Json<Value>| {
        let result = request["method"].as_str().map_or(Value::Null, |method| answers[method].clone());
        std::future::ready(Json(serde_json::json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })))
    };
    serve(Router::new().route("/mcp", post(answer))).await;
}

async fn serve(app: Router) {
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
    super::say(&listener.local_addr().expect("bound").to_string());
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, app).await.expect("serving");
}

async fn ask(State(edge): State<Edge>, request: Bytes) -> Response {
    // The same bytes go over NATS as the product sends: parameters, not the whole envelope.
    let parameters = request.slice(..request.len().min(2));
    edge.client.request(edge.subject, parameters).await.expect("an answer");
    Response::builder().header(header::CONTENT_TYPE, "application/json").body(Body::from(edge.body)).expect("a response")
}
