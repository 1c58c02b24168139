//! How much of the login's messages per second a process may send now, from the heartbeats.
//!
//! Each role has its share, and its live processes split it. A role without any live process sends nothing, so `options`
//! has the shares of those that may be absent for as long as they are. Invariant: a rate falls at once and rises only
//! after everybody who lives has had time to be heard of, so that the shares given out never add up to more than there
//! are by our own doing.

use std::{collections::BTreeMap, time::Duration};

use bus::Fleet;
use ib_link::{Link, pacing::Shares};
use schemas::health::HEARTBEAT_PERIOD_MS;
use tokio::time::Instant;

/// Two periods: every process that lives has been heard of. As long without any heartbeat, our own included, NATS was
/// away, and everybody has to be heard of anew.
const LISTEN_FIRST: Duration = Duration::from_millis(2 * HEARTBEAT_PERIOD_MS);

/// The service that has the shares of absent roles.
const HEIR: &str = "options";

/// Who shares the login's messages.
#[derive(Debug)]
struct Role {
    service: &'static str,
    share: fn(&Shares) -> f64,
    /// Lends messages that it does not need itself.
    lends: bool,
    /// While no process of it lives, its share is [`HEIR`]'s. Not so the workers': they start many at once, and must not
    /// find their messages given away.
    leaves: bool,
}

const ROLES: &[Role] = &[
    Role { service: "orders", share: |shares| shares.orders, lends: false, leaves: true },
    Role { service: "options", share: |shares| shares.options, lends: true, leaves: false },
    Role { service: "market-data", share: |shares| shares.market_data, lends: true, leaves: true },
    Role { service: "gateway-ctl", share: |shares| shares.gateway_ctl, lends: true, leaves: true },
    Role { service: "ib-worker", share: |shares| shares.workers, lends: true, leaves: false },
];

fn role(service: &str) -> Option<&'static Role> {
    ROLES.iter().find(|role| role.service == service)
}

/// Whether `service` lends messages that it does not need itself.
pub(crate) fn lends(service: &str) -> bool {
    role(service).is_some_and(|role| role.lends)
}

/// What each process of `role` may send while `live` processes of each service live; who asks lives itself.
fn rate(shares: &Shares, role: &Role, live: &BTreeMap<String, u32>) -> f64 {
    let lives = |service: &str| live.get(service).copied().unwrap_or(0);
    let absent = ROLES.iter().filter(|other| role.service == HEIR && other.leaves && !live.contains_key(other.service));
    let whole = (role.share)(shares) + absent.map(|other| (other.share)(shares)).sum::<f64>();
    whole / f64::from(lives(role.service).max(1))
}

/// The rate that holds, and since when everybody is listened to.
#[derive(Debug)]
struct Pace {
    per_s: f64,
    listening_since: Instant,
    heard_at: Instant,
}

impl Pace {
    fn new(per_s: f64, now: Instant) -> Self {
        Self { per_s, listening_since: now, heard_at: now }
    }

    /// A heartbeat came, and `wanted` follows from those that live; answers the new rate where it is another.
    fn hear(&mut self, now: Instant, wanted: f64) -> Option<f64> {
        if now.saturating_duration_since(self.heard_at) >= LISTEN_FIRST {
            self.listening_since = now;
        }
        self.heard_at = now;
        let heard_long_enough = now.saturating_duration_since(self.listening_since) >= LISTEN_FIRST;
        (wanted < self.per_s || (wanted > self.per_s && heard_long_enough)).then(|| {
            self.per_s = wanted;
            wanted
        })
    }
}

