//! Requests about the market: contracts, symbols, bars and news.

use std::sync::Arc;

use super::live::{Live, MAX_PENDING, Work};
use crate::errors::ApiError;
use crate::journal::Count;
use crate::lines::{Budget, Place};
use crate::proto::event::Event;
use crate::proto::request::{HistoryQuery, NewsQuery, Request};
use crate::proto::types::{BarRow, Contract};
use crate::world::bars::BarSize;
use crate::world::history::Answer;
use crate::world::moment::{news_bound, show};
use crate::world::news::Window;
use crate::world::symbols;

/// Live bars on one connection: IB counts them as market data lines.
const MAX_LIVE_BARS: usize = 50;

/// A historical request that is kept up to date.
#[derive(Debug)]
pub(super) struct LiveBars {
    query: Box<HistoryQuery>,
    last: Option<BarRow>,
    /// Held for as long as the bars are open.
    _place: Place,
}

impl Live {
    pub(super) fn serve_market(&mut self, request: Request) {
        match request {
            Request::ContractData { req_id, contract } => self.contract_data(req_id, &contract),
            // Both are answered at once, so a cancel finds nothing to do.
            Request::CancelContractData { .. } | Request::CancelHeadTimestamp { .. } => {}
            Request::MatchingSymbols { req_id, pattern } => {
                let rows = symbols::search(&self.gateway.world.contracts, &pattern);
                self.send(&Event::SymbolSamples { req_id, rows });
            }
            Request::MarketRule { rule_id } => match self.gateway.world.market_rule(rule_id).cloned() {
                Some(increments) => self.send(&Event::MarketRule { rule_id, increments }),
                None => self.error(-1, ApiError::invalid(format_args!("Market rule id {rule_id} is unknown"))),
            },
            Request::HistoricalData(query) => self.history(query),
            Request::CancelHistoricalData { req_id } => self.cancel_history(req_id),
            Request::HeadTimestamp(query) => match self.gateway.world.head(&query, self.now()) {
                Ok(time) => self.send(&Event::HeadTimestamp { req_id: query.req_id, time }),
                Err(error) => self.error(query.req_id, error),
            },
            Request::NewsProviders => self.send(&Event::NewsProviders(self.gateway.world.news.providers())),
            Request::HistoricalNews(query) => self.historical_news(&query),
            Request::NewsArticle { req_id, provider, article_id } => {
                let world = &self.gateway.world;
                match world.news.article(&provider, &article_id, |id| world.contracts.get(id)) {
                    Ok(text) => self.send(&Event::NewsArticle { req_id, text }),
                    Err(error) => self.error(req_id, error),
                }
            }
            other => unreachable!("{} is served before", other.name()),
        }
    }

    fn contract_data(&mut self, req_id: i32, query: &Contract) {
        let gateway = Arc::clone(&self.gateway);
        let today = gateway.world.today(self.now());
        match gateway.world.contracts.find(query, today) {
            Err(error) => self.error(req_id, error),
            Ok(rows) => {
                for row in rows {
                    let mut contract = row.routed(&query.exchange);
                    if query.sec_type == "CONTFUT" {
                        "CONTFUT".clone_into(&mut contract.sec_type);
                    }
                    let details = Box::new(row.details(gateway.world.calendar, today));
                    self.send(&Event::ContractData { req_id, contract: Box::new(contract), details });
                }
                self.send(&Event::ContractDataEnd { req_id });
            }
        }
    }

    fn history(&mut self, query: Box<HistoryQuery>) {
        let req_id = query.req_id;
        if self.histories.contains_key(&req_id) || self.subs.bars.contains_key(&req_id) {
            return self.error(req_id, ApiError::duplicate_history(req_id));
        }
        if self.work.len() >= MAX_PENDING {
            return self.error(req_id, ApiError::too_many_pending());
        }
        let Some(open) = self.gateway.pacing.history(self.gateway.clock.now_ms(), &query) else {
            self.gateway.counters.add(Count::history_violations);
            return self.error(req_id, ApiError::history_pacing());
        };
        let ticket = self.held.ticket();
        self.histories.insert(req_id, ticket);
        let gateway = Arc::clone(&self.gateway);
        // A year of days or a month of minutes takes long enough to hold up other clients.
        self.work.spawn_blocking(move || {
            let world = &gateway.world;
            let answer = world.plan(&query, gateway.clock.now_secs()).map(|plan| world.answer(&plan));
            Work::History { ticket, query, answer, open }
        });
    }

