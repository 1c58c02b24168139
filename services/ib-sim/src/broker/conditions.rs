//! Conditions of orders: price, time, margin, executions, volume, change.
//!
//! Read from left to right, each joined to the next by its own and/or, as IB shows them.

use super::book::{Book, Desk};
use super::entry::Entry;
use super::trigger::Method;
use crate::wire::pb::order::OrderCondition;
use crate::world::bars::{BarSize, weight};
use crate::world::calendar::Span;
use crate::world::instrument::Instrument;
use crate::world::moment::end_of_query;

pub(super) fn met(book: &Book, desk: &Desk<'_>, entry: &Entry) -> bool {
    let ignores_hours = entry.order.conditions_ignore_rth.unwrap_or(false);
    // Without the flag conditions are watched in regular hours only, but for the time.
    let hours = ignores_hours || entry.is_open(desk);
    let mut rows = entry.order.conditions.iter();
    let Some(first) = rows.next() else { return true };
    let holds = |condition: &OrderCondition| (hours || condition.kind == Some(3)) && one(book, desk, entry, condition);
    let (mut value, mut and) = (holds(first), first.is_conjunction_connection.unwrap_or(true));
    for condition in rows {
        value = if and { value && holds(condition) } else { value || holds(condition) };
        and = condition.is_conjunction_connection.unwrap_or(true);
    }
    value
}

fn one(book: &Book, desk: &Desk<'_>, entry: &Entry, condition: &OrderCondition) -> bool {
    let (world, now) = (desk.world, desk.now());
    let more = condition.is_more.unwrap_or(false);
    let compare = |value: f64, bound: f64| if more { value >= bound } else { value <= bound };
    let instrument = condition.con_id.and_then(|con_id| world.contracts.get(con_id));
    match condition.kind {
        Some(1) => instrument.zip(condition.price).is_some_and(|(instrument, bound)| {
            let method = Method::from_code(condition.trigger_method.unwrap_or(0)).or_default(false);
            // Buying looks at the side that a buyer would be hit on.
            compare(method.price(entry.side(), &world.quote(instrument, now)), bound)
        }),
        Some(3) => {
            let zone = entry.traded.lead(world).map(|lead| lead.hours.zone());
            let time = condition.time.as_deref().zip(zone).and_then(|(text, zone)| end_of_query(text, now, zone).ok());
            time.is_some_and(|time| if more { now >= time } else { now <= time })
        }
        Some(4) => world.accounts.get(&entry.account).zip(condition.percent).is_some_and(|(account, percent)| {
            let statement = world.statement(&account, now);
            let net = statement.net_liquidation();
            net > 0.0 && compare(statement.excess() / net * 100.0, f64::from(percent))
        }),
        Some(5) => book.records.iter().any(|record| {
            let same = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|text| text.is_empty() || text == value);
            record.time >= entry.accepted
                && same(&condition.symbol, &record.contract.symbol)
                && same(&condition.sec_type, &record.contract.sec_type)
                && (condition.exchange.as_deref() == Some("SMART") || same(&condition.exchange, &record.contract.exchange))
        }),
        Some(6) => instrument.zip(condition.volume).is_some_and(|(instrument, bound)| compare(volume(desk, instrument), f64::from(bound))),
        Some(7) => instrument.zip(condition.change_percent).is_some_and(|(instrument, bound)| {
            let before = world.previous_close(instrument, now);
            before > 0.0 && compare((world.mark(instrument, now) / before - 1.0) * 100.0, bound)
        }),
        _ => false,
    }
}

/// What was traded today so far.
fn volume(desk: &Desk<'_>, instrument: &Instrument) -> f64 {
    let now = desk.now();
    let traded: f64 = desk.world.source(instrument, |source| {
        let Some(day) = source.calendar.latest(source.hours, now) else { return 0.0 };
        let until = |span: &Span| Span { start: span.start, end: span.end.min(now + 1) };
        let spans: Vec<Span> = day.full.iter().map(until).filter(|span| span.start < span.end).collect();
        source.bars(&[(day, spans)], BarSize::Day).iter().map(|bar| weight(bar.volume)).sum()
    });
    traded / instrument.volume_unit
}
