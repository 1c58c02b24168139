//! What options an underlying has.
//!
//! Invariant: rows are IB's own, one per exchange and trading class; nothing is joined, sorted or left out here but a row
//! whose multiplier cannot be read.

use ibapi::contracts::OptionChain;
use schemas::{Fault, Num};

use crate::{
    ask::Ask,
    clock::{Instant, instant},
    convert,
    link::Link,
};

/// Options of one trading class on one exchange. Not every combination of expiration and strike exists.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionParams {
    pub exchange: String,
    pub trading_class: String,
    pub multiplier: Num,
    /// `YYYYMMDD`, as IB says.
    pub expirations: Vec<String>,
    pub strikes: Vec<Num>,
}

impl Link {
    /// Every trading class on every exchange; none when the underlying has no options.
    pub async fn option_params(&self, symbol: &str, sec_type: &str, conid: i32, deadline: Instant) -> Result<Vec<OptionParams>, Fault> {
        let ask = Ask { what: "a request for expirations and strikes", deadline, upstream: true, cancels: false };
        let (symbol, sec_type) = (symbol.to_owned(), convert::security_type(sec_type));
        let rows = self
            .ask(ask, |session| async move {
                // Without an exchange: to `SMART` IB answers that there are none.
                let mut rows = session.client.option_chain(&symbol, sec_type, conid).subscribe().await?;
                rows.collect_to_end_within(deadline.saturating_duration_since(instant())).await
            })
            .await?;
        Ok(rows.into_iter().filter_map(params).collect())
    }
}

fn params(row: OptionChain) -> Option<OptionParams> {
    let Some(multiplier) = Num::from_ib_text(&row.multiplier).filter(|multiplier| *multiplier > Num::ZERO) else {
        tracing::warn!(row.trading_class, row.exchange, row.multiplier, "options without a readable multiplier were left out");
        return None;
    };
    Some(OptionParams {
        exchange: row.exchange,
        trading_class: row.trading_class,
        multiplier,
        expirations: row.expirations,
        strikes: row.strikes.into_iter().filter_map(Num::from_ib).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_keeps_ibs_words_and_needs_a_multiplier() {
        let row = |multiplier: &str| OptionChain {
            exchange: "SMART".into(),
            trading_class: "AAPL".into(),
            multiplier: multiplier.into(),
            expirations: vec!["20261218".into()],
            strikes: vec![272.5, f64::MAX],
            ..OptionChain::default()
        };
        let read = params(row("100")).expect("row");
        assert_eq!((read.multiplier, read.expirations), (Num::from(100), vec!["20261218".to_owned()]));
        assert_eq!(read.strikes, [Num::from_ib(272.5).expect("strike")]);
        assert!(params(row("")).is_none() && params(row("0")).is_none());
    }
}
