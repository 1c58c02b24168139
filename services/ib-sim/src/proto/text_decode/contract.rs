//! Contracts as text names them, and requests for contracts, bars and news.

use super::{Decoded, version_and_id};
use crate::proto::request::{HeadTimestampQuery, HistoryQuery, NewsQuery, Request};
use crate::proto::types::Contract;
use crate::wire::pb::contract::{ComboLeg, DeltaNeutralContract};
use crate::wire::text::{FieldReader, TextError};

/// The twelve fields by which most requests name a contract.
pub(super) fn contract(fields: &mut FieldReader<'_>) -> Result<Contract, TextError> {
    contract_fields(fields, true)
}

/// As `contract`, without the primary exchange.
pub(super) fn contract_without_primary(fields: &mut FieldReader<'_>) -> Result<Contract, TextError> {
    contract_fields(fields, false)
}

fn contract_fields(fields: &mut FieldReader<'_>, primary: bool) -> Result<Contract, TextError> {
    Ok(Contract {
        con_id: fields.int()?,
        symbol: fields.text()?,
        sec_type: fields.text()?,
        expiry: fields.text()?,
        strike: fields.decimal()?.filter(|strike| *strike != 0.0),
        right: fields.text()?,
        multiplier: fields.decimal()?.filter(|value| *value != 0.0),
        exchange: fields.text()?,
        primary_exchange: if primary { fields.text()? } else { String::new() },
        currency: fields.text()?,
        local_symbol: fields.text()?,
        trading_class: fields.text()?,
        ..Contract::default()
    })
}

/// The twelve fields and the flag that follows them where the past matters.
pub(super) fn contract_and_expired(fields: &mut FieldReader<'_>) -> Result<Contract, TextError> {
    let mut contract = contract(fields)?;
    contract.include_expired = fields.flag()?;
    Ok(contract)
}

/// The short form of a combination's legs, which only a `BAG` has.
pub(super) fn legs_of_bag(fields: &mut FieldReader<'_>, contract: &mut Contract) -> Result<(), TextError> {
    if contract.sec_type == "BAG" {
        for _ in 0..fields.count()? {
            contract.combo_legs.push(leg(fields)?);
        }
    }
    Ok(())
}

pub(super) fn leg(fields: &mut FieldReader<'_>) -> Result<ComboLeg, TextError> {
    Ok(ComboLeg {
        con_id: fields.whole()?,
        ratio: fields.whole()?,
        action: fields.given()?,
        exchange: fields.given()?,
        ..ComboLeg::default()
    })
}

pub(super) fn delta_neutral(fields: &mut FieldReader<'_>) -> Result<Option<DeltaNeutralContract>, TextError> {
    if !fields.flag()? {
        return Ok(None);
    }
    Ok(Some(DeltaNeutralContract { con_id: fields.whole()?, delta: fields.decimal()?, price: fields.decimal()? }))
}

pub(super) fn decode_contracts(message: u32, fields: &mut FieldReader<'_>) -> Decoded {
    Ok(match message {
        9 => {
            let req_id = version_and_id(fields)?;
            let mut contract = contract_and_expired(fields)?;
            contract.sec_id_type = fields.text()?;
            contract.sec_id = fields.text()?;
            contract.issuer_id = fields.text()?;
            Request::ContractData { req_id, contract: Box::new(contract) }
        }
        81 => Request::MatchingSymbols { req_id: fields.int()?, pattern: fields.text()? },
        _ => Request::MarketRule { rule_id: fields.int()? },
    })
}

pub(super) fn decode_history(message: u32, fields: &mut FieldReader<'_>) -> Decoded {
    Ok(match message {
        20 => {
            let mut query = HistoryQuery {
                req_id: fields.int()?,
                contract: contract_and_expired(fields)?,
                end: fields.text()?,
                bar_size: fields.text()?,
                duration: fields.text()?,
                use_rth: fields.flag()?,
                what_to_show: fields.text()?,
                format_date: fields.whole()?.unwrap_or(1),
                keep_up_to_date: false,
            };
            legs_of_bag(fields, &mut query.contract)?;
            query.keep_up_to_date = fields.flag()?;
            Request::HistoricalData(Box::new(query))
        }
        25 => Request::CancelHistoricalData { req_id: version_and_id(fields)? },
        87 => Request::HeadTimestamp(Box::new(HeadTimestampQuery {
            req_id: fields.int()?,
            contract: contract_and_expired(fields)?,
            use_rth: fields.flag()?,
            what_to_show: fields.text()?,
            format_date: fields.whole()?.unwrap_or(1),
        })),
        _ => Request::CancelHeadTimestamp { req_id: fields.int()? },
    })
}

pub(super) fn decode_news(message: u32, fields: &mut FieldReader<'_>) -> Decoded {
    Ok(match message {
        84 => Request::NewsArticle { req_id: fields.int()?, provider: fields.text()?, article_id: fields.text()? },
        85 => Request::NewsProviders,
        _ => Request::HistoricalNews(Box::new(NewsQuery {
            req_id: fields.int()?,
            con_id: fields.int()?,
            providers: fields.text()?,
            start: fields.text()?,
            end: fields.text()?,
            total: fields.int()?,
        })),
    })
}
