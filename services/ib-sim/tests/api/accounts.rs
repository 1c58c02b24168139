//! Accounts through the real client.

use std::collections::BTreeMap;

use futures::StreamExt;
use ib_sim::Sim;
use ibapi::Client;
use ibapi::accounts::types::{AccountGroup, AccountId, ContractId};
use ibapi::accounts::{
    AccountSummaryResult, AccountSummaryTags, AccountUpdate, AccountUpdateMulti, Position, PositionUpdate, PositionUpdateMulti,
};
use ibapi::subscriptions::SubscriptionItemStreamExt;

use crate::support::{client, friday, post, settings, sim, soon, start};

const ACCOUNT: &str = "DUSIM00001";
const APPLE: i32 = 265_598;

async fn summary(client: &Client, group: &str, tags: &[&str]) -> Vec<(String, String, String)> {
    let mut rows = soon(client.account_summary(&AccountGroup::from(group), tags)).await.unwrap().filter_data();
    let mut found = Vec::new();
    loop {
        match soon(rows.next()).await.expect("an end").unwrap() {
            AccountSummaryResult::Summary(row) => found.push((row.tag, row.value, row.currency)),
            _ => return found,
        }
    }
}

/// The captured order of rows: alphabetical by tag, whatever the order of the request.
#[tokio::test]
async fn summary_rows_come_as_captured() {
    let captured = include_str!("../data/account_summary.txt");
    let order: Vec<&str> = captured.lines().filter_map(|line| line.split("\"tag\":\"").nth(1)?.split('"').next()).collect();
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let rows = summary(&client, "All", &["NetLiquidation", "TotalCashValue", "BuyingPower", "ExcessLiquidity"]).await;
    assert_eq!(rows.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(), order);
    assert!(rows.iter().all(|row| row.2 == "USD" && row.1.parse::<f64>().is_ok()), "{rows:?}");
    sim.shutdown().await;
}

#[tokio::test]
async fn every_tag_of_the_client_is_answered() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let plain: Vec<&str> = AccountSummaryTags::ALL.iter().copied().filter(|tag| !tag.starts_with('$')).collect();
    let rows = summary(&client, ACCOUNT, &plain).await;
    assert_eq!(rows.len(), plain.len(), "{rows:?}");
    assert_eq!(summary(&client, "All", &["All"]).await.len(), rows.len());
    sim.shutdown().await;
}

#[tokio::test]
async fn the_ledger_comes_by_currency() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let currencies = |rows: Vec<(String, String, String)>| {
        let mut found: Vec<String> = rows.into_iter().map(|row| row.2).collect();
        found.sort();
        found.dedup();
        found
    };
    assert_eq!(currencies(summary(&client, "All", &["$LEDGER"]).await), ["BASE"]);
    assert_eq!(currencies(summary(&client, "All", &["$LEDGER:USD"]).await), ["USD"]);
    assert_eq!(currencies(summary(&client, "All", &["$LEDGER:ALL"]).await), ["BASE", "USD"]);
    sim.shutdown().await;
}

/// The limit is the login's: whose client asks does not matter.
#[tokio::test]
async fn a_third_summary_is_one_too_many() {
    let sim = sim().await;
    let (client, other) = (client(&sim, 1).await, client(&sim, 2).await);
    let group = AccountGroup::from("All");
    let mut kept = Vec::new();
    for client in [&client, &other] {
        let mut rows = client.account_summary(&group, &["NetLiquidation"]).await.unwrap();
        soon(rows.next()).await.unwrap().unwrap();
        kept.push(rows);
    }
    let mut third = client.account_summary(&group, &["NetLiquidation"]).await.unwrap();
    match soon(third.next()).await.unwrap() {
        Err(ibapi::Error::Notice(notice)) => assert_eq!(notice.code, 322),
        other => panic!("{other:?}"),
    }
    sim.shutdown().await;
}

