use jiff::civil::date;

use super::*;
use crate::settings::Settings;

/// 2026-11-20 11:07:30 in New York.
const NOW: i64 = 1_795_190_850;
const TODAY: Date = Date::constant(2026, 11, 20);

fn events(asked: &WshEventDataRequest) -> Vec<Value> {
    let world = World::new(&Settings::default(), false, NOW).unwrap();
    let text = world.corporate_events(&Query::read(asked, TODAY).unwrap());
    serde_json::from_str::<Value>(&text).unwrap().as_array().unwrap().clone()
}

fn of(con_id: i32) -> WshEventDataRequest {
    WshEventDataRequest { con_id: Some(con_id), ..WshEventDataRequest::default() }
}

fn filtered(filter: &str) -> WshEventDataRequest {
    WshEventDataRequest { filter: Some(filter.to_owned()), ..WshEventDataRequest::default() }
}

#[test]
fn a_company_reports_four_times_a_year() {
    let asked = WshEventDataRequest { start_date: Some("20260101".into()), end_date: Some("20261231".into()), ..of(265_598) };
    let all = events(&asked);
    let earnings: Vec<&Value> = all.iter().filter(|event| event["event_type"] == "wshe_ed").collect();
    assert_eq!(earnings.len(), 4);
    assert!(all.iter().all(|event| event["conids"] == json!(["265598"])));
    assert!(all.windows(2).all(|pair| pair[0]["index_date"].as_str() <= pair[1]["index_date"].as_str()));
    assert_eq!(earnings[0]["data"]["earnings_date"], earnings[0]["index_date"]);
    assert_eq!((&earnings[0]["data"]["fiscal_year"], &earnings[0]["data"]["quarter"]), (&json!("2025"), &json!("Q4")));
}

#[test]
fn a_filter_picks_companies_and_kinds() {
    let both = events(&filtered(r#"{"country":"All","watchlist":["265598",272093],"wshe_ed":"true"}"#));
    let ids: BTreeSet<String> = both.iter().map(|event| event["conids"][0].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, BTreeSet::from(["265598".to_owned(), "272093".to_owned()]));
    assert!(both.iter().all(|event| event["event_type"] == "wshe_ed"));
    assert_eq!(events(&filtered(r#"{"watchlist":["265598"],"limit":1}"#)).len(), 1);
    let rivals = WshEventDataRequest { fill_competitors: Some(true), ..filtered(r#"{"watchlist":["265598"],"wshe_ed":"true"}"#) };
    assert!(events(&rivals).len() > events(&filtered(r#"{"watchlist":["265598"],"wshe_ed":"true"}"#)).len());
    let held = WshEventDataRequest { fill_portfolio: Some(true), ..filtered("{}") };
    assert!(!events(&held).is_empty() && events(&filtered("{}")).is_empty());
}

/// Ten thousand years of reports of every company would fill the memory.
#[test]
fn far_dates_are_cut() {
    let ever = |text: &str| Some(text.to_owned());
    let asked = WshEventDataRequest { start_date: ever("00010101"), end_date: ever("99991231"), ..of(265_598) };
    let query = Query::read(&asked, TODAY).unwrap();
    assert_eq!((query.from, query.to), (date(2021, 11, 20), date(2031, 11, 20)));
    assert_eq!(events(&WshEventDataRequest { start_date: ever("99990101"), end_date: None, ..of(265_598) }), Vec::<Value>::new());
}

#[test]
fn one_scope_and_readable_dates_are_wanted() {
    let code = |asked: &WshEventDataRequest| Query::read(asked, TODAY).unwrap_err().code;
    assert_eq!(code(&WshEventDataRequest::default()), 10_309);
    assert_eq!(code(&WshEventDataRequest { con_id: Some(1), ..filtered("{}") }), 10_309);
    assert_eq!(code(&filtered("not json")), 10_283);
    assert_eq!(code(&WshEventDataRequest { start_date: Some("tomorrow".into()), ..of(1) }), 10_283);
    // Funds report nothing, and an unknown contract neither.
    assert_eq!(events(&of(1)), Vec::<Value>::new());
}

#[test]
fn dates_fall_on_workdays() {
    assert_eq!(workday(date(2026, 11, 21)), date(2026, 11, 23));
    assert_eq!(workday(date(2026, 11, 20)), date(2026, 11, 20));
    let meta: Value = serde_json::from_str(&meta_data()).unwrap();
    assert_eq!(meta["meta_data"]["event_types"][0]["tag"], "wshe_ed");
}
