//! What people read: answers on stdout, problems on stderr.
//!
//! Invariant: a reader that has gone away (`ibmesh status | head -1`) never makes a command panic.

use std::{
    fmt::Display,
    io::{IsTerminal, Write},
};

pub(crate) fn line(text: impl Display) {
    write(std::io::stdout(), text);
}

pub(crate) fn problem(text: impl Display) {
    write(std::io::stderr(), text);
}

/// A line on stderr that the next one replaces; nothing where no person looks at a terminal.
pub(crate) fn live(text: impl Display) {
    let mut stream = std::io::stderr();
    if stream.is_terminal() {
        // As below.
        let _ = write!(stream, "\r\x1b[K{text}").and_then(|()| stream.flush());
    }
}

fn write(mut stream: impl Write, text: impl Display) {
    // Nobody is left to be told that nobody reads.
    let _ = writeln!(stream, "{text}").and_then(|()| stream.flush());
}
