//! News on market data lines: of one contract, or all of one provider.
//!
//! Invariant: a headline is told once; a line begins with the newest few, as a line that joins does at IB.

use super::line::{Line, Subject};
use super::{Live, Wanted};
use crate::errors::ApiError;
use crate::lines::Budget;
use crate::proto::event::Event;
use crate::proto::types::Contract;
use crate::wire::pb::quote::TickNews;
use crate::world::World;
use crate::world::instrument::Instrument;
use crate::world::news::{Headline, Window};
use crate::world::prices::mix;

/// Headlines that a new line begins with.
const KEPT: usize = 3;
/// Headlines between two looks; more never happen in a second.
const MOST: usize = 20;
/// How far back a new line looks.
const RECENT_S: i64 = 7 * 86_400;
/// As `RECENT_S`, for a provider that tells of all companies.
const RECENT_TAPE_S: i64 = 86_400;
/// A tape is looked at this often.
const TAPE_S: i64 = 5;

/// The headlines after the last look, oldest first; providers as in `BRFG+DJNL`, none means all.
pub(super) fn headlines(world: &World, row: &Instrument, req_id: i32, providers: &str, last: Option<i64>, now: i64) -> Vec<Event> {
    let all = || world.news.providers().into_iter().map(|(code, _)| code).collect();
    let wanted = if providers.is_empty() { all() } else { world.news.check_providers(providers).unwrap_or_default() };
    let window = Window { after: Some(last.unwrap_or(now - RECENT_S)), until: now, limit: if last.is_none() { KEPT } else { MOST } };
    let (mut found, _) = world.news.headlines(row, &wanted, window);
    found.reverse();
    found.into_iter().map(|one| event(req_id, one)).collect()
}

fn event(req_id: i32, one: Headline) -> Event {
    Event::TickNews(Box::new(TickNews {
        req_id: Some(req_id),
        timestamp: Some(one.time * 1000),
        provider_code: Some(one.provider),
        article_id: Some(one.article_id),
        headline: Some(one.text),
        extra_data: None,
    }))
}

impl Live {
    /// The broad tape of a provider: a contract of the type NEWS on the provider as its exchange.
    pub(super) fn open_tape(&mut self, wanted: &Wanted, contract: &Contract) -> Result<(), ApiError> {
        let provider = contract.exchange.clone();
        self.gateway.world.news.check_providers(&provider).map_err(|_| ApiError::no_definition())?;
        let key = provider.bytes().fold(0, |key, byte| mix(key, u64::from(byte)));
        let key = -i64::try_from(key >> 2).unwrap_or(1) - 1;
        let place = self.gateway.lines.take(Budget::Quotes, key).ok_or_else(ApiError::max_tickers)?;
        let mut line = Line::new(wanted.req_id, Subject::Tape(provider), self.times(0));
        line.place = Some(place);
        line.snapshot = wanted.snapshot;
        self.streams.quotes.lines.insert(wanted.req_id, line);
        Ok(())
    }

    pub(super) fn push_tape(&self, line: &mut Line, provider: &str, out: &mut Vec<Event>) {
        let (world, now) = (&self.gateway.world, self.now());
        if line.refreshed.is_some_and(|last| (0..TAPE_S).contains(&(now - last))) {
            return;
        }
        let last = line.refreshed.replace(now);
        let after = Some(last.unwrap_or(now - RECENT_TAPE_S));
        let window = Window { after, until: now, limit: MOST };
        let wanted = [provider.to_owned()];
        let mut found: Vec<Headline> = world.contracts.iter().flat_map(|row| world.news.headlines(row, &wanted, window).0).collect();
        found.sort_by_key(|one| one.time);
        let old = if last.is_none() { found.len().saturating_sub(KEPT) } else { 0 };
        out.extend(found.drain(old..).map(|one| event(line.req_id, one)));
    }
}
