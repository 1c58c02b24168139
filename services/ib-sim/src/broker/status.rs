//! The states of an order, in IB's words.
//!
//! Invariant: a state that [`Status::is_final`] is never left.

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Status {
    /// `transmit=false`: kept in the gateway, told to nobody.
    Untransmitted,
    /// Accepted, and waiting for a time, a trigger, a condition, a parent or the open.
    PreSubmitted,
    /// Working at the exchange.
    Submitted,
    PendingCancel,
    Cancelled,
    Filled,
    /// Refused, or killed by its own terms.
    Inactive,
}

impl Status {
    pub(crate) const ALL: [Self; 7] =
        [Self::Untransmitted, Self::PreSubmitted, Self::Submitted, Self::PendingCancel, Self::Cancelled, Self::Filled, Self::Inactive];

    pub(crate) fn word(self) -> &'static str {
        match self {
            // A client that could ask would be told this; see `Book::open_orders`.
            Self::Untransmitted => "Inactive",
            Self::PreSubmitted => "PreSubmitted",
            Self::Submitted => "Submitted",
            Self::PendingCancel => "PendingCancel",
            Self::Cancelled => "Cancelled",
            Self::Filled => "Filled",
            Self::Inactive => "Inactive",
        }
    }

    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Cancelled | Self::Filled | Self::Inactive)
    }

    /// Accepted and not over: what a gateway lists as open.
    pub(crate) fn is_working(self) -> bool {
        matches!(self, Self::PreSubmitted | Self::Submitted | Self::PendingCancel)
    }

    /// A number for the state file.
    pub(super) fn code(self) -> i32 {
        Self::ALL.iter().position(|status| *status == self).and_then(|index| i32::try_from(index).ok()).unwrap_or(0)
    }

    pub(super) fn from_code(code: i32) -> Option<Self> {
        usize::try_from(code).ok().and_then(|index| Self::ALL.get(index)).copied()
    }
}
