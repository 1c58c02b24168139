//! A transcript in memory: the connections of a file, each with its frames in order.
//!
//! Invariant: no file makes the reader allocate more than [`MAX_FILE_BYTES`] asks for, and every line that cannot be
//! read is named by its number.

use std::io::BufRead;
use std::path::Path;

use super::catalogue::Direction;
use super::file::{FORMAT, FORMAT_VERSION, Line};
use super::frame::Frame;

/// What is read at most; a busy trading day of one client stays far below.
const MAX_FILE_BYTES: u64 = 512 << 20;
/// Connections in one file.
const MAX_CONNECTIONS: usize = 10_000;

/// A recording of what clients and a gateway said to each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    pub(crate) started_ms: i64,
    pub(crate) partial: bool,
    pub(crate) sections: Vec<Section>,
}

/// One connection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Section {
    /// Its number in the file.
    pub(crate) connection: u32,
    pub(crate) hello: String,
    pub(crate) server_version: i32,
    pub(crate) connection_time: String,
    pub(crate) steps: Vec<Step>,
    /// Who ended it first; unknown if the recorder ended before.
    pub(crate) closed_by: Option<Direction>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) ms: u64,
    pub(crate) from: Direction,
    pub(crate) frame: Frame,
}

/// Why a transcript could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TranscriptError {
    /// The file itself.
    #[error("cannot read the transcript")]
    Io(#[from] std::io::Error),
    /// It is longer than any transcript.
    #[error("the transcript is longer than {} MiB", MAX_FILE_BYTES >> 20)]
    TooLong,
    /// One line of it.
    #[error("line {line} of the transcript: {reason}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no connection in it.
    #[error("the transcript holds no connection that said hello")]
    Empty,
}

impl Transcript {
    /// Reads a file.
    pub fn open(path: &Path) -> Result<Self, TranscriptError> {
        Self::read(std::io::BufReader::new(std::fs::File::open(path)?))
    }

    /// Reads the lines of a file.
    pub fn read(reader: impl BufRead) -> Result<Self, TranscriptError> {
        let mut reader = reader.take(MAX_FILE_BYTES);
        let (mut transcript, mut number, mut text) = (None::<Self>, 0, Vec::new());
        loop {
            text.clear();
            if reader.read_until(b'\n', &mut text)? == 0 {
                break;
            }
            number += 1;
            // A recorder that was killed leaves half a line.
            let whole = text.ends_with(b"\n");
            if text.trim_ascii().is_empty() || text.starts_with(b"#") {
                continue;
            }
            let bad = |reason: String| TranscriptError::Line { line: number, reason };
            let line: Line = match serde_json::from_slice(&text) {
                Ok(line) => line,
                Err(_) if !whole && reader.limit() > 0 => break,
                Err(error) => return Err(bad(error.to_string())),
            };
            match &mut transcript {
                None => transcript = Some(Self::begin(line).map_err(bad)?),
                Some(transcript) => transcript.add(line).map_err(bad)?,
            }
        }
        if reader.limit() == 0 {
            return Err(TranscriptError::TooLong);
        }
        transcript.filter(|transcript| !transcript.sections.is_empty()).ok_or(TranscriptError::Empty)
    }

    fn begin(line: Line) -> Result<Self, String> {
        match line {
            Line::Header { format, version: FORMAT_VERSION, started_ms, partial, .. } if format == FORMAT => {
                Ok(Self { started_ms, partial, sections: Vec::new() })
            }
            Line::Header { format, version, .. } => {
                Err(format!("the format is {format} version {version}; this program reads {FORMAT} version {FORMAT_VERSION}"))
            }
            _ => Err("a transcript begins with its header".to_owned()),
        }
    }

