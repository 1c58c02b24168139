//! A gateway beside a transcript: the client's side is said again, and what comes back is compared with what came
//! then.
//!
//! Invariant: a difference is reported or accepted with a reason, never passed over.

mod accepted;
mod differ;
mod drive;

use crate::record::{Pseudonyms, redact};
use crate::transcript::Transcript;
pub use accepted::{Accepted, AcceptedError};
use differ::{Differences, Example, Side, Spot};

/// Why a comparison could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// There is no gateway.
    #[error("no gateway at {gateway}")]
    Gateway {
        /// The address that was asked for.
        gateway: String,
        /// What the system answered.
        #[source]
        source: std::io::Error,
    },
    /// It closed, or said something else than a version.
    #[error("the gateway does not answer the recorded hello {hello:?} with a version")]
    NoVersion {
        /// What the recorded client announced.
        hello: String,
    },
    /// It sent what is no frame.
    #[error("the gateway sent something unreadable: {0}")]
    Unreadable(String),
}

/// What is different between a transcript and a gateway.
#[derive(Debug)]
pub struct Comparison {
    open: Vec<(Spot, Example)>,
    accepted: Vec<(Spot, Example, String)>,
    unused: Vec<String>,
    left_out: Vec<&'static str>,
    versions: Vec<(i32, i32)>,
}

/// Says the client's side of every connection of the transcript to the gateway, one after the other, and compares the
/// answers. Requests that act on the account are sent only with `orders`.
pub async fn compare(transcript: &Transcript, gateway: &str, orders: bool, accepted: &Accepted) -> Result<Comparison, CompareError> {
    let (mut found, mut left_out, mut versions) = (Differences::new(), Vec::new(), Vec::new());
    // One table for each side: permanent and execution ids are compared by the order in which they appear.
    let (mut recorded_names, mut live_names) = (Pseudonyms::default(), Pseudonyms::default());
    let mut ids = drive::Ids::default();
    for section in &transcript.sections {
        let said = drive::run(section, gateway, orders, &mut ids).await?;
        versions.push((section.server_version, said.version));
        let recorded: Vec<_> = section
            .steps
            .iter()
            .map(|step| (step.from, redact::frame(&mut recorded_names, step.from, section.server_version, &step.frame)))
            .collect();
        let live: Vec<_> =
            said.steps.iter().map(|(from, frame)| (*from, redact::frame(&mut live_names, *from, said.version, frame))).collect();
        let recorded = Side::read(section.server_version, recorded.iter().map(|(from, frame)| (*from, frame)));
        let recorded = recorded.without(&said.left_out);
        let live = Side::read(said.version, live.iter().map(|(from, frame)| (*from, frame)));
        differ::compare(&recorded, &live, transcript.partial, &mut found);
        left_out.extend(said.left_out);
    }
    let mut used = vec![false; accepted.rules().len()];
    let mut comparison = Comparison { open: Vec::new(), accepted: Vec::new(), unused: Vec::new(), left_out, versions };
    for (spot, example) in found {
        match accepted.find(&spot) {
            Some(rule) => {
                used[rule] = true;
                comparison.accepted.push((spot, example, accepted.reason(rule).to_owned()));
            }
            None => comparison.open.push((spot, example)),
        }
    }
    comparison.unused = accepted.rules().iter().zip(used).filter(|(_, used)| !used).map(|(rule, _)| rule.to_string()).collect();
    Ok(comparison)
}

impl Comparison {
    /// Differences that nobody has accepted.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Differences that are accepted, each with a reason.
    pub fn accepted(&self) -> usize {
        self.accepted.len()
    }

    /// Rules of the accepted list that fit no difference.
    pub fn unused(&self) -> &[String] {
        &self.unused
    }
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (recorded, live) in self.versions.iter().filter(|(recorded, live)| recorded != live) {
            writeln!(f, "server version: recorded {recorded}, now {live}")?;
        }
        if !self.left_out.is_empty() {
            writeln!(f, "not sent, since it acts on the account: {}", self.left_out.join(", "))?;
        }
        for (spot, example) in &self.open {
            write_difference(f, "differs ", spot, example)?;
        }
        for (spot, example, reason) in &self.accepted {
            write_difference(f, "accepted", spot, example)?;
            writeln!(f, "           because {reason}")?;
        }
        for rule in &self.unused {
            writeln!(f, "unused    {rule}")?;
        }
        write!(
            f,
            "{} connections, {} differences, {} accepted, {} unused rules",
            self.versions.len(),
            self.open.len(),
            self.accepted.len(),
            self.unused.len()
        )
    }
}

fn write_difference(f: &mut std::fmt::Formatter<'_>, word: &str, spot: &Spot, example: &Example) -> std::fmt::Result {
    let times = if example.times == 1 { String::new() } else { format!(" ({} times)", example.times) };
    writeln!(f, "{word}  {} > {} {} {}{times}", spot.request, spot.answer, spot.kind, spot.field)?;
    for (side, text) in [("then", &example.recorded), ("now ", &example.live)] {
        if !text.is_empty() {
            writeln!(f, "           {side} {text}")?;
        }
    }
    Ok(())
}
