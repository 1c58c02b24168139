//! [`Event`] into protobuf frames.
//!
//! Invariant: what a real gateway leaves out is left out here too; empty text never travels as a field.

mod account;
mod market;
mod order;
mod quote;
mod reference;

use bytes::Bytes;

use super::event::Event;
use super::types::Contract;
use crate::wire::frame::protobuf;
use crate::wire::pb::{ReqId, contract, session};
use account::encode_account;
use market::{encode_contract, encode_history, encode_news};
use order::encode_order;
use quote::encode_quote;
use reference::encode_reference;

pub(crate) fn encode(event: &Event) -> Bytes {
    match event {
        Event::Error { id, time_ms, code, text } => protobuf(
            4,
            &session::ErrorMessage {
                id: Some(*id),
                error_time: Some(*time_ms),
                error_code: Some(*code),
                error_msg: Some(text.clone()),
                advanced_order_reject_json: None,
            },
        ),
        Event::NextValidId(order_id) => protobuf(9, &session::NextValidId { order_id: Some(*order_id) }),
        Event::ManagedAccounts(accounts) => protobuf(15, &session::ManagedAccounts { accounts_list: Some(accounts.join(",")) }),
        Event::CurrentTime(time) => protobuf(49, &session::CurrentTime { current_time: Some(*time) }),
        Event::CurrentTimeInMillis(time) => protobuf(109, &session::CurrentTimeInMillis { current_time_in_millis: Some(*time) }),
        Event::FamilyCodes(codes) => protobuf(
            78,
            &session::FamilyCodes {
                family_codes: codes
                    .iter()
                    .map(|(account, code)| session::FamilyCode { account_id: Some(account.clone()), family_code: given(code) })
                    .collect(),
            },
        ),
        Event::UserInfo { req_id, white_branding_id } => {
            protobuf(107, &session::UserInfo { req_id: Some(*req_id), white_branding_id: given(white_branding_id) })
        }
        Event::OpenOrder { .. }
        | Event::OrderStatus(_)
        | Event::OpenOrdersEnd
        | Event::OrderBound(_)
        | Event::CompletedOrder { .. }
        | Event::CompletedOrdersEnd
        | Event::ExecutionDetails { .. }
        | Event::ExecutionDetailsEnd { .. }
        | Event::CommissionAndFees(_) => encode_order(event),
        Event::MarketDataType { .. }
        | Event::TickReqParams(_)
        | Event::TickPrice { .. }
        | Event::TickSize { .. }
        | Event::TickGeneric { .. }
        | Event::TickString { .. }
        | Event::TickOptionComputation(_)
        | Event::TickNews(_)
        | Event::TickSnapshotEnd { .. }
        | Event::RealTimeBar(_)
        | Event::MarketDepth(_)
        | Event::MarketDepthL2(_)
        | Event::MarketDepthExchanges(_)
        | Event::SmartComponents(_)
        | Event::TickByTick(_)
        | Event::HistoricalTicks(_)
        | Event::HistoricalTicksBidAsk(_)
        | Event::HistoricalTicksLast(_)
        | Event::Histogram(_)
        | Event::SecDefOptParameter(_)
        | Event::SecDefOptParameterEnd { .. } => encode_quote(event),
        Event::ScannerParameters(_)
        | Event::ScannerData { .. }
        | Event::NewsBulletin(_)
        | Event::SoftDollarTiers(_)
        | Event::WshMetaData(_)
        | Event::WshEventData(_)
        | Event::DisplayGroupList(_)
        | Event::DisplayGroupUpdated(_)
        | Event::Config(_)
        | Event::UpdateConfig(_) => encode_reference(event),
        Event::ContractData { .. } | Event::ContractDataEnd { .. } | Event::SymbolSamples { .. } | Event::MarketRule { .. } => {
            encode_contract(event)
        }
        Event::HistoricalData { .. }
        | Event::HistoricalDataEnd { .. }
        | Event::HistoricalDataUpdate { .. }
        | Event::HistoricalSchedule { .. }
        | Event::HeadTimestamp { .. } => encode_history(event),
        Event::NewsProviders(_) | Event::HistoricalNews { .. } | Event::HistoricalNewsEnd { .. } | Event::NewsArticle { .. } => {
            encode_news(event)
        }
        _ => encode_account(event),
    }
}

