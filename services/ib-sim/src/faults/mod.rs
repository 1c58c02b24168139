//! Faults that a test or a person switches on by hand.
//!
//! [`kinds`] names them, [`apply`] switches them, [`state`] decides, [`link`] knows what lies behind the gateway,
//! [`timers`] ends what was asked for a time. Invariant: without a fault this module changes nothing
//! and costs one atomic load; a fault that counts down or lasts a time ends by itself.

pub(crate) mod apply;
pub(crate) mod kinds;
pub(crate) mod link;
pub(crate) mod state;
pub(crate) mod timers;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::errors::ApiError;
use crate::proto::request::Request;
use link::{Barrier, Farm, Reach};
use state::{Active, Fate, Style};
use timers::Timers;

/// Who gets no answer to a hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    Nobody,
    /// Whoever comes from another address than 127.0.0.1, the one that a gateway trusts.
    Strangers,
    Everybody,
}

impl Silence {
    fn covers(self, peer: IpAddr) -> bool {
        match self {
            Self::Nobody => false,
            Self::Strangers => peer.to_canonical() != IpAddr::V4(Ipv4Addr::LOCALHOST),
            Self::Everybody => true,
        }
    }
}

/// Which connections are dead though their sockets are open: those that began before the last stroke.
#[derive(Debug, Clone, Copy, Default)]
struct HalfOpen {
    strokes: u64,
    released: u64,
}

#[derive(Debug)]
pub(crate) struct Faults {
    active: Mutex<Active>,
    /// Whether `active` is anything but its default; most sessions run without any fault.
    armed: AtomicBool,
    silence: watch::Sender<Silence>,
    listen: watch::Sender<bool>,
    half_open: watch::Sender<HalfOpen>,
    /// Client ids that are still taken though their connection is gone, and until which uptime.
    lingering: Mutex<HashMap<i32, Duration>>,
    pub(crate) timers: Timers,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            active: Mutex::default(),
            armed: AtomicBool::new(false),
            silence: watch::Sender::new(Silence::Nobody),
            listen: watch::Sender::new(true),
            half_open: watch::Sender::default(),
            lingering: Mutex::default(),
            timers: Timers::default(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Faults {
    /// The state, if anything at all is switched on.
    fn armed(&self) -> Option<MutexGuard<'_, Active>> {
        self.armed.load(Ordering::Acquire).then(|| lock(&self.active))
    }

    /// Asks a state that may count down by being asked.
    fn spend<T>(&self, ask: impl FnOnce(&mut Active) -> T) -> Option<T> {
        let mut active = self.armed()?;
        let answer = ask(&mut active);
        self.armed.store(*active != Active::default(), Ordering::Release);
        Some(answer)
    }

    pub(crate) fn active(&self) -> Active {
        lock(&self.active).clone()
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Active)) {
        let silence = {
            let mut active = lock(&self.active);
            change(&mut active);
            self.armed.store(*active != Active::default(), Ordering::Release);
            match (active.silent_handshake, active.localhost_only) {
                (true, _) => Silence::Everybody,
                (false, true) => Silence::Strangers,
                (false, false) => Silence::Nobody,
            }
        };
        self.silence.send_if_modified(|now| std::mem::replace(now, silence) != silence);
    }

    /// Everything off, the port open. What the sessions were told of servers and farms is for the caller to take back.
    pub(crate) fn clear(&self) {
        self.timers.clear();
        self.set(|active| *active = Active::default());
        lock(&self.lingering).clear();
        self.half_open(false);
        self.listen(true);
    }

    pub(crate) fn listen(&self, on: bool) {
        self.listen.send_if_modified(|now| std::mem::replace(now, on) != on);
    }

    /// Whether the port is to be open.
    pub(crate) fn listening(&self) -> watch::Receiver<bool> {
        self.listen.subscribe()
    }

    /// On: whoever is connected now is dead to us. Off: the dead sockets are closed.
    pub(crate) fn half_open(&self, on: bool) {
        self.half_open.send_modify(|state| if on { state.strokes += 1 } else { state.released = state.strokes });
    }

    /// Whether anybody who was connected then is still dead to us.
    pub(crate) fn is_half_open(&self) -> bool {
        let state = *self.half_open.borrow();
        state.strokes > state.released
    }

    /// Runs a connection to its end, or to its death: then it is neither read nor written nor closed.
    pub(crate) async fn unless_half_open(&self, connection: impl Future<Output = ()>) {
        let mut strokes = self.half_open.subscribe();
        let born = strokes.borrow().strokes;
        let mut connection = pin!(connection);
        tokio::select! {
            () = &mut connection => return,
            _ = strokes.wait_for(|state| state.strokes > born) => {}
        }
        // The sender lives as long as the gateway, so this ends with a release only.
        let _ = strokes.wait_for(|state| state.released > born).await;
    }

