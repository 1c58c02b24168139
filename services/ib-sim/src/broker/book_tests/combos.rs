//! Combinations, other things than stocks, and exercises.

use super::*;
use crate::proto::request::Exercise;
use crate::wire::pb::contract::ComboLeg;

fn leg(con_id: i32, action: &str) -> ComboLeg {
    ComboLeg { con_id: Some(con_id), ratio: Some(1), action: Some(action.into()), exchange: Some("SMART".into()), ..ComboLeg::default() }
}

fn spread() -> Contract {
    Contract {
        symbol: "AAPL".into(),
        sec_type: "BAG".into(),
        exchange: "SMART".into(),
        currency: "USD".into(),
        combo_legs: vec![leg(CALL, "BUY"), leg(HIGHER_CALL, "SELL")],
        ..Contract::default()
    }
}

/// One execution for the combination and one for each leg; fees for the legs.
#[test]
fn a_spread_is_filled_leg_by_leg() {
    let mut floor = Floor::friday();
    floor.book.faults.fill_size = Some(2.0);
    let cash = floor.cash();
    let (long, short) = (floor.held(CALL), floor.held(HIGHER_CALL));
    floor.place(1, spread(), limit("BUY", 3, 14.0));
    let lines = floor.pass(1);
    assert_eq!(
        lines,
        [
            "execution 1 BAG BOT 2",
            "execution 1 OPT BOT 2",
            "execution 1 OPT SLD 2",
            "open 1 Submitted",
            "status 1 Submitted 2/1",
            "fees 1.30",
            "fees 1.30"
        ]
    );
    floor.pass(1);
    assert_eq!((floor.held(CALL), floor.held(HIGHER_CALL)), (long + 3.0, short - 3.0));
    let entry = floor.book.find(1, 1).unwrap();
    let paid = entry.spent * 100.0 + entry.fees.iter().sum::<f64>();
    assert!((cash - floor.cash() - paid).abs() < 1e-6);
    // Executions of one combination agree: its price is that of its legs.
    let prices: Vec<f64> = floor.book.records[..3].iter().map(|record| record.execution.price.unwrap()).collect();
    assert!((prices[0] - (prices[1] - prices[2])).abs() < 1e-9, "{prices:?}");
    assert_eq!(floor.book.records[0].contract.combo_legs_description, format!("{CALL}|1,{HIGHER_CALL}|-1"));
}

/// A credit spread ties up its width; what-if says so to the cent.
#[test]
fn a_credit_spread_ties_up_what_it_can_lose() {
    let mut floor = Floor::friday();
    floor.world.accounts.change(
        ACCOUNT,
        &[
            // Shares would cover one of the calls.
            crate::world::account::PositionChange { con_id: APPLE, quantity: 0.0, average_cost: None },
            crate::world::account::PositionChange { con_id: CALL, quantity: 0.0, average_cost: None },
            crate::world::account::PositionChange { con_id: HIGHER_CALL, quantity: 0.0, average_cost: None },
        ],
        &std::collections::BTreeMap::new(),
    );
    let state = floor.what_if(spread(), limit("SELL", 2, 4.0));
    assert_eq!(state.init_margin_change, Some(2.0 * 15.0 * 100.0));
    assert_eq!(state.maint_margin_change, state.init_margin_change);
    let fee = state.commission_and_fees.unwrap();
    assert!((state.equity_with_loan_change.unwrap() - (2.0 * 4.0 * 100.0 - fee)).abs() < 0.011, "{state:?}");
    // Bought, it is paid for.
    let state = floor.what_if(spread(), limit("BUY", 2, 4.0));
    assert_eq!(state.init_margin_change, Some(0.0));
    assert!((state.equity_with_loan_change.unwrap() + 2.0 * 4.0 * 100.0 + fee).abs() < 0.011);
}

#[test]
fn broken_combinations_are_refused() {
    let mut floor = Floor::friday();
    let mut one_leg = spread();
    one_leg.combo_legs.pop();
    let mut unknown = spread();
    unknown.combo_legs[0].con_id = Some(5);
    let mut still = spread();
    still.combo_legs[0].action = Some("KEEP".into());
    let nameless = Contract { symbol: String::new(), ..spread() };
    for (contract, code) in [(one_leg, 321), (unknown, 200), (still, 321), (nameless, 321)] {
        assert_eq!(floor.place(1, contract, limit("BUY", 1, 1.0)), [format!("error 1 {code}")]);
    }
    assert_eq!(floor.place(1, spread(), order("BUY", 1, "MOC")), ["error 1 387"]);
}

#[test]
fn futures_pay_gains_only_and_currencies_have_no_position() {
    let mut floor = Floor::friday();
    let future = floor.world.contracts.iter().find(|row| row.is("FUT") && row.expiry > Some(floor.world.today(floor.now()))).unwrap();
    let (future, multiplier) = (future.contract.con_id, future.multiplier());
    let cash = floor.cash();
    floor.place(1, stock_at(future), order("BUY", 1, "MKT"));
    floor.pass(1);
    assert_eq!((floor.held(future), floor.cash()), (1.0, cash));
    floor.pass(30);
    floor.place(2, stock_at(future), order("SELL", 1, "MKT"));
    floor.pass(1);
    let [bought, sold] = [1, 2].map(|id| floor.book.find(1, id).unwrap().average());
    assert!((floor.cash() - cash - ((sold - bought) * multiplier - 4.5)).abs() < 1e-6);
    let euro = floor.world.contracts.iter().find(|row| row.is("CASH") && row.contract.symbol == "EUR").unwrap().contract.clone();
    floor.place(3, Contract { con_id: euro.con_id, exchange: "IDEALPRO".into(), ..Contract::default() }, order("BUY", 20_000, "MKT"));
    floor.until("status 3 Filled");
    let account = floor.world.accounts.get(ACCOUNT).unwrap();
    assert_eq!(account.cash["EUR"], 20_000.0);
    assert_eq!(account.quantity(euro.con_id), 0.0);
}

fn stock_at(con_id: i32) -> Contract {
    Contract { con_id, ..Contract::default() }
}

#[test]
fn an_exercised_call_brings_in_shares_at_the_strike() {
    let mut floor = Floor::friday();
    let request = |quantity: i32, action: i32, force: bool| Exercise {
        order_id: 50,
        contract: stock(CALL),
        action,
        quantity,
        account: String::new(),
        force,
    };
    let (cash, options, shares) = (floor.cash(), floor.held(CALL), floor.held(APPLE));
    floor.step(|book, desk| book.exercise(desk, 1, &request(99, 1, true)));
    assert_eq!(floor.lines(), ["error 50 321"]);
    floor.step(|book, desk| book.exercise(desk, 1, &request(2, 1, true)));
    assert_eq!(floor.lines(), ["execution 50 OPT SLD 2", "execution 50 STK BOT 200"]);
    assert_eq!((floor.held(CALL), floor.held(APPLE)), (options - 2.0, shares + 200.0));
    assert!((cash - floor.cash() - 200.0 * 275.0).abs() < 1e-6);
    floor.step(|book, desk| book.exercise(desk, 1, &request(1, 2, true)));
    assert_eq!(floor.lines(), ["execution 50 OPT SLD 1"]);
    assert_eq!(floor.held(CALL), options - 3.0);
}
