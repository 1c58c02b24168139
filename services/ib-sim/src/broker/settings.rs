//! What a caller may choose about orders.

use std::path::PathBuf;

/// How the simulated gateway treats orders.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OrderSettings {
    /// Where orders, executions, accounts and order ids are kept, so that they survive a restart. Without it they
    /// live in memory.
    pub state_dir: Option<PathBuf>,
    /// Refuse everything about orders, as the gateway's setting "Read-Only API" does.
    pub read_only_api: bool,
    /// Orders above this size are refused, as IB's precautionary settings do.
    pub size_limit: Option<u32>,
    /// The client that is told of every client's orders.
    pub master_client_id: Option<i32>,
}
