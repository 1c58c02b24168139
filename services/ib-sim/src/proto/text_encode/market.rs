//! Contracts, bars and news.

use super::contract::contract_data;
use super::pairs;
use crate::proto::event::Event;
use crate::proto::types::{BarRow, SymbolRow};
use crate::wire::text::{FieldWriter, put};

/// IB's article types: 0 is plain text or HTML; this gateway has no binaries.
const TEXT_ARTICLE: i32 = 0;

pub(super) fn write(out: &mut FieldWriter, event: &Event) {
    match event {
        Event::ContractData { req_id, contract, details } => contract_data(out, *req_id, contract, details),
        Event::ContractDataEnd { req_id } => put!(out; 1, *req_id),
        Event::SymbolSamples { req_id, rows } => {
            put!(out; *req_id, rows.len());
            rows.iter().for_each(|row| symbol(out, row));
        }
        Event::MarketRule { rule_id, increments } => {
            put!(out; *rule_id, increments.len());
            for (low_edge, increment) in increments {
                put!(out; low_edge, increment);
            }
        }
        Event::HistoricalData { req_id, start, end, bars } => {
            put!(out; *req_id, start, end, bars.len());
            bars.iter().for_each(|bar| past_bar(out, bar));
        }
        // The close stands before high and low here, and only here.
        Event::HistoricalDataUpdate { req_id, bar } => {
            put!(out; *req_id, bar.count, bar.date, bar.open, bar.close, bar.high, bar.low, bar.wap, bar.volume);
        }
        Event::HistoricalSchedule { req_id, start, end, zone, sessions } => {
            put!(out; *req_id, start, end, zone, sessions.len());
            for session in sessions {
                put!(out; session.start, session.end, session.reference);
            }
        }
        Event::HeadTimestamp { req_id, time } => put!(out; *req_id, time),
        Event::NewsProviders(providers) => pairs(out, providers),
        Event::HistoricalNews { req_id, time, provider, article_id, headline } => {
            put!(out; *req_id, time, provider, article_id, headline);
        }
        Event::HistoricalNewsEnd { req_id, has_more } => put!(out; *req_id, *has_more),
        Event::NewsArticle { req_id, text } => put!(out; *req_id, TEXT_ARTICLE, text),
        other => unreachable!("{other:?} belongs to another family"),
    }
}

fn past_bar(out: &mut FieldWriter, bar: &BarRow) {
    put!(out; bar.date, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.wap, bar.count);
}

fn symbol(out: &mut FieldWriter, row: &SymbolRow) {
    let found = &row.contract;
    put!(out; found.con_id, found.symbol, found.sec_type, found.primary_exchange, found.currency, row.derivatives.len());
    for sec_type in &row.derivatives {
        put!(out; sec_type);
    }
    put!(out; found.description, found.issuer_id);
}
