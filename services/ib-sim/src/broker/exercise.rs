//! Exercising options and letting them lapse.
//!
//! A real gateway reports both as an order that works until the clearing house has decided overnight.
//! Here an exercise is booked at once: the option leaves the account at nothing, and the underlying
//! comes in at the strike. Cash-settled ones pay their worth instead.
//!
//! Invariant: never more is exercised than is held long.

use super::book::{Book, Desk, News, What};
use super::fill::{Part, trade};
use super::ids::Ids;
use super::place::account;
use super::records::Record;
use super::report;
use super::terms::Side;
use crate::errors::ApiError;
use crate::proto::request::Exercise;
use crate::wire::pb::order_report::Execution;
use crate::world::calendar::wall;
use crate::world::instrument::{Instrument, plain};

const EXERCISE: i32 = 1;
const LAPSE: i32 = 2;

impl Book {
    pub(crate) fn exercise(&mut self, desk: &Desk<'_>, client_id: i32, request: &Exercise) {
        if let Err(error) = self.try_exercise(desk, client_id, request) {
            self.error(client_id, request.order_id, error);
        }
    }

    fn try_exercise(&mut self, desk: &Desk<'_>, client_id: i32, request: &Exercise) -> Result<(), ApiError> {
        if desk.settings.read_only_api {
            return Err(ApiError::read_only());
        }
        let (world, now) = (desk.world, desk.now());
        let account = account(desk, &request.account)?;
        let row = world.contracts.only(&request.contract, world.today(now))?;
        let (Some(model), Some((under, ..))) = (row.option, &row.under) else { return Err(ApiError::no_definition()) };
        let held = world.accounts.get(&account).map_or(0.0, |account| account.quantity(row.contract.con_id));
        let wanted = f64::from(request.quantity);
        // The wordings here are not attested.
        if wanted <= 0.0 || wanted > held {
            return Err(ApiError::invalid_order("Exercise quantity exceeds the long position"));
        }
        if !matches!(request.action, EXERCISE | LAPSE) {
            return Err(ApiError::invalid_order("Exercise action is neither 1 nor 2"));
        }
        let underlying = world.contracts.get(*under).ok_or_else(ApiError::no_definition)?;
        let mark = world.mark(underlying, now);
        let worth = if model.call { mark - model.strike } else { model.strike - mark };
        // IB asks for the override before it acts against the money.
        if !request.force && (request.action == EXERCISE) != (worth > 0.0) {
            return Err(ApiError::invalid_order("Exercise would not be in the money; use override"));
        }
        let lapses = request.action == LAPSE;
        let settled_in_cash = underlying.is("IND") && !lapses;
        let price = if settled_in_cash { worth.max(0.0) } else { 0.0 };
        self.book_leg(desk, client_id, request, &account, row, (Side::Sell, wanted, price));
        if !lapses && !settled_in_cash {
            let side = if model.call { Side::Buy } else { Side::Sell };
            self.book_leg(desk, client_id, request, &account, underlying, (side, wanted * row.multiplier(), model.strike));
        }
        self.ids.take(client_id, request.order_id);
        self.account_changed(&account);
        self.touch();
        Ok(())
    }

    fn book_leg(
        &mut self,
        desk: &Desk<'_>,
        client_id: i32,
        request: &Exercise,
        account: &str,
        instrument: &Instrument,
        (side, size, price): (Side, f64, f64),
    ) {
        let part = Part { side, size, price, filled: size, average: price };
        desk.world.accounts.take(account, &trade(desk, instrument, &part, 0.0));
        let perm_id = Ids::perm(&mut self.ids);
        let time = format!("{} {}", wall(instrument.hours, desk.now(), "%Y%m%d %H:%M:%S"), instrument.hours.zone_id());
        let execution = Execution {
            order_id: Some(request.order_id),
            exec_id: Some(self.ids.execution(desk.now())),
            time: Some(time),
            acct_number: Some(account.to_owned()),
            exchange: Some(instrument.home_exchange().to_owned()),
            side: Some(side.executed().into()),
            shares: Some(plain(size)),
            price: Some(price),
            perm_id: Some(perm_id),
            client_id: Some(client_id),
            is_liquidation: Some(false),
            cum_qty: Some(plain(size)),
            avg_price: Some(price),
            submitter: Some(report::SUBMITTER.into()),
            opt_exercise_or_lapse_type: Some(request.action),
            ..Execution::default()
        };
        let contract = instrument.routed("");
        let record = Record { client_id, time: desk.now(), contract, execution, report: None };
        self.push(News { client_id, what: What::Event(record.details(-1)) });
        self.records.push(record);
    }
}
