//! The one table of codes and texts that this gateway sends, as a real one words them.
//!
//! Texts come from IB's message code page and from captures of real gateways; the few whose wording
//! is not attested are marked. Invariant: every code and the form of its text come from here; the cause of a
//! 321 may be worded where the request is checked.

mod orders;
mod quotes;
mod reference;

/// An error or notice as it goes to a client: the code decides what clients do, the text is for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) code: i32,
    pub(crate) text: String,
}

const NOTICES: &[(i32, &str)] = &[
    (1100, "Connectivity between IBKR and Trader Workstation has been lost."),
    (1101, "Connectivity between IBKR and Trader Workstation has been restored - data lost."),
    (
        1102,
        "Connectivity between IBKR and Trader Workstation has been restored - data maintained. All data farms are connected: usfarm; ushmds; secdefnj.",
    ),
    (1300, "TWS socket port has been reset and this connection is being dropped. Please reconnect on the new port"),
    (2103, "Market data farm connection is broken:usfarm"),
    (2104, "Market data farm connection is OK:usfarm"),
    (2105, "HMDS data farm connection is broken:ushmds"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2107, "HMDS data farm connection is inactive but should be available upon demand.ushmds"),
    (2108, "Market data farm connection is inactive but should be available upon demand.usfarm"),
    (2110, "Connectivity between Trader Workstation and server is broken. It will be restored automatically."),
    (2119, "Market data farm is connecting:usfarm"),
    (2157, "Sec-def data farm connection is broken:secdefnj"),
    (2158, "Sec-def data farm connection is OK:secdefnj"),
];

const FIXED: &[(i32, &str)] = &[
    (100, "Max rate of messages per second has been exceeded"),
    (200, "No security definition has been found for the request"),
    (326, "Unable to connect as the client id is already in use. Retry with a unique client id."),
    (
        502,
        "Couldn't connect to TWS. Confirm that \"Enable ActiveX and Socket Clients\" is enabled and connection port is the same as \"Socket Port\" on the TWS \"Edit->Global Configuration...->API->Settings\" menu.",
    ),
    (504, "Not connected"),
    (10172, "Failed to request news article."),
    (10182, "Failed to request live updates (disconnected)."),
    (10185, "Failed to cancel PNL (not subscribed)"),
    (10186, "Failed to cancel PNL single (not subscribed)"),
    (10197, "No market data during competing live session"),
    (10276, "News feed is not allowed."),
    (10299, "Expected what to show is AGGTRADES, please use that instead of TRADES."),
    (
        10314,
        "End Date/Time: The date, time, or time-zone entered is invalid. The correct format is yyyymmdd hh:mm:ss xx/xxxx where yyyymmdd and xx/xxxx are optional. E.g.: 20031126 15:59:00 US/Eastern  Note that there is a space between the date and time, and between the time and time-zone.  If no date is specified, current date is assumed. If no time-zone is specified, local time-zone is assumed(deprecated).  You can also provide yyyymmddd-hh:mm:ss time is in UTC. Note that there is a dash between the date and time in UTC notation.",
    ),
];

/// What IB lists when a bar size is not one of these; note that it has no 4 minutes.
pub(crate) const LEGAL_BAR_SIZES: &str = "1 secs, 5 secs, 10 secs, 15 secs, 30 secs, 1 min, 2 mins, 3 mins, 5 mins, 10 mins, 15 mins, 20 mins, 30 mins, 1 hour, 2 hours, 3 hours, 4 hours, 8 hours, 1 day, 1W, 1M";

impl ApiError {
    /// A code whose text has no variable part. Codes without a known text say so instead of lying.
    pub(crate) fn fixed(code: i32) -> Self {
        let text = FIXED
            .iter()
            .chain(NOTICES)
            .chain(orders::FIXED)
            .chain(reference::FIXED)
            .find(|(known, _)| *known == code)
            .map_or_else(|| format!("Error {code}"), |(_, text)| (*text).to_owned());
        Self { code, text }
    }

    /// A fault's: the text that was given, or the code's own.
    pub(crate) fn injected(code: i32, text: Option<String>) -> Self {
        text.map_or_else(|| Self::fixed(code), |text| Self { code, text })
    }

