use super::*;
use crate::kept::Freshness;

const ACCOUNT: &str = "DUSIM00001";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("timestamp")
}

fn position(conid: i32, quantity: i64) -> Push {
    let contract = Contract {
        conid,
        symbol: format!("S{conid}"),
        sec_type: "STK".into(),
        exchange: "SMART".into(),
        currency: "USD".into(),
        primary_exchange: None,
        local_symbol: None,
        trading_class: None,
        expiry: None,
        strike: None,
        right: None,
        multiplier: None,
        name: None,
        assumed: Vec::new(),
    };
    Push::Position {
        account: ACCOUNT.into(),
        contract: Box::new(contract),
        model: String::new(),
        quantity: Num::from(quantity),
        avg_cost: Num::from(100),
    }
}

fn market(conid: i32, price: i64) -> Push {
    let market =
        Market { price: Some(Num::from(price)), value: Some(Num::from(price * 10)), unrealized: Some(Num::from(5)), realized: None };
    Push::Market { account: ACCOUNT.into(), conid, market }
}

fn value(tag: &str, text: &str) -> Push {
    Push::Value { from: Source::Updates, account: ACCOUNT.into(), tag: tag.into(), currency: "USD".into(), value: text.into() }
}

fn sources() -> [Source; 2] {
    [Source::Updates, Source::Positions(ACCOUNT.into())]
}

fn begun() -> Store {
    let mut store = Store::default();
    store.upstream(true, at(0));
    store.begin(&[ACCOUNT.to_owned()], sources());
    store
}

/// A store whose subscription has told one holding at 190 and a value.
fn complete() -> Store {
    let mut store = begun();
    for push in [value("NetLiquidation", "1000"), position(1, 10), market(1, 190)] {
        store.apply(push, at(0));
    }
    for source in sources() {
        store.apply(Push::End(source), at(1));
    }
    store
}

fn holdings(store: &Store) -> Vec<i32> {
    store
        .snapshot()
        .accounts
        .get(ACCOUNT)
        .map(|kept| kept.holdings.iter().map(|holding| holding.contract.conid).collect())
        .unwrap_or_default()
}

#[test]
fn nothing_is_told_before_every_end_mark() {
    let mut store = begun();
    store.apply(position(1, 10), at(0));
    store.apply(Push::End(Source::Updates), at(1));
    assert_eq!(store.snapshot().freshness(at(1)), Freshness::Missing);
    assert_eq!(holdings(&store), Vec::<i32>::new());
    store.apply(Push::End(Source::Positions(ACCOUNT.into())), at(2));
    assert_eq!((store.snapshot().freshness(at(2)), holdings(&store)), (Freshness::Fresh, vec![1]));
}

#[test]
fn an_account_without_anything_is_complete_and_empty() {
    let mut store = begun();
    for source in sources() {
        store.apply(Push::End(source), at(1));
    }
    let kept = store.snapshot();
    assert_eq!((kept.freshness(at(1)), kept.accounts.len()), (Freshness::Fresh, 1));
}

#[test]
fn holdings_carry_what_they_are_worth() {
    let kept = complete().snapshot();
    let account = &kept.accounts[ACCOUNT];
    let holding = &account.holdings[0];
    assert_eq!(
        (holding.quantity, holding.market_price, holding.market_value),
        (Num::from(10), Some(Num::from(190)), Some(Num::from(1_900)))
    );
    assert_eq!(account.value("NetLiquidation", Some("USD")).and_then(KeptValue::number), Some(Num::from(1_000)));
    assert_eq!(account.value("NetLiquidation", Some("EUR")), None);
}

#[test]
fn a_position_of_zero_is_removed() {
    let mut store = complete();
    store.apply(position(1, 0), at(2));
    store.apply(position(2, 0), at(2));
    assert_eq!(holdings(&store), Vec::<i32>::new());
}

#[test]
fn a_disconnect_keeps_the_content_as_stale_for_a_quarter_of_an_hour() {
    let mut store = complete();
    store.alive(at(60));
    store.lost();
    let kept = store.snapshot();
    assert_eq!((kept.freshness(at(61)), kept.alive_at, holdings(&store)), (Freshness::Stale, Some(at(60)), vec![1]));
    assert_eq!(kept.freshness(at(60 + 900)), Freshness::Stale);
    assert_eq!(kept.freshness(at(60 + 901)), Freshness::Expired);
    store.alive(at(70));
    assert_eq!(store.snapshot().alive_at, Some(at(60)), "a check of a session without the subscription proves nothing");
}

