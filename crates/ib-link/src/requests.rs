//! The questions that can be asked of IB.
//!
//! Invariants: a question whose deadline is past is not sent; each ends by its deadline or with its session; one that
//! is dropped is cancelled at IB where IB knows a cancel. `ibapi` does that when the future is dropped, and the cancel
//! is counted as a message.

use std::{future::Future, sync::Arc, time::Duration};

use ibapi::{Error, market_data::TradingHours, news::NewsArticle};
use jiff::Timestamp;
use schemas::{
    Fault, FaultCode,
    contracts::{Contract, ContractQuery, SymbolMatch},
    history::{BarSize, Span, WhatToShow},
    news::{ArticleFormat, Headline},
};
use tokio::time::timeout_at;

use crate::{
    clock::{Instant, instant},
    convert::{self, Bars, Details},
    fault,
    link::{Link, Session},
    notices::TOO_FAST,
    pacing::{Bucket, patience},
};

/// Rows of one contract query; a query for a whole option chain brings thousands, and a reader that falls behind
/// `ibapi`'s default of 1,024 loses the answer.
const DETAILS_ROWS_MAX: usize = 8_192;

/// Nobody knows when one of the open historical requests ends; most take a second or two.
const HISTORY_RETRY_MS: u64 = 2_000;

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

/// How a question is asked.
#[derive(Clone, Copy)]
struct Ask<'a> {
    /// For messages: `IB did not answer {what}`.
    what: &'a str,
    deadline: Instant,
    /// IB's servers answer it, not the gateway itself.
    upstream: bool,
    /// IB has a cancel for it, which goes out when the question is dropped.
    cancels: bool,
}

/// Counts the cancel of a question that is dropped before its answer.
struct Cancel<'a>(Option<&'a Bucket>);

impl Drop for Cancel<'_> {
    fn drop(&mut self) {
        if let Some(bucket) = self.0 {
            bucket.charge();
        }
    }
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
        if request.what_to_show == WhatToShow::AdjustedLast && request.end.is_some() {
            return Err(Fault::invalid("end", "IB adjusts prices up to today only: with ADJUSTED_LAST the end must be left out"));
        }
        let ask = Ask { what: "a request for bars", deadline, upstream: true, cancels: true };
        let _open = self.history_turn(ask).await?;
        let contract = convert::resolved_contract(&request.contract);
        let asked = request.clone();
        let answer = self
            .ask(ask, |session| async move {
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
        let ask = Ask { what: "a request for the first bar", deadline, upstream: true, cancels: true };
        let _open = self.history_turn(ask).await?;
        let contract = convert::resolved_contract(&request.contract);
        let (what, hours) = (convert::asked_what(request.what_to_show), TradingHours::from_use_rth(request.use_rth));
        let found = self.ask(ask, |session| async move { session.client.head_timestamp(&contract, what, hours).await }).await?;
        Ok(convert::timestamp(found))
    }

    /// The news feeds that this login may read.
    pub async fn news_providers(&self, deadline: Instant) -> Result<Vec<NewsProvider>, Fault> {
        let ask = Ask { what: "a request for the news feeds", deadline, upstream: true, cancels: false };
        let found = self
            .ask(ask, |session| async move {
                let _one_at_a_time = session.news_providers.lock().await;
                session.client.news_providers().await
            })
            .await?;
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
        Ok(Article { format, text: found.article_text })
    }

    /// The gateway's clock; answered by the gateway itself, with or without IB's servers.
    pub async fn server_time(&self, deadline: Instant) -> Result<Timestamp, Fault> {
        let ask = Ask { what: "a request for the gateway's time", deadline, upstream: false, cancels: false };
        let found = self
            .ask(ask, |session| async move {
                let _one_at_a_time = session.server_time.lock().await;
                session.client.server_time().await
            })
            .await?;
        Ok(convert::timestamp(found))
    }

    /// Refuses what cannot be sent, before it waits for anything.
    fn sendable(&self, ask: Ask<'_>) -> Result<Arc<Session>, Fault> {
        if instant() >= ask.deadline {
            return Err(fault::past_deadline(ask.what));
        }
        self.session(ask.upstream)
    }

    /// One of the historical requests that may be open at once.
    async fn history_turn(&self, ask: Ask<'_>) -> Result<tokio::sync::SemaphorePermit<'_>, Fault> {
        self.sendable(ask)?;
        let now = instant();
        let pace = || {
            let most = self.shared.settings.history_open_max;
            Fault::new(
                FaultCode::Pacing,
                format!("{most} historical requests are open, as many as this process may have; none ended in time"),
            )
            .retry_after_ms(HISTORY_RETRY_MS)
        };
        let turn = timeout_at(now + patience(now, ask.deadline), self.shared.history_open.acquire());
        turn.await.ok().and_then(Result::ok).ok_or_else(pace)
    }

    /// Until the gateway loses IB's servers.
    async fn upstream_gone(&self) {
        let mut state = self.state();
        // The sender lives as long as the link.
        let _ = state.wait_for(|state| state.upstream_lost).await;
    }

    async fn ask<T, F>(&self, ask: Ask<'_>, send: impl FnOnce(Arc<Session>) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let asked_at = instant();
        self.sendable(ask)?;
        self.shared.bucket.take(ask.deadline).await?;
        // Taken after the wait: it may be another session by now.
        let session = self.sendable(ask)?;
        let mut cancel = Cancel(ask.cancels.then_some(&*self.shared.bucket));
        let over = session.over.clone();
        let late = || fault::timed_out(ask.what, asked_at.elapsed().as_millis());
        tokio::select! {
            answer = timeout_at(ask.deadline, send(session)) => match answer {
                Err(_) | Ok(Err(Error::Timeout)) => Err(late()),
                Ok(answer) => {
                    cancel.0 = None;
                    answer.map_err(|error| {
                        let fault = fault::of_error(&error);
                        // Told to this question, it is meant for all of them.
                        if fault.ib_code == Some(TOO_FAST) {
                            self.shared.bucket.too_fast();
                        }
                        fault
                    })
                }
            },
            // Its cancel goes out: the gateway still has the question.
            () = self.upstream_gone(), if ask.upstream => Err(fault::upstream_lost()),
            () = over.cancelled() => {
                cancel.0 = None;
                Err(Fault::new(FaultCode::GatewayDown, format!("the session to the gateway ended while IB worked on {}", ask.what)))
            }
        }
    }
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
            headline: row.headline,
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
