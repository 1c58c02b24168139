use jiff::civil::date;

use super::*;
use crate::proto::types::Contract;
use crate::settings::Settings;
use crate::world::World;

/// A Friday, 10:00 in New York.
const NOW: i64 = 1_795_186_800;
const TODAY: Date = date(2026, 11, 20);

fn world() -> World {
    World::new(&Settings::default(), false, NOW).unwrap()
}

fn option(symbol: &str) -> Contract {
    Contract { symbol: symbol.into(), sec_type: "OPT".into(), exchange: "SMART".into(), currency: "USD".into(), ..Contract::default() }
}

#[test]
fn a_query_is_answered_as_far_as_it_goes() {
    let world = world();
    let found = |change: fn(&mut Contract)| {
        let mut query = option("AAPL");
        change(&mut query);
        world.contracts.find(&query, TODAY).map(|rows| rows.into_iter().map(|row| row.contract.clone()).collect::<Vec<_>>())
    };
    let one = found(|query| {
        query.expiry = "20261218".into();
        query.strike = Some(270.0);
        query.right = "CALL".into();
    });
    let one = one.unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!((one[0].local_symbol.as_str(), one[0].trading_class.as_str()), ("AAPL  261218C00270000", "AAPL"));
    assert_eq!((one[0].multiplier, one[0].right.as_str()), (Some(100.0), "C"));
    let day = found(|query| query.expiry = "20261218".into()).unwrap();
    assert!(day.len() > 40 && day.iter().all(|row| row.expiry == "20261218"), "{}", day.len());
    let month = found(|query| query.expiry = "202612".into()).unwrap();
    assert!(month.len() > day.len() && month.iter().all(|row| row.expiry.starts_with("202612")));
    let puts = found(|query| {
        query.expiry = "202612".into();
        query.right = "P".into();
    });
    assert_eq!(puts.unwrap().len() * 2, month.len());
    for wrong in [
        (|query| query.strike = Some(271.0)) as fn(&mut Contract),
        |query| query.expiry = "20261217".into(),
        |query| query.trading_class = "AAPLW".into(),
        |query| query.exchange = "NYSE".into(),
        |query| query.multiplier = Some(10.0),
        |query| query.symbol = "NOPE".into(),
    ] {
        assert_eq!(found(wrong).unwrap_err().code, 200);
    }
}

#[test]
fn every_contract_has_an_id_of_its_own_that_leads_back() {
    let world = world();
    let mut seen = std::collections::HashSet::new();
    for symbol in ["AAPL", "BRK B", "AMC"] {
        for row in world.contracts.find(&option(symbol), TODAY).unwrap() {
            assert!(seen.insert(row.contract.con_id), "{}", row.contract.local_symbol);
            let again = world.contracts.get(row.contract.con_id).unwrap();
            assert_eq!(again.contract, row.contract);
        }
    }
    assert!(world.contracts.get(i32::MAX).is_none());
}

#[test]
fn an_id_chosen_by_the_scenario_replaces_the_computed_one() {
    let world = world();
    let row = world.contracts.get(800_000_101).unwrap();
    assert_eq!(row.contract.local_symbol, "AAPL  270115C00275000");
    let class = world.contracts.chains().of(265_598).next().unwrap();
    let computed = class.block.id(date(2027, 1, 15), class.grid.code(275.0).unwrap(), true);
    assert!(world.contracts.get(computed).is_none());
    let put = world.contracts.get(computed + 1).unwrap();
    assert_eq!(put.contract.local_symbol, "AAPL  270115P00275000");
}

