use ibapi::accounts::{AccountPortfolioValue, AccountUpdate, PositionMulti, PositionUpdateMulti};
use tokio_util::sync::CancellationToken;

use super::{
    follow::Cancel,
    rows::{position, update},
    *,
};
use schemas::Num;

use crate::store::Market;

#[test]
fn one_account_uses_its_updates_and_several_the_multi_forms() {
    assert_eq!(sources(&["A".to_owned()]), [Source::Positions("A".into()), Source::Updates]);
    let several = sources(&["A".to_owned(), "B".to_owned()]);
    assert_eq!(several.len(), 5);
    assert!(several.contains(&Source::Summary) && !several.contains(&Source::Updates));
}

#[test]
fn a_market_row_of_zeros_is_absent_and_a_worthless_option_is_not() {
    let unknown = AccountPortfolioValue { position: 1.0, ..AccountPortfolioValue::default() };
    let Some(Push::Market { market, account, .. }) = update(AccountUpdate::PortfolioValue(unknown), "DU1") else { panic!("market") };
    assert_eq!((market, account.as_str()), (Market::default(), "DU1"));
    let worthless = AccountPortfolioValue { position: 1.0, unrealized_pnl: -120.0, ..AccountPortfolioValue::default() };
    let Some(Push::Market { market, .. }) = update(AccountUpdate::PortfolioValue(worthless), "DU1") else { panic!("market") };
    assert_eq!((market.price, market.unrealized), (Some(Num::ZERO), Some(Num::from(-120))));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_subscription_counts_its_cancel_once() {
    for (open, over, waits_ms) in [(true, false, 1_050), (false, false, 0), (true, true, 0)] {
        let (bucket, token) = (Bucket::new(1.0), CancellationToken::new());
        if over {
            token.cancel();
        }
        let mut cancel = Cancel::new(&bucket, &token);
        cancel.open = open;
        drop(cancel);
        let before = instant();
        bucket.take(before + AGAIN_MAX).await.expect("turn");
        assert_eq!(before.elapsed(), Duration::from_millis(waits_ms), "open {open}, session over {over}");
    }
}

#[test]
fn a_position_row_keeps_fractions_and_sign() {
    let row = PositionMulti { account: "DU1".into(), position: -2.5, average_cost: 101.25, ..PositionMulti::default() };
    let Some(Push::Position { quantity, avg_cost, .. }) = position(PositionUpdateMulti::Position(row), "DU1") else { panic!("position") };
    assert_eq!((quantity.to_string().as_str(), avg_cost.to_string().as_str()), ("-2.5", "101.25"));
}
