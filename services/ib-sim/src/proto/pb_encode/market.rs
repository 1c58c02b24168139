//! Contracts, bars and news.

use bytes::Bytes;

use super::{given, only_req_id, wire_contract};
use crate::proto::event::Event;
use crate::proto::types::{BarRow, ContractDetails};
use crate::wire::frame::protobuf;
use crate::wire::pb::{contract, history, news};

/// IB's article types: 0 is plain text or HTML, 1 a binary such as PDF; this gateway has no binaries.
const TEXT_ARTICLE: i32 = 0;

pub(super) fn encode_contract(event: &Event) -> Bytes {
    match event {
        Event::ContractData { req_id, contract, details } => {
            let mut wire = wire_contract(contract);
            wire.last_trade_date = given(&details.last_trade_date);
            protobuf(
                10,
                &contract::ContractData { req_id: Some(*req_id), contract: Some(wire), contract_details: Some(wire_details(details)) },
            )
        }
        Event::ContractDataEnd { req_id } => only_req_id(52, *req_id),
        Event::SymbolSamples { req_id, rows } => protobuf(
            79,
            &contract::SymbolSamples {
                req_id: Some(*req_id),
                contract_descriptions: rows
                    .iter()
                    .map(|row| contract::ContractDescription {
                        contract: Some(wire_contract(&row.contract)),
                        derivative_sec_types: row.derivatives.clone(),
                    })
                    .collect(),
            },
        ),
        Event::MarketRule { rule_id, increments } => protobuf(
            93,
            &contract::MarketRule {
                market_rule_id: Some(*rule_id),
                price_increments: increments
                    .iter()
                    .map(|(low, step)| contract::PriceIncrement { low_edge: Some(*low), increment: Some(*step) })
                    .collect(),
            },
        ),
        other => unreachable!("{other:?} belongs to another family"),
    }
}

fn wire_details(details: &ContractDetails) -> contract::ContractDetails {
    contract::ContractDetails {
        market_name: given(&details.market_name),
        min_tick: given(&details.min_tick),
        order_types: given(&details.order_types),
        valid_exchanges: given(&details.valid_exchanges),
        price_magnifier: Some(details.price_magnifier),
        under_con_id: (details.under_con_id != 0).then_some(details.under_con_id),
        long_name: given(&details.long_name),
        contract_month: given(&details.contract_month),
        industry: given(&details.industry),
        category: given(&details.category),
        subcategory: given(&details.subcategory),
        time_zone_id: given(&details.time_zone_id),
        trading_hours: given(&details.trading_hours),
        liquid_hours: given(&details.liquid_hours),
        sec_id_list: details.sec_ids.iter().cloned().collect(),
        agg_group: Some(details.agg_group),
        under_symbol: given(&details.under_symbol),
        under_sec_type: given(&details.under_sec_type),
        market_rule_ids: given(&details.market_rule_ids),
        real_expiration_date: given(&details.real_expiration_date),
        stock_type: given(&details.stock_type),
        min_size: given(&details.min_size),
        size_increment: given(&details.size_increment),
        suggested_size_increment: given(&details.suggested_size_increment),
        ..contract::ContractDetails::default()
    }
}

fn wire_bar(bar: &BarRow) -> history::HistoricalDataBar {
    history::HistoricalDataBar {
        date: Some(bar.date.clone()),
        open: Some(bar.open),
        high: Some(bar.high),
        low: Some(bar.low),
        close: Some(bar.close),
        volume: Some(bar.volume.clone()),
        wap: Some(bar.wap.clone()),
        bar_count: Some(bar.count),
    }
}

pub(super) fn encode_history(event: &Event) -> Bytes {
    match event {
        Event::HistoricalData { req_id, bars, .. } => {
            protobuf(17, &history::HistoricalData { req_id: Some(*req_id), historical_data_bars: bars.iter().map(wire_bar).collect() })
        }
        Event::HistoricalDataEnd { req_id, start, end } => protobuf(
            108,
            &history::HistoricalDataEnd { req_id: Some(*req_id), start_date_str: Some(start.clone()), end_date_str: Some(end.clone()) },
        ),
        Event::HistoricalDataUpdate { req_id, bar } => {
            protobuf(90, &history::HistoricalDataUpdate { req_id: Some(*req_id), historical_data_bar: Some(wire_bar(bar)) })
        }
        Event::HistoricalSchedule { req_id, start, end, zone, sessions } => protobuf(
            106,
            &history::HistoricalSchedule {
                req_id: Some(*req_id),
                start_date_time: Some(start.clone()),
                end_date_time: Some(end.clone()),
                time_zone: Some(zone.clone()),
                historical_sessions: sessions
                    .iter()
                    .map(|row| history::HistoricalSession {
                        start_date_time: Some(row.start.clone()),
                        end_date_time: Some(row.end.clone()),
                        ref_date: Some(row.reference.clone()),
                    })
                    .collect(),
            },
        ),
        Event::HeadTimestamp { req_id, time } => {
            protobuf(88, &history::HeadTimestamp { req_id: Some(*req_id), head_timestamp: Some(time.clone()) })
        }
        other => unreachable!("{other:?} belongs to another family"),
    }
}

pub(super) fn encode_news(event: &Event) -> Bytes {
    match event {
        Event::NewsProviders(providers) => protobuf(
            85,
            &news::NewsProviders {
                news_providers: providers
                    .iter()
                    .map(|(code, name)| news::NewsProvider { provider_code: Some(code.clone()), provider_name: Some(name.clone()) })
                    .collect(),
            },
        ),
        Event::HistoricalNews { req_id, time, provider, article_id, headline } => protobuf(
            86,
            &news::HistoricalNews {
                req_id: Some(*req_id),
                time: Some(time.clone()),
                provider_code: Some(provider.clone()),
                article_id: Some(article_id.clone()),
                headline: Some(headline.clone()),
            },
        ),
        Event::HistoricalNewsEnd { req_id, has_more } => {
            protobuf(87, &news::HistoricalNewsEnd { req_id: Some(*req_id), has_more: Some(*has_more) })
        }
        Event::NewsArticle { req_id, text } => {
            protobuf(83, &news::NewsArticle { req_id: Some(*req_id), article_type: Some(TEXT_ARTICLE), article_text: Some(text.clone()) })
        }
        other => unreachable!("{other:?} belongs to another family"),
    }
}
