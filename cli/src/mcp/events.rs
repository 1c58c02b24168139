//! Server-sent events, read: pieces of a stream to the data of its events. Pure.
//!
//! Invariant: at most [`EVENT_BYTES_MAX`] of an event are kept.

/// More than the edge answers to one request.
pub(super) const EVENT_BYTES_MAX: usize = 32 * 1024 * 1024;

#[derive(Debug, Default)]
pub(super) struct Reader {
    received: Vec<u8>,
    /// Up to here no line ends.
    searched: usize,
    data: Vec<u8>,
    has_data: bool,
    /// `id` of the last event that had one.
    pub(super) last_id: Option<String>,
}

impl Reader {
    /// `None` when an event is too long to be one.
    pub(super) fn push(&mut self, piece: &[u8]) -> Option<()> {
        self.received.extend_from_slice(piece);
        (self.received.len() + self.data.len() <= EVENT_BYTES_MAX).then_some(())
    }

    /// The data of the next event that is whole.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let end = self.received[self.searched..].iter().position(|byte| *byte == b'\n');
            let Some(end) = end.map(|end| self.searched + end) else {
                self.searched = self.received.len();
                return None;
            };
            let rest = self.received.split_off(end + 1);
            let line = std::mem::replace(&mut self.received, rest);
            self.searched = 0;
            let line = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(&line);
            if line.is_empty() {
                if std::mem::take(&mut self.has_data) {
                    return Some(std::mem::take(&mut self.data));
                }
                continue;
            }
            let value = |name: &[u8]| line.strip_prefix(name).map(|value| value.strip_prefix(b" ").unwrap_or(value));
            if let Some(data) = value(b"data:") {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(data);
                self.has_data = true;
            } else if let Some(id) = value(b"id:") {
                self.last_id = std::str::from_utf8(id).ok().filter(|id| id.bytes().all(|byte| byte.is_ascii_graphic())).map(str::to_owned);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_wherever_the_stream_is_cut() {
        let stream = b": comment\n\nid: 7\ndata: {\"a\":1}\n\nevent: x\r\ndata: one\r\ndata:two\r\n\r\nid: bad id\ndata: \n\ndata: half";
        for cut in 0..stream.len() {
            let mut reader = Reader::default();
            let mut found = Vec::new();
            for piece in [&stream[..cut], &stream[cut..]] {
                reader.push(piece).expect("short");
                while let Some(event) = reader.next() {
                    found.push((String::from_utf8(event).expect("text"), reader.last_id.clone()));
                }
            }
            let seven = Some("7".to_owned());
            assert_eq!(
                found,
                [("{\"a\":1}".to_owned(), seven.clone()), ("one\ntwo".to_owned(), seven), (String::new(), None)],
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn an_event_without_end_is_given_up() {
        let mut reader = Reader::default();
        assert_eq!(reader.push(&vec![b'x'; EVENT_BYTES_MAX]), Some(()));
        assert_eq!(reader.next(), None);
        assert_eq!(reader.push(b"x"), None);
    }
}
