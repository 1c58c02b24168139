//! Whose truth an answer is: beside every reply, and the last line of every text.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Decided by the account alone: never by a port, a setting or the gateway's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// ib-sim: accounts begin with `DUSIM`.
    Simulated,
    /// IB's paper accounts begin with `D`.
    Paper,
    Live,
}

impl Mode {
    /// The mode of a login: live as soon as one account is, because then real money can be meant.
    pub fn of_accounts<'a>(accounts: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        accounts.into_iter().map(Self::of_account).max_by_key(|mode| match mode {
            Self::Simulated => 0,
            Self::Paper => 1,
            Self::Live => 2,
        })
    }

    fn of_account(account: &str) -> Self {
        if account.starts_with("DUSIM") {
            Self::Simulated
        } else if account.starts_with('D') {
            Self::Paper
        } else {
            Self::Live
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Simulated => "simulated",
            Self::Paper => "paper",
            Self::Live => "live",
        }
    }
}

/// What kind of data the answer is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataType {
    Live,
    Delayed,
    Frozen,
    DelayedFrozen,
    /// Account facts that IB pushes.
    Account,
    /// Bars and news of the past.
    Historical,
    /// Contract facts.
    Reference,
}

impl DataType {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Delayed => "delayed",
            Self::Frozen => "frozen",
            Self::DelayedFrozen => "delayed frozen",
            Self::Account => "account data",
            Self::Historical => "historical",
            Self::Reference => "reference data",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarketState {
    Open,
    Pre,
    Post,
    Closed,
    Unknown,
}

/// Mode, account, kind of data, moment and market of one answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Context {
    pub mode: Mode,
    /// Masked: `DUS***001`. Absent where the answer belongs to no account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    pub data_type: DataType,
    /// When the answer was made.
    pub time: Timestamp,
    /// The moment the data is true for, where that is not the moment of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// IANA name of the zone in which `time` is told to people: the instrument's exchange, else New York.
    pub time_zone: String,
    pub market_state: MarketState,
    /// When `market_state` ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_until: Option<Timestamp>,
    /// True when IB is away and the answer comes from memory.
    #[serde(default)]
    pub stale: bool,
}

/// `DUSIM00001` to `DUS***001`: enough to tell two accounts apart, too little to publish one.
pub fn mask_account(account: &str) -> String {
    let mut starts = account.char_indices().map(|(at, _)| at);
    let ends = (starts.nth(3), starts.nth_back(2));
    // Fewer than seven characters have no fourth, or no third from behind that follows it.
    let (Some(head), Some(tail)) = ends else { return "***".to_owned() };
    [&account[..head], "***", &account[tail..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_live_account_makes_the_login_live() {
        assert_eq!(Mode::of_accounts(["DUSIM00001"]), Some(Mode::Simulated));
        assert_eq!(Mode::of_accounts(["DU123", "DF9"]), Some(Mode::Paper));
        assert_eq!(Mode::of_accounts(["DU123", "U9"]), Some(Mode::Live));
        assert_eq!(Mode::of_accounts([]), None);
    }

    #[test]
    fn masks_keep_ends_only() {
        assert_eq!(mask_account("DUSIM00001"), "DUS***001");
        assert_eq!(mask_account("U123456"), "U12***456");
        assert_eq!(mask_account("ÜÄ12345"), "ÜÄ1***345");
        assert_eq!(mask_account("U12345"), "***");
        assert_eq!(mask_account(""), "***");
    }
}
