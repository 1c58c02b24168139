//! Headlines and articles, made from the seed: the same query always finds the same news.
//!
//! Invariant: an article id says contract, day, and number, so that any article can be told again
//! without storing any; ids that no headline has are unknown.

use super::instrument::Instrument;
use super::prices::{mix, unit};
use super::scenario::NewsData;
use crate::errors::ApiError;

/// IB returns at most this many headlines whatever is asked for.
pub(crate) const MAX_HEADLINES: usize = 300;
/// No day has more than this, so that ids stay short.
const MAX_PER_DAY: u64 = 8;
const DAY: i64 = 86_400;
/// 2015-01-01: nothing older is kept.
const OLDEST: i64 = 1_420_070_400;

#[derive(Debug)]
pub(crate) struct News {
    data: NewsData,
    seed: u64,
}

/// One headline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Headline {
    /// Unix seconds.
    pub(crate) time: i64,
    pub(crate) provider: String,
    pub(crate) article_id: String,
    pub(crate) text: String,
}

/// Which headlines are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Excluded, as IB documents it.
    pub(crate) after: Option<i64>,
    pub(crate) until: i64,
    pub(crate) limit: usize,
}

impl News {
    pub(crate) fn new(data: &NewsData, seed: u64) -> Self {
        Self { data: data.clone(), seed }
    }

    /// Whether the login has the corporate events of Wall Street Horizon.
    pub(crate) fn wsh(&self) -> bool {
        self.data.wsh
    }

    pub(crate) fn providers(&self) -> Vec<(String, String)> {
        self.data.providers.iter().map(|row| (row.code.clone(), row.name.clone())).collect()
    }

    /// Reads `BRFG+DJNL`; a provider without subscription is refused.
    pub(crate) fn check_providers(&self, list: &str) -> Result<Vec<String>, ApiError> {
        let wanted: Vec<String> = list.split(['+', ',']).map(str::trim).filter(|code| !code.is_empty()).map(str::to_owned).collect();
        let known = |code: &String| self.data.providers.iter().any(|row| row.code == *code);
        if wanted.is_empty() || !wanted.iter().all(known) { Err(ApiError::fixed(10276)) } else { Ok(wanted) }
    }

    /// Newest first, and whether there are more.
    pub(crate) fn headlines(&self, row: &Instrument, providers: &[String], window: Window) -> (Vec<Headline>, bool) {
        let after = window.after.unwrap_or(OLDEST).max(OLDEST);
        let limit = window.limit.clamp(1, MAX_HEADLINES);
        let mut found = Vec::new();
        let mut day = window.until.div_euclid(DAY);
        while day >= after.div_euclid(DAY) && found.len() <= limit {
            let mut of_day = self.day(row, day);
            of_day.retain(|one| after < one.time && one.time <= window.until && providers.contains(&one.provider));
            of_day.sort_by_key(|one| std::cmp::Reverse(one.time));
            found.append(&mut of_day);
            day -= 1;
        }
        let more = found.len() > limit;
        found.truncate(limit);
        (found, more)
    }

    fn day(&self, row: &Instrument, day: i64) -> Vec<Headline> {
        // Only companies and funds make news.
        if !row.is("STK") {
            return Vec::new();
        }
        (0..self.count(row, day)).map(|number| self.headline(row, day, number)).collect()
    }

    fn key(&self, row: &Instrument, day: i64, number: u64) -> u64 {
        mix(mix(self.seed ^ 0x4E57, row.path.key), day.cast_unsigned().wrapping_mul(16) + number)
    }

    fn count(&self, row: &Instrument, day: i64) -> u64 {
        let slots = (0..MAX_PER_DAY).filter(|slot| {
            let chance = self.data.per_day / 8.0;
            unit(mix(self.key(row, day, 15), *slot)) < chance
        });
        u64::try_from(slots.count()).unwrap_or(MAX_PER_DAY)
    }

    fn headline(&self, row: &Instrument, day: i64, number: u64) -> Headline {
        let key = self.key(row, day, number);
        let pick = |salt: u64, len: usize| usize::try_from(mix(key, salt) % u64::try_from(len.max(1)).unwrap_or(1)).unwrap_or(0);
        let provider = &self.data.providers[pick(1, self.data.providers.len())].code;
        let text =
            self.data.headlines[pick(2, self.data.headlines.len())].replace("{name}", &row.name).replace("{symbol}", &row.contract.symbol);
        let second = i64::try_from(mix(key, 3) % 86_400).unwrap_or(0);
        Headline {
            time: day * DAY + second,
            article_id: format!("{provider}${:08x}{day:05x}{number:x}", row.contract.con_id),
            provider: provider.clone(),
            text,
        }
    }

    /// The whole article of a headline: plain text, or HTML from the letters.
    pub(crate) fn article<'a>(&self, provider: &str, id: &str, find: impl Fn(i32) -> Option<&'a Instrument>) -> Result<String, ApiError> {
        let unknown = || ApiError::fixed(10172);
        let (code, rest) = id.split_once('$').ok_or_else(unknown)?;
        if code != provider || rest.len() < 14 || !rest.is_ascii() {
            return Err(unknown());
        }
        let con_id = i32::from_str_radix(&rest[..8], 16).map_err(|_| unknown())?;
        let day = i64::from_str_radix(&rest[8..13], 16).map_err(|_| unknown())?;
        let number = u64::from_str_radix(&rest[13..], 16).map_err(|_| unknown())?;
        let row = find(con_id).ok_or_else(unknown)?;
        let known = row.is("STK") && number < self.count(row, day);
        let headline = known.then(|| self.headline(row, day, number)).filter(|one| one.article_id == id).ok_or_else(unknown)?;
        let body = format!(
            "{}. The shares of {} ({}) are listed on {}. This text was written by a simulator and says nothing about the company.",
            headline.text, row.name, row.contract.symbol, row.contract.primary_exchange
        );
        Ok(if provider == "DJNL" {
            format!("<html><body><h1>{}</h1><p>{body}</p></body></html>", headline.text)
        } else {
            format!("{}\n\n{body}\n", headline.text)
        })
    }
}

#[cfg(test)]
#[path = "news_tests.rs"]
mod tests;
