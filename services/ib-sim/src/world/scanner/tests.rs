use std::collections::BTreeMap;

use super::*;
use crate::settings::Settings;

/// 2026-11-20, a Friday, at 11:07:30 in New York.
const NOW: i64 = 1_795_190_850;

fn world() -> World {
    World::new(&Settings::default(), false, NOW).unwrap()
}

fn asked(code: &str) -> ScannerSubscription {
    let text = |text: &str| Some(text.to_owned());
    ScannerSubscription {
        instrument: text("STK"),
        location_code: text("STK.US.MAJOR"),
        scan_code: text(code),
        ..ScannerSubscription::default()
    }
}

fn found(world: &World, asked: &ScannerSubscription) -> Vec<ScannerRow> {
    world.scan(&Search::read(asked).unwrap(), NOW)
}

fn change(world: &World, row: &ScannerRow) -> f64 {
    let row = world.contracts.get(row.contract.con_id).unwrap();
    world.mark(row, NOW) / world.previous_close(row, NOW) - 1.0
}

#[test]
fn gainers_and_losers_are_ranked_by_the_markets_own_prices() {
    let world = world();
    let (up, down) = (found(&world, &asked("TOP_PERC_GAIN")), found(&world, &asked("TOP_PERC_LOSE")));
    assert_eq!((up.len(), down.len()), (MAX_ROWS, MAX_ROWS));
    assert!(up.windows(2).all(|pair| change(&world, &pair[0]) >= change(&world, &pair[1])));
    assert!(down.windows(2).all(|pair| change(&world, &pair[0]) <= change(&world, &pair[1])));
    assert!(change(&world, &up[0]) > 0.0 && change(&world, &down[0]) < 0.0);
    assert!((0..).zip(&up).all(|(rank, row)| row.rank == rank));
    assert_eq!((up[0].contract.sec_type.as_str(), up[0].contract.exchange.as_str()), ("STK", "SMART"));
    assert!(!up[0].market_name.is_empty() && !up[0].contract.primary_exchange.is_empty());
}

/// The sum of the quarters, minutes and seconds so far is what the day's bar shows.
#[test]
fn the_day_so_far_is_that_of_the_daily_bar() {
    let world = world();
    let query = crate::proto::request::HistoryQuery {
        req_id: 1,
        contract: crate::proto::types::Contract { con_id: 265_598, ..Default::default() },
        end: String::new(),
        bar_size: "1 day".into(),
        duration: "1 D".into(),
        use_rth: false,
        what_to_show: "TRADES".into(),
        format_date: 1,
        keep_up_to_date: false,
    };
    let crate::world::history::Answer::Bars { rows, .. } = world.answer(&world.plan(&query, NOW).unwrap()) else { panic!("bars") };
    let day = world.day_so_far(world.contracts.get(265_598).unwrap(), NOW).unwrap();
    let bar = rows.last().unwrap();
    assert_eq!((bar.volume.clone(), bar.count), (day.volume.to_string(), i32::try_from(day.trades).unwrap()));
}

#[test]
fn filters_and_rows_narrow_a_scan() {
    let world = world();
    let all = found(&world, &asked("MOST_ACTIVE"));
    let dear = found(&world, &ScannerSubscription { above_price: Some(300.0), ..asked("MOST_ACTIVE") });
    let price = |row: &ScannerRow| world.mark(world.contracts.get(row.contract.con_id).unwrap(), NOW);
    assert!(!dear.is_empty() && dear.iter().all(|row| price(row) >= 300.0) && all.iter().any(|row| price(row) < 300.0));
    let three = found(&world, &ScannerSubscription { number_of_rows: Some(3), ..asked("MOST_ACTIVE") });
    assert_eq!(three, all[..3]);
    let options = BTreeMap::from([("changePercAbove".to_owned(), "0.5".to_owned())]);
    let risen = found(&world, &ScannerSubscription { scanner_subscription_filter_options: options, ..asked("MOST_ACTIVE") });
    assert!(!risen.is_empty() && risen.iter().all(|row| change(&world, row) >= 0.005));
    let large = found(&world, &ScannerSubscription { market_cap_above: Some(1e6), ..asked("MOST_ACTIVE") });
    let small = found(&world, &ScannerSubscription { market_cap_below: Some(1e6), ..asked("MOST_ACTIVE") });
    assert!(!large.is_empty() && large.iter().all(|row| !small.contains(row)));
    let funds = found(&world, &ScannerSubscription { stock_type_filter: Some("ETF".into()), ..asked("MOST_ACTIVE") });
    let kind = |row: &ScannerRow| world.contracts.get(row.contract.con_id).unwrap().stock_type.clone();
    assert!(!funds.is_empty() && funds.iter().all(|row| kind(row) == "ETF"));
    let nyse = found(&world, &ScannerSubscription { location_code: Some("STK.NYSE".into()), ..asked("MOST_ACTIVE") });
    assert!(!nyse.is_empty() && nyse.iter().all(|row| row.contract.primary_exchange == "NYSE"));
    assert!(found(&world, &ScannerSubscription { above_price: Some(1e9), ..asked("MOST_ACTIVE") }).is_empty());
}

#[test]
fn what_cannot_be_scanned_is_refused() {
    let code = |asked: &ScannerSubscription| Search::read(asked).unwrap_err().code;
    assert_eq!(code(&asked("TOP_NONSENSE")), 162);
    assert_eq!(code(&ScannerSubscription { location_code: Some("STK.MOON".into()), ..asked("MOST_ACTIVE") }), 162);
    // Index levels have no volume to rank by.
    let indexes = ScannerSubscription { instrument: Some("IND.US".into()), location_code: Some("IND.US".into()), ..asked("MOST_ACTIVE") };
    assert_eq!(code(&indexes), 162);
    assert_eq!(code(&ScannerSubscription { scan_code: None, ..asked("MOST_ACTIVE") }), 321);
    let options = BTreeMap::from([("shoeSizeAbove".to_owned(), "1".to_owned())]);
    assert_eq!(code(&ScannerSubscription { scanner_subscription_filter_options: options, ..asked("MOST_ACTIVE") }), 162);
}

#[test]
fn every_code_of_the_document_works() {
    let (world, xml) = (world(), document());
    let codes = |tag: &str| {
        let close = format!("</{tag}>");
        xml.split(&format!("<{tag}>")).skip(1).map(|rest| rest.split_once(close.as_str()).unwrap().0.to_owned()).collect::<Vec<_>>()
    };
    let scans = codes("scanCode");
    assert!(scans.len() > 10 && codes("locationCode").contains(&"STK.US.MAJOR".to_owned()));
    for code in scans {
        let rows = found(&world, &asked(&code));
        assert!(code == "HALTED" || !rows.is_empty(), "{code}");
    }
    for (opened, closed) in [("<Location>", "</Location>"), ("<LocationTree ", "</LocationTree>"), ("<ScanType>", "</ScanType>")] {
        assert_eq!(xml.matches(opened).count(), xml.matches(closed).count());
    }
}
