//! Lines in and lines out, each on a thread of its own: a read of stdin cannot be given up, and one that is under way would
//! keep a runtime from ending.
//!
//! Invariants: at most [`LINE_BYTES_MAX`] of a line are kept, however long it is; what is written is one line and is flushed
//! at once; nothing else writes to stdout.

use std::io::{BufRead, BufReader, Read, Write};

use tokio::sync::{mpsc, oneshot};

/// As much as the edge reads of a body.
pub(super) const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Lines that were read and nobody has taken yet; more wait in the pipe.
const READ_AHEAD: usize = 4;
/// Messages that wait for a client that reads slowly; who has more to say waits.
const UNWRITTEN_MAX: usize = 64;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Text(Vec<u8>),
    /// It was longer than [`LINE_BYTES_MAX`], and nothing of it was kept.
    TooLong,
}

pub(super) fn read(input: impl Read + Send + 'static) -> mpsc::Receiver<Line> {
    let (sender, lines) = mpsc::channel(READ_AHEAD);
    std::thread::spawn(move || {
        let mut input = BufReader::with_capacity(64 * 1024, input);
        while let Some(line) = next(&mut input) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// The next line that is not empty; `None` at the end of the input, or where it cannot be read any more.
fn next(input: &mut impl BufRead) -> Option<Line> {
    let (mut line, mut too_long) = (Vec::new(), false);
    loop {
        let piece = match input.fill_buf() {
            Ok(piece) => piece,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };
        if piece.is_empty() {
            // The last line may lack its end.
            return whole(line, too_long);
        }
        let end = piece.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(piece.len());
        if line.len() + taken > LINE_BYTES_MAX {
            (line, too_long) = (Vec::new(), true);
        }
        if !too_long {
            line.extend_from_slice(&piece[..taken]);
        }
        input.consume(taken + usize::from(end.is_some()));
        if end.is_some() {
            match whole(std::mem::take(&mut line), too_long) {
                None => too_long = false,
                line => return line,
            }
        }
    }
}

fn whole(line: Vec<u8>, too_long: bool) -> Option<Line> {
    if too_long {
        return Some(Line::TooLong);
    }
    (!line.trim_ascii().is_empty()).then_some(Line::Text(line))
}

/// The other end of [`write`].
#[derive(Debug)]
pub(super) struct Written {
    /// Resolves when everything was written, or when nobody reads any more.
    pub(super) ended: oneshot::Receiver<()>,
}

/// What is sent becomes a line; its own line breaks become blanks, which JSON allows outside of texts and has nowhere else.
pub(super) fn write(mut output: impl Write + Send + 'static) -> (mpsc::Sender<Vec<u8>>, Written) {
    let (sender, mut messages) = mpsc::channel::<Vec<u8>>(UNWRITTEN_MAX);
    let (tell, ended) = oneshot::channel();
    std::thread::spawn(move || {
        while let Some(mut message) = messages.blocking_recv() {
            for byte in &mut message {
                if matches!(byte, b'\n' | b'\r') {
                    *byte = b' ';
                }
            }
            message.push(b'\n');
            if output.write_all(&message).and_then(|()| output.flush()).is_err() {
                break;
            }
        }
        // Nobody may wait for it any more.
        let _ = tell.send(());
    });
    (sender, Written { ended })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8], capacity: usize) -> Vec<Line> {
        let mut input = BufReader::with_capacity(capacity, input);
        std::iter::from_fn(|| next(&mut input)).collect()
    }

    #[test]
    fn lines_are_found_wherever_the_input_is_cut() {
        let text = |text: &str| Line::Text(text.as_bytes().to_vec());
        for capacity in 1..8 {
            assert_eq!(lines(b"one\n\n \r\ntwo\r\nthree", capacity), [text("one"), text("two\r"), text("three")], "{capacity}");
        }
        assert_eq!(lines(b"", 8), []);
        assert_eq!(lines(b"\n\n", 8), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_is_read() {
        let mut input = vec![b'x'; LINE_BYTES_MAX];
        input.extend_from_slice(b"\n");
        input.extend_from_slice(&vec![b'y'; LINE_BYTES_MAX + 1]);
        input.extend_from_slice(b"\nnext\n");
        input.extend_from_slice(&vec![b'z'; 3 * LINE_BYTES_MAX]);
        let read = lines(&input, 64 * 1024);
        assert!(matches!(&read[0], Line::Text(line) if line.len() == LINE_BYTES_MAX));
        assert_eq!(read[1..], [Line::TooLong, Line::Text(b"next".to_vec()), Line::TooLong]);
    }

    #[tokio::test]
    async fn what_is_written_is_one_line() {
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let (sender, written) = write(writer);
        sender.send(b"{\n\"a\":1\r\n}".to_vec()).await.expect("taken");
        drop(sender);
        written.ended.await.expect("told");
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("text");
        assert_eq!(text, "{ \"a\":1  }\n");
    }
}
