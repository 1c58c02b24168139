//! The faults by name, as the control port, the command line and a scenario file give them.
//!
//! Invariant: unknown kinds, fields and message names and numbers out of range are refused with the
//! reason, so that a misspelt fault never passes for one that does nothing.

use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::link::Farm;
use super::state::{Active, Failure, Garbage, Style, Tamper};
use crate::errors::ApiError;
use crate::gateway::{Announcement, Gateway};
use crate::proto::event::Event;
use crate::proto::request::Request;
use crate::settings::Error;

/// Answers are held back at most this long; longer looks like a stall and is one.
const MAX_DELAY_MS: u64 = 120_000;
/// A fault that is to end by itself ends within a day.
const MAX_FOR_MS: u64 = 86_400_000;
/// Enough to go past every client's patience for frames before the ids.
const MAX_FRAMES_BEFORE_IDS: u32 = 1_000;
const MAX_COPIES: u32 = 100;
/// Frames that may overtake one, or that go out in one write.
const MAX_FRAMES_TOGETHER: u32 = 1_000;
const MAX_PAUSE_MS: u64 = 1_000;
/// Beyond this a split frame is a whole one.
const MAX_PIECE: u32 = 65_536;

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
    fault: Fault,
    for_ms: Option<u64>,
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
    fn name(&self) -> String {
        let kind = format!("{self:?}");
        let kind = kind.split([' ', '{']).next().unwrap_or_default().to_owned();
        match self {
            Self::Delay { message, .. }
            | Self::Fail { message, .. }
            | Self::Omit { message, .. }
            | Self::Duplicate { message, .. }
            | Self::Reorder { message, .. } => format!("{kind} {message}"),
            Self::Farm { farm, .. } => format!("{kind} {farm:?}"),
            // One way of writing replaces the other.
            Self::SplitFrames { .. } | Self::CoalesceFrames { .. } | Self::SlowFrames { .. } => "writing".to_owned(),
            _ => kind,
        }
    }

    /// What ends it, if it lasts.
    fn end(&self) -> Option<Self> {
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

/// Switches on what the scenario and the settings want from the start.
pub(crate) fn start(gateway: &Gateway) -> Result<(), Error> {
    for value in gateway.world.faults.iter().cloned() {
        let name = gateway.settings.scenario.as_ref().map_or_else(|| "default".to_owned(), |file| file.display().to_string());
        let wanted = Wanted::from_json(value).and_then(|wanted| want(gateway, wanted));
        wanted.map_err(|reason| Error::Scenario { name, reason: format!("faults: {reason}") })?;
    }
    gateway.settings.faults.iter().try_for_each(|fault| want(gateway, fault.0.clone()).map_err(Error::Fault))
}

/// Switches a fault on or off, and on for a time if that was asked for.
pub(crate) fn want(gateway: &Gateway, wanted: Wanted) -> Result<(), String> {
    let Wanted { fault, for_ms } = wanted;
    let (name, end) = (fault.name(), fault.end());
    apply(gateway, fault)?;
    gateway.faults.timers.forget(&name);
    if let (Some(ms), Some(end)) = (for_ms, end) {
        let at = gateway.clock.uptime() + Duration::from_millis(ms);
        if !gateway.faults.timers.add(name, at, end) {
            return Err("too many faults have an end; this one is on and has none".to_owned());
        }
    }
    Ok(())
}

/// Everything off; whoever was told of a loss is told of its end.
pub(crate) fn clear(gateway: &Gateway) {
    let before = gateway.faults.active();
    gateway.faults.clear();
    if before.disconnected {
        notice(gateway, 1102);
    }
    before.broken_farms.iter().for_each(|farm| farm_notices(gateway, *farm, false));
}

fn notice(gateway: &Gateway, code: i32) {
    gateway.announce(Announcement::Notice(ApiError::fixed(code)));
}

/// A market data farm that comes back says so in two steps.
fn farm_notices(gateway: &Gateway, farm: Farm, broken: bool) {
    if broken {
        return notice(gateway, farm.broken_code());
    }
    if farm == Farm::Usfarm {
        notice(gateway, 2119);
    }
    notice(gateway, farm.ok_code());
}

fn connectivity(gateway: &Gateway, state: Connectivity) {
    gateway.faults.set(|active| active.disconnected = state == Connectivity::Lost);
    notice(
        gateway,
        match state {
            Connectivity::Lost => 1100,
            Connectivity::Maintained => 1102,
            Connectivity::DataLost => 1101,
            Connectivity::Reset => 1300,
        },
    );
}

pub(super) fn apply(gateway: &Gateway, fault: Fault) -> Result<(), String> {
    let faults = &gateway.faults;
    match fault {
        Fault::DropAll {} => gateway.announce(Announcement::Drop),
        Fault::RefuseConnections { on, listen } => {
            if let Some(listen) = listen {
                faults.listen(listen);
            }
            // Naming only `listen` says nothing about what an open port does.
            if let Some(on) = on.or(listen.is_none().then_some(true)) {
                faults.set(|active| active.refuse_connections = on);
            }
        }
        Fault::HalfOpen { on } => faults.half_open(on),
        Fault::Notice { code, text } => gateway.announce(Announcement::Notice(ApiError::injected(code, text))),
        Fault::Connectivity { state } => connectivity(gateway, state),
        Fault::Farm { farm, broken } => {
            faults.set(|active| {
                if broken {
                    active.broken_farms.insert(farm)
                } else {
                    active.broken_farms.remove(&farm)
                };
            });
            farm_notices(gateway, farm, broken);
        }
        state => return change(state).map(|change| faults.set(change)),
    }
    Ok(())
}

/// What a fault that is only a matter of state does to it.
fn change(fault: Fault) -> Result<Box<dyn FnOnce(&mut Active)>, String> {
    Ok(match fault {
        Fault::Stall { on } => Box::new(move |active| active.stall = on),
        Fault::SilentHandshake { on } => Box::new(move |active| active.silent_handshake = on),
        Fault::LocalhostOnly { on } => Box::new(move |active| active.localhost_only = on),
        Fault::FreezeAccountPushes { on } => Box::new(move |active| active.freeze_account_pushes = on),
        Fault::CompetingSession { on } => Box::new(move |active| active.competing_session = on),
        Fault::ClientIdsTaken { on } => Box::new(move |active| active.client_ids_taken = on),
        Fault::ClientIdLinger { ms } => {
            at_most("ms", ms, MAX_FOR_MS)?;
            Box::new(move |active| active.client_id_linger_ms = ms)
        }
        Fault::FramesBeforeIds { count } => {
            at_most("count", count, MAX_FRAMES_BEFORE_IDS)?;
            Box::new(move |active| active.frames_before_ids = count)
        }
        Fault::Delay { message, ms } => {
            let message = known_request(message)?;
            at_most("ms", ms, MAX_DELAY_MS)?;
            Box::new(move |active| match ms {
                0 => drop(active.delays.remove(&message)),
                _ => drop(active.delays.insert(message, ms)),
            })
        }
        Fault::Fail { message, code, text, times } => {
            let message = known_request(message)?;
            Box::new(move |active| match times {
                0 => drop(active.failures.remove(&message)),
                _ => drop(active.failures.insert(message, Failure { code, text, times })),
            })
        }
        other => return change_frames(other),
    })
}

/// The faults of what goes out.
fn change_frames(fault: Fault) -> Result<Box<dyn FnOnce(&mut Active)>, String> {
    Ok(match fault {
        Fault::Omit { message, times } => tamper(message, Tamper { by: 0, times }, |active| &mut active.omit)?,
        Fault::Duplicate { message, copies, times } => {
            at_most("copies", copies, MAX_COPIES)?;
            tamper(message, Tamper { by: copies, times }, |active| &mut active.duplicate)?
        }
        Fault::Reorder { message, by, times } => {
            at_most("by", by, MAX_FRAMES_TOGETHER)?;
            tamper(message, Tamper { by, times }, |active| &mut active.reorder)?
        }
        Fault::SplitFrames { bytes, pause_ms, on } => {
            within("bytes", bytes, MAX_PIECE)?;
            at_most("pause_ms", pause_ms, MAX_PAUSE_MS)?;
            writing(if on { Style::Split { bytes, pause_ms } } else { Style::Plain })
        }
        Fault::CoalesceFrames { frames, ms, on } => {
            within("frames", frames, MAX_FRAMES_TOGETHER)?;
            at_most("ms", ms, MAX_PAUSE_MS)?;
            writing(if on { Style::Coalesce { frames, ms } } else { Style::Plain })
        }
        Fault::SlowFrames { bytes_per_s } => writing(if bytes_per_s > 0 { Style::Slow { bytes_per_s } } else { Style::Plain }),
        Fault::GarbageLength { length, times } => {
            let garbage = (times > 0).then_some(Garbage { length, times });
            Box::new(move |active| active.garbage_length = garbage)
        }
        other => unreachable!("{other:?} is applied before"),
    })
}

fn writing(style: Style) -> Box<dyn FnOnce(&mut Active)> {
    Box::new(move |active| active.writing = style)
}

type Tampers = std::collections::BTreeMap<String, Tamper>;

fn tamper(message: String, tamper: Tamper, of: fn(&mut Active) -> &mut Tampers) -> Result<Box<dyn FnOnce(&mut Active)>, String> {
    if !Event::NAMES.contains(&message.as_str()) {
        return Err(format!("message {message:?} is not sent by a gateway; these are: {}", Event::NAMES.join(", ")));
    }
    Ok(Box::new(move |active| match tamper.times {
        Some(0) => drop(of(active).remove(&message)),
        _ => drop(of(active).insert(message, tamper)),
    }))
}

fn known_request(message: String) -> Result<String, String> {
    // The start of a session is not a request that can be held back; other faults are for that.
    if message != "StartApi" && Request::NAMES.contains(&message.as_str()) {
        Ok(message)
    } else {
        Err(format!("message {message:?} is unknown; known are {}", Request::NAMES.join(", ")))
    }
}

fn at_most<N: PartialOrd + std::fmt::Display>(field: &str, value: N, most: N) -> Result<(), String> {
    if value > most { Err(format!("{field} is at most {most}")) } else { Ok(()) }
}

fn within(field: &str, value: u32, most: u32) -> Result<(), String> {
    if (1..=most).contains(&value) { Ok(()) } else { Err(format!("{field} is 1 to {most}")) }
}

#[cfg(test)]
#[path = "kinds_tests.rs"]
mod tests;