    fn with(code: i32, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    pub(crate) fn no_definition() -> Self {
        Self::fixed(200)
    }

    pub(crate) fn ambiguous(symbol: &str) -> Self {
        Self::with(200, format!("The contract description specified for {symbol} is ambiguous."))
    }

    /// 321 in the form a gateway words it; the letters are its own obfuscated class names and vary.
    pub(crate) fn invalid(cause: impl std::fmt::Display) -> Self {
        Self::with(321, format!("Error validating request.-'bP' : cause - {cause}"))
    }

    pub(crate) fn history(detail: impl std::fmt::Display) -> Self {
        Self::with(162, format!("Historical Market Data Service error message:{detail}"))
    }

    pub(crate) fn history_empty(symbol: &str, exchange: &str, what: &str) -> Self {
        Self::history(format_args!("HMDS query returned no data: {symbol}@{exchange} {what}"))
    }

    pub(crate) fn history_pacing() -> Self {
        Self::history("Historical data request pacing violation")
    }

    pub(crate) fn history_disconnected() -> Self {
        Self::history("HMDS server disconnect occurred.  Attempting reconnection...")
    }

    /// Somebody else uses the login, and with it its market data.
    pub(crate) fn history_elsewhere() -> Self {
        Self::history("Trading TWS session is connected from a different IP address")
    }

    pub(crate) fn history_cancelled(req_id: i32) -> Self {
        Self::history(format_args!("API historical data query cancelled: {req_id}"))
    }

    pub(crate) fn history_too_long() -> Self {
        Self::history("Time length exceed max.")
    }

    pub(crate) fn bar_size() -> Self {
        Self::invalid(format_args!("Historical data bar size setting is invalid. Legal ones are: {LEGAL_BAR_SIZES}"))
    }

    /// The wording for a malformed duration is not attested; code and form are.
    pub(crate) fn duration(text: &str) -> Self {
        Self::invalid(format_args!("Historical data request duration is invalid: '{text}'. Legal units are S, D, W, M, Y"))
    }

    pub(crate) fn duration_in(limit: &str, unit: &str) -> Self {
        Self::invalid(format_args!("Historical data requests for durations longer than {limit} must be made in {unit}."))
    }

    pub(crate) fn unknown_history(req_id: i32) -> Self {
        Self::with(366, format!("No historical data query found for ticker id:{req_id}"))
    }

    pub(crate) fn unknown_id(req_id: i32) -> Self {
        Self::with(300, format!("Can't find EId with tickerId:{req_id}"))
    }

    pub(crate) fn duplicate_history(req_id: i32) -> Self {
        Self::with(386, format!("Duplicate ticker id for API historical data query:{req_id}"))
    }

    pub(crate) fn summary_limit() -> Self {
        Self::with(322, "Error processing request.-'bW' : cause - Maximum number of account summary requests exceeded")
    }

    pub(crate) fn unknown_account(account: &str) -> Self {
        Self::invalid(format_args!("Invalid account code '{account}'."))
    }

    pub(crate) fn account_switched(account: &str) -> Self {
        Self::with(2100, format!("API client has been unsubscribed from account data for {account}."))
    }

    /// This gateway's own answer where a real one would do more: it must never leave a request hanging.
    pub(crate) fn unhandled(message: u32) -> Self {
        Self::with(505, format!("Fatal Error: Unknown message id: {message} is not served by this simulated gateway"))
    }

    pub(crate) fn unreadable(message: u32, reason: &str) -> Self {
        Self::with(320, format!("Error reading request. Message id {message}. Unable to parse data. {reason}"))
    }

    pub(crate) fn too_many_pending() -> Self {
        Self::with(322, "Error processing request.-'bW' : cause - Too many requests are pending on this connection")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_captured_texts_exact() {
        let mut codes: Vec<i32> = FIXED.iter().chain(NOTICES).chain(orders::FIXED).chain(reference::FIXED).map(|(code, _)| *code).collect();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
        assert_eq!(ApiError::fixed(2104).text, "Market data farm connection is OK:usfarm");
        assert_eq!(
            ApiError::history_empty("AAPL", "SMART", "Trades").text,
            "Historical Market Data Service error message:HMDS query returned no data: AAPL@SMART Trades"
        );
    }
}
