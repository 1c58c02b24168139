//! `history.head`, `history.histogram`, `history.ticks`.

use std::sync::Arc;

use bus::{Builder, Request};
use ib_link::{HeadTimestampRequest, HistogramRequest, TicksRequest, pacing::HistoryKey, told_local};
use jiff::tz::TimeZone;
use schemas::{
    Fault,
    context::DataType,
    contracts::ContractDetails,
    history::{
        BarSize, HISTOGRAM_PERIODS, Head, HeadParams, HeadReply, Histogram, HistogramParams, HistogramReply, TICKS_MAX, TickKind, Ticks,
        TicksParams, TicksReply,
    },
};

use crate::{
    history::yielding,
    when::{self, Bound},
    worker::Worker,
};

/// Rows of one histogram; the prices with the least volume go first.
const HISTOGRAM_ROWS_MAX: usize = 5_000;
const NEW_YORK: &str = "America/New_York";

pub(crate) fn routes(builder: Builder, worker: &Arc<Worker>) -> Builder {
    let [a, b, c] = std::array::from_fn(|_| Arc::clone(worker));
    builder
        .route::<Head, _, _>(move |params, request| head(Arc::clone(&a), params, request))
        .route::<Histogram, _, _>(move |params, request| histogram(Arc::clone(&b), params, request))
        .route::<Ticks, _, _>(move |params, request| ticks(Arc::clone(&c), params, request))
}

fn zone(details: &ContractDetails) -> (String, TimeZone) {
    let name = details.time_zone.clone().unwrap_or_else(|| NEW_YORK.to_owned());
    let zone = TimeZone::get(&name).unwrap_or(TimeZone::UTC);
    (name, zone)
}

async fn head(worker: Arc<Worker>, params: HeadParams, request: Request) -> Result<HeadReply, Fault> {
    let mut resolved = worker.reference.contract(&params.contract, request.deadline).await?;
    let what_to_show = params.what_to_show.unwrap_or_else(|| yielding(&mut resolved));
    let context = worker.reference.context_of(&resolved.details, DataType::Historical);
    let (time_zone, zone) = zone(&resolved.details);
    let contract = resolved.contract;
    let key = format!("{} {} {what_to_show} {}", contract.conid, contract.exchange, params.use_rth);
    let asked = HeadTimestampRequest { contract: contract.clone(), what_to_show, use_rth: params.use_rth };
    let (again, deadline, of_reply) = (Arc::clone(&worker), request.deadline, context.clone());
    let ask = move || {
        let (worker, asked, context, time_zone, zone) =
            (Arc::clone(&again), asked.clone(), of_reply.clone(), time_zone.clone(), zone.clone());
        async move {
            let turn = worker.gate.admit(HistoryKey::of_head_timestamp(&asked), &worker.link, deadline).await?;
            let head = worker.link.head_timestamp_in(turn, &asked, deadline).await?;
            let HeadTimestampRequest { contract, what_to_show, use_rth } = asked;
            Ok(HeadReply { contract, what_to_show, use_rth, head, head_local: told_local(head, &zone), time_zone, context })
        }
    };
    let told = worker.heads.get(key, ask).await?;
    Ok(HeadReply { contract, context, ..(*told).clone() })
}

