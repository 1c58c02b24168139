//! Requests for scanners, bulletins, events, display groups and settings.

use prost::{DecodeError, Message};

use super::req_id;
use crate::proto::request::Request;
use crate::wire::pb::{advisor, config, event, group, scanner};

pub(super) fn decode_reference(message: u32, body: &[u8]) -> Result<Request, DecodeError> {
    Ok(match message {
        12 => Request::NewsBulletins { all: event::NewsBulletinsRequest::decode(body)?.all_messages.unwrap_or_default() },
        13 => Request::CancelNewsBulletins,
        18 => Request::Fa { kind: advisor::FaRequest::decode(body)?.fa_data_type.unwrap_or_default() },
        19 => {
            let request = advisor::FaReplace::decode(body)?;
            Request::ReplaceFa {
                req_id: request.req_id.unwrap_or_default(),
                kind: request.fa_data_type.unwrap_or_default(),
                xml: request.xml.unwrap_or_default(),
            }
        }
        22 => {
            let request = scanner::ScannerSubscriptionRequest::decode(body)?;
            Request::Scanner {
                req_id: request.req_id.unwrap_or_default(),
                subscription: Box::new(request.scanner_subscription.unwrap_or_default()),
            }
        }
        23 => Request::CancelScanner { req_id: req_id(body)? },
        24 => Request::ScannerParameters,
        65 | 66 | 72 | 73 => Request::Verify { message },
        67 => Request::QueryDisplayGroups { req_id: req_id(body)? },
        68 => {
            let request = group::SubscribeToGroupEventsRequest::decode(body)?;
            Request::SubscribeToGroupEvents { req_id: request.req_id.unwrap_or_default(), group: request.group_id.unwrap_or_default() }
        }
        69 => {
            let request = group::UpdateDisplayGroupRequest::decode(body)?;
            Request::UpdateDisplayGroup {
                req_id: request.req_id.unwrap_or_default(),
                contract_info: request.contract_info.unwrap_or_default(),
            }
        }
        70 => Request::UnsubscribeFromGroupEvents { req_id: req_id(body)? },
        79 => Request::SoftDollarTiers { req_id: req_id(body)? },
        100 => Request::WshMetaData { req_id: req_id(body)? },
        101 => Request::CancelWshMetaData { req_id: req_id(body)? },
        102 => Request::WshEventData(Box::new(event::WshEventDataRequest::decode(body)?)),
        103 => Request::CancelWshEventData { req_id: req_id(body)? },
        108 => Request::Config { req_id: req_id(body)? },
        _ => Request::UpdateConfig(Box::new(config::UpdateConfigRequest::decode(body)?)),
    })
}