#[test]
fn parameters_list_every_exchange_and_class() {
    let world = world();
    let rows = world.secdef("AAPL", "", "STK", 265_598, TODAY).unwrap();
    assert!(rows.len() > 15 && rows.iter().any(|row| row.exchange == "SMART") && rows.iter().any(|row| row.exchange == "CBOE"));
    let smart = &rows[0];
    assert_eq!((smart.trading_class.as_str(), smart.multiplier.as_str(), smart.underlying_con_id), ("AAPL", "100", 265_598));
    assert!(smart.expirations.is_sorted() && smart.expirations.len() > 10 && smart.strikes.is_sorted());
    assert_eq!(smart.expirations[0], "20261120");
    let classes = |symbol: &str, kind: &str, con_id| {
        let rows = world.secdef(symbol, "", kind, con_id, TODAY).unwrap();
        rows.into_iter().filter(|row| row.exchange == "SMART").map(|row| row.trading_class).collect::<Vec<_>>()
    };
    assert_eq!(classes("SPX", "IND", 416_904), ["SPX", "SPXW"]);
    assert_eq!(classes("NVO", "STK", 700_000_906), ["NVO", "2NVO"]);
    assert_eq!(classes("VIX", "IND", 13_455_763), ["VIX", "VIXW"]);
    assert_eq!(classes("BRK B", "STK", 72_063_691), ["BRKB"]);
    assert!(classes("7203", "STK", 13_905_720).is_empty() && classes("ZVZZT", "STK", 700_001_046).is_empty());
    let one = world.secdef("AAPL", "CBOE", "STK", 265_598, TODAY).unwrap();
    assert_eq!(one.iter().map(|row| row.exchange.as_str()).collect::<Vec<_>>(), ["CBOE"]);
    let refused = |symbol: &str, kind: &str, con_id| world.secdef(symbol, "", kind, con_id, TODAY).unwrap_err().code;
    assert_eq!(
        (refused("AAPL", "STK", 0), refused("AAPL", "IND", 265_598), refused("MSFT", "STK", 265_598), refused("", "STK", 77)),
        (321, 200, 200, 200)
    );
}

/// What makes chains hard: the union of strikes has pairs that no exchange lists.
#[test]
fn not_every_strike_exists_on_every_day() {
    let world = world();
    for (symbol, kind, con_id) in [("AAPL", "STK", 265_598), ("SPX", "IND", 416_904), ("SPY", "STK", 756_733)] {
        for row in world.secdef(symbol, "SMART", kind, con_id, TODAY).unwrap() {
            let class = world.contracts.chains().of(con_id).find(|class| class.name() == row.trading_class).unwrap();
            let listed = class.series().iter().filter(|series| series.is_listed(TODAY));
            let counts: Vec<usize> = listed.map(|series| class.listed(series, None, TODAY).count()).collect();
            assert_eq!(counts.len(), row.expirations.len());
            assert!(counts.iter().all(|count| (20..900).contains(count)), "{} {counts:?}", row.trading_class);
            let missing = counts.iter().filter(|count| **count < row.strikes.len()).count();
            assert!(missing * 2 > counts.len(), "{} {counts:?} of {}", row.trading_class, row.strikes.len());
        }
    }
}

#[test]
fn morning_options_end_the_day_before_they_settle() {
    let world = world();
    let of = |class: &str, expiry: &str| {
        let query =
            Contract { trading_class: class.into(), expiry: expiry.into(), strike: Some(6600.0), right: "C".into(), ..option("SPX") };
        world.contracts.find(&query, TODAY).map(|rows| (rows[0].contract.clone(), rows[0].details(world.calendar, TODAY)))
    };
    let (monthly, details) = of("SPX", "202612").unwrap();
    assert_eq!((monthly.expiry.as_str(), monthly.local_symbol.as_str()), ("20261217", "SPX   261218C06600000"));
    assert_eq!((details.real_expiration_date.as_str(), details.last_trade_date.as_str()), ("20261218", "20261217"));
    assert_eq!((details.contract_month.as_str(), details.under_sec_type.as_str()), ("202612", "IND"));
    let (weekly, details) = of("SPXW", "20261218").unwrap();
    assert_eq!((weekly.local_symbol.as_str(), details.real_expiration_date.as_str()), ("SPXW  261218C06600000", "20261218"));
    assert_eq!(of("SPX", "20261218").unwrap_err().code, 200);
    let by_symbol = Contract { symbol: String::new(), local_symbol: "SPXW  261218C06600000".into(), ..option("") };
    assert_eq!(world.contracts.only(&by_symbol, TODAY).unwrap().contract, weekly);
}

