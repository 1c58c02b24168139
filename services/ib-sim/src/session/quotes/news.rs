//! Contract news on a market data line.
//!
//! Invariant: a headline is told once; a line begins with the newest few, as a line that joins does at IB.

use crate::proto::event::Event;
use crate::wire::pb::quote::TickNews;
use crate::world::World;
use crate::world::instrument::Instrument;
use crate::world::news::Window;

/// Headlines that a new line begins with.
const KEPT: usize = 3;
/// Headlines between two looks; more never happen in a second.
const MOST: usize = 20;
/// How far back a new line looks.
const RECENT_S: i64 = 7 * 86_400;

/// The headlines after the last look, oldest first; providers as in `BRFG+DJNL`, none means all.
pub(super) fn headlines(world: &World, row: &Instrument, req_id: i32, providers: &str, last: Option<i64>, now: i64) -> Vec<Event> {
    let all = || world.news.providers().into_iter().map(|(code, _)| code).collect();
    let wanted = if providers.is_empty() { all() } else { world.news.check_providers(providers).unwrap_or_default() };
    let window = Window { after: Some(last.unwrap_or(now - RECENT_S)), until: now, limit: if last.is_none() { KEPT } else { MOST } };
    let (mut found, _) = world.news.headlines(row, &wanted, window);
    found.reverse();
    let event = |one: crate::world::news::Headline| {
        Event::TickNews(Box::new(TickNews {
            req_id: Some(req_id),
            timestamp: Some(one.time * 1000),
            provider_code: Some(one.provider),
            article_id: Some(one.article_id),
            headline: Some(one.text),
            extra_data: None,
        }))
    };
    found.into_iter().map(event).collect()
}
