//! Where the money is: the underlying's price, as windows and Greeks of our own need it.

use std::sync::Arc;

use ib_link::Quote;
use schemas::{Fault, FaultCode, Num};
use tokio::time::Instant;

use crate::{
    desk::Desk,
    read::Read,
    rows::middle,
    series::Series,
    snapshot::has_greeks,
    underlying::Underlying,
    window::{By, Window},
};

/// The price that windows are laid around.
pub(crate) fn price_of(quote: &Quote) -> Option<Num> {
    quote.last.or_else(|| middle(quote)).or(quote.close)
}

/// Whether the price is one of now.
pub(crate) fn is_priced(quote: &Quote) -> bool {
    quote.last.is_some() || middle(quote).is_some()
}

/// Where nobody tells a price: the middle of what the bounds let in.
pub(crate) fn middle_of(window: &Window, strikes: &[Num]) -> Option<f64> {
    let admitted: Vec<Num> = strikes.iter().copied().filter(|strike| window.bounds_admit(*strike)).collect();
    let bounded = window.by == By::Bounds;
    admitted.get(admitted.len() / 2).copied().filter(|_| bounded).map(Num::to_f64)
}

impl Desk {
    /// The underlying's price. Without one, a window that strikes alone describe is laid around its own middle.
    pub(crate) async fn spot(
        &self,
        underlying: &Underlying,
        window: &Window,
        series: &Series,
        deadline: Instant,
    ) -> Result<Option<Arc<Quote>>, Fault> {
        let mut spot = self.spots.follow(&underlying.resolved.contract);
        match spot.quote(deadline, is_priced).await {
            Ok(quote) if price_of(&quote).is_some() => Ok(Some(quote)),
            // The gateway's troubles, and our own queues, say nothing about what this login sees.
            Err(fault)
                if matches!(fault.code, FaultCode::GatewayDown | FaultCode::UpstreamLost | FaultCode::Cancelled | FaultCode::Busy) =>
            {
                Err(fault)
            }
            _ if middle_of(window, &series.strikes()).is_some() => Ok(None),
            Ok(_) => Err(no_price(underlying, None)),
            Err(fault) => Err(no_price(underlying, Some(fault))),
        }
    }

    /// The underlying's price of now, where rows need it for Greeks of our own.
    pub(crate) async fn spot_for(&self, underlying: &Underlying, reads: &[Read], deadline: Instant) -> Option<Arc<Quote>> {
        let lacks = |read: &Read| read.outcome.as_ref().is_ok_and(|snapshot| !has_greeks(&snapshot.quote));
        if !reads.iter().any(lacks) {
            return None;
        }
        let mut spot = self.spots.follow(&underlying.resolved.contract);
        spot.quote(deadline, is_priced).await.ok()
    }
}

fn no_price(underlying: &Underlying, fault: Option<Fault>) -> Fault {
    let symbol = underlying.symbol();
    let message = format!("nobody tells a price of {symbol}, so nothing says which strikes are near the money");
    let mut told = Fault::new(fault.as_ref().map_or(FaultCode::NotFound, |fault| fault.code), message);
    if let Some(fault) = fault {
        told.message = format!("{}: {}", told.message, fault.message);
        (told.ib_code, told.ib_message, told.retry_after_ms) = (fault.ib_code, fault.ib_message, fault.retry_after_ms);
    }
    told.hint("name the strikes yourself with min_strike and max_strike")
}
