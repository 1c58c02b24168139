//! The one table from IB's error codes and `ibapi`'s errors to faults.
//!
//! Invariant: a fault that IB caused keeps IB's own code and words in `ib_code` and `ib_message`, and says them once.

use ibapi::{Error, Notice};
use schemas::{
    Fault,
    FaultCode::{
        self, Busy, Cancelled, GatewayDown, Internal, InvalidParams, NoPermission, NotFound, NotSubscribed, Pacing, ReadOnly, Rejected,
        Timeout, Unsupported, UpstreamLost,
    },
};

/// One line of the table: the first whose code and words fit decides.
struct Rule {
    codes: &'static [i32],
    /// Part of IB's text in lower case; empty fits every text. IB uses 162, 321 and 10186 for several things.
    words: &'static str,
    fault: FaultCode,
    says: &'static str,
    hint: &'static str,
}

const fn rule(codes: &'static [i32], words: &'static str, fault: FaultCode, says: &'static str, hint: &'static str) -> Rule {
    Rule { codes, words, fault, says, hint }
}

const READ_ONLY_HINT: &str = "The gateway refuses it, not this system: in its Configure > Settings > API > Settings untick `Read-Only API`";
const DELAYED_HINT: &str = "Subscribe to the exchange's data in IB's Client Portal, or ask for delayed data";
const COMPETING_HINT: &str =
    "Competing live session: the same user is logged in with TWS, the mobile app or the web; log out there, or use another user";
const PACE_HINT: &str = "Wait before the next historical request; ask for longer durations instead of many short ones";

#[rustfmt::skip]
const RULES: &[Rule] = &[
    rule(&[100], "", Pacing, "IB takes fewer messages per second", ""),
    rule(&[101], "", Busy, "IB's market data lines are used up", ""),
    rule(&[162, 165], "no data", NotFound, "IB has no data for this request", ""),
    rule(&[162, 165], "no items", NotFound, "IB has no data for this request", ""),
    rule(&[162, 420], "pacing violation", Pacing, "IB limits historical requests", PACE_HINT),
    rule(&[162, 420], "permission", NoPermission, "this login may not have these data", "Subscribe to the exchange's data in IB's Client Portal"),
    rule(&[162], "different ip address", NotSubscribed, "IB sends no market data here", COMPETING_HINT),
    rule(&[162], "cancelled", Cancelled, "the historical request was cancelled", ""),
    rule(&[162], "invalid step", InvalidParams, "IB has no bars of this size for this duration", "Use a longer bar size or a shorter duration"),
    rule(&[162], "exceed max", InvalidParams, "the duration is too long for this bar size", "Use a longer bar size or a shorter duration"),
    rule(&[162], "", Rejected, "IB's historical data service refused the request", ""),
    rule(&[200], "ambiguous", FaultCode::Ambiguous, "several instruments fit", "Name exchange, currency or expiry, or use a contract id"),
    rule(&[200], "", NotFound, "IB knows no such instrument", "Search for the symbol, and name type, exchange and currency if it is no US stock"),
    rule(&[321, 320, 322, 323], "read-only", ReadOnly, "the gateway is in Read-Only mode", READ_ONLY_HINT),
    rule(&[322], "maximum number", Busy, "IB's limit of open requests of this kind is reached", ""),
    rule(&[321, 320, 322, 323], "duplicate", Rejected, "IB already has a request with this id", ""),
    rule(&[320, 321], "", InvalidParams, "IB refused the request's arguments", ""),
    rule(&[322, 323], "", Rejected, "IB could not process the request", ""),
    rule(&[326], "", Busy, "another connection holds this client id", ""),
    rule(&[10185, 10186], "cancel pnl", Rejected, "IB has no such subscription to cancel", ""),
    rule(&[10197], "", NotSubscribed, "IB sends no market data here", COMPETING_HINT),
    rule(&[354, 10089, 10090, 10091, 10168, 10186], "", NotSubscribed, "this login has no subscription for these data", DELAYED_HINT),
    rule(&[10190], "max number", Busy, "IB's tick-by-tick lines are used up", ""),
    rule(&[10187, 10189, 10190], "", NoPermission, "this login may not have these data", ""),
    rule(&[10276], "", NoPermission, "this login may not read this news feed", "Ask news_providers which feeds it may"),
    rule(&[10172], "", NotFound, "IB has no such article", "Take provider and article id from the headlines"),
    rule(&[10299], "", InvalidParams, "IB has this data type only as AGGTRADES here", "Use what_to_show AGGTRADES: crypto has no TRADES"),
    rule(&[10314], "", InvalidParams, "IB cannot read this end date", ""),
    rule(&[10339], "", InvalidParams, "IB takes no end date for a continuous future", "Leave `end` out, or name a month (`expiry`) instead of the continuous future"),
    rule(&[430, 10358], "", Unsupported, "IB no longer serves this", ""),
    rule(&[502, 504, 1300], "", GatewayDown, "the gateway is not connected", ""),
    rule(&[1100, 2110], "", UpstreamLost, "the gateway has lost its connection to IB", ""),
];