#[test]
fn a_new_subscription_replaces_the_old_content_only_when_it_is_complete() {
    let mut store = complete();
    store.lost();
    store.begin(&[ACCOUNT.to_owned()], sources());
    store.apply(position(2, 7), at(100));
    assert_eq!((holdings(&store), store.snapshot().freshness(at(100))), (vec![1], Freshness::Stale), "no flicker, and not called fresh");
    for source in sources() {
        store.apply(Push::End(source), at(101));
    }
    assert_eq!((holdings(&store), store.snapshot().freshness(at(101))), (vec![2], Freshness::Fresh));
}

#[test]
fn prices_outlive_a_reconnect_until_new_ones_come() {
    let mut store = complete();
    store.lost();
    store.begin(&[ACCOUNT.to_owned()], sources());
    store.apply(position(1, 12), at(100));
    for source in sources() {
        store.apply(Push::End(source), at(101));
    }
    let price = |store: &Store| store.snapshot().accounts[ACCOUNT].holdings[0].market_price;
    assert_eq!(price(&store), Some(Num::from(190)));
    store.apply(market(1, 200), at(102));
    assert_eq!(price(&store), Some(Num::from(200)));
}

#[test]
fn losing_ibs_servers_makes_it_stale_and_their_return_fresh_again() {
    let mut store = complete();
    store.upstream(false, at(10));
    assert_eq!(store.snapshot().freshness(at(11)), Freshness::Stale);
    store.alive(at(20));
    assert_eq!(store.snapshot().alive_at, Some(at(1)), "the gateway answers, IB does not");
    store.upstream(true, at(30));
    assert_eq!((store.snapshot().freshness(at(30)), store.snapshot().alive_at), (Freshness::Fresh, Some(at(30))));
}

#[test]
fn an_optional_source_is_waited_for_but_not_for_ever() {
    let mut store = Store::default();
    store.upstream(true, at(0));
    store.begin(&[ACCOUNT.to_owned()], [Source::Summary, Source::Ledger(ACCOUNT.into()), Source::Positions(ACCOUNT.into())]);
    store.apply(Push::End(Source::Ledger(ACCOUNT.into())), at(1));
    assert!(!store.settle(at(2)), "positions are missing");
    store.apply(Push::End(Source::Positions(ACCOUNT.into())), at(3));
    assert_eq!(store.snapshot().freshness(at(3)), Freshness::Fresh);
}

#[test]
fn a_push_is_a_proof_of_life_and_a_change() {
    let mut store = complete();
    store.apply(value("NetLiquidation", "1001"), at(50));
    let kept = store.snapshot();
    assert_eq!((kept.alive_at, kept.as_of, kept.complete_at), (Some(at(50)), Some(at(50)), Some(at(1))));
}

#[test]
fn what_the_gateway_answers_from_memory_stays_stale_until_ib_is_back() {
    let mut store = complete();
    store.upstream(false, at(10));
    store.begin(&[ACCOUNT.to_owned()], sources());
    store.apply(position(1, 10), at(20));
    for source in sources() {
        store.apply(Push::End(source), at(21));
    }
    store.apply(market(1, 191), at(22));
    let kept = store.snapshot();
    assert_eq!((kept.freshness(at(22)), kept.alive_at), (Freshness::Stale, Some(at(1))), "neither fresh nor younger");
    store.upstream(true, at(30));
    assert_eq!(store.snapshot().freshness(at(30)), Freshness::Fresh);
}

#[test]
fn an_account_that_the_new_session_has_not_is_forgotten() {
    let mut store = complete();
    store.lost();
    store.begin(&["DU2".to_owned()], [Source::Updates]);
    let kept = store.snapshot();
    assert!(kept.accounts.is_empty(), "{:?}", kept.accounts);
    assert_eq!(kept.freshness(at(2)), Freshness::Missing, "an unknown account is not one without holdings");
    store.apply(Push::End(Source::Updates), at(3));
    assert_eq!(store.snapshot().accounts.keys().collect::<Vec<_>>(), ["DU2"]);
}