    /// Whether a hello from there gets no answer.
    pub(crate) fn silent_to(&self, peer: IpAddr) -> bool {
        self.silence.borrow().covers(peer)
    }

    /// Resolves when hellos from there are answered again.
    pub(crate) async fn heard(&self, peer: IpAddr) {
        let _ = self.silence.subscribe().wait_for(|silence| !silence.covers(peer)).await;
    }

    /// Whether nothing may be sent.
    pub(crate) fn stalled(&self) -> bool {
        self.armed().is_some_and(|active| active.stall)
    }

    /// Whether accounts may push nothing beyond first answers.
    pub(crate) fn frozen(&self) -> bool {
        self.armed().is_some_and(|active| active.freeze_account_pushes || active.disconnected)
    }

    pub(crate) fn refusing(&self) -> bool {
        self.armed().is_some_and(|active| active.refuse_connections)
    }

    pub(crate) fn delay(&self, message: &str) -> Option<Duration> {
        self.armed()?.delays.get(message).copied().map(Duration::from_millis)
    }

    /// How this request fails, if it is to.
    pub(crate) fn failure(&self, message: &str) -> Option<ApiError> {
        self.spend(|active| active.failure(message)).flatten()
    }

    /// What stands between a request and its answer.
    pub(crate) fn barrier(&self, request: &Request) -> Option<Barrier> {
        self.armed()?.barrier(Reach::of(request))
    }

    /// What becomes of an outgoing message.
    pub(crate) fn fate(&self, message: &str) -> Fate {
        self.spend(|active| active.fate(message)).unwrap_or(Fate::PLAIN)
    }

    pub(crate) fn style(&self) -> Style {
        self.armed().map_or(Style::Plain, |active| active.writing)
    }

    /// What a gateway says of its farms right after the ids, in the captures' order.
    pub(crate) fn greeting_codes(&self) -> Vec<i32> {
        let active = self.armed();
        let broken = |farm: Farm| active.as_ref().is_some_and(|active| active.broken(farm));
        if active.as_ref().is_some_and(|active| active.disconnected) {
            return vec![2110];
        }
        Farm::ALL.iter().map(|farm| if broken(*farm) { farm.broken_code() } else { farm.ok_code() }).collect()
    }

    /// A connection with this client id is gone; the gateway may be slow to notice.
    pub(crate) fn client_left(&self, client_id: i32, uptime: Duration) {
        let linger = self.armed().map_or(0, |active| active.client_id_linger_ms);
        if linger > 0 {
            lock(&self.lingering).insert(client_id, uptime + Duration::from_millis(linger));
        }
    }

    /// Whether a client id is taken by nobody who is connected.
    pub(crate) fn client_id_taken(&self, client_id: i32, uptime: Duration) -> bool {
        if self.armed().is_some_and(|active| active.client_ids_taken) {
            return true;
        }
        let mut lingering = lock(&self.lingering);
        lingering.retain(|_, until| *until > uptime);
        lingering.contains_key(&client_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clearing_opens_the_port_and_ends_the_silence() {
        let faults = Faults::default();
        faults.listen(false);
        faults.set(|active| active.silent_handshake = true);
        assert!(!*faults.listening().borrow() && *faults.silence.borrow() == Silence::Everybody);
        faults.clear();
        assert!(*faults.listening().borrow() && *faults.silence.borrow() == Silence::Nobody);
        assert!(faults.armed().is_none());
    }

    #[test]
    fn a_gateway_that_trusts_localhost_knows_one_address_only() {
        for (peer, covered) in [("127.0.0.1", false), ("::ffff:127.0.0.1", false), ("::1", true), ("127.0.0.2", true), ("10.0.0.9", true)] {
            assert_eq!(Silence::Strangers.covers(peer.parse().unwrap()), covered, "{peer}");
        }
    }

    #[test]
    fn a_client_id_lingers_for_its_time_and_no_longer() {
        let faults = Faults::default();
        let at = Duration::from_secs;
        faults.client_left(7, at(1));
        assert!(!faults.client_id_taken(7, at(1)), "without the fault an id is free at once");
        faults.set(|active| active.client_id_linger_ms = 5_000);
        faults.client_left(7, at(1));
        assert!(faults.client_id_taken(7, at(5)) && !faults.client_id_taken(8, at(5)));
        assert!(!faults.client_id_taken(7, at(6)));
    }

    #[test]
    fn a_state_that_counted_down_disarms() {
        let faults = Faults::default();
        faults.set(|active| active.garbage_length = Some(state::Garbage { length: 9, times: 1 }));
        assert_eq!(faults.fate("Position").garbage, Some(9));
        assert!(faults.armed().is_none());
    }
}
