//! What the login may see, and what trades at all right now.
//!
//! Invariant: pure functions of scenario, contract and instant.

use super::World;
use super::instrument::Instrument;
use super::scenario_market::{Entitlement, EntitlementData};

impl World {
    /// The data that the login's subscriptions give for a contract: the last rule that fits decides.
    pub(crate) fn entitlement(&self, instrument: &Instrument) -> Entitlement {
        self.entitlements.iter().rev().find(|rule| rule.fits(instrument)).map_or(Entitlement::Live, |rule| rule.data)
    }

    /// Whether trading in a contract, or in its underlying, is halted at this instant.
    pub(crate) fn halted(&self, instrument: &Instrument, now: i64) -> bool {
        instrument.events.halt(now).is_some()
    }
}

impl EntitlementData {
    fn fits(&self, instrument: &Instrument) -> bool {
        let own = &instrument.contract;
        let listed = [own.primary_exchange.as_str(), own.exchange.as_str(), instrument.home_exchange()];
        let same = |wanted: Option<&String>, value: &str| wanted.is_none_or(|wanted| wanted == value);
        same(self.symbol.as_ref(), &own.symbol)
            && same(self.kind.as_ref(), &own.sec_type)
            && self.exchange.as_ref().is_none_or(|wanted| listed.contains(&wanted.as_str()))
    }
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