/// Text that was given; empty text stays absent on the wire.
fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn only_req_id(message: u32, req_id: i32) -> Bytes {
    protobuf(message, &ReqId { req_id: Some(req_id) })
}

pub(crate) fn wire_contract(contract: &Contract) -> contract::Contract {
    contract::Contract {
        con_id: Some(contract.con_id),
        symbol: given(&contract.symbol),
        sec_type: given(&contract.sec_type),
        last_trade_date_or_contract_month: given(&contract.expiry),
        strike: contract.strike,
        right: given(&contract.right),
        multiplier: contract.multiplier,
        exchange: given(&contract.exchange),
        primary_exch: given(&contract.primary_exchange),
        currency: given(&contract.currency),
        local_symbol: given(&contract.local_symbol),
        trading_class: given(&contract.trading_class),
        description: given(&contract.description),
        issuer_id: given(&contract.issuer_id),
        combo_legs_descrip: given(&contract.combo_legs_description),
        combo_legs: contract.combo_legs.clone(),
        delta_neutral_contract: contract.delta_neutral.clone(),
        ..contract::Contract::default()
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::wire::frame::split;
    use crate::wire::pb::account::Position;

    fn decoded<M: Message + Default>(event: &Event) -> (u32, M) {
        let mut frame = bytes::BytesMut::from(&encode(event)[..]);
        let body = frame.split_off(4);
        assert_eq!(usize::try_from(u32::from_be_bytes(frame[..].try_into().unwrap())).unwrap(), body.len());
        let inbound = split(body).unwrap();
        (inbound.message, M::decode(inbound.payload).unwrap())
    }

    #[test]
    fn errors_carry_their_time_and_a_negative_id() {
        let event =
            Event::Error { id: -1, time_ms: 1_775_425_766_350, code: 2104, text: "Market data farm connection is OK:usfarm".into() };
        let (message, wire) = decoded::<session::ErrorMessage>(&event);
        assert_eq!((message, wire.id, wire.error_time), (4, Some(-1), Some(1_775_425_766_350)));
        assert_eq!((wire.error_code, wire.advanced_order_reject_json), (Some(2104), None));
    }

    #[test]
    fn what_a_contract_does_not_have_is_absent() {
        let contract = Contract { con_id: 265_598, symbol: "AAPL".into(), sec_type: "STK".into(), ..Contract::default() };
        let event = Event::Position { account: "DU1".into(), contract: Box::new(contract), quantity: "0".into(), average_cost: 0.0 };
        let (message, wire) = decoded::<Position>(&event);
        let held = wire.contract.unwrap();
        assert_eq!((message, wire.position.as_deref(), wire.avg_cost), (61, Some("0"), Some(0.0)));
        assert_eq!(
            (held.strike, held.right, held.multiplier, held.exchange, held.last_trade_date_or_contract_month),
            (None, None, None, None, None)
        );
    }

    #[test]
    fn every_end_marker_has_its_number() {
        for (event, message) in [
            (Event::AccountSummaryEnd { req_id: 3 }, 64),
            (Event::PositionEnd, 62),
            (Event::PositionMultiEnd { req_id: 3 }, 72),
            (Event::AccountUpdateMultiEnd { req_id: 3 }, 74),
            (Event::AccountDataEnd { account: "DU1".into() }, 54),
            (Event::ContractDataEnd { req_id: 3 }, 52),
            (Event::HistoricalDataEnd { req_id: 3, start: "a".into(), end: "b".into() }, 108),
            (Event::HistoricalNewsEnd { req_id: 3, has_more: false }, 87),
            (Event::OpenOrdersEnd, 53),
            (Event::CompletedOrdersEnd, 102),
            (Event::ExecutionDetailsEnd { req_id: 3 }, 55),
        ] {
            assert_eq!(u32::from_be_bytes(encode(&event)[4..8].try_into().unwrap()), message + 200, "{event:?}");
        }
    }
}
