//! Order ids by client, and the ids that the broker gives itself.
//!
//! Invariant: perm ids and execution ids never repeat; an order id is taken once, unless somebody
//! rolled the sequence back as a reset of a gateway's settings does.

use std::collections::BTreeMap;

/// Perm ids look like those of a real account.
const FIRST_PERM_ID: i64 = 1_426_086_000;

/// One client's sequence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sequence {
    /// The highest id that was placed.
    pub(crate) highest: i32,
    /// The highest id that was told as the next valid one.
    pub(crate) told: i32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) clients: BTreeMap<i32, Sequence>,
    pub(crate) perms: i64,
    pub(crate) executions: u32,
    /// Orders entered by hand that were bound to client 0 count downwards from zero.
    pub(crate) bound: i32,
}

impl Ids {
    fn next_of(sequence: Sequence) -> i32 {
        sequence.told.max(sequence.highest.saturating_add(1)).max(1)
    }

    /// The next valid id of a client.
    pub(crate) fn next(&mut self, client_id: i32) -> i32 {
        let sequence = self.clients.entry(client_id).or_default();
        sequence.told = Self::next_of(*sequence);
        sequence.told
    }

    /// As `next`, one further: a captured gateway answers a request for ids this way.
    pub(crate) fn ask(&mut self, client_id: i32) -> i32 {
        let sequence = self.clients.entry(client_id).or_default();
        sequence.told = Self::next_of(*sequence).saturating_add(1);
        sequence.told
    }

    pub(crate) fn is_free(&self, client_id: i32, order_id: i32) -> bool {
        order_id > self.clients.get(&client_id).map_or(0, |sequence| sequence.highest)
    }

    pub(crate) fn take(&mut self, client_id: i32, order_id: i32) {
        let sequence = self.clients.entry(client_id).or_default();
        sequence.highest = sequence.highest.max(order_id);
    }

    /// The next id goes back by `by`, never below 1.
    pub(crate) fn roll_back(&mut self, client_id: i32, by: i32) {
        let sequence = self.clients.entry(client_id).or_default();
        let next = (Self::next_of(*sequence) - by.max(0)).max(1);
        *sequence = Sequence { highest: next - 1, told: next };
    }

    pub(crate) fn perm(&mut self) -> i64 {
        self.perms += 1;
        FIRST_PERM_ID + self.perms
    }

    /// In the form of a real one: `0000e0d5.69e05ee5.01.01`; the last part counts corrections.
    pub(crate) fn execution(&mut self, now: i64) -> String {
        self.executions += 1;
        format!("{:08x}.{:08x}.01.01", self.executions, now)
    }

    pub(crate) fn bind(&mut self) -> i32 {
        self.bound -= 1;
        self.bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_count_per_client_and_only_up() {
        let mut ids = Ids::default();
        assert_eq!((ids.next(1), ids.ask(1), ids.next(1)), (1, 2, 2));
        assert_eq!(ids.next(2), 1);
        ids.take(1, 40);
        assert_eq!(ids.next(1), 41);
        assert!(ids.is_free(1, 41) && !ids.is_free(1, 40) && !ids.is_free(1, 2));
    }

    /// Any client can place the largest id there is; its sequence ends there, for it alone.
    #[test]
    fn the_largest_id_is_the_last() {
        let mut ids = Ids::default();
        ids.take(1, i32::MAX);
        assert_eq!((ids.next(1), ids.ask(1), ids.next(2)), (i32::MAX, i32::MAX, 1));
        assert!(!ids.is_free(1, i32::MAX));
        ids.roll_back(1, 5);
        assert_eq!(ids.next(1), i32::MAX - 5);
    }

    #[test]
    fn a_roll_back_frees_used_ids() {
        let mut ids = Ids::default();
        ids.take(1, 40);
        ids.roll_back(1, 10);
        assert_eq!(ids.next(1), 31);
        assert!(ids.is_free(1, 35));
        ids.roll_back(1, 1_000);
        assert_eq!(ids.next(1), 1);
        assert_ne!(ids.perm(), ids.perm());
        assert_ne!(ids.execution(5), ids.execution(5));
    }
}
