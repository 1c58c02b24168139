//! The flags of `ibmesh sim` that say how orders are treated.

use std::path::PathBuf;

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Orders")]
pub(crate) struct OrderArgs {
    /// Keep orders, executions, accounts and order ids in this directory, so that they survive a restart; without it they live in memory.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Refuse everything about orders, as a gateway with "Read-Only API" does.
    #[arg(long)]
    read_only_api: bool,
    /// Refuse larger orders (error 383), as IB's precautionary settings do.
    #[arg(long, value_name = "SIZE")]
    order_size_limit: Option<u32>,
    /// The client that is told of every client's orders.
    #[arg(long, value_name = "ID")]
    master_client_id: Option<i32>,
}

impl OrderArgs {
    pub(crate) fn settings(&self) -> ib_sim::OrderSettings {
        ib_sim::OrderSettings {
            state_dir: self.state_dir.clone(),
            read_only_api: self.read_only_api,
            size_limit: self.order_size_limit,
            master_client_id: self.master_client_id,
        }
    }
}
