//! Transcripts of API connections: what is in the file, and how frames of either dialect are read without a client.
//!
//! Invariant: recorder, replay and comparison share this and nothing of the simulator's own codecs, so that a mistake
//! there does not hide itself in a recording.

pub(crate) mod catalogue;
pub(crate) mod file;
pub(crate) mod frame;
pub(crate) mod marks;
pub(crate) mod owner;
pub(crate) mod protobuf;
mod read;

pub(crate) use read::Section;
pub use read::{Transcript, TranscriptError};
