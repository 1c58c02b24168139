//! What each fault does when it is switched on or off.
//!
//! Invariant: message names and numbers out of range are refused with the reason before anything
//! changes; whoever was told of a loss is told of its end.

use std::time::Duration;

use super::kinds::{Connectivity, Fault, MAX_FOR_MS, Wanted};
use super::link::Farm;
use super::state::{Active, Failure, Garbage, Style, Tamper};
use crate::errors::ApiError;
use crate::gateway::{Announcement, Gateway};
use crate::proto::event::Event;
use crate::proto::request::Request;
use crate::settings::Error;

/// Answers are held back at most this long; longer looks like a stall and is one.
const MAX_DELAY_MS: u64 = 120_000;
/// Enough to go past every client's patience for frames before the ids.
const MAX_FRAMES_BEFORE_IDS: u32 = 1_000;
const MAX_COPIES: u32 = 100;
/// Frames that may overtake one, or that go out in one write.
const MAX_FRAMES_TOGETHER: u32 = 1_000;
const MAX_PAUSE_MS: u64 = 1_000;
/// Beyond this a split frame is a whole one.
const MAX_PIECE: u32 = 65_536;

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
    let _switching = gateway.faults.timers.switching();
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
    let _switching = gateway.faults.timers.switching();
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

/// What became of the way to IB's servers.
pub(crate) fn connectivity(gateway: &Gateway, state: Connectivity) {
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

/// A farm goes, or comes back.
pub(crate) fn farm(gateway: &Gateway, farm: Farm, broken: bool) {
    gateway.faults.set(|active| {
        if broken {
            active.broken_farms.insert(farm)
        } else {
            active.broken_farms.remove(&farm)
        };
    });
    farm_notices(gateway, farm, broken);
}

pub(super) fn apply(gateway: &Gateway, fault: Fault) -> Result<(), String> {
    let faults = &gateway.faults;
    match fault {
        Fault::DropAll {} => gateway.drop_clients(),
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
        Fault::Farm { farm: which, broken } => farm(gateway, which, broken),
        state => return change(state).map(|change| faults.set(change)),
    }
    Ok(())
}

type Change = Box<dyn FnOnce(&mut Active)>;

/// What a fault that is only a matter of state does to it.
fn change(fault: Fault) -> Result<Change, String> {
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
fn change_frames(fault: Fault) -> Result<Change, String> {
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

fn writing(style: Style) -> Change {
    Box::new(move |active| active.writing = style)
}

type Tampers = std::collections::BTreeMap<String, Tamper>;

fn tamper(message: String, tamper: Tamper, of: fn(&mut Active) -> &mut Tampers) -> Result<Change, String> {
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
#[path = "apply_tests.rs"]
mod tests;
