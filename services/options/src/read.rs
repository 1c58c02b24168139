//! What came of one contract, for rows and for what is missing.

use schemas::{
    Fault, FaultCode,
    context::DataType,
    options::{DataWanted, Missing, MissingWhat, OptionRow},
};

use crate::{
    rows::Rows,
    series::Listed,
    snapshot::{Lack, Snapshot, has_price},
    window::Wanted,
};

#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) listed: Listed,
    pub(crate) outcome: Result<Snapshot, Lack>,
}

impl Read {
    pub(crate) fn of(listed: &Listed, outcome: Result<Snapshot, Lack>, wanted: DataWanted) -> Self {
        let outcome = outcome.and_then(|snapshot| match (wanted, snapshot.quote.data_type) {
            (DataWanted::Live, DataType::Delayed | DataType::DelayedFrozen) => Err(only_delayed()),
            _ => Ok(snapshot),
        });
        Self { listed: listed.clone(), outcome }
    }

    pub(crate) fn wanted(&self) -> Wanted {
        Wanted { strike: self.listed.strike, right: self.listed.right }
    }

    /// The row, where there is anything to tell, and what is missing of it.
    pub(crate) fn told(&self, rows: &Rows<'_>) -> (Option<OptionRow>, Option<Missing>) {
        let missing = |what, reason: Option<String>| Missing {
            strike: self.listed.strike,
            right: self.listed.right.as_str().to_owned(),
            what,
            reason,
        };
        let snapshot = match &self.outcome {
            Ok(snapshot) => snapshot,
            Err(lack) => return (None, Some(missing(lack.what, lack.reason.clone()))),
        };
        let row = rows.row(&self.listed, &snapshot.quote);
        let said = || snapshot.quote.notices.last().map(|(_, words)| words.clone());
        match (has_price(&snapshot.quote), row.delta.is_some()) {
            (true, true) => (Some(row), None),
            (true, false) => (Some(row), Some(missing(MissingWhat::Greeks, said()))),
            (false, true) => (Some(row), Some(missing(MissingWhat::Quote, said()))),
            (false, false) => (None, Some(missing(MissingWhat::Quote, said()))),
        }
    }
}

fn only_delayed() -> Lack {
    let message = "this login sees only delayed data of these options";
    let fault = Fault::new(FaultCode::NotSubscribed, message).hint("ask for data_type best, or subscribe to OPRA in IB's Client Portal");
    Lack { what: MissingWhat::Subscription, reason: Some(message.to_owned()), fault }
}
