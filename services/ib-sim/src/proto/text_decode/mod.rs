//! Text requests, in the layouts of server version 178, into [`Request`].
//!
//! Invariant: fields that a client leaves empty are absent, as they would be in protobuf, so that
//! nothing behind the codec can tell the dialects apart.

mod account;
mod condition;
mod contract;
mod order;
mod place;
mod quote;
mod reference;

use super::DecodeError;
use super::numbers::LAST_TEXT_REQUEST;
use super::request::Request;
use crate::wire::text::{FieldReader, TextError};
use account::decode_account;
use contract::{decode_contracts, decode_history, decode_news};
use order::decode_orders;
use quote::decode_quotes;
use reference::decode_reference;

type Decoded = Result<Request, TextError>;

pub(crate) fn decode(body: &[u8]) -> Result<Request, DecodeError> {
    let mut fields = FieldReader::new(body);
    // What does not begin with a number belongs to no message.
    let message = fields.int().ok().and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
    decode_fields(message, &mut fields).map_err(|error| DecodeError::Payload { message, reason: error.to_string() })
}

fn decode_fields(message: u32, fields: &mut FieldReader<'_>) -> Decoded {
    match message {
        3..=5 | 7 | 15 | 16 | 21 | 58 | 99 => decode_orders(message, fields),
        1 | 2 | 10 | 11 | 50 | 51 | 54..=57 | 59 | 78 | 82 | 83 | 88 | 89 | 96..=98 => decode_quotes(message, fields),
        12 | 13 | 18 | 19 | 22..=24 | 52 | 53 | 65..=70 | 72 | 73 | 79 | 100..=103 => decode_reference(message, fields),
        6 | 61..=64 | 74..=77 | 92..=95 => decode_account(message, fields),
        9 | 81 | 91 => decode_contracts(message, fields),
        20 | 25 | 87 | 90 => decode_history(message, fields),
        84..=86 => decode_news(message, fields),
        8 | 14 | 17 | 49 | 71 | 80 | LAST_TEXT_REQUEST => decode_session(message, fields),
        _ => Ok(Request::Unhandled { message, req_id: None }),
    }
}

fn decode_session(message: u32, fields: &mut FieldReader<'_>) -> Decoded {
    Ok(match message {
        8 => {
            fields.skip()?;
            Request::Ids { count: fields.whole()?.unwrap_or(1) }
        }
        14 => Request::SetServerLogLevel,
        17 => Request::ManagedAccounts,
        49 => Request::CurrentTime,
        71 => {
            fields.skip()?;
            Request::StartApi { client_id: fields.int()?, optional_capabilities: fields.text()? }
        }
        80 => Request::FamilyCodes,
        _ => Request::UserInfo { req_id: fields.int()? },
    })
}

/// The version field that old messages carry, then the request id.
fn version_and_id(fields: &mut FieldReader<'_>) -> Result<i32, TextError> {
    fields.skip()?;
    fields.int()
}

#[cfg(test)]
#[path = "../text_decode_tests.rs"]
mod tests;
