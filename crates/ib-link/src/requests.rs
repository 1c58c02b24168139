//! The questions that can be asked of IB; `ask.rs` is how.
//!
//! Invariant: each answer is in our types, complete or a fault; what IB leaves out is told as left out.

use std::time::Duration;

use ibapi::{market_data::TradingHours, news::NewsArticle};
use jiff::Timestamp;
use schemas::{
    Fault, FaultCode,
    contracts::{Contract, ContractQuery, SymbolMatch},
    history::{BarSize, Span, WhatToShow},
    news::{ArticleFormat, Headline},
};

use crate::{
    ask::{Ask, HistoryTurn},
    clock::{Instant, instant},
    convert::{self, Bars, Details},
    link::Link,
    untrusted::cleaned,
};

/// Rows of one contract query; a query for a whole option chain brings thousands, and a reader that falls behind
/// `ibapi`'s default of 1,024 loses the answer.
const DETAILS_ROWS_MAX: usize = 8_192;

/// Bars of one instrument.
#[derive(Debug, Clone, PartialEq)]
pub struct BarsRequest {
    /// As [`Link::contract_details`] found it: the id names it, and IB needs the exchange beside.
    pub contract: Contract,
    pub duration: Span,
    pub bar_size: BarSize,
    pub what_to_show: WhatToShow,
    pub use_rth: bool,
    /// End of the last bar; absent means now.
    pub end: Option<Timestamp>,
}

/// The first moment of a data type of one instrument.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadTimestampRequest {
    pub contract: Contract,
    pub what_to_show: WhatToShow,
    pub use_rth: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewsProvider {
    pub code: String,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct HeadlinesRequest {
    pub conid: i32,
    /// Codes that [`Link::news_providers`] names.
    pub providers: Vec<String>,
    pub start: Timestamp,
    pub end: Timestamp,
    /// 1 to [`schemas::news::HEADLINES_MAX`].
    pub limit: u32,
}

/// Newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Headlines {
    pub headlines: Vec<Headline>,
    /// IB has, or may have, more in this period.
    pub truncated: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Article {
    pub format: ArticleFormat,
    pub text: String,
}

/// What a gateway tells of its settings. What it leaves out is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewaySettings {
    /// `Read-Only API`: orders, cancels and the list of orders are refused.
    pub read_only_api: Option<bool>,
}

impl Link {
    /// Every contract that fits. None at all is the fault `not_found`.
    pub async fn contract_details(&self, query: &ContractQuery, deadline: Instant) -> Result<Vec<Details>, Fault> {
        let contract = convert::asked_contract(query)?;
        let ask = Ask { what: "a contract query", deadline, upstream: true, cancels: true };
        let many = names_many(query);
        let found = self
            .ask(ask, |session| async move {
                let query = session.client.contract_details_stream(&contract);
                let query = if many { query.buffer_limit(DETAILS_ROWS_MAX) } else { query };
                // Unlike its siblings it fails when rows were lost, instead of leaving them out.
                query.subscribe().await?.collect_to_end_within(time_left(deadline)).await
            })
            .await?;
        if found.is_empty() {
            return Err(Fault::new(FaultCode::NotFound, "IB knows no such instrument"));
        }
        Ok(found.iter().map(convert::details).collect())
    }

    /// Instruments whose symbol or company name resembles the text; 16 at most. IB takes one search per second.
    pub async fn matching_symbols(&self, pattern: &str, deadline: Instant) -> Result<Vec<SymbolMatch>, Fault> {
        let ask = Ask { what: "a symbol search", deadline, upstream: true, cancels: false };
        self.sendable(ask)?;
        self.shared.searches.take(deadline).await?;
        let pattern = pattern.to_owned();
        let found = self.ask(ask, |session| async move { session.client.matching_symbols(&pattern).await }).await?;
        Ok(found.iter().map(convert::symbol_match).collect())
    }

    /// Bars of the past. None at all is the fault `not_found`, with what was asked.
    pub async fn bars(&self, request: &BarsRequest, deadline: Instant) -> Result<Bars, Fault> {
        can_end(request)?;
        let turn = self.history_turn(deadline).await?;
        self.bars_in(turn, request, deadline).await
    }

