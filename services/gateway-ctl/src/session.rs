//! What the probe's own session and the heartbeats of the others say, as facts for the policy and for people. Pure.
//!
//! Invariants: an attempt that is under way says nothing new; account numbers are masked.

use bus::Seen;
use ib_link::{Phase, State};
use jiff::{SignedDuration, Timestamp};
use schemas::{ClientId, health::IbNotice, subject::GATEWAY_QUEUE};

use crate::{
    diagnose::{Member, SessionSeen},
    policy::{Api, Event, Fleet, Session},
};

/// The probe's client ids: 90 to 97.
pub(crate) const PROBE_IDS_FROM: ClientId = ClientId(90);
pub(crate) const PROBE_IDS_COUNT: i32 = 8;

/// Follows the link of the probe.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    session: Session,
    upstream_lost: bool,
    data_losses: u32,
}

impl Follower {
    /// What is new, in order.
    pub(crate) fn hear(&mut self, state: &State) -> Vec<Event> {
        let session = match state.phase {
            Phase::Connected => Session::Open,
            Phase::BackingOff { .. } if state.ids_in_use => Session::IdInUse,
            Phase::BackingOff { .. } => Session::Failed,
            // The last outcome holds until the next one; an open session is over.
            Phase::Connecting if self.session != Session::Open => self.session,
            Phase::Starting | Phase::Probing | Phase::Connecting | Phase::Held | Phase::Closed => Session::Unknown,
        };
        let mut events = Vec::new();
        if session != self.session {
            if let (Session::Open, Some(server_version)) = (session, state.server_version) {
                events.push(Event::Api(Api::Answers { server_version }));
            }
            events.push(Event::Session(session));
            (self.session, self.upstream_lost, self.data_losses) = (session, false, state.data_losses);
        }
        if session == Session::Open {
            let data_lost = state.data_losses != self.data_losses;
            if data_lost || (self.upstream_lost && !state.upstream_lost) {
                events.push(Event::UpstreamRestored { data_lost });
            }
            if state.upstream_lost && (data_lost || !self.upstream_lost) {
                events.push(Event::UpstreamLost);
            }
            (self.upstream_lost, self.data_losses) = (state.upstream_lost, state.data_losses);
        }
        events
    }
}

/// The same for a diagnosis.
pub(crate) fn seen_of(state: &State) -> SessionSeen {
    match (state.phase, state.client_id) {
        (Phase::Connected, Some(id)) => {
            SessionSeen::Open { client_id: id.0, accounts: state.accounts.iter().map(|account| masked(account)).collect() }
        }
        (Phase::BackingOff { .. }, _) if state.ids_in_use => {
            SessionSeen::IdInUse { client_ids: (0..PROBE_IDS_COUNT).map(|n| PROBE_IDS_FROM.0 + n).collect() }
        }
        (Phase::BackingOff { .. }, _) => SessionSeen::Failed(state.reason.clone().unwrap_or_default()),
        _ => SessionSeen::NotAsked,
    }
}

/// `DU***910`: enough to know one's own.
fn masked(account: &str) -> String {
    let chars: Vec<char> = account.chars().collect();
    let (from, to) = if chars.len() >= 7 { (2, chars.len() - 3) } else { (1.min(chars.len()), chars.len()) };
    chars[..from].iter().chain(['*'; 3].iter()).chain(&chars[to..]).collect()
}

/// What IB told of the login is news for so long: nothing takes it back, and it is told again to whoever asks again.
const NEWS: SignedDuration = SignedDuration::from_mins(15);

/// What was told to the probe and to those who live.
pub(crate) fn notices_of(seen: &[Seen], own: Vec<IbNotice>, at: Timestamp) -> Vec<IbNotice> {
    let others = seen.iter().filter(|seen| seen.is_alive()).filter_map(|seen| seen.beat.ib.as_ref());
    let told = others.filter(|ib| ib.connected).flat_map(|ib| ib.notices.iter().cloned());
    own.into_iter().chain(told).filter(|notice| at.duration_since(notice.at) < NEWS).collect()
}

/// Who has a session for others, and how they fare together.
pub(crate) fn fleet_of(seen: &[Seen]) -> (Fleet, Vec<Member>) {
    let alive = seen.iter().filter(|seen| seen.is_alive() && seen.beat.service != GATEWAY_QUEUE);
    let sessions: Vec<_> = alive.filter_map(|seen| Some((&seen.beat, seen.beat.ib.as_ref()?))).collect();
    let fleet = match sessions.iter().any(|(_, ib)| ib.connected && !ib.upstream_lost) {
        true => Fleet::Working,
        false if sessions.is_empty() => Fleet::Absent,
        false => Fleet::Down,
    };
    let member = |&(beat, ib): &(&schemas::health::Heartbeat, &schemas::health::IbSession)| Member {
        service: beat.service.clone(),
        client_id: ib.client_id.map(|id| id.0),
        connected: ib.connected,
        reason: ib.reason.clone(),
    };
    (fleet, sessions.iter().map(member).collect())
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
