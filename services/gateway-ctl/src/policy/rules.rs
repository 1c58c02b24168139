//! Every limit of the policy, with its name and its reason, and how many starts are left.
//!
//! Invariant: automatic starts are counted since a person last said login or reconnect; all starts together have a limit of
//! their own that nobody lifts.

use jiff::{SignedDuration, Timestamp};
use schemas::gateway::RestartBudget;

use super::latch::{HaltKind, Start};

/// What the backend can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Means {
    /// Start and stop. False for a TWS that a person started.
    pub control: bool,
    /// IBC's commands can be sent.
    pub commands: bool,
    /// A start can be told to end itself when it meets another session.
    pub yielding: bool,
    /// The port forwarder can be ended. Not in the shipped stack: it needs `exec`, which the socket proxy refuses.
    pub kick: bool,
}

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;

/// Waits of the policy. The defaults are those for a real gateway; a simulated one may be quicker.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Before the next start after failures in a row.
    pub backoff_ms: [u64; 4],
    /// After an end that was no clean close, IB keeps the session for a while.
    pub unclean_ms: u64,
    /// After a close around IB's midnight a log-in is dropped silently.
    pub midnight_ms: u64,
    /// From the start to the running container.
    pub start_confirm_ms: u64,
    /// From the running container to the first log-in; IBC itself launches anew after 60 s.
    pub starting_ms: u64,
    /// The same where no log can be read: a real log-in takes minutes.
    pub starting_blind_ms: u64,
    pub log_in_ms: u64,
    /// From the first request for a second factor to giving up.
    pub two_factor_ms: u64,
    pub api_wait_kick_ms: u64,
    pub api_wait_ms: u64,
    pub api_ready_ms: u64,
    /// Waits of an upstream that does not come back, each after the one before: before the account is connected anew,
    /// before the soft restart, before the hard one.
    pub upstream_ms: [u64; 3],
    /// The same after IB's reset window.
    pub after_window_ms: u64,
    /// IBC restarts at the next full minute; the gateway must be gone by then.
    pub soft_gone_ms: u64,
    /// A restart inside the container.
    pub soft_restart_ms: u64,
    pub drain_ms: u64,
    pub close_ms: u64,
    /// The image's first process ignores SIGTERM while it starts.
    pub young_ms: u64,
    pub stop_grace_s: u32,
    /// Added to the grace: Docker kills after it.
    pub stop_margin_ms: u64,
    /// Doubled for each conflict in a row, three times at most.
    pub conflict_hold_ms: u64,
    /// Where IB does not say how long.
    pub lockout_ms: u64,
    pub lockout_margin_ms: u64,
    /// A session of this age forgets earlier failures.
    pub stable_ms: u64,
    pub down_notice_ms: u64,
    /// Between two looks at a repair that may not be made yet.
    pub recheck_ms: u64,
    pub workers_ms: u64,
    pub starts: StartLimits,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            backoff_ms: [15 * SECOND_MS, 60 * SECOND_MS, 300 * SECOND_MS, 900 * SECOND_MS],
            unclean_ms: 60 * SECOND_MS,
            midnight_ms: 480 * SECOND_MS,
            start_confirm_ms: 30 * SECOND_MS,
            starting_ms: 90 * SECOND_MS,
            starting_blind_ms: 600 * SECOND_MS,
            log_in_ms: 300 * SECOND_MS,
            two_factor_ms: 15 * MINUTE_MS,
            api_wait_kick_ms: 60 * SECOND_MS,
            api_wait_ms: 120 * SECOND_MS,
            api_ready_ms: 180 * SECOND_MS,
            upstream_ms: [5 * MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS],
            after_window_ms: 15 * MINUTE_MS,
            soft_gone_ms: 150 * SECOND_MS,
            soft_restart_ms: 10 * MINUTE_MS,
            drain_ms: 5 * SECOND_MS,
            close_ms: 60 * SECOND_MS,
            young_ms: 20 * SECOND_MS,
            stop_grace_s: 90,
            stop_margin_ms: 10 * SECOND_MS,
            conflict_hold_ms: 10 * MINUTE_MS,
            lockout_ms: 15 * MINUTE_MS,
            lockout_margin_ms: 30 * SECOND_MS,
            stable_ms: 10 * MINUTE_MS,
            down_notice_ms: 5 * MINUTE_MS,
            recheck_ms: 15 * SECOND_MS,
            workers_ms: 5 * MINUTE_MS,
            starts: StartLimits::default(),
        }
    }
}

impl Rules {
    /// Those for a gateway of ours that plays IB's: no account can be locked, no session is left behind, and whoever ends
    /// it wants it back at once.
    pub fn simulated() -> Self {
        Self {
            backoff_ms: [SECOND_MS / 2, SECOND_MS, 5 * SECOND_MS, 15 * SECOND_MS],
            unclean_ms: 0,
            midnight_ms: 0,
            young_ms: 0,
            drain_ms: SECOND_MS,
            close_ms: 10 * SECOND_MS,
            stop_grace_s: 10,
            stable_ms: MINUTE_MS,
            starts: StartLimits { automatic_short: 50, automatic_long: 200, all_short: 50, all_long: 200 },
            ..Self::default()
        }
    }
}

