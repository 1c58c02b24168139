//! What answers behind the lines: an edge over HTTP, or one in this process that is linked to NATS.
//!
//! Invariant: both speak the edge's HTTP contract, so that one bridge serves both; every wait that leaves the process has
//! a deadline.

use std::time::Duration;

use edge::Local;
use reqwest::{Client, Url};

use crate::http::{Error, is_loopback, root_cause};

/// Reaching an edge takes milliseconds.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Above the longest deadline of an operation (`gateway_ensure_ready`: 300 s), so that the edge's own answer arrives first.
const HEAD_MAX: Duration = Duration::from_secs(320);
/// An event stream says something every 15 s; an answer comes in one piece.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// What an edge of another release may call itself is no matter; which bytes of a header are taken is.
const AGENT: &str = concat!("ibmesh-mcp/", env!("CARGO_PKG_VERSION"));
const SESSION: &str = "mcp-session-id";

/// One HTTP request to `/mcp`.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

/// The answer's head; its body comes in pieces. Dropping it ends the request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) is_stream: bool,
    pub(super) session: Option<String>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Http(reqwest::Response),
    Local(edge::Answer),
}

#[derive(Debug)]
pub(super) enum Door {
    Http { client: Client, url: String },
    Local(Box<Local>),
}

impl Door {
    /// A running edge; fails where none answers.
    pub(super) async fn http(edge: &str, has_token: bool) -> Result<Self, Error> {
        let bad = |reason: String| Error::Url { text: edge.to_owned(), reason };
        let base: Url = edge.trim_end_matches('/').parse().map_err(|error| bad(format!("{error}")))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(bad("it must begin with http:// and name a host".to_owned()));
        }
        let mut builder = Client::builder().connect_timeout(CONNECT_MAX).user_agent(AGENT);
        if is_loopback(&base) {
            builder = builder.no_proxy();
        } else if has_token && base.scheme() == "http" {
            tracing::warn!("the token goes to {base} unencrypted; use https, or a tunnel that ends on this machine");
        }
        let client = builder.build().map_err(Error::Client)?;
        // Its own /mcp may be written out, as clients' settings have it.
        let base = base.as_str().trim_end_matches('/').trim_end_matches("/mcp").to_owned();
        let unreachable = |error: reqwest::Error| Error::Unreachable { url: base.clone(), reason: root_cause(&error) };
        // Whatever it answers, it is there: a tunnel may let nothing but /mcp pass.
        client.get(format!("{base}/live")).timeout(CONNECT_MAX).send().await.map_err(unreachable)?;
        Ok(Self::Http { client, url: format!("{base}/mcp") })
    }

    pub(super) async fn send(&self, ask: Ask) -> Result<Answer, String> {
        match self {
            Self::Http { client, url } => {
                let method = reqwest::Method::from_bytes(ask.method.as_bytes()).unwrap_or(reqwest::Method::POST);
                let mut request = client.request(method, url).body(ask.body);
                for (name, value) in ask.headers {
                    request = request.header(name, value);
                }
                let head = tokio::time::timeout(HEAD_MAX, request.send()).await;
                let response = match head {
                    Ok(Ok(response)) => response,
                    Ok(Err(error)) => return Err(format!("no edge answers at {url} ({})", root_cause(&error))),
                    Err(_) => return Err(format!("{url} did not answer within {} s", HEAD_MAX.as_secs())),
                };
                let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
                Ok(Answer {
                    status: response.status().as_u16(),
                    is_stream: is_stream(text("content-type").as_deref()),
                    session: text(SESSION),
                    body: Body::Http(response),
                })
            }
            Self::Local(local) => {
                let headers = ask.headers.iter().map(|(name, value)| (*name, value.as_str())).chain([("user-agent", AGENT)]);
                let ask = local.ask(ask.method, headers.collect(), ask.body.clone());
                let answer = tokio::time::timeout(HEAD_MAX, ask).await.map_err(|_| "the call did not end in time".to_owned())?;
                let answer =
                    answer.ok_or("the request cannot be written as HTTP: an id, a name or a token has characters that no header takes")?;
                Ok(Answer {
                    status: answer.status(),
                    is_stream: is_stream(answer.header("content-type")),
                    session: answer.header(SESSION).map(str::to_owned),
                    body: Body::Local(answer),
                })
            }
        }
    }

    /// Says good-bye where there is somebody to say it to.
    pub(super) async fn close(self) {
        if let Self::Local(local) = self {
            local.close().await;
        }
    }
}

fn is_stream(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|text| text.trim_start().to_ascii_lowercase().starts_with("text/event-stream"))
}

impl Answer {
    /// The next piece of the body; `None` at its end.
    pub(super) async fn piece(&mut self) -> Result<Option<Vec<u8>>, String> {
        let next = async {
            match &mut self.body {
                Body::Http(response) => response.chunk().await.map(|piece| piece.map(Vec::from)).map_err(|error| root_cause(&error)),
                Body::Local(answer) => Ok(answer.piece().await),
            }
        };
        tokio::time::timeout(SILENCE_MAX, next).await.unwrap_or_else(|_| Err(format!("nothing came for {} s", SILENCE_MAX.as_secs())))
    }

    /// The whole body.
    pub(super) async fn whole(mut self) -> Result<Vec<u8>, String> {
        let mut whole = Vec::new();
        while let Some(mut piece) = self.piece().await? {
            whole.append(&mut piece);
            if whole.len() > super::events::EVENT_BYTES_MAX {
                return Err(format!("the answer is larger than {} bytes", super::events::EVENT_BYTES_MAX));
            }
        }
        Ok(whole)
    }
}
