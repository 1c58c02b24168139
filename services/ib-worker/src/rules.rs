//! `contracts.market_rule` and `contracts.schedule`.

use std::{collections::BTreeSet, sync::Arc};

use bus::{Builder, Request};
use ib_link::told_local;
use ib_service::Hours;
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use schemas::{
    Fault, FaultCode,
    context::DataType,
    contracts::{
        ContractDetails, MarketRule, MarketRuleParams, MarketRuleReply, PriceStep, SCHEDULE_DAYS_MAX, Schedule, ScheduleParams,
        ScheduleReply, TradingDay, TradingSession,
    },
};

use crate::worker::Worker;

pub(crate) fn routes(builder: Builder, worker: &Arc<Worker>) -> Builder {
    let (a, b) = (Arc::clone(worker), Arc::clone(worker));
    builder
        .route::<MarketRule, _, _>(move |params, request| market_rule(Arc::clone(&a), params, request))
        .route::<Schedule, _, _>(move |params, request| schedule(Arc::clone(&b), params, request))
}

async fn market_rule(worker: Arc<Worker>, params: MarketRuleParams, request: Request) -> Result<MarketRuleReply, Fault> {
    let hint = "get_contract_details tells an instrument's market_rule_ids, one for each of its exchanges";
    if params.rule_id < 1 {
        return Err(Fault::invalid("rule_id", format!("rule_id {} is none of IB's: they begin with 1", params.rule_id)).hint(hint));
    }
    let (link, rule_id, deadline) = (worker.link.clone(), params.rule_id, request.deadline);
    let ask = move || {
        let link = link.clone();
        async move { link.market_rule(rule_id, deadline).await }
    };
    let told = worker.rules.get(rule_id.to_string(), ask).await.map_err(|fault| fault.hint(hint))?;
    let steps = told.iter().map(|(from_price, step)| PriceStep { from_price: *from_price, step: *step }).collect();
    Ok(MarketRuleReply { rule_id, steps, context: worker.reference.context(DataType::Reference) })
}

async fn schedule(worker: Arc<Worker>, params: ScheduleParams, request: Request) -> Result<ScheduleReply, Fault> {
    if params.days == 0 || params.days > SCHEDULE_DAYS_MAX {
        return Err(Fault::invalid("days", format!("days {} is not between 1 and {SCHEDULE_DAYS_MAX}", params.days)));
    }
    let resolved = worker.reference.contract(&params.contract, request.deadline).await?;
    let Some((time_zone, days, complete)) = coming(&resolved.details, worker.reference.now(), params.days) else {
        let message = format!("IB tells no trading hours of {} ({})", resolved.contract.symbol, resolved.contract.conid);
        return Err(Fault::new(FaultCode::NotFound, message).hint("an expired contract has none; ask for one that still trades"));
    };
    let context = worker.reference.context_of(&resolved.details, DataType::Reference);
    Ok(ScheduleReply { contract: resolved.contract, time_zone, days, complete, context })
}

/// The days from today on that IB has told, and whether these are as many as wanted. Pure.
fn coming(details: &ContractDetails, now: Timestamp, wanted: u32) -> Option<(String, Vec<TradingDay>, bool)> {
    let hours = Hours::of(details)?;
    let zone = TimeZone::get(hours.zone_name()).ok()?;
    let told: BTreeSet<Date> = days_told(details.trading_hours.as_deref().unwrap_or_default())
        .chain(days_told(details.liquid_hours.as_deref().unwrap_or_default()))
        .collect();
    let today = now.to_zoned(zone.clone()).date();
    let days: Vec<Date> = (0..i64::from(wanted)).filter_map(|day| today.checked_add(day.days()).ok()).collect();
    let complete = told.last().is_some_and(|last| days.last().is_some_and(|day| day <= last));
    // A session belongs to the day on which it ends: futures of a Monday begin on Sunday evening.
    let ends_on = |until: Timestamp| until.saturating_sub(SignedDuration::from_secs(1)).map(|end| end.to_zoned(zone.clone()).date());
    let on = |sessions: &[(Timestamp, Timestamp)], day: Date| -> Vec<TradingSession> {
        let of_day = sessions.iter().filter(|(_, until)| ends_on(*until).is_ok_and(|date| date == day));
        of_day.map(|(from, until)| TradingSession { from: told_local(*from, &zone), until: told_local(*until, &zone) }).collect()
    };
    let (trading, regular) = (hours.trading(), hours.regular());
    let days = days.into_iter().map(|date| (date, on(&trading, date), on(&regular, date)));
    let days = days.filter(|(date, trading, regular)| told.contains(date) || !trading.is_empty() || !regular.is_empty());
    let days = days.map(|(date, trading, regular)| TradingDay { date, closed: trading.is_empty() && regular.is_empty(), trading, regular });
    Some((hours.zone_name().to_owned(), days.collect(), complete))
}

/// `20261123:0400-20261123:2000;20261124:CLOSED`: the days that are named.
fn days_told(text: &str) -> impl Iterator<Item = Date> {
    text.split(';').filter_map(|part| Date::strptime("%Y%m%d", part.trim().get(..8)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(trading: &str, regular: &str) -> ContractDetails {
        ContractDetails {
            time_zone: Some("America/New_York".to_owned()),
            trading_hours: Some(trading.to_owned()),
            liquid_hours: Some(regular.to_owned()),
            ..ContractDetails::default()
        }
    }

    #[test]
    fn days_come_with_their_sessions_and_closed_ones_are_named() {
        let hours = details(
            "20261120:0400-20261120:2000;20261121:CLOSED;20261122:CLOSED;20261123:0400-20261123:2000",
            "20261120:0930-20261120:1600;20261121:CLOSED;20261122:CLOSED;20261123:0930-20261123:1600",
        );
        let now = "2026-11-20T15:00:00-05:00".parse().expect("time");
        let (zone, days, complete) = coming(&hours, now, 4).expect("readable");
        assert_eq!((zone.as_str(), days.len(), complete), ("America/New_York", 4, true));
        assert_eq!(days.iter().map(|day| day.closed).collect::<Vec<_>>(), [false, true, true, false]);
        assert_eq!(days[0].regular[0].until, "2026-11-20T16:00:00-05:00");
        assert_eq!(days[3].trading[0].from, "2026-11-23T04:00:00-05:00");
        let (_, days, complete) = coming(&hours, now, 5).expect("readable");
        assert_eq!((days.len(), complete), (4, false), "IB tells no more");
    }

    #[test]
    fn a_night_session_belongs_to_its_end_and_nothing_told_is_not_closed() {
        let hours = details("20261122:1800-20261123:1700;20261123:1800-20261124:1700", "");
        let now = "2026-11-22T12:00:00-05:00".parse().expect("time");
        let (_, days, complete) = coming(&hours, now, 3).expect("readable");
        let dates: Vec<String> = days.iter().map(|day| day.date.to_string()).collect();
        assert_eq!((dates, complete), (vec!["2026-11-22".to_owned(), "2026-11-23".to_owned(), "2026-11-24".to_owned()], false));
        assert_eq!((days[0].closed, days[1].trading.len(), days[1].regular.len()), (true, 1, 0));
        assert_eq!(coming(&ContractDetails::default(), now, 3), None);
    }
}
