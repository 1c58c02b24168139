//! Sees when a resource that somebody listens to reads differently, and tells the hub.
//!
//! The edge's own health is compared at every heartbeat. What a service keeps in memory is asked for each second over
//! NATS, once for all who listen, and compared without its times ([`known`]). What a service may have to ask IB for is
//! looked at in few rounds.
//!
//! Invariants: nobody listening, nothing asked; at most [`LOOKS_MAX`] are asked in one round, the others in the next; each
//! has its turn; what is asked here is no evidence for the breaker, since nobody's call waits for it.

pub(crate) mod known;

use std::{collections::BTreeSet, ops::Bound, sync::Arc, time::Duration};

use bus::{CallOptions, Reply};
use futures::StreamExt;
use schemas::{Fault, FaultCode};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use super::{
    hub::Kind,
    resources::{
        self,
        table::{self, Pace, Source},
    },
};
use crate::{edge::Edge, health};
use known::Known;

/// Between two looks at the same resource.
const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// Rounds from one look at what a service may ask IB for to the next: open orders are asked for at most each 10 s.
pub(super) const SELDOM_ROUNDS: u32 = 10;
/// Resources that are asked for in one round; with more, each is asked for less often.
const LOOKS_MAX: usize = 64;
/// Of these at the same time.
const LOOKS_AT_ONCE: usize = 8;
/// Memory answers within milliseconds.
const LOOK_WAIT: Duration = Duration::from_secs(2);
/// For the accounts after a login: IB tells them within seconds.
const LOGIN_WAIT: Duration = Duration::from_secs(5);
/// Times that they are asked for after one login.
const LOGIN_TRIES: u32 = 12;

/// What is known of the resources, shared by reads and looks.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    known: Known,
}

impl Watch {
    /// The accounts, as they were told last.
    pub(crate) fn accounts(&self) -> Vec<String> {
        self.known.accounts()
    }

    /// Notes the accounts of the login.
    pub(super) fn logged_in(&self, edge: &Edge, accounts: &[String]) {
        if self.known.logged_in(accounts) {
            edge.hub.listed(Kind::Resources);
        }
    }

    /// Notes how a resource reads now. Only what somebody listens to is remembered.
    pub(super) fn answered(&self, edge: &Edge, uri: &str, answer: Result<&Reply, &Fault>) {
        if !edge.hub.watched().borrow().contains(uri) {
            return;
        }
        let changed = match answer {
            Ok(reply) => self.known.answered(uri, reply.served_by.as_deref().unwrap_or_default(), known::fingerprint(&reply.body)),
            Err(fault) if says_nothing(fault.code) => false,
            Err(fault) => self.known.failed(uri, fault.code),
        };
        if changed {
            edge.hub.updated(uri);
        }
    }

    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.known.len()
    }
}

/// Faults of one request that say nothing about what would be read: the next look tells.
fn says_nothing(code: FaultCode) -> bool {
    matches!(code, FaultCode::Busy | FaultCode::Timeout | FaultCode::Cancelled | FaultCode::Pacing | FaultCode::RateLimited)
}

/// Looks until the result is dropped. The edge has reached NATS.
pub(crate) fn start(edge: &Arc<Edge>) -> AbortOnDropHandle<()> {
    let edge = Arc::clone(edge);
    AbortOnDropHandle::new(tokio::spawn(async move {
        tokio::join!(healths(&edge), kept(&edge), logins(&edge));
    }))
}

/// How the edge asks for itself.
pub(super) fn options(at_most: Duration) -> CallOptions {
    CallOptions { timeout: Some(at_most), caller: Some("edge".to_owned()), ..CallOptions::default() }
}

/// A change of the gateway's state is told by gateway-ctl's heartbeat, at once; that a process fell silent by none.
async fn healths(edge: &Edge) {
    let Some(caller) = edge.caller() else { return };
    let mut beats = caller.fleet().changes();
    let mut ticks = ticks();
    loop {
        tokio::select! {
            beat = beats.changed() => if beat.is_err() { return },
            _ = ticks.tick() => {}
        }
        if edge.hub.watched().borrow().contains(table::HEALTH) {
            edge.watch.answered(edge, table::HEALTH, Ok(&resources::local(edge)));
        }
    }
}

/// What services keep. Who begins to listen is served at once, so that the first look comes soon after the first read.
async fn kept(edge: &Edge) {
    let mut watched = edge.hub.watched();
    let mut ticks = ticks();
    let mut rounds = Rounds::default();
    loop {
        let due = tokio::select! {
            changed = watched.changed() => {
                if changed.is_err() {
                    return;
                }
                let watched = watched.borrow_and_update();
                edge.watch.known.retain(&watched);
                edge.watch.known.new_ones(watched.iter().filter(|uri| pace(uri).is_some()), LOOKS_MAX)
            }
            _ = ticks.tick(), if !watched.borrow().is_empty() => rounds.next(&watched.borrow()),
        };
        futures::stream::iter(&due).for_each_concurrent(LOOKS_AT_ONCE, |uri| look(edge, uri)).await;
    }
}

/// Whose turn it is. The seldom ones come first in their round, so that many others do not keep them out of it.
#[derive(Debug, Default)]
struct Rounds {
    made: u32,
    /// The last ones that had their turn.
    often: String,
    seldom: String,
}

