//! Identifiers that cross process borders.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names one request: uuid v7, so that logs sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(uuid::Uuid);

impl RequestId {
    /// A new one.
    pub fn mint() -> Self {
        Self(uuid::Uuid::now_v7())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

impl FromStr for RequestId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// The number of one API connection to a gateway. IB allows one connection per id and at most 32 at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ClientId(pub i32);

impl ClientId {
    pub const ORDERS: Self = Self(1);
    pub const MARKET_DATA: Self = Self(98);
    pub const OPTIONS: Self = Self(99);
    /// First id of the worker range unless `IB_CLIENT_ID` says otherwise.
    pub const WORKERS_FROM: Self = Self(10);
    /// How many ids the worker range has.
    pub const WORKERS_COUNT: i32 = 20;

    /// 0 binds a person's own orders, 1 is `orders`, 90-97 are probes, 98 market data, 99 options.
    pub const fn is_reserved(self) -> bool {
        matches!(self.0, 0 | 1 | 90..=99)
    }

    /// Whether the worker range that begins here touches a reserved id.
    pub fn range_is_free(self) -> bool {
        self.0 >= 2 && (self.0..self.0.saturating_add(Self::WORKERS_COUNT)).all(|id| !Self(id).is_reserved())
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
