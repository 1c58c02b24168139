//! The contracts that exist on one date: asked of IB once, for all strikes and classes together.
//!
//! `reqSecDefOptParams` names expirations and strikes, and every combination of them looks possible; many are not. One
//! contract query for the date tells which exist, with their ids, so that no request is spent on one that does not.
//! Invariant: what is kept is of one roll day; a date without contracts is kept as such.

use std::collections::BTreeMap;

use ib_link::{Details, Link};
use ib_service::{Hours, Resolved};
use jiff::{SignedDuration, Timestamp, civil::Date};
use schemas::{
    Fault, FaultCode, Num,
    contracts::{Contract, ContractQuery},
    options::Settlement,
};
use tokio::time::Instant;

use crate::{calendar, classes, dates, right::Right, underlying::Kind};

/// Where options are asked for unless the caller says otherwise: IB's router has those of every exchange.
pub(crate) const SMART: &str = "SMART";
/// What a contract settles at its expiration day's opening price by.
const MORNING_SETTLEMENT: SignedDuration = SignedDuration::from_secs(9 * 3_600 + 30 * 60);

/// One contract that exists.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listed {
    pub(crate) contract: Contract,
    pub(crate) strike: Num,
    pub(crate) right: Right,
}

/// The contracts of one trading class and multiplier on one date.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) trading_class: String,
    pub(crate) multiplier: Num,
    pub(crate) settlement: Settlement,
    /// The last day of trading: what IB calls the expiration.
    pub(crate) date: Date,
    /// End of the last trading session.
    pub(crate) last_trade: Timestamp,
    /// When the settlement price is made: what remains until then is a Greek's time.
    pub(crate) settles: Timestamp,
    pub(crate) zone: String,
    pub(crate) contracts: BTreeMap<(Num, Right), Listed>,
}

impl Series {
    /// Ascending.
    pub(crate) fn strikes(&self) -> Vec<Num> {
        let mut strikes: Vec<Num> = self.contracts.keys().map(|(strike, _)| *strike).collect();
        strikes.dedup();
        strikes
    }

    pub(crate) fn get(&self, strike: Num, right: Right) -> Option<&Listed> {
        self.contracts.get(&(strike, right))
    }
}

/// The series of the asked class, or the one that is usually meant, and the names of the others.
pub(crate) fn choose<'a>(found: &'a [Series], symbol: &str, date: Date, asked: Option<&str>) -> Result<(&'a Series, Vec<String>), Fault> {
    let class = |series: &Series| classes::Class {
        trading_class: series.trading_class.clone(),
        multiplier: series.multiplier,
        settlement: series.settlement,
        contracts: series.contracts.len(),
    };
    let classes: Vec<classes::Class> = found.iter().map(class).collect();
    let choice = classes::choose(symbol, date, &classes, asked)?;
    let chosen = found.iter().zip(&classes).find(|(_, class)| **class == choice.class);
    let (series, _) = chosen.ok_or_else(|| Fault::new(FaultCode::Internal, "a class was chosen that is none of those there are"))?;
    Ok((series, choice.others))
}

/// What a date's contracts are asked by.
pub(crate) fn query(underlying: &Resolved, kind: Kind, date: Date, exchange: Option<&str>) -> ContractQuery {
    let contract = &underlying.contract;
    let exchange = exchange.unwrap_or(if kind == Kind::Future { &contract.exchange } else { SMART });
    ContractQuery {
        symbol: Some(contract.symbol.clone()),
        sec_type: Some(kind.option().to_owned()),
        exchange: Some(exchange.to_owned()),
        currency: Some(contract.currency.clone()),
        expiry: Some(calendar::compact(date)),
        ..ContractQuery::default()
    }
}

/// Every series of one date; empty where IB knows no contract of that date.
pub(crate) async fn find(link: &Link, query: &ContractQuery, underlying: i32, date: Date, deadline: Instant) -> Result<Vec<Series>, Fault> {
    match link.contract_details(query, deadline).await {
        Ok(found) => Ok(group(&found, underlying, date)),
        Err(fault) if fault.code == FaultCode::NotFound => Ok(Vec::new()),
        Err(fault) => Err(fault),
    }
}

/// By class and multiplier. Options on another underlying of the same symbol are left out.
fn group(found: &[Details], underlying: i32, date: Date) -> Vec<Series> {
    let mut series: BTreeMap<(String, Num), Series> = BTreeMap::new();
    for details in found {
        let contract = &details.contract;
        if details.details.underlying_conid.is_some_and(|conid| conid != underlying) {
            continue;
        }
        let (Some(strike), Some(right)) = (contract.strike, contract.right.as_deref().and_then(|right| Right::read(right).ok())) else {
            continue;
        };
        let class = contract.trading_class.clone().unwrap_or_else(|| contract.symbol.clone());
        let multiplier = contract.multiplier.unwrap_or(Num::from(1));
        let one = series.entry((class, multiplier)).or_insert_with_key(|(class, multiplier)| {
            let ends = Ends::of(&details.details, date);
            Series {
                trading_class: class.clone(),
                multiplier: *multiplier,
                settlement: ends.settlement,
                date,
                last_trade: ends.last_trade,
                settles: ends.settles,
                zone: ends.zone,
                contracts: BTreeMap::new(),
            }
        });
        one.contracts.insert((strike, right), Listed { contract: contract.clone(), strike, right });
    }
    series.into_values().collect()
}

/// How a series ends.
struct Ends {
    settlement: Settlement,
    last_trade: Timestamp,
    settles: Timestamp,
    zone: String,
}

impl Ends {
    /// IB's "real expiration date" is the day of the settlement: later than the last trading day, it is a morning's.
    fn of(details: &schemas::contracts::ContractDetails, date: Date) -> Self {
        let zone = details.time_zone.clone().unwrap_or_else(|| calendar::NEW_YORK.to_owned());
        let last_trade = Hours::of(details).and_then(|hours| hours.close_on(date)).unwrap_or_else(|| calendar::usual_close(date));
        let real = details.real_expiration_date.as_deref().and_then(dates::from_ib);
        match real.filter(|real| *real > date) {
            Some(real) => {
                let settles = calendar::midnight(real, &zone).checked_add(MORNING_SETTLEMENT).unwrap_or(last_trade);
                Self { settlement: Settlement::Am, last_trade, settles, zone }
            }
            None => Self { settlement: Settlement::Pm, last_trade, settles: last_trade, zone },
        }
    }
}
