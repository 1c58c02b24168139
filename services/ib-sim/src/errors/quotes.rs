//! The texts of market data, depth and ticks.

use std::fmt::Display;

use super::ApiError;

const ADDITIONAL: &str = "requires additional subscription for API. See link in 'Market Data Connections' dialog for more details.";
const NOT_SUBSCRIBED: &str = "Requested market data is not subscribed. Check API status by selecting the Account menu then under Management choose Market Data Subscription Manager and/or availability of delayed data.";

fn delayed_words(available: bool) -> &'static str {
    if available { "Delayed market data is available." } else { "Delayed market data is not available." }
}

impl ApiError {
    pub(crate) fn max_tickers() -> Self {
        Self::with(101, "Max number of tickers has been reached")
    }

    pub(crate) fn duplicate_ticker() -> Self {
        Self::with(102, "Duplicate ticker ID.")
    }

    /// For quotes the code is another than for the other streams.
    pub(crate) fn duplicate_quote() -> Self {
        Self::with(322, "Error processing request.-'bW' : cause - Duplicate ticker id")
    }

    pub(crate) fn max_depth(most: usize) -> Self {
        Self::with(309, format!("Max number ({most}) of market depth requests has been reached"))
    }

    pub(crate) fn unknown_depth(req_id: i32) -> Self {
        Self::with(310, format!("Can't find the subscribed market depth with tickerId:{req_id}"))
    }

    pub(crate) fn depth_halted() -> Self {
        Self::with(316, "Market depth data has been HALTED. Please re-subscribe.")
    }

    pub(crate) fn depth_reset() -> Self {
        Self::with(317, "Market depth data has been RESET. Please empty deep book contents before applying any new entries.")
    }

    pub(crate) fn combo_leg(number: usize) -> Self {
        Self::with(313, format!("The combo details for leg '{number}' are invalid."))
    }

    pub(crate) fn no_combo_legs() -> Self {
        Self::with(314, "Security type 'BAG' requires combo leg details.")
    }

    /// `line` is the contract as data farms name it, such as `AAPL NASDAQ.NMS/TOP/ALL`.
    pub(crate) fn not_subscribed(delayed: bool, line: &str) -> Self {
        Self::with(354, format!("{NOT_SUBSCRIBED}{}{line}", delayed_words(delayed)))
    }

    pub(crate) fn api_subscription(line: &str) -> Self {
        Self::with(10089, format!("Requested market data {ADDITIONAL}{}{line}", delayed_words(true)))
    }

    pub(crate) fn partly_subscribed(delayed: bool, line: &str) -> Self {
        let words = "Part of requested market data is not subscribed. Subscription-independent ticks are still active.";
        Self::with(10090, format!("{words}{}{line}", delayed_words(delayed)))
    }

    pub(crate) fn no_depth() -> Self {
        Self::with(10092, "Deep market data is not supported for this combination of security type/exchange")
    }

    pub(crate) fn showing_delayed() -> Self {
        Self::with(10167, "Requested market data is not subscribed. Displaying delayed market data.")
    }

    pub(crate) fn delayed_not_enabled() -> Self {
        Self::with(10168, "Requested market data is not subscribed. Delayed market data is not enabled.")
    }

    pub(crate) fn past_ticks(detail: impl Display) -> Self {
        Self::with(10187, format!("Failed to request historical ticks:{detail}"))
    }

    pub(crate) fn histogram(detail: impl Display) -> Self {
        Self::with(10188, format!("Failed to request histogram data:{detail}"))
    }

    pub(crate) fn tick_by_tick(detail: impl Display) -> Self {
        Self::with(10189, format!("Failed to request tick-by-tick data.{detail}"))
    }

    pub(crate) fn max_tick_by_tick() -> Self {
        Self::with(10190, "Max number of tick-by-tick requests has been reached.")
    }

    pub(crate) fn real_time(detail: impl Display) -> Self {
        Self::with(420, format!("Invalid Real-time Query:{detail}"))
    }

    /// What the historical and real-time services say about a contract without live data.
    pub(crate) fn no_permission(exchange: &str, sec_type: &str) -> String {
        format!("No market data permissions for {exchange} {sec_type}. Requested market data {ADDITIONAL}")
    }
}
