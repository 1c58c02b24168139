//! The faults by name, as the control port, the command line and a scenario file give them.
//!
//! Invariant: unknown kinds and fields are refused with the reason, so that a misspelt fault never
//! passes for one that does nothing; every fault that lasts has another that ends it.

use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;

use super::link::Farm;

/// A fault that is to end by itself ends within a day.
pub(super) const MAX_FOR_MS: u64 = 86_400_000;

/// One fault as it is asked for; the table in [`crate::control`] says what each does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Fault {
    DropAll {},
    RefuseConnections {
        on: Option<bool>,
        listen: Option<bool>,
    },
    Stall {
        #[serde(default = "yes")]
        on: bool,
    },
    SilentHandshake {
        #[serde(default = "yes")]
        on: bool,
    },
    LocalhostOnly {
        #[serde(default = "yes")]
        on: bool,
    },
    HalfOpen {
        #[serde(default = "yes")]
        on: bool,
    },
    FreezeAccountPushes {
        #[serde(default = "yes")]
        on: bool,
    },
    Notice {
        code: i32,
        text: Option<String>,
    },
    Delay {
        message: String,
        ms: u64,
    },
    Fail {
        message: String,
        code: i32,
        text: Option<String>,
        #[serde(default = "once")]
        times: u32,
    },
    FramesBeforeIds {
        count: u32,
    },
    Connectivity {
        state: Connectivity,
    },
    Farm {
        farm: Farm,
        #[serde(default = "yes")]
        broken: bool,
    },
    CompetingSession {
        #[serde(default = "yes")]
        on: bool,
    },
    ClientIdsTaken {
        #[serde(default = "yes")]
        on: bool,
    },
    ClientIdLinger {
        ms: u64,
    },
    Omit {
        message: String,
        times: Option<u32>,
    },
    Duplicate {
        message: String,
        #[serde(default = "once")]
        copies: u32,
        times: Option<u32>,
    },
    Reorder {
        message: String,
        #[serde(default = "once")]
        by: u32,
        times: Option<u32>,
    },
    SplitFrames {
        #[serde(default = "once")]
        bytes: u32,
        #[serde(default)]
        pause_ms: u64,
        #[serde(default = "yes")]
        on: bool,
    },
    CoalesceFrames {
        #[serde(default = "ten")]
        frames: u32,
        #[serde(default = "fifty_ms")]
        ms: u64,
        #[serde(default = "yes")]
        on: bool,
    },
    SlowFrames {
        bytes_per_s: u32,
    },
    GarbageLength {
        #[serde(default = "two_gib")]
        length: u32,
        #[serde(default = "once")]
        times: u32,
    },
}

/// What became of the way between the gateway and IB's servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Connectivity {
    /// 1100.
    Lost,
    /// 1102.
    Maintained,
    /// 1101: market data has to be asked for again.
    DataLost,
    /// 1300: the port was reset, every connection ends.
    Reset,
}

fn yes() -> bool {
    true
}

fn once() -> u32 {
    1
}

fn ten() -> u32 {
    10
}

fn fifty_ms() -> u64 {
    50
}

fn two_gib() -> u32 {
    0x8000_0000
}

/// A fault and, if it is to end by itself, when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(super) fault: Fault,
    pub(super) for_ms: Option<u64>,
}

impl Wanted {
    /// `{"kind":"stall","for_ms":500}`.
    pub(crate) fn from_json(mut value: Value) -> Result<Self, String> {
        let for_ms = match value.as_object_mut().and_then(|fields| fields.remove("for_ms")) {
            None => None,
            Some(ms) => Some(ms.as_u64().filter(|ms| (1..=MAX_FOR_MS).contains(ms)).ok_or(format!("for_ms is 1 to {MAX_FOR_MS}"))?),
        };
        let fault: Fault = serde_json::from_value(value).map_err(|error| error.to_string())?;
        if for_ms.is_some() && fault.end().is_none() {
            return Err("for_ms: this fault does not last, or is an end itself".to_owned());
        }
        Ok(Self { fault, for_ms })
    }
}

