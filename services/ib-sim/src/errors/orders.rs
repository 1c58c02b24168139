//! The texts of orders: rejects, warnings and what answers a cancel.
//!
//! Wordings come from IB's message code page, from captures and from reports of live rejects. Those
//! marked "not attested" keep the code and its meaning, in words of our own.

use super::ApiError;

/// Codes of orders whose text has no variable part.
pub(super) const FIXED: &[(i32, &str)] = &[
    (103, "Duplicate order id"),
    (104, "Can't modify a filled order."),
    (105, "Order being modified does not match original order."),
    (110, "The price does not conform to the minimum price variation for this contract."),
    (111, "The TIF (Tif type) and the order type are incompatible."),
    (113, "The Tif option should be set to DAY for MOC and LOC orders."),
    (202, "Order Canceled - reason:"),
    (327, "Only the default client (i.e. 0) can auto bind orders."),
    (387, "Unsupported order type for this exchange and security type."),
    (404, "Order held while securities are located."),
    // Not attested word by word.
    (413, "What-If order should have its transmit flag set to true."),
    (434, "The order size cannot be zero."),
    (435, "You must specify an account."),
    (
        2109,
        "Order Event Warning: Attribute 'Outside Regular Trading Hours' is ignored based on the order type and destination. PlaceOrder is now being processed.",
    ),
    // Not attested word by word.
    (10318, "This order doesn't support fractional quantity trading"),
];

impl ApiError {
    /// 321 about an order; the letters vary from release to release.
    pub(crate) fn invalid_order(cause: impl std::fmt::Display) -> Self {
        Self::with(321, format!("Error validating request.-'v' : cause - {cause}"))
    }

    pub(crate) fn invalid_order_type() -> Self {
        Self::invalid_order("Invalid order type was entered")
    }

    pub(crate) fn read_only() -> Self {
        Self::invalid_order("The API interface is currently in Read-Only mode.")
    }

    pub(crate) fn rejected(reason: impl std::fmt::Display) -> Self {
        Self::with(201, format!("Order rejected - reason:{reason}"))
    }

    pub(crate) fn margin_deficit(equity: f64, initial: f64, currency: &str) -> Self {
        Self::rejected(format_args!(
            "YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH LOAN VALUE [{equity:.2} {currency}] MUST EXCEED THE INITIAL MARGIN [{initial:.2} {currency}]"
        ))
    }

    pub(crate) fn both_sides() -> Self {
        Self::rejected(
            "Cannot have open orders on both sides of the same US Option contract in the same account. You can cancel resting order.",
        )
    }

    /// The wording is not attested.
    pub(crate) fn too_many_orders() -> Self {
        Self::rejected("The maximum number of working orders has been reached.")
    }

    /// The wording is not attested.
    pub(crate) fn halted() -> Self {
        Self::rejected("Trading in this contract is halted.")
    }

    pub(crate) fn size_limit(order_id: i32, limit: &str) -> Self {
        Self::with(
            383,
            format!(
                "The following order \"ID:{order_id}\" size exceeds the Size Limit of {limit}.\nRestriction is specified in Precautionary Settings of Global Configuration/Presets."
            ),
        )
    }

    /// As captured before the open: side, size, contract, and when it will be sent on.
    pub(crate) fn order_waits(what: &str, until: &str) -> Self {
        Self::with(399, format!("Order Message:\n{what}\nWarning: Your order will not be placed at the exchange until {until}."))
    }

    pub(crate) fn cancelled_because(reason: &str) -> Self {
        Self::with(202, format!("Order Canceled - reason:{reason}"))
    }

    pub(crate) fn not_cancellable(perm_id: i64) -> Self {
        Self::with(161, format!("Cancel attempted when order is not in a cancellable state.  Order permId ={perm_id}"))
    }

    pub(crate) fn unknown_order(order_id: i32) -> Self {
        Self::with(10_147, format!("OrderId {order_id} that needs to be cancelled is not found."))
    }

    pub(crate) fn finished_order(order_id: i32, status: &str) -> Self {
        Self::with(10_148, format!("OrderId {order_id} that needs to be cancelled can not be cancelled, state: {status}."))
    }
}