    /// The same at once, in a turn that the caller has.
    pub async fn bars_in(&self, _turn: HistoryTurn<'_>, request: &BarsRequest, deadline: Instant) -> Result<Bars, Fault> {
        can_end(request)?;
        let ask = Ask::history("a request for bars", deadline);
        let contract = convert::resolved_contract(&request.contract);
        let asked = request.clone();
        let answer = self
            .send(ask, None, |session| async move {
                let builder = session
                    .client
                    .historical_data(&contract, convert::asked_size(asked.bar_size))
                    .what_to_show(convert::asked_what(asked.what_to_show))
                    .trading_hours(TradingHours::from_use_rth(asked.use_rth))
                    .duration(convert::asked_duration(asked.duration));
                match asked.end {
                    Some(end) => builder.ending(convert::offset_date_time(end)).fetch().await,
                    None => builder.fetch().await,
                }
            })
            .await
            .map_err(|fault| no_bars(fault, request))?;
        let bars = convert::bars(&answer, request.what_to_show);
        if bars.bars.is_empty() {
            return Err(no_bars(Fault::new(FaultCode::NotFound, "IB has no data for this request"), request));
        }
        Ok(bars)
    }

    /// The first moment that IB has data of this type for.
    pub async fn head_timestamp(&self, request: &HeadTimestampRequest, deadline: Instant) -> Result<Timestamp, Fault> {
        let turn = self.history_turn(deadline).await?;
        self.head_timestamp_in(turn, request, deadline).await
    }

    /// The same at once, in a turn that the caller has.
    pub async fn head_timestamp_in(
        &self,
        _turn: HistoryTurn<'_>,
        request: &HeadTimestampRequest,
        deadline: Instant,
    ) -> Result<Timestamp, Fault> {
        let ask = Ask::history("a request for the first bar", deadline);
        let contract = convert::resolved_contract(&request.contract);
        let (what, hours) = (convert::asked_what(request.what_to_show), TradingHours::from_use_rth(request.use_rth));
        let found = self.send(ask, None, |session| async move { session.client.head_timestamp(&contract, what, hours).await }).await?;
        Ok(convert::timestamp(found))
    }

    /// The news feeds that this login may read.
    pub async fn news_providers(&self, deadline: Instant) -> Result<Vec<NewsProvider>, Fault> {
        let ask = Ask { what: "a request for the news feeds", deadline, upstream: true, cancels: false };
        let found =
            self.ask_alone(ask, |session| &session.news_providers, |session| async move { session.client.news_providers().await }).await?;
        Ok(found.into_iter().map(|provider| NewsProvider { code: provider.code, name: provider.name }).collect())
    }

    pub async fn headlines(&self, request: &HeadlinesRequest, deadline: Instant) -> Result<Headlines, Fault> {
        let limit = u8::try_from(request.limit).ok().filter(|limit| *limit > 0).ok_or_else(|| {
            Fault::invalid("limit", format!("{} headlines cannot be asked for: 1 to {}", request.limit, schemas::news::HEADLINES_MAX))
        })?;
        let ask = Ask { what: "a request for headlines", deadline, upstream: true, cancels: false };
        let asked = request.clone();
        let rows = self
            .ask(ask, |session| async move {
                let providers: Vec<&str> = asked.providers.iter().map(String::as_str).collect();
                let (start, end) = (convert::offset_date_time(asked.start), convert::offset_date_time(asked.end));
                // `ibapi` drops IB's "there is more": one headline more than wanted tells it.
                let mut rows = session.client.historical_news(asked.conid, &providers, start, end, limit.saturating_add(1)).await?;
                rows.collect_to_end_within(time_left(deadline)).await
            })
            .await?;
        let wanted = usize::from(limit);
        let truncated = rows.len() > wanted || (limit == u8::MAX && rows.len() == wanted);
        Ok(Headlines { headlines: readable(rows, wanted), truncated })
    }

    pub async fn article(&self, provider: &str, article_id: &str, deadline: Instant) -> Result<Article, Fault> {
        let ask = Ask { what: "a request for an article", deadline, upstream: true, cancels: false };
        let (provider, article_id) = (provider.to_owned(), article_id.to_owned());
        let found = self.ask(ask, |session| async move { session.client.news_article(&provider, &article_id).await }).await?;
        let format = match found.article_type {
            ibapi::news::ArticleType::Binary => ArticleFormat::Binary,
            ibapi::news::ArticleType::Text if looks_like_html(&found.article_text) => ArticleFormat::Html,
            ibapi::news::ArticleType::Text => ArticleFormat::Text,
        };
        // Base64 has nothing to clean.
        Ok(Article { format, text: cleaned(found.article_text) })
    }