#[test]
fn what_an_optional_source_told_goes_with_it_and_comes_back_with_it() {
    let ledger = Source::Ledger(ACCOUNT.into());
    let told = |from: &Source, tag: &str, text: &str| Push::Value {
        from: from.clone(),
        account: ACCOUNT.into(),
        tag: tag.into(),
        currency: "USD".into(),
        value: text.into(),
    };
    let mut store = Store::default();
    store.upstream(true, at(0));
    store.begin(&[ACCOUNT.to_owned()], [Source::Summary, ledger.clone()]);
    for push in
        [told(&Source::Summary, "BuyingPower", "7"), told(&Source::Summary, "NetLiquidation", "1"), told(&ledger, "NetLiquidation", "2")]
    {
        store.apply(push, at(0));
    }
    store.apply(Push::End(Source::Summary), at(1));
    store.apply(Push::End(ledger), at(1));
    let tells = |store: &Store, tag: &str| store.snapshot().accounts[ACCOUNT].value(tag, None).map(|value| value.value.clone());
    assert_eq!(tells(&store, "NetLiquidation").as_deref(), Some("2"), "of two, the one that content cannot do without");
    store.apply(Push::Gone(Source::Summary), at(5));
    assert_eq!((tells(&store, "BuyingPower"), tells(&store, "NetLiquidation").as_deref()), (None, Some("2")));
    let kept = store.snapshot();
    assert_eq!((kept.freshness(at(5)), kept.alive_at, kept.as_of), (Freshness::Fresh, Some(at(1)), Some(at(5))));
    store.apply(told(&Source::Summary, "BuyingPower", "8"), at(6));
    assert_eq!(tells(&store, "BuyingPower").as_deref(), Some("8"));
}

#[test]
fn a_price_that_ends_is_absent_and_is_not_carried_into_the_next_subscription() {
    let mut store = complete();
    store.apply(Push::Gone(Source::Price { account: ACCOUNT.into(), conid: 1, multiplier: Num::from(1) }), at(5));
    let holding = |store: &Store| store.snapshot().accounts[ACCOUNT].holdings[0].clone();
    assert_eq!((holding(&store).market_value, holding(&store).quantity), (None, Num::from(10)));
    store.begin(&[ACCOUNT.to_owned()], sources());
    store.apply(position(1, 10), at(6));
    for source in sources() {
        store.apply(Push::End(source), at(6));
    }
    assert_eq!(holding(&store).market_price, None);
}

#[test]
fn what_is_bought_again_does_not_come_with_its_old_price() {
    let mut store = complete();
    store.apply(position(1, 0), at(5));
    store.apply(position(1, 4), at(9));
    assert_eq!(store.snapshot().accounts[ACCOUNT].holdings[0].market_price, None);
}

#[test]
fn a_subscription_that_fails_makes_content_stale_and_says_why_until_one_is_complete() {
    let mut store = complete();
    store.failed("IB ended it".to_owned());
    assert_eq!((store.snapshot().freshness(at(2)), store.trouble()), (Freshness::Stale, Some("IB ended it")));
    store.begin(&[ACCOUNT.to_owned()], sources());
    for source in sources() {
        store.apply(Push::End(source), at(3));
    }
    assert_eq!((store.snapshot().freshness(at(3)), store.trouble()), (Freshness::Fresh, None));
}

/// An adviser's models hold the same instrument, and IB tells the worth of all of them together.
#[test]
fn each_model_gets_its_part_of_the_worth() {
    let model = |model: &str, quantity: i64, cost: i64| {
        let Push::Position { account, contract, .. } = position(1, 1) else { panic!("position") };
        Push::Position { account, contract, model: model.into(), quantity: Num::from(quantity), avg_cost: Num::from(cost) }
    };
    let mut store = begun();
    let whole =
        Market { price: Some(Num::from(190)), value: Some(Num::from(7_600)), unrealized: Some(Num::from(1)), realized: Some(Num::from(2)) };
    for push in
        [model("Growth", 30, 100), model("Income", 10, 150), Push::Market { account: ACCOUNT.into(), conid: 1, market: whole.clone() }]
    {
        store.apply(push, at(0));
    }
    for source in sources() {
        store.apply(Push::End(source), at(1));
    }
    let worth = |store: &Store| -> Vec<_> {
        let holdings = &store.snapshot().accounts[ACCOUNT].holdings;
        holdings.iter().map(|row| (row.market_value, row.unrealized_pnl, row.realized_pnl)).collect()
    };
    let (growth, income) = ((Some(Num::from(5_700)), Some(Num::from(2_700)), None), (Some(Num::from(1_900)), Some(Num::from(400)), None));
    assert_eq!(worth(&store), [growth, income]);
    // One long, one short by as much: IB tells the worth of nothing.
    store.apply(model("Income", -30, 150), at(2));
    assert_eq!(worth(&store), [(None, None, None), (None, None, None)]);
    store.apply(model("Income", 0, 0), at(3));
    store.apply(Push::Market { account: ACCOUNT.into(), conid: 1, market: whole }, at(3));
    assert_eq!(worth(&store), [(Some(Num::from(7_600)), Some(Num::from(1)), Some(Num::from(2)))], "a single row is told as IB tells it");
}
