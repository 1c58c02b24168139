//! Answers about options from an IB session of its own: expirations, chains with Greeks, quotes.

/// Name in heartbeats and discovery.
pub const SERVICE: &str = "options";
