//! The transcript file and the one task that writes it.
//!
//! Invariant: lines reach the file in the order in which they were read from the sockets, at most [`MAX_WAITING`] wait
//! (then the sockets wait), and every line is on its way to the disk before the writer idles, so an abrupt end loses
//! none.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::pseudonyms::Pseudonyms;
use super::redact;
use crate::transcript::catalogue::Direction;
use crate::transcript::file::{FORMAT, FORMAT_VERSION, FrameLine, Line};
use crate::transcript::frame::Frame;

/// Frames that may wait for the disk.
const MAX_WAITING: usize = 4_096;
/// For the person who recorded and for nobody else on the machine.
const OWNER_ONLY: u32 = 0o600;

/// What the sockets tell the writer.
#[derive(Debug)]
pub(crate) enum Note {
    Line(Line),
    Frame { connection: u32, ms: u64, from: Direction, version: i32, frame: Frame },
}

/// How much was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Connections that said hello.
    pub connections: u64,
    /// Frames of both directions.
    pub frames: u64,
}

#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) notes: mpsc::Sender<Note>,
    pub(crate) writer: JoinHandle<std::io::Result<Recorded>>,
}

/// Makes the file, which must not exist, and writes its header.
pub(crate) fn open(path: &Path, started_ms: i64) -> std::io::Result<Sink> {
    let file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path)?;
    let mut out = BufWriter::new(file);
    let tool = format!("ibmesh {}", env!("CARGO_PKG_VERSION"));
    write(&mut out, &Line::Header { format: FORMAT.to_owned(), version: FORMAT_VERSION, tool, started_ms, partial: false })?;
    out.flush()?;
    let (notes, queue) = mpsc::channel(MAX_WAITING);
    let writer = tokio::task::spawn_blocking(move || run(out, queue));
    Ok(Sink { notes, writer })
}

fn run(mut out: BufWriter<File>, mut queue: mpsc::Receiver<Note>) -> std::io::Result<Recorded> {
    let (mut names, mut recorded) = (Pseudonyms::default(), Recorded::default());
    while let Some(note) = queue.blocking_recv() {
        match note {
            Note::Line(line) => {
                recorded.connections += u64::from(matches!(line, Line::Open { .. }));
                write(&mut out, &line)?;
            }
            Note::Frame { connection, ms, from, version, frame } => {
                recorded.frames += 1;
                let frame = redact::frame(&mut names, from, version, &frame);
                write(&mut out, &Line::Frame(FrameLine::new(connection, ms, from, frame)))?;
            }
        }
        if queue.is_empty() {
            out.flush()?;
        }
    }
    out.flush()?;
    Ok(recorded)
}

fn write(out: &mut BufWriter<File>, line: &Line) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