/// Follows the heartbeats and gives the link of a `service` process what it may send, from `first` on; never ends.
pub(crate) async fn keep(link: &Link, fleet: &Fleet, service: &str, first: f64) {
    let Some(role) = role(service) else { return std::future::pending().await };
    let mut changes = fleet.changes();
    let mut pace = Pace::new(first, Instant::now());
    loop {
        let wanted = rate(&Shares::OF_LOGIN, role, &living(fleet));
        if let Some(per_s) = pace.hear(Instant::now(), wanted) {
            tracing::debug!(per_s, "messages to IB");
            link.set_messages_per_s(per_s);
        }
        // Our own heartbeat is heard too, so that who falls silent is noticed.
        if changes.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// Live processes of each service. Who is not connected to IB yet will be in a moment, and counts. Who fell silent a
/// moment ago may still send: his service is none without processes until he is forgotten.
fn living(fleet: &Fleet) -> BTreeMap<String, u32> {
    let mut live = BTreeMap::new();
    for seen in fleet.seen() {
        *live.entry(seen.beat.service.clone()).or_default() += u32::from(seen.is_alive());
    }
    live
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left for a tenth of bursts is no process's.
    const ALL: f64 = 45.0;

    fn rate_of(service: &str, live: &[(&str, u32)]) -> f64 {
        let live = live.iter().map(|&(service, count)| (service.to_owned(), count)).collect();
        rate(&Shares::OF_LOGIN, role(service).expect("a role"), &live)
    }

    #[test]
    fn shares_are_split_by_the_living_and_options_has_those_of_the_absent() {
        for (service, live, wanted) in [
            ("ib-worker", &[][..], 14.0),
            ("ib-worker", &[("ib-worker", 1)], 14.0),
            ("ib-worker", &[("ib-worker", 7), ("edge", 2)], 2.0),
            ("options", &[], 31.0),
            ("options", &[("options", 1), ("ib-worker", 3), ("edge", 1)], 31.0),
            ("options", &[("options", 1), ("ib-worker", 0)], 31.0),
            ("options", &[("options", 1), ("orders", 1)], 21.0),
            // Silent, and not forgotten yet: it may still send.
            ("options", &[("options", 1), ("orders", 0)], 21.0),
            ("options", &[("options", 1), ("market-data", 1)], 23.0),
            ("options", &[("options", 1), ("gateway-ctl", 1)], 30.0),
            ("options", &[("options", 1), ("orders", 1), ("market-data", 1), ("gateway-ctl", 1)], 12.0),
            ("options", &[("options", 2), ("orders", 1), ("market-data", 1), ("gateway-ctl", 1)], 6.0),
            ("options", &[("options", 2)], 15.5),
            ("market-data", &[("market-data", 1)], 8.0),
            ("orders", &[("orders", 1)], 10.0),
        ] {
            let rate = rate_of(service, live);
            assert!((rate - wanted).abs() < 1e-9, "{service} beside {live:?}: {rate}, not {wanted}");
        }
    }

    #[test]
    fn whoever_lives_all_together_have_no_more_than_there_is() {
        for bits in 0_u32..1 << ROLES.len() {
            let live: Vec<(&str, u32)> = ROLES.iter().zip(0..).map(|(role, n)| (role.service, (bits >> n & 1) * (n + 1))).collect();
            let all = live.iter().filter(|(_, count)| *count > 0);
            let sum: f64 = all.map(|&(service, count)| rate_of(service, &live) * f64::from(count)).sum();
            assert!(sum <= ALL + 1e-9, "{live:?}: {sum}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_falls_at_once_and_rises_when_everybody_has_been_heard() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace::new(12.0, start);
        for (ms, wanted, then) in [
            (0, 31.0, None),
            (2_000, 31.0, None),
            (3_900, 31.0, None),
            (4_000, 31.0, Some(31.0)),
            (5_000, 21.0, Some(21.0)),
            (6_000, 21.0, None),
            (7_000, 31.0, Some(31.0)),
            // Nothing was heard for a while: nobody seems to live, but that says nothing.
            (17_000, 31.0, None),
            (17_100, 12.0, Some(12.0)),
            (19_000, 31.0, None),
            (20_900, 31.0, None),
            (21_000, 31.0, Some(31.0)),
        ] {
            assert_eq!(pace.hear(at(ms), wanted), then, "after {ms} ms");
        }
    }
}
