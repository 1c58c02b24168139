use super::*;
use crate::settings::Settings;

const NOW: i64 = 1_795_186_800;

fn number(values: &[Value], key: &str) -> f64 {
    values.iter().find(|value| value.key == key).unwrap_or_else(|| panic!("{key}")).value.parse().unwrap()
}

#[test]
fn the_default_account_is_worth_about_a_million_and_adds_up() {
    let world = World::new(&Settings::default(), true, NOW).unwrap();
    let account = world.accounts.get("DUSIM00001").unwrap();
    let statement = world.statement(&account, NOW);
    let values = statement.summary();
    let net = number(&values, "NetLiquidation");
    assert!((950_000.0..1_050_000.0).contains(&net), "{net}");
    let market: f64 = statement.holdings.iter().map(|held| held.value).sum();
    assert!((net - number(&values, "TotalCashValue") - market).abs() < 0.02);
    let gross: f64 = statement.holdings.iter().map(|held| held.value.abs()).sum();
    assert!((number(&values, "GrossPositionValue") - gross).abs() < 0.01);
    assert!((number(&values, "BuyingPower") - 4.0 * number(&values, "AvailableFunds")).abs() < 0.05);
    assert!((number(&values, "Cushion") - number(&values, "ExcessLiquidity") / net).abs() < 1e-5);
    for held in &statement.holdings {
        let units = held.position.quantity * held.instrument.multiplier();
        let cost = held.position.average_cost * held.position.quantity;
        assert!((held.unrealized - (held.mark * units - cost)).abs() < 0.01);
    }
}

#[test]
fn tags_are_alphabetical_and_complete() {
    let world = World::new(&Settings::default(), true, NOW).unwrap();
    let account = world.accounts.get("DUSIM00001").unwrap();
    let keys: Vec<&str> = world.statement(&account, NOW).summary().iter().map(|value| value.key).collect();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(keys, sorted);
    assert_eq!(keys.len(), 29);
}

#[test]
fn marks_and_profit_move_with_the_clock() {
    let world = World::new(&Settings::default(), true, NOW).unwrap();
    let account = world.accounts.get("DUSIM00001").unwrap();
    let (now, later) = (world.statement(&account, NOW), world.statement(&account, NOW + 600));
    assert_ne!(now.unrealized, later.unrealized);
    assert!((later.daily - now.daily - (later.unrealized - now.unrealized)).abs() < 0.1);
}

#[test]
fn foreign_cash_counts_at_its_rate() {
    let world = World::new(&Settings::default(), true, NOW).unwrap();
    world.accounts.change("DUSIM00001", &[], &BTreeMap::from([("EUR".to_owned(), 1_000.0)]));
    let account = world.accounts.get("DUSIM00001").unwrap();
    let statement = world.statement(&account, NOW);
    assert!((statement.cash - 805_000.0 - 1_151.5).abs() < 0.01);
    let ledger = statement.ledger(&world);
    assert_eq!(ledger.keys().collect::<Vec<_>>(), ["BASE", "EUR", "USD"]);
    assert_eq!(number(&ledger["EUR"], "CashBalance"), 1_000.0);
    let whole = number(&ledger["BASE"], "NetLiquidationByCurrency");
    let parts = number(&ledger["USD"], "NetLiquidationByCurrency") + 1_151.5;
    assert!((whole - parts).abs() < 0.01);
}

/// What was bought today counts from its own price, and what was sold is not forgotten.
#[test]
fn daily_profit_takes_in_the_trades_of_the_day() {
    let world = World::new(&Settings::default(), true, NOW).unwrap();
    let apple = world.contracts.get(265_598).unwrap();
    let account = world.accounts.get("DUSIM00001").unwrap();
    let before = world.statement(&account, NOW).daily;
    let price = world.mark(apple, NOW);
    let trade = |quantity: f64, price: f64| crate::world::account::Trade {
        con_id: 265_598,
        settlement: crate::world::account::Settlement::Cash,
        currency: "USD".into(),
        multiplier: 1.0,
        quantity,
        price,
        fee: 1.0,
        previous_close: world.previous_close(apple, NOW),
        day: world.today(NOW),
    };
    let mut account = account;
    account.take(&trade(50.0, price - 2.0));
    assert!((world.statement(&account, NOW).daily - before - 99.0).abs() < 0.02);
    account.take(&trade(-50.0, price + 1.0));
    assert!((world.statement(&account, NOW).daily - before - 148.0).abs() < 0.02);
}
