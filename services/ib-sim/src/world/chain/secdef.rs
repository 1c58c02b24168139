//! What options exist on an underlying: IB's security definition option parameters.
//!
//! Invariant: one row per exchange and class; its expirations and strikes are the unions over the class,
//! as IB tells them, so not every pair of them exists.

use jiff::civil::Date;

use crate::errors::ApiError;
use crate::world::World;
use crate::world::instrument::plain;

/// One row of the answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SecDefRow {
    pub(crate) exchange: String,
    pub(crate) underlying_con_id: i32,
    pub(crate) trading_class: String,
    pub(crate) multiplier: String,
    /// `YYYYMMDD`, rising.
    pub(crate) expirations: Vec<String>,
    pub(crate) strikes: Vec<f64>,
}

impl World {
    /// The options on an underlying as of `today`; no rows where there are none. The exchange is only
    /// given for options on futures; empty means all.
    pub(crate) fn secdef(
        &self,
        symbol: &str,
        fut_fop_exchange: &str,
        sec_type: &str,
        con_id: i32,
        today: Date,
    ) -> Result<Vec<SecDefRow>, ApiError> {
        if con_id <= 0 {
            return Err(ApiError::invalid("Invalid contract id"));
        }
        let under = self.contracts.get(con_id).filter(|row| row.is(sec_type) && (symbol.is_empty() || row.contract.symbol == symbol));
        let under = under.ok_or_else(ApiError::no_definition)?;
        let mut rows = Vec::new();
        for class in self.contracts.chains().of(under.contract.con_id) {
            let listed: Vec<_> = class.series().iter().filter(|series| series.is_listed(today)).collect();
            let strikes = listed.iter().flat_map(|series| class.listed(series, None, today));
            let mut codes: Vec<u32> = strikes.map(|strike| strike.rung.code).collect();
            codes.sort_unstable();
            codes.dedup();
            let strikes: Vec<f64> = codes.into_iter().map(|code| class.grid.strike(code)).collect();
            let expirations: Vec<String> =
                listed.iter().map(|series| series.expiration.last_trade.strftime("%Y%m%d").to_string()).collect();
            if strikes.is_empty() {
                continue;
            }
            let exchanges = class.pattern.valid_exchanges.split(',').filter(|own| fut_fop_exchange.is_empty() || *own == fut_fop_exchange);
            rows.extend(exchanges.map(|exchange| SecDefRow {
                exchange: exchange.to_owned(),
                underlying_con_id: con_id,
                trading_class: class.name().to_owned(),
                multiplier: plain(class.pattern.multiplier()),
                expirations: expirations.clone(),
                strikes: strikes.clone(),
            }));
        }
        Ok(rows)
    }
}