#[test]
fn chains_roll_with_the_date() {
    let world = world();
    let expiring = Contract { expiry: "20261120".into(), ..option("AAPL") };
    let count = |query: &Contract, today| world.contracts.find(query, today).map(|rows| rows.len()).map_err(|error| error.code);
    let listed = count(&expiring, TODAY).unwrap();
    let tomorrow = date(2026, 11, 21);
    assert_eq!(count(&expiring, tomorrow), Err(200));
    assert_eq!(count(&Contract { include_expired: true, ..expiring.clone() }, tomorrow), Ok(listed));
    let con_id = world.contracts.find(&expiring, TODAY).unwrap()[0].contract.con_id;
    assert_eq!(count(&Contract { con_id, ..Contract::default() }, tomorrow), Err(200));
    // Not listed before its time either.
    let later = Contract { expiry: "20270212".into(), ..option("AAPL") };
    assert_eq!(count(&later, TODAY), Err(200));
    assert!(count(&later, date(2026, 12, 20)).is_ok());
    let first = |today| world.secdef("SPY", "SMART", "STK", 756_733, today).unwrap()[0].expirations[0].clone();
    assert_eq!((first(TODAY).as_str(), first(tomorrow).as_str()), ("20261120", "20261123"));
    // Years later there are still chains around the price of the day.
    let far = date(2031, 5, 6);
    let class = world.contracts.chains().of(265_598).next().unwrap();
    let price = class.pattern.level(far);
    let row = &world.secdef("AAPL", "SMART", "STK", 265_598, far).unwrap()[0];
    assert!(
        row.expirations.len() > 10 && row.strikes.iter().any(|strike| *strike < price) && row.strikes.iter().any(|strike| *strike > price)
    );
}

/// The account's spread expires in the month after next: the default scenario must load on every date.
#[test]
fn the_default_scenario_loads_on_every_date() {
    let mut on = date(2026, 1, 1);
    while on < date(2027, 7, 1) {
        let noon = on.at(17, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second();
        assert!(World::new(&Settings::default(), true, noon).is_ok(), "{on}");
        on = crate::world::calendar::add(on, jiff::ToSpan::days(9));
    }
}

#[test]
fn futures_have_options_of_their_own() {
    let world = world();
    let rows = world.secdef("ES", "CME", "FUT", 600_202_612, TODAY).unwrap();
    let classes: Vec<&str> = rows.iter().map(|row| row.trading_class.as_str()).collect();
    assert_eq!(classes, ["ES", "EW", "EW1", "EW2", "EW3", "EW4"]);
    assert!(rows.iter().all(|row| row.exchange == "CME" && row.multiplier == "50" && row.strikes.len() > 100));
    assert_eq!((&rows[0].expirations, &rows[1].expirations), (&vec!["20261218".to_owned()], &vec!["20261130".to_owned()]));
    assert!(world.secdef("ES", "CBOE", "FUT", 600_202_612, TODAY).unwrap().is_empty());
    // An option belongs to the future that ends next after it.
    let march = world.secdef("ES", "", "FUT", 600_202_703, TODAY).unwrap();
    let months = march.iter().find(|row| row.trading_class == "EW").unwrap();
    assert_eq!(months.expirations, ["20261231", "20270129", "20270226"]);
    let query = Contract {
        symbol: "ES".into(),
        sec_type: "FOP".into(),
        exchange: "CME".into(),
        expiry: "20261211".into(),
        strike: Some(6600.0),
        right: "P".into(),
        ..Contract::default()
    };
    let put = world.contracts.only(&query, TODAY).unwrap();
    assert_eq!((put.contract.local_symbol.as_str(), put.contract.trading_class.as_str()), ("EW2Z6 P6600", "EW2"));
    assert_eq!(world.contracts.get(put.contract.con_id).unwrap().contract, put.contract);
    let by_symbol = Contract { symbol: String::new(), local_symbol: "EW2Z6 P6600".into(), ..query };
    assert_eq!(world.contracts.only(&Contract { expiry: String::new(), strike: None, ..by_symbol }, TODAY).unwrap().contract, put.contract);
    assert_eq!(put.details(world.calendar, TODAY).under_sec_type, "FUT");
}

/// No id is used twice over all classes, whatever their kind.
#[test]
fn blocks_of_ids_do_not_overlap() {
    let world = world();
    let blocks: Vec<ids::Block> = world.contracts.chains().classes.iter().map(|class| class.block).collect();
    assert!(blocks.len() > 250);
    assert!(blocks.windows(2).all(|pair| pair[0].next().unwrap() <= pair[1].first), "{blocks:?}");
}