/// Enough of an unreadable answer to find its cause.
const UNREAD_CHARS_MAX: usize = 200;

/// Codes of business answers: IB understood, and said no.
const BUSINESS: std::ops::RangeInclusive<i32> = 200..=399;

/// IB's answer to a request.
pub(crate) fn of_code(ib_code: i32, ib_message: &str) -> Fault {
    let lower = ib_message.to_lowercase();
    let found = RULES.iter().find(|rule| rule.codes.contains(&ib_code) && lower.contains(rule.words));
    let fault = match found {
        Some(rule) if rule.hint.is_empty() => Fault::new(rule.fault, rule.says),
        Some(rule) => Fault::new(rule.fault, rule.says).hint(rule.hint),
        None if BUSINESS.contains(&ib_code) => Fault::new(Rejected, "IB refused the request"),
        None => Fault::new(Internal, format!("IB answered with an error that this release does not know: {ib_code}")),
    };
    fault.ib(ib_code, ib_message)
}

pub(crate) fn of_notice(notice: &Notice) -> Fault {
    of_code(notice.code, &notice.message)
}

/// Anything that a call of `ibapi`'s can end with.
pub(crate) fn of_error(error: &Error) -> Fault {
    match error {
        Error::Notice(notice) => of_notice(notice),
        Error::ClientIdInUse { client_id } => {
            of_code(326, "Unable to connect as the client id is already in use.").hint(format!("Client id {client_id} is taken"))
        }
        error if is_lost(error) => Fault::new(GatewayDown, "the connection to the gateway was lost while it worked on this request"),
        Error::ServerVersion(needed, has, _) => too_old(*has, *needed),
        Error::Timeout => Fault::new(Timeout, "IB gave no answer in time"),
        Error::Cancelled => Fault::new(Cancelled, "the request was cancelled"),
        Error::InvalidArgument(_) | Error::HistoricalParseError(_) => Fault::new(InvalidParams, error.to_string()),
        other => Fault::new(Internal, format!("IB's answer could not be read: {}", text_of(other))),
    }
}

/// Its words; `ibapi` puts whole frames into some of them.
pub(crate) fn text_of(error: &Error) -> String {
    error.to_string().chars().take(UNREAD_CHARS_MAX).collect()
}

/// The session is over: nothing more comes for this request.
pub(crate) fn is_lost(error: &Error) -> bool {
    let ended = matches!(
        error,
        Error::ConnectionFailed
            | Error::Shutdown
            | Error::ConnectionRejected(_)
            | Error::EndOfStream
            | Error::UnexpectedEndOfStream
            | Error::Io(_)
    );
    ended || error.is_connection_lost()
}

/// `ibapi` speaks only the protobuf wire, which gateways have since server version 213.
pub(crate) fn too_old(has: i32, needed: i32) -> Fault {
    Fault::new(Unsupported, too_old_reason(has, needed))
        .hint("Install a current stable or latest release of IB Gateway or TWS and log in again")
}

pub(crate) fn too_old_reason(has: i32, needed: i32) -> String {
    format!("the gateway has server version {has}; a release of IB Gateway or TWS with server version {needed} or newer is needed")
}

/// The caller's time is up.
pub(crate) fn timed_out(what: &str, waited_ms: u128) -> Fault {
    Fault::new(Timeout, format!("IB did not answer {what} within {waited_ms} ms; it may be busy or slow for this kind of request"))
}

/// The gateway has no servers to ask.
pub(crate) fn upstream_lost() -> Fault {
    Fault::new(UpstreamLost, "the gateway has lost its connection to IB's servers; it restores it by itself")
}

