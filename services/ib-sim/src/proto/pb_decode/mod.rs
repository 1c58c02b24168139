//! Protobuf requests into [`Request`].

mod order;
mod quote;
mod reference;

use prost::{DecodeError, Message};

use super::request::{HeadTimestampQuery, HistoryQuery, NewsQuery, Request};
use super::types::Contract;
use crate::wire::frame::Inbound;
use crate::wire::pb::{ReqId, account, contract, history, news, session};
use order::decode_orders;
use quote::decode_quotes;
use reference::decode_reference;

/// The numbers of IB's requests; a frame carries them plus 200.
pub(crate) fn decode(inbound: &Inbound) -> Result<Request, DecodeError> {
    let body = &inbound.payload[..];
    match inbound.message {
        3..=5 | 7 | 15 | 16 | 21 | 58 | 99 => decode_orders(inbound.message, body),
        1 | 2 | 10 | 11 | 50 | 51 | 54..=57 | 59 | 78 | 82 | 83 | 88 | 89 | 96..=98 | 107 => decode_quotes(inbound.message, body),
        12 | 13 | 18 | 19 | 22..=24 | 65..=70 | 72 | 73 | 79 | 100..=103 | 108 | 109 => decode_reference(inbound.message, body),
        6 | 61..=64 | 74..=77 | 92..=95 => decode_account(inbound.message, body),
        9 | 81 | 91 | 106 => decode_contracts(inbound.message, body),
        20 | 25 | 87 | 90 => decode_history(inbound.message, body),
        84..=86 => decode_news(inbound.message, body),
        8 | 14 | 17 | 49 | 71 | 80 | 104 | 105 => decode_session(inbound.message, body),
        message => Ok(unhandled(message, body)),
    }
}

/// Numbers that IB has not given; the id in field 1, where there is one, is where a client waits.
fn unhandled(message: u32, body: &[u8]) -> Request {
    let req_id = ReqId::decode(body).ok().and_then(|decoded| decoded.req_id);
    Request::Unhandled { message, req_id }
}

fn req_id(body: &[u8]) -> Result<i32, DecodeError> {
    Ok(ReqId::decode(body)?.req_id.unwrap_or_default())
}

fn decode_session(message: u32, body: &[u8]) -> Result<Request, DecodeError> {
    Ok(match message {
        8 => Request::Ids { count: session::IdsRequest::decode(body)?.num_ids.unwrap_or(1) },
        14 => Request::SetServerLogLevel,
        17 => Request::ManagedAccounts,
        49 => Request::CurrentTime,
        71 => {
            let request = session::StartApiRequest::decode(body)?;
            Request::StartApi {
                client_id: request.client_id.unwrap_or_default(),
                optional_capabilities: request.optional_capabilities.unwrap_or_default(),
            }
        }
        80 => Request::FamilyCodes,
        104 => Request::UserInfo { req_id: req_id(body)? },
        _ => Request::CurrentTimeInMillis,
    })
}

fn decode_account(message: u32, body: &[u8]) -> Result<Request, DecodeError> {
    Ok(match message {
        6 => {
            let request = account::AccountDataRequest::decode(body)?;
            Request::AccountData { subscribe: request.subscribe.unwrap_or_default(), account: request.acct_code.unwrap_or_default() }
        }
        61 => Request::Positions,
        62 => {
            let request = account::AccountSummaryRequest::decode(body)?;
            Request::AccountSummary {
                req_id: request.req_id.unwrap_or_default(),
                group: request.group.unwrap_or_default(),
                tags: request.tags.unwrap_or_default(),
            }
        }
        63 => Request::CancelAccountSummary { req_id: req_id(body)? },
        64 => Request::CancelPositions,
        74 => {
            let request = account::PositionsMultiRequest::decode(body)?;
            Request::PositionsMulti {
                req_id: request.req_id.unwrap_or_default(),
                account: request.account.unwrap_or_default(),
                model: request.model_code.unwrap_or_default(),
            }
        }
        75 => Request::CancelPositionsMulti { req_id: req_id(body)? },
        76 => {
            let request = account::AccountUpdatesMultiRequest::decode(body)?;
            Request::AccountUpdatesMulti {
                req_id: request.req_id.unwrap_or_default(),
                account: request.account.unwrap_or_default(),
                model: request.model_code.unwrap_or_default(),
                ledger_and_nlv: request.ledger_and_nlv.unwrap_or_default(),
            }
        }
        77 => Request::CancelAccountUpdatesMulti { req_id: req_id(body)? },
        92 => {
            let request = account::PnlRequest::decode(body)?;
            Request::PnL {
                req_id: request.req_id.unwrap_or_default(),
                account: request.account.unwrap_or_default(),
                model: request.model_code.unwrap_or_default(),
            }
        }
        93 => Request::CancelPnL { req_id: req_id(body)? },
        94 => {
            let request = account::PnlSingleRequest::decode(body)?;
            Request::PnLSingle {
                req_id: request.req_id.unwrap_or_default(),
                account: request.account.unwrap_or_default(),
                model: request.model_code.unwrap_or_default(),
                con_id: request.con_id.unwrap_or_default(),
            }
        }
        _ => Request::CancelPnLSingle { req_id: req_id(body)? },
    })
}

fn decode_contracts(message: u32, body: &[u8]) -> Result<Request, DecodeError> {
    Ok(match message {
        9 => {
            let request = contract::ContractDataRequest::decode(body)?;
            Request::ContractData { req_id: request.req_id.unwrap_or_default(), contract: Box::new(contract_of(request.contract)) }
        }
        81 => {
            let request = contract::MatchingSymbolsRequest::decode(body)?;
            Request::MatchingSymbols { req_id: request.req_id.unwrap_or_default(), pattern: request.pattern.unwrap_or_default() }
        }
        91 => Request::MarketRule { rule_id: contract::MarketRuleRequest::decode(body)?.market_rule_id.unwrap_or_default() },
        _ => Request::CancelContractData { req_id: req_id(body)? },
    })
}

