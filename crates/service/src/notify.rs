//! Tells people who are not looking: one JSON POST to `NOTIFY_URL` per event.
//!
//! The body has the field `text` that Slack shows; the headers tell ntfy to make its message of the body's fields.
//!
//! Invariants: nobody waits for it; the queue, the tries and each try's time are bounded; the URL, which may hold a secret,
//! is in no log line.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::redirect;
use schemas::GatewayName;
use serde::Serialize;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

/// Events that wait to be told; more at once are no news.
const QUEUE_MAX: usize = 32;
const TRY_MAX: Duration = Duration::from_secs(5);
/// Before the second and the third try.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];

/// What is posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The word of the event: `halted`, `needs_human`, ...
    pub event: String,
    pub gateway: String,
    pub at: Timestamp,
    pub title: String,
    pub text: String,
}

impl Message {
    pub fn new(gateway: &GatewayName, event: &str, text: String, at: Timestamp) -> Self {
        Self { event: event.to_owned(), gateway: gateway.to_string(), at, title: format!("IB gateway {gateway}"), text }
    }
}

/// Why nobody was told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotTold {
    #[error("NOTIFY_URL cannot be used")]
    Client(#[source] reqwest::Error),
    #[error("NOTIFY_URL was not reached")]
    Unreached(#[source] reqwest::Error),
    #[error("NOTIFY_URL answered with {0}")]
    Refused(u16),
}

impl NotTold {
    /// A wrong address or topic does not get better by being asked again.
    fn is_final(&self) -> bool {
        matches!(self, Self::Client(_))
            || matches!(self, Self::Refused(status) if (300..500).contains(status) && ![408, 429].contains(status))
    }
}

/// Where to.
#[derive(Clone)]
pub struct Post {
    client: reqwest::Client,
    url: String,
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Post")
    }
}

impl Post {
    pub fn new(url: &str) -> Result<Self, NotTold> {
        // A POST that is sent elsewhere arrives there as a GET: it would be answered with 200, and nobody told.
        let client = reqwest::Client::builder()
            .timeout(TRY_MAX)
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| NotTold::Client(error.without_url()))?;
        Ok(Self { client, url: url.to_owned() })
    }

    /// One try.
    pub async fn send(&self, message: &Message) -> Result<(), NotTold> {
        let request = self.client.post(&self.url).json(message);
        // ntfy makes these of the body; everybody else ignores them.
        let request = request.header("X-Template", "yes").header("X-Title", "{{.title}}").header("X-Message", "{{.text}}");
        let answer = request.send().await.map_err(|error| NotTold::Unreached(error.without_url()))?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(NotTold::Refused(status.as_u16())) }
    }

    async fn send_patiently(&self, message: &Message) -> Result<(), NotTold> {
        for pause in PAUSES {
            match self.send(message).await {
                Err(error) if !error.is_final() => {
                    tracing::debug!(error = crate::process::chain(&error), event = message.event, "not told yet");
                    // The pause itself is meant: whoever refused is to get time.
                    sleep_until(Instant::now() + pause).await;
                }
                ended => return ended,
            }
        }
        self.send(message).await
    }
}

/// The queue before it. Without a URL nobody is told but the log.
#[derive(Debug, Clone)]
pub struct Notifier(Option<mpsc::Sender<Message>>);

impl Notifier {
    pub fn start(url: Option<&str>) -> Result<Self, NotTold> {
        let Some(url) = url else { return Ok(Self(None)) };
        let post = Post::new(url)?;
        let (tell, mut told) = mpsc::channel::<Message>(QUEUE_MAX);
        tokio::spawn(async move {
            while let Some(message) = told.recv().await {
                if let Err(error) = post.send_patiently(&message).await {
                    tracing::warn!(
                        error = crate::process::chain(&error),
                        event = message.event,
                        text = message.text,
                        "people were not told"
                    );
                }
            }
        });
        Ok(Self(Some(tell)))
    }

    pub fn tell(&self, message: Message) {
        tracing::warn!(event = message.event, text = message.text, "for people");
        if let Some(tell) = &self.0
            && tell.try_send(message).is_err()
        {
            tracing::warn!("too many events for NOTIFY_URL at once; one was not told");
        }
    }
}

#[cfg(test)]
#[path = "notify_tests.rs"]
mod tests;