    pub(super) fn finish_history(&mut self, query: HistoryQuery, answer: Result<Answer, ApiError>) {
        let req_id = query.req_id;
        match answer {
            Err(error) => self.error(req_id, error),
            Ok(Answer::Schedule { sessions, start, end, zone }) => {
                self.send(&Event::HistoricalSchedule { req_id, start, end, zone, sessions });
            }
            Ok(Answer::Bars { rows, start, end }) => {
                let last = rows.last().cloned();
                self.send(&Event::HistoricalData { req_id, start: start.clone(), end: end.clone(), bars: rows });
                self.send(&Event::HistoricalDataEnd { req_id, start, end });
                if query.keep_up_to_date {
                    if self.subs.bars.len() >= MAX_LIVE_BARS {
                        return self.error(req_id, ApiError::too_many_pending());
                    }
                    let world = &self.gateway.world;
                    let con_id = world.contracts.only(&query.contract, world.today(self.now())).map_or(0, |row| row.contract.con_id);
                    let Some(place) = self.gateway.lines.take(Budget::Quotes, i64::from(con_id)) else {
                        return self.error(req_id, ApiError::max_tickers());
                    };
                    self.subs.bars.insert(req_id, LiveBars { query: Box::new(query), last, _place: place });
                }
            }
        }
    }

    fn cancel_history(&mut self, req_id: i32) {
        if self.subs.bars.remove(&req_id).is_some() {
            return;
        }
        let known = self.histories.remove(&req_id).is_some();
        let error = if known { ApiError::history_cancelled(req_id) } else { ApiError::unknown_history(req_id) };
        self.error(req_id, error);
    }

    /// The forming bar of every query that is kept up to date, where it changed.
    pub(super) fn push_bars(&mut self) {
        let now = self.now();
        let mut bars = std::mem::take(&mut self.subs.bars);
        for (req_id, live) in &mut bars {
            // The newest bar is all that is needed; a query always begins at the start of a bar.
            let reach = match BarSize::parse(&live.query.bar_size) {
                Some(BarSize::Seconds(seconds)) => format!("{seconds} S"),
                _ => "1 D".to_owned(),
            };
            let recent = HistoryQuery { duration: reach, ..(*live.query).clone() };
            let world = &self.gateway.world;
            let answer = world.plan(&recent, now).map(|plan| world.answer(&plan));
            let Ok(Answer::Bars { rows, .. }) = answer else { continue };
            let newest = rows.into_iter().next_back();
            if newest.is_some() && newest != live.last {
                live.last.clone_from(&newest);
                if let Some(bar) = newest {
                    self.send(&Event::HistoricalDataUpdate { req_id: *req_id, bar: Box::new(bar) });
                }
            }
        }
        self.subs.bars = bars;
    }

    fn historical_news(&mut self, query: &NewsQuery) {
        match self.find_news(query) {
            Err(error) => self.error(query.req_id, error),
            Ok((events, has_more)) => {
                events.iter().for_each(|event| self.send(event));
                self.send(&Event::HistoricalNewsEnd { req_id: query.req_id, has_more });
            }
        }
    }

    fn find_news(&self, query: &NewsQuery) -> Result<(Vec<Event>, bool), ApiError> {
        let world = &self.gateway.world;
        let row = world.contracts.get(query.con_id).ok_or_else(ApiError::no_definition)?;
        let providers = world.news.check_providers(&query.providers)?;
        let until = news_bound(&query.end)?.unwrap_or(i64::MAX).min(self.now());
        let limit = usize::try_from(query.total).unwrap_or(0);
        let window = Window { after: news_bound(&query.start)?, until, limit };
        let (found, has_more) = world.news.headlines(row, &providers, window);
        let event = |one: crate::world::news::Headline| Event::HistoricalNews {
            req_id: query.req_id,
            // The tenth of a second is always there, and always zero.
            time: format!("{}.0", show(one.time, &jiff::tz::TimeZone::UTC, "%Y-%m-%d %H:%M:%S")),
            provider: one.provider,
            article_id: one.article_id,
            headline: one.text,
        };
        Ok((found.into_iter().map(event).collect(), has_more))
    }
}
