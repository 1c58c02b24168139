//! NATS, and nothing else: connect, call, serve, leave without loss, heartbeats, buckets, discovery.
//!
//! The only crate that names `async-nats`. Invariants: nothing is published while disconnected (it would be executed
//! late, after the reconnect); every wait has a deadline; a responder is in its queue group only while it can answer.

mod address;
mod audit;
mod beats;
mod bucket;
mod call;
mod connection;
mod control;
mod discovery;
mod events;
mod fleet;
mod kind;
mod listen;
mod mux;
mod names;
mod restart;
mod serve;
mod text;

pub use audit::Audit;
pub use beats::Beacon;
pub use bucket::{Bucket, BucketError, VALUE_BYTES_MAX};
pub use call::{CallOptions, Caller, Patience, Reply, logged_out};
pub use connection::{Bus, BusError, ConnectError, SERVER_VERSION_MIN, Settings};
pub use events::Events;
pub use fleet::{Fleet, Seen};
pub use listen::Listener;
pub use serve::{Builder, Load, Observation, Observer, Request, ServeSettings, Server, Teller};
