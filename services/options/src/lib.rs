//! Answers about options from an IB session of its own: expirations, chains with Greeks, quotes.

pub mod classes;
pub mod dates;
pub mod deltas;
pub mod pricing;
pub mod right;
pub mod window;

/// Name in heartbeats and discovery.
pub const SERVICE: &str = "options";

/// A text of the caller's as a message shows it.
fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    text.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect()
}
