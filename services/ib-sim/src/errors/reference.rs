//! The texts of scanners, corporate events, advisors and the gateway's own settings.
//!
//! Wordings come from captures and IB's message code page; those marked "not attested" keep the code and
//! its meaning, in words of our own.

use super::ApiError;

/// Codes of this family whose text has no variable part.
pub(super) const FIXED: &[(i32, &str)] = &[
    (385, "Duplicate ticker ID for API scanner subscription"),
    (10_282, "WSH meta data not requested."),
    (10_283, "Failed to request WSH event data."),
    (10_309, "Invalid WSH event data request."),
    (10_358, "Fundamentals data is not allowed."),
];

impl ApiError {
    pub(crate) fn scanner_limit(limit: usize) -> Self {
        Self::with(
            322,
            format!("Error processing request.-'co' : cause - Only {limit} simultaneous API scanner subscriptions are allowed."),
        )
    }

    pub(crate) fn unknown_scanner(req_id: i32) -> Self {
        Self::with(365, format!("No scanner subscription found for ticker id:{req_id}"))
    }

    /// As captured: a real gateway confirms the cancel of a scanner with an error.
    pub(crate) fn scanner_cancelled(req_id: i32) -> Self {
        Self::history(format_args!("API scanner subscription cancelled: {req_id}"))
    }

    pub(crate) fn scanner_empty() -> Self {
        Self::with(165, "Historical Market Data Service query message:no items retrieved")
    }

    pub(crate) fn scan_disabled(code: &str) -> Self {
        Self::history(format_args!("scanner type {code} is disabled"))
    }

    /// Not attested word by word.
    pub(crate) fn scan_place(place: &str) -> Self {
        Self::history(format_args!("invalid scanner instrument or location {place}"))
    }

    /// Not attested word by word.
    pub(crate) fn scan_filter(code: &str) -> Self {
        Self::history(format_args!("invalid scanner filter {code}"))
    }

    pub(crate) fn not_an_advisor() -> Self {
        Self::invalid("FA data operations ignored for non FA customers.")
    }

    /// Profiles are gone from IB.
    pub(crate) fn no_such_advisor_data() -> Self {
        Self::invalid("Non-existent FA data operation request.")
    }

    pub(crate) fn no_fundamentals(reason: &str) -> Self {
        Self::with(430, format!("The fundamentals data for the security specified is not available.{reason}"))
    }

    /// Not attested word by word: IB's own clients refuse it before they send.
    pub(crate) fn verification_unannounced() -> Self {
        Self::invalid("Intent to authenticate needs to be expressed during initial connect request.")
    }

    /// Not attested word by word.
    pub(crate) fn unknown_display_group(what: impl std::fmt::Display) -> Self {
        Self::invalid(format_args!("Display group {what} is unknown"))
    }
}
