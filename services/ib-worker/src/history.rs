//! `history.bars`.

use std::sync::Arc;

use bus::{Builder, Request};
use ib_link::{BarsRequest, pacing::HistoryKey};
use ib_service::{Hours, Resolved};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use schemas::{
    Fault,
    context::DataType,
    history::{BARS_MAX, BarSize, Bars, BarsParams, BarsReply, WhatToShow},
};
use tokio::time::Instant;

use crate::{
    when::{self, Bound},
    worker::Worker,
};

/// Periods that one question may span. IB's own limits are tighter for small bars and change; this only keeps absurd
/// questions from using up its pace.
const ASKED_MAX: u64 = 200_000;

pub(crate) fn routes(builder: Builder, worker: &Arc<Worker>) -> Builder {
    let worker = Arc::clone(worker);
    builder.route::<Bars, _, _>(move |params, request| bars(Arc::clone(&worker), params, request))
}

async fn bars(worker: Arc<Worker>, params: BarsParams, request: Request) -> Result<BarsReply, Fault> {
    if params.limit == 0 || params.limit > BARS_MAX {
        return Err(Fault::invalid("limit", format!("limit {} is not between 1 and {BARS_MAX}", params.limit)));
    }
    let bars = params.duration.seconds() / params.bar_size.seconds();
    if bars > ASKED_MAX {
        let message = format!("{} of {} are up to {bars} bars, more than IB sends ({ASKED_MAX})", params.duration, params.bar_size);
        return Err(Fault::invalid("duration", message).hint("ask for a shorter duration or larger bars; `end` reaches further back"));
    }
    let mut resolved = worker.reference.contract(&params.contract, request.deadline).await?;
    let what = params.what_to_show.unwrap_or_else(|| yielding(&mut resolved));
    let zone_name = resolved.details.time_zone.clone().unwrap_or_else(|| "America/New_York".to_owned());
    let zone = TimeZone::get(&zone_name).unwrap_or(TimeZone::UTC);
    let end = params.end.as_deref().map(|text| when::parse("end", text, &zone, Bound::End)).transpose()?;
    if let Some(end) = end
        && params.what_to_show == Some(WhatToShow::AdjustedLast)
    {
        return Err(Fault::invalid("end", format!("ADJUSTED_LAST has no end ({end}): IB adjusts up to now; leave end out or use TRADES")));
    }
    let assumed = resolved.contract.assumed.clone();
    let asked = Asked {
        request: BarsRequest {
            contract: resolved.contract.clone(),
            duration: params.duration,
            bar_size: params.bar_size,
            what_to_show: what,
            use_rth: params.use_rth,
            end,
        },
        resolved,
        zone,
        zone_name,
    };
    let key = asked.name();
    let (again, asked, deadline) = (Arc::clone(&worker), Arc::new(asked), request.deadline);
    let ask = move || {
        let (worker, asked) = (Arc::clone(&again), Arc::clone(&asked));
        async move { asked.ask(&worker, deadline).await }
    };
    let whole = worker.bars.get(key, ask).await?;
    let mut reply = (*whole).clone();
    // Of this caller's own question: who asked the same at once may have said what here was assumed.
    reply.contract.assumed = assumed;
    Ok(limited(reply, params.limit, worker.reference.now()))
}

/// IB has no trades of currencies, and of crypto only aggregated ones; the default yields and the answer says so.
pub(crate) fn yielding(resolved: &mut Resolved) -> WhatToShow {
    let (what, why) = match resolved.contract.sec_type.as_str() {
        "CASH" => (WhatToShow::Midpoint, "because CASH has no trades"),
        "CRYPTO" => (WhatToShow::AggTrades, "because CRYPTO"),
        "CMDTY" => (WhatToShow::Midpoint, "because CMDTY has no trades"),
        _ => return WhatToShow::Trades,
    };
    resolved.contract.assumed.push(format!("data type {what}, {why}"));
    what
}

/// One question to IB and how its answer is told.
struct Asked {
    request: BarsRequest,
    resolved: Resolved,
    zone: TimeZone,
    zone_name: String,
}