    /// The gateway's own settings, where it is new enough to tell them.
    pub async fn gateway_settings(&self, deadline: Instant) -> Result<GatewaySettings, Fault> {
        let ask = Ask { what: "a request for the gateway's settings", deadline, upstream: false, cancels: false };
        let told = self.ask(ask, |session| async move { session.client.config().await }).await?;
        let api = told.api.and_then(|api| api.settings);
        Ok(GatewaySettings { read_only_api: api.and_then(|settings| settings.read_only_api) })
    }

    /// The gateway's clock; answered by the gateway itself, with or without IB's servers.
    pub async fn server_time(&self, deadline: Instant) -> Result<Timestamp, Fault> {
        let ask = Ask { what: "a request for the gateway's time", deadline, upstream: false, cancels: false };
        let found =
            self.ask_alone(ask, |session| &session.server_time, |session| async move { session.client.server_time().await }).await?;
        Ok(convert::timestamp(found))
    }
}

fn can_end(request: &BarsRequest) -> Result<(), Fault> {
    if request.what_to_show == WhatToShow::AdjustedLast && request.end.is_some() {
        return Err(Fault::invalid("end", "IB adjusts prices up to today only: with ADJUSTED_LAST the end must be left out"));
    }
    Ok(())
}

/// Whether a query can fit whole chains, whose rows need room: `ibapi` allocates it for each question.
fn names_many(query: &ContractQuery) -> bool {
    const SINGLE: &[&str] = &["STK", "IND", "CASH", "CRYPTO", "CMDTY", "FUND"];
    let derivative = query.sec_type.as_deref().is_none_or(|kind| !SINGLE.iter().any(|single| kind.trim().eq_ignore_ascii_case(single)));
    let complete = query.expiry.is_some() && query.strike.is_some() && query.right.is_some();
    derivative && !complete && query.conid.is_none() && query.local_symbol.is_none() && query.isin.is_none()
}

/// The newest rows, without those whose time cannot be read: `ibapi` tells 1970 for it, and an invented time would
/// sort a headline where it does not belong.
fn readable(rows: Vec<NewsArticle>, wanted: usize) -> Vec<Headline> {
    let all = rows.len();
    let mut headlines: Vec<Headline> = rows
        .into_iter()
        .map(|row| Headline {
            time: convert::timestamp(row.time),
            provider: row.provider_code,
            article_id: row.article_id,
            headline: cleaned(row.headline),
        })
        .filter(|headline| headline.time != Timestamp::UNIX_EPOCH)
        .collect();
    if headlines.len() < all {
        tracing::warn!(dropped = all - headlines.len(), of = all, "headlines without a readable time were dropped");
    }
    headlines.sort_by_key(|headline| std::cmp::Reverse(headline.time));
    headlines.truncate(wanted);
    headlines
}

fn time_left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(instant())
}

/// IB's "no data" says nothing about what was asked.
fn no_bars(fault: Fault, request: &BarsRequest) -> Fault {
    if fault.code != FaultCode::NotFound || fault.ib_code == Some(200) {
        return fault;
    }
    let BarsRequest { contract, duration, bar_size, what_to_show, use_rth, end } = request;
    let until = end.map_or_else(|| "now".to_owned(), |end| end.to_string());
    let hours = if *use_rth { "regular hours only" } else { "all hours" };
    fault.hint(format!(
        "Asked were {what_to_show} bars of {bar_size} for {duration} until {until}, {hours}, of {} {} on {} (contract id {}). Try another end or a \
         longer duration, use_rth false, or another what_to_show",
        contract.symbol, contract.sec_type, contract.exchange, contract.conid
    ))
}

/// IB calls HTML text.
fn looks_like_html(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(200).collect::<String>().to_ascii_lowercase();
    ["<!doctype", "<html", "<body", "<p>", "<p ", "<div", "<br", "<table", "<a "].iter().any(|tag| start.contains(tag))
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