impl Rounds {
    fn next(&mut self, watched: &BTreeSet<String>) -> Vec<String> {
        self.made = (self.made + 1) % SELDOM_ROUNDS;
        let mut due = if self.made == 0 { turn(watched, Pace::Seldom, &mut self.seldom, LOOKS_MAX) } else { Vec::new() };
        due.extend(turn(watched, Pace::Often, &mut self.often, LOOKS_MAX - due.len()));
        due
    }
}

/// The next ones of this pace after `last`, and from the beginning again.
fn turn(watched: &BTreeSet<String>, of: Pace, last: &mut String, at_most: usize) -> Vec<String> {
    let after = watched.range::<str, _>((Bound::Excluded(last.as_str()), Bound::Unbounded));
    let before = watched.range::<str, _>((Bound::Unbounded, Bound::Included(last.as_str())));
    let due: Vec<String> = after.chain(before).filter(|uri| pace(uri) == Some(of)).take(at_most).cloned().collect();
    due.last().into_iter().for_each(|uri| last.clone_from(uri));
    due
}

/// How often a resource is looked at, if a service keeps it.
fn pace(uri: &str) -> Option<Pace> {
    match table::find(uri).ok()?.resource.source {
        Source::Kept { pace, .. } => Some(pace),
        Source::Health => None,
    }
}

async fn look(edge: &Edge, uri: &str) {
    let (Ok(target), Some(caller)) = (table::find(uri), edge.caller()) else { return };
    let Source::Kept { row, params, .. } = &target.resource.source else { return };
    let answer = caller.call(row, params(target.account).into(), options(LOOK_WAIT)).await;
    edge.watch.answered(edge, uri, answer.as_ref());
}

/// Accounts appear with a login, so they are asked for when a worker comes to have IB.
async fn logins(edge: &Edge) {
    let Some(caller) = edge.caller() else { return };
    let mut beats = caller.fleet().changes();
    let mut ticks = ticks();
    let (mut with_ib, mut tries_left) = (BTreeSet::new(), 0);
    loop {
        tokio::select! {
            beat = beats.changed() => if beat.is_err() { return },
            _ = ticks.tick(), if tries_left > 0 => {
                tries_left -= 1;
                match resources::accounts_unasked(edge, LOGIN_WAIT).await {
                    Ok(()) => tries_left = 0,
                    Err(fault) => tracing::debug!(%fault, tries_left, "the accounts are not known yet"),
                }
            }
        }
        let now: BTreeSet<String> = edge
            .seen()
            .into_iter()
            .filter(|seen| seen.is_alive() && health::is_worker_with_ib(&seen.beat))
            .map(|seen| seen.beat.id)
            .collect();
        if !now.is_subset(&with_ib) {
            tries_left = LOGIN_TRIES;
        }
        with_ib = now;
    }
}

fn ticks() -> tokio::time::Interval {
    let mut ticks = interval(LOOK_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` accounts' resources of one kind.
    fn many(kind: &str, count: usize) -> impl Iterator<Item = String> {
        (0..count).map(move |n| format!("ibkr://{kind}/DU{n:04}"))
    }

    #[test]
    fn every_one_has_its_turn_however_many_there_are() {
        let mut watched: BTreeSet<String> = many("positions", 150).collect();
        watched.extend(["ibkr://health", "ibkr://nothing", "ibkr://positions/{account}"].map(str::to_owned));
        let (mut rounds, mut looked) = (Rounds::default(), BTreeSet::new());
        for _ in 0..3 {
            let round = rounds.next(&watched);
            assert_eq!(round.len(), LOOKS_MAX);
            looked.extend(round);
        }
        assert_eq!(looked.len(), 150, "what no service answers is not asked for");
        let few = BTreeSet::from(["ibkr://accounts".to_owned()]);
        for _ in 0..2 * SELDOM_ROUNDS {
            assert_eq!(rounds.next(&few), ["ibkr://accounts"]);
        }
        assert!(rounds.next(&BTreeSet::new()).is_empty());
    }

    #[test]
    fn what_ib_is_asked_for_is_looked_at_seldom_and_not_forgotten() {
        let is_order = |uri: &String| uri.starts_with("ibkr://orders/");
        let watched: BTreeSet<String> = many("orders", 1).chain(many("positions", 1)).collect();
        let mut rounds = Rounds::default();
        let looks: Vec<Vec<String>> = (0..5 * SELDOM_ROUNDS).map(|_| rounds.next(&watched)).collect();
        assert!(looks.iter().all(|round| round.contains(&"ibkr://positions/DU0000".to_owned())));
        let with_orders: Vec<usize> = (0..looks.len()).filter(|round| looks[*round].iter().any(is_order)).collect();
        assert_eq!(with_orders, [9, 19, 29, 39, 49]);

        // With more of both than one round takes, all have their turn all the same.
        let watched: BTreeSet<String> = many("orders", 100).chain(many("positions", 100)).collect();
        let (mut rounds, mut looked) = (Rounds::default(), BTreeSet::new());
        for _ in 0..2 * SELDOM_ROUNDS {
            let round = rounds.next(&watched);
            assert!(round.len() <= LOOKS_MAX);
            looked.extend(round);
        }
        assert_eq!(looked, watched);
    }
}
