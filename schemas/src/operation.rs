use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};

use crate::{account, contracts, edge, fundamentals, gateway, history, news, options, session};

/// One request/reply over `ib.v1.<gw>.rpc.<FAMILY>.<OP>`.
pub trait Operation: 'static {
    const FAMILY: &'static str;
    const OP: &'static str;
    /// One sentence for readers of the schemas and of `$SRV.INFO`.
    const ABOUT: &'static str;
    /// Upper bound and default of the time a caller waits; a caller may ask for less.
    const DEADLINE_MS: u64;
    const RETRY: Retry;
    const FRESHNESS: Freshness;
    /// It tells how far it is, and may last long enough for somebody to follow it.
    const TELLS_PROGRESS: bool = false;
    type Params: Serialize + DeserializeOwned + JsonSchema + Send + Sync;
    type Reply: Serialize + DeserializeOwned + JsonSchema + Send + Sync;
}

/// Whether a caller may send the same request again after a fault that says nothing about its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// A read: asking twice changes nothing.
    Safe,
    /// Changes something in the world: never sent again by anyone but its author.
    Never,
}

/// How old an answer may be by design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// IB pushes it; answered from memory with `as_of`, `stale` while IB is away.
    Kept,
    /// Static for a while: cached per worker for this long.
    Cached { for_s: u64 },
    /// Asked of IB for every call (identical calls in flight share one request).
    Asked,
}

/// An [`Operation`] with its types erased, for tables, schema files and discovery.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub family: &'static str,
    pub op: &'static str,
    pub about: &'static str,
    pub deadline_ms: u64,
    pub retry: Retry,
    pub freshness: Freshness,
    pub tells_progress: bool,
    pub params_schema: fn() -> Schema,
    /// What a reader of the reply accepts.
    pub reply_schema: fn() -> Schema,
    /// What a service writes, which is narrower: what nobody told is absent there, never null.
    pub written_schema: fn() -> Schema,
}

impl Row {
    pub const fn of<O: Operation>() -> Self {
        Self {
            family: O::FAMILY,
            op: O::OP,
            about: O::ABOUT,
            deadline_ms: O::DEADLINE_MS,
            retry: O::RETRY,
            freshness: O::FRESHNESS,
            tells_progress: O::TELLS_PROGRESS,
            params_schema: schema_of::<O::Params>,
            reply_schema: schema_of::<O::Reply>,
            written_schema: written::<O::Reply>,
        }
    }

    /// `account.summary`: the part of the subject after `rpc.`, and the name in heartbeats.
    pub fn name(&self) -> String {
        format!("{}.{}", self.family, self.op)
    }

    /// False where the edge answers by itself: then it has no subject.
    pub fn over_nats(&self) -> bool {
        self.family != edge::Health::FAMILY
    }
}

fn schema_of<T: JsonSchema>() -> Schema {
    let generator: SchemaGenerator = SchemaSettings::draft2020_12().into_generator();
    generator.into_root_schema_for::<T>()
}

fn written<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

/// Every operation of this release.
pub static OPERATIONS: &[Row] = &[
    Row::of::<account::CompletedOrders>(),
    Row::of::<account::Executions>(),
    Row::of::<account::List>(),
    Row::of::<account::OpenOrders>(),
    Row::of::<account::Overview>(),
    Row::of::<account::Pnl>(),
    Row::of::<account::Portfolio>(),
    Row::of::<account::PositionPnl>(),
    Row::of::<account::Positions>(),
    Row::of::<account::Summary>(),
    Row::of::<account::Values>(),
    Row::of::<contracts::Details>(),
    Row::of::<contracts::Lookup>(),
    Row::of::<contracts::MarketRule>(),
    Row::of::<contracts::Schedule>(),
    Row::of::<contracts::Search>(),
    Row::of::<edge::Connect>(),
    Row::of::<edge::Disconnect>(),
    Row::of::<edge::Health>(),
    Row::of::<fundamentals::Company>(),
    Row::of::<gateway::Diagnose>(),
    Row::of::<gateway::EnsureReady>(),
    Row::of::<gateway::Login>(),
    Row::of::<gateway::Logout>(),
    Row::of::<gateway::Reconnect>(),
    Row::of::<gateway::RestartWorkers>(),
    Row::of::<gateway::Status>(),
    Row::of::<history::Bars>(),
    Row::of::<history::Head>(),
    Row::of::<history::Histogram>(),
    Row::of::<history::Ticks>(),
    Row::of::<news::Article>(),
    Row::of::<news::Headlines>(),
    Row::of::<news::Providers>(),
    Row::of::<options::Chain>(),
    Row::of::<options::Expirations>(),
    Row::of::<options::Quote>(),
    Row::of::<options::Quotes>(),
    Row::of::<session::Time>(),
];

/// The row of `family.op`.
pub fn find(name: &str) -> Option<&'static Row> {
    OPERATIONS.iter().find(|row| row.name() == name)
}
