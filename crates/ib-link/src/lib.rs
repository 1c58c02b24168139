//! The session to one IB gateway: the only crate that names `ibapi`.
//!
//! [`Link::start`] spawns a supervisor that keeps one session open for as long as it lives: it probes, connects, checks,
//! backs off and takes a client id that IB does not refuse (`policy.rs` decides, `session.rs` does). Requests go through
//! [`Link`]'s methods, each with its deadline, and end in our types or in a [`schemas::Fault`]. Account state that IB
//! pushes is [kept](Kept) and survives disconnects.
//!
//! Invariants: nothing is sent after a deadline, past the pace of [`pacing`], or on a session that is not ready; every
//! await that leaves the process ends by itself; no type of `ibapi`'s appears in a public signature.
//!
//! | file | is |
//! |---|---|
//! | `policy.rs` | pure: when to probe, connect, check, back off |
//! | `session.rs`, `reports.rs`, `open.rs`, `notices.rs` | the shell around it |
//! | `link.rs` | the handle and what is shared with the supervisor |
//! | `lines/` | market data lines: the budget, one line, its quote |
//! | `requests.rs`, `options.rs`, `orders.rs`, `past.rs`, `ask.rs` | one method per kind of question, and how each is asked |
//! | `kept.rs`, `store.rs`, `keep/` | what IB pushes: the snapshot, the pure store, the subscriptions |
//! | `pacing/` | messages per second, the window of historical requests |
//! | `fault.rs` | IB's codes to faults |
//! | `convert/` | IB's types to ours and back |
//! | `probe.rs` | does a gateway answer? |
//! | `clock.rs` | the only reader of clocks |

mod ask;
mod clock;
mod convert;
mod fault;
mod keep;
mod kept;
mod lines;
mod link;
mod notices;
mod open;
mod options;
mod orders;
pub mod pacing;
mod past;
mod policy;
mod probe;
mod reports;
mod requests;
mod session;
mod settings;
mod state;
mod store;
mod untrusted;

pub use ask::HistoryTurn;
pub use clock::{Clock, Instant};
pub use convert::{Bar, BarTime, Bars, Details, iana_zone, told_local};
pub use kept::{AccountKept, Freshness, Holding, Kept, KeptValue, Profit, STALE_MAX_MS};
pub use lines::{Greeks, GreeksOf, Line, LineRequest, Quote};
pub use link::Link;
pub use options::OptionParams;
pub use orders::PositionProfit;
pub use past::{HistogramRequest, TicksRequest};
pub use probe::{ProbeFault, ProbeReply, probe};
pub use requests::{Article, BarsRequest, GatewaySettings, HeadTimestampRequest, Headlines, HeadlinesRequest, NewsProvider};
pub use schemas::ClientId;
pub use settings::{ClientIds, MarketDataWanted, Settings};
pub use state::{Farm, FarmState, Phase, State};

/// Oldest server version that `ibapi` speaks: the first with protobuf for every message.
pub const SERVER_VERSION_MIN: i32 = 213;
