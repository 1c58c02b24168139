//! What an order costs: IB's fixed plan, simplified.
//!
//! Per share, contract or trade value, with a minimum per order that is charged once over all of its
//! fills. Exchange, clearing and regulatory fees are left out, as are volume tiers.
//!
//! | traded | rate | least per order |
//! |---|---|---|
//! | US stock | 0.005 a share, at most 1 % of the value | 1.00 |
//! | other stock | 0.05 % of the value | 3.00 |
//! | option | 0.65 a contract; 0.50 under 0.10 premium, 0.25 under 0.05 | 1.00 |
//! | future | 2.25 a contract | - |
//! | currency | 0.002 % of the value | 2.00 |
//! | crypto | 0.18 % of the value | 1.75 |

use crate::world::instrument::{Instrument, decimal};

/// The fee of an order up to a fill: `quantity` at `price` on average.
pub(crate) fn order_fee(instrument: &Instrument, quantity: f64, price: f64) -> f64 {
    let value = (quantity * price).abs() * instrument.multiplier();
    let quantity = quantity.abs();
    let fee = match instrument.contract.sec_type.as_str() {
        "STK" if instrument.contract.currency == "USD" => (quantity * 0.005).max(1.0).min((value * 0.01).max(0.01)),
        "STK" => (value * 0.000_5).max(3.0),
        "OPT" | "FOP" => (quantity * option_rate(price)).max(1.0),
        "FUT" => quantity * 2.25,
        "CASH" => (value * 0.000_02).max(2.0),
        "CRYPTO" => (value * 0.001_8).max(1.75),
        _ => 0.0,
    };
    decimal(fee, 6)
}

fn option_rate(premium: f64) -> f64 {
    if premium >= 0.10 {
        0.65
    } else if premium >= 0.05 {
        0.50
    } else {
        0.25
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use crate::world::World;

    #[test]
    fn rates_and_minimums() {
        let world = World::new(&Settings::default(), true, 1_795_186_800).unwrap();
        let fee = |con_id: i32, quantity: f64, price: f64| order_fee(world.contracts.get(con_id).unwrap(), quantity, price);
        // As captured: one share, one dollar.
        assert_eq!(fee(265_598, 1.0, 257.95), 1.0);
        assert_eq!(fee(265_598, 1_000.0, 257.95), 5.0);
        assert_eq!(fee(265_598, 1.0, 20.0), 0.2);
    }
}
