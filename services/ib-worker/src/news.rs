//! `news.*`: headlines of the past and articles.

use std::{sync::Arc, time::Duration};

use bus::{Builder, Request};
use ib_link::HeadlinesRequest;
use jiff::tz::TimeZone;
use schemas::{
    Fault, FaultCode,
    context::DataType,
    contracts::QUERY_TEXT_MAX,
    news::{
        Article, ArticleParams, ArticleReply, HEADLINES_MAX, Headlines, HeadlinesParams, HeadlinesReply, Provider, Providers,
        ProvidersParams, ProvidersReply,
    },
};
use tokio::time::Instant;

use crate::{
    when::{self, Bound},
    worker::Worker,
};

/// News of an exchange is dated in its zone; without one, in New York's.
const NEW_YORK: &str = "America/New_York";

/// IB answers this one from the gateway's memory.
const PROVIDERS_MAX: Duration = Duration::from_secs(10);

pub(crate) fn routes(builder: Builder, worker: &Arc<Worker>) -> Builder {
    let (a, b, c) = (Arc::clone(worker), Arc::clone(worker), Arc::clone(worker));
    builder
        .route::<Providers, _, _>(move |params, request| providers(Arc::clone(&c), params, request))
        .route::<Headlines, _, _>(move |params, request| headlines(Arc::clone(&a), params, request))
        .route::<Article, _, _>(move |params, request| article(Arc::clone(&b), params, request))
}

async fn headlines(worker: Arc<Worker>, params: HeadlinesParams, request: Request) -> Result<HeadlinesReply, Fault> {
    if params.limit == 0 || params.limit > HEADLINES_MAX {
        return Err(Fault::invalid("limit", format!("limit {} is not between 1 and {HEADLINES_MAX}", params.limit)));
    }
    let resolved = worker.reference.contract(&params.contract, request.deadline).await?;
    let zone = TimeZone::get(resolved.details.time_zone.as_deref().unwrap_or(NEW_YORK)).unwrap_or(TimeZone::UTC);
    let start = when::parse("start", &params.start, &zone, Bound::Start)?;
    let end = when::parse("end", &params.end, &zone, Bound::End)?;
    if start >= end {
        return Err(Fault::invalid("start", format!("start {} is not before end {}", params.start.trim(), params.end.trim())));
    }
    let known: Vec<String> = worker.providers(request.deadline).await?.iter().map(|provider| provider.code.clone()).collect();
    let providers = chosen(&params.providers, &known)?;
    let question = HeadlinesRequest { conid: resolved.contract.conid, providers: providers.clone(), start, end, limit: params.limit };
    let found = worker.link.headlines(&question, request.deadline).await?;
    let context = worker.reference.context_of(&resolved.details, DataType::Historical);
    Ok(HeadlinesReply {
        contract: resolved.contract,
        headlines: found.headlines,
        truncated: found.truncated,
        providers,
        untrusted: true,
        context,
    })
}

/// The providers asked for, which the login must have; all of them when none is named.
fn chosen(wanted: &[String], known: &[String]) -> Result<Vec<String>, Fault> {
    if known.is_empty() {
        return Err(Fault::new(FaultCode::NotSubscribed, "this login has no news provider").hint("subscribe to one in IB's Client Portal"));
    }
    if wanted.is_empty() {
        return Ok(known.to_vec());
    }
    match wanted.iter().find(|code| !known.contains(code)) {
        Some(unknown) => {
            let shown: String = unknown.chars().filter(|c| !c.is_control()).take(40).collect();
            Err(Fault::invalid("providers", format!("this login has no news provider `{shown}`")).allowed(known.iter().cloned()))
        }
        None => Ok(wanted.to_vec()),
    }
}

async fn providers(worker: Arc<Worker>, _: ProvidersParams, request: Request) -> Result<ProvidersReply, Fault> {
    let providers = worker.providers(request.deadline).await?.to_vec();
    Ok(ProvidersReply { providers, context: worker.reference.context(DataType::Reference) })
}

async fn article(worker: Arc<Worker>, params: ArticleParams, request: Request) -> Result<ArticleReply, Fault> {
    for (field, text) in [("article_id", &params.article_id), ("provider", &params.provider)] {
        let good = !text.trim().is_empty() && text.chars().count() <= QUERY_TEXT_MAX && text.chars().all(|c| c.is_ascii_graphic());
        if !good {
            let shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
            let message = format!("{field} `{shown}` is none of IB's: printable ASCII without blanks, 1 to {QUERY_TEXT_MAX} characters");
            return Err(Fault::invalid(field, message).hint("get_historical_news lists article and provider"));
        }
    }
    let key = format!("{} {}", params.provider, params.article_id);
    let (again, deadline) = (Arc::clone(&worker), request.deadline);
    let ask = move || {
        let (again, params) = (Arc::clone(&again), params.clone());
        async move {
            let found = again.link.article(&params.provider, &params.article_id, deadline).await?;
            let context = again.reference.context(DataType::Historical);
            Ok(ArticleReply {
                article_id: params.article_id,
                provider: params.provider,
                format: found.format,
                text: found.text,
                untrusted: true,
                context,
            })
        }
    };
    let reply = worker.articles.get(key, ask).await?;
    let context = worker.reference.context(DataType::Historical);
    Ok(ArticleReply { context, ..(*reply).clone() })
}

impl Worker {
    async fn providers(self: &Arc<Self>, deadline: Instant) -> Result<Arc<Vec<Provider>>, Fault> {
        let link = self.link.clone();
        let ask = move || {
            let link = link.clone();
            async move {
                let found = link.news_providers(deadline.min(Instant::now() + PROVIDERS_MAX)).await?;
                Ok(found.into_iter().map(|provider| Provider { code: provider.code, name: provider.name }).collect())
            }
        };
        self.providers.get("all".to_owned(), ask).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_providers_of_the_login_are_asked() {
        let known = ["BRFG".to_owned(), "DJNL".to_owned()];
        assert_eq!(chosen(&[], &known).expect("all"), known);
        assert_eq!(chosen(&known[1..], &known).expect("one"), known[1..]);
        assert_eq!(chosen(&["XX".to_owned()], &known).expect_err("unknown").allowed, known);
        assert_eq!(chosen(&[], &[]).expect_err("none").code, FaultCode::NotSubscribed);
    }
}
