//! Requests for scanners, bulletins, events, fundamentals and display groups.

use std::collections::BTreeMap;

use super::{Decoded, version_and_id};
use crate::proto::request::Request;
use crate::proto::types::Contract;
use crate::wire::pb::event::WshEventDataRequest;
use crate::wire::pb::scanner::ScannerSubscription;
use crate::wire::text::{FieldReader, TextError};

pub(super) fn decode_reference(message: u32, fields: &mut FieldReader<'_>) -> Decoded {
    Ok(match message {
        12 => {
            fields.skip()?;
            Request::NewsBulletins { all: fields.flag()? }
        }
        13 => Request::CancelNewsBulletins,
        18 => Request::Fa { kind: version_and_id(fields)? },
        19 => {
            let kind = version_and_id(fields)?;
            let xml = fields.text()?;
            Request::ReplaceFa { req_id: fields.int()?, kind, xml }
        }
        22 => Request::Scanner { req_id: fields.int()?, subscription: Box::new(subscription(fields)?) },
        23 => Request::CancelScanner { req_id: version_and_id(fields)? },
        24 => Request::ScannerParameters,
        52 => Request::Fundamentals {
            req_id: version_and_id(fields)?,
            contract: Box::new(Contract {
                con_id: fields.int()?,
                symbol: fields.text()?,
                sec_type: fields.text()?,
                exchange: fields.text()?,
                primary_exchange: fields.text()?,
                currency: fields.text()?,
                local_symbol: fields.text()?,
                ..Contract::default()
            }),
            report: fields.text()?,
        },
        53 => Request::CancelFundamentals { req_id: version_and_id(fields)? },
        65 | 66 | 72 | 73 => Request::Verify { message },
        67 => Request::QueryDisplayGroups { req_id: version_and_id(fields)? },
        68 => Request::SubscribeToGroupEvents { req_id: version_and_id(fields)?, group: fields.int()? },
        69 => Request::UpdateDisplayGroup { req_id: version_and_id(fields)?, contract_info: fields.text()? },
        70 => Request::UnsubscribeFromGroupEvents { req_id: version_and_id(fields)? },
        79 => Request::SoftDollarTiers { req_id: fields.int()? },
        100 => Request::WshMetaData { req_id: fields.int()? },
        101 => Request::CancelWshMetaData { req_id: fields.int()? },
        102 => Request::WshEventData(Box::new(WshEventDataRequest {
            req_id: fields.whole()?,
            con_id: fields.whole()?,
            filter: fields.given()?,
            fill_watchlist: fields.set()?,
            fill_portfolio: fields.set()?,
            fill_competitors: fields.set()?,
            start_date: fields.given()?,
            end_date: fields.given()?,
            total_limit: fields.whole()?,
        })),
        _ => Request::CancelWshEventData { req_id: fields.int()? },
    })
}

fn subscription(fields: &mut FieldReader<'_>) -> Result<ScannerSubscription, TextError> {
    Ok(ScannerSubscription {
        number_of_rows: fields.whole()?,
        instrument: fields.given()?,
        location_code: fields.given()?,
        scan_code: fields.given()?,
        above_price: fields.decimal()?,
        below_price: fields.decimal()?,
        above_volume: fields.long()?,
        market_cap_above: fields.decimal()?,
        market_cap_below: fields.decimal()?,
        moody_rating_above: fields.given()?,
        moody_rating_below: fields.given()?,
        sp_rating_above: fields.given()?,
        sp_rating_below: fields.given()?,
        maturity_date_above: fields.given()?,
        maturity_date_below: fields.given()?,
        coupon_rate_above: fields.decimal()?,
        coupon_rate_below: fields.decimal()?,
        exclude_convertible: fields.set()?,
        average_option_volume_above: fields.long()?,
        scanner_setting_pairs: fields.given()?,
        stock_type_filter: fields.given()?,
        scanner_subscription_filter_options: options(&fields.text()?),
        scanner_subscription_options: options(&fields.text()?),
    })
}

/// `tag=value;tag=value;`
pub(super) fn options(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split(';').filter_map(|pair| pair.split_once('='));
    pairs.map(|(tag, value)| (tag.to_owned(), value.to_owned())).collect()
}
