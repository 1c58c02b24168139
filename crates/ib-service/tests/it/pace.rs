//! The login's messages: lent by those that do not need them, and left by those that are not there.

use std::time::Duration;

use schemas::{
    FaultCode,
    control::{LEND, Lend, Lent},
};

use crate::support::{PATIENCE, Running, nats, until};

const SOON: Duration = Duration::from_millis(400);

#[tokio::test]
async fn what_one_lends_it_lacks_and_the_other_has() {
    let nats = nats().await;
    let worker = Running::start(&nats, "ib-worker", 14.0).await;
    let options = Running::start(&nats, "options", 12.0).await;
    worker.seen_by(&options).await;
    let (had, has) = (worker.link().free_messages(), options.link().free_messages());
    assert_eq!(had, 14);
    let borrowed = options.base.lenders.borrow(4, SOON).await;
    assert!(options.link().free_messages() > has, "they are there to be used");
    assert_eq!((borrowed, worker.link().free_messages()), (4, 10), "as many as were wanted");
    let more = options.base.lenders.borrow(40, SOON).await;
    assert_eq!((more, worker.link().free_messages()), (9, 1), "an eighth stays");
    assert_eq!(options.base.lenders.borrow(40, SOON).await, 0, "nothing is lent twice");
}

#[tokio::test]
async fn messages_are_lent_by_all_who_have_some_but_never_by_orders() {
    let nats = nats().await;
    let orders = Running::start(&nats, "orders", 10.0).await;
    let options = Running::start(&nats, "options", 12.0).await;
    let beat = orders.seen_by(&options).await;
    assert_eq!(options.base.lenders.borrow(40, SOON).await, 0, "it is not even asked");
    let asked = options.base.bus.control::<_, Lent>(&options.base.gateway, &beat, LEND, &Lend { messages: 1 }, PATIENCE).await;
    assert_eq!(asked.expect_err("nor does it answer").code, FaultCode::Unsupported);
    let workers = [Running::start(&nats, "ib-worker", 7.0).await, Running::start(&nats, "ib-worker", 7.0).await];
    for worker in &workers {
        worker.seen_by(&options).await;
        until("the workers know of each other", || worker.fleet().alive("ib-worker").len() == 2).await;
        until("and split their share", || worker.link().free_messages() == 7).await;
    }
    assert_eq!(options.base.lenders.borrow(5, SOON).await, 5);
    let mut left: Vec<u32> = workers.iter().map(|worker| worker.link().free_messages()).collect();
    left.sort_unstable();
    assert_eq!((left, orders.link().free_messages()), (vec![4, 5], 10));
}

#[tokio::test]
async fn options_has_the_messages_of_orders_until_it_runs() {
    let nats = nats().await;
    let options = Running::start(&nats, "options", 12.0).await;
    assert_eq!(options.link().free_messages(), 12, "others may only not have been heard of");
    until("the shares of all who may be absent", || options.link().free_messages() == 31).await;
    let _orders = Running::start(&nats, "orders", 10.0).await;
    until("without that of orders", || options.link().free_messages() == 21).await;
}
