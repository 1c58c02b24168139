use jiff::civil::date;

use super::*;
use crate::settings::Settings;
use crate::world::World;

const NOW: i64 = 1_795_186_800; // 2026-11-20 10:00 in New York

fn world() -> World {
    World::new(&Settings::default(), true, NOW).unwrap()
}

fn stock(symbol: &str, exchange: &str, currency: &str) -> Contract {
    Contract { symbol: symbol.into(), sec_type: "STK".into(), exchange: exchange.into(), currency: currency.into(), ..Contract::default() }
}

fn ids(query: &Contract) -> Result<Vec<i32>, i32> {
    let world = world();
    let found = world.contracts.find(query, date(2026, 11, 20));
    found.map(|rows| rows.iter().map(|row| row.contract.con_id).collect()).map_err(|error| error.code)
}

#[test]
fn finds_by_every_key() {
    let by = |change: fn(&mut Contract)| {
        let mut query = Contract::default();
        change(&mut query);
        ids(&query)
    };
    assert_eq!(ids(&stock("AAPL", "SMART", "USD")), Ok(vec![265_598]));
    assert_eq!(ids(&stock("AAPL", "NASDAQ", "")), Ok(vec![265_598]));
    assert_eq!(by(|query| query.con_id = 265_598), Ok(vec![265_598]));
    assert_eq!(
        by(|query| {
            query.sec_id_type = "ISIN".into();
            query.sec_id = "US5949181045".into();
        }),
        Ok(vec![272_093])
    );
    assert_eq!(
        by(|query| {
            query.local_symbol = "EUR.USD".into();
            query.sec_type = "CASH".into();
        }),
        Ok(vec![12_087_792])
    );
    assert_eq!(
        by(|query| {
            query.local_symbol = "AAPL  270115C00275000".into();
            query.sec_type = "OPT".into();
        }),
        Ok(vec![800_000_101])
    );
}

#[test]
fn incomplete_is_ambiguous_and_wrong_finds_nothing() {
    assert_eq!(ids(&stock("SAP", "SMART", "")), Ok(vec![14_204, 7_015]));
    assert_eq!(ids(&stock("SAP", "SMART", "EUR")), Ok(vec![14_204]));
    assert_eq!(ids(&stock("SAP", "IBIS", "")), Ok(vec![14_204]));
    assert_eq!(world().contracts.only(&stock("SAP", "SMART", ""), date(2026, 11, 20)).unwrap_err().code, 200);
    for wrong in [
        stock("NOPE", "SMART", "USD"),
        stock("AAPL", "SMART", "EUR"),
        stock("AAPL", "IBIS", "USD"),
        Contract { con_id: 1, ..Contract::default() },
        Contract { con_id: 265_598, sec_type: "OPT".into(), ..Contract::default() },
    ] {
        assert_eq!(ids(&wrong), Err(200), "{wrong:?}");
    }
    assert_eq!(ids(&Contract { symbol: "AAPL".into(), ..Contract::default() }), Err(321));
    assert_eq!(ids(&Contract { sec_type: "STK".into(), ..Contract::default() }), Err(321));
}

#[test]
fn the_future_chain_follows_the_date() {
    let chain = Contract { symbol: "ES".into(), sec_type: "FUT".into(), exchange: "CME".into(), ..Contract::default() };
    let found = ids(&chain).unwrap();
    assert_eq!(&found[..2], [600_202_612, 600_202_703]);
    assert!(ids(&Contract { include_expired: true, ..chain.clone() }).unwrap().len() > found.len());
    assert_eq!(ids(&Contract { expiry: "202703".into(), ..chain.clone() }), Ok(vec![600_202_703]));
    assert_eq!(ids(&Contract { sec_type: "CONTFUT".into(), ..chain.clone() }), Ok(vec![600_202_612]));
    assert_eq!(ids(&Contract { local_symbol: "ESZ6".into(), symbol: String::new(), ..chain }), Ok(vec![600_202_612]));
}

/// The captured details of AAPL, and what a position shows of it.
#[test]
fn apple_is_as_captured() {
    let captured = include_str!("../../tests/data/contract_details_aapl.txt");
    let world = world();
    let row = world.contracts.get(265_598).unwrap();
    let (contract, details) = (row.routed("SMART"), row.details(world.calendar, date(2026, 11, 20)));
    for fact in [
        format!("\"primary_exchange\":\"{}\"", contract.primary_exchange),
        format!("\"local_symbol\":\"{}\",\"con_id\":{}", contract.local_symbol, contract.con_id),
        format!("\"trading_class\":\"{}\"", contract.trading_class),
        format!("\"market_name\":\"{}\",\"min_tick\":\"{}\"", details.market_name, details.min_tick),
        format!("\"long_name\":\"{}\",\"time_zone_id\":\"{}\"", details.long_name, details.time_zone_id),
    ] {
        assert!(captured.contains(&fact), "{fact}");
    }
    assert_eq!((row.held().exchange.as_str(), row.held().primary_exchange.as_str()), ("NASDAQ", ""));
}

#[test]
fn rules_and_exchanges_come_in_pairs() {
    let world = world();
    for row in world.contracts.iter() {
        let details = row.details(world.calendar, date(2026, 11, 20));
        assert_eq!(details.market_rule_ids.split(',').count(), details.valid_exchanges.split(',').count(), "{}", row.contract.local_symbol);
        assert!(world.market_rule(row.market_rule).is_some(), "{}", row.market_rule);
    }
}
