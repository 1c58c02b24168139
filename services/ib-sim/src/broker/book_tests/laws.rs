//! Laws that hold whatever is done.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::broker::status::Status;

#[derive(Debug, Clone)]
enum Act {
    Place { buy: bool, quantity: i32, kind: u8, away: i32, tif: u8, oca: bool, parent: bool, transmit: bool },
    Change { which: i32, quantity: i32, away: i32 },
    Cancel { which: i32 },
    CancelAll,
    Pass { seconds: i64 },
    Pieces { size: i32 },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let place = (any::<bool>(), 1_i32..40, 0_u8..6, -40_i32..40, 0_u8..4, any::<[bool; 2]>(), 0_u8..5);
    let act = prop_oneof![
        6 => place.prop_map(|(buy, quantity, kind, away, tif, [oca, parent], transmit)| Act::Place {
            buy, quantity, kind, away, tif, oca, parent, transmit: transmit > 0
        }),
        2 => (1_i32..12, 1_i32..60, -40_i32..40).prop_map(|(which, quantity, away)| Act::Change { which, quantity, away }),
        2 => (1_i32..12).prop_map(|which| Act::Cancel { which }),
        1 => Just(Act::CancelAll),
        5 => (1_i64..9).prop_map(|seconds| Act::Pass { seconds }),
        1 => (1_i32..9).prop_map(|size| Act::Pieces { size }),
    ];
    prop::collection::vec(act, 1..30)
}

fn run(floor: &mut Floor, next: &mut i32, act: &Act) {
    let price =
        |floor: &Floor, away: i32| floor.world.contracts.get(APPLE).unwrap().round(floor.quote(APPLE).last + f64::from(away) / 100.0);
    match *act {
        Act::Place { buy, quantity, kind, away, tif, oca, parent, transmit } => {
            let (kind, tif) =
                (["MKT", "LMT", "STP", "STP LMT", "TRAIL", "MIT"][usize::from(kind)], ["DAY", "GTC", "IOC", "FOK"][usize::from(tif)]);
            let price = price(floor, away);
            let order = Order {
                lmt_price: Some(price),
                aux_price: Some(if kind == "TRAIL" { 0.1 } else { price }),
                tif: Some(tif.into()),
                oca_group: oca.then(|| "G".into()),
                parent_id: (parent && *next > 1).then(|| *next - 1),
                transmit: Some(transmit),
                ..order(if buy { "BUY" } else { "SELL" }, quantity, kind)
            };
            floor.place(*next, stock(APPLE), order);
            *next += 1;
        }
        Act::Change { which, quantity, away } => {
            if let Some(entry) = floor.book.find(1, which).cloned().filter(|entry| !entry.status.is_final()) {
                let price = price(floor, away);
                let order = Order { total_quantity: Some(quantity.to_string()), lmt_price: Some(price), ..entry.order };
                floor.place(which, stock(APPLE), Order { transmit: Some(true), ..order });
            }
        }
        Act::Cancel { which } => drop(floor.cancel(1, which)),
        Act::CancelAll => floor.step(|book, desk| book.cancel_all(desk, 1)),
        Act::Pass { seconds } => drop(floor.pass(seconds)),
        Act::Pieces { size } => floor.book.faults.fill_size = Some(f64::from(size)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_book_keeps_its_laws(acts in acts()) {
        let mut floor = Floor::friday();
        let (cash, held) = (floor.cash(), floor.held(APPLE));
        let mut next = 1;
        let mut over: BTreeMap<i64, (Status, f64)> = BTreeMap::new();
        for act in &acts {
            run(&mut floor, &mut next, act);
            let (mut moved, mut spent) = (0.0, 0.0);
            for entry in floor.book.entries() {
                prop_assert!(entry.filled >= 0.0 && entry.filled <= entry.quantity, "{entry:?}");
                // What is over stays as it was.
                if let Some(before) = over.get(&entry.perm_id) {
                    prop_assert_eq!(*before, (entry.status, entry.filled));
                } else if entry.status.is_final() {
                    over.insert(entry.perm_id, (entry.status, entry.filled));
                }
                prop_assert_eq!(entry.status == Status::Filled, entry.remaining() == 0.0);
                prop_assert_eq!(entry.status.is_final(), entry.completed.is_some());
                let own = floor.book.records.iter().filter(|record| record.execution.perm_id == Some(entry.perm_id));
                let sizes: f64 = own.map(|record| record.execution.shares.as_deref().unwrap().parse::<f64>().unwrap()).sum();
                prop_assert!((sizes - entry.filled).abs() < 1e-9);
                moved += entry.side().sign() * entry.filled;
                spent += entry.side().sign() * entry.spent + entry.fees.iter().sum::<f64>();
            }
            // Shares and money only change hands.
            prop_assert!((floor.held(APPLE) - held - moved).abs() < 1e-9);
            prop_assert!((cash - floor.cash() - spent).abs() < 1e-6);
            let ids: std::collections::BTreeSet<_> = floor.book.records.iter().map(|record| record.execution.exec_id.clone()).collect();
            prop_assert_eq!(ids.len(), floor.book.records.len());
        }
        // A child never trades before its parent has.
        for record in &floor.book.records {
            let entry = floor.book.orders.get(&record.execution.perm_id.unwrap()).unwrap();
            if entry.terms.parent_id != 0 {
                prop_assert_eq!(floor.book.find(1, entry.terms.parent_id).unwrap().status, Status::Filled);
            }
        }
    }
}
