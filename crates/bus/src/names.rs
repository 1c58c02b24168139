//! The names of [`schemas::headers`] as the client library has them: made once, because it checks and copies a name that
//! it is given as text, for every header of every message, whether written or looked for.

use async_nats::{HeaderMap, HeaderName};
use schemas::headers;

pub(crate) static TIMEOUT_MS: HeaderName = HeaderName::from_static(headers::TIMEOUT_MS);
pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static(headers::REQUEST_ID);
pub(crate) static CALLER: HeaderName = HeaderName::from_static(headers::CALLER);
pub(crate) static TRACEPARENT: HeaderName = HeaderName::from_static(headers::TRACEPARENT);
pub(crate) static ACCEPT: HeaderName = HeaderName::from_static(headers::ACCEPT);
pub(crate) static ACCEPTED_BY: HeaderName = HeaderName::from_static(headers::ACCEPTED_BY);
pub(crate) static ACCEPT_PROGRESS: HeaderName = HeaderName::from_static(headers::ACCEPT_PROGRESS);
pub(crate) static PROGRESS: HeaderName = HeaderName::from_static(headers::PROGRESS);
pub(crate) static SERVED_BY: HeaderName = HeaderName::from_static(headers::SERVED_BY);
pub(crate) static CLIENT_ID: HeaderName = HeaderName::from_static(headers::CLIENT_ID);
pub(crate) static QUEUE_MS: HeaderName = HeaderName::from_static(headers::QUEUE_MS);
pub(crate) static WORK_MS: HeaderName = HeaderName::from_static(headers::WORK_MS);
pub(crate) static RETRY_AFTER_MS: HeaderName = HeaderName::from_static(headers::RETRY_AFTER_MS);
pub(crate) static SERVICE_ERROR: HeaderName = HeaderName::from_static(headers::SERVICE_ERROR);
pub(crate) static SERVICE_ERROR_CODE: HeaderName = HeaderName::from_static(headers::SERVICE_ERROR_CODE);

/// The value of a header, where there is one.
pub(crate) fn value<'a>(headers: Option<&'a HeaderMap>, name: &HeaderName) -> Option<&'a str> {
    headers?.get(name.clone()).map(async_nats::HeaderValue::as_str)
}
