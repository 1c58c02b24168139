//! Whose truth an answer is.

use ib_link::Kept;
use jiff::Timestamp;
use schemas::{
    Context,
    context::{DataType, MarketState, Mode, mask_account},
    contracts::ContractDetails,
};

use super::{Hours, Reference};

/// Zone in which times are told where an answer belongs to no instrument.
const NEW_YORK: &str = "America/New_York";

impl Reference {
    /// For an answer about one instrument: its own exchange's hours and zone.
    pub fn context_of(&self, details: &ContractDetails, data_type: DataType) -> Context {
        let now = self.now();
        let (market_state, market_until) = Hours::of(details).map_or((MarketState::Unknown, None), |hours| hours.state(now));
        let time_zone = details.time_zone.clone().unwrap_or_else(|| NEW_YORK.to_owned());
        Context { market_state, market_until, time_zone, ..self.bare(data_type, now) }
    }

    /// For an answer that belongs to no instrument: the US stock market's hours, read once when they were told.
    pub fn context(&self, data_type: DataType) -> Context {
        let market = self.market();
        let now = self.now();
        match &market.hours {
            Some(hours) => {
                let (market_state, market_until) = hours.state(now);
                Context { market_state, market_until, time_zone: hours.zone_name().to_owned(), ..self.bare(data_type, now) }
            }
            None => self.bare(data_type, now),
        }
    }

    /// Adds to a context what accounts have: which one it is about, if it is one, and the age of its data.
    pub fn about_account(&self, context: Context, account: Option<&str>, kept: &Kept, stale: bool) -> Context {
        let ahead = self.market().clock_ahead;
        // Of the accounts told, which after a change of login may still be those of the last one.
        let mode = Mode::of_accounts(kept.accounts.keys().map(String::as_str));
        let as_of = kept.alive_at.map(|at| at.checked_add(ahead).unwrap_or(at));
        Context { account: account.map(mask_account), as_of, stale, mode: mode.unwrap_or(context.mode), ..context }
    }

    fn bare(&self, data_type: DataType, time: Timestamp) -> Context {
        let state = self.link.state();
        let state = state.borrow();
        Context {
            // No account known counts as live: the careful reading of a doubt.
            mode: state.mode.unwrap_or(Mode::Live),
            account: if let [only] = state.accounts.as_slice() { Some(mask_account(only)) } else { None },
            data_type,
            time,
            as_of: None,
            time_zone: NEW_YORK.to_owned(),
            market_state: MarketState::Unknown,
            market_until: None,
            stale: false,
        }
    }
}
