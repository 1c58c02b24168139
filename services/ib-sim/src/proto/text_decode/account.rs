//! Requests about accounts, positions and P&L.

use super::{Decoded, version_and_id};
use crate::proto::request::Request;
use crate::wire::text::FieldReader;

pub(super) fn decode_account(message: u32, fields: &mut FieldReader<'_>) -> Decoded {
    Ok(match message {
        6 => {
            fields.skip()?;
            Request::AccountData { subscribe: fields.flag()?, account: fields.text()? }
        }
        61 => Request::Positions,
        62 => Request::AccountSummary { req_id: version_and_id(fields)?, group: fields.text()?, tags: fields.text()? },
        63 => Request::CancelAccountSummary { req_id: version_and_id(fields)? },
        64 => Request::CancelPositions,
        74 => Request::PositionsMulti { req_id: version_and_id(fields)?, account: fields.text()?, model: fields.text()? },
        75 => Request::CancelPositionsMulti { req_id: version_and_id(fields)? },
        76 => Request::AccountUpdatesMulti {
            req_id: version_and_id(fields)?,
            account: fields.text()?,
            model: fields.text()?,
            ledger_and_nlv: fields.flag()?,
        },
        77 => Request::CancelAccountUpdatesMulti { req_id: version_and_id(fields)? },
        92 => Request::PnL { req_id: fields.int()?, account: fields.text()?, model: fields.text()? },
        93 => Request::CancelPnL { req_id: fields.int()? },
        94 => Request::PnLSingle { req_id: fields.int()?, account: fields.text()?, model: fields.text()?, con_id: fields.int()? },
        _ => Request::CancelPnLSingle { req_id: fields.int()? },
    })
}