fn decode_history(message: u32, body: &[u8]) -> Result<Request, DecodeError> {
    Ok(match message {
        20 => {
            let request = history::HistoricalDataRequest::decode(body)?;
            Request::HistoricalData(Box::new(HistoryQuery {
                req_id: request.req_id.unwrap_or_default(),
                contract: contract_of(request.contract),
                end: request.end_date_time.unwrap_or_default(),
                bar_size: request.bar_size_setting.unwrap_or_default(),
                duration: request.duration.unwrap_or_default(),
                use_rth: request.use_rth.unwrap_or_default(),
                what_to_show: request.what_to_show.unwrap_or_default(),
                format_date: request.format_date.unwrap_or(1),
                keep_up_to_date: request.keep_up_to_date.unwrap_or_default(),
            }))
        }
        25 => Request::CancelHistoricalData { req_id: req_id(body)? },
        87 => {
            let request = history::HeadTimestampRequest::decode(body)?;
            Request::HeadTimestamp(Box::new(HeadTimestampQuery {
                req_id: request.req_id.unwrap_or_default(),
                contract: contract_of(request.contract),
                use_rth: request.use_rth.unwrap_or_default(),
                what_to_show: request.what_to_show.unwrap_or_default(),
                format_date: request.format_date.unwrap_or(1),
            }))
        }
        _ => Request::CancelHeadTimestamp { req_id: req_id(body)? },
    })
}

fn decode_news(message: u32, body: &[u8]) -> Result<Request, DecodeError> {
    Ok(match message {
        84 => {
            let request = news::NewsArticleRequest::decode(body)?;
            Request::NewsArticle {
                req_id: request.req_id.unwrap_or_default(),
                provider: request.provider_code.unwrap_or_default(),
                article_id: request.article_id.unwrap_or_default(),
            }
        }
        85 => Request::NewsProviders,
        _ => {
            let request = news::HistoricalNewsRequest::decode(body)?;
            Request::HistoricalNews(Box::new(NewsQuery {
                req_id: request.req_id.unwrap_or_default(),
                con_id: request.con_id.unwrap_or_default(),
                providers: request.provider_codes.unwrap_or_default(),
                start: request.start_date_time.unwrap_or_default(),
                end: request.end_date_time.unwrap_or_default(),
                total: request.total_results.unwrap_or_default(),
            }))
        }
    })
}

pub(crate) fn contract_of(wire: Option<contract::Contract>) -> Contract {
    let wire = wire.unwrap_or_default();
    Contract {
        con_id: wire.con_id.unwrap_or_default(),
        symbol: wire.symbol.unwrap_or_default(),
        sec_type: wire.sec_type.unwrap_or_default(),
        expiry: wire.last_trade_date_or_contract_month.unwrap_or_default(),
        strike: wire.strike.filter(|strike| *strike != 0.0 && *strike != f64::MAX),
        right: wire.right.unwrap_or_default(),
        multiplier: wire.multiplier.filter(|value| *value != 0.0 && *value != f64::MAX),
        exchange: wire.exchange.unwrap_or_default(),
        primary_exchange: wire.primary_exch.unwrap_or_default(),
        currency: wire.currency.unwrap_or_default(),
        local_symbol: wire.local_symbol.unwrap_or_default(),
        trading_class: wire.trading_class.unwrap_or_default(),
        sec_id_type: wire.sec_id_type.unwrap_or_default(),
        sec_id: wire.sec_id.unwrap_or_default(),
        include_expired: wire.include_expired.unwrap_or_default(),
        description: String::new(),
        issuer_id: wire.issuer_id.unwrap_or_default(),
        combo_legs_description: wire.combo_legs_descrip.unwrap_or_default(),
        combo_legs: wire.combo_legs,
        delta_neutral: wire.delta_neutral_contract,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn inbound(message: u32, payload: impl Message) -> Inbound {
        Inbound { message, payload: Bytes::from(payload.encode_to_vec()) }
    }

    #[test]
    fn unhandled_requests_keep_the_id_that_waits() {
        let request = decode(&inbound(52, ReqId { req_id: Some(42) })).unwrap();
        assert_eq!(request, Request::Unhandled { message: 52, req_id: Some(42) });
        let request = decode(&inbound(110, ReqId { req_id: None })).unwrap();
        assert_eq!(request, Request::Unhandled { message: 110, req_id: None });
    }

    #[test]
    fn absent_fields_read_as_not_given() {
        let wire = contract::ContractDataRequest {
            req_id: Some(3),
            contract: Some(contract::Contract { symbol: Some("SAP".into()), strike: Some(0.0), ..Default::default() }),
        };
        let Request::ContractData { req_id: 3, contract } = decode(&inbound(9, wire)).unwrap() else {
            panic!("not a contract request");
        };
        assert_eq!(*contract, Contract { symbol: "SAP".into(), ..Contract::default() });
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(message in 1_u32..120, payload: Vec<u8>) {
            let _ = decode(&Inbound { message, payload: Bytes::from(payload) });
        }
    }

    #[test]
    fn garbage_is_an_error_and_no_panic() {
        for message in 1..=110 {
            let inbound = Inbound { message, payload: Bytes::from_static(b"\xff\xff\xff") };
            let _ = decode(&inbound);
        }
        assert!(decode(&Inbound { message: 20, payload: Bytes::from_static(b"\xff\xff") }).is_err());
    }
}