/// Each tag once, and no more of them than there can be.
#[tokio::test]
async fn repeated_tags_count_once_and_many_are_refused() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    assert_eq!(summary(&client, "All", &["NetLiquidation"; 200]).await.len(), 1);
    let many: Vec<String> = (0..200).map(|number| format!("$LEDGER:{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut rows = client.account_summary(&AccountGroup::from("All"), &many).await.unwrap();
    assert!(matches!(soon(rows.next()).await.unwrap(), Err(ibapi::Error::Notice(notice)) if notice.code == 321));
    sim.shutdown().await;
}

async fn positions(client: &Client) -> Vec<Position> {
    let mut rows = soon(client.positions()).await.unwrap().filter_data();
    let mut found = Vec::new();
    loop {
        match soon(rows.next()).await.expect("an end").unwrap() {
            PositionUpdate::Position(row) => found.push(row),
            PositionUpdate::PositionEnd => return found,
        }
    }
}

#[tokio::test]
async fn positions_show_three_stocks_and_a_spread() {
    let sim = friday().await;
    let client = client(&sim, 1).await;
    let rows = positions(&client).await;
    let held: Vec<(&str, f64)> = rows.iter().map(|row| (row.contract.local_symbol.as_str(), row.position)).collect();
    assert_eq!(held, [("AAPL", 100.0), ("MSFT", 75.0), ("SPY", 200.0), ("AAPL  270115C00275000", 5.0), ("AAPL  270115C00290000", -5.0)]);
    // As captured: a stock's exchange field holds its primary exchange, an option's is empty.
    let captured = include_str!("../data/positions.txt");
    for fact in [
        r#""symbol":"AAPL","sec_type":"STK","con_id":265598,"exchange":"NASDAQ","currency":"USD","primary_exchange":"""#,
        r#""right":"P","multiplier":"100","exchange":"","currency":"USD","primary_exchange":"""#,
    ] {
        assert!(captured.contains(fact), "{fact}");
    }
    assert!(rows.iter().all(|row| row.contract.primary_exchange.as_str().is_empty()));
    assert_eq!(rows[0].contract.exchange.as_str(), "NASDAQ");
    assert_eq!((rows[3].contract.exchange.as_str(), rows[3].contract.multiplier.as_str()), ("", "100"));
    assert!(rows.iter().all(|row| row.account == ACCOUNT));
    sim.shutdown().await;
}

async fn change(sim: &Sim, quantity: i32) {
    let body = format!(r#"{{"account":"{ACCOUNT}","positions":[{{"con_id":{APPLE},"quantity":{quantity}}}]}}"#);
    post(sim, "/account", &body).await;
}

#[tokio::test]
async fn positions_stay_live_after_their_end() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let mut rows = client.positions().await.unwrap().filter_data();
    while !matches!(soon(rows.next()).await.unwrap().unwrap(), PositionUpdate::PositionEnd) {}
    change(&sim, 42).await;
    match soon(rows.next()).await.unwrap().unwrap() {
        PositionUpdate::Position(row) => assert_eq!((row.contract.contract_id, row.position), (APPLE, 42.0)),
        other => panic!("{other:?}"),
    }
    sim.shutdown().await;
}

/// What was closed on another day is told to those who saw it, and not listed for the others.
#[tokio::test]
async fn a_closed_position_is_told_and_then_forgotten() {
    let sim = sim().await;
    let one = client(&sim, 1).await;
    let mut rows = one.positions().await.unwrap().filter_data();
    while !matches!(soon(rows.next()).await.unwrap().unwrap(), PositionUpdate::PositionEnd) {}
    change(&sim, 0).await;
    assert!(matches!(soon(rows.next()).await.unwrap().unwrap(), PositionUpdate::Position(row) if row.position == 0.0));
    let other = client(&sim, 2).await;
    let listed = positions(&other).await;
    assert!(listed.len() == 4 && listed.iter().all(|row| row.position != 0.0), "{listed:?}");
    let mut rows = other.account_updates(&AccountId::from(ACCOUNT)).await.unwrap().filter_data();
    let mut portfolio = 0;
    loop {
        match soon(rows.next()).await.unwrap().unwrap() {
            AccountUpdate::PortfolioValue(_) => portfolio += 1,
            AccountUpdate::End => break,
            _ => {}
        }
    }
    assert_eq!(portfolio, 4);
    sim.shutdown().await;
}

#[tokio::test]
async fn positions_by_account_end_once_and_stay_live() {
    let sim = start(ib_sim::Settings { accounts: Some(2), ..settings() }).await;
    let client = client(&sim, 1).await;
    let mut rows = client.positions_multi(Some(&AccountId::from(ACCOUNT)), None).await.unwrap().filter_data();
    let mut count = 0;
    while let PositionUpdateMulti::Position(row) = soon(rows.next()).await.unwrap().unwrap() {
        assert_eq!(row.account, ACCOUNT);
        count += 1;
    }
    assert_eq!(count, 5);
    change(&sim, 1).await;
    assert!(matches!(soon(rows.next()).await.unwrap().unwrap(), PositionUpdateMulti::Position(row) if row.position == 1.0));
    sim.shutdown().await;
}

#[tokio::test]
async fn account_updates_carry_values_portfolio_and_an_end_then_changes() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let mut rows = client.account_updates(&AccountId::from(ACCOUNT)).await.unwrap().filter_data();
    let (mut values, mut holdings, mut times) = (BTreeMap::new(), Vec::new(), 0);
    loop {
        match soon(rows.next()).await.unwrap().unwrap() {
            AccountUpdate::AccountValue(row) => drop(values.insert((row.key, row.currency), row.value)),
            AccountUpdate::PortfolioValue(row) => holdings.push(row),
            AccountUpdate::UpdateTime(row) => {
                assert_eq!(row.timestamp.len(), 5);
                times += 1;
            }
            AccountUpdate::End => break,
        }
    }
    assert_eq!((holdings.len(), times), (5, 1));
    let value = |key: &str, currency: &str| values[&(key.to_owned(), currency.to_owned())].parse::<f64>().unwrap();
    let market: f64 = holdings.iter().map(|row| row.market_value).sum();
    assert!((value("NetLiquidation", "USD") - value("TotalCashValue", "USD") - market).abs() < 0.02);
    for row in &holdings {
        let multiplier = row.contract.multiplier.parse::<f64>().unwrap_or(1.0);
        let expected = row.market_price * row.position * multiplier - row.average_cost * row.position;
        assert!((row.unrealized_pnl - expected).abs() < 0.01, "{row:?}");
    }
    change(&sim, 7).await;
    loop {
        if let AccountUpdate::PortfolioValue(row) = soon(rows.next()).await.unwrap().unwrap()
            && row.contract.contract_id == APPLE
        {
            assert_eq!(row.position, 7.0);
            break;
        }
    }
    sim.shutdown().await;
}

