//! Expirations, strikes and classes.

use schemas::{
    Num,
    options::{ChainParams, Expirations, ExpirationsParams, Prefer, Settlement},
};

use crate::support::{ask, options, scenario, symbol, until_no_lines};

#[tokio::test]
async fn expirations_are_asked_once_grouped_and_cut_to_pages() {
    let rig = options(ib_sim::Settings::default()).await;
    let params = ExpirationsParams { contract: symbol("AAPL"), ..ExpirationsParams::default() };
    let told = rig.ask::<Expirations>(&params).await.expect("expirations");
    assert!(told.expirations.is_sorted() && told.expirations.len() > 8, "{:?}", told.expirations);
    assert_eq!((told.underlying_conid, told.truncated, told.next), (265_598, false, None));
    let chain = &told.chains[0];
    assert_eq!((chain.trading_class.as_str(), chain.multiplier, chain.exchange.as_str()), ("AAPL", Num::from(100), "SMART"));
    assert!(chain.strikes.is_sorted() && chain.strikes_total as usize == chain.strikes.len() && chain.strikes.len() > 50);

    let middle = chain.strikes[chain.strikes.len() / 2];
    let paged = ExpirationsParams { min_strike: Some(middle), limit: Some(5), offset: Some(5), ..params.clone() };
    let page = rig.ask::<Expirations>(&paged).await.expect("a page");
    assert_eq!(
        page.chains[0].strikes,
        chain.strikes.iter().filter(|strike| **strike >= middle).skip(5).take(5).copied().collect::<Vec<_>>()
    );
    assert_eq!((page.truncated, page.next), (true, Some(10)));
    assert_eq!(rig.requests("SecDefOptParams").await.len(), 1, "{:?}", rig.requests("SecDefOptParams").await);
    assert!(rig.requests("MarketData").await.is_empty());
}

#[tokio::test]
async fn an_index_has_two_classes_on_one_date_and_the_afternoons_is_taken() {
    // The week before a third Friday: the monthly, whose last day is the Thursday, beside the Thursday's own.
    let clock = "2026-12-10T10:00:00-05:00".parse().expect("a moment");
    let rig = options(ib_sim::Settings { clock, ..ib_sim::Settings::default() }).await;
    let params = ExpirationsParams { contract: symbol("SPX"), ..ExpirationsParams::default() };
    let told = rig.ask::<Expirations>(&params).await.expect("expirations");
    let of = |class: &str| told.chains.iter().find(|chain| chain.trading_class == class).expect("a class").expirations.clone();
    let (monthly, weekly) = (of("SPX"), of("SPXW"));
    let both = monthly.iter().find(|date| weekly.contains(date)).expect("a date with both").clone();
    let chain = ChainParams { contract: symbol("SPX"), expiration: both, strikes: Some(2), ..ChainParams::default() };
    let afternoon = ask(&rig, &chain).await.expect("a chain");
    assert_eq!((afternoon.trading_class.as_str(), afternoon.other_classes.as_slice()), ("SPXW", ["SPX".to_owned()].as_slice()));
    assert!(afternoon.rows.iter().all(|row| row.settlement == Settlement::Pm));
    let morning = ask(&rig, &ChainParams { trading_class: Some("SPX".to_owned()), ..chain }).await.expect("the other");
    assert_eq!((morning.trading_class.as_str(), morning.other_classes.as_slice()), ("SPX", ["SPXW".to_owned()].as_slice()));
    assert!(morning.rows.iter().all(|row| row.settlement == Settlement::Am && row.last_trade_time.is_some()));
    until_no_lines(&rig).await;
}

#[tokio::test]
async fn a_symbol_of_a_stock_and_an_index_is_what_the_caller_prefers() {
    let (sim, _folder) = scenario(|text| text.replace("symbol = \"KMI\"", "symbol = \"NDX\""));
    let rig = options(sim).await;
    let ask = async |symbol_: &str, prefer| {
        let params = ExpirationsParams { contract: symbol(symbol_), prefer, ..ExpirationsParams::default() };
        let told = rig.ask::<Expirations>(&params).await.expect("expirations");
        (told.underlying.sec_type, told.underlying.assumed)
    };
    for stock in [None, Some(Prefer::Stock)] {
        assert_eq!(ask("NDX", stock).await, ("STK".to_owned(), Vec::new()));
    }
    assert_eq!(ask("NDX", Some(Prefer::Index)).await, ("IND".to_owned(), Vec::new()));
    let yielded = vec!["STK on SMART, because no index is called AAPL".to_owned()];
    assert_eq!(ask("AAPL", Some(Prefer::Index)).await, ("STK".to_owned(), yielded));
}

#[tokio::test]
async fn the_contracts_of_a_date_are_learned_by_one_question() {
    let rig = options(ib_sim::Settings::default()).await;
    let params = crate::support::chain_of(&rig, "AAPL").await;
    for strikes in [2, 5, 9] {
        ask(&rig, &ChainParams { strikes: Some(strikes), ..params.clone() }).await.expect("a chain");
    }
    let asked = rig.requests("ContractData").await;
    let of_options = asked.iter().filter(|entry| entry["fields"]["contract"]["sec_type"] == "OPT").count();
    assert_eq!(of_options, 1, "{asked:?}");
    assert!(rig.requests("MarketData").await.iter().all(|entry| entry["error"].is_null()));
    until_no_lines(&rig).await;
}
