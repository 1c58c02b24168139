//! What options an underlying has.

use crate::support::{connected, deadline};
use schemas::{FaultCode, Num};

#[tokio::test]
async fn classes_expirations_and_strikes_come_from_every_exchange() {
    let (_gateway, link) = connected(|_| {}).await;
    let rows = link.option_params("AAPL", "STK", 265_598, deadline()).await.expect("rows");
    assert!(rows.len() > 10, "{}", rows.len());
    let smart = rows.iter().find(|row| row.exchange == "SMART" && row.trading_class == "AAPL").expect("SMART");
    assert_eq!(smart.multiplier, Num::from(100));
    assert!(smart.expirations.iter().all(|day| day.len() == 8) && smart.expirations.len() > 3, "{:?}", smart.expirations);
    assert!(smart.strikes.len() > 20 && smart.strikes.iter().all(|strike| *strike > Num::ZERO));
}

#[tokio::test]
async fn an_underlying_without_options_has_none_and_an_unknown_one_is_told() {
    let (_gateway, link) = connected(|_| {}).await;
    assert_eq!(link.option_params("ZVZZT", "STK", 700_001_046, deadline()).await.expect("none"), []);
    let fault = link.option_params("AAPL", "STK", 1, deadline()).await.expect_err("unknown");
    assert_eq!((fault.code, fault.ib_code), (FaultCode::NotFound, Some(200)));
}
