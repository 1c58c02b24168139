//! Waiting for states: the only place of the tests where time passes.

use std::{fmt::Display, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

const LOOK_PERIOD: Duration = Duration::from_millis(50);

/// Looks again and again until `look` has the value; panics with the last reason after `within`.
pub(crate) async fn eventually<T, E: Display>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Result<T, E>) -> T {
    let mut tick = interval(LOOK_PERIOD);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = String::from("nothing was seen");
    let seen = timeout(within, async {
        loop {
            tick.tick().await;
            match look().await {
                Ok(value) => return value,
                Err(reason) => last = reason.to_string(),
            }
        }
    })
    .await;
    seen.unwrap_or_else(|_| panic!("waited {} s in vain until {what}; at last: {last}", within.as_secs()))
}

/// How long something took, beside its result.
pub(crate) async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let started = Instant::now();
    let value = future.await;
    (value, started.elapsed())
}
