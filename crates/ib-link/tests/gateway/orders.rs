//! What was ordered and traded, and what it gained: asked of the simulated gateway, where another client trades.

use std::time::Duration;

use ib_link::{HistogramRequest, TicksRequest};
use ibapi::{
    Client,
    contracts::Contract,
    orders::{Action, order_builder},
};
use schemas::{
    FaultCode, Num,
    account::Side,
    history::{BarSize, TickKind},
};
use tokio::time::timeout;

use crate::support::{Gateway, PATIENCE, connected, deadline, stock};

/// Another program at the same gateway, which buys at the market and rests below it.
async fn trades(gateway: &Gateway) -> Client {
    let client = Client::connect(&format!("127.0.0.1:{}", gateway.port()), 77).await.expect("connected");
    let apple = Contract::stock("AAPL").build();
    let mut resting = order_builder::limit_order(Action::Buy, 7.0, 1.0);
    resting.order_ref = "mine".to_owned();
    client.submit_order(client.next_order_id(), &apple, &order_builder::market_order(Action::Buy, 3.0)).await.expect("submitted");
    client.submit_order(client.next_order_id(), &apple, &resting).await.expect("submitted");
    client
}

#[tokio::test]
async fn orders_and_executions_of_another_client_are_told() {
    let (gateway, link) = connected(|_| {}).await;
    assert_eq!(link.open_orders(deadline()).await.expect("none"), []);
    assert_eq!(link.executions(1, deadline()).await.expect("none"), []);
    assert_eq!(link.completed_orders(false, deadline()).await.expect("none"), []);
    let _client = trades(&gateway).await;
    let open = async {
        loop {
            let open = link.open_orders(deadline()).await.expect("orders");
            if open.len() == 1 && link.executions(1, deadline()).await.expect("executions").len() == 1 {
                return open;
            }
        }
    };
    let open = timeout(PATIENCE, open).await.expect("filled and resting");
    let order = &open[0];
    assert_eq!((order.contract.symbol.as_str(), order.side, order.client_id), ("AAPL", Side::Buy, Some(77)));
    assert_eq!((order.quantity, order.filled, order.remaining), (Some(Num::from(7)), Some(Num::ZERO), Some(Num::from(7))));
    assert_eq!((order.limit_price, order.order_ref.as_deref(), order.order_type.as_str()), (Some(Num::from(1)), Some("mine"), "LMT"));
    assert!(order.perm_id > 0 && order.average_fill_price.is_none(), "{order:?}");

    let done = link.executions(7, deadline()).await.expect("executions").remove(0);
    assert_eq!((done.contract.symbol.as_str(), done.side, done.quantity), ("AAPL", Side::Buy, Num::from(3)));
    assert!(done.time.is_some() && done.price > Num::ZERO && done.client_id == 77, "{done:?}");
    let completed = link.completed_orders(false, deadline()).await.expect("completed").remove(0);
    assert_eq!((completed.status.as_str(), completed.quantity, completed.filled), ("Filled", Some(Num::from(3)), Some(Num::from(3))));
}

#[tokio::test]
async fn orders_asked_at_once_are_told_whole_to_each() {
    let (gateway, link) = connected(|_| {}).await;
    let _client = trades(&gateway).await;
    let filled = async { while link.completed_orders(false, deadline()).await.expect("completed").is_empty() {} };
    timeout(PATIENCE, filled).await.expect("filled");
    let both = async { tokio::join!(link.open_orders(deadline()), link.completed_orders(true, deadline()), link.open_orders(deadline())) };
    let (first, completed, second) = both.await;
    assert_eq!((first.expect("open").len(), completed.expect("completed").len(), second.expect("open").len()), (1, 1, 1));
}

#[tokio::test]
async fn the_profit_of_accounts_and_positions_is_told() {
    let (_gateway, link) = connected(|_| {}).await;
    let mut kept = link.kept();
    let known = kept.wait_for(|kept| kept.connected && kept.accounts.values().all(|account| account.profit.is_some()));
    let kept = timeout(PATIENCE, known).await.expect("in time").expect("kept").clone();
    let (name, account) = kept.accounts.first_key_value().expect("an account");
    let profit = account.profit.expect("known");
    assert!(profit.daily.is_some() && profit.unrealized.is_some(), "{profit:?}");
    let holding = &account.holdings[0];
    let one = link.position_profit(name, holding.contract.conid, deadline()).await.expect("told");
    assert_eq!(one.quantity, Some(holding.quantity));
    assert!(one.daily.is_some() && one.unrealized.is_some() && one.market_value.is_some(), "{one:?}");
}

#[tokio::test]
async fn price_steps_ticks_and_volume_by_price() {
    let (_gateway, link) = connected(|_| {}).await;
    let apple = link.contract_details(&stock("AAPL"), deadline()).await.expect("details").remove(0);
    let steps = link.market_rule(apple.details.market_rule_ids[0], deadline()).await.expect("a rule");
    assert!(steps.iter().all(|(from, step)| *from >= Num::ZERO && *step > Num::ZERO), "{steps:?}");
    let fault = link.market_rule(987_654, deadline()).await.expect_err("no such rule");
    assert_eq!((fault.code, fault.ib_code), (FaultCode::InvalidParams, Some(321)), "{fault:?}");

    let zone = jiff::tz::TimeZone::get("America/New_York").expect("zone");
    let end = link.server_time(deadline()).await.expect("time");
    for kind in [TickKind::Trades, TickKind::BidAsk, TickKind::Midpoint] {
        let request = TicksRequest { contract: apple.contract.clone(), kind, start: None, end: Some(end), count: 20, use_rth: false };
        let turn = link.history_turn(deadline()).await.expect("a turn");
        let ticks = link.ticks_in(turn, &request, &zone, deadline()).await.expect("ticks");
        assert!(ticks.len() >= 20 && ticks.is_sorted_by_key(|tick| tick.time.clone()), "{kind:?}: {ticks:?}");
        let has = (ticks[0].price.is_some(), ticks[0].bid.is_some() && ticks[0].ask.is_some());
        assert_eq!(has, (kind != TickKind::BidAsk, kind == TickKind::BidAsk), "{kind:?}");
    }
    let request = HistogramRequest { contract: apple.contract, period: BarSize::Day, use_rth: true };
    let turn = link.history_turn(deadline() + Duration::from_secs(20)).await.expect("a turn");
    let rows = link.histogram_in(turn, &request, deadline()).await.expect("rows");
    assert!(!rows.is_empty() && rows.is_sorted_by_key(|row| row.price), "{rows:?}");
}