/// JSON, or the short form for a command line: `stall`, `farm:farm=ushmds,for_ms=2000`.
impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.starts_with('{') {
            return Self::from_json(serde_json::from_str(text).map_err(|error| error.to_string())?);
        }
        let (kind, fields) = text.split_once(':').unwrap_or((text, ""));
        let mut object = serde_json::Map::from_iter([("kind".to_owned(), Value::from(kind))]);
        for field in fields.split(',').filter(|field| !field.is_empty()) {
            let (name, value) = field.split_once('=').ok_or(format!("{field:?}: expected name=value"))?;
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
            object.insert(name.to_owned(), value);
        }
        Self::from_json(Value::Object(object))
    }
}

impl Fault {
    /// What this fault is called among those that last.
    pub(super) fn name(&self) -> String {
        let kind = format!("{self:?}");
        let kind = kind.split([' ', '{']).next().unwrap_or_default().to_owned();
        match self {
            Self::Delay { message, .. }
            | Self::Fail { message, .. }
            | Self::Omit { message, .. }
            | Self::Duplicate { message, .. }
            | Self::Reorder { message, .. } => format!("{kind} {message}"),
            Self::Farm { farm, .. } => format!("{kind} {farm:?}"),
            // A closed port and a door that is shut in the face are two things that end on their own.
            Self::RefuseConnections { on: None, listen: Some(_) } => format!("{kind} listen"),
            // One way of writing replaces the other.
            Self::SplitFrames { .. } | Self::CoalesceFrames { .. } | Self::SlowFrames { .. } => "writing".to_owned(),
            _ => kind,
        }
    }

    /// What ends it, if it lasts.
    pub(super) fn end(&self) -> Option<Self> {
        let end = match self.clone() {
            Self::RefuseConnections { on, listen } => {
                Self::RefuseConnections { on: on.map(|_| false), listen: listen.map(|_| true) }.or_on_false()
            }
            Self::Stall { .. } => Self::Stall { on: false },
            Self::SilentHandshake { .. } => Self::SilentHandshake { on: false },
            Self::LocalhostOnly { .. } => Self::LocalhostOnly { on: false },
            Self::HalfOpen { .. } => Self::HalfOpen { on: false },
            Self::FreezeAccountPushes { .. } => Self::FreezeAccountPushes { on: false },
            Self::Delay { message, .. } => Self::Delay { message, ms: 0 },
            Self::Fail { message, code, text, .. } => Self::Fail { message, code, text, times: 0 },
            Self::FramesBeforeIds { .. } => Self::FramesBeforeIds { count: 0 },
            Self::Connectivity { state: Connectivity::Lost } => Self::Connectivity { state: Connectivity::Maintained },
            Self::Farm { farm, .. } => Self::Farm { farm, broken: false },
            Self::CompetingSession { .. } => Self::CompetingSession { on: false },
            Self::ClientIdsTaken { .. } => Self::ClientIdsTaken { on: false },
            Self::ClientIdLinger { .. } => Self::ClientIdLinger { ms: 0 },
            Self::Omit { message, .. } => Self::Omit { message, times: Some(0) },
            Self::Duplicate { message, copies, .. } => Self::Duplicate { message, copies, times: Some(0) },
            Self::Reorder { message, by, .. } => Self::Reorder { message, by, times: Some(0) },
            Self::SplitFrames { .. } | Self::CoalesceFrames { .. } | Self::SlowFrames { .. } => Self::SlowFrames { bytes_per_s: 0 },
            Self::GarbageLength { length, .. } => Self::GarbageLength { length, times: 0 },
            Self::DropAll {} | Self::Notice { .. } | Self::Connectivity { .. } => return None,
        };
        (end != *self).then_some(end)
    }

    /// A bare `refuse_connections` means `on`.
    fn or_on_false(self) -> Self {
        match self {
            Self::RefuseConnections { on: None, listen: None } => Self::RefuseConnections { on: Some(false), listen: None },
            other => other,
        }
    }
}