async fn histogram(worker: Arc<Worker>, params: HistogramParams, request: Request) -> Result<HistogramReply, Fault> {
    let period = HISTOGRAM_PERIODS.iter().find(|period| period.eq_ignore_ascii_case(params.period.trim()));
    let size = period.and_then(|period| BarSize::ALL.iter().find(|(_, name, _)| name == period));
    let Some((size, period, _)) = size else {
        let shown: String = params.period.chars().filter(|c| !c.is_control()).take(40).collect();
        let fault = Fault::invalid("period", format!("period `{shown}` is none that a histogram can have"));
        return Err(fault.allowed(HISTOGRAM_PERIODS.iter().copied()));
    };
    let resolved = worker.reference.contract(&params.contract, request.deadline).await?;
    let mut context = worker.reference.context_of(&resolved.details, DataType::Historical);
    context.as_of = Some(worker.reference.now());
    let contract = resolved.contract;
    let asked = HistogramRequest { contract: contract.clone(), period: *size, use_rth: params.use_rth };
    let key = format!("{} {} {period} {}", contract.conid, contract.exchange, params.use_rth);
    let (again, deadline, of_reply, period) = (Arc::clone(&worker), request.deadline, context.clone(), (*period).to_owned());
    let ask = move || {
        let (worker, asked, context, period) = (Arc::clone(&again), asked.clone(), of_reply.clone(), period.clone());
        async move {
            let turn = worker.gate.admit(HistoryKey::of_histogram(&asked), &worker.link, deadline).await?;
            let mut rows = worker.link.histogram_in(turn, &asked, deadline).await?;
            let total = rows.len();
            if total > HISTOGRAM_ROWS_MAX {
                rows.sort_by_key(|row| std::cmp::Reverse(row.size));
                rows.truncate(HISTOGRAM_ROWS_MAX);
                rows.sort_by_key(|row| row.price);
            }
            let truncated = rows.len() < total;
            Ok(HistogramReply { contract: asked.contract, period, use_rth: asked.use_rth, rows, total, truncated, context })
        }
    };
    let told = worker.histograms.get(key, ask).await?;
    Ok(HistogramReply { contract, context, ..(*told).clone() })
}

async fn ticks(worker: Arc<Worker>, params: TicksParams, request: Request) -> Result<TicksReply, Fault> {
    if params.count == 0 || params.count > TICKS_MAX {
        return Err(Fault::invalid("count", format!("count {} is not between 1 and {TICKS_MAX}", params.count)));
    }
    if params.start.is_some() && params.end.is_some() {
        let fault = Fault::invalid("end", "IB takes ticks from a start on or up to an end, not between both");
        return Err(fault.hint("leave one of start and end out; `count` says how many"));
    }
    let resolved = worker.reference.contract(&params.contract, request.deadline).await?;
    if params.kind == TickKind::Trades && matches!(resolved.contract.sec_type.as_str(), "CASH" | "CMDTY") {
        let fault = Fault::invalid("kind", format!("{} has no trades", resolved.contract.sec_type));
        return Err(fault.allowed(["bid_ask", "midpoint"]));
    }
    let (time_zone, zone) = zone(&resolved.details);
    let moment = |field: &str, text: &Option<String>, bound| text.as_deref().map(|text| when::parse(field, text, &zone, bound)).transpose();
    let (start, mut end) = (moment("start", &params.start, Bound::Start)?, moment("end", &params.end, Bound::End)?);
    let now = worker.reference.now();
    if start.is_none() && end.is_none() {
        end = Some(now);
    }
    let mut context = worker.reference.context_of(&resolved.details, DataType::Historical);
    context.as_of = Some(now);
    let contract = resolved.contract;
    let asked = TicksRequest { contract: contract.clone(), kind: params.kind, start, end, count: params.count, use_rth: params.use_rth };
    let key = format!("{asked:?}");
    let (again, deadline, of_reply) = (Arc::clone(&worker), request.deadline, context.clone());
    let ask = move || {
        let (worker, asked, context, time_zone, zone) =
            (Arc::clone(&again), asked.clone(), of_reply.clone(), time_zone.clone(), zone.clone());
        async move {
            let turn = worker.gate.admit(HistoryKey::of_ticks(&asked), &worker.link, deadline).await?;
            let mut ticks = worker.link.ticks_in(turn, &asked, &zone, deadline).await?;
            let count = usize::try_from(asked.count).unwrap_or(usize::MAX);
            let truncated = ticks.len() >= count;
            // IB sends the rest of the last second too: those nearest to what was asked are kept.
            if asked.start.is_some() {
                ticks.truncate(count);
            } else {
                ticks.drain(..ticks.len().saturating_sub(count));
            }
            Ok(TicksReply { contract: asked.contract, kind: asked.kind, time_zone, ticks, truncated, context })
        }
    };
    let told = worker.ticks.get(key, ask).await?;
    Ok(TicksReply { contract, context, ..(*told).clone() })
}
