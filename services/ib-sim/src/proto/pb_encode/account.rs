//! Account values, positions and P&L.

use bytes::Bytes;

use super::{given, only_req_id, wire_contract};
use crate::proto::event::{Event, Portfolio};
use crate::wire::frame::protobuf;
use crate::wire::pb::account;

pub(super) fn encode_account(event: &Event) -> Bytes {
    match event {
        Event::AccountSummary { req_id, account, tag, value, currency } => protobuf(
            63,
            &account::AccountSummary {
                req_id: Some(*req_id),
                account: Some(account.clone()),
                tag: Some(tag.clone()),
                value: Some(value.clone()),
                currency: given(currency),
            },
        ),
        Event::AccountSummaryEnd { req_id } => only_req_id(64, *req_id),
        Event::AccountValue { key, value, currency, account } => protobuf(
            6,
            &account::AccountValue {
                key: Some(key.clone()),
                value: Some(value.clone()),
                currency: given(currency),
                account_name: Some(account.clone()),
            },
        ),
        Event::PortfolioValue(row) => protobuf(7, &portfolio(row)),
        Event::AccountUpdateTime(time) => protobuf(8, &account::AccountUpdateTime { time_stamp: Some(time.clone()) }),
        Event::AccountDataEnd { account } => protobuf(54, &account::AccountDataEnd { account_name: Some(account.clone()) }),
        Event::AccountUpdateMulti { req_id, account, model, key, value, currency } => protobuf(
            73,
            &account::AccountUpdateMulti {
                req_id: Some(*req_id),
                account: Some(account.clone()),
                model_code: given(model),
                key: Some(key.clone()),
                value: Some(value.clone()),
                currency: given(currency),
            },
        ),
        Event::AccountUpdateMultiEnd { req_id } => only_req_id(74, *req_id),
        _ => encode_position(event),
    }
}

fn encode_position(event: &Event) -> Bytes {
    match event {
        Event::Position { account, contract, quantity, average_cost } => protobuf(
            61,
            &account::Position {
                account: Some(account.clone()),
                contract: Some(wire_contract(contract)),
                position: Some(quantity.clone()),
                avg_cost: Some(*average_cost),
            },
        ),
        Event::PositionEnd => protobuf(62, &account::PositionEnd {}),
        Event::PositionMulti { req_id, account, model, contract, quantity, average_cost } => protobuf(
            71,
            &account::PositionMulti {
                req_id: Some(*req_id),
                account: Some(account.clone()),
                contract: Some(wire_contract(contract)),
                position: Some(quantity.clone()),
                avg_cost: Some(*average_cost),
                model_code: given(model),
            },
        ),
        Event::PositionMultiEnd { req_id } => only_req_id(72, *req_id),
        Event::PnL { req_id, daily, unrealized, realized } => protobuf(
            94,
            &account::Pnl {
                req_id: Some(*req_id),
                daily_pnl: Some(*daily),
                unrealized_pnl: Some(*unrealized),
                realized_pnl: Some(*realized),
            },
        ),
        Event::PnLSingle { req_id, quantity, daily, unrealized, realized, value } => protobuf(
            95,
            &account::PnlSingle {
                req_id: Some(*req_id),
                position: Some(quantity.clone()),
                daily_pnl: Some(*daily),
                unrealized_pnl: Some(*unrealized),
                realized_pnl: Some(*realized),
                value: Some(*value),
            },
        ),
        other => unreachable!("{other:?} belongs to another family"),
    }
}

fn portfolio(row: &Portfolio) -> account::PortfolioValue {
    account::PortfolioValue {
        contract: Some(wire_contract(&row.contract)),
        position: Some(row.quantity.clone()),
        market_price: Some(row.market_price),
        market_value: Some(row.market_value),
        average_cost: Some(row.average_cost),
        unrealized_pnl: Some(row.unrealized),
        realized_pnl: Some(row.realized),
        account_name: Some(row.account.clone()),
    }
}