/// There was no time to begin with.
pub(crate) fn past_deadline(what: &str) -> Fault {
    Fault::new(Timeout, format!("the deadline had passed before {what} could be sent; nothing was sent to IB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code, IB's text, fault, part of what the hint must say.
    type Case = (i32, &'static str, FaultCode, &'static str);

    #[rustfmt::skip]
    const CASES: &[Case] = &[
        (100, "Max rate of messages per second has been exceeded", Pacing, ""),
        (101, "Max number of tickers has been reached", Busy, ""),
        (162, "Historical Market Data Service error message:HMDS query returned no data: AAPL@SMART Trades", NotFound, ""),
        (162, "Historical Market Data Service error message:Historical data request pacing violation", Pacing, "longer durations"),
        (162, "Historical Market Data Service error message:No market data permissions for NYSE STK", NoPermission, "Client Portal"),
        (162, "Historical Market Data Service error message:API historical data query cancelled: 12", Cancelled, ""),
        (162, "Historical Market Data Service error message:invalid step: 1 secs", InvalidParams, "bar size"),
        (162, "Historical Market Data Service error message:Time length exceed max.", InvalidParams, "shorter duration"),
        (162, "Historical Market Data Service error message:Trading TWS session is connected from a different IP address", NotSubscribed, "Competing"),
        (162, "Historical Market Data Service error message:something new", Rejected, ""),
        (165, "Historical Market Data Service query message:no items retrieved", NotFound, ""),
        (200, "No security definition has been found for the request", NotFound, "Search"),
        (200, "The contract description specified for ES is ambiguous.", FaultCode::Ambiguous, "contract id"),
        (300, "Can't find EId with tickerId:7", Rejected, ""),
        (321, "Error validating request.-'bP' : cause - The API interface is currently in Read-Only mode.", ReadOnly, "untick"),
        (321, "Error validating request.-'bP' : cause - Invalid end time", InvalidParams, ""),
        (320, "Server error when reading an API client request.", InvalidParams, ""),
        (322, "Error processing request.-'bQ' : cause - Maximum number of account summary requests exceeded", Busy, ""),
        (323, "Server error when processing", Rejected, ""),
        (326, "Unable to connect as the client id is already in use.", Busy, ""),
        (354, "Requested market data is not subscribed.", NotSubscribed, "delayed"),
        (366, "No historical data query found for ticker id:7", Rejected, ""),
        (420, "Invalid Real-time Query:Historical data request pacing violation", Pacing, ""),
        (430, "The fundamentals data for the security specified is not available", Unsupported, ""),
        (502, "Couldn't connect to TWS.", GatewayDown, ""),
        (504, "Not connected", GatewayDown, ""),
        (1100, "Connectivity between IBKR and Trader Workstation has been lost.", UpstreamLost, ""),
        (10089, "Requested market data requires additional subscription for API.", NotSubscribed, "delayed"),
        (10090, "Part of requested market data is not subscribed.", NotSubscribed, "delayed"),
        (10091, "Part of requested market data requires additional subscription for API.", NotSubscribed, "delayed"),
        (10168, "Requested market data is not subscribed. Delayed market data is not enabled.", NotSubscribed, "delayed"),
        (10172, "Failed to request news article.", NotFound, "headlines"),
        (10186, "Requested market data is not subscribed. Delayed market data is not enabled.", NotSubscribed, "delayed"),
        (10186, "Failed to cancel PNL single (not subscribed)", Rejected, ""),
        (10187, "Failed to request historical ticks: No market data permissions", NoPermission, ""),
        (10189, "Failed to request tick-by-tick data", NoPermission, ""),
        (10190, "Max number of tick-by-tick requests has been reached.", Busy, ""),
        (10190, "Failed to request tick-by-tick data: no permission", NoPermission, ""),
        (10197, "No market data during competing live session", NotSubscribed, "Competing live session"),
        (10276, "News feed is not allowed.", NoPermission, "news_providers"),
        (10299, "Expected what to show is AGGTRADES, please use that instead of TRADES.", InvalidParams, "AGGTRADES"),
        (10339, "Setting end date/time for continuous future security type is not allowed", InvalidParams, "Leave `end` out"),
        (10358, "Fundamentals data is not allowed.", Unsupported, ""),
        (399, "Order Message: something", Rejected, ""),
        (20_000, "A code of next year", Internal, ""),
    ];

    #[test]
    fn every_code_has_its_fault_and_keeps_ibs_words() {
        for (code, text, wanted, hint) in CASES {
            let fault = of_code(*code, text);
            assert_eq!(fault.code, *wanted, "{code} {text}");
            assert_eq!((fault.ib_code, fault.ib_message.as_deref()), (Some(*code), Some(*text)));
            assert!(fault.hint.as_deref().unwrap_or_default().contains(hint), "{code}: {:?}", fault.hint);
            assert!(!fault.message.contains(text), "IB's words are printed once: {fault}");
        }
    }

    #[test]
    fn a_lost_session_is_the_gateways_fault_and_may_be_tried_again() {
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        for error in [Error::ConnectionReset, Error::ConnectionFailed, Error::Shutdown, Error::UnexpectedEndOfStream, Error::Io(reset)] {
            let fault = of_error(&error);
            assert_eq!(fault.code, GatewayDown, "{error:?}");
            assert!(fault.retry_after_ms.is_some());
        }
    }

    #[test]
    fn errors_of_our_own_side_are_told_apart() {
        assert_eq!(of_error(&Error::Timeout).code, Timeout);
        assert_eq!(of_error(&Error::Cancelled).code, Cancelled);
        assert_eq!(of_error(&Error::InvalidArgument("end_date must be None".into())).code, InvalidParams);
        let unread = of_error(&Error::UnexpectedResponse("frame".repeat(1_000)));
        assert!(unread.code == Internal && unread.message.len() < 300, "{unread}");
        assert_eq!(of_error(&Error::ClientIdInUse { client_id: 12 }).ib_code, Some(326));
    }

    #[test]
    fn an_old_gateway_is_refused_with_its_version_and_what_to_install() {
        let fault = of_error(&Error::ServerVersion(213, 187, "protobuf".into()));
        assert_eq!(fault.code, Unsupported);
        assert!(fault.message.contains("187") && fault.message.contains("213"), "{}", fault.message);
    }
}
