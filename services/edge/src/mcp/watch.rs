//! Sees when a resource that somebody listens to reads differently, and tells the hub.
//!
//! The edge's own health is compared at every heartbeat. What a service keeps in memory is asked for each second over
//! NATS, once for all who listen, and compared without its times ([`known`]).
//!
//! Invariants: nobody listening, nothing asked; at most [`LOOKS_MAX`] are asked in one round, the others in the next; what
//! is asked here is no evidence for the breaker, since nobody's call waits for it.

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
        table::{self, Source},
    },
};
use crate::{edge::Edge, health};
use known::Known;

/// Between two looks at the same resource.
const LOOK_PERIOD: Duration = Duration::from_secs(1);
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
    let mut last = String::new();
    loop {
        let due = tokio::select! {
            changed = watched.changed() => {
                if changed.is_err() {
                    return;
                }
                let watched = watched.borrow_and_update();
                edge.watch.known.retain(&watched);
                edge.watch.known.new_ones(watched.iter().filter(|uri| is_kept(uri)), LOOKS_MAX)
            }
            _ = ticks.tick(), if !watched.borrow().is_empty() => {
                let round = next_round(&watched.borrow(), &last);
                if let Some(uri) = round.last() {
                    last.clone_from(uri);
                }
                round
            }
        };
        futures::stream::iter(&due).for_each_concurrent(LOOKS_AT_ONCE, |uri| look(edge, uri)).await;
    }
}

/// The next of the kept ones after `last`, and from the beginning again.
fn next_round(watched: &BTreeSet<String>, last: &str) -> Vec<String> {
    let after = watched.range::<str, _>((Bound::Excluded(last), Bound::Unbounded));
    let before = watched.range::<str, _>((Bound::Unbounded, Bound::Included(last)));
    after.chain(before).filter(|uri| is_kept(uri)).take(LOOKS_MAX).cloned().collect()
}

fn is_kept(uri: &str) -> bool {
    table::find(uri).is_ok_and(|target| matches!(target.resource.source, Source::Kept { .. }))
}

async fn look(edge: &Edge, uri: &str) {
    let (Ok(target), Some(caller)) = (table::find(uri), edge.caller()) else { return };
    let Source::Kept { row, params } = &target.resource.source else { return };
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

    #[test]
    fn every_one_has_its_turn_however_many_there_are() {
        let mut watched: BTreeSet<String> = (0..150).map(|n| format!("ibkr://positions/DU{n:04}")).collect();
        watched.extend(["ibkr://health", "ibkr://nothing", "ibkr://positions/{account}"].map(str::to_owned));
        let (mut last, mut looked) = (String::new(), BTreeSet::new());
        for _ in 0..3 {
            let round = next_round(&watched, &last);
            assert_eq!(round.len(), LOOKS_MAX);
            last.clone_from(round.last().expect("one"));
            looked.extend(round);
        }
        assert_eq!(looked.len(), 150, "what no service answers is not asked for");
        let few = BTreeSet::from(["ibkr://accounts".to_owned()]);
        assert_eq!(next_round(&few, "ibkr://accounts"), ["ibkr://accounts"]);
        assert_eq!(next_round(&few, "ibkr://zzz"), ["ibkr://accounts"]);
        assert!(next_round(&BTreeSet::new(), "").is_empty());
    }
}
