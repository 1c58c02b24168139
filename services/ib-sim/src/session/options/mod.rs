//! Option chains and the calculators.
//!
//! Invariant: a calculator answers at once, so its cancel finds nothing to do here; nothing stays open.

use super::live::Live;
use super::quotes::computation;
use crate::errors::ApiError;
use crate::proto::event::Event;
use crate::proto::request::Request;
use crate::proto::types::Contract;
use crate::wire::pb::option::SecDefOptParameter;

/// The tick type of a calculator's answer.
const CALCULATED: i32 = 53;
const FROM_PRICE: i32 = 1;

/// Which of the two is sought.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Given {
    Price(f64),
    Volatility(f64),
}

impl Live {
    pub(super) fn serve_options(&mut self, request: Request) {
        match request {
            Request::SecDefOptParams { req_id, symbol, fut_fop_exchange, sec_type, con_id } => {
                let today = self.gateway.world.today(self.now());
                match self.gateway.world.secdef(&symbol, &fut_fop_exchange, &sec_type, con_id, today) {
                    Err(error) => self.error(req_id, error),
                    Ok(rows) => {
                        for row in rows {
                            self.send(&Event::SecDefOptParameter(Box::new(SecDefOptParameter {
                                req_id: Some(req_id),
                                exchange: Some(row.exchange),
                                underlying_con_id: Some(row.underlying_con_id),
                                trading_class: Some(row.trading_class),
                                multiplier: Some(row.multiplier),
                                expirations: row.expirations,
                                strikes: row.strikes,
                            })));
                        }
                        self.send(&Event::SecDefOptParameterEnd { req_id });
                    }
                }
            }
            Request::CalculateImpliedVolatility { req_id, contract, option_price, under_price } => {
                self.calculate(req_id, &contract, Given::Price(option_price), under_price);
            }
            Request::CalculateOptionPrice { req_id, contract, volatility, under_price } => {
                self.calculate(req_id, &contract, Given::Volatility(volatility), under_price);
            }
            Request::CancelCalculateImpliedVolatility { .. } | Request::CancelCalculateOptionPrice { .. } => {}
            other => unreachable!("{} belongs to another family", other.name()),
        }
    }

    fn calculate(&mut self, req_id: i32, contract: &Contract, given: Given, underlying: f64) {
        match self.calculated(req_id, contract, given, underlying) {
            Ok(event) => self.send(&event),
            Err(error) => self.error(req_id, error),
        }
    }

    fn calculated(&self, req_id: i32, contract: &Contract, given: Given, underlying: f64) -> Result<Event, ApiError> {
        let (world, now) = (&self.gateway.world, self.now());
        let row = world.contracts.only(contract, world.today(now))?;
        // The wording of these refusals is not attested; the code is.
        if row.option.is_none() {
            return Err(ApiError::invalid("The contract is not an option"));
        }
        let sane = |value: f64| value.is_finite() && value > 0.0;
        if !sane(underlying) {
            return Err(ApiError::invalid("Underlying price must be above zero"));
        }
        let (price, greeks) = match given {
            Given::Price(price) if sane(price) => (price, world.calculate_volatility(row, price, underlying, now)),
            Given::Volatility(volatility) if sane(volatility) => {
                let greeks = world.calculate_price(row, volatility, underlying, now);
                (greeks.map_or(-1.0, |greeks| greeks.price), greeks)
            }
            Given::Price(_) => return Err(ApiError::invalid("Option price must be above zero")),
            Given::Volatility(_) => return Err(ApiError::invalid("Volatility must be above zero")),
        };
        Ok(computation(req_id, CALCULATED, FROM_PRICE, price, underlying, greeks.as_ref()))
    }
}