    fn add(&mut self, line: Line) -> Result<(), String> {
        match line {
            Line::Header { .. } => Err("a second header".to_owned()),
            Line::Open { connection, hello, server_version, connection_time, .. } => {
                if self.section(connection).is_some() {
                    return Err(format!("connection {connection} is opened twice"));
                }
                if self.sections.len() == MAX_CONNECTIONS {
                    return Err(format!("more than {MAX_CONNECTIONS} connections"));
                }
                self.sections.push(Section { connection, hello, server_version, connection_time, steps: Vec::new(), closed_by: None });
                Ok(())
            }
            Line::Frame(line) => {
                let step = Step { ms: line.ms, from: line.from, frame: line.frame()? };
                let section = self.section(line.connection).ok_or_else(|| format!("connection {} was not opened", line.connection))?;
                section.steps.push(step);
                Ok(())
            }
            Line::Close { connection, by, .. } => {
                let section = self.section(connection).ok_or_else(|| format!("connection {connection} was not opened"))?;
                section.closed_by = Some(by);
                Ok(())
            }
            Line::Unreadable { .. } => Ok(()),
        }
    }

    /// The newest are asked for most, and few are open at once.
    fn section(&mut self, connection: u32) -> Option<&mut Section> {
        self.sections.iter_mut().rev().find(|section| section.connection == connection)
    }
}

impl Section {
    /// What the client sent first: the client id it started with.
    pub(crate) fn first_request(&self) -> Option<&Frame> {
        self.steps.iter().find(|step| step.from == Direction::Client).map(|step| &step.frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"kind":"header","format":"ibmesh-transcript","version":1,"tool":"test","started_ms":0}"#;
    const OPEN: &str = r#"{"kind":"open","connection":1,"ms":0,"hello":"v213..226","server_version":226,"connection_time":"now"}"#;
    const START: &str =
        r#"{"kind":"frame","connection":1,"ms":1,"from":"client","dialect":"protobuf","message":71,"name":"","fields":{"clientId":7}}"#;

    fn read(lines: &[&str]) -> Result<Transcript, TranscriptError> {
        Transcript::read(lines.join("\n").as_bytes())
    }

    #[test]
    fn reads_connections_and_their_frames() {
        let second = OPEN.replace("\"connection\":1", "\"connection\":2");
        let transcript = read(&[HEADER, "# by hand", OPEN, &second, START, ""]).unwrap();
        assert_eq!(transcript.sections.iter().map(|section| section.steps.len()).collect::<Vec<_>>(), [1, 0]);
        assert_eq!(transcript.sections[0].first_request().unwrap().write(), b"\0\0\0\x06\0\0\x01\x0f\x08\x07");
    }

    #[test]
    fn names_what_is_wrong_and_where() {
        let cases: [(&[&str], &str); 7] = [
            (&[OPEN], "line 1 of the transcript: a transcript begins with its header"),
            (&[HEADER, START, ""], "line 2 of the transcript: connection 1 was not opened"),
            (&[HEADER, OPEN, OPEN, ""], "line 3 of the transcript: connection 1 is opened twice"),
            (&[HEADER, HEADER, ""], "line 2 of the transcript: a second header"),
            (&[HEADER, "{}", ""], "line 2 of the transcript: missing field"),
            (&[HEADER], "no connection"),
            (&[&HEADER.replace("\"version\":1", "\"version\":9")], "reads ibmesh-transcript version 1"),
        ];
        for (lines, words) in cases {
            let error = read(lines).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    /// The recorder may be killed in the middle of a line; what was whole counts.
    #[test]
    fn half_a_last_line_is_left_out() {
        assert_eq!(read(&[HEADER, OPEN, START, &START[..40]]).unwrap().sections[0].steps.len(), 1);
        assert!(read(&[HEADER, OPEN, &START[..40], START]).is_err());
        // In the middle of a character too.
        let mut torn = [HEADER, OPEN, START, "{\"kind\":\"Zü"].join("\n").into_bytes();
        torn.pop();
        assert_eq!(Transcript::read(&torn[..]).unwrap().sections[0].steps.len(), 1);
        torn.push(b'\n');
        assert!(Transcript::read(&torn[..]).unwrap_err().to_string().contains("line 4"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,200}") {
            let _ = Transcript::read(text.as_bytes());
            let _ = Transcript::read(format!("{HEADER}\n{OPEN}\n{text}\n").as_bytes());
        }
    }
}