/// Starts that are allowed in half an hour (`short`) and in a day (`long`).
#[derive(Debug, Clone, Copy)]
pub struct StartLimits {
    pub automatic_short: usize,
    pub automatic_long: usize,
    /// With those of people and of their agents.
    pub all_short: usize,
    pub all_long: usize,
}

impl Default for StartLimits {
    fn default() -> Self {
        Self { automatic_short: AUTOMATIC_SHORT_MAX, automatic_long: AUTOMATIC_LONG_MAX, all_short: ALL_SHORT_MAX, all_long: ALL_LONG_MAX }
    }
}

/// Checks in a row without anybody connected: 60 s.
pub(super) const FLEET_CHECKS: u32 = 2;
/// Tries to stop a container that does not stop.
pub(super) const STOP_TRIES_MAX: u32 = 3;
/// Restarts for a silent API before a person is asked.
pub(super) const SILENT_REPAIRS_MAX: u32 = 1;
/// Automatic starts of a login that asks for a second factor (spec 8).
pub(super) const TWO_FACTOR_STARTS_MAX: u32 = 1;
/// Ends by others that are answered with a start, within [`SHORT`].
pub(super) const OUTSIDE_STOPS_MAX: usize = 1;
pub(super) const WAITERS_MAX: usize = 256;
/// An ensure-ready is answered so long before its caller gives up.
pub(super) const READY_MARGIN_MS: u64 = 2_000;

pub(super) const SHORT: SignedDuration = SignedDuration::from_mins(30);
pub(super) const LONG: SignedDuration = SignedDuration::from_hours(24);
/// Automatic starts: IB locks accounts that fail too often.
pub const AUTOMATIC_SHORT_MAX: usize = 3;
pub const AUTOMATIC_LONG_MAX: usize = 8;
/// All starts, those of people and of their agents too.
pub const ALL_SHORT_MAX: usize = 8;
pub const ALL_LONG_MAX: usize = 24;

/// Forgets starts that are older than a day. A clock that was set back has no starts in its future.
pub(super) fn prune(starts: &mut Vec<Start>, at: Timestamp) {
    for start in starts.iter_mut() {
        start.at = start.at.min(at);
    }
    starts.retain(|start| at.duration_since(start.at) < LONG);
}

fn count(starts: &[Start], at: Timestamp, within: SignedDuration, automatic: bool) -> usize {
    starts.iter().filter(|start| at.duration_since(start.at) < within && (start.automatic || !automatic)).count()
}

pub(super) fn automatic_left(limits: &StartLimits, starts: &[Start], at: Timestamp) -> RestartBudget {
    let left = |within, max: usize| u32::try_from(max.saturating_sub(count(starts, at, within, true))).unwrap_or(0);
    RestartBudget { left_30_min: left(SHORT, limits.automatic_short), left_24_h: left(LONG, limits.automatic_long) }
}

/// When so few starts are left in that span that another one may be; `None`: now.
fn allowed_at(starts: &[Start], at: Timestamp, (within, max): (SignedDuration, usize), automatic: bool) -> Option<Timestamp> {
    let counts = |start: &&Start| at.duration_since(start.at) < within && (start.automatic || !automatic);
    let counted: Vec<_> = starts.iter().filter(counts).collect();
    // The oldest of the last `max` has to leave the span first.
    counted.len().checked_sub(max).and_then(|over| counted.get(over)).and_then(|start| start.at.checked_add(within).ok())
}

/// When the next start of a person may be.
pub(super) fn any_allowed_at(limits: &StartLimits, starts: &[Start], at: Timestamp) -> Option<Timestamp> {
    let spans = [(SHORT, limits.all_short), (LONG, limits.all_long)];
    spans.into_iter().filter_map(|span| allowed_at(starts, at, span, false)).max()
}

/// When the next start by itself may be.
pub(super) fn automatic_allowed_at(limits: &StartLimits, starts: &[Start], at: Timestamp) -> Option<Timestamp> {
    let spans = [(SHORT, limits.automatic_short), (LONG, limits.automatic_long)];
    let own = spans.into_iter().filter_map(|span| allowed_at(starts, at, span, true)).max();
    own.max(any_allowed_at(limits, starts, at))
}

/// Why nothing may start by itself, if so.
pub(super) fn spent(limits: &StartLimits, starts: &[Start], at: Timestamp) -> Option<HaltKind> {
    let left = automatic_left(limits, starts, at);
    (left.left_30_min == 0 || left.left_24_h == 0 || any_allowed_at(limits, starts, at).is_some()).then_some(HaltKind::Budget)
}
