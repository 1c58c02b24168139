//! `/gateway/events`, read: server-sent events to changes of the gateway's state.
//!
//! Invariant: at most [`EVENT_BYTES_MAX`] of an event are kept, and an edge that says nothing for [`SILENCE_MAX`] counts as gone.

use std::time::Duration;

use reqwest::Response;
use schemas::gateway::StateChange;

const EVENT_BYTES_MAX: usize = 64 * 1024;
/// The edge says something every 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(40);

#[derive(Debug)]
pub(crate) struct Events {
    response: Response,
    reader: Reader,
}

impl Events {
    pub(crate) fn new(response: Response) -> Self {
        Self { response, reader: Reader::default() }
    }

    /// The next change; `None` when the edge has ended the stream or is gone.
    pub(crate) async fn next(&mut self) -> Option<StateChange> {
        loop {
            if let Some(data) = self.reader.next() {
                match serde_json::from_str(&data) {
                    Ok(change) => return Some(change),
                    // Of another release.
                    Err(_) => continue,
                }
            }
            let chunk = tokio::time::timeout(SILENCE_MAX, self.response.chunk()).await.ok()?.ok()??;
            self.reader.push(&chunk)?;
        }
    }
}

/// The data of each event, whatever pieces it arrives in.
#[derive(Debug, Default)]
struct Reader {
    received: Vec<u8>,
}

impl Reader {
    /// `None` when an event is too long to be one.
    fn push(&mut self, chunk: &[u8]) -> Option<()> {
        self.received.extend_from_slice(chunk);
        (self.received.len() <= EVENT_BYTES_MAX).then_some(())
    }

    fn next(&mut self) -> Option<String> {
        loop {
            let end = self.received.windows(2).position(|pair| pair == b"\n\n")?;
            let block: Vec<u8> = self.received.drain(..end + 2).collect();
            let text = String::from_utf8_lossy(&block);
            let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim_start).collect();
            // A comment alone keeps the connection open.
            if !data.is_empty() {
                return Some(data.join("\n"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_wherever_the_stream_is_cut() {
        let stream = b": no change\n\nevent: state\ndata: {\"a\":1}\n\n: no change\n\nevent: state\ndata: one\ndata: two\n\ndata: half";
        for cut in 0..stream.len() {
            let mut reader = Reader::default();
            let mut found = Vec::new();
            for piece in [&stream[..cut], &stream[cut..]] {
                reader.push(piece).expect("short");
                found.extend(std::iter::from_fn(|| reader.next()));
            }
            assert_eq!(found, ["{\"a\":1}", "one\ntwo"], "cut at {cut}");
        }
        assert_eq!(Reader::default().push(&[b'x'; EVENT_BYTES_MAX + 1]), None);
    }
}
