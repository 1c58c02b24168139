//! What people read: answers on stdout, problems on stderr.
//!
//! Invariant: a reader that has gone away (`ibmesh status | head -1`) never makes a command panic.

use std::{fmt::Display, io::Write};

pub(crate) fn line(text: impl Display) {
    write(std::io::stdout(), text);
}

pub(crate) fn problem(text: impl Display) {
    write(std::io::stderr(), text);
}

fn write(mut stream: impl Write, text: impl Display) {
    // Nobody is left to be told that nobody reads.
    let _ = writeln!(stream, "{text}").and_then(|()| stream.flush());
}
