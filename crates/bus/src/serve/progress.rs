//! How far the work on a request is, told to a caller who asked for it.
//!
//! Invariant: nothing is told without `Ib-Accept-Progress`, more often than every [`PERIOD`], or after the reply (what
//! tells ends before the reply is sent, over the same connection).

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use schemas::Progress;
use tokio::{sync::watch, time::Instant};

use super::{Shared, answer::PUBLISH_MAX, job::Job};
use crate::{connection::within, names, text::header_text};

/// Between two words about one request.
const PERIOD: Duration = Duration::from_millis(250);

/// A handler's voice. It costs nothing where nobody listens.
#[derive(Debug, Clone, Default)]
pub struct Teller(Option<watch::Sender<Option<Progress>>>);

impl Teller {
    /// For a caller that wants to know, and the end at which it is heard.
    pub(super) fn heard() -> (Self, watch::Receiver<Option<Progress>>) {
        let (tell, heard) = watch::channel(None);
        (Self(Some(tell)), heard)
    }

    /// Says that `done` of `total` (0: not known) is done. Of several words within a moment the newest is sent; `note` is
    /// cut to one line of 200 ASCII characters.
    pub fn tell(&self, done: u32, total: u32, note: &str) {
        if let Some(tell) = &self.0 {
            tell.send_replace(Some(Progress { done, total, note: header_text(note) }));
        }
    }
}

/// Sends what the handler tells; never ends by itself.
pub(super) async fn pass_on(shared: &Shared, job: &Job) {
    let mut heard = job.progress.clone();
    while let Some(heard) = &mut heard {
        if heard.changed().await.is_err() {
            break;
        }
        let newest = heard.borrow_and_update().clone();
        let Some(Ok(json)) = newest.map(|newest| serde_json::to_string(&newest)) else { continue };
        if shared.bus.is_connected() {
            let mut map = HeaderMap::new();
            map.insert(names::ACCEPTED_BY.clone(), shared.settings.id.as_str());
            map.insert(names::PROGRESS.clone(), json);
            drop(within(PUBLISH_MAX, shared.bus.client.publish_with_headers(job.reply_to.clone(), map, Bytes::new())).await);
        }
        tokio::time::sleep_until(Instant::now() + PERIOD).await;
    }
    std::future::pending().await
}