impl Asked {
    /// The same text for the same question.
    fn name(&self) -> String {
        let request = &self.request;
        let end = request.end.map_or_else(|| "now".to_owned(), |end| end.as_second().to_string());
        let contract = &request.contract;
        format!(
            "{} {} {} {} {} {} {end}",
            contract.conid, contract.exchange, request.duration, request.bar_size, request.what_to_show, request.use_rth
        )
    }

    /// From what another worker was told seconds ago, else from IB at its pace.
    async fn ask(&self, worker: &Worker, deadline: Instant) -> Result<BarsReply, Fault> {
        let name = self.name();
        if let Some(reply) = worker.answers.recall::<BarsReply>(&name).await {
            return Ok(reply);
        }
        let turn = worker.gate.admit(HistoryKey::of_bars(&self.request), &worker.link, deadline).await?;
        let answer = worker.link.bars_in(turn, &self.request, deadline).await?;
        let now = worker.reference.now();
        let last = answer.bars.len().saturating_sub(1);
        let bars = answer.bars.iter().enumerate();
        let bars = bars.map(|(index, bar)| bar.told(&self.zone, index == last && self.still_forms(bar.time, now))).collect::<Vec<_>>();
        let mut context = worker.reference.context_of(&self.resolved.details, DataType::Historical);
        context.as_of = Some(now);
        let reply = BarsReply {
            contract: self.resolved.contract.clone(),
            duration: self.request.duration,
            bar_size: self.request.bar_size,
            what_to_show: self.request.what_to_show,
            use_rth: self.request.use_rth,
            adjustment: self.request.what_to_show.adjustment().to_owned(),
            time_zone: self.zone_name.clone(),
            total: bars.len(),
            bars,
            truncated: false,
            context,
        };
        worker.answers.keep(&name, &reply).await;
        Ok(reply)
    }

    /// Whether a bar can still change: its period reaches past now, or past the end that was asked for.
    fn still_forms(&self, start: ib_link::BarTime, now: Timestamp) -> bool {
        let until = self.request.end.map_or(now, |end| end.min(now));
        match start {
            ib_link::BarTime::At(at) => {
                let seconds = i64::try_from(self.request.bar_size.seconds()).unwrap_or(i64::MAX);
                at.as_second().saturating_add(seconds) > until.as_second()
            }
            ib_link::BarTime::Day(day) => {
                let hours = Hours::of(&self.resolved.details);
                let to_come = |last: Date| hours.as_ref().is_some_and(|hours| hours.trades_between(until, last, self.request.use_rth));
                to_come(last_day(self.request.bar_size, day))
            }
        }
    }
}

/// The last calendar day that a daily, weekly or monthly bar can hold, from any day in it: IB dates longer bars with
/// their first or their newest trading day.
fn last_day(size: BarSize, day: Date) -> Date {
    match size {
        BarSize::Month => day.last_of_month(),
        BarSize::Week => {
            let left = 7 - i64::from(day.weekday().to_monday_one_offset());
            day.checked_add(jiff::Span::new().days(left)).unwrap_or(day)
        }
        _ => day,
    }
}

/// The newest `limit` bars.
fn limited(mut reply: BarsReply, limit: u32, now: Timestamp) -> BarsReply {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if reply.bars.len() > limit {
        reply.bars.drain(..reply.bars.len() - limit);
        reply.truncated = true;
    }
    reply.context.time = now;
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_bar_ends_with_its_calendar_week_or_month() {
        let date = |text: &str| text.parse::<Date>().expect(text);
        for (size, day, wanted) in [
            (BarSize::Day, "2026-11-20", "2026-11-20"),
            (BarSize::Week, "2026-11-16", "2026-11-22"),
            (BarSize::Week, "2026-11-20", "2026-11-22"),
            (BarSize::Month, "2026-11-02", "2026-11-30"),
        ] {
            assert_eq!(last_day(size, date(day)), date(wanted), "{size} {day}");
        }
    }
}