#[tokio::test]
async fn account_updates_multi_ends_and_can_be_short() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let mut rows = client.account_updates_multi(Some(&AccountId::from(ACCOUNT)), None).await.unwrap().filter_data();
    let mut keys = Vec::new();
    while let AccountUpdateMulti::AccountMultiValue(row) = soon(rows.next()).await.unwrap().unwrap() {
        keys.push(row.key);
    }
    assert!(keys.contains(&"NetLiquidation".to_owned()) && keys.len() > 40, "{}", keys.len());
    sim.shutdown().await;
}

#[tokio::test]
async fn profit_and_loss_are_pushed_as_time_goes() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let account = AccountId::from(ACCOUNT);
    let mut total = client.pnl(&account, None).await.unwrap().filter_data();
    let mut single = client.pnl_single(&account, ContractId(APPLE), None).await.unwrap().filter_data();
    let (first, one) = (soon(total.next()).await.unwrap().unwrap(), soon(single.next()).await.unwrap().unwrap());
    assert_eq!(one.position, 100.0);
    assert!((one.value / 100.0 * 100.0 - 24_137.0 - one.unrealized_pnl).abs() < 0.01);
    post(&sim, "/clock", r#"{"advance_ms":3600000}"#).await;
    let second = soon(total.next()).await.unwrap().unwrap();
    assert_ne!((first.daily_pnl, first.unrealized_pnl), (second.daily_pnl, second.unrealized_pnl));
    sim.shutdown().await;
}

#[tokio::test]
async fn an_unknown_account_is_refused() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let mut rows = client.pnl(&AccountId::from("U1"), None).await.unwrap();
    assert!(matches!(soon(rows.next()).await.unwrap(), Err(ibapi::Error::Notice(notice)) if notice.code == 321));
    sim.shutdown().await;
}

#[tokio::test]
async fn families_and_users() {
    let sim = sim().await;
    let client = client(&sim, 1).await;
    let codes = soon(client.family_codes()).await.unwrap();
    assert_eq!(codes[0].account_id, ACCOUNT);
    assert!(soon(client.user_info()).await.is_ok());
    sim.shutdown().await;
}
