use super::*;
use crate::broker::settings::OrderSettings;
use crate::proto::types::Contract as Named;
use crate::settings::Settings;
use crate::wire::pb::contract::ComboLeg;
use crate::wire::pb::order::Order;
use crate::world::World;

const NOW: i64 = 1_795_187_730;

fn named(con_id: i32) -> Named {
    Named { con_id, exchange: "SMART".into(), ..Named::default() }
}

fn spread() -> Named {
    let leg =
        |con_id: i32, action: &str| ComboLeg { con_id: Some(con_id), ratio: Some(1), action: Some(action.into()), ..ComboLeg::default() };
    let combo_legs = vec![leg(800_000_101, "BUY"), leg(800_000_102, "SELL")];
    Named { symbol: "AAPL".into(), sec_type: "BAG".into(), combo_legs, ..Named::default() }
}

#[test]
fn what_is_saved_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let settings = OrderSettings::default();
    let world = World::new(&Settings::default(), false, NOW).unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut book = Book::default();
    for (order_id, kind, contract) in
        [(1, "MKT", named(265_598)), (2, "LMT", named(272_093)), (3, "TRAIL", named(265_598)), (4, "LMT", spread())]
    {
        let order = Order {
            action: Some(if kind == "TRAIL" { "SELL" } else { "BUY" }.into()),
            total_quantity: Some("5".into()),
            order_type: Some(kind.into()),
            lmt_price: Some(1.0),
            aux_price: Some(0.5),
            tif: Some("GTC".into()),
            parent_id: (order_id == 3).then_some(2),
            order_ref: Some("mine".into()),
            transmit: Some(true),
            ..Order::default()
        };
        let placement = crate::broker::Placement { client_id: 7, order_id, contract, order, attached: None };
        book.place(&Desk { world: &world, settings: &settings, now_ms: NOW * 1000 }, &placement);
    }
    let desk = Desk { world: &world, settings: &settings, now_ms: NOW * 1000 + 1500 };
    book.tick(&desk);
    assert_eq!(book.records.len(), 1);
    store.save(&book, &desk);

    let again = World::new(&Settings::default(), false, NOW).unwrap();
    let mut loaded = Book::default();
    store.load(&mut loaded, &Desk { world: &again, ..desk }).unwrap();
    assert_eq!(loaded.ids, book.ids);
    assert_eq!(loaded.records, book.records);
    assert_eq!(again.accounts.all(), world.accounts.all());
    assert_eq!(loaded.orders.len(), 4);
    for (mut was, is) in book.orders.into_values().zip(loaded.orders.into_values()) {
        // What is not stored: when it was last looked at.
        was.seen = is.seen;
        assert_eq!(was, is);
    }
}

#[test]
fn a_broken_file_is_no_empty_book() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE), [0xff, 0xff, 0xff]).unwrap();
    let settings = Settings { orders: OrderSettings { state_dir: Some(dir.path().into()), ..Default::default() }, ..Default::default() };
    let error = crate::gateway::Gateway::new(settings).unwrap_err().to_string();
    assert!(error.contains(FILE), "{error}");
}
