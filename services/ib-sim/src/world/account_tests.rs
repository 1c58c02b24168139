use super::*;
use crate::world::scenario::Scenario;

#[test]
fn extra_accounts_are_numbered_on() {
    let scenario = Scenario::load(None).unwrap();
    let accounts = Accounts::new(&scenario.accounts, Some(3));
    assert_eq!(accounts.ids(), ["DUSIM00001", "DUSIM00002", "DUSIM00003"]);
    assert_eq!(Accounts::new(&scenario.accounts, None).ids(), ["DUSIM00001"]);
}

#[test]
fn a_change_keeps_what_it_does_not_name() {
    let scenario = Scenario::load(None).unwrap();
    let accounts = Accounts::new(&scenario.accounts, None);
    let change = PositionChange { con_id: 265_598, quantity: 0.0, average_cost: None };
    assert!(accounts.change("DUSIM00001", &[change], &BTreeMap::from([("EUR".to_owned(), 10.0)])));
    let account = accounts.get("DUSIM00001").unwrap();
    assert_eq!(account.positions[0].quantity, 0.0);
    assert!(account.positions[0].average_cost > 0.0);
    assert_eq!(account.cash.len(), 2);
    assert!(!accounts.change("U1", &[], &BTreeMap::new()));
}

fn trade(quantity: f64, price: f64, fee: f64) -> Trade {
    Trade {
        con_id: 1,
        settlement: Settlement::Cash,
        currency: "USD".into(),
        multiplier: 1.0,
        quantity,
        price,
        fee,
        previous_close: 10.0,
        day: jiff::civil::date(2026, 11, 20),
    }
}

fn blank() -> Account {
    Account { id: "A".into(), currency: "USD".into(), cash: BTreeMap::new(), positions: Vec::new() }
}

#[test]
fn fees_go_into_the_average_cost_and_into_what_is_realized() {
    let mut account = blank();
    assert_eq!(account.take(&trade(10.0, 10.0, 1.0)), None);
    assert_eq!((account.positions[0].quantity, account.positions[0].average_cost), (10.0, 10.1));
    assert_eq!(account.take(&trade(-4.0, 11.0, 1.0)), Some(4.0 * (11.0 - 10.1) - 1.0));
    // Through zero: six are closed, four are sold short.
    let realized = account.take(&trade(-10.0, 12.0, 1.0)).unwrap();
    assert!((realized - (6.0 * (12.0 - 10.1) - 0.6)).abs() < 1e-9);
    assert_eq!(account.positions[0].quantity, -4.0);
    assert!((account.positions[0].average_cost - (12.0 - 0.4 / 4.0)).abs() < 1e-9);
    assert_eq!(account.take(&trade(4.0, 12.0, 0.0)).map(|amount| decimal(amount, 6)), Some(-0.4));
    assert_eq!((account.positions[0].quantity, account.positions[0].average_cost), (0.0, 0.0));
}

#[test]
fn currencies_are_exchanged_without_a_position() {
    let mut account = blank();
    let settlement = Settlement::Exchange { bought: "EUR".into() };
    account.take(&Trade { settlement, ..trade(1_000.0, 1.15, 2.0) });
    assert_eq!(account.cash, BTreeMap::from([("EUR".to_owned(), 1_000.0), ("USD".to_owned(), -1_152.0)]));
    assert!(account.positions.is_empty());
}

proptest::proptest! {
    /// Money is only moved: cash plus the value of what is held changes by the fees alone, and what is
    /// realized over a round trip is what the cash gained.
    #[test]
    fn cash_and_positions_conserve_money(trades in proptest::collection::vec((-20_i32..20, 100_u32..2_000), 1..30), future: bool) {
        let mut account = blank();
        let (mut fees, mut realized, mut spent) = (0.0, 0.0, 0.0);
        for (quantity, cents) in trades.into_iter().filter(|row| row.0 != 0) {
            let (quantity, price) = (f64::from(quantity), f64::from(cents) / 100.0);
            let settlement = if future { Settlement::Future } else { Settlement::Cash };
            realized += account.take(&Trade { settlement, ..trade(quantity, price, 0.35) }).unwrap_or(0.0);
            fees += 0.35;
            spent += quantity * price;
        }
        if let Some(held) = account.positions.first() {
            let cost = held.quantity * held.average_cost;
            let cash = account.cash["USD"];
            // What was spent is either still held at cost or realized.
            proptest::prop_assert!((spent + fees - (cost - realized)).abs() < 1e-6);
            let expected = if future { realized } else { -spent - fees };
            proptest::prop_assert!((cash - expected).abs() < 1e-6);
            proptest::prop_assert!((held.realized - realized).abs() < 1e-6);
        }
    }
}
