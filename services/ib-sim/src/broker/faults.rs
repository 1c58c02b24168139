//! What a test can make go wrong with orders.
//!
//! Invariant: without a fault nothing here changes anything; one that counts down ends by itself.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::errors::ApiError;

/// An order trades this long after it was accepted, unless a fault says otherwise.
const FILL_DELAY_MS: i64 = 50;
/// Longer looks like a halt and is one.
pub(crate) const MAX_FILL_DELAY_MS: i64 = 600_000;

/// The next orders are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Rejection {
    pub(crate) code: i32,
    pub(crate) text: Option<String>,
    pub(crate) times: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct OrderFaults {
    pub(crate) fill_delay_ms: i64,
    pub(crate) hold_fills: bool,
    /// At most this much of an order trades in one second.
    pub(crate) fill_size: Option<f64>,
    pub(crate) reject_next: Option<Rejection>,
    /// So many orders are accepted without a word to the client.
    pub(crate) lose_ack: u32,
    /// Contracts that cannot be borrowed.
    pub(crate) not_shortable: BTreeSet<i32>,
}

impl Default for OrderFaults {
    fn default() -> Self {
        Self {
            fill_delay_ms: FILL_DELAY_MS,
            hold_fills: false,
            fill_size: None,
            reject_next: None,
            lose_ack: 0,
            not_shortable: BTreeSet::new(),
        }
    }
}

impl OrderFaults {
    pub(super) fn rejection(&mut self) -> Option<ApiError> {
        let rejection = self.reject_next.as_mut()?;
        let error = match &rejection.text {
            None if rejection.code == 201 => ApiError::rejected("Refused by a fault."),
            text => ApiError::injected(rejection.code, text.clone()),
        };
        rejection.times = rejection.times.saturating_sub(1);
        if rejection.times == 0 {
            self.reject_next = None;
        }
        Some(error)
    }

    pub(super) fn loses_ack(&mut self) -> bool {
        let lost = self.lose_ack > 0;
        self.lose_ack = self.lose_ack.saturating_sub(1);
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_faults_end() {
        let mut faults =
            OrderFaults { reject_next: Some(Rejection { code: 201, text: None, times: 2 }), lose_ack: 1, ..OrderFaults::default() };
        assert_eq!(faults.rejection().map(|error| error.code), Some(201));
        assert!(faults.rejection().is_some() && faults.rejection().is_none());
        assert!(faults.loses_ack() && !faults.loses_ack());
    }
}
